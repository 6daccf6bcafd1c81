//! Sums over axes: the adjoint of broadcasting.

use tensor::error::OrPanic;
use tensor::{AnyView, Axes, AxisSet, Element, Error, Float, Shape, ShapeError, View, kernel};

use crate::op::{Closing, Op, Pullback};
use crate::var::Var;

/// The sum over `axes`, which keep size 1 if `keep`.
#[derive(Debug, PartialEq)]
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
        kernel::sum(x, self.axes, out)
    }

    fn vjp<'t>(&self, cx: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        let x = cx.x[0].shape();
        [Some(cx.g.reshape(self.axes.reduce(&x, true)).broadcast_to(x))]
    }

    fn closing(&self, x: &[usize]) -> Option<Closing> {
        self.axes.are_last(x).then_some(Closing::Sum)
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
        let axes = axis_set("sum", self, axes);
        self.tape().apply(Sum { axes, keep: false }, [self])
    }

    /// The sum over `axes`, which keep size 1.
    ///
    /// # Panics
    /// When an axis is out of range or named twice.
    #[track_caller]
    pub fn sum_keepdim(self, axes: impl Axes) -> Self {
        let axes = axis_set("sum", self, axes);
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
        let axes = AxisSet::repeated("sum_to", to, &from).or_panic();
        self.tape().apply(Sum { axes, keep: true }, [self]).reshape(to)
    }
}

/// Resolves the axes of a reduction.
#[track_caller]
pub(crate) fn axis_set<E: Element>(op: &str, x: Var<'_, E>, axes: impl Axes) -> AxisSet {
    AxisSet::of(op, &axes, &x.shape()).or_panic()
}

#[cfg(test)]
mod tests {
    use super::super::battery::*;

    row!(sum: |x| x.sum(); [any([2, 3]).or([]).or([0, 2])]);
    row!(sum_axis: |x| x.sum_axis(-1); [any([2, 3]).or([2, 0]).or([0, 2])]);
    row!(sum_axes: |x| x.sum_axis([0, 2]); [any([2, 2, 3])]);
    row!(sum_keepdim: |x| x.sum_keepdim([0]); [any([3, 2]).or([0, 2])]);
    row!(sum_to: |x| x.sum_to([2, 1]); [any([3, 2, 2]).or([2, 1]).or([2, 0])]);
    row!(sum_to_one: |x| x.sum_to([]); [any([2, 3]).or([])]);

    #[test]
    fn what_cannot_be_a_sum_is_refused() {
        refuses(
            |[x]| x.sum_axis(2),
            [&[2, 3]],
            "sum: axis 2 is out of range for shape [2, 3] of rank 2",
        );
        refuses(|[x]| x.sum_axis([1, -1]), [&[2, 3]], "sum: axis -1 is named twice");
        refuses(|[x]| x.sum_to([3]), [&[2]], "sum_to: shape [2] cannot become [3]");
        refuses(|[x]| x.sum_to([2, 2]), [&[2]], "sum_to: shape [2] cannot become [2, 2]");
        // As many elements, but no sum.
        refuses(
            |[x]| x.sum_to([4, 3]),
            [&[2, 3, 4]],
            "sum_to: shape [2, 3, 4] cannot become [4, 3]",
        );
    }
}
