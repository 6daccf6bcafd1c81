//! Arithmetic and roots: what the processor has an instruction for.

use super::lane::{Lane, residual, two_product, unary_kernel};
use super::{Binary, Unary};
use crate::simd::Isa;

macro_rules! unary {
    ($($(#[$doc:meta])* $name:ident: $x:ident => $value:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default)]
        pub struct $name;

        unary!(@impl $name, f32, $x, $value);
        unary!(@impl $name, f64, $x, $value);
    )*};
    (@impl $name:ident, $T:ty, $x:ident, $value:expr) => {
        impl Unary<$T> for $name {
            const EXACT: bool = true;

            #[inline(always)]
            fn call<I: Isa>(self, $x: $T) -> $T {
                $value
            }
        }
    };
}

macro_rules! binary {
    ($($(#[$doc:meta])* $name:ident: $a:ident, $b:ident => $value:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default)]
        pub struct $name;

        binary!(@impl $name, f32, $a, $b, $value);
        binary!(@impl $name, f64, $a, $b, $value);
    )*};
    (@impl $name:ident, $T:ty, $a:ident, $b:ident, $value:expr) => {
        impl Binary<$T> for $name {
            const EXACT: bool = true;

            #[inline(always)]
            fn call<I: Isa>(self, $a: $T, $b: $T) -> $T {
                $value
            }
        }
    };
}

unary! {
    /// `|x|`. Exact; clears the sign of zero and of NaN.
    Abs: x => x.abs();
    /// `-x`. Exact; flips the sign of zero and of NaN.
    Neg: x => -x;
    /// `x * x`, correctly rounded.
    Square: x => x * x;
    /// `1 / x`, correctly rounded; `±inf` at `±0`.
    Recip: x => 1.0 / x;
    /// The square root, correctly rounded; `-0` at `-0`, NaN below zero.
    Sqrt: x => x.sqrt();
}

binary! {
    /// `a + b`, correctly rounded.
    Add: a, b => a + b;
    /// `a - b`, correctly rounded.
    Sub: a, b => a - b;
    /// `a * b`, correctly rounded.
    Mul: a, b => a * b;
    /// `a / b`, correctly rounded.
    Div: a, b => a / b;
}

/// `1 / √x`. `±inf` at `±0`, `0` at `inf`, NaN below zero and at NaN.
///
/// Error: `f32` 0.501 ULP, `f64` 0.501 ULP.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rsqrt;

unary_kernel!(Rsqrt, rsqrt);

/// The root and the quotient round, together up to 1.5 ULP; one Newton step `y + y (1 - x y²)/2`
/// makes up for it. With `x y = p + p_lo` exactly, `1 - x y²` is `(1 - p y) - p_lo y`: no factor
/// of it comes near overflow or the subnormals, whatever x.
#[inline(always)]
fn rsqrt<I: Isa, T: Lane>(x: T) -> T {
    let y = T::one() / x.sqrt();
    let (p, p_lo) = two_product::<I, T>(x, y);
    let rest = I::mul_add(-p_lo, y, residual::<I, T>(T::one(), p, y));
    let corrected = I::mul_add(y * T::lit(0.5), rest, y);
    // NaN where y is 0 or infinite.
    if corrected.is_nan() { y } else { corrected }
}
