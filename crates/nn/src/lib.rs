//! Layers, losses, models, optimisers and data of a deep-learning lecture, on a lazy tape.
//!
//! Parameters live in ordinary structs. A struct derives [`Module`], binds its parameters to the
//! tape of the input, and is differentiated:
//!
//! ```
//! use nn::prelude::*;
//!
//! #[derive(Module)]
//! struct Net<T: Float> {
//!     encoder: Linear<T>,
//!     decoder: Linear<T>,
//! }
//!
//! impl<T: Float> Net<T> {
//!     fn forward<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
//!         self.decoder.forward(self.encoder.forward(x).sigmoid())
//!     }
//! }
//!
//! let mut rng = nn::rng(7);
//! let net = Net { encoder: Linear::new(6, 2, &mut rng), decoder: Linear::new(2, 6, &mut rng) };
//! let tape = Tape::new();
//! let x = tape.constant(Tensor::<f64>::uniform([5, 6], 0.0, 1.0, &mut rng));
//! let loss = loss::half_squared_error(net.forward(x), x);
//! let grads = loss.backward();
//! assert_eq!(grads[&net.encoder.weight].shape(), [2, 6]);
//! println!("{}", net.summary());
//! ```
//!
//! The two crates below are re-exported whole, as [`tape`] and [`tensor`].
#![forbid(unsafe_code)]

extern crate self as nn;

pub mod activation;
pub mod checkpoint;
pub mod data;
mod gradcheck;
pub mod init;
pub mod layer;
pub mod loss;
pub mod metrics;
pub mod model;
mod module;
pub mod optim;
pub mod prelude;
#[cfg(doctest)]
mod readme;
mod recording;
#[cfg(test)]
mod test_dir;
mod train;

pub use activation::Activation;
pub use gradcheck::{gradcheck, gradcheck_with};
pub use layer::{Linear, Ridge};
pub use model::{Autoencoder, DeepLinear, LinearAutoencoder, Mlp, Mlp3, SoftmaxRegression};
pub use module::{Module, Name, ParamMut, ParamRef, Row, Summary, Visitor, VisitorMut};
pub use nn_derive::Module;
pub use recording::{Recording, RecordingError};
pub use tape;
pub use tape::check::{Gradcheck, GradcheckError};
pub use tensor;
pub use tensor::{Rng, rng};
pub use train::{Fit, History, TrainError, fit};
