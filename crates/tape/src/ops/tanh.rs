//! The hyperbolic tangent.

use tensor::kernel::unary_block;
use tensor::{AnySlice, Float, math};

use crate::op::{Pointwise, Pullback};
use crate::var::Var;

/// `tanh(x)`.
#[derive(Debug)]
pub struct Tanh;

impl<T: Float> Pointwise<T, 1> for Tanh {
    fn block(&self, [x]: [&[T]; 1], _: [AnySlice<'_>; 0], out: &mut [T]) {
        unary_block(math::Tanh, x, out);
    }

    /// `1 - tanh²`, in the output: `1 / cosh²` overflows at the second order.
    fn vjp<'t>(&self, cx: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        let (g, y) = (cx.g, cx.y);
        [Some(g - g * y * y)]
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// The hyperbolic tangent, `(eˣ - e⁻ˣ) / (eˣ + e⁻ˣ) = 2σ(2x) - 1` (lecture 1, sigmoid units).
    #[track_caller]
    pub fn tanh(self) -> Self {
        self.tape().apply(Tanh, [self])
    }
}
