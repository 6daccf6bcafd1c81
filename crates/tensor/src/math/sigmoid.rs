//! The logistic function.

use super::exp::{expm1_reduced, reduce, tail};
use super::lane::{Lane, calm_kernel, fast_two_sum, residual};
use crate::simd::Isa;

/// `1 / (1 + e^-x)`. Within `[0, 1]`; exactly `0` and `1` at `-inf` and `inf` and wherever that is
/// the nearest float; `1/2` at `±0`, NaN at NaN. Small results keep their relative accuracy, down
/// to the subnormals.
///
/// Error: `f32` 0.99 ULP, `f64` 0.80 ULP.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sigmoid;

calm_kernel!(Sigmoid, sigmoid, sigmoid_calm);

#[inline(always)]
fn sigmoid<I: Isa, T: Lane>(x: T) -> T {
    let limit = T::lit(if size_of::<T>() == 4 { 104.0 } else { 746.0 });
    let z = x.abs();
    let z = (if z > limit { limit } else { z }).copysign(x);
    let (n, t, t_lo) = exponential::<I, T>(-z);
    // The numerator may be subnormal, so it is applied in two factors, the last of which rounds
    // once; in the denominator the first will do, as the rest is far below the last bit there.
    let floor = T::lit(if size_of::<T>() == 4 { -100.0 } else { -1000.0 });
    let down = -n.abs();
    let first = if down < floor { floor } else { down };
    let power = T::pow2(first);
    let y = inverse::<I, T>(n, power, t, t_lo);
    if n > T::zero() { y * power * T::pow2(down - first) } else { y }
}

/// [`sigmoid`] where `x` need not be held and the numerator is normal.
#[inline(always)]
fn sigmoid_calm<I: Isa, T: Lane>(x: T) -> T {
    let (n, t, t_lo) = exponential::<I, T>(-x);
    let power = T::pow2(-n.abs());
    let y = inverse::<I, T>(n, power, t, t_lo);
    if n > T::zero() { y * power } else { y }
}

/// `e^x = 2^n (1 + t + t_lo)`. In `f32`, t is rounded once and t_lo dropped, which with the error of
/// the reduction costs a fifth of a unit; in `f64` division takes so long that both come free.
#[inline(always)]
fn exponential<I: Isa, T: Lane>(x: T) -> (T, T, T) {
    let (n, r, error) = reduce::<I, T>(x);
    if size_of::<T>() == 4 {
        return (n, I::mul_add(r * r, tail::<I, T>(r), r), T::zero());
    }
    let (t, t_lo) = expm1_reduced::<I, T>(r, error, tail::<I, T>(r));
    (n, t, t_lo)
}

/// `1 / (1 + 2^n (1 + t))`, divided by 2^n where n > 0, so that nothing overflows; `power` is 2^-|n|:
///
///   n <= 0: 1 / (1    + 2^n (1 + t))
///   n >  0: 1 / (2^-n +     (1 + t))
#[inline(always)]
fn inverse<I: Isa, T: Lane>(n: T, power: T, t: T, t_lo: T) -> T {
    let b = if n > T::zero() { T::one() } else { power };
    // 1 + 2^-|n|, to which b t is smaller.
    let (one, one_lo) = fast_two_sum(T::one(), power);
    let (den, den_lo) = fast_two_sum(one, b * t);
    let mut den_lo = den_lo + one_lo;
    if size_of::<T>() != 4 {
        den_lo = I::mul_add(b, t_lo, den_lo);
    }
    let inverse = T::one() / den;
    let rest = I::mul_add(-inverse, den_lo, residual::<I, T>(T::one(), inverse, den));
    I::mul_add(rest, inverse, inverse)
}
