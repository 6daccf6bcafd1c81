//! Sine and cosine.

use tensor::kernel::unary_block;
use tensor::{AnySlice, Float, math};

use crate::op::{Pointwise, Pullback};
use crate::var::Var;

/// `sin x`.
#[derive(Debug, PartialEq)]
pub struct Sin;
/// `cos x`.
#[derive(Debug, PartialEq)]
pub struct Cos;

impl<T: Float> Pointwise<T, 1> for Sin {
    fn block(&self, [x]: [&[T]; 1], _: [AnySlice<'_>; 0], out: &mut [T]) {
        unary_block(math::Sin, x, out);
    }

    /// `cos x`; NaN at ±∞.
    fn vjp<'t>(&self, cx: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        let (g, [x]) = (cx.g, cx.x);
        [Some(g.mul0(x.cos()))]
    }
}

impl<T: Float> Pointwise<T, 1> for Cos {
    fn block(&self, [x]: [&[T]; 1], _: [AnySlice<'_>; 0], out: &mut [T]) {
        unary_block(math::Cos, x, out);
    }

    /// `-sin x`; NaN at ±∞.
    fn vjp<'t>(&self, cx: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        let (g, [x]) = (cx.g, cx.x);
        [Some(g.mul0(-x.sin()))]
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// The sine; NaN at ±∞.
    #[track_caller]
    pub fn sin(self) -> Self {
        self.tape().apply(Sin, [self])
    }

    /// The cosine; NaN at ±∞.
    #[track_caller]
    pub fn cos(self) -> Self {
        self.tape().apply(Cos, [self])
    }
}

#[cfg(test)]
mod tests {
    use super::super::battery::*;
    use tensor::tensor;

    row!(sin: |x| x.sin(); pointwise(Domain::Any));
    row!(cos: |x| x.cos(); pointwise(Domain::Any));

    #[test]
    fn infinity_has_no_angle() {
        assert!(slope(|x| x.sin(), tensor![f64::INFINITY])[0].is_nan());
        assert!(slope(|x| x.cos(), tensor![f64::NEG_INFINITY])[0].is_nan());
        masked(|[x]| x.sin());
        masked(|[x]| x.cos());
    }
}
