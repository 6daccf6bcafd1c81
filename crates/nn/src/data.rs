//! Data: a set of samples with their targets, shuffled batches of it, and where samples come from.

mod dataset;
mod digits;
mod error;
pub mod idx;
mod plane;

pub use dataset::{Batch, Batches, Dataset};
pub use digits::digits;
pub use error::DataError;
pub use idx::mnist;
pub use plane::{circles, moons, spirals, xor};
