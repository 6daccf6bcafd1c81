//! Making tensors from an explicit random generator.
//!
//! A seed means the same numbers on every machine, on any number of threads and in every version
//! of this crate. The generator's stream is fixed by the definition of ChaCha; everything between
//! it and the numbers is written here, with the four operations and the square root only, which
//! IEEE 754 rounds to the same bits everywhere. Functions of `std` would not do: `ln` and `cos`
//! are those of the platform. Nor would `math`, where a multiply-add rounds once or twice by the
//! processor.

mod chacha;
mod quantile;

use rand::{Rng as Generator, SeedableRng};

use crate::blocks::BLOCK;
use crate::element::Float;
use crate::par;
use crate::simd::{Isa, Kernel, dispatch};
use crate::tensor::Tensor;
pub use chacha::Rng;
use quantile::Quantiles;

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
            panic!("uniform: {low} to {high} is not a finite range");
        }
        let last = under(high).max(low);
        draw(shape.as_ref(), rng, |words, out| {
            dispatch(Even { words, out, low: low.wide(), span, high, last });
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
        if std.is_nan() || std < T::zero() {
            panic!("normal: a standard deviation of {std}");
        }
        let (mean, std) = (mean.wide(), std.wide());
        draw(shape.as_ref(), rng, |words, out| {
            par::for_parts(out, GRAIN, |start, out| {
                let (mut u, mut z) = ([0.0; BLOCK], [0.0; BLOCK]);
                for (words, out) in words[start..].chunks(BLOCK).zip(out.chunks_mut(BLOCK)) {
                    let (u, z) = (&mut u[..out.len()], &mut z[..out.len()]);
                    dispatch(Middles { words, out: u });
                    dispatch(Quantiles { u, out: z });
                    out.iter_mut().zip(z).for_each(|(out, z)| *out = T::of(mean + std * *z));
                }
            });
        })
    }
}

/// Words that are drawn before they are made numbers: they stay in the second cache.
const DRAWN: usize = 1 << 14;
/// Normal numbers that are worth a second thread.
const GRAIN: usize = 2 * BLOCK;

/// Elements that `make` makes of a word each. The words are drawn one after the other: the order of
/// the stream is the order of the elements.
#[track_caller]
fn draw<T: Float>(
    shape: &[usize],
    rng: &mut (impl Generator + ?Sized),
    make: impl Fn(&[u64], &mut [T]),
) -> Tensor<T> {
    Tensor::build(shape, |out| {
        let mut words = vec![0; DRAWN.min(out.len())];
        for out in out.chunks_mut(DRAWN) {
            let words = &mut words[..out.len()];
            words.iter_mut().for_each(|word| *word = rng.next_u64());
            make(words, out);
        }
    })
}

/// Words as numbers of `[low, low + span)`, and below `high`.
struct Even<'a, T> {
    words: &'a [u64],
    out: &'a mut [T],
    low: f64,
    span: f64,
    high: T,
    /// What stands for numbers that were rounded to `high`.
    last: T,
}

impl<T: Float> Kernel for Even<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Even { words, out, low, span, high, last } = self;
        for (&word, out) in words.iter().zip(out) {
            let u = (word >> 11) as f64 / (1u64 << 53) as f64;
            let x = T::of(low + span * u);
            *out = if x < high { x } else { last };
        }
    }
}

/// Words as the middles of 2⁵² equal parts of `(0, 1)`: never 0 or 1, symmetric about a half, and
/// exact.
struct Middles<'a> {
    words: &'a [u64],
    out: &'a mut [f64],
}

impl Kernel for Middles<'_> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        for (&word, out) in self.words.iter().zip(self.out) {
            *out = ((word >> 12) as f64 + 0.5) / (1u64 << 52) as f64;
        }
    }
}

/// A number just below `x`: where rounding to f32 has reached a bound that does not belong to the
/// range.
fn under<T: Float>(x: T) -> T {
    x - (num_traits::Float::abs(x) * T::epsilon()).max(T::min_positive_value())
}

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
    fn large_tensors_have_the_numbers_of_small_ones_on_any_number_of_threads() {
        let n = 2 * DRAWN + 77;
        let mut r = rng(9);
        let one =
            |f: &mut dyn FnMut() -> Tensor<f64>| (0..n).map(|_| f().item()).collect::<Vec<_>>();
        let normal = one(&mut || Tensor::normal([], 1.0, 2.0, &mut r));
        let uniform = one(&mut || Tensor::uniform([], -1.0, 2.0, &mut r));
        for threads in [1, 2, 5] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let mut r = rng(9);
                assert_eq!(Tensor::normal([n], 1.0, 2.0, &mut r).to_vec(), normal);
                assert_eq!(Tensor::uniform([n], -1.0, 2.0, &mut r).to_vec(), uniform);
            });
        }
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
    #[should_panic(expected = "uniform: 1 to 1 is not a finite range")]
    fn an_empty_range_panics() {
        Tensor::uniform([1], 1.0, 1.0, &mut rng(0));
    }

    #[test]
    #[should_panic(expected = "normal: a standard deviation of -1")]
    fn a_negative_deviation_panics() {
        Tensor::normal([1], 0.0, -1.0, &mut rng(0));
    }
}
