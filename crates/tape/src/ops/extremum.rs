//! The largest and the smallest element over axes.

use tensor::{AnyView, Axes, AxisSet, Error, Float, Shape, ShapeError, View, kernel};

use super::sum::axis_set;
use crate::op::{Op, Pullback};
use crate::var::Var;

/// The largest (or smallest) element over `axes`; NaN if one is.
#[derive(Debug)]
pub struct Extremum {
    /// The largest, else the smallest.
    pub max: bool,
    /// The axes reduced.
    pub axes: AxisSet,
    /// Whether these stay, with size 1.
    pub keep: bool,
}

impl<T: Float> Op<T, 1> for Extremum {
    fn shape(&self, [x]: [&[usize]; 1], _: [&[usize]; 0]) -> Result<Shape, ShapeError> {
        kernel::extremum_shape(if self.max { "max" } else { "min" }, x, self.axes, self.keep)
    }

    fn forward(
        &self,
        [x]: [View<'_, T>; 1],
        _: [AnyView<'_>; 0],
        out: &mut [T],
    ) -> Result<(), Error> {
        if self.max {
            kernel::max(x, self.axes, out);
        } else {
            kernel::min(x, self.axes, out);
        }
        Ok(())
    }

    /// All elements that attain the extremum share evenly.
    fn vjp<'t>(&self, cx: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        let x = cx.x[0];
        let kept = self.axes.reduce(&x.shape(), true);
        let (g, y) = (cx.g.reshape(&kept), cx.y.reshape(&kept));
        let attained = x.eq_to(y).cast::<T>();
        let shares = attained.sum_to(&kept);
        [Some(attained * (g / shares))]
    }
}

impl<'t, T: Float> Var<'t, T> {
    #[track_caller]
    fn extremum(self, max: bool, axes: AxisSet, keep: bool) -> Self {
        self.tape().apply(Extremum { max, axes, keep }, [self])
    }

    /// The largest of all elements, of shape `[]`; NaN if one is. Ties share the derivative evenly.
    ///
    /// # Panics
    /// When there is no element.
    #[track_caller]
    pub fn max(self) -> Self {
        self.extremum(true, AxisSet::all(self.rank()), false)
    }

    /// The largest element over `axes`, which disappear; see [`max`](Self::max).
    ///
    /// # Panics
    /// When an axis is out of range or named twice, or when they hold no element.
    #[track_caller]
    pub fn max_axis(self, axes: impl Axes) -> Self {
        self.extremum(true, axis_set("max_axis", self, axes), false)
    }

    /// The largest element over `axes`, which keep size 1; see [`max`](Self::max).
    ///
    /// # Panics
    /// When an axis is out of range or named twice, or when they hold no element.
    #[track_caller]
    pub fn max_keepdim(self, axes: impl Axes) -> Self {
        self.extremum(true, axis_set("max_keepdim", self, axes), true)
    }

    /// The smallest of all elements, of shape `[]`; NaN if one is. Ties share the derivative evenly.
    ///
    /// # Panics
    /// When there is no element.
    #[track_caller]
    pub fn min(self) -> Self {
        self.extremum(false, AxisSet::all(self.rank()), false)
    }

    /// The smallest element over `axes`, which disappear; see [`min`](Self::min).
    ///
    /// # Panics
    /// When an axis is out of range or named twice, or when they hold no element.
    #[track_caller]
    pub fn min_axis(self, axes: impl Axes) -> Self {
        self.extremum(false, axis_set("min_axis", self, axes), false)
    }

    /// The smallest element over `axes`, which keep size 1; see [`min`](Self::min).
    ///
    /// # Panics
    /// When an axis is out of range or named twice, or when they hold no element.
    #[track_caller]
    pub fn min_keepdim(self, axes: impl Axes) -> Self {
        self.extremum(false, axis_set("min_keepdim", self, axes), true)
    }
}
