//! What the kernels need to know about `f32` and `f64` beyond arithmetic: bits and constants.
//!
//! The kernels are generic in [`Lane`]: one derivation serves both types, and only polynomials
//! and constants differ. Without a fused multiply-add, `f32` kernels run in `f64` and round once
//! at the end, which costs speed where nobody looks for it and no accuracy at all.

use crate::simd::Isa;

/// A float type with its constants.
pub(super) trait Lane: num_traits::Float + Send + Sync + 'static {
    /// An integer of the same size.
    type Bits: Copy + Ord + Default;

    /// `1.5 * 2^p`, `p` the number of stored mantissa bits. Floats around it are spaced by 1, so
    /// adding it rounds to an integer, which then stands in the low mantissa bits.
    const MAGIC: Self;
    /// The exponent bias.
    const BIAS: Self;
    /// `1 / ln 2`.
    const LOG2_E: Self;
    /// The leading bits of `ln 2`, so few that its product with an exponent is exact.
    const LN_2_HI: Self;
    /// `ln 2 - LN_2_HI`.
    const LN_2_LO: Self;
    /// The smallest normal number.
    const NORMAL: Self;
    /// A power of two that makes every subnormal normal, and its exponent.
    const LIFT: (Self, Self);

    /// The number, rounded to this type: a literal of a generic kernel.
    fn lit(x: f64) -> Self;

    /// `2^(n + offset)` for an integer exponent from the smallest normal one on; one below that it
    /// is 0, one above the largest it is infinite.
    fn pow2_offset(n: Self, offset: Self) -> Self;

    /// `2^n`, as [`pow2_offset`](Self::pow2_offset).
    #[inline(always)]
    fn pow2(n: Self) -> Self {
        Self::pow2_offset(n, Self::zero())
    }

    /// `(k, m)` with `x = 2^k m` and `m` in `[√½, √2)`, for a positive normal `x`.
    fn split_exponent(x: Self) -> (Self, Self);

    /// `self * 2^n` where `turns` is `n + MAGIC`: for a normal `self` and a normal result only.
    fn scaled(self, turns: Self) -> Self;

    /// As [`scaled`](Self::scaled), for a positive normal `self` and results beyond the normal
    /// ones: rounded once where it is subnormal, 0 below, infinite with the exponent that is next
    /// above the range. No exponent may be further above, nor so far below that the bits of the
    /// result wrap.
    fn scaled_beyond(self, turns: Self) -> Self;

    /// Ordered as the magnitudes are, NaN above all.
    fn magnitude(self) -> Self::Bits;

    /// Ordered as the positive normal numbers are, everything that is none above the finite ones.
    fn normality(self) -> Self::Bits;

    /// The [normality](Self::normality) of `1 + self`.
    #[inline(always)]
    fn normality_beyond_one(self) -> Self::Bits {
        (Self::one() + self).normality()
    }

    /// The upper half of the mantissa, for products without a fused multiply-add.
    fn upper(self) -> Self;
}

