//! Sine and cosine.
//!
//! Up to [`Sin::LIMIT`], `x = n π/2 + r` (Cody and Waite): π/2 is a sum of constants of falling
//! size, and `n` times each is taken away in turn. Beyond it one would need hundreds of bits of π;
//! such arguments are rare and go to the standard library, one by one: [`Unary::call`] by a branch
//! (so a loop over it does not vectorise), [`Unary::block`] after a fast loop over everything. The
//! error there is the platform's: glibc is off by 8 ULP in the cosine of 6381956970095103 · 2^797,
//! the double that comes nearest to an odd multiple of π/2.

use super::Unary;
use super::lane::{Lane, fast_two_sum, polynomial, residual, two_product, two_sum};
use crate::simd::Isa;

/// `sin x`. `±0` at `±0`, NaN at `±inf` and NaN.
///
/// Error: `f32` 0.63 ULP, `f64` 0.77 ULP (0.80 without a fused multiply-add), up to
/// [`LIMIT`](Self::LIMIT).
#[derive(Clone, Copy, Debug, Default)]
pub struct Sin;

/// `cos x`. `1` at `±0`, NaN at `±inf` and NaN.
///
/// Error: `f32` 0.63 ULP, `f64` 0.76 ULP (0.77 without a fused multiply-add), up to
/// [`LIMIT`](Self::LIMIT).
#[derive(Clone, Copy, Debug, Default)]
pub struct Cos;

impl Sin {
    /// Up to this magnitude (2^40) the fast path holds.
    pub const LIMIT: f64 = 1_099_511_627_776.0;
}

impl Cos {
    /// Up to this magnitude (2^40) the fast path holds.
    pub const LIMIT: f64 = Sin::LIMIT;
}

/// π/2 as a sum of three doubles; the rest is 5.6e-50.
const HALF_PI: [f64; 3] =
    [std::f64::consts::FRAC_PI_2, 6.123_233_995_736_766e-17, -1.497_384_904_859_169_8e-33];

/// `f32` in double precision: the reduced argument needs more bits than `f32` has anyway, and one
/// rounding at the end makes the result nearly exact. There is room for half turns, `x = n π + r`
/// with `|r| <= π/2`, so one polynomial serves: `sin x = (-1)^n sin r`.
///
/// For the cosine, `cos x = sin(x + π/2)`: with a `shift` of 1/2, n + 1/2 is the integer.
#[inline(always)]
fn half_turns<I: Isa>(x: f32, shift: f64) -> f32 {
    let x = f64::from(x);
    // An integer in the last bits of `turns`.
    let turns = I::mul_add(x, std::f64::consts::FRAC_1_PI, shift) + f64::MAGIC;
    let n = (turns - f64::MAGIC) - shift;
    // Exact by cancellation: both terms are multiples of 2^-52 or of the last bit of x. Twice n
    // is an integer in either case.
    let r = residual::<I, f64>(x, n + n, HALF_PI[0]);
    let r = I::mul_add(-(n + n), HALF_PI[1], r);
    let z = r * r;
    // Minimax for sin(r)/r on [0, π/2]: error 5e-9 relative to the result.
    let y = I::mul_add(r * z, polynomial::<I, f64, 4>(z, HALF_TURN), r);
    f64::from_bits(y.to_bits() ^ (turns.to_bits() << 63)) as f32
}

const HALF_TURN: [f64; 4] = [
    -0.166_666_607_445_721_23,
    0.008_333_094_082_044_511,
    -0.000_198_114_860_126_816_58,
    2.609_664_814_333_778e-6,
];

