//! Powers.

use tensor::kernel::{binary_block, check_exponent};
use tensor::{AnySlice, Float, Scalar, math};

use crate::op::{Pointwise, Pullback};
use crate::var::{Operand, Var};

/// `aᵇ`, as IEEE 754 has it: `0⁰ = 1`, a negative base takes integer exponents only.
#[derive(Debug, PartialEq)]
pub struct Pow;

impl<T: Float> Pointwise<T, 2> for Pow {
    fn block(&self, [a, b]: [&[T]; 2], _: [AnySlice<'_>; 0], out: &mut [T]) {
        binary_block(math::Pow, a, b, out);
    }

    /// `∂aᵇ/∂a = b aᵇ⁻¹`, which is 0 for `b = 0` even at `a = 0`.
    ///
    /// `∂aᵇ/∂b = aᵇ ln a`, which is 0 at `a = 0` for `b ≥ 0`, where `0ᵇ` is constant to the right.
    fn vjp<'t>(&self, cx: Pullback<'t, T, 2>) -> [Option<Var<'t, T>>; 2] {
        let (g, y, [a, b]) = (cx.g, cx.y, cx.x);
        let by_base = || g.mul0(b.mul0(a.pow(b - 1.0)));
        let by_exponent = || {
            let flat = a.eq_to(0.0).and(b.ge(0.0));
            g.mul0(flat.select(a.full_like(0.0), y.mul0(a.ln())))
        };
        [cx.when(0, by_base), cx.when(1, by_exponent)]
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// `self` to the power of `exponent`, a variable or a number. `0⁰ = 1`; a negative base has a
    /// power for integer exponents only, else NaN.
    #[track_caller]
    pub fn pow(self, exponent: impl Operand<'t, T>) -> Self {
        self.tape().apply(Pow, [self, exponent.on(self.tape())])
    }

    /// `self` to the power of the number `exponent`.
    #[track_caller]
    pub fn powf(self, exponent: impl Scalar) -> Self {
        self.pow(self.scalar(exponent))
    }

    /// `self` to the power of the integer `exponent`.
    ///
    /// # Panics
    /// When the element type cannot hold `exponent`, whose parity decides the sign.
    #[track_caller]
    pub fn powi(self, exponent: i32) -> Self {
        check_exponent::<T>(exponent);
        self.pow(exponent)
    }
}

#[cfg(test)]
mod tests {
    use super::super::battery::*;
    use crate::{Tape, hessian};
    use tensor::tensor;

    row!(pow: |a, b| a.pow(b); pair(Domain::Positive, Domain::Any));
    row!(powi: |x| x.powi(3) - x.powi(-1); pointwise(Domain::Nonzero));
    row!(powf: |x| x.powf(2.5); pointwise(Domain::Positive));

    /// The value at `(a, b)` and the derivatives by both.
    fn at(a: f64, b: f64) -> (f64, [f64; 2]) {
        let tape = Tape::new();
        let (a, b) = (tape.leaf(a), tape.leaf(b));
        let y = a.pow(b);
        let g = y.grad([a, b]);
        (y.item(), [g[0].item(), g[1].item()])
    }

    #[test]
    fn at_the_base_zero() {
        let inf = f64::INFINITY;
        assert_eq!(at(0.0, 0.0), (1.0, [0.0, 0.0]));
        assert_eq!(at(0.0, 1.0), (0.0, [1.0, 0.0]));
        assert_eq!(at(0.0, 2.0), (0.0, [0.0, 0.0]));
        assert_eq!(at(0.0, 0.5), (0.0, [inf, 0.0]));
        assert_eq!(at(0.0, -1.0), (inf, [-inf, -inf]));
        assert_eq!(hessian(|x| x.pow(2).sum(), tensor![0.0]).unwrap().to_vec(), [2.0]);
        assert_eq!(hessian(|x| x.pow(1).sum(), tensor![0.0]).unwrap().to_vec(), [0.0]);
        masked(|[a, b]| a.pow(b));
    }

    #[test]
    fn a_negative_base_has_integer_powers() {
        let (value, [by_base, by_exponent]) = at(-2.0, 2.0);
        assert_eq!((value, by_base), (4.0, -4.0));
        assert!(by_exponent.is_nan(), "the power of -2 exists at integers only");
        assert!(at(-8.0, 1.0 / 3.0).0.is_nan());
        assert_eq!(slope(|x| x.powi(2), tensor![-2.0, 0.0, 3.0]), [-4.0, 0.0, 6.0]);
        assert_eq!(slope(|x| x.powi(3), tensor![-2.0]), [12.0]);
    }

    #[test]
    fn an_integer_that_the_type_cannot_hold_is_no_exponent() {
        let n = (1 << 24) + 1;
        assert_eq!(slope(|x| x.powi(n), tensor![-1.0]), [f64::from(n)]);
        let refused = std::panic::catch_unwind(|| Tape::new().leaf(-1.0f32).powi(n).shape());
        let message = *refused.unwrap_err().downcast::<String>().unwrap();
        assert_eq!(message, "powi: the exponent 16777217 cannot be represented in f32");
    }

    #[test]
    fn nan_propagates_where_ieee_says() {
        assert_eq!((at(f64::NAN, 0.0).0, at(1.0, f64::NAN).0), (1.0, 1.0));
        assert!(at(f64::NAN, 2.0).0.is_nan());
        refuses(|[a, b]| a.pow(b), [&[2], &[3]], "pow: shapes [2] and [3] do not broadcast");
    }
}
