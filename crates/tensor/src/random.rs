//! Making tensors from an explicit random generator.
//!
//! A seed means the same numbers on every machine, on any number of threads and in every version
//! of this crate. The generator's stream is fixed by the definition of ChaCha; everything between
//! it and the numbers is written here, with the four operations and the square root only, which
//! IEEE 754 rounds to the same bits everywhere. Functions of `std` would not do: `ln` and `cos`
//! are those of the platform. Nor would `math`, where a multiply-add rounds once or twice by the
//! processor.

use rand::{Rng as Generator, SeedableRng};

use crate::element::{Element, Float};
use crate::tensor::Tensor;

/// The generator whose numbers this crate promises; any other one of `rand` may be passed as well.
pub type Rng = rand_chacha::ChaCha8Rng;

/// A generator whose numbers depend on `seed` alone.
pub fn rng(seed: u64) -> Rng {
    // SplitMix64 spreads the seed over the 256 bits of the key. Not `seed_from_u64`: `rand` keeps
    // the right to change what it does.
    let mut state = seed;
    let mut key = [0; 32];
    for word in key.chunks_exact_mut(8) {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        word.copy_from_slice(&(z ^ z >> 31).to_le_bytes());
    }
    Rng::from_seed(key)
}

/// A number of `0..n`, each with the same probability.
///
/// # Panics
/// When `n` is 0.
#[track_caller]
pub fn below(n: usize, rng: &mut (impl Generator + ?Sized)) -> usize {
    assert!(n > 0, "below: there is no number below 0");
    // Lemire 2019: the upper half of a 128-bit product. A number is hit by ⌊2⁶⁴/n⌋ or one more of
    // the draws; refusing the first 2⁶⁴ mod n of every row makes it ⌊2⁶⁴/n⌋ for all.
    let n = n as u64;
    let refused = n.wrapping_neg() % n;
    loop {
        let product = u128::from(rng.next_u64()) * u128::from(n);
        if product as u64 >= refused {
            return (product >> 64) as usize;
        }
    }
}

/// The numbers `0..n` in random order, each order with the same probability (Fisher-Yates).
pub fn permutation(n: usize, rng: &mut (impl Generator + ?Sized)) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    for i in (1..n).rev() {
        order.swap(i, below(i + 1, rng));
    }
    order
}

impl<T: Float> Tensor<T> {
    /// Elements drawn evenly from `[low, high)`, in row-major order, one `u64` of the generator
    /// each. The numbers of f32 are those of f64, rounded.
    ///
    /// # Panics
    /// Unless `low < high` and `high - low` is finite, or when the size overflows the address
    /// space.
    #[track_caller]
    pub fn uniform(
        shape: impl AsRef<[usize]>,
        low: T,
        high: T,
        rng: &mut (impl Generator + ?Sized),
    ) -> Self {
        let span = high.wide() - low.wide();
        if !(span > 0.0 && span.is_finite()) {
            panic!("uniform: {low} to {high} is no finite range");
        }
        draw(shape.as_ref(), || {
            let u = (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
            let x = T::of(low.wide() + span * u);
            if x < high { x } else { under(high).max(low) }
        })
    }

    /// Elements drawn from the normal distribution of this mean and standard deviation, in
    /// row-major order, one `u64` of the generator each. The numbers of f32 are those of f64,
    /// rounded.
    ///
    /// Each is `mean + std · Φ⁻¹(u)` for `u` even on `(0, 1)`, so it lies within 8.3 standard
    /// deviations. Rejected: the polar method, whose use of the stream depends on the numbers
    /// drawn, and Box-Muller, which needs sine and cosine.
    ///
    /// # Panics
    /// When `std` is negative or NaN, or the size overflows the address space.
    #[track_caller]
    pub fn normal(
        shape: impl AsRef<[usize]>,
        mean: T,
        std: T,
        rng: &mut (impl Generator + ?Sized),
    ) -> Self {
        if !(std.wide() >= 0.0) {
            panic!("normal: a standard deviation of {std}");
        }
        draw(shape.as_ref(), || {
            // The middles of 2⁵² equal parts: never 0 or 1, symmetric about a half, and exact.
            let u = ((rng.next_u64() >> 12) as f64 + 0.5) / (1u64 << 52) as f64;
            T::of(mean.wide() + std.wide() * quantile(u))
        })
    }
}

/// Elements drawn one after the other. Never in parallel: the order of the stream is the order of
/// the elements.
#[track_caller]
fn draw<T: Element>(shape: &[usize], mut next: impl FnMut() -> T) -> Tensor<T> {
    Tensor::build(shape, |out| out.iter_mut().for_each(|x| *x = next()))
}

/// A number just below `x`: where rounding to f32 has reached a bound that does not belong to the
/// range.
fn under<T: Float>(x: T) -> T {
    x - (num_traits::Float::abs(x) * T::epsilon()).max(T::min_positive_value())
}

/// `Φ⁻¹(u)`, the quantile of the standard normal distribution, to some 1e-16 relative error:
/// algorithm PPND16 of M. J. Wichura, AS 241, Applied Statistics 37 (1988).
fn quantile(u: f64) -> f64 {
    let q = u - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180625 - q * q;
        return q * horner(r, CENTRE_ABOVE) / horner(r, CENTRE_BELOW);
    }
    let tail = if q < 0.0 { u } else { 1.0 - u };
    let r = (-ln(tail)).sqrt();
    let x = if r <= 5.0 {
        horner(r - 1.6, NEAR_ABOVE) / horner(r - 1.6, NEAR_BELOW)
    } else {
        horner(r - 5.0, FAR_ABOVE) / horner(r - 5.0, FAR_BELOW)
    };
    if q < 0.0 { -x } else { x }
}

