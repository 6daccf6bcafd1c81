//! Functions that are constant between their jumps: their derivative is 0 where it exists, and none
//! passes. Asking for a gradient through one is answered with its name and line, not with zeros.

use tensor::kernel::unary_block;
use tensor::{Float, math};

use crate::op::DataPointwise;
use crate::var::Var;

/// -1, 0 or 1.
#[derive(Debug, PartialEq)]
pub struct Sign;
/// 0 below 0, else 1.
#[derive(Debug, PartialEq)]
pub struct Heaviside;
/// The largest integer not above.
#[derive(Debug, PartialEq)]
pub struct Floor;
/// The smallest integer not below.
#[derive(Debug, PartialEq)]
pub struct Ceil;
/// The nearest integer, ties to even.
#[derive(Debug, PartialEq)]
pub struct Round;

impl<T: Float> DataPointwise<T, T, 1> for Sign {
    fn block(&self, [x]: [&[T]; 1], out: &mut [T]) {
        unary_block(math::Sign, x, out);
    }
}
impl<T: Float> DataPointwise<T, T, 1> for Heaviside {
    fn block(&self, [x]: [&[T]; 1], out: &mut [T]) {
        unary_block(math::Heaviside, x, out);
    }
}
impl<T: Float> DataPointwise<T, T, 1> for Floor {
    fn block(&self, [x]: [&[T]; 1], out: &mut [T]) {
        unary_block(math::Floor, x, out);
    }
}
impl<T: Float> DataPointwise<T, T, 1> for Ceil {
    fn block(&self, [x]: [&[T]; 1], out: &mut [T]) {
        unary_block(math::Ceil, x, out);
    }
}
impl<T: Float> DataPointwise<T, T, 1> for Round {
    fn block(&self, [x]: [&[T]; 1], out: &mut [T]) {
        unary_block(math::Round, x, out);
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// -1 below 0, 0 at 0, 1 above; no derivative passes (lecture 1, threshold units).
    #[track_caller]
    pub fn sign(self) -> Self {
        self.tape().apply_data(Sign, [self])
    }

    /// `H(x)`: 0 below 0, 1 from 0 on; no derivative passes (lecture 1, threshold units).
    #[track_caller]
    pub fn heaviside(self) -> Self {
        self.tape().apply_data(Heaviside, [self])
    }

    /// The largest integer not above; no derivative passes.
    #[track_caller]
    pub fn floor(self) -> Self {
        self.tape().apply_data(Floor, [self])
    }

    /// The smallest integer not below; no derivative passes.
    #[track_caller]
    pub fn ceil(self) -> Self {
        self.tape().apply_data(Ceil, [self])
    }

    /// The nearest integer, ties to even; no derivative passes.
    #[track_caller]
    pub fn round(self) -> Self {
        self.tape().apply_data(Round, [self])
    }
}

#[cfg(test)]
mod tests {
    use super::super::battery::*;
    use crate::{NoGradient, Tape, Var};
    use tensor::tensor;

    // A step has no derivative of its own: its row is a function that it is part of.
    row!(sign: |x| x.sign() * x.square(); pointwise(Domain::Nonzero));
    row!(heaviside: |x| x.heaviside() * x; pointwise(Domain::Nonzero));
    row!(rounded: |x| x * (x.floor() + x.ceil() * 2.0 - x.round()); [positive([2, 3]).or([])]);

    #[test]
    fn the_steps_are_where_the_conventions_say() {
        let tape = Tape::new();
        let x = tape.constant(tensor![-1.5, -0.0, 0.0, 0.5, 1.5, 2.5]);
        assert_eq!(x.sign().value().to_vec(), [-1.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
        assert_eq!(x.heaviside().value().to_vec(), [0.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
        assert_eq!(x.floor().value().to_vec(), [-2.0, 0.0, 0.0, 0.0, 1.0, 2.0]);
        assert_eq!(x.ceil().value().to_vec(), [-1.0, 0.0, 0.0, 1.0, 2.0, 3.0]);
        assert_eq!(x.round().value().to_vec(), [-2.0, 0.0, 0.0, 0.0, 2.0, 2.0]);
        let nan = tape.constant(f64::NAN);
        for y in [nan.sign(), nan.heaviside(), nan.floor(), nan.ceil(), nan.round()] {
            assert!(y.item().is_nan(), "{y:?}");
        }
    }

    #[test]
    fn asking_for_a_gradient_is_answered_with_name_and_line() {
        type Step = for<'t> fn(Var<'t, f64>) -> Var<'t, f64>;
        let steps: [(&str, Step); 5] = [
            ("sign", |x| x.sign()),
            ("heaviside", |x| x.heaviside()),
            ("floor", |x| x.floor()),
            ("ceil", |x| x.ceil()),
            ("round", |x| x.round()),
        ];
        for (name, step) in steps {
            match stopped(step) {
                NoGradient::Stopped { op, at } => {
                    assert_eq!((op.as_str(), at.file()), (name, file!()))
                }
                other => panic!("{name}: {other}"),
            }
        }
        let NoGradient::Stopped { at, .. } = stopped(|x| x.heaviside() * 2.0) else { panic!() };
        assert_eq!(at.line(), line!() - 1);
    }
}
