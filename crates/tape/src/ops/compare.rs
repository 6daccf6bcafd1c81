//! Comparisons: nodes without a derivative.

use tensor::{Element, Float};

use crate::op::DataPointwise;
use crate::var::{Operand, Var};

/// Which of two elements satisfies a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `a = b`
    Eq,
    /// `a ≠ b`
    Ne,
    /// `a < b`
    Lt,
    /// `a ≤ b`
    Le,
    /// `a > b`
    Gt,
    /// `a ≥ b`
    Ge,
}

impl<E: Element> DataPointwise<E, bool, 2> for Comparison {
    fn block(&self, [a, b]: [&[E]; 2], out: &mut [bool]) {
        // A loop for each: a function that is chosen at run time would be called for every element.
        match self {
            Comparison::Eq => zip(a, b, out, |a, b| a == b),
            Comparison::Ne => zip(a, b, out, |a, b| a != b),
            Comparison::Lt => zip(a, b, out, |a, b| a < b),
            Comparison::Le => zip(a, b, out, |a, b| a <= b),
            Comparison::Gt => zip(a, b, out, |a, b| a > b),
            Comparison::Ge => zip(a, b, out, |a, b| a >= b),
        }
    }
}

pub(super) fn each<E: Copy>(x: &[E], out: &mut [bool], holds: impl Fn(E) -> bool) {
    for (out, &x) in out.iter_mut().zip(x) {
        *out = holds(x);
    }
}

pub(super) fn zip<E: Copy>(a: &[E], b: &[E], out: &mut [bool], holds: impl Fn(E, E) -> bool) {
    for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
        *out = holds(a, b);
    }
}

/// Whether an element is NaN.
#[derive(Debug, PartialEq)]
pub struct IsNan;
/// Whether an element is neither infinite nor NaN.
#[derive(Debug, PartialEq)]
pub struct IsFinite;

impl<T: Float> DataPointwise<T, bool, 1> for IsNan {
    fn block(&self, [x]: [&[T]; 1], out: &mut [bool]) {
        each(x, out, T::is_nan);
    }
}
impl<T: Float> DataPointwise<T, bool, 1> for IsFinite {
    fn block(&self, [x]: [&[T]; 1], out: &mut [bool]) {
        each(x, out, T::is_finite);
    }
}

impl<'t, T: Element> Var<'t, T> {
    #[track_caller]
    fn compare(self, how: Comparison, other: impl Operand<'t, T>) -> Var<'t, bool> {
        self.tape().apply_data(how, [self, other.on(self.tape())])
    }

    /// Where it equals `other`, a variable or a number. No derivative passes a comparison.
    #[track_caller]
    pub fn eq_to(self, other: impl Operand<'t, T>) -> Var<'t, bool> {
        self.compare(Comparison::Eq, other)
    }

    /// Where it differs from `other`, a variable or a number.
    #[track_caller]
    pub fn ne_to(self, other: impl Operand<'t, T>) -> Var<'t, bool> {
        self.compare(Comparison::Ne, other)
    }

    /// Where it is less than `other`, a variable or a number.
    #[track_caller]
    pub fn lt(self, other: impl Operand<'t, T>) -> Var<'t, bool> {
        self.compare(Comparison::Lt, other)
    }

    /// Where it is at most `other`, a variable or a number.
    #[track_caller]
    pub fn le(self, other: impl Operand<'t, T>) -> Var<'t, bool> {
        self.compare(Comparison::Le, other)
    }

    /// Where it is greater than `other`, a variable or a number.
    #[track_caller]
    pub fn gt(self, other: impl Operand<'t, T>) -> Var<'t, bool> {
        self.compare(Comparison::Gt, other)
    }

    /// Where it is at least `other`, a variable or a number.
    #[track_caller]
    pub fn ge(self, other: impl Operand<'t, T>) -> Var<'t, bool> {
        self.compare(Comparison::Ge, other)
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// Where it is NaN.
    #[track_caller]
    pub fn is_nan(self) -> Var<'t, bool> {
        self.tape().apply_data(IsNan, [self])
    }

    /// Where it is neither infinite nor NaN.
    #[track_caller]
    pub fn is_finite(self) -> Var<'t, bool> {
        self.tape().apply_data(IsFinite, [self])
    }
}

#[cfg(test)]
mod tests {
    use super::super::battery::*;
    use crate::{NoGradient, Tape};
    use tensor::tensor;

    // What has no derivative has a row of what it decides.
    row!(compared: |x| x.gt(0.0).select(x.square(), x * 3.0); [nonzero([2, 3]).or([0, 3]).or([])]);
    row!(counted: |x| x * x.le(0.0).cast::<T>().sum(); [nonzero([2, 3]).or([])]);
    row!(finite: |x| x.is_finite().select(x.square(), x); pointwise(Domain::Any));

    #[test]
    fn nan_compares_as_ieee_says() {
        let tape = Tape::new();
        let x = tape.constant(tensor![f64::NAN, 1.0, 2.0]);
        assert_eq!(x.eq_to(x).value().to_vec(), [false, true, true]);
        assert_eq!(x.ne_to(1.0).value().to_vec(), [true, false, true]);
        assert_eq!(x.lt(2.0).value().to_vec(), [false, true, false]);
        assert_eq!(x.le(2).value().to_vec(), [false, true, true]);
        assert_eq!(x.gt(1.0).value().to_vec(), [false, false, true]);
        assert_eq!(x.ge(1.0f32).value().to_vec(), [false, true, true]);
        assert_eq!(x.is_nan().value().to_vec(), [true, false, false]);
        let y = tape.constant(tensor![f64::NAN, f64::INFINITY, -f64::INFINITY, 2.0]);
        assert_eq!(y.is_finite().value().to_vec(), [false, false, false, true]);
    }

    #[test]
    fn integers_compare_exactly() {
        let tape = Tape::new();
        let x = tape.constant(tensor![(1i64 << 53) + 1, 1 << 53, -3]);
        assert_eq!(x.eq_to(1i64 << 53).value().to_vec(), [false, true, false]);
        assert_eq!(x.lt(0).value().to_vec(), [false, false, true]);
        assert_eq!(x.ge(tape.constant(1i64 << 53)).value().to_vec(), [true, true, false]);
        let mask = tape.constant(tensor![true, false]);
        assert_eq!(mask.eq_to(tape.constant(true)).value().to_vec(), [true, false]);
        assert_eq!(mask.ne_to(true).value().to_vec(), [false, true]);
        assert_eq!(tape.constant(3).value(), tape.constant(3i64).value());
        let sizes = tape.constant(tensor![1usize, 2]);
        assert_eq!(sizes.ge(2).value().to_vec(), [false, true]);
        assert_eq!(sizes.cast::<u8>().eq_to(1u8).value().to_vec(), [true, false]);
    }

    #[test]
    fn no_derivative_passes_and_asking_for_it_says_so() {
        let why = stopped(|x| x.gt(0.0).cast::<f64>());
        assert!(matches!(why, NoGradient::Stopped { .. }), "{why}");
    }

    #[test]
    fn shapes_that_do_not_broadcast_are_refused() {
        refuses(
            |[a, b]| a.lt(b).select(a, b),
            [&[2], &[3]],
            "lt: shapes [2] and [3] do not broadcast: sizes 2 and 3 differ at axis 0",
        );
    }
}