/// A polynomial, highest power first.
fn horner(x: f64, coefficients: [f64; 8]) -> f64 {
    coefficients.into_iter().fold(0.0, |sum, c| sum * x + c)
}

/// The logarithm of a positive normal number from basic operations.
///
/// `x = 2ᵏ·m` with `m` in `[√½, √2)`, and `ln m = 2·artanh(s)`, `s = (m-1)/(m+1)`; as `s² < 0.03`,
/// the terms of `artanh s = s + s³/3 + s⁵/5 + ..` beyond the eleventh are below 2⁻⁵³.
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
const CENTRE_ABOVE: [f64; 8] = [
    2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
    13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.3871328727963666080,
];
#[rustfmt::skip]
const CENTRE_BELOW: [f64; 8] = [
    5226.4952788528545610, 28729.085735721942674, 39307.895800092710610, 21213.794301586595867,
    5394.1960214247511077, 687.18700749205790830, 42.313330701600911252, 1.0,
];
#[rustfmt::skip]
const NEAR_ABOVE: [f64; 8] = [
    7.74545014278341407640e-4, 2.27238449892691845833e-2, 0.241780725177450611770,
    1.27045825245236838258, 3.64784832476320460504, 5.76949722146069140550,
    4.63033784615654529590, 1.42343711074968357734,
];
#[rustfmt::skip]
const NEAR_BELOW: [f64; 8] = [
    1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2,
    0.148103976427480074590, 0.689767334985100004550, 1.67638483018380384940,
    2.05319162663775882187, 1.0,
];
#[rustfmt::skip]
const FAR_ABOVE: [f64; 8] = [
    2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3,
    2.65321895265761230930e-2, 0.296560571828504891230, 1.78482653991729133580,
    5.46378491116411436990, 6.65790464350110377720,
];
#[rustfmt::skip]
const FAR_BELOW: [f64; 8] = [
    2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5,
    7.86869131145613259100e-4, 1.48753612908506148525e-2, 0.136929880922735805310,
    0.599832206555887937690, 1.0,
];

#[cfg(test)]
mod tests {
    use super::*;

    /// What a seed gives must never change: models, splits and published runs depend on it. The
    /// numbers are those of an independent implementation, written from the definitions (whose
    /// logarithm makes the last normal one end in 8884).
    #[test]
    fn a_seed_means_the_same_numbers_for_ever() {
        let mut r = rng(7);
        assert_eq!([r.next_u64(), r.next_u64()], [7387829322293334546, 14283834251474640193]);
        assert_eq!(
            Tensor::uniform([4], 0.0, 1.0, &mut rng(7)).to_vec(),
            [0.40049503005912723, 0.7743282063435831, 0.5074385294913483, 0.067065003593888]
        );
        assert_eq!(
            Tensor::normal([4], 0.0, 1.0, &mut rng(7)).to_vec(),
            [-0.2520659864564263, 0.7531769520835098, 0.018646708864341367, -1.498012483211888]
        );
        assert_eq!(permutation(10, &mut rng(7)), [7, 8, 5, 2, 1, 3, 0, 9, 6, 4]);
        assert_eq!(Tensor::normal([], 1.0f32, 2.0, &mut rng(u64::MAX)).item(), -1.7077587);
    }

