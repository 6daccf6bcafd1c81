//! Parameters: tensors with an identity, which live off the tape.

use std::sync::atomic::{AtomicU64, Ordering};

use tensor::{Float, Tensor};

/// Identifies a parameter among all of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ParamId(u64);

fn next_id() -> ParamId {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    ParamId(NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A trained tensor. Cloning gives the clone an identity of its own, so the gradients of a model
/// never reach its copy.
#[derive(Debug)]
pub struct Param<T: Float> {
    id: ParamId,
    value: Tensor<T>,
    frozen: bool,
}

impl<T: Float> Clone for Param<T> {
    fn clone(&self) -> Self {
        Param { id: next_id(), value: self.value.clone(), frozen: self.frozen }
    }
}

impl<T: Float> Param<T> {
    /// A parameter that starts at `value`.
    pub fn new(value: Tensor<T>) -> Self {
        Param { id: next_id(), value, frozen: false }
    }

    /// Its identity.
    pub fn id(&self) -> ParamId {
        self.id
    }

    /// Its value.
    pub fn value(&self) -> &Tensor<T> {
        &self.value
    }

    /// Sizes of its axes.
    pub fn shape(&self) -> &[usize] {
        self.value.shape()
    }

    /// The number of its elements.
    pub fn len(&self) -> usize {
        self.value.len()
    }

    /// Whether it has no element.
    pub fn is_empty(&self) -> bool {
        self.value.is_empty()
    }

    /// Replaces the value. Programs recorded before keep the old one.
    ///
    /// # Panics
    /// When the shape differs.
    #[track_caller]
    pub fn set(&mut self, value: Tensor<T>) {
        assert!(
            value.shape() == self.shape(),
            "set: a parameter of shape {} cannot take a value of shape {}",
            tensor::shape::Dims(self.shape()),
            tensor::shape::Dims(value.shape())
        );
        self.value = value;
    }

    /// The elements in row-major order, to be changed in place. They are copied first if a recorded
    /// program still reads them.
    pub fn values_mut(&mut self) -> &mut [T] {
        self.value.make_mut()
    }

    /// Whether it is left out of training.
    pub fn is_frozen(&self) -> bool {
        self.frozen
    }

    /// Leaves it out of training, or takes it back in.
    pub fn set_frozen(&mut self, frozen: bool) {
        self.frozen = frozen;
    }
}
