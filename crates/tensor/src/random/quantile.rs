//! Normal numbers from even ones, by the inverse of their distribution function.

use crate::simd::{Isa, Kernel};
use coefficients::*;

/// `out[k] = Φ⁻¹(u[k])`, the quantiles of the standard normal distribution, to some 1e-16 relative
/// error: algorithm PPND16 of M. J. Wichura, AS 241, Applied Statistics 37 (1988).
///
/// The middle of the distribution is one rational function, computed of all numbers; a seventh of
/// them lies outside, is packed, and computed anew. No multiply-add is used, so the bits are those
/// of [`quantile`] on every processor.
pub(super) struct Quantiles<'a> {
    pub u: &'a [f64],
    pub out: &'a mut [f64],
}

/// Numbers that are looked through for those outside of the middle at a time.
const BATCH: usize = 256;

impl Kernel for Quantiles<'_> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let (mut at, mut tail) = ([0u8; BATCH], [0.0; BATCH]);
        for (u, out) in self.u.chunks(BATCH).zip(self.out.chunks_mut(BATCH)) {
            for (&u, out) in u.iter().zip(&mut *out) {
                *out = middle(u - 0.5);
            }
            let mut count = 0;
            for (k, &u) in u.iter().enumerate() {
                // Written in any case, and kept if it counts; there is room for all but what never
                // is written behind the last.
                (at[count], tail[count]) = (k as u8, u);
                count += is_outside(u - 0.5) as usize;
                if count == BATCH {
                    break;
                }
            }
            let tail = &mut tail[..count];
            let mut any_far = false;
            for u in &mut *tail {
                let r = distance(*u);
                any_far |= r > NEAR;
                *u = signed(near(r), *u);
            }
            for (&k, &z) in at.iter().zip(&*tail) {
                out[k as usize] = z;
            }
            if any_far {
                u.iter().zip(out).for_each(|(&u, out)| *out = quantile(u));
            }
        }
    }
}

/// `Φ⁻¹(u)`, one number: what [`Quantiles`] are.
fn quantile(u: f64) -> f64 {
    if !is_outside(u - 0.5) {
        return middle(u - 0.5);
    }
    let r = distance(u);
    signed(if r <= NEAR { near(r) } else { far(r) }, u)
}

/// The largest [`distance`] of the first of the two rational functions for the tails.
const NEAR: f64 = 5.0;

/// Whether `u = q + 1/2` lies outside of the middle.
#[inline(always)]
fn is_outside(q: f64) -> bool {
    q.abs() > 0.425
}

#[inline(always)]
fn middle(q: f64) -> f64 {
    let r = 0.180625 - q * q;
    q * horner(r, CENTRE_ABOVE) / horner(r, CENTRE_BELOW)
}

/// How far out `u` lies: the root of the logarithm of what is left beyond it.
#[inline(always)]
fn distance(u: f64) -> f64 {
    let beyond = if u < 0.5 { u } else { 1.0 - u };
    (-ln(beyond)).sqrt()
}

#[inline(always)]
fn near(r: f64) -> f64 {
    horner(r - 1.6, NEAR_ABOVE) / horner(r - 1.6, NEAR_BELOW)
}

#[inline(always)]
fn far(r: f64) -> f64 {
    horner(r - 5.0, FAR_ABOVE) / horner(r - 5.0, FAR_BELOW)
}

#[inline(always)]
fn signed(z: f64, u: f64) -> f64 {
    if u < 0.5 { -z } else { z }
}

/// A polynomial, highest power first.
#[inline(always)]
fn horner(x: f64, coefficients: [f64; 8]) -> f64 {
    coefficients.into_iter().fold(0.0, |sum, c| sum * x + c)
}

