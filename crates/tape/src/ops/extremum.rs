//! The largest and the smallest element over axes.

use tensor::{AnyView, Axes, AxisSet, Error, Float, Shape, ShapeError, View, kernel};

use super::sum::axis_set;
use crate::op::{Op, Pullback};
use crate::var::Var;

/// The largest (or smallest) element over `axes`; NaN if one is.
#[derive(Debug, PartialEq)]
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

    /// All elements that attain the extremum share evenly: where it is NaN, those that are NaN. By
    /// selection, so that the others get exactly 0.
    fn vjp<'t>(&self, cx: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        let x = cx.x[0];
        let kept = self.axes.reduce(&x.shape(), true);
        let (g, y) = (cx.g.reshape(&kept), cx.y.reshape(&kept));
        let attained = x.eq_to(y).or(x.is_nan());
        let shares = attained.cast::<T>().sum_to(&kept);
        [Some(attained.select(g / shares, 0.0))]
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
        self.extremum(true, axis_set("max", self, axes), false)
    }

    /// The largest element over `axes`, which keep size 1; see [`max`](Self::max).
    ///
    /// # Panics
    /// When an axis is out of range or named twice, or when they hold no element.
    #[track_caller]
    pub fn max_keepdim(self, axes: impl Axes) -> Self {
        self.extremum(true, axis_set("max", self, axes), true)
    }

    /// The smallest of all elements, of shape `[]`; NaN if one is. Ties share the derivative
    /// evenly.
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
        self.extremum(false, axis_set("min", self, axes), false)
    }

    /// The smallest element over `axes`, which keep size 1; see [`min`](Self::min).
    ///
    /// # Panics
    /// When an axis is out of range or named twice, or when they hold no element.
    #[track_caller]
    pub fn min_keepdim(self, axes: impl Axes) -> Self {
        self.extremum(false, axis_set("min", self, axes), true)
    }
}

#[cfg(test)]
mod tests {
    use super::super::battery::*;
    use tensor::tensor;

    row!(max: |x| x.max(); [distinct([2, 3]).or([1]).or([])]);
    row!(max_axis: |x| x.max_axis(0); [distinct([3, 2]).or([3, 0])]);
    row!(max_axes: |x| x.max_axis([0, -1]); [distinct([2, 2, 3])]);
    row!(max_keepdim: |x| x.max_keepdim(-1); [distinct([2, 3])]);
    row!(min: |x| x.min(); [distinct([2, 3]).or([])]);
    row!(min_axis: |x| x.min_axis(1); [distinct([2, 3]).or([0, 3])]);
    row!(min_keepdim: |x| x.min_keepdim([0, 1]); [distinct([2, 3])]);

    #[test]
    fn ties_share_evenly_and_nan_wins() {
        assert_eq!(slope(|x| x.max(), tensor![2.0, 1.0, 2.0]), [0.5, 0.0, 0.5]);
        assert_eq!(slope(|x| x.min_axis(0), tensor![1.0, 1.0, 1.0, 1.0]), [0.25; 4]);
        let nan = tensor![[f64::NAN, 1.0], [2.0, 2.0], [f64::INFINITY, 1.0]];
        assert_eq!(slope(|x| x.max_axis(1), &nan), [1.0, 0.0, 0.5, 0.5, 1.0, 0.0]);
        assert_eq!(slope(|x| x.min_axis(1), &nan), [1.0, 0.0, 0.5, 0.5, 0.0, 1.0]);
        masked(|[x]| x.max());
        masked(|[x]| x.min_axis(0));
    }

    #[test]
    fn nothing_has_no_extremum() {
        refuses(|[x]| x.max(), [&[0]], "max: shape [0] has no elements along axes [0]");
        refuses(|[x]| x.min_axis(1), [&[2, 0]], "min: shape [2, 0] has no elements along axes [1]");
        refuses(|[x]| x.max_axis(2), [&[2, 3]], "max: axis 2 is out of range for shape [2, 3]");
    }
}
