//! Comparisons and logic: nodes without a derivative.

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

fn zip<E: Copy>(a: &[E], b: &[E], out: &mut [bool], holds: impl Fn(E, E) -> bool) {
    for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
        *out = holds(a, b);
    }
}

/// `a ∧ b`.
#[derive(Debug, PartialEq)]
pub struct And;
/// `a ∨ b`.
#[derive(Debug, PartialEq)]
pub struct Or;
/// `¬a`.
#[derive(Debug, PartialEq)]
pub struct Not;
/// Whether an element is NaN.
#[derive(Debug, PartialEq)]
pub struct IsNan;

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
        for (out, &a) in out.iter_mut().zip(a) {
            *out = !a;
        }
    }
}
impl<T: Float> DataPointwise<T, bool, 1> for IsNan {
    fn block(&self, [x]: [&[T]; 1], out: &mut [bool]) {
        for (out, &x) in out.iter_mut().zip(x) {
            *out = x.is_nan();
        }
    }
}

impl<'t, T: Element> Var<'t, T> {
    #[track_caller]
    fn compare(self, how: Comparison, other: impl Operand<'t, T>) -> Var<'t, bool> {
        self.tape().apply_data(how, [self, other.beside(self)])
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
}

impl<'t> Var<'t, bool> {
    /// Where both hold.
    #[track_caller]
    pub fn and(self, other: Self) -> Self {
        self.tape().apply_data(And, [self, other])
    }

    /// Where at least one holds.
    #[track_caller]
    pub fn or(self, other: Self) -> Self {
        self.tape().apply_data(Or, [self, other])
    }

    /// Where it does not hold.
    #[track_caller]
    #[allow(clippy::should_implement_trait, reason = "`!mask` is given too")]
    pub fn not(self) -> Self {
        self.tape().apply_data(Not, [self])
    }
}

impl std::ops::Not for Var<'_, bool> {
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
    use tensor::tensor;

    // What has no derivative has a row of what it decides.
    row!(compared: |x| x.gt(0.0).select(x.square(), x * 3.0); [nonzero([2, 3]).or([0, 3]).or([])]);
    row!(counted: |x| x * x.le(0.0).cast::<T>().sum(); [nonzero([2, 3]).or([])]);

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
        assert_eq!((!x.is_nan()).and(x.lt(2.0)).value().to_vec(), [false, true, false]);
        assert_eq!(x.is_nan().or(x.ge(2.0)).value().to_vec(), [true, false, true]);
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
