//! `e^x`, and the reduction that every function made of exponentials starts with.

use super::lane::{Lane, calm_kernel, fast_two_sum, polynomial};
use crate::simd::Isa;

/// `e^x`. `0` at `-inf` and below the smallest subnormal, `inf` where it overflows, `1` at `±0`,
/// NaN at NaN.
///
/// Error: `f32` 0.91 ULP, `f64` 0.92 ULP (1.22 without a fused multiply-add).
#[derive(Clone, Copy, Debug, Default)]
pub struct Exp;

calm_kernel!(Exp, exp, magnitude, f32: 86.0, f64: 700.0);

/// `x = n ln 2 + r + error` with an integer `n` and `|r| <= ln(2)/2`.
///
/// The first product is exact, because `LN_2_HI` has so few bits, and so is the difference, by
/// cancellation. The second step rounds; `error` is what it lost.
#[inline(always)]
pub(super) fn reduce<I: Isa, T: Lane>(x: T) -> (T, T, T) {
    let n = nearest::<I, T>(x);
    let (r, error) = remainder::<I, T>(x, n);
    (n, r, error)
}

#[inline(always)]
fn nearest<I: Isa, T: Lane>(x: T) -> T {
    turns::<I, T>(x) - T::MAGIC
}

/// `n + MAGIC`.
#[inline(always)]
pub(super) fn turns<I: Isa, T: Lane>(x: T) -> T {
    I::mul_add(x, T::LOG2_E, T::MAGIC)
}

#[inline(always)]
pub(super) fn remainder<I: Isa, T: Lane>(x: T, n: T) -> (T, T) {
    let r_hi = I::mul_add(-n, T::LN_2_HI, x);
    let r = I::mul_add(-n, T::LN_2_LO, r_hi);
    (r, I::mul_add(-n, T::LN_2_LO, r_hi - r))
}

/// `q` in `e^r = 1 + r + r² q(r)` for `|r| <= ln(2)/2`.
///
/// Minimax for `r² q(r)`, the first coefficient held at 1/2 and the others rounded one by one:
/// error of `e^r` 3.2e-9 (`f32`), 8.5e-18 (`f64`).
#[inline(always)]
pub(super) fn tail<I: Isa, T: Lane>(r: T) -> T {
    if size_of::<T>() == 4 {
        polynomial::<I, T, 5>(r, EXP_F32)
    } else {
        polynomial::<I, T, 10>(r, EXP_F64)
    }
}

/// [`tail`] with one more term, for functions that subtract the 1: minimax for `r q(r)`, so the
/// error relative to `e^r - 1` is 4.3e-10 (`f32`) and 2.8e-19 (`f64`).
#[inline(always)]
pub(super) fn long_tail<I: Isa, T: Lane>(r: T) -> T {
    if size_of::<T>() == 4 {
        polynomial::<I, T, 6>(r, EXPM1_F32)
    } else {
        polynomial::<I, T, 11>(r, EXPM1_F64)
    }
}

const EXP_F32: [f64; 5] = [
    0.5,
    0.166_665_196_418_762_2,
    0.041_666_422_039_270_4,
    0.008_368_815_295_398_235,
    0.001_393_885_002_471_506_6,
];
const EXPM1_F32: [f64; 6] = [
    0.5,
    0.166_666_671_633_720_4,
    0.041_666_489_094_495_77,
    0.008_333_207_108_080_387,
    0.001_393_266_138_620_674_6,
    0.000_199_451_053_049_415_35,
];
const EXP_F64: [f64; 10] = [
    0.5,
    0.166_666_666_666_666_8,
    0.041_666_666_666_619_69,
    0.008_333_333_333_318_284,
    0.001_388_888_892_063_768,
    0.000_198_412_698_956_704_98,
    2.480_151_617_906_951_8e-5,
    2.755_723_407_791_461_7e-6,
    2.762_229_566_390_64e-7,
    2.511_265_100_848_659_8e-8,
];
const EXPM1_F64: [f64; 11] = [
    0.5,
    0.166_666_666_666_666_77,
    0.041_666_666_666_666_67,
    0.008_333_333_333_321_445,
    0.001_388_888_888_888_127_4,
    0.000_198_412_698_865_483_9,
    2.480_158_733_317_997_7e-5,
    2.755_724_382_096_195_3e-6,
    2.755_726_531_540_136_3e-7,
    2.510_916_208_500_873_5e-8,
    2.091_769_181_007_957_4e-9,
];

/// `e^x - 1` of a reduced argument (`r + error` of [`reduce`]) as an unevaluated sum.
#[inline(always)]
pub(super) fn expm1_reduced<I: Isa, T: Lane>(r: T, error: T, q: T) -> (T, T) {
    // The error's own factor, e^r, is 1 + r to the accuracy that matters.
    fast_two_sum(r, I::mul_add(r * r, q, I::mul_add(error, r, error)))
}

/// `(e^r - 1) / r = 1 + r q(r)`, the slope of a secant. In `1 + r s` its rounding counts as much as
/// that of r does, a fifth of a unit: no sum of two numbers need carry what was rounded off.
#[inline(always)]
pub(super) fn secant<I: Isa, T: Lane>(r: T) -> T {
    I::mul_add(r, tail::<I, T>(r), T::one())
}

#[inline(always)]
fn exp<I: Isa, T: Lane, const CALM: bool>(x: T) -> T {
    let held = if CALM { x } else { not_below_bottom(x) };
    let turns = turns::<I, T>(held);
    let (r, _) = remainder::<I, T>(held, turns - T::MAGIC);
    let y = I::mul_add(r, secant::<I, T>(r), T::one());
    if CALM { y.scaled(turns) } else { scaled_to_edges(x, y, turns) }
}

/// `e^(x + x_lo)`, where `x_lo` is below the last bit of x: 1 + r + r² q, the error of the first
/// sum and the low part of r passed to the second.
#[inline(always)]
pub(super) fn exp_sum<I: Isa, T: Lane>(x: T, x_lo: T) -> T {
    let held = not_below_bottom(x);
    let turns = turns::<I, T>(held);
    let (r, error) = remainder::<I, T>(held, turns - T::MAGIC);
    let (r, r_lo) = fast_two_sum(r, error + x_lo);
    let (y, y_lo) = fast_two_sum(T::one(), r);
    let y = y + I::mul_add(r * r, tail::<I, T>(r), I::mul_add(r_lo, y, y_lo));
    scaled_to_edges(x, y, turns)
}

/// Below, `e^x` rounds to 0.
#[inline(always)]
fn not_below_bottom<T: Lane>(x: T) -> T {
    let bottom = T::lit(if size_of::<T>() == 4 { -104.0 } else { -746.0 });
    if x < bottom { bottom } else { x }
}

/// `2^n y`, infinite or NaN as x says where x has no exponential.
#[inline(always)]
fn scaled_to_edges<T: Lane>(x: T, y: T, turns: T) -> T {
    // Above, the result is infinite; so is this sum, or NaN.
    let top = T::lit(if size_of::<T>() == 4 { 89.0 } else { 710.0 });
    if x <= top { y.scaled_beyond(turns) } else { x + T::infinity() }
}
