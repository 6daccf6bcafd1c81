//! The natural logarithm, and the core that `log1p` and `softplus` share.

use super::lane::{Lane, calm_kernel, polynomial};
use crate::simd::Isa;

/// `ln x`. `-inf` at `±0`, NaN below zero, `inf` at `inf`, `+0` at `1`, NaN at NaN; subnormal
/// arguments count in full.
///
/// Error: `f32` 0.89 ULP, `f64` 0.95 ULP.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ln;

calm_kernel!(Ln, ln, normality, f32: f32::MAX, f64: f64::MAX);

/// `ln(1 + f) - f` for `√½ - 1 <= f <= √2 - 1`.
///
/// `f32`: `f² (f R(f) - 1/2)`, R minimax for the error relative to `f`: 7.3e-10.
///
/// `f64`: with `s = f / (2 + f)` the logarithm is `2 artanh s = 2s + s Z(s²)`, and `2s = f - s f`.
/// So the difference is `s (Z - f)`, some `f²/2`: its rounding errors count little in the sum.
/// `|s| < 0.172`, and Z is minimax with an error of 1.5e-18 relative to `2s`. The division costs
/// less than the ten terms it saves.
#[inline(always)]
pub(super) fn ln_1p_minus_f<I: Isa, T: Lane>(f: T) -> T {
    if size_of::<T>() == 4 {
        let bracket = I::mul_add(f, polynomial::<I, T, 9>(f, R_F32), T::lit(-0.5));
        f * f * bracket
    } else {
        let s = f / (f + T::lit(2.0));
        let z = s * s;
        s * I::mul_add(z, polynomial::<I, T, 7>(z, Z_F64), -f)
    }
}

const R_F32: [f64; 9] = [
    0.333_333_104_848_861_7,
    -0.249_999_865_889_549_26,
    0.200_022_235_512_733_46,
    -0.166_692_495_346_069_34,
    0.142_187_163_233_757_02,
    -0.123_844_020_068_645_48,
    0.118_726_186_454_296_11,
    -0.117_893_651_127_815_25,
    0.069_156_043_231_487_27,
];
const Z_F64: [f64; 7] = [
    0.666_666_666_666_671_2,
    0.399_999_999_995_361_07,
    0.285_714_287_192_420_87,
    0.222_222_006_739_157_4,
    0.181_834_658_040_917_75,
    0.153_163_569_366_517_76,
    0.147_746_200_992_024_93,
];

#[inline(always)]
fn ln<I: Isa, T: Lane, const CALM: bool>(x: T) -> T {
    let (lift, lift_exponent) = T::LIFT;
    let subnormal = !CALM && x < T::NORMAL;
    let lifted = if subnormal { x * lift } else { x };
    let (k, m) = T::split_exponent(lifted);
    let k = if subnormal { k - lift_exponent } else { k };
    // m - 1 is exact. So is k LN_2_HI; where k != 0 it is the largest term.
    let f = m - T::one();
    let low = I::mul_add(k, T::LN_2_LO, ln_1p_minus_f::<I, T>(f));
    let y = I::mul_add(k, T::LN_2_HI, f + low);
    if CALM {
        return y;
    }
    // What the bits made of zero, infinity, NaN and negative numbers.
    let edge = if x == T::zero() { T::neg_infinity() } else { T::nan() };
    let edge = if x > T::zero() { x } else { edge };
    if x > T::zero() && x < T::infinity() { y } else { edge }
}
