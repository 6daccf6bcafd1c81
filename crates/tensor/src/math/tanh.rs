//! The hyperbolic tangent.

use super::lane::{Lane, polynomial, unary_kernel};
use crate::simd::Isa;

/// `tanh x`. `±1` at `±inf` and nowhere beyond, `±0` at `±0`, NaN at NaN.
///
/// Error: `f32` 0.92 ULP, `f64` 0.94 ULP (1.07 without a fused multiply-add).
#[derive(Clone, Copy, Debug, Default)]
pub struct Tanh;

unary_kernel!(Tanh, tanh);

/// Two formulas, both computed, one taken.
///
/// `|x| < 1`: `x + x³ S(x²)`, S minimax for the error relative to `tanh x`: 4.7e-9 (`f32`), 1.2e-17
/// (`f64`). The second term is less than 0.24, a third of the first, and its rounding errors count
/// that much less.
///
/// `|x| >= 1`: `1 - 2 / (e^2|x| + 1)`, in which the quotient is less than 0.24 as well. So neither
/// needs a sum of two numbers to carry what was rounded off.
#[inline(always)]
fn tanh<I: Isa, T: Lane>(x: T) -> T {
    let single = size_of::<T>() == 4;
    // From here on, the result rounds to 1.
    let limit = T::lit(if single { 10.0 } else { 20.0 });
    let a = x.abs();
    let a = if a > limit { limit } else { a };
    let z = a * a;
    let s = if single {
        polynomial::<I, T, 7>(z, SMALL_F32)
    } else {
        polynomial::<I, T, 15>(z, SMALL_F64)
    };
    let small = I::mul_add(a * z, s, a);
    let large = I::mul_add(T::lit(-2.0), T::one() / exp2x_plus_1::<I, T>(a), T::one());
    (if a < T::one() { small } else { large }).copysign(x)
}

/// `e^2a + 1` for `1 <= a <= 20`, in which 2^n stays far from overflow.
///
/// With `a = n ln(2)/2 + r`, `|r| <= ln(2)/4`, it is `(2^n + 1) + 2^n (e^2r - 1)`, and the last term
/// is `2^n r E(r)`, E minimax for the error of `e^2r`: 3.8e-9 (`f32`), 4.5e-18 (`f64`). The constant
/// `ln(2)/2` of `f32` happens to be good to 2^-28.5: no second one is needed, as by the time n is
/// large the result is 1.
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

const SMALL_F32: [f64; 7] = [
    -0.333_332_955_837_249_76,
    0.133_323_475_718_498_23,
    -0.053_879_991_173_744_2,
    0.021_487_196_907_401_085,
    -0.007_946_886_122_226_715,
    0.002_301_919_972_524_047,
    -0.000_358_607_036_759_004_25,
];
const SMALL_F64: [f64; 15] = [
    -0.333_333_333_333_329_43,
    0.133_333_333_332_927_5,
    -0.053_968_253_953_395_59,
    0.021_869_488_259_407_54,
    -0.008_863_232_448_244_555,
    0.003_592_105_587_298_999,
    -0.001_455_721_253_855_349_4,
    0.000_589_618_485_197_547_2,
    -0.000_238_043_464_455_688_33,
    9.476_759_336_812_838e-5,
    -3.608_602_516_884_801e-5,
    1.234_089_837_976_917e-5,
    -3.419_473_441_554_549_2e-6,
    6.544_366_932_086_406e-7,
    -6.268_561_678_618_076e-8,
];
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
