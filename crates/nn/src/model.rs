//! The models of the lecture. Rows are samples; every constructor takes its generator.

mod autoencoder;
mod deep_linear;
mod linear_autoencoder;
mod mlp;
mod mlp3;
mod mode;
mod softmax_regression;

pub use autoencoder::Autoencoder;
pub use deep_linear::DeepLinear;
pub use linear_autoencoder::{LinearAutoencoder, SubspaceDistance};
pub use mlp::Mlp;
pub use mlp3::Mlp3;
pub use mode::Mode;
pub use softmax_regression::SoftmaxRegression;
