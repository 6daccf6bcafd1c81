//! The logarithm of a sum of exponentials.

use tensor::{AnyView, Axes, AxisSet, Error, Float, Shape, ShapeError, View, kernel};

use super::sum::axis_set;
use crate::op::{Op, Pullback};
use crate::var::Var;

/// `ln Σ eˣ` over `axes`, without overflow.
#[derive(Debug)]
pub struct Logsumexp {
    /// The axes reduced.
    pub axes: AxisSet,
    /// Whether these stay, with size 1.
    pub keep: bool,
}

impl<T: Float> Op<T, 1> for Logsumexp {
    fn shape(&self, [x]: [&[usize]; 1], _: [&[usize]; 0]) -> Result<Shape, ShapeError> {
        Ok(self.axes.reduce(x, self.keep))
    }

    fn forward(
        &self,
        [x]: [View<'_, T>; 1],
        _: [AnyView<'_>; 0],
        out: &mut [T],
    ) -> Result<(), Error> {
        kernel::logsumexp(x, self.axes, out);
        Ok(())
    }

    /// `e^(x - y)`, the softmax. Where every `x` is -∞, so is `y`, and the derivative is 0.
    fn vjp<'t>(&self, cx: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        let (x, y) = (cx.x[0], cx.y);
        let kept = self.axes.reduce(&x.shape(), true);
        let (g, y) = (cx.g.reshape(&kept), y.reshape(&kept));
        let finite = y.eq_to(f64::NEG_INFINITY).select(y.full_like(0.0), y);
        [Some(g * (x - finite).exp())]
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// `ln Σ eˣ` of all elements, of shape `[]`; -∞ if there is none.
    #[track_caller]
    pub fn logsumexp(self) -> Self {
        let axes = AxisSet::all(self.rank());
        self.tape().apply(Logsumexp { axes, keep: false }, [self])
    }

    /// `ln Σ eˣ` over `axes`, which disappear; -∞ if there is none.
    ///
    /// # Panics
    /// When an axis is out of range or named twice.
    #[track_caller]
    pub fn logsumexp_axis(self, axes: impl Axes) -> Self {
        let axes = axis_set("logsumexp_axis", self, axes);
        self.tape().apply(Logsumexp { axes, keep: false }, [self])
    }

    /// `ln Σ eˣ` over `axes`, which keep size 1; -∞ if there is none.
    ///
    /// # Panics
    /// When an axis is out of range or named twice.
    #[track_caller]
    pub fn logsumexp_keepdim(self, axes: impl Axes) -> Self {
        let axes = axis_set("logsumexp_keepdim", self, axes);
        self.tape().apply(Logsumexp { axes, keep: true }, [self])
    }
}
