//! The natural logarithm.

use tensor::kernel::unary_block;
use tensor::{AnySlice, Float, math};

use crate::op::{Pointwise, Pullback};
use crate::var::Var;

/// `ln x`.
#[derive(Debug)]
pub struct Ln;
/// `ln(1 + x)`, exact near 0.
#[derive(Debug)]
pub struct Log1p;

impl<T: Float> Pointwise<T, 1> for Ln {
    fn block(&self, [x]: [&[T]; 1], _: [AnySlice<'_>; 0], out: &mut [T]) {
        unary_block(math::Ln, x, out);
    }

    /// `1 / x`; singular at 0.
    fn vjp<'t>(&self, cx: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        let (g, [x]) = (cx.g, cx.x);
        [Some(g.mul0(1.0 / x))]
    }
}

impl<T: Float> Pointwise<T, 1> for Log1p {
    fn block(&self, [x]: [&[T]; 1], _: [AnySlice<'_>; 0], out: &mut [T]) {
        unary_block(math::Log1p, x, out);
    }

    /// `1 / (1 + x)`; singular at -1.
    fn vjp<'t>(&self, cx: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        let (g, [x]) = (cx.g, cx.x);
        [Some(g.mul0(1.0 / (1.0 + x)))]
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// The natural logarithm: -∞ at 0, NaN below.
    #[track_caller]
    pub fn ln(self) -> Self {
        self.tape().apply(Ln, [self])
    }

    /// `ln(1 + x)`, without the cancellation near 0.
    #[track_caller]
    pub fn log1p(self) -> Self {
        self.tape().apply(Log1p, [self])
    }
}