/// The logarithm of a positive normal number from basic operations.
///
/// `x = 2ᵏ·m` with `m` in `[√½, √2)`, and `ln m = 2·artanh(s)`, `s = (m-1)/(m+1)`; as `s² < 0.03`,
/// the terms of `artanh s = s + s³/3 + s⁵/5 + ..` beyond the eleventh are below 2⁻⁵³.
#[inline(always)]
fn ln(x: f64) -> f64 {
    const MANTISSA: u64 = (1 << 52) - 1;
    let bits = x.to_bits();
    let mut k = (bits >> 52) as f64 - 1023.0;
    let mut m = f64::from_bits(bits & MANTISSA | 1023 << 52);
    if m >= std::f64::consts::SQRT_2 {
        m /= 2.0;
        k += 1.0;
    }
    let s = (m - 1.0) / (m + 1.0);
    let series = (0..11).rev().fold(0.0, |sum, i| sum * (s * s) + 1.0 / f64::from(2 * i + 1));
    k * std::f64::consts::LN_2 + 2.0 * s * series
}

#[rustfmt::skip]
#[allow(clippy::excessive_precision, reason = "they stand as the paper prints them")]
mod coefficients {
    pub const CENTRE_ABOVE: [f64; 8] = [
        2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
        13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.3871328727963666080,
    ];
    pub const CENTRE_BELOW: [f64; 8] = [
        5226.4952788528545610, 28729.085735721942674, 39307.895800092710610, 21213.794301586595867,
        5394.1960214247511077, 687.18700749205790830, 42.313330701600911252, 1.0,
    ];
    pub const NEAR_ABOVE: [f64; 8] = [
        7.74545014278341407640e-4, 2.27238449892691845833e-2, 0.241780725177450611770,
        1.27045825245236838258, 3.64784832476320460504, 5.76949722146069140550,
        4.63033784615654529590, 1.42343711074968357734,
    ];
    pub const NEAR_BELOW: [f64; 8] = [
        1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2,
        0.148103976427480074590, 0.689767334985100004550, 1.67638483018380384940,
        2.05319162663775882187, 1.0,
    ];
    pub const FAR_ABOVE: [f64; 8] = [
        2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3,
        2.65321895265761230930e-2, 0.296560571828504891230, 1.78482653991729133580,
        5.46378491116411436990, 6.65790464350110377720,
    ];
    pub const FAR_BELOW: [f64; 8] = [
        2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5,
        7.86869131145613259100e-4, 1.48753612908506148525e-2, 0.136929880922735805310,
        0.599832206555887937690, 1.0,
    ];
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{Level, dispatch_at};

    #[test]
    fn quantiles_are_those_of_the_tables() {
        // From CPython's statistics.NormalDist, an independent implementation.
        for (u, z) in [
            (0.5, 0.0),
            (0.975, 1.9599639845400536),
            (0.9, 1.2815515655446008),
            (0.001, -3.090232306167813),
            (1e-10, -6.361340902404056),
            (1e-13, -7.348796102800677),
            (2f64.powi(-53), -8.209536151601387),
        ] {
            assert!((quantile(u) - z).abs() <= 4e-16 * z.abs(), "{u}: {} {z}", quantile(u));
        }
        for i in 1..1000 {
            let (x, u) = (f64::from(i) * 7.3e-5, f64::from(i) / 1000.0);
            assert!((ln(x) - x.ln()).abs() <= 4e-16 * x.ln().abs(), "{x}: {} {}", ln(x), x.ln());
            assert!((quantile(u) + quantile(1.0 - u)).abs() < 1e-14, "{u}");
        }
    }

    #[test]
    fn many_quantiles_have_the_bits_of_one_by_one() {
        let even =
            |k: u64| ((k.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 12) as f64 + 0.5) / 2f64.powi(52);
        let drawn: Vec<f64> = (0..3001).map(even).collect();
        // All of a batch outside, the ends of the middle, the middles of the first and the last
        // part.
        let outside: Vec<f64> = (1..=BATCH).map(|k| k as f64 * 1e-4).collect();
        let edges = [2f64.powi(-53), 0.075, 0.925, 0.5, 1e-12, 1.0 - 2f64.powi(-53)].repeat(50);
        for u in [drawn, outside, edges] {
            let expected: Vec<f64> = u.iter().map(|&u| quantile(u)).collect();
            for level in [Level::Baseline, Level::Avx2, Level::Avx512] {
                let mut out = vec![0.0; u.len()];
                dispatch_at(level, Quantiles { u: &u, out: &mut out });
                assert_eq!(out, expected, "{level:?}");
            }
        }
    }
}