/// `f64`: `x = n π/2 + r + r_lo`, `|r| <= π/4`; sine and cosine of r, one of them taken by the last
/// bit of n, the sign by the bit before. The cosine starts `offset` = 1 quarter later.
#[inline(always)]
fn quarter_turns<I: Isa>(x: f64, offset: u64) -> f64 {
    let turns = I::mul_add(x, std::f64::consts::FRAC_2_PI, f64::MAGIC);
    let n = turns - f64::MAGIC;
    // Exact by cancellation, as in `half_turns`. The next product is exact as two parts, their
    // difference as well; only the last term is rounded, at 2^-107 n.
    let r = residual::<I, f64>(x, n, HALF_PI[0]);
    let (p, p_lo) = two_product::<I, f64>(n, HALF_PI[1]);
    let (r, r_lo) = two_sum(r, -p);
    let r_lo = I::mul_add(-n, HALF_PI[2], r_lo - p_lo);
    let (r, r_lo) = fast_two_sum(r, r_lo);

    let z = r * r;
    // r_lo counts by the derivative: 1 - r²/2 for the sine, -r for the cosine.
    let sine_tail = I::mul_add(r * z, polynomial::<I, f64, 6>(z, SINE), r_lo);
    let sine = r + I::mul_add(r_lo * z, -0.5, sine_tail);
    // 1 - r²/2 rounds; what it loses is (1 - w) - r²/2, exactly.
    let half_z = 0.5 * z;
    let w = 1.0 - half_z;
    let w_lo = (1.0 - w) - half_z;
    // And r² itself has lost r r - z.
    let cosine_tail = I::mul_add(z * z, polynomial::<I, f64, 6>(z, COSINE), w_lo);
    let cosine = w + I::mul_add(-r, r_lo, cosine_tail);

    let n = turns.to_bits().wrapping_add(offset);
    let y = if n & 1 == 0 { sine } else { cosine };
    f64::from_bits(y.to_bits() ^ ((n >> 1) << 63))
}

/// Minimax for `(sin(r)/r - 1)/r²` on `[0, π/4]`: error 3.7e-18 relative to the result.
const SINE: [f64; 6] = [
    -0.166_666_666_666_666_35,
    0.008_333_333_333_322_972,
    -0.000_198_412_698_301_465_7,
    2.755_731_378_455_443e-6,
    -2.505_076_980_053_838_2e-8,
    1.589_734_775_635_200_5e-10,
];
/// Minimax for `(cos(r) - 1 + r²/2)/r⁴` on `[0, π/4]`: error 5.5e-20.
const COSINE: [f64; 6] = [
    0.041_666_666_666_666_616,
    -0.001_388_888_888_887_650_6,
    2.480_158_729_078_02e-5,
    -2.755_731_468_722_958_7e-7,
    2.087_576_461_288_289e-9,
    -1.136_161_612_105_480_4e-11,
];

macro_rules! trig {
    ($name:ident, $T:ty, $std:ident, $x:ident, $fast:expr) => {
        impl Unary<$T> for $name {
            #[inline(always)]
            fn call<I: Isa>(self, $x: $T) -> $T {
                // Not taken for NaN, which the fast path passes on.
                if $x.abs() > Self::LIMIT as $T { <$T>::$std($x) } else { $fast }
            }

            #[inline(always)]
            fn block<I: Isa>(self, x: &[$T], out: &mut [$T]) {
                // Short enough for the second look at x to hit the nearest cache.
                for (x, out) in x.chunks(512).zip(out.chunks_mut(512)) {
                    let mut huge = false;
                    for (out, &$x) in out.iter_mut().zip(x) {
                        *out = $fast;
                        huge |= $x.abs() > Self::LIMIT as $T;
                    }
                    if huge {
                        repair(x, out, Self::LIMIT as $T, <$T>::$std);
                    }
                }
            }
        }
    };
}

#[cold]
#[inline(never)]
fn repair<T: Lane>(x: &[T], out: &mut [T], limit: T, slow: fn(T) -> T) {
    for (out, &x) in out.iter_mut().zip(x) {
        if x.abs() > limit {
            *out = slow(x);
        }
    }
}

// The selection keeps the sign of zero, which r - r³/6 loses.
trig!(Sin, f32, sin, x, if x == 0.0 { x } else { half_turns::<I>(x, 0.0) });
trig!(Sin, f64, sin, x, if x == 0.0 { x } else { quarter_turns::<I>(x, 0) });
trig!(Cos, f32, cos, x, half_turns::<I>(x, 0.5));
trig!(Cos, f64, cos, x, quarter_turns::<I>(x, 1));
