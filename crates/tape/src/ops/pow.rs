//! Powers.

use tensor::kernel::binary_block;
use tensor::{AnySlice, Float, Scalar, math};

use crate::op::{Pointwise, Pullback};
use crate::var::{Operand, Var};

/// `aᵇ`, as IEEE 754 has it: `0⁰ = 1`, a negative base takes integer exponents only.
#[derive(Debug)]
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
        self.tape().apply(Pow, [self, exponent.beside(self)])
    }

    /// `self` to the power of the number `exponent`.
    #[track_caller]
    pub fn powf(self, exponent: impl Scalar) -> Self {
        self.pow(exponent)
    }

    /// `self` to the power of the integer `exponent`.
    #[track_caller]
    pub fn powi(self, exponent: i32) -> Self {
        self.pow(exponent)
    }
}
