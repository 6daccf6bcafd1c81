//! The Euclidean norm.

use tensor::{AnyView, Axes, AxisSet, Error, Float, Shape, ShapeError, View, kernel};

use super::sum::axis_set;
use crate::op::{Op, Pullback};
use crate::var::Var;

/// `√(Σ x²)` over `axes`, without overflow or underflow on the way.
#[derive(Debug)]
pub struct Norm {
    /// The axes reduced.
    pub axes: AxisSet,
    /// Whether these stay, with size 1.
    pub keep: bool,
}

impl<T: Float> Op<T, 1> for Norm {
    fn shape(&self, [x]: [&[usize]; 1], _: [&[usize]; 0]) -> Result<Shape, ShapeError> {
        Ok(self.axes.reduce(x, self.keep))
    }

    fn forward(
        &self,
        [x]: [View<'_, T>; 1],
        _: [AnyView<'_>; 0],
        out: &mut [T],
    ) -> Result<(), Error> {
        kernel::norm(x, self.axes, out);
        Ok(())
    }

    /// `x / ‖x‖`, and 0 at `x = 0`: the subgradient of least norm.
    fn vjp<'t>(&self, cx: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        let (x, y) = (cx.x[0], cx.y);
        let kept = self.axes.reduce(&x.shape(), true);
        let (g, y) = (cx.g.reshape(&kept), y.reshape(&kept));
        let slope = y.eq_to(0.0).select(y.full_like(0.0), g / y);
        [Some(x * slope)]
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// The Euclidean norm `√(Σ x²)` of all elements, of shape `[]`; 0 if there is none. Its derivative at 0 is 0.
    #[track_caller]
    pub fn norm(self) -> Self {
        let axes = AxisSet::all(self.rank());
        self.tape().apply(Norm { axes, keep: false }, [self])
    }

    /// The Euclidean norm `√(Σ x²)` over `axes`, which disappear; 0 if there is none. Its derivative at 0 is 0.
    ///
    /// # Panics
    /// When an axis is out of range or named twice.
    #[track_caller]
    pub fn norm_axis(self, axes: impl Axes) -> Self {
        let axes = axis_set("norm_axis", self, axes);
        self.tape().apply(Norm { axes, keep: false }, [self])
    }

    /// The Euclidean norm `√(Σ x²)` over `axes`, which keep size 1; 0 if there is none. Its derivative at 0 is 0.
    ///
    /// # Panics
    /// When an axis is out of range or named twice.
    #[track_caller]
    pub fn norm_keepdim(self, axes: impl Axes) -> Self {
        let axes = axis_set("norm_keepdim", self, axes);
        self.tape().apply(Norm { axes, keep: true }, [self])
    }
}
