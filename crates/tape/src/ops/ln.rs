//! The natural logarithm.

use tensor::kernel::unary_block;
use tensor::{AnySlice, Float, math};

use crate::op::{Pointwise, Pullback};
use crate::var::Var;

/// `ln x`.
#[derive(Debug, PartialEq)]
pub struct Ln;
/// `ln(1 + x)`, exact near 0.
#[derive(Debug, PartialEq)]
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

#[cfg(test)]
mod tests {
    use super::super::battery::*;
    use tensor::tensor;

    row!(ln: |x| x.ln(); pointwise(Domain::Positive));
    row!(log1p: |x| x.log1p(); pointwise(Domain::Unit));

    #[test]
    fn at_the_edge_the_derivative_is_the_limit() {
        assert_eq!(slope(|x| x.ln(), tensor![0.0, f64::INFINITY]), [f64::INFINITY, 0.0]);
        assert_eq!(slope(|x| x.log1p(), tensor![-1.0, 0.0]), [f64::INFINITY, 1.0]);
        masked(|[x]| x.ln());
        masked(|[x]| x.log1p());
    }

    #[test]
    fn below_the_edge_the_value_is_nan() {
        let tape = crate::Tape::new();
        assert!(tape.constant(-1.0f64).ln().item().is_nan());
        assert!(tape.constant(-2.0f64).log1p().item().is_nan());
    }
}
