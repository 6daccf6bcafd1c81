//! The square.

use tensor::kernel::{binary_block, unary_block};
use tensor::{AnySlice, Float, math, simd};

use crate::op::{Pointwise, Pullback};
use crate::var::Var;

/// `x²`, the bits of `x * x`.
///
/// Not that product, whose rule `g x` makes a NaN of `0 · ∞`: squares of differences stand under
/// masks, and a mask should hold.
#[derive(Debug, PartialEq)]
pub struct Square;
/// `2gx`, and 0 where `g` is 0, whatever `x`: the rule of [`Square`] in one pass over memory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SquareVjp;

impl<T: Float> Pointwise<T, 1> for Square {
    fn block(&self, [x]: [&[T]; 1], _: [AnySlice<'_>; 0], out: &mut [T]) {
        unary_block(math::Square, x, out);
    }

    /// `2x`.
    fn vjp<'t>(&self, cx: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        let (g, [x]) = (cx.g, cx.x);
        [Some(g.tape().apply(SquareVjp, [g, x]))]
    }
}

impl<T: Float> math::Binary<T> for SquareVjp {
    const EXACT: bool = true;

    #[inline(always)]
    fn call<I: simd::Isa>(self, g: T, x: T) -> T {
        let half = if g == T::zero() { T::zero() } else { g * x };
        half + half
    }
}

impl<T: Float> Pointwise<T, 2> for SquareVjp {
    fn block(&self, [g, x]: [&[T]; 2], _: [AnySlice<'_>; 0], out: &mut [T]) {
        binary_block(*self, g, x, out);
    }

    /// With the cotangent `h`: `2hx` for `g`, `2hg` for `x`.
    fn vjp<'t>(&self, cx: Pullback<'t, T, 2>) -> [Option<Var<'t, T>>; 2] {
        let (h, [g, x]) = (cx.g, cx.x);
        let by = |d| h.tape().apply(SquareVjp, [h, d]);
        [cx.when(0, || by(x)), cx.when(1, || by(g))]
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// `self * self`, whose derivative is exactly 0 where the cotangent is, even at infinity.
    #[track_caller]
    pub fn square(self) -> Self {
        self.tape().apply(Square, [self])
    }
}

#[cfg(test)]
mod tests {
    use super::super::battery::*;
    use crate::Tape;
    use tensor::tensor;

    row!(square: |x| x.square(); pointwise(Domain::Any));
    row!(square_vjp: |g, x| g.tape().apply(super::SquareVjp, [g, x]); pair(Domain::Nonzero, Domain::Any));

    #[test]
    fn a_square_that_was_not_taken_passes_nothing() {
        masked(|[x]| x.square());
        masked(|[x]| (x - 1.0).square().square());
        let x = tensor![f64::INFINITY, f64::NAN, 3.0];
        let taken = |mask: [bool; 3]| {
            let tape = Tape::new();
            let (x, mask) = (tape.leaf(&x), tape.constant(mask.into_iter().collect::<Bools>()));
            let [g] = mask.select((x - 1.0).square(), 0.0).sum().grad([x]);
            let [h] = g.sum().grad([x]);
            (g.value().to_vec(), h.value().to_vec())
        };
        assert_eq!(taken([false, false, true]), (vec![0.0, 0.0, 4.0], vec![0.0, 0.0, 2.0]));
        assert_eq!(taken([true, false, false]).0, [f64::INFINITY, 0.0, 0.0]);
    }

    type Bools = tensor::Tensor<bool>;

    #[test]
    fn it_has_the_bits_of_the_product() {
        let tape = Tape::new();
        let x = tape.constant(tensor![0.1f32, -1e-30, 3e38, f32::NAN, -0.0, 1.0 / 3.0]);
        let bits = |v: crate::Var<'_, f32>| v.value().iter().map(f32::to_bits).collect::<Vec<_>>();
        assert_eq!(bits(x.square()), bits(x * x));
    }
}
