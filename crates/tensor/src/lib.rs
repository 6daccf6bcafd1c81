//! Strided tensors on the CPU.
#![warn(missing_docs)]

pub mod math;
pub mod simd;
