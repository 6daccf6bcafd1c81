//! Powers with a real exponent: `a^b = e^(b ln |a|)`, the sign by the parity of b.
//!
//! The exponential turns the absolute error of `b ln |a|`, a number up to 745, into a relative
//! one. So the logarithm has to be good to some 12 bits more than the result: for `f32` that is
//! double precision, for `f64` an unevaluated sum of two doubles.
//!
//! The exponents that programs write, such as 2, are products, a tenth of the work. They are for
//! every element, whether its neighbours have the same exponent or not, for its bits must not
//! depend on them.

use super::Binary;
use super::exp::{exp_sum, reduce};
use super::lane::{Lane, RUN, Runs, Twins, fast_two_sum, polynomial, residual, two_product};
use crate::simd::Isa;

/// `a^b` as IEEE 754 `pow`: `a^0` and `1^b` are 1 even for NaN; a negative `a` needs an integer `b`
/// (else NaN), whose parity gives the sign; `0^b` is infinite for `b < 0`; `(-1)^±inf` is 1; a
/// signed zero or infinity keeps its sign for odd `b`.
///
/// Error: `f32` 0.51 ULP, `f64` 0.77 ULP (where the result nearly overflows, 1.01); powers by -1,
/// 1, 2, 3 and 4 are rounded once, but for some 2^-29 ULP (in `f64` twice where the result is
/// subnormal: 0.75).
#[derive(Clone, Copy, Debug, Default)]
pub struct Pow;

/// The exponents for which a power is a few products.
const WRITTEN: [f64; 5] = [-1.0, 1.0, 2.0, 3.0, 4.0];

macro_rules! pow {
    ($T:ident, $magnitude:ident, $product:expr) => {
        impl Twins<($T, $T), $T> for Pow {
            #[inline(always)]
            fn rank((a, b): ($T, $T)) -> <$T as Lane>::Bits {
                a.normality().max(b.magnitude())
            }

            // A positive normal base and a finite exponent have no edges.
            const LIMIT: ($T, $T) = ($T::MAX, 0.0);

            #[inline(always)]
            fn at<I: Isa, const CALM: bool>(self, (a, b): ($T, $T)) -> $T {
                let (a, b) = (f64::from(a), f64::from(b));
                if CALM {
                    $magnitude::<I, true>(a, b) as $T
                } else {
                    edges(a, b, $magnitude::<I, false>(a.abs(), b)) as $T
                }
            }
        }

        impl Binary<$T> for Pow {
            #[inline(always)]
            fn call<I: Isa>(self, a: $T, b: $T) -> $T {
                match written(b) {
                    true => $product(a.into(), b.into()) as $T,
                    false => self.at::<I, false>((a, b)),
                }
            }

            #[inline(always)]
            fn block<I: Isa>(self, a: &[$T], b: &[$T], out: &mut [$T]) {
                let mut runs = Runs::new(self);
                for ((a, b), out) in a.chunks(RUN).zip(b.chunks(RUN)).zip(out.chunks_mut(RUN)) {
                    let mut products = Products { a, b, out };
                    // A loop for each exponent, in which it is a constant.
                    let done = products.alike()
                        && match f64::from(b[0]) {
                            -1.0 => products.write(|a| $product(a, -1.0) as $T),
                            1.0 => products.write(|a| $product(a, 1.0) as $T),
                            2.0 => products.write(|a| $product(a, 2.0) as $T),
                            3.0 => products.write(|a| $product(a, 3.0) as $T),
                            4.0 => products.write(|a| $product(a, 4.0) as $T),
                            _ => false,
                        };
                    if done {
                        continue;
                    }
                    let pairs = a.iter().copied().zip(b.iter().copied());
                    runs.next::<I, $T, _>(pairs, products.out);
                    if products.any() {
                        products.write_over(|a, b| $product(a, b) as $T);
                    }
                }
            }
        }
    };
}
pow!(f32, magnitude_f32, product_f32);
pow!(f64, magnitude_f64, product_f64::<I>);

/// Whether the exponent is one of [`WRITTEN`].
#[inline(always)]
fn written<T: Lane>(b: T) -> bool {
    WRITTEN.iter().fold(false, |any, &n| any | (b == T::lit(n)))
}

/// A run of powers, some of which are products.
struct Products<'a, T> {
    a: &'a [T],
    b: &'a [T],
    out: &'a mut [T],
}

