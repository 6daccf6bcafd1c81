//! The error function.

use std::f64::consts::FRAC_2_SQRT_PI;

use tensor::kernel::unary_block;
use tensor::{AnySlice, Float, math};

use crate::op::{Pointwise, Pullback};
use crate::var::Var;

/// `erf(x) = 2/√π ∫₀ˣ e^(-t²) dt`.
#[derive(Debug)]
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
