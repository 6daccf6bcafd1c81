//! The error function.

use super::exp::{reduce, tail};
use super::lane::{Lane, calm_kernel, polynomial, polynomial_by_squares};
use crate::simd::Isa;

/// `erf x = 2/√π ∫₀ˣ e^-t² dt`. `±1` at `±inf` and nowhere beyond, `±0` at `±0`, NaN at NaN.
///
/// Error: `f32` 0.98 ULP, `f64` 0.99 ULP (1.24 without a fused multiply-add).
#[derive(Clone, Copy, Debug, Default)]
pub struct Erf;

calm_kernel!(Erf, erf, magnitude, f32: 3.93, f64: 5.93);

/// Two polynomials, both computed, one taken.
///
/// `|x| < 1`: `x + x S(x²)`, S minimax for `erf(x)/x - 1`, error 1.3e-9 (`f32`), 1.5e-17 (`f64`).
///
/// `|x| >= 1`: `1 - e^L(|x|)`, L for `ln erfc`, minimax for the error of the result (so L need not
/// be good where `erfc` is small): 1.1e-9 (`f32`), 1.2e-18 (`f64`). The rounding errors of L and of
/// the exponential count by `erfc(x) < 0.158` only.
#[inline(always)]
fn erf<I: Isa, T: Lane, const CALM: bool>(x: T) -> T {
    let single = size_of::<T>() == 4;
    // From here on, the result rounds to 1.
    let limit = T::lit(if single { 3.93 } else { 5.93 });
    let a = x.abs();
    let a = if !CALM && a > limit { limit } else { a };
    let z = a * a;
    let s = if single {
        polynomial::<I, T, 7>(z, SMALL_F32)
    } else {
        polynomial_by_squares::<I, T, 12>(z, z * z, SMALL_F64)
    };
    let small = I::mul_add(a, s, a);
    let l = if single {
        polynomial::<I, T, 7>(a, LARGE_F32)
    } else {
        polynomial_by_squares::<I, T, 19>(a, a * a, LARGE_F64)
    };
    // 1 - 2^n (1 + t) = (1 - 2^n) - 2^n t, where n <= -2.
    let (n, r, _) = reduce::<I, T>(l);
    let t = I::mul_add(r * r, tail::<I, T>(r), r);
    let c = T::pow2(n);
    let large = I::mul_add(-c, t, T::one() - c);
    (if a < T::one() { small } else { large }).copysign(x)
}

const SMALL_F32: [f64; 7] = [
    0.128_379_166_126_251_22,
    -0.376_126_289_367_675_8,
    0.112_836_182_117_462_16,
    -0.026_855_126_023_292_54,
    0.005_190_733_820_199_966,
    -0.000_803_076_138_254_255_1,
    7.920_368_079_794_571e-5,
];
const SMALL_F64: [f64; 12] = [
    0.128_379_167_095_512_56,
    -0.376_126_389_031_833_7,
    0.112_837_916_709_388_4,
    -0.026_866_170_642_321_024,
    0.005_223_977_600_009_338,
    -0.000_854_832_565_160_227,
    0.000_120_552_856_703_442_22,
    -1.492_456_729_228_032_9e-5,
    1.644_541_916_679_784_3e-6,
    -1.619_373_422_328_193e-7,
    1.365_867_834_147_225_9e-8,
    -7.685_444_240_612_002e-10,
];
const LARGE_F32: [f64; 7] = [
    -0.000_353_889_045_072_719_45,
    -1.127_039_313_316_345_2,
    -0.638_226_926_326_751_7,
    -0.103_036_254_644_393_92,
    0.021_804_779_767_990_112,
    -0.002_939_473_837_614_059_4,
    0.000_185_560_769_750_736_65,
];
const LARGE_F64: [f64; 19] = [
    -1.843_707_225_078_754e-7,
    -1.128_377_282_544_219_8,
    -0.636_628_703_038_640_2,
    -0.102_746_644_610_566_72,
    0.019_076_959_417_317_87,
    0.000_282_222_444_856_588_5,
    -0.001_770_918_063_642_980_4,
    0.000_642_826_798_138_690_8,
    -4.595_079_486_112_823e-5,
    -6.975_350_855_940_496e-5,
    4.477_136_483_963_784_6e-5,
    -1.642_201_942_000_068_5e-5,
    4.301_935_316_485_425e-6,
    -8.452_274_075_188_16e-7,
    1.248_366_317_429_653e-7,
    -1.352_293_466_061_107_4e-8,
    1.017_106_587_588_092_2e-9,
    -4.752_013_250_223_002_4e-11,
    1.039_122_742_312_757_2e-12,
];