impl<T: Lane + Into<f64>> Products<'_, T> {
    /// Whether all exponents are the first one.
    #[inline(always)]
    fn alike(&self) -> bool {
        let first = self.b[0];
        self.b.iter().fold(true, |all, &b| all & (b == first))
    }

    /// Whether one of the exponents is [`written`].
    #[inline(always)]
    fn any(&self) -> bool {
        self.b.iter().fold(false, |any, &b| any | written(b))
    }

    /// Writes all of them; true.
    #[inline(always)]
    fn write(&mut self, product: impl Fn(f64) -> T) -> bool {
        self.out.iter_mut().zip(self.a).for_each(|(out, &a)| *out = product(a.into()));
        true
    }

    /// Writes those whose exponent is [`written`] over what is there.
    #[inline(always)]
    fn write_over(&mut self, product: impl Fn(f64, f64) -> T) {
        for ((out, &a), &b) in self.out.iter_mut().zip(self.a).zip(self.b) {
            let power = product(a.into(), b.into());
            *out = if written(b) { power } else { *out };
        }
    }
}

/// `a^n` for one of [`WRITTEN`], good for `f32` on any instruction set: the square is exact, and
/// the next product good to 2^-53.
#[inline(always)]
fn product_f32(a: f64, n: f64) -> f64 {
    let square = a * a;
    chosen(n, [1.0 / a, a, square, square * a, square * square])
}

/// `a^n` for one of [`WRITTEN`], good for `f64`.
#[inline(always)]
fn product_f64<I: Isa>(a: f64, n: f64) -> f64 {
    // Where the error of a product would be subnormal, and inexact, the base is scaled.
    const SMALL: f64 = f64::from_bits((1023 - 240) << 52);
    const UP: f64 = f64::from_bits((1023 + 200) << 52);
    const DOWN: [f64; 2] = [f64::from_bits((1023 - 600) << 52), f64::from_bits((1023 - 800) << 52)];
    let small = a.abs() < SMALL;
    let base = if small { a * UP } else { a };
    let (square, error) = two_product::<I, f64>(base, base);
    // (square + error) times the rest; the second parts are NaN where the first overflows, and a
    // zero of another sign where it is one.
    let corrected = |rest: f64, second: f64, down: f64| {
        let (product, error) = two_product::<I, f64>(square, rest);
        let sum = product + (error + second);
        let sum = if sum.is_nan() | (product == 0.0) { product } else { sum };
        if small { sum * down } else { sum }
    };
    let cube = corrected(base, error * base, DOWN[0]);
    let fourth = corrected(square, 2.0 * (square * error), DOWN[1]);
    chosen(n, [1.0 / a, a, a * a, cube, fourth])
}

/// The power that belongs to the exponent `n`.
#[inline(always)]
fn chosen(n: f64, powers: [f64; WRITTEN.len()]) -> f64 {
    let pick = |y: f64, (power, &exponent)| if n == exponent { power } else { y };
    powers.into_iter().zip(&WRITTEN).fold(f64::NAN, pick)
}

/// `|a|^b` is known; the sign, and the cases that the logarithm cannot tell.
#[inline(always)]
fn edges(a: f64, b: f64, magnitude: f64) -> f64 {
    // From 2^52 on every double is an integer, from 2^53 on an even one. Below 2^52, the sum has
    // rounded to an integer that stands in its last bits.
    const TWO_52: f64 = (1_u64 << 52) as f64;
    let t = b.abs();
    let sum = t + TWO_52;
    let integer = t >= TWO_52 || sum - TWO_52 == t;
    let last_bit = if t < TWO_52 { sum.to_bits() } else { t.to_bits() } & 1;
    let odd = integer && last_bit == 1 && t < 2.0 * TWO_52;

    // 1^inf would be e^(inf 0).
    let y = if a.abs() == 1.0 { 1.0 } else { magnitude };
    let y = if odd { y.copysign(a) } else { y };
    let y = if a < 0.0 && a > f64::NEG_INFINITY && !integer { f64::NAN } else { y };
    let y = if a.is_nan() || b.is_nan() { f64::NAN } else { y };
    if b == 0.0 || a == 1.0 { 1.0 } else { y }
}

/// Good for `f32`: the logarithm to 5.3e-12 and the exponential to 9.8e-11, relative, together
/// less than 0.01 units. Nothing is subnormal, and the last conversion rounds and overflows.
#[inline(always)]
fn magnitude_f32<I: Isa, const CALM: bool>(a: f64, b: f64) -> f64 {
    const Z: [f64; 4] = [
        0.666_666_657_580_394_6,
        0.400_003_155_475_575_74,
        0.285_383_391_583_987_7,
        0.235_653_511_645_492_14,
    ];
    const TAIL: [f64; 6] = [
        0.5,
        0.166_666_668_049_529_12,
        0.041_666_459_476_110_98,
        0.008_333_275_420_507_07,
        0.001_393_540_502_004_781_5,
        0.000_199_130_249_118_114_54,
    ];
    let (k, m) = f64::split_exponent(a);
    let f = m - 1.0;
    let s = f / (m + 1.0);
    let z = s * s;
    let ln = I::mul_add(s, I::mul_add(z, polynomial::<I, f64, 4>(z, Z), 2.0), k * f64::LN_2_HI);
    // e^±200 is beyond f32 either way.
    let x = b * if CALM { ln } else { infinite_at_edges(a, ln) };
    let x = if x.abs() > 200.0 { 200.0_f64.copysign(x) } else { x };
    let (n, r, _) = reduce::<I, f64>(x);
    let y = I::mul_add(r * r, polynomial::<I, f64, 6>(r, TAIL), r);
    let power = f64::pow2(n);
    I::mul_add(power, y, power)
}