macro_rules! lane {
    ($T:ident, $Bits:ident, $Int:ident, $p:expr, $bias:expr, $ln2:expr, $upper:expr) => {
        impl Lane for $T {
            type Bits = $Bits;
            const MAGIC: Self = 1.5 * (1_u64 << $p) as $T;
            const BIAS: Self = $bias as $T;
            const LOG2_E: Self = std::$T::consts::LOG2_E;
            const LN_2_HI: Self = $ln2.0;
            const LN_2_LO: Self = $ln2.1;
            const NORMAL: Self = $T::MIN_POSITIVE;
            const LIFT: (Self, Self) = ((1_u64 << ($p + 2)) as $T, ($p + 2) as $T);

            #[inline(always)]
            fn lit(x: f64) -> Self {
                x as $T
            }

            #[inline(always)]
            fn pow2_offset(n: Self, offset: Self) -> Self {
                // The sum leaves the biased exponent in the low mantissa bits, the shift moves it
                // into the exponent's place and everything else out.
                <$T>::from_bits((n + (Self::MAGIC + Self::BIAS + offset)).to_bits() << $p)
            }

            #[inline(always)]
            fn split_exponent(x: Self) -> (Self, Self) {
                // Shifting the scale by √½ makes the exponent change at √½ 2^k instead of 2^k.
                const SQRT_HALF: $Bits = std::$T::consts::FRAC_1_SQRT_2.to_bits();
                const ONE: $Bits = (1.0 as $T).to_bits();
                let shifted = x.to_bits().wrapping_add(ONE - SQRT_HALF);
                let m = <$T>::from_bits((shifted & ((1 << $p) - 1)) + SQRT_HALF);
                let k = <$T>::from_bits((shifted >> $p) | Self::MAGIC.to_bits());
                (k - (Self::MAGIC + Self::BIAS), m)
            }

            #[inline(always)]
            fn scaled(self, turns: Self) -> Self {
                // The exponent is added to; the shift moves the rest of MAGIC out.
                <$T>::from_bits(self.to_bits().wrapping_add(turns.to_bits() << $p))
            }

            #[inline(always)]
            fn scaled_beyond(self, turns: Self) -> Self {
                // Bits as a signed integer go on below the smallest exponent. A result there is
                // moved to where floats are spaced by 1, in units of the smallest subnormal: the
                // sum rounds it to an integer, and that integer is the bits of the result. (A
                // product that is subnormal itself costs a processor some 40 cycles.)
                const NORMAL: $Int = <$T>::MIN_POSITIVE.to_bits() as $Int;
                const INFINITE: $Int = <$T>::INFINITY.to_bits() as $Int;
                const ONES: $T = (1_u64 << $p) as $T;
                const TO_UNITS: $Int = ($bias - 1 + $p) << $p;
                let bits = (self.scaled(turns).to_bits() as $Int).min(INFINITE);
                let units = <$T>::from_bits(bits.min(NORMAL).wrapping_add(TO_UNITS) as $Bits);
                let low = (units + ONES).to_bits().wrapping_sub(ONES.to_bits());
                // Above, low is the smallest normal number.
                <$T>::from_bits(low.wrapping_add((bits.max(NORMAL) - NORMAL) as $Bits))
            }

            #[inline(always)]
            fn magnitude(self) -> $Bits {
                self.abs().to_bits()
            }

            #[inline(always)]
            fn normality(self) -> $Bits {
                self.to_bits().wrapping_sub(<$T>::MIN_POSITIVE.to_bits())
            }

            #[inline(always)]
            fn upper(self) -> Self {
                <$T>::from_bits(self.to_bits() & (<$Bits>::MAX << $upper))
            }
        }
    };
}

// ln 2 to 15 bits (exponents have 8) and to 41 bits (they have 11); with the rest, rounded, the
// sum is off by 5.5e-14 and 1.9e-31.
lane!(f32, u32, i32, 23, 127, (0.693_145_75, 1.428_606_8e-6), 12);
lane!(f64, u64, i64, 52, 1023, (0.693_147_180_559_663, 2.823_529_056_303_157_7e-13), 27);

/// `a + b` as a rounded sum and its error, for `|a| >= |b|` or equal exponents (Dekker).
#[inline(always)]
pub(super) fn fast_two_sum<T: Lane>(a: T, b: T) -> (T, T) {
    let sum = a + b;
    (sum, b - (sum - a))
}

/// `a + b` as a rounded sum and its error, in any order (Knuth).
#[inline(always)]
pub(super) fn two_sum<T: Lane>(a: T, b: T) -> (T, T) {
    let sum = a + b;
    let b_seen = sum - a;
    (sum, (a - (sum - b_seen)) + (b - b_seen))
}

/// `a * b` as a rounded product and its error (Dekker, where there is no fused multiply-add).
///
/// Exact as long as neither the product nor its error leaves the normal range.
#[inline(always)]
pub(super) fn two_product<I: Isa, T: Lane>(a: T, b: T) -> (T, T) {
    let product = a * b;
    if I::FMA {
        return (product, I::mul_add(a, b, -product));
    }
    let (ah, bh) = (a.upper(), b.upper());
    let (al, bl) = (a - ah, b - bh);
    (product, ((ah * bh - product) + ah * bl + al * bh) + al * bl)
}

