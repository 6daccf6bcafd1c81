//! The error function.

use std::f64::consts::FRAC_2_SQRT_PI;

use tensor::kernel::unary_block;
use tensor::{AnySlice, Float, math};

use crate::op::{Pointwise, Pullback};
use crate::var::Var;

/// `erf(x) = 2/√π ∫₀ˣ e^(-t²) dt`.
#[derive(Debug, PartialEq)]
pub struct Erf;

impl<T: Float> Pointwise<T, 1> for Erf {
    fn block(&self, [x]: [&[T]; 1], _: [AnySlice<'_>; 0], out: &mut [T]) {
        unary_block(math::Erf, x, out);
    }

    /// `2/√π e^(-x²)`.
    fn vjp<'t>(&self, cx: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        let (g, [x]) = (cx.g, cx.x);
        [Some(g.mul0((-x.square()).exp() * FRAC_2_SQRT_PI))]
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// The error function `2/√π ∫₀ˣ e^(-t²) dt`.
    #[track_caller]
    pub fn erf(self) -> Self {
        self.tape().apply(Erf, [self])
    }
}

#[cfg(test)]
mod tests {
    use super::super::battery::*;
    use tensor::tensor;

    row!(erf: |x| x.erf(); pointwise(Domain::Any));

    #[test]
    fn it_is_flat_far_out_and_steepest_at_zero() {
        let steepest = std::f64::consts::FRAC_2_SQRT_PI;
        let x = tensor![0.0, 1e200, f64::INFINITY, f64::NEG_INFINITY];
        assert_eq!(slope(|x| x.erf(), x), [steepest, 0.0, 0.0, 0.0]);
        masked(|[x]| x.erf());
    }
}
