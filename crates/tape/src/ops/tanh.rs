//! The hyperbolic tangent.

use tensor::kernel::{binary_block, unary_block};
use tensor::{AnySlice, Float, math, simd};

use crate::op::{Pointwise, Pullback};
use crate::var::Var;

/// `tanh(x)`.
#[derive(Debug, PartialEq)]
pub struct Tanh;
/// `g (1 - y²)`, and 0 where `g` is 0, whatever `y`: the rule of [`Tanh`] in one pass over memory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TanhVjp;

impl<T: Float> Pointwise<T, 1> for Tanh {
    fn block(&self, [x]: [&[T]; 1], _: [AnySlice<'_>; 0], out: &mut [T]) {
        unary_block(math::Tanh, x, out);
    }

    /// `1 - tanh²`, in the output: `1 / cosh²` overflows at the second order.
    fn vjp<'t>(&self, cx: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        let (g, y) = (cx.g, cx.y);
        [Some(g.tape().apply(TanhVjp, [g, y]))]
    }
}

impl<T: Float> math::Binary<T> for TanhVjp {
    const EXACT: bool = true;

    #[inline(always)]
    fn call<I: simd::Isa>(self, g: T, y: T) -> T {
        if g == T::zero() { g } else { g - g * y * y }
    }
}

impl<T: Float> Pointwise<T, 2> for TanhVjp {
    fn block(&self, [g, y]: [&[T]; 2], _: [AnySlice<'_>; 0], out: &mut [T]) {
        binary_block(*self, g, y, out);
    }

    /// With the cotangent `h`: `h (1 - y²)` for `g`, `-2hgy` for `y`.
    fn vjp<'t>(&self, cx: Pullback<'t, T, 2>) -> [Option<Var<'t, T>>; 2] {
        let (h, [g, y]) = (cx.g, cx.x);
        let by_g = cx.when(0, || h.tape().apply(TanhVjp, [h, y]));
        [by_g, cx.when(1, || -2.0 * h.mul0(g.mul0(y)))]
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// The hyperbolic tangent, `(eˣ - e⁻ˣ) / (eˣ + e⁻ˣ) = 2σ(2x) - 1` (lecture 1, sigmoid units).
    #[track_caller]
    pub fn tanh(self) -> Self {
        self.tape().apply(Tanh, [self])
    }
}

#[cfg(test)]
mod tests {
    use super::super::battery::*;
    use tensor::tensor;

    row!(tanh: |x| x.tanh(); pointwise(Domain::Any));
    row!(tanh_vjp: |g, y| g.tape().apply(super::TanhVjp, [g, y]); pair(Domain::Nonzero, Domain::Any));

    #[test]
    fn far_out_it_is_flat() {
        let x = tensor![f64::NEG_INFINITY, -100.0, -1e-30, 0.0, 1e-30, 100.0];
        assert_eq!(slope(|x| x.tanh(), x), [0.0, 0.0, 1.0, 1.0, 1.0, 0.0]);
        assert!(slope(|x| x.tanh(), tensor![f64::NAN])[0].is_nan());
        masked(|[x]| x.tanh());
    }
}
