//! The exponential function.

use tensor::kernel::unary_block;
use tensor::{AnySlice, Float, math};

use crate::op::{Pointwise, Pullback};
use crate::var::Var;

/// `eˣ`.
#[derive(Debug, PartialEq)]
pub struct Exp;
/// `eˣ - 1`, exact near 0.
#[derive(Debug, PartialEq)]
pub struct Expm1;

impl<T: Float> Pointwise<T, 1> for Exp {
    fn block(&self, [x]: [&[T]; 1], _: [AnySlice<'_>; 0], out: &mut [T]) {
        unary_block(math::Exp, x, out);
    }

    /// `eˣ`, the output.
    fn vjp<'t>(&self, cx: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        let (g, y) = (cx.g, cx.y);
        [Some(g.mul0(y))]
    }
}

impl<T: Float> Pointwise<T, 1> for Expm1 {
    fn block(&self, [x]: [&[T]; 1], _: [AnySlice<'_>; 0], out: &mut [T]) {
        unary_block(math::Expm1, x, out);
    }

    /// `eˣ`.
    fn vjp<'t>(&self, cx: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        let (g, y) = (cx.g, cx.y);
        [Some(g.mul0(y + 1.0))]
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// `eˣ`.
    #[track_caller]
    pub fn exp(self) -> Self {
        self.tape().apply(Exp, [self])
    }

    /// `eˣ - 1`, without the cancellation near 0.
    #[track_caller]
    pub fn expm1(self) -> Self {
        self.tape().apply(Expm1, [self])
    }
}

#[cfg(test)]
mod tests {
    use super::super::battery::*;
    use tensor::tensor;

    row!(exp: |x| x.exp(); pointwise(Domain::Any));
    row!(expm1: |x| x.expm1(); pointwise(Domain::Any));

    #[test]
    fn it_overflows_and_underflows_with_its_derivative() {
        let x = tensor![f64::NEG_INFINITY, -800.0, 0.0, 800.0];
        assert_eq!(slope(|x| x.exp(), &x), [0.0, 0.0, 1.0, f64::INFINITY]);
        assert_eq!(slope(|x| x.expm1(), &x), [0.0, 0.0, 1.0, f64::INFINITY]);
        masked(|[x]| x.exp());
        masked(|[x]| x.expm1());
    }
}
