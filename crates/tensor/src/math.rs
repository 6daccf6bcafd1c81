//! Elementary functions, written so that a loop over them vectorises.
//!
//! Every function is a zero-cost struct whose `call` is generic in the instruction set. Its body
//! is free of branches, of calls and of table look-ups: a condition is a selection between two
//! values that are both computed, so the compiler turns a loop over `call` into vector code for
//! whatever instruction set [`crate::simd::dispatch`] picks.
//!
//! Errors are stated in ULP: the distance to the exact result in units of the spacing of floats at
//! the exact result; 0.5 is a correctly rounded function. The figures are measured maxima, rounded
//! up: for `f32` over every 7th bit pattern (`pow`: every 257th, for three exponents and a base;
//! `examples/ulp_sweep.rs`), for `f64` over some two million arguments, dense at the seams, against
//! quadruple precision. Without a fused multiply-add `f32` functions run in `f64` and stay within
//! 0.51 (sine and cosine: 0.63).

mod arithmetic;
mod erf;
mod exp;
mod expm1;
mod lane;
mod ln;
mod log1p;
mod pow;
mod rounding;
mod select;
mod sigmoid;
mod softplus;
mod tanh;
mod trig;

#[cfg(test)]
mod tests;

pub use arithmetic::{Abs, Add, Div, Mul, Neg, Recip, Rsqrt, Sqrt, Square, Sub};
pub use erf::Erf;
pub use exp::Exp;
pub use expm1::Expm1;
pub use ln::Ln;
pub use log1p::Log1p;
pub use pow::Pow;
pub use rounding::{Ceil, Floor, Round};
pub use select::{Clamp, Heaviside, Maximum, Minimum, Mul0, Relu, Sign};
pub use sigmoid::Sigmoid;
pub use softplus::Softplus;
pub use tanh::Tanh;
pub use trig::{Cos, Sin};

use crate::simd::Isa;

/// A function of one element, compiled for every instruction set.
pub trait Unary<T>: Copy + Send + Sync + 'static {
    /// Whether it is exact or correctly rounded, so that all instruction sets give the same bits.
    const EXACT: bool = false;

    /// The function at `x`.
    fn call<I: Isa>(self, x: T) -> T;

    /// The function of every element of `x`, into `out`; stops at the shorter of the two.
    ///
    /// A function with a rare slow case (sine of a huge argument) overrides it: fast loop first,
    /// repairs after, so that the slow case does not keep the loop from being vectorised.
    #[inline(always)]
    fn block<I: Isa>(self, x: &[T], out: &mut [T])
    where
        T: Copy,
    {
        for (out, &x) in out.iter_mut().zip(x) {
            *out = self.call::<I>(x);
        }
    }
}

/// A function of two elements.
pub trait Binary<T>: Copy + Send + Sync + 'static {
    /// Whether it is exact or correctly rounded, so that all instruction sets give the same bits.
    const EXACT: bool = false;

    /// The function at `(a, b)`.
    fn call<I: Isa>(self, a: T, b: T) -> T;

    /// The function of every pair of `a` and `b`, into `out`; stops at the shortest of the three.
    #[inline(always)]
    fn block<I: Isa>(self, a: &[T], b: &[T], out: &mut [T])
    where
        T: Copy,
    {
        for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
            *out = self.call::<I>(a, b);
        }
    }
}
