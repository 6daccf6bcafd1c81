//! Order statistics: positions have no derivative, the elements read at them have.

use tensor::error::OrPanic;
use tensor::{AxisSet, Error, Float, Shape, ShapeError, View, kernel};

use super::sum::axis_set;
use crate::op::DataOp;
use crate::var::Var;

/// The position of the largest (or smallest) element over `axes`.
#[derive(Debug, PartialEq)]
pub struct Arg {
    /// Of the largest, else of the smallest.
    pub max: bool,
    /// The axes reduced.
    pub axes: AxisSet,
    /// Whether these stay, with size 1.
    pub keep: bool,
}

impl<T: Float> DataOp<T, i64, 1> for Arg {
    fn shape(&self, [x]: [&[usize]; 1]) -> Result<Shape, ShapeError> {
        kernel::extremum_shape(if self.max { "argmax" } else { "argmin" }, x, self.axes, self.keep)
    }

    fn forward(&self, [x]: [View<'_, T>; 1], out: &mut [i64]) -> Result<(), Error> {
        if self.max {
            kernel::argmax(x, self.axes, out);
        } else {
            kernel::argmin(x, self.axes, out);
        }
        Ok(())
    }
}

/// The positions that sort an axis.
#[derive(Debug, PartialEq)]
pub struct Argsort {
    /// The axis.
    pub axis: usize,
    /// Largest first.
    pub descending: bool,
}

impl<T: Float> DataOp<T, i64, 1> for Argsort {
    fn shape(&self, [x]: [&[usize]; 1]) -> Result<Shape, ShapeError> {
        Ok(x.into())
    }

    fn forward(&self, [x]: [View<'_, T>; 1], out: &mut [i64]) -> Result<(), Error> {
        kernel::argsort(x, self.axis, self.descending, out);
        Ok(())
    }
}

impl<'t, T: Float> Var<'t, T> {
    #[track_caller]
    fn arg(self, max: bool, axes: AxisSet, keep: bool) -> Var<'t, i64> {
        self.tape().apply_data(Arg { max, axes, keep }, [self])
    }

    /// The position of the largest element in row-major order: the first NaN, else the first of the
    /// largest. No derivative passes.
    ///
    /// # Panics
    /// When there is no element.
    #[track_caller]
    pub fn argmax(self) -> Var<'t, i64> {
        self.arg(true, AxisSet::all(self.rank()), false)
    }

    /// The position of the largest element along `axis`, which disappears; see
    /// [`argmax`](Self::argmax).
    ///
    /// # Panics
    /// When the axis is out of range or empty.
    #[track_caller]
    pub fn argmax_axis(self, axis: isize) -> Var<'t, i64> {
        self.arg(true, axis_set("argmax", self, axis), false)
    }

    /// As [`argmax_axis`](Self::argmax_axis), of an axis that keeps size 1.
    ///
    /// # Panics
    /// When the axis is out of range or empty.
    #[track_caller]
    pub fn argmax_keepdim(self, axis: isize) -> Var<'t, i64> {
        self.arg(true, axis_set("argmax", self, axis), true)
    }

    /// The position of the smallest element in row-major order: the first NaN, else the first of
    /// the smallest. No derivative passes.
    ///
    /// # Panics
    /// When there is no element.
    #[track_caller]
    pub fn argmin(self) -> Var<'t, i64> {
        self.arg(false, AxisSet::all(self.rank()), false)
    }

    /// The position of the smallest element along `axis`, which disappears; see
    /// [`argmin`](Self::argmin).
    ///
    /// # Panics
    /// When the axis is out of range or empty.
    #[track_caller]
    pub fn argmin_axis(self, axis: isize) -> Var<'t, i64> {
        self.arg(false, axis_set("argmin", self, axis), false)
    }

    /// As [`argmin_axis`](Self::argmin_axis), of an axis that keeps size 1.
    ///
    /// # Panics
    /// When the axis is out of range or empty.
    #[track_caller]
    pub fn argmin_keepdim(self, axis: isize) -> Var<'t, i64> {
        self.arg(false, axis_set("argmin", self, axis), true)
    }

    /// The positions that sort `axis`, smallest first, NaN last; equal elements keep their order.
    /// No derivative passes.
    ///
    /// # Panics
    /// When the axis is out of range.
    #[track_caller]
    pub fn argsort(self, axis: isize) -> Var<'t, i64> {
        self.places("argsort", axis, false)
    }

    /// As [`argsort`](Self::argsort), largest first, NaN still last.
    ///
    /// # Panics
    /// When the axis is out of range.
    #[track_caller]
    pub fn argsort_descending(self, axis: isize) -> Var<'t, i64> {
        self.places("argsort_descending", axis, true)
    }

    /// The elements of `axis` in ascending order, NaN last; the derivative goes where each came
    /// from.
    ///
    /// # Panics
    /// When the axis is out of range.
    #[track_caller]
    pub fn sort(self, axis: isize) -> Self {
        self.gather(axis, self.places("sort", axis, false))
    }

    /// As [`sort`](Self::sort), in descending order, NaN still last.
    ///
    /// # Panics
    /// When the axis is out of range.
    #[track_caller]
    pub fn sort_descending(self, axis: isize) -> Self {
        self.gather(axis, self.places("sort_descending", axis, true))
    }

    /// The positions that sort `axis`, on behalf of `op`.
    #[track_caller]
    fn places(self, op: &str, axis: isize, descending: bool) -> Var<'t, i64> {
        let axis = tensor::shape::axis(op, axis, &self.shape()).or_panic();
        self.tape().apply_data(Argsort { axis, descending }, [self])
    }
}

