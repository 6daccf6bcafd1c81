//! Values limited to an interval.

use tensor::kernel::unary_block;
use tensor::{AnySlice, Float, Scalar, math};

use crate::op::{DataPointwise, Pointwise, Pullback};
use crate::var::Var;

/// `min(max(x, lo), hi)`.
#[derive(Debug)]
pub struct Clamp {
    /// The least value of the output.
    pub lo: f64,
    /// The largest value of the output.
    pub hi: f64,
}

/// 1 strictly inside the interval, 0 elsewhere, NaN at NaN: the derivative of [`Clamp`].
#[derive(Debug)]
pub struct ClampSlope {
    /// The lower end.
    pub lo: f64,
    /// The upper end.
    pub hi: f64,
}

/// Equal operations give equal bits, and a bound of -0 is not one of 0.
impl PartialEq for Clamp {
    fn eq(&self, other: &Self) -> bool {
        same_bits([self.lo, self.hi], [other.lo, other.hi])
    }
}

impl PartialEq for ClampSlope {
    fn eq(&self, other: &Self) -> bool {
        same_bits([self.lo, self.hi], [other.lo, other.hi])
    }
}

fn same_bits(a: [f64; 2], b: [f64; 2]) -> bool {
    a.map(f64::to_bits) == b.map(f64::to_bits)
}

impl<T: Float> Pointwise<T, 1> for Clamp {
    fn block(&self, [x]: [&[T]; 1], _: [AnySlice<'_>; 0], out: &mut [T]) {
        unary_block(math::Clamp { lo: self.lo, hi: self.hi }, x, out);
    }

    fn vjp<'t>(&self, cx: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        let slope = ClampSlope { lo: self.lo, hi: self.hi };
        [Some(cx.g.mul0(cx.g.tape().apply_data(slope, cx.x)))]
    }
}

impl<T: Float> DataPointwise<T, T, 1> for ClampSlope {
    fn block(&self, [x]: [&[T]; 1], out: &mut [T]) {
        let (lo, hi) = (T::of(self.lo), T::of(self.hi));
        for (out, &x) in out.iter_mut().zip(x) {
            let slope = if lo < x && x < hi { T::one() } else { T::zero() };
            *out = if x.is_nan() { x } else { slope };
        }
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// `min(max(x, lo), hi)`; the derivative is 1 strictly inside and 0 at the ends and outside.
    ///
    /// # Panics
    /// When `lo > hi`, or one is NaN.
    #[track_caller]
    pub fn clamp(self, lo: impl Scalar, hi: impl Scalar) -> Self {
        let math::Clamp { lo, hi } = math::Clamp::new(lo.to_f64(), hi.to_f64());
        self.tape().apply(Clamp { lo, hi }, [self])
    }
}

#[cfg(test)]
mod tests {
    use super::super::battery::*;
    use tensor::tensor;

    // No number of the domain is a bound.
    row!(clamp: |x| x.clamp(-0.755, 1.003); pointwise(Domain::Any));

    #[test]
    fn the_derivative_is_zero_at_the_bounds_and_nan_at_nan() {
        let x = tensor![-2.0, -1.0, 0.5, 1.0, f64::INFINITY];
        assert_eq!(slope(|x| x.clamp(-1, 1), x), [0.0, 0.0, 1.0, 0.0, 0.0]);
        assert!(slope(|x| x.clamp(-1, 1), tensor![f64::NAN])[0].is_nan());
        masked(|[x]| x.clamp(-1, 1));
    }

    #[test]
    fn an_empty_interval_is_refused() {
        refuses(|[x]| x.clamp(2.0, 1.0), [&[3]], "clamp: 2 to 1 is not a range");
        refuses(|[x]| x.clamp(f64::NAN, 1.0), [&[3]], "clamp: NaN to 1 is not a range");
    }
}
