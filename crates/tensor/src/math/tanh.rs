//! The hyperbolic tangent.

use super::lane::{Lane, calm_kernel, polynomial};
use crate::simd::Isa;

/// `tanh x`. `±1` at `±inf` and nowhere beyond, `±0` at `±0`, NaN at NaN.
///
/// Error: `f32` 0.99 ULP, `f64` 0.94 ULP (1.12 without a fused multiply-add).
#[derive(Clone, Copy, Debug, Default)]
pub struct Tanh;

calm_kernel!(Tanh, tanh, magnitude, f32: 10.0, f64: 20.0);

/// Two formulas of one form, `base + factor num / den`: what they differ in is selected, and one
/// division serves both. With `a = |x|`,
///
/// `a < 0.9`: `a + a³ P(a²) / Q(a²)`, P/Q minimax for the error relative to `tanh a`: 2.4e-10
/// (`f32`), 1.7e-19 (`f64`). (A polynomial of that accuracy has 7 and 15 terms.)
///
/// `a >= 0.9`: `1 - 2 / (e^2a + 1)`.
///
/// In both, the second term is less than 0.29, a fraction of the result, and its rounding errors
/// count that much less: neither needs a sum of two numbers to carry what was rounded off. They
/// count least in numbers just below a power of two, so P and Q are scaled to end there, and the
/// quotient of the other formula, by `factor num = -2` split unevenly (up to 3e-13 and 4e-22 of
/// it), begins there.
#[inline(always)]
fn tanh<I: Isa, T: Lane, const CALM: bool>(x: T) -> T {
    let single = size_of::<T>() == 4;
    // From here on, the result rounds to 1.
    let limit = T::lit(if single { 10.0 } else { 20.0 });
    let a = x.abs();
    let a = if !CALM && a > limit { limit } else { a };
    let z = a * a;
    let (p, q, minus_two) = if single {
        (polynomial::<I, T, 2>(z, P_F32), polynomial::<I, T, 3>(z, Q_F32), MINUS_TWO_F32)
    } else {
        (polynomial::<I, T, 4>(z, P_F64), polynomial::<I, T, 4>(z, Q_F64), MINUS_TWO_F64)
    };
    let small = a < T::lit(0.9);
    let num = if small { p } else { T::lit(minus_two.1) };
    let den = if small { q } else { exp2x_plus_1::<I, T>(a) };
    let factor = if small { a * z } else { T::lit(minus_two.0) };
    let base = if small { a } else { T::one() };
    I::mul_add(factor, num / den, base).copysign(x)
}

/// `e^2a + 1` for `0.9 <= a <= 20`, in which 2^n stays far from overflow.
///
/// With `a = n ln(2)/2 + r`, `|r| <= ln(2)/4`, it is `(2^n + 1) + 2^n (e^2r - 1)`, and the last
/// term is `2^n r E(r)`, E minimax for the error of `e^2r`: 3.8e-9 (`f32`), 4.5e-18 (`f64`). The
/// constant `ln(2)/2` of `f32` happens to be good to 2^-28.5: no second one is needed, as by the
/// time n is large the result is 1.
#[inline(always)]
fn exp2x_plus_1<I: Isa, T: Lane>(a: T) -> T {
    let n = I::mul_add(a, T::LOG2_E + T::LOG2_E, T::MAGIC) - T::MAGIC;
    let c = T::pow2(n);
    let (r, e) = if size_of::<T>() == 4 {
        let r = I::mul_add(-n, T::lit(std::f64::consts::LN_2 / 2.0), a);
        (r, polynomial::<I, T, 6>(r, LARGE_F32))
    } else {
        let half = T::lit(0.5);
        let r = I::mul_add(-n, half * T::LN_2_HI, a);
        let r = I::mul_add(-n, half * T::LN_2_LO, r);
        (r, polynomial::<I, T, 11>(r, LARGE_F64))
    };
    I::mul_add(c * r, e, c + T::one())
}

const P_F32: [f64; 2] = [-1.875, -0.082_816_608_250_141_14];
const Q_F32: [f64; 3] = [5.625, 2.498_449_563_980_102_5, 0.088_667_199_015_617_37];
const MINUS_TWO_F32: (f64, f64) = (-0.583_333_611_488_342_3, 3.428_569_793_701_172);
const P_F64: [f64; 4] =
    [-1.875, -0.120_437_059_596_495_42, -0.001_368_849_464_274_759_2, -9.723_863_698_795_016e-8];
const Q_F64: [f64; 4] =
    [5.625, 2.611_311_178_789_484, 0.137_916_734_194_375_25, 0.001_430_889_779_836_543];
const MINUS_TWO_F64: (f64, f64) = (-0.582_389_491_929_257_5, 3.434_127_895_018_646_5);
const LARGE_F32: [f64; 6] = [
    2.0,
    1.999_999_523_162_841_8,
    1.333_321_332_931_518_6,
    0.666_713_893_413_543_7,
    0.267_811_298_370_361_3,
    0.087_988_950_312_137_6,
];
const LARGE_F64: [f64; 11] = [
    2.0,
    2.000_000_000_000_005_3,
    1.333_333_333_333_320_2,
    0.666_666_666_664_192_8,
    0.266_666_666_670_030_86,
    0.088_888_889_265_223_15,
    0.025_396_825_121_271_692,
    0.006_349_181_278_904_153,
    0.001_410_943_021_777_751_2,
    0.000_282_946_101_973_682_87,
    5.126_792_750_571_902e-5,
];