/// `num - y * den`, where `y` is nearly the quotient: exact, by cancellation.
#[inline(always)]
pub(super) fn residual<I: Isa, T: Lane>(num: T, y: T, den: T) -> T {
    if I::FMA {
        return I::mul_add(-y, den, num);
    }
    let (product, error) = two_product::<I, T>(y, den);
    (num - product) - error
}

/// Horner's scheme, the constant term first.
#[inline(always)]
pub(super) fn polynomial<I: Isa, T: Lane, const N: usize>(x: T, coefficients: [f64; N]) -> T {
    let mut sum = T::lit(coefficients[N - 1]);
    let mut i = N - 1;
    while i > 0 {
        i -= 1;
        sum = I::mul_add(sum, x, T::lit(coefficients[i]));
    }
    sum
}

/// The same polynomial where the square of `x` is at hand: as many multiplications, in half as long
/// a chain, for even and odd powers are summed side by side.
#[inline(always)]
pub(super) fn polynomial_by_squares<I: Isa, T: Lane, const N: usize>(
    x: T,
    square: T,
    coefficients: [f64; N],
) -> T {
    let mut sums = [T::lit(coefficients[N - 2]), T::lit(coefficients[N - 1])];
    let mut i = N - 2;
    while i > 0 {
        i -= 1;
        // The sum that is two powers above.
        let sum = &mut sums[(N - i) % 2];
        *sum = I::mul_add(*sum, square, T::lit(coefficients[i]));
    }
    let [even, odd] = if N.is_multiple_of(2) { sums } else { [sums[1], sums[0]] };
    I::mul_add(odd, x, even)
}

/// Implements [`Unary`](super::Unary) for both types with a generic kernel.
macro_rules! unary_kernel {
    ($name:ident, $kernel:ident) => {
        impl $crate::math::Unary<f32> for $name {
            #[inline(always)]
            fn call<I: $crate::simd::Isa>(self, x: f32) -> f32 {
                if I::FMA { $kernel::<I, f32>(x) } else { $kernel::<I, f64>(f64::from(x)) as f32 }
            }
        }

        impl $crate::math::Unary<f64> for $name {
            #[inline(always)]
            fn call<I: $crate::simd::Isa>(self, x: f64) -> f64 {
                $kernel::<I, f64>(x)
            }
        }
    };
}
pub(super) use unary_kernel;

/// A function with a shorter twin for calm arguments, where nothing overflows, nothing is subnormal
/// and nothing is an edge. No bit may tell which of the two it was.
pub(super) trait Twins<A, T: Lane>: Copy {
    /// The argument is calm if this is at most `LIMIT`'s.
    fn rank(argument: A) -> T::Bits;
    /// The last calm argument.
    const LIMIT: A;
    /// The function; if `CALM`, for calm arguments only.
    fn at<I: Isa, const CALM: bool>(self, argument: A) -> T;
}