    #[test]
    fn numbers_of_f32_are_those_of_f64_rounded() {
        let wide = Tensor::<f64>::normal([1000], 0.5, 2.0, &mut rng(1));
        let narrow = Tensor::<f32>::normal([10, 100], 0.5, 2.0, &mut rng(1));
        assert!(wide.iter().zip(narrow.iter()).all(|(w, n)| w as f32 == n));
        let wide = Tensor::<f64>::uniform([1000], -1.0, 2.0, &mut rng(1));
        let narrow = Tensor::<f32>::uniform([1000], -1.0, 2.0, &mut rng(1));
        assert!(wide.iter().zip(narrow.iter()).all(|(w, n)| w as f32 == n));
    }

    #[test]
    fn the_stream_goes_on_from_tensor_to_tensor() {
        let (mut a, mut b) = (rng(3), rng(3));
        let whole = Tensor::normal([6], 0.0, 1.0, &mut a).to_vec();
        let mut parts = Tensor::normal([2], 0.0, 1.0, &mut b).to_vec();
        parts.extend(Tensor::normal([2, 2], 0.0, 1.0, &mut b).to_vec());
        assert_eq!(whole, parts);
    }

    #[test]
    fn uniform_fills_its_range_evenly_and_never_reaches_the_end() {
        let x = Tensor::<f64>::uniform([100_000], -2.0, 3.0, &mut rng(5));
        let mut counts = [0; 10];
        x.iter().for_each(|x| counts[((x + 2.0) * 2.0) as usize] += 1);
        assert!(counts.iter().all(|c| (9_600..10_400).contains(c)), "{counts:?}");
        let high = 1.0 + f32::EPSILON;
        let x = Tensor::<f32>::uniform([1000], 1.0, high, &mut rng(5));
        assert!(x.iter().all(|x| x == 1.0));
        assert!(under(0.0f32) < 0.0 && under(-1.0f64) < -1.0);
    }

    #[test]
    fn normal_has_the_moments_of_its_distribution() {
        let n = 200_000;
        let x = Tensor::<f64>::normal([n], 0.0, 1.0, &mut rng(11));
        let moment = |k| x.iter().map(|x: f64| x.powi(k)).sum::<f64>() / n as f64;
        for (k, expected, within) in
            [(1, 0.0, 0.01), (2, 1.0, 0.015), (3, 0.0, 0.04), (4, 3.0, 0.1)]
        {
            assert!((moment(k) - expected).abs() < within, "moment {k}: {}", moment(k));
        }
        assert!(Tensor::normal([3], 4.0, 0.0, &mut rng(1)).iter().all(|x| x == 4.0));
    }

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
    fn permutations_are_all_equally_likely() {
        let mut counts = std::collections::HashMap::new();
        let mut r = rng(2);
        for _ in 0..24_000 {
            *counts.entry(permutation(4, &mut r)).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), 24);
        assert!(counts.values().all(|c| (850..1150).contains(c)), "{counts:?}");
        assert_eq!(permutation(0, &mut r), []);
        assert_eq!(permutation(1, &mut r), [0]);
    }

    #[test]
    fn numbers_below_a_bound_are_unbiased_where_the_bound_is_large() {
        // A plain remainder would hit the lower half of this range twice as often as the upper.
        let n = usize::MAX / 3 * 2;
        let mut r = rng(4);
        let low = (0..10_000).filter(|_| below(n, &mut r) < n / 2).count();
        assert!((4_800..5_200).contains(&low), "{low}");
    }

    #[test]
    #[should_panic(expected = "uniform: 1 to 1 is no finite range")]
    fn an_empty_range_panics() {
        Tensor::uniform([1], 1.0, 1.0, &mut rng(0));
    }

    #[test]
    #[should_panic(expected = "normal: a standard deviation of -1")]
    fn a_negative_deviation_panics() {
        Tensor::normal([1], 0.0, -1.0, &mut rng(0));
    }
}
