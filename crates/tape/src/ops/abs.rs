//! The absolute value.

use tensor::kernel::unary_block;
use tensor::{AnySlice, Float, math};

use crate::op::{Pointwise, Pullback};
use crate::var::Var;

/// `|x|`.
#[derive(Debug, PartialEq)]
pub struct Abs;

impl<T: Float> Pointwise<T, 1> for Abs {
    fn block(&self, [x]: [&[T]; 1], _: [AnySlice<'_>; 0], out: &mut [T]) {
        unary_block(math::Abs, x, out);
    }

    /// `sign x`. The derivative at 0 is 0.
    fn vjp<'t>(&self, cx: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        let (g, [x]) = (cx.g, cx.x);
        [Some(g.mul0(x.sign()))]
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// `|x|`; its derivative at 0 is 0.
    #[track_caller]
    pub fn abs(self) -> Self {
        self.tape().apply(Abs, [self])
    }
}

#[cfg(test)]
mod tests {
    use super::super::battery::*;
    use tensor::tensor;

    row!(abs: |x| x.abs(); pointwise(Domain::Nonzero));

    #[test]
    fn the_derivative_at_zero_is_zero_and_nan_stays() {
        let x = tensor![-1.0, -0.0, 0.0, 1e-310, f64::INFINITY];
        assert_eq!(slope(|x| x.abs(), &x), [-1.0, 0.0, 0.0, 1.0, 1.0]);
        assert!(slope(|x| x.abs(), tensor![f64::NAN])[0].is_nan());
        masked(|[x]| x.abs());
    }
}
