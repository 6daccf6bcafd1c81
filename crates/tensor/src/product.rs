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

    /// The inner product `Σₖ self[k] · other[k]` of two vectors, of shape `[]`.
    ///
    /// # Panics
    /// When they are not vectors of one length.
    #[track_caller]
    pub fn dot(&self, other: &Tensor<T>) -> Tensor<T> {
        if self.rank() != 1 || self.shape() != other.shape() {
            let (a, b) = (Dims(self.shape()), Dims(other.shape()));
            panic!("dot: {a} and {b} are not two vectors of one length");
        }
        self.matmul(other)
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

#[cfg(test)]
mod tests {
    use crate::testing::{disguises, panic_of};
    use crate::{Tensor, tensor};

    #[test]
    fn inner_and_outer_products_of_vectors_of_any_layout() {
        for a in disguises(&tensor![1.0, 2.0, -3.0], f64::NAN) {
            for b in disguises(&tensor![0.5, -1.0, 4.0], f64::NAN) {
                assert_eq!(a.dot(&b), Tensor::scalar(-13.5));
                let rows = tensor![[0.5, -1.0, 4.0], [1.0, -2.0, 8.0], [-1.5, 3.0, -12.0]];
                assert_eq!(a.outer(&b), rows);
            }
        }
        let (a, none) = (tensor![1.0, 2.0], Tensor::<f64>::zeros([0]));
        assert_eq!((none.dot(&none).item(), a.outer(&none).shape()), (0.0, &[2, 0][..]));
        assert_eq!(panic_of(|| a.dot(&none)), "dot: [2] and [0] are not two vectors of one length");
        assert_eq!(
            panic_of(|| a.outer(&a.unsqueeze(0))),
            "outer: [2] and [1, 2] are not two vectors"
        );
    }
}
