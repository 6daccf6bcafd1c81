//! Layers. Rows are samples: a layer maps `[batch, in]` to `[batch, out]`, and `[in]` to `[out]`.

mod collapse;
pub(crate) mod linear;
pub(crate) mod ridge;

pub use collapse::{Collapsed, Merged, collapse};
pub use linear::Linear;
pub use ridge::Ridge;
