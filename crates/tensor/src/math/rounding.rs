//! Rounding to integers. Exact; integers, infinities, NaN and the sign of zero pass through.
//!
//! SSE2 has no rounding instruction, and the library call that stands in for it does not
//! vectorise. There the sum with `2^p` (`p` the number of mantissa bits) does the work: floats
//! from `2^p` on are integers, so the addition rounds half to even, as the processor does with
//! every sum, and taking `2^p` away again is exact. Floor and ceil correct that by one.

use super::Unary;
use crate::simd::Isa;

macro_rules! rounding {
    ($T:ty, $two_p:expr) => {
        impl Unary<$T> for Round {
            #[inline(always)]
            fn call<I: Isa>(self, x: $T) -> $T {
                if I::FMA {
                    return x.round_ties_even();
                }
                let y = ((x.abs() + $two_p) - $two_p).copysign(x);
                // Also false for NaN, which then passes through; from 2^p on, x is an integer.
                if x.abs() < $two_p { y } else { x }
            }
        }

        impl Unary<$T> for Floor {
            #[inline(always)]
            fn call<I: Isa>(self, x: $T) -> $T {
                if I::FMA {
                    return x.floor();
                }
                let y = Round.call::<I>(x);
                (if y > x { y - 1.0 } else { y }).copysign(x)
            }
        }

        impl Unary<$T> for Ceil {
            #[inline(always)]
            fn call<I: Isa>(self, x: $T) -> $T {
                if I::FMA {
                    return x.ceil();
                }
                let y = Round.call::<I>(x);
                (if y < x { y + 1.0 } else { y }).copysign(x)
            }
        }
    };
}

/// The nearest integer, ties to the even one. Exact.
#[derive(Clone, Copy, Debug, Default)]
pub struct Round;

/// The largest integer not above `x`. Exact.
#[derive(Clone, Copy, Debug, Default)]
pub struct Floor;

/// The smallest integer not below `x`. Exact; `-0` on `(-1, -0]`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ceil;

// `I::FMA` stands for "the rounding instruction is there": every set with the one has the other.
rounding!(f32, 8_388_608.0);
rounding!(f64, 4_503_599_627_370_496.0);
