//! Functions that pick one of their arguments or a constant. All exact.
//!
//! Which way a comparison is written decides what happens to NaN: every comparison with it is
//! false, so the argument that may be NaN stands in the `else` arm.

use super::{Binary, Unary};
use crate::simd::Isa;

/// `max(x, 0)`. NaN stays NaN, and `-0` stays `-0`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Relu;

/// `-1`, `0` or `1` by the sign of `x`. `±0` and NaN pass through.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sign;

/// `1` where `x >= 0` (also at `-0`), else `0`. NaN stays NaN.
#[derive(Clone, Copy, Debug, Default)]
pub struct Heaviside;

/// `min(max(x, lo), hi)`. NaN stays NaN; a NaN bound does not bind; where `lo > hi`, `hi` wins.
#[derive(Clone, Copy, Debug)]
pub struct Clamp {
    /// What smaller values become.
    pub lo: f64,
    /// What larger values become.
    pub hi: f64,
}

impl Clamp {
    /// The range from `lo` to `hi`.
    ///
    /// # Panics
    /// Unless `lo <= hi`.
    #[track_caller]
    pub fn new(lo: f64, hi: f64) -> Self {
        assert!(lo <= hi, "clamp: {lo} to {hi} is not a range");
        Clamp { lo, hi }
    }
}

/// The smaller argument; NaN if either is. Of two zeros, the second.
#[derive(Clone, Copy, Debug, Default)]
pub struct Minimum;

/// The larger argument; NaN if either is. Of two zeros, the second.
#[derive(Clone, Copy, Debug, Default)]
pub struct Maximum;

/// `mul0(g, d)`: `0` where `g` is `±0`, else `g * d`.
///
/// The product of a cotangent and a derivative: a cotangent of exactly zero says that nothing
/// depends on the result, and wins over an infinite or NaN derivative. A selection, so a NaN `g`
/// stays NaN.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mul0;

macro_rules! select {
    ($T:ty) => {
        impl Unary<$T> for Relu {
            const EXACT: bool = true;

            #[inline(always)]
            fn call<I: Isa>(self, x: $T) -> $T {
                if x < 0.0 { 0.0 } else { x }
            }
        }

        impl Unary<$T> for Sign {
            const EXACT: bool = true;

            #[inline(always)]
            fn call<I: Isa>(self, x: $T) -> $T {
                let y = if x < 0.0 { -1.0 } else { x };
                if x > 0.0 { 1.0 } else { y }
            }
        }

        impl Unary<$T> for Heaviside {
            const EXACT: bool = true;

            #[inline(always)]
            fn call<I: Isa>(self, x: $T) -> $T {
                let y = if x < 0.0 { 0.0 } else { x };
                if x >= 0.0 { 1.0 } else { y }
            }
        }

        impl Unary<$T> for Clamp {
            const EXACT: bool = true;

            #[inline(always)]
            fn call<I: Isa>(self, x: $T) -> $T {
                let (lo, hi) = (self.lo as $T, self.hi as $T);
                let y = if x < lo { lo } else { x };
                if y > hi { hi } else { y }
            }
        }

        impl Binary<$T> for Minimum {
            const EXACT: bool = true;

            #[inline(always)]
            fn call<I: Isa>(self, a: $T, b: $T) -> $T {
                let y = if a < b { a } else { b };
                if a.is_nan() { a } else { y }
            }
        }

        impl Binary<$T> for Maximum {
            const EXACT: bool = true;

            #[inline(always)]
            fn call<I: Isa>(self, a: $T, b: $T) -> $T {
                let y = if a > b { a } else { b };
                if a.is_nan() { a } else { y }
            }
        }

        impl Binary<$T> for Mul0 {
            const EXACT: bool = true;

            #[inline(always)]
            fn call<I: Isa>(self, g: $T, d: $T) -> $T {
                if g == 0.0 { 0.0 } else { g * d }
            }
        }
    };
}

select!(f32);
select!(f64);
