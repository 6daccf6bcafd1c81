//! That training arrives where the theory says.

mod autoencoder;
mod resume;
