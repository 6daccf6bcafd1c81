//! Strided tensors on the CPU: views without copies, vectorised kernels, and the same bits on any
//! number of threads.
//!
//! Knows nothing of derivatives and computes at once. The crate `tape` records programs over these
//! kernels.
//!
//! ```
//! use tensor::{Tensor, s, tensor};
//!
//! let x = tensor![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];
//! let centred = &x - x.mean_axis(0); // broadcast
//! assert_eq!(centred.matmul(&x.t()).shape(), [2, 2]);
//! assert_eq!(x.slice(s![.., ..;-1]), tensor![[3.0, 2.0, 1.0], [6.0, 5.0, 4.0]]); // a view
//! let noise = Tensor::<f64>::normal([2, 3], 0.0, 0.1, &mut tensor::rng(7)); // the same everywhere
//! assert!((x + noise).exp().sum().item() > 0.0);
//! ```

pub mod any;
mod arith;
pub mod blocks;
mod buffer;
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
#[cfg(feature = "linalg")]
mod linalg;
mod logic;
mod make;
pub mod math;
mod operand;
mod owned;
pub mod par;
pub mod pool;
mod product;
pub mod random;
mod reductions;
pub mod shape;
pub mod simd;
pub mod slice;
mod softmax;
mod sorting;
mod stream;
mod tensor;
#[cfg(test)]
mod testing;
mod view;
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
