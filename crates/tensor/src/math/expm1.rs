//! `e^x - 1` without cancellation.

use super::exp::{expm1_reduced, long_tail, reduce};
use super::lane::{Lane, calm_kernel, fast_two_sum};
use crate::simd::Isa;

/// `e^x - 1`, accurate near 0. `-1` at `-inf`, `inf` where it overflows, `±0` at `±0`, NaN at NaN.
///
/// Error: `f32` 0.86 ULP, `f64` 0.87 ULP (0.96 without a fused multiply-add).
#[derive(Clone, Copy, Debug, Default)]
pub struct Expm1;

calm_kernel!(Expm1, expm1, magnitude, f32: 30.0, f64: 50.0);

#[inline(always)]
fn expm1<I: Isa, T: Lane, const CALM: bool>(x: T) -> T {
    // Below, the result is -1; above, infinite.
    let (lo, hi) = if size_of::<T>() == 4 { (-30.0, 89.0) } else { (-50.0, 710.0) };
    let z = if !CALM && x < T::lit(lo) { T::lit(lo) } else { x };
    let z = if !CALM && z > T::lit(hi) { T::lit(hi) } else { z };
    let (n, r, error) = reduce::<I, T>(z);
    let (t, t_lo) = expm1_reduced::<I, T>(r, error, long_tail::<I, T>(r));
    // 2^n (1 + t) - 1 = (2^n - 1) + 2^n t; all halved, for 2^n itself may overflow. The first
    // difference is exact for |n| up to the mantissa's length; its error counts only for large n.
    let half = T::lit(0.5);
    let c = T::pow2(n - T::one());
    let (a, a_lo) = fast_two_sum(c, -half);
    // |a| >= |c t| for n != 0; for n = 0, a is 0 and the sum exact.
    let (y, y_lo) = fast_two_sum(a, c * t);
    let y = y + I::mul_add(c, t_lo, y_lo + a_lo);
    // Halving costs subnormals a bit, and a sum zero its sign. Where x²/2 is below half a unit of
    // x, the result is x.
    let tiny = T::lit(if size_of::<T>() == 4 { 1e-9 } else { 1e-18 });
    if x.abs() < tiny { x } else { y + y }
}
