//! The smooth maximum of `x` and 0.

use super::exp::{expm1_reduced, long_tail, reduce};
use super::lane::{Lane, calm_kernel, fast_two_sum, two_sum};
use super::log1p::{ln_minus_f, split_sum};
use crate::simd::Isa;

/// `ln(1 + e^x) = max(x, 0) + ln(1 + e^-|x|)`. `x` wherever that is the nearest float, `e^x` down
/// to the subnormals on the other side, `0` at `-inf`, `inf` at `inf`, NaN at NaN.
///
/// Error: `f32` 0.98 ULP, `f64` 0.98 ULP.
#[derive(Clone, Copy, Debug, Default)]
pub struct Softplus;

calm_kernel!(Softplus, softplus, magnitude, f32: 60.0, f64: 600.0);

#[inline(always)]
fn softplus<I: Isa, T: Lane, const CALM: bool>(x: T) -> T {
    let (limit, floor) = if size_of::<T>() == 4 { (104.0, -100.0) } else { (746.0, -1000.0) };
    let (limit, floor) = (T::lit(limit), T::lit(floor));
    let a = x.abs();
    let a = if !CALM && a > limit { limit } else { a };
    // z = e^-|x| = 2^n (1 + t), with n held where z is normal; where that bites, the result is z
    // to the last bit, and the rest of the power may come at the end.
    let (n, r, error) = reduce::<I, T>(-a);
    let (t, t_lo) = expm1_reduced::<I, T>(r, error, long_tail::<I, T>(r));
    let held = if !CALM && n < floor { floor } else { n };
    let c = T::pow2(held);
    let (z, z_lo) = fast_two_sum(T::one(), t);
    let (z, z_lo) = (c * z, c * (z_lo + t_lo));
    let (sum, sum_lo) = fast_two_sum(T::one(), z);
    let (k, f, f_lo) = split_sum::<I, T>(sum, sum_lo, z_lo);
    let low = I::mul_add(k, T::LN_2_LO, ln_minus_f::<I, T>(f, f_lo));
    let positive = if x > T::zero() { x } else { T::zero() };
    let (base, base_lo) = two_sum(positive, k * T::LN_2_HI);
    let (high, high_lo) = two_sum(base, f);
    let y = high + (high_lo + (base_lo + low));
    let y = if !CALM && x < T::zero() { y * T::pow2(n - held) } else { y };
    // Infinity minus itself has been in the sums.
    if CALM || x < T::infinity() { y } else { x }
}
