//! Logic: nodes without a derivative.

use std::ops;

use tensor::{Axes, AxisSet, Error, Shape, ShapeError, View, kernel};

use super::compare::{each, zip};
use super::sum::axis_set;
use crate::op::{DataOp, DataPointwise};
use crate::var::{Operand, Var};

/// `a ∧ b`.
#[derive(Debug, PartialEq)]
pub struct And;
/// `a ∨ b`.
#[derive(Debug, PartialEq)]
pub struct Or;
/// `¬a`.
#[derive(Debug, PartialEq)]
pub struct Not;
/// Whether an element over `axes` is true.
#[derive(Debug, PartialEq)]
pub struct Any {
    /// The axes reduced.
    pub axes: AxisSet,
    /// Whether these stay, with size 1.
    pub keep: bool,
}
/// Whether all elements over `axes` are true.
#[derive(Debug, PartialEq)]
pub struct All {
    /// The axes reduced.
    pub axes: AxisSet,
    /// Whether these stay, with size 1.
    pub keep: bool,
}

impl DataPointwise<bool, bool, 2> for And {
    fn block(&self, [a, b]: [&[bool]; 2], out: &mut [bool]) {
        zip(a, b, out, |a, b| a & b);
    }
}
impl DataPointwise<bool, bool, 2> for Or {
    fn block(&self, [a, b]: [&[bool]; 2], out: &mut [bool]) {
        zip(a, b, out, |a, b| a | b);
    }
}
impl DataPointwise<bool, bool, 1> for Not {
    fn block(&self, [a]: [&[bool]; 1], out: &mut [bool]) {
        each(a, out, |a| !a);
    }
}

impl DataOp<bool, bool, 1> for Any {
    fn shape(&self, [x]: [&[usize]; 1]) -> Result<Shape, ShapeError> {
        Ok(self.axes.reduce(x, self.keep))
    }
    fn forward(&self, [x]: [View<'_, bool>; 1], out: &mut [bool]) -> Result<(), Error> {
        kernel::any(x, self.axes, out);
        Ok(())
    }
}
impl DataOp<bool, bool, 1> for All {
    fn shape(&self, [x]: [&[usize]; 1]) -> Result<Shape, ShapeError> {
        Ok(self.axes.reduce(x, self.keep))
    }
    fn forward(&self, [x]: [View<'_, bool>; 1], out: &mut [bool]) -> Result<(), Error> {
        kernel::all(x, self.axes, out);
        Ok(())
    }
}

impl<'t> Var<'t, bool> {
    /// Where both hold, `other` a variable or a bool: `mask & other`. Broadcasts.
    ///
    /// # Panics
    /// When the shapes do not broadcast.
    #[track_caller]
    pub fn and(self, other: impl Operand<'t, bool>) -> Self {
        self.tape().apply_data(And, [self, other.on(self.tape())])
    }

    /// Where at least one holds, `other` a variable or a bool: `mask | other`. Broadcasts.
    ///
    /// # Panics
    /// When the shapes do not broadcast.
    #[track_caller]
    pub fn or(self, other: impl Operand<'t, bool>) -> Self {
        self.tape().apply_data(Or, [self, other.on(self.tape())])
    }

    /// Where it does not hold: `!mask`.
    #[track_caller]
    #[allow(clippy::should_implement_trait, reason = "`!mask` is given too")]
    pub fn not(self) -> Self {
        self.tape().apply_data(Not, [self])
    }

    /// Whether an element is true, of shape `[]`; false for nothing. No derivative passes.
    #[track_caller]
    pub fn any(self) -> Self {
        self.tape().apply_data(Any { axes: AxisSet::all(self.rank()), keep: false }, [self])
    }

    /// As [`any`](Self::any), over `axes`, which disappear.
    ///
    /// # Panics
    /// When an axis is out of range or named twice.
    #[track_caller]
    pub fn any_axis(self, axes: impl Axes) -> Self {
        self.tape().apply_data(Any { axes: axis_set("any", self, axes), keep: false }, [self])
    }

    /// As [`any`](Self::any), over `axes`, which keep size 1.
    ///
    /// # Panics
    /// When an axis is out of range or named twice.
    #[track_caller]
    pub fn any_keepdim(self, axes: impl Axes) -> Self {
        self.tape().apply_data(Any { axes: axis_set("any", self, axes), keep: true }, [self])
    }

    /// Whether all elements are true, of shape `[]`; true for nothing. No derivative passes.
    #[track_caller]
    pub fn all(self) -> Self {
        self.tape().apply_data(All { axes: AxisSet::all(self.rank()), keep: false }, [self])
    }

