//! Order statistics: positions have no derivative, the elements read at them have.

use tensor::error::OrPanic;
use tensor::{AxisSet, Error, Float, Shape, ShapeError, View, kernel};

use crate::op::DataOp;
use crate::var::Var;

/// The position of the largest (or smallest) element over `axes`.
#[derive(Debug)]
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
#[derive(Debug)]
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
        self.arg(true, super::sum::axis_set("argmax_axis", self, axis), false)
    }

    /// The position of the smallest element in row-major order: the first NaN, else the first of the
    /// smallest. No derivative passes.
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
        self.arg(false, super::sum::axis_set("argmin_axis", self, axis), false)
    }

    /// The positions that sort `axis`, smallest first (largest first if `descending`), NaN last; equal
    /// elements keep their order. No derivative passes.
    ///
    /// # Panics
    /// When the axis is out of range.
    #[track_caller]
    pub fn argsort(self, axis: isize, descending: bool) -> Var<'t, i64> {
        let axis = tensor::shape::axis("argsort", axis, &self.shape());
        let axis = axis.or_panic();
        self.tape().apply_data(Argsort { axis, descending }, [self])
    }

    /// The elements of `axis` in order; the derivative goes where each element came from.
    ///
    /// # Panics
    /// When the axis is out of range.
    #[track_caller]
    pub fn sort(self, axis: isize, descending: bool) -> Self {
        self.gather(axis, self.argsort(axis, descending))
    }
}

/// 1 at the label, 0 elsewhere.
#[derive(Debug)]
pub struct OneHot {
    /// The number of classes.
    pub classes: usize,
}

impl<T: Float> DataOp<i64, T, 1> for OneHot {
    fn shape(&self, [x]: [&[usize]; 1]) -> Result<Shape, ShapeError> {
        let mut shape = Shape::from_slice(x);
        shape.push(self.classes);
        tensor::shape::checked_len(&shape, size_of::<T>())?;
        Ok(shape)
    }

    fn forward(&self, [x]: [View<'_, i64>; 1], out: &mut [T]) -> Result<(), Error> {
        kernel::one_hot(x, self.classes, out)
    }
}

impl<'t> Var<'t, i64> {
    /// Each label as a row of `classes` numbers, 1 at the label and 0 elsewhere. A label outside of
    /// `0..classes` is an error of the evaluation.
    #[track_caller]
    pub fn one_hot<T: Float>(self, classes: usize) -> Var<'t, T> {
        self.tape().apply_data(OneHot { classes }, [self])
    }
}
