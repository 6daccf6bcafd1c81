//! What sums and products of many numbers are kept in.

use std::num::TryFromIntError;

/// An accumulator; see [`Number::Wide`](super::Number::Wide).
///
/// Terms have half of its bits at most and there are fewer of them than fill the other half, so a
/// sum is exact whatever its parts are. A product of integers saturates, which nothing but a 0
/// among its factors undoes: where one has overflowed on the way, the result is 0 or beyond all
/// that terms can be.
pub trait Wide: Copy + Default + Send + Sync + 'static {
    /// Whether sums and products are the same in any order.
    const EXACT: bool;
    /// `self + other`.
    fn plus(self, other: Self) -> Self;
    /// `self * other`.
    fn times(self, other: Self) -> Self;
}

impl Wide for f64 {
    const EXACT: bool = false;
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        self + other
    }
    #[inline(always)]
    fn times(self, other: Self) -> Self {
        self * other
    }
}

impl Wide for i64 {
    const EXACT: bool = true;
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        self + other
    }
    #[inline(always)]
    fn times(self, other: Self) -> Self {
        self.saturating_mul(other)
    }
}

/// An integer of 128 bits: not `i128`, which is no type that loops are vectorised over.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Int128 {
    low: u64,
    high: i64,
}

impl Wide for Int128 {
    const EXACT: bool = true;
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        let low = self.low.wrapping_add(other.low);
        Int128 { low, high: self.high + other.high + i64::from(low < other.low) }
    }
    #[inline(always)]
    fn times(self, other: Self) -> Self {
        match (i64::try_from(self), i64::try_from(other)) {
            (Ok(a), Ok(b)) => (i128::from(a) * i128::from(b)).into(),
            _ => self.times_large(other),
        }
    }
}

impl Int128 {
    /// [`Wide::times`] of any factors: those of 64 bits, which almost all are, have room for their
    /// product, and to ask whether it saturates takes several times as long as it.
    #[cold]
    #[inline(never)]
    fn times_large(self, other: Self) -> Self {
        i128::from(self).saturating_mul(other.into()).into()
    }
}

impl From<i64> for Int128 {
    #[inline(always)]
    fn from(x: i64) -> Self {
        Int128 { low: x as u64, high: x >> 63 }
    }
}

impl From<usize> for Int128 {
    #[inline(always)]
    fn from(x: usize) -> Self {
        Int128 { low: x as u64, high: 0 }
    }
}

impl From<i128> for Int128 {
    #[inline(always)]
    fn from(x: i128) -> Self {
        Int128 { low: x as u64, high: (x >> 64) as i64 }
    }
}

impl From<Int128> for i128 {
    #[inline(always)]
    fn from(x: Int128) -> Self {
        i128::from(x.high) << 64 | i128::from(x.low)
    }
}

impl TryFrom<Int128> for i64 {
    type Error = TryFromIntError;
    #[inline(always)]
    fn try_from(x: Int128) -> Result<Self, TryFromIntError> {
        i128::from(x).try_into()
    }
}

impl TryFrom<Int128> for usize {
    type Error = TryFromIntError;
    #[inline(always)]
    fn try_from(x: Int128) -> Result<Self, TryFromIntError> {
        i128::from(x).try_into()
    }
}
