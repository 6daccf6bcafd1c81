//! Strided tensors on the CPU: views without copies, vectorised kernels, and the same bits on any
//! number of threads.
//!
//! Knows nothing of derivatives and computes at once. The crate `tape` records programs over these
//! kernels.

pub mod any;
mod arith;
pub mod blocks;
pub mod buffer;
mod cast;
mod compare;
mod display;
pub mod element;
mod elementwise;
pub mod error;
mod indexing;
mod joining;
pub mod kernel;
pub mod layout;
#[cfg(test)]
mod layout_regressions;
#[cfg(test)]
mod layout_tests;
#[cfg(feature = "linalg")]
mod linalg;
pub mod make;
pub mod math;
mod operand;
pub mod par;
pub mod pool;
mod product;
pub mod random;
mod reductions;
pub mod shape;
pub mod simd;
pub mod slice;
mod sorting;
mod stream;
mod tensor;
#[cfg(test)]
mod testing;
pub mod view;
mod views;

pub use any::{AnySlice, AnySliceMut, AnyTensor, AnyView};
pub use element::{DType, Element, Float, Number, Scalar};
pub use error::{Error, ShapeError};
pub use layout::Layout;
#[cfg(feature = "linalg")]
pub use linalg::Svd;
pub use make::{IntoTensor, Literal};
pub use operand::Operand;
pub use random::{Rng, permutation, rng};
pub use shape::{Axes, AxisSet, Shape};
pub use tensor::Tensor;
pub use view::View;
