//! The names of the functions whose own kernels are still to come, on the standard library.

use super::Binary;
use crate::simd::Isa;

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
