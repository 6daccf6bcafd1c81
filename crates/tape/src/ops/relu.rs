//! The rectifier.

use tensor::kernel::{binary_block, unary_block};
use tensor::{AnySlice, Float, math, simd};

use crate::op::{Pointwise, Pullback};
use crate::var::Var;

/// `max(x, 0)`.
#[derive(Debug, PartialEq)]
pub struct Relu;
/// `g` times the slope, 1 where `y > 0`, else 0, and 0 where `g` is 0, whatever `y`: the rule of
/// [`Relu`] in one pass over memory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReluVjp;

impl<T: Float> Pointwise<T, 1> for Relu {
    fn block(&self, [x]: [&[T]; 1], _: [AnySlice<'_>; 0], out: &mut [T]) {
        unary_block(math::Relu, x, out);
    }

    /// 1 above 0, else 0: the sign of the output. The derivative at 0 is 0.
    fn vjp<'t>(&self, cx: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        let (g, y) = (cx.g, cx.y);
        [Some(g.tape().apply(ReluVjp, [g, y]))]
    }
}

impl<T: Float> math::Binary<T> for ReluVjp {
    const EXACT: bool = true;

    #[inline(always)]
    fn call<I: simd::Isa>(self, g: T, y: T) -> T {
        let slope = if y > T::zero() { T::one() } else { y * T::zero() };
        if g == T::zero() { T::zero() } else { g * slope }
    }
}

impl<T: Float> Pointwise<T, 2> for ReluVjp {
    fn block(&self, [g, y]: [&[T]; 2], _: [AnySlice<'_>; 0], out: &mut [T]) {
        binary_block(*self, g, y, out);
    }

    /// With the cotangent `h`: the same of `h` for `g`, nothing for `y`.
    fn vjp<'t>(&self, cx: Pullback<'t, T, 2>) -> [Option<Var<'t, T>>; 2] {
        let (h, [_, y]) = (cx.g, cx.x);
        [cx.when(0, || h.tape().apply(ReluVjp, [h, y])), None]
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// `max(x, 0)`; its derivative at 0 is 0.
    #[track_caller]
    pub fn relu(self) -> Self {
        self.tape().apply(Relu, [self])
    }
}

#[cfg(test)]
mod tests {
    use super::super::battery::*;
    use tensor::tensor;

    row!(relu: |x| x.relu(); pointwise(Domain::Nonzero));

    #[test]
    fn the_derivative_at_zero_is_zero_and_nan_stays() {
        let x = tensor![-1.0, -0.0, 0.0, 1e-310, f64::INFINITY];
        assert_eq!(slope(|x| x.relu(), &x), [0.0, 0.0, 0.0, 1.0, 1.0]);
        assert!(slope(|x| x.relu(), tensor![f64::NAN])[0].is_nan());
        let of_nan = slope(|x| x.relu() * f64::NAN, tensor![-1.0, 0.0, 2.0]);
        assert!(of_nan.iter().all(|g| g.is_nan()), "a cotangent of NaN is not lost");
        masked(|[x]| x.relu());
    }
}