/// As [`unary_kernel`], for a kernel with a parameter `CALM`, as [`Twins`] has it: arguments are of
/// `magnitude` up to a limit, or of `normality` up to that of the largest number.
macro_rules! calm_kernel {
    ($name:ident, $kernel:ident, $rank:ident, f32: $single:expr, f64: $double:expr) => {
        $crate::math::lane::calm_kernel!(@impl $name, f32, $kernel, $rank, $single);
        $crate::math::lane::calm_kernel!(@impl $name, f64, $kernel, $rank, $double);
    };
    (@impl $name:ident, $T:ident, $kernel:ident, $rank:ident, $limit:expr) => {
        impl $crate::math::lane::Twins<$T, $T> for $name {
            #[inline(always)]
            fn rank(x: $T) -> <$T as Lane>::Bits {
                x.$rank()
            }

            const LIMIT: $T = $limit;

            #[inline(always)]
            fn at<I: $crate::simd::Isa, const CALM: bool>(self, x: $T) -> $T {
                if I::FMA {
                    $kernel::<I, $T, CALM>(x)
                } else {
                    $kernel::<I, f64, CALM>(f64::from(x)) as $T
                }
            }
        }

        impl $crate::math::Unary<$T> for $name {
            #[inline(always)]
            fn call<I: $crate::simd::Isa>(self, x: $T) -> $T {
                $crate::math::lane::Twins::at::<I, false>(self, x)
            }

            #[inline(always)]
            fn block<I: $crate::simd::Isa>(self, x: &[$T], out: &mut [$T]) {
                use $crate::math::lane::{RUN, Runs, SHORT, one_by_one};
                if out.len() < SHORT {
                    return one_by_one::<I, $T, $T, $name>(self, x.iter().copied(), out);
                }
                let mut runs = Runs::new(self);
                for (x, out) in x.chunks(RUN).zip(out.chunks_mut(RUN)) {
                    runs.next::<I, $T, _>(x.iter().copied(), out);
                }
            }
        }
    };
}
pub(super) use calm_kernel;

/// Arguments of a run: so few that a second look at them hits the nearest cache.
pub(super) const RUN: usize = 512;

/// Arguments of the first run that are looked at before it is tried.
const SAMPLE: usize = 64;

/// Fewer arguments than this are fewer than the vectors that [`run`] keeps under way: it would take
/// them one by one, and not as vectors.
pub(super) const SHORT: usize = 64;

/// The function of every argument, into `out`, by a loop that takes any number of vectors.
#[inline(always)]
pub(super) fn one_by_one<I: Isa, T: Lane, A: Copy, F: Twins<A, T>>(
    function: F,
    arguments: impl Iterator<Item = A>,
    out: &mut [T],
) {
    for (out, argument) in out.iter_mut().zip(arguments) {
        *out = function.at::<I, false>(argument);
    }
}

/// A function of a block, run by run.
pub(super) struct Runs<F> {
    function: F,
    /// Whether the last run was calm.
    calm: Option<bool>,
}

impl<F> Runs<F> {
    pub(super) fn new(function: F) -> Self {
        Runs { function, calm: None }
    }

    /// The function of every argument, into `out`. A run is taken for what the one before it was;
    /// one that turns out not to be calm is done again.
    #[inline(always)]
    pub(super) fn next<I: Isa, T: Lane, A: Copy>(
        &mut self,
        arguments: impl Iterator<Item = A> + Clone,
        out: &mut [T],
    ) where
        F: Twins<A, T>,
    {
        let calm = match self.calm {
            Some(calm) => calm,
            None => out.len() < RUN || are_calm::<A, T, F>(arguments.clone().take(SAMPLE)),
        };
        let found = calm && run::<I, A, T, F, true>(self.function, arguments.clone(), out)
            || run::<I, A, T, F, false>(self.function, arguments, out);
        self.calm = Some(found);
    }
}

#[inline(always)]
fn are_calm<A: Copy, T: Lane, F: Twins<A, T>>(arguments: impl Iterator<Item = A>) -> bool {
    let mut largest = T::Bits::default();
    for argument in arguments {
        largest = largest.max(F::rank(argument));
    }
    largest <= F::rank(F::LIMIT)
}

/// `function` of every argument, into `out`; whether all arguments are calm.
///
/// In a loop that reduces, and in no other of this length, LLVM keeps two or four vectors under
/// way, step by step: a kernel is one long chain, and a processor that is given vector after vector
/// looks ahead by five chains at most, which is less than its units could work on.
#[inline(always)]
fn run<I: Isa, A: Copy, T: Lane, F: Twins<A, T>, const CALM: bool>(
    function: F,
    arguments: impl Iterator<Item = A>,
    out: &mut [T],
) -> bool {
    let mut largest = T::Bits::default();
    for (out, argument) in out.iter_mut().zip(arguments) {
        *out = function.at::<I, CALM>(argument);
        largest = largest.max(F::rank(argument));
    }
    largest <= F::rank(F::LIMIT)
}
