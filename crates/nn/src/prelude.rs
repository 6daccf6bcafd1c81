//! What a model needs: `use nn::prelude::*;`.

pub use tape::{Gradients, Param, Tape, Var, spec};
pub use tensor::{Float, Tensor, s, tensor};

pub use crate::data::{Batch, Dataset};
pub use crate::model::{Autoencoder, DeepLinear, LinearAutoencoder, Mlp, Mlp3, SoftmaxRegression};
pub use crate::optim::{Adam, AdamW, Optimizer, Sgd};
pub use crate::{Activation, Linear, Module, Recording, Ridge, rng};
pub use crate::{activation, data, init, loss, metrics};
