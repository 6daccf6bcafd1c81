//! Products of vectors, matrices and batches.

use crate::element::Float;
use crate::error::OrPanic;
use crate::kernel;
use crate::shape::Dims;
use crate::tensor::Tensor;

impl<T: Float> Tensor<T> {
    /// The matrix product `out[.., i, j] = Σₖ self[.., i, k] · other[.., k, j]`, with the rules of
    /// NumPy: axes before the last two broadcast, and a vector's own axis disappears, so
    /// `[m, k] x [k]` is `[m]` and `[k] x [k]` is rank 0.
    ///
    /// An empty sum is 0, and `0 · NaN` is NaN. No operand is copied to be transposed; the bits do
    /// not depend on strides or threads.
    ///
    /// # Panics
    /// When an operand has rank 0, the inner sizes differ, or the leading axes do not broadcast.
    #[track_caller]
    pub fn matmul(&self, other: &Tensor<T>) -> Tensor<T> {
        let shape = kernel::matmul_shape(self.shape(), other.shape()).or_panic();
        Tensor::build(&shape, |out| kernel::matmul(self.view(), other.view(), out))
    }

    /// The inner product `Σₖ self[k] · other[k]` of two vectors.
    ///
    /// # Panics
    /// When they are not vectors of one length.
    #[track_caller]
    pub fn dot(&self, other: &Tensor<T>) -> T {
        if self.rank() != 1 || self.shape() != other.shape() {
            let (a, b) = (Dims(self.shape()), Dims(other.shape()));
            panic!("dot: {a} and {b} are not two vectors of one length");
        }
        let mut out = [T::zero()];
        kernel::matmul(self.view(), other.view(), &mut out);
        out[0]
    }

    /// The outer product `out[i, j] = self[i] · other[j]` of two vectors.
    ///
    /// # Panics
    /// When they are not vectors.
    #[track_caller]
    pub fn outer(&self, other: &Tensor<T>) -> Tensor<T> {
        if self.rank() != 1 || other.rank() != 1 {
            panic!("outer: {} and {} are not two vectors", Dims(self.shape()), Dims(other.shape()));
        }
        self.unsqueeze(-1).matmul(&other.unsqueeze(0))
    }
}