/// `ln 0` and `ln inf`, of which the bits know nothing.
#[inline(always)]
fn infinite_at_edges(a: f64, ln: f64) -> f64 {
    let ln = if a == 0.0 { f64::NEG_INFINITY } else { ln };
    if a == f64::INFINITY { a } else { ln }
}

/// Good for `f64`.
#[inline(always)]
fn magnitude_f64<I: Isa, const CALM: bool>(a: f64, b: f64) -> f64 {
    let (ln, ln_lo) = ln_pair::<I, CALM>(a);
    let ln = if CALM { ln } else { infinite_at_edges(a, ln) };
    let (x, x_lo) = two_product::<I, f64>(b, ln);
    let x_lo = I::mul_add(b, ln_lo, x_lo);
    // Where the result is 0 or infinite, the low part may be infinity minus itself.
    let x_lo = if x.abs() < 800.0 { x_lo } else { 0.0 };
    let x = if x.abs() > 800.0 { 800.0_f64.copysign(x) } else { x };
    exp_sum::<I, f64>(x, x_lo)
}

/// `ln a` as an unevaluated sum, for `a > 0`; error some 2^-65 of it.
///
/// With `a = 2^k m` and `s = (m - 1) / (m + 1)`, `ln m = 2 artanh s = s (2 + s² (2/3 + s² R(s²)))`.
/// The term with R is at most 2^-13 of the whole, so R and its factors may be doubles; all else is
/// kept as a sum of two. R is minimax on `|s| <= (√2 - 1) / (√2 + 1)`:
/// 7.7e-23 of the whole.
#[inline(always)]
fn ln_pair<I: Isa, const CALM: bool>(a: f64) -> (f64, f64) {
    let (lift, lift_exponent) = f64::LIFT;
    let subnormal = !CALM && a < f64::MIN_POSITIVE;
    let (k, m) = f64::split_exponent(if subnormal { a * lift } else { a });
    let k = if subnormal { k - lift_exponent } else { k };

    // s = f / d by one division and one step of correction.
    let f = m - 1.0;
    let (d, d_lo) = fast_two_sum(2.0, f);
    let inverse = 1.0 / d;
    let s = f * inverse;
    let s_lo = I::mul_add(-s, d_lo, residual::<I, f64>(f, s, d)) * inverse;

    let (z, z_lo) = two_product::<I, f64>(s, s);
    let z_lo = I::mul_add(s + s, s_lo, z_lo);
    // w = 2/3 + z R
    let (w, w_lo) = fast_two_sum(TWO_THIRDS.0, z * polynomial::<I, f64, 8>(z, R));
    let w_lo = w_lo + TWO_THIRDS.1;
    // t = z w
    let (t, t_lo) = two_product::<I, f64>(z, w);
    let t_lo = I::mul_add(z, w_lo, I::mul_add(z_lo, w, t_lo));
    // s (2 + t)
    let (u, u_lo) = fast_two_sum(2.0, t);
    let u_lo = u_lo + t_lo;
    let (ln, ln_lo) = two_product::<I, f64>(s, u);
    let ln_lo = I::mul_add(s, u_lo, I::mul_add(s_lo, u, ln_lo));
    // k LN_2_HI is exact.
    let (sum, sum_lo) = fast_two_sum(k * f64::LN_2_HI, ln);
    fast_two_sum(sum, sum_lo + I::mul_add(k, f64::LN_2_LO, ln_lo))
}

const TWO_THIRDS: (f64, f64) = (2.0 / 3.0, 3.700_743_415_417_188e-17);
const R: [f64; 8] = [
    0.399_999_999_999_999_8,
    0.285_714_285_714_438_7,
    0.222_222_222_177_786_78,
    0.181_818_188_457_149_28,
    0.153_845_582_929_114_82,
    0.133_362_702_480_808_36,
    0.116_756_655_281_239_82,
    0.119_828_530_670_142_11,
];