#[cfg(test)]
mod tests {
    use super::super::battery::*;
    use crate::{NoGradient, Tape};
    use tensor::tensor;

    row!(sort: |x| x.sort(1); [distinct([2, 3]).or([2, 0])]);
    row!(sort_descending: |x| x.sort_descending(-2); [distinct([3, 2])]);
    row!(read_at_the_argmax: |x| x.gather(1, x.argmax_axis(1).unsqueeze(1)); [distinct([2, 3])]);
    row!(read_at_the_argmax_kept: |x| x.gather(0, x.argmax_keepdim(0)); [distinct([3, 2])]);
    row!(weighed_by_the_argmin: |x| x * x.argmin_axis(1).cast::<T>().sum(); [distinct([2, 3])]);
    row!(read_at_the_argmin_kept: |x| x.gather(1, x.argmin_keepdim(-1)); [distinct([2, 3])]);
    row!(read_in_order: |x| x.gather(1, x.argsort(1)) * x.gather(1, x.argsort_descending(1)); [distinct([2, 3])]);

    #[test]
    fn nan_is_the_largest_of_positions_and_the_last_of_an_order() {
        let tape = Tape::new();
        let x = tape.leaf(tensor![2.0, f64::NAN, -1.0, 2.0, f64::NAN]);
        assert_eq!((x.argmax().item(), x.argmin().item()), (1, 1));
        assert_eq!(x.argsort(0).value().to_vec(), [2, 0, 3, 1, 4]);
        assert_eq!(x.argsort_descending(0).value().to_vec(), [0, 3, 2, 1, 4]);
        assert_eq!(tape.constant(tensor![3.0, 7.0, 7.0]).argmax().item(), 1);
    }

    #[test]
    fn the_gradient_of_a_sorted_element_goes_where_it_came_from() {
        assert_eq!(slope(|x| x.sort(0).index_axis(0, 2), tensor![1.0, 3.0, 2.0]), [0.0, 1.0, 0.0]);
        // Ties keep their order.
        assert_eq!(slope(|x| x.sort(0).index_axis(0, 0), tensor![1.0, 1.0]), [1.0, 0.0]);
    }

    #[test]
    fn positions_pass_no_derivative_on() {
        for why in [stopped(|x| x.argmax().cast::<f64>()), stopped(|x| x.argsort(0).cast::<f64>())]
        {
            assert!(matches!(why, NoGradient::Stopped { .. }), "{why}");
        }
    }

    #[test]
    fn axes_and_empty_inputs_are_checked() {
        refuses(|[x]| x.sort(2), [&[2, 3]], "sort: axis 2 is out of range for shape [2, 3]");
        refuses(
            |[x]| x.gather(0, x.argmax()),
            [&[0]],
            "argmax: shape [0] has no elements along axes [0]",
        );
        refuses(|[x]| x.gather(0, x.argmin_axis(3)), [&[2]], "argmin: axis 3 is out of range");
    }
}
