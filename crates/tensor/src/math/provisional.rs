//! The names of the functions whose own kernels are still to come, on the standard library.

use super::{Binary, Unary};
use crate::simd::Isa;

macro_rules! provisional {
    ($($name:ident: $x:ident => $value:expr;)*) => {$(
        /// Provisional: calls the standard library.
        #[derive(Clone, Copy, Debug, Default)]
        pub struct $name;

        impl Unary<f32> for $name {
            #[inline(always)]
            fn call<I: Isa>(self, x: f32) -> f32 {
                let $x = f64::from(x);
                $value as f32
            }
        }

        impl Unary<f64> for $name {
            #[inline(always)]
            fn call<I: Isa>(self, $x: f64) -> f64 {
                $value
            }
        }
    )*};
}

provisional! {
    Exp: x => x.exp();
    Expm1: x => x.exp_m1();
    Ln: x => x.ln();
    Log1p: x => x.ln_1p();
    Tanh: x => x.tanh();
    Sigmoid: x => 1.0 / (1.0 + (-x).exp());
    Softplus: x => x.max(0.0) + (-x.abs()).exp().ln_1p();
    // Six digits: a placeholder.
    Erf: x => (x * (1.128_4 + 0.101_091 * x * x)).tanh();
    Sin: x => x.sin();
    Cos: x => x.cos();
}

/// Provisional: calls the standard library.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pow;

impl Binary<f32> for Pow {
    #[inline(always)]
    fn call<I: Isa>(self, a: f32, b: f32) -> f32 {
        a.powf(b)
    }
}

impl Binary<f64> for Pow {
    #[inline(always)]
    fn call<I: Isa>(self, a: f64, b: f64) -> f64 {
        a.powf(b)
    }
}
