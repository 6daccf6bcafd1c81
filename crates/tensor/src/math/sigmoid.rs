//! The logistic function.

use super::exp::{remainder, secant, turns};
use super::lane::{Lane, calm_kernel, residual};
use crate::simd::Isa;

/// `1 / (1 + e^-x)`. Within `[0, 1]`; exactly `0` and `1` at `-inf` and `inf` and wherever that is
/// the nearest float; `1/2` at `±0`, NaN at NaN. Small results keep their relative accuracy, down
/// to the subnormals.
///
/// Error: `f32` 0.90 ULP, `f64` 0.93 ULP (1.15 without a fused multiply-add).
#[derive(Clone, Copy, Debug, Default)]
pub struct Sigmoid;

calm_kernel!(Sigmoid, sigmoid, magnitude, f32: 16.0, f64: 36.0);

/// With `e^-x = 2^n (1 + r s)` (`secant`): the reciprocal of `den = (1 + 2^n) + 2^n r s`, one
/// Newton step correcting it for its own rounding and for what den has lost. What r and s have lost
/// stays. Of calm arguments n is so small that the first sum is exact, and so is 2^n r by its
/// exponent alone: r is subnormal, or 0, for n = 0 only.
#[inline(always)]
fn sigmoid<I: Isa, T: Lane, const CALM: bool>(x: T) -> T {
    let single = size_of::<T>() == 4;
    // Below, the result rounds to 0; above, to 1. From the exponent `most` on, den could
    // overflow: its power is held there, and the rest of it may come at the end, for the 1 is
    // lost in den anyway.
    let (bottom, top, most) = if single {
        (T::lit(-104.0), T::lit(80.0), T::lit(120.0))
    } else {
        (T::lit(-746.0), T::lit(700.0), T::lit(1010.0))
    };
    let z = if !CALM && x < bottom { bottom } else { x };
    let turns = turns::<I, T>(-z);
    let (r, _) = remainder::<I, T>(-z, turns - T::MAGIC);
    let most = most + T::MAGIC;
    let held = if !CALM && turns > most { most } else { turns };
    let power = T::one().scaled(held);
    let one = T::one() + power;
    let (rise, s) = (if CALM { r.scaled(held) } else { power * r }, secant::<I, T>(r));
    let den = I::mul_add(rise, s, one);
    let den_lo = I::mul_add(rise, s, one - den);
    // The bracket is what `one` has lost. For a small power it is 0 instead of the power where
    // `1 - power` rounds to 1, and so does the result.
    let den_lo = if CALM { den_lo } else { den_lo + (T::one() - (one - power)) };
    let inverse = T::one() / den;
    let rest = I::mul_add(-inverse, den_lo, residual::<I, T>(T::one(), inverse, den));
    let y = I::mul_add(rest, inverse, inverse);
    if CALM {
        return y;
    }
    let y = if held < turns { y.scaled_beyond(T::MAGIC + (held - turns)) } else { y };
    if x > top { T::one() } else { y }
}
