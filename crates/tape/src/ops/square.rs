//! The square.

use tensor::kernel::unary_block;
use tensor::{AnySlice, Float, math};

use crate::op::{Pointwise, Pullback};
use crate::var::Var;

/// `x²`, the bits of `x * x`.
///
/// Not that product, whose rule `g x` makes a NaN of `0 · ∞`: squares of differences stand under
/// masks, and a mask should hold.
#[derive(Debug, PartialEq)]
pub struct Square;

impl<T: Float> Pointwise<T, 1> for Square {
    fn block(&self, [x]: [&[T]; 1], _: [AnySlice<'_>; 0], out: &mut [T]) {
        unary_block(math::Square, x, out);
    }

    /// `2 x`. The product is doubled by adding, which is exact and records one node.
    fn vjp<'t>(&self, cx: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        let (g, [x]) = (cx.g, cx.x);
        let half = g.mul0(x);
        [Some(half + half)]
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
