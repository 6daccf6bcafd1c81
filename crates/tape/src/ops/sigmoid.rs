//! The logistic function and its antiderivative.

use tensor::kernel::{binary_block, unary_block};
use tensor::{AnySlice, Float, math, simd};

use crate::op::{Pointwise, Pullback};
use crate::var::Var;

/// `σ(x) = 1 / (1 + e⁻ˣ)`.
#[derive(Debug, PartialEq)]
pub struct Sigmoid;
/// `g (y - y²)`, and 0 where `g` is 0, whatever `y`: the rule of [`Sigmoid`] in one pass over
/// memory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SigmoidVjp;
/// `ln(1 + eˣ)`.
#[derive(Debug, PartialEq)]
pub struct Softplus;

impl<T: Float> Pointwise<T, 1> for Sigmoid {
    fn block(&self, [x]: [&[T]; 1], _: [AnySlice<'_>; 0], out: &mut [T]) {
        unary_block(math::Sigmoid, x, out);
    }

    /// `σ(1 - σ) = y - y²` (lecture 1, proposition 3).
    fn vjp<'t>(&self, cx: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        let (g, y) = (cx.g, cx.y);
        [Some(g.tape().apply(SigmoidVjp, [g, y]))]
    }
}

impl<T: Float> math::Binary<T> for SigmoidVjp {
    const EXACT: bool = true;

    #[inline(always)]
    fn call<I: simd::Isa>(self, g: T, y: T) -> T {
        if g == T::zero() { T::zero() } else { g * (y - y * y) }
    }
}

impl<T: Float> Pointwise<T, 2> for SigmoidVjp {
    fn block(&self, [g, y]: [&[T]; 2], _: [AnySlice<'_>; 0], out: &mut [T]) {
        binary_block(*self, g, y, out);
    }

    /// With the cotangent `h`: `h (y - y²)` for `g`, `hg (1 - 2y)` for `y`.
    fn vjp<'t>(&self, cx: Pullback<'t, T, 2>) -> [Option<Var<'t, T>>; 2] {
        let (h, [g, y]) = (cx.g, cx.x);
        let by_g = cx.when(0, || h.tape().apply(SigmoidVjp, [h, y]));
        [by_g, cx.when(1, || h.mul0(g.mul0(1.0 - 2.0 * y)))]
    }
}

impl<T: Float> Pointwise<T, 1> for Softplus {
    fn block(&self, [x]: [&[T]; 1], _: [AnySlice<'_>; 0], out: &mut [T]) {
        unary_block(math::Softplus, x, out);
    }

    /// `σ(x)`.
    fn vjp<'t>(&self, cx: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        let (g, [x]) = (cx.g, cx.x);
        [Some(g.mul0(x.sigmoid()))]
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// The logistic function `σ(x) = 1 / (1 + e⁻ˣ)` (lecture 1, sigmoid units).
    #[track_caller]
    pub fn sigmoid(self) -> Self {
        self.tape().apply(Sigmoid, [self])
    }

    /// `ln(1 + eˣ)`, without overflow; its derivative is the logistic function.
    #[track_caller]
    pub fn softplus(self) -> Self {
        self.tape().apply(Softplus, [self])
    }

    /// `ln σ(x) = -ln(1 + e⁻ˣ)`, without overflow.
    #[track_caller]
    pub fn log_sigmoid(self) -> Self {
        -(-self).softplus()
    }
}

#[cfg(test)]
mod tests {
    use super::super::battery::*;
    use tensor::tensor;

    row!(sigmoid: |x| x.sigmoid(); pointwise(Domain::Any));
    row!(sigmoid_vjp: |g, y| g.tape().apply(super::SigmoidVjp, [g, y]); pair(Domain::Nonzero, Domain::Any));
    row!(softplus: |x| x.softplus(); pointwise(Domain::Any));
    row!(log_sigmoid: |x| x.log_sigmoid(); pointwise(Domain::Any));

    #[test]
    fn far_out_the_derivatives_are_exact() {
        let x = tensor![f64::NEG_INFINITY, -800.0, 0.0, 800.0, f64::INFINITY];
        assert_eq!(slope(|x| x.sigmoid(), &x), [0.0, 0.0, 0.25, 0.0, 0.0]);
        assert_eq!(slope(|x| x.softplus(), &x), [0.0, 0.0, 0.5, 1.0, 1.0]);
        assert_eq!(slope(|x| x.log_sigmoid(), &x), [1.0, 1.0, 0.5, 0.0, 0.0]);
        masked(|[x]| x.sigmoid());
        masked(|[x]| x.softplus());
        masked(|[x]| x.log_sigmoid());
    }
}
