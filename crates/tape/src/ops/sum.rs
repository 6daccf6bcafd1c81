//! Sums over axes: the adjoint of broadcasting.

use tensor::error::OrPanic;
use tensor::shape::Dims;
use tensor::{AnyView, Axes, AxisSet, Error, Float, Shape, ShapeError, View, kernel};

use crate::op::{Op, Pullback};
use crate::var::Var;

/// The sum over `axes`, which keep size 1 if `keep`.
#[derive(Debug)]
pub struct Sum {
    /// The axes summed over.
    pub axes: AxisSet,
    /// Whether these stay, with size 1.
    pub keep: bool,
}

impl<T: Float> Op<T, 1> for Sum {
    fn shape(&self, [x]: [&[usize]; 1], _: [&[usize]; 0]) -> Result<Shape, ShapeError> {
        Ok(self.axes.reduce(x, self.keep))
    }

    fn forward(
        &self,
        [x]: [View<'_, T>; 1],
        _: [AnyView<'_>; 0],
        out: &mut [T],
    ) -> Result<(), Error> {
        kernel::sum(x, self.axes, out);
        Ok(())
    }

    fn vjp<'t>(&self, cx: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        let x = cx.x[0].shape();
        [Some(cx.g.reshape(self.axes.reduce(&x, true)).broadcast_to(x))]
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// The sum of all elements, of shape `[]`; 0 if there is none.
    #[track_caller]
    pub fn sum(self) -> Self {
        let axes = AxisSet::all(self.rank());
        self.tape().apply(Sum { axes, keep: false }, [self])
    }

    /// The sum over `axes`, which disappear.
    ///
    /// # Panics
    /// When an axis is out of range or named twice.
    #[track_caller]
    pub fn sum_axis(self, axes: impl Axes) -> Self {
        let axes = axis_set("sum_axis", self, axes);
        self.tape().apply(Sum { axes, keep: false }, [self])
    }

    /// The sum over `axes`, which keep size 1.
    ///
    /// # Panics
    /// When an axis is out of range or named twice.
    #[track_caller]
    pub fn sum_keepdim(self, axes: impl Axes) -> Self {
        let axes = axis_set("sum_keepdim", self, axes);
        self.tape().apply(Sum { axes, keep: true }, [self])
    }

    /// The sum over whatever broadcasting to this variable's shape has repeated: the adjoint of
    /// `broadcast_to`. Records nothing if the shape is already `shape`.
    ///
    /// # Panics
    /// When `shape` does not broadcast to this variable's shape.
    #[track_caller]
    pub fn sum_to(self, shape: impl AsRef<[usize]>) -> Self {
        let (from, to) = (self.shape(), shape.as_ref());
        if from[..] == *to {
            return self;
        }
        let lead = from.len().saturating_sub(to.len());
        let fits = |(&d, &t): (&usize, &usize)| t == d || t == 1;
        if to.len() > from.len() || !from[lead..].iter().zip(to).all(fits) {
            panic!("sum_to: shape {} does not broadcast to {}", Dims(to), Dims(&from));
        }
        let repeated = |i: usize| i < lead || (to[i - lead] == 1 && from[i] != 1);
        let axes: Vec<usize> = (0..from.len()).filter(|&i| repeated(i)).collect();
        self.sum_keepdim(axes).reshape(to)
    }
}

/// Resolves the axes of a reduction.
#[track_caller]
pub(crate) fn axis_set<T: Float>(op: &str, x: Var<'_, T>, axes: impl Axes) -> AxisSet {
    AxisSet::of(op, &axes, &x.shape()).or_panic()
}