    /// As [`all`](Self::all), over `axes`, which disappear.
    ///
    /// # Panics
    /// When an axis is out of range or named twice.
    #[track_caller]
    pub fn all_axis(self, axes: impl Axes) -> Self {
        self.tape().apply_data(All { axes: axis_set("all", self, axes), keep: false }, [self])
    }

    /// As [`all`](Self::all), over `axes`, which keep size 1.
    ///
    /// # Panics
    /// When an axis is out of range or named twice.
    #[track_caller]
    pub fn all_keepdim(self, axes: impl Axes) -> Self {
        self.tape().apply_data(All { axes: axis_set("all", self, axes), keep: true }, [self])
    }
}

impl<'t, R: Operand<'t, bool>> ops::BitAnd<R> for Var<'t, bool> {
    type Output = Self;
    #[track_caller]
    fn bitand(self, other: R) -> Self {
        self.and(other)
    }
}

impl<'t, R: Operand<'t, bool>> ops::BitOr<R> for Var<'t, bool> {
    type Output = Self;
    #[track_caller]
    fn bitor(self, other: R) -> Self {
        self.or(other)
    }
}

impl ops::Not for Var<'_, bool> {
    type Output = Self;
    #[track_caller]
    fn not(self) -> Self {
        Var::not(self)
    }
}

#[cfg(test)]
mod tests {
    use super::super::battery::*;
    use crate::{NoGradient, Tape};
    use tensor::{Tensor, tensor};

    // What has no derivative has a row of what it decides.
    row!(within: |x| (x.gt(-1.0) & x.lt(-0.5).or(x.gt(0.5))).select(x.square(), x); pointwise(Domain::Distinct));
    row!(negated: |x| (!x.gt(0.0)).and(x.lt(2.0).not().not()).select(x * 3.0, x.square()); pointwise(Domain::Nonzero));
    row!(any: |x| x * x.gt(0.0).any().cast::<T>() + x.gt(0.0).any_axis(1).cast::<T>().sum() * x; [nonzero([2, 3]).or([0, 3])]);
    row!(all: |x| x * x.gt(0.0).all().cast::<T>() + x.gt(0.0).all_axis(1).cast::<T>().sum() * x; [nonzero([2, 3]).or([2, 0])]);
    row!(kept: |x| (x.gt(0.0).any_keepdim(1) & !x.gt(1.0).all_keepdim(0)).select(x * x, x); [nonzero([2, 3]).or([0, 3])]);

    #[test]
    fn logic_follows_its_tables() {
        let tape = Tape::new();
        let a = tape.constant(tensor![false, false, true, true]);
        let b = tape.constant(tensor![false, true, false, true]);
        assert_eq!(a.and(b).value().to_vec(), [false, false, false, true]);
        assert_eq!(a.or(b).value().to_vec(), [false, true, true, true]);
        assert_eq!(a.not().value().to_vec(), [true, true, false, false]);
        assert_eq!((a & b).value(), a.and(b).value());
        assert_eq!((a | b).value(), a.or(b).value());
        assert_eq!((!a).value(), a.not().value());
        assert_eq!((a & true | false).value(), a.value());
        assert_eq!(a.unsqueeze(1).or(b).shape()[..], [4, 4]);
    }

    #[test]
    fn reductions_of_masks_are_those_of_tensors() {
        let tape = Tape::new();
        for shape in [&[2, 3, 5][..], &[0, 3, 5], &[2, 0, 5], &[3, 40, 70]] {
            let x = Tensor::from_fn(shape, |i| (i[0] * 7 + i[1] * 5 + i[2]) % 4 == 1);
            let m = tape.constant(&x);
            assert_eq!((m.any().value(), m.all().value()), (x.any(), x.all()));
            assert_eq!(m.any_axis([0, 2]).value(), x.any_axis([0, 2]));
            assert_eq!(m.all_axis(-1).value(), x.all_axis(-1));
            assert_eq!(m.any_keepdim(1).value(), x.any_keepdim(1));
            assert_eq!(m.all_keepdim([0, 1]).value(), x.all_keepdim([0, 1]));
        }
    }

    #[test]
    fn no_derivative_passes_and_asking_for_it_says_so() {
        let why = stopped(|x| x.gt(0.0).any().cast::<f64>());
        assert!(matches!(why, NoGradient::Stopped { .. }), "{why}");
    }

    #[test]
    fn shapes_and_axes_that_do_not_fit_are_refused() {
        refuses(
            |[a, b]| (a.gt(0.0) & b.gt(0.0)).cast(),
            [&[2], &[3]],
            "and: shapes [2] and [3] do not broadcast",
        );
        refuses(|[x]| x.gt(0.0).all_axis(2).cast(), [&[2, 3]], "all: axis 2 is out of range");
        refuses(|[x]| x.gt(0.0).any_keepdim([0, 0]).cast(), [&[2]], "any: axis 0 is named twice");
    }
}
