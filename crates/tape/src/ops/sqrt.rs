//! The square root and its reciprocal.

use tensor::kernel::unary_block;
use tensor::{AnySlice, Float, math};

use crate::op::{Pointwise, Pullback};
use crate::var::Var;

/// `√x`.
#[derive(Debug, PartialEq)]
pub struct Sqrt;
/// `1 / √x`.
#[derive(Debug, PartialEq)]
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

#[cfg(test)]
mod tests {
    use super::super::battery::*;
    use crate::hessian;
    use tensor::tensor;

    row!(sqrt: |x| x.sqrt(); pointwise(Domain::Positive));
    row!(rsqrt: |x| x.rsqrt(); pointwise(Domain::Positive));

    #[test]
    fn at_zero_the_derivative_is_infinite_unless_nobody_asks() {
        let inf = f64::INFINITY;
        assert_eq!(slope(|x| x.sqrt(), tensor![0.0, -0.0, 4.0, inf]), [inf, -inf, 0.25, 0.0]);
        assert_eq!(slope(|x| x.rsqrt(), tensor![0.0, 4.0, inf]), [-inf, -0.0625, 0.0]);
        assert!(slope(|x| x.sqrt(), tensor![-1.0])[0].is_nan());
        masked(|[x]| x.sqrt());
        masked(|[x]| x.rsqrt());
        // The second derivative of a branch that is not taken stays away, too.
        fn taken(x: crate::Var<'_, f64>) -> crate::Var<'_, f64> {
            x.gt(0.0).select(x.sqrt(), x * x).sum()
        }
        assert_eq!(hessian(taken, tensor![-1.0]).unwrap().to_vec(), [2.0]);
    }
}
