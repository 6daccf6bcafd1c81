//! Layers. Rows are samples: a layer maps `[batch, in]` to `[batch, out]`, and `[in]` to `[out]`.

mod linear;
pub(crate) mod ridge;

pub use linear::Linear;
pub use ridge::Ridge;
