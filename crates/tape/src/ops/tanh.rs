//! The hyperbolic tangent.

use tensor::kernel::unary_block;
use tensor::{AnySlice, Float, math};

use crate::op::{Pointwise, Pullback};
use crate::var::Var;

/// `tanh(x)`.
#[derive(Debug, PartialEq)]
pub struct Tanh;

impl<T: Float> Pointwise<T, 1> for Tanh {
    fn block(&self, [x]: [&[T]; 1], _: [AnySlice<'_>; 0], out: &mut [T]) {
        unary_block(math::Tanh, x, out);
    }

    /// `1 - tanh²`, in the output: `1 / cosh²` overflows at the second order. The products stop at
    /// `g = 0`, so that a NaN of a branch that was not taken stays there.
    fn vjp<'t>(&self, cx: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        let (g, y) = (cx.g, cx.y);
        [Some(g - g.mul0(y).mul0(y))]
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

    #[test]
    fn far_out_it_is_flat() {
        let x = tensor![f64::NEG_INFINITY, -100.0, -1e-30, 0.0, 1e-30, 100.0];
        assert_eq!(slope(|x| x.tanh(), x), [0.0, 0.0, 1.0, 1.0, 1.0, 0.0]);
        assert!(slope(|x| x.tanh(), tensor![f64::NAN])[0].is_nan());
        masked(|[x]| x.tanh());
    }
}
