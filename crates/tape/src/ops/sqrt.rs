//! The square root and its reciprocal.

use tensor::kernel::unary_block;
use tensor::{AnySlice, Float, math};

use crate::op::{Pointwise, Pullback};
use crate::var::Var;

/// `√x`.
#[derive(Debug)]
pub struct Sqrt;
/// `1 / √x`.
#[derive(Debug)]
pub struct Rsqrt;

impl<T: Float> Pointwise<T, 1> for Sqrt {
    fn block(&self, [x]: [&[T]; 1], _: [AnySlice<'_>; 0], out: &mut [T]) {
        unary_block(math::Sqrt, x, out);
    }

    /// `1 / (2√x)`; singular at 0.
    fn vjp<'t>(&self, cx: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        let (g, y) = (cx.g, cx.y);
        [Some(g.mul0(0.5 / y))]
    }
}

impl<T: Float> Pointwise<T, 1> for Rsqrt {
    fn block(&self, [x]: [&[T]; 1], _: [AnySlice<'_>; 0], out: &mut [T]) {
        unary_block(math::Rsqrt, x, out);
    }

    /// `-½ x^(-3/2) = -½ y³`; singular at 0.
    fn vjp<'t>(&self, cx: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        let (g, y) = (cx.g, cx.y);
        [Some(g.mul0(-0.5 * y * y * y))]
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// The square root: NaN below 0; its derivative at 0 is ∞.
    #[track_caller]
    pub fn sqrt(self) -> Self {
        self.tape().apply(Sqrt, [self])
    }

    /// `1 / √x`: ∞ at 0, NaN below.
    #[track_caller]
    pub fn rsqrt(self) -> Self {
        self.tape().apply(Rsqrt, [self])
    }
}
