//! Eigenvalues and eigenvectors of symmetric matrices.

use faer::Mat;
use faer::diag::Diag;
use faer::dyn_stack::MemStack;
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};

use super::{Field, Routine, degree, each, failure, memory, points_down, squares, turn_column};
use crate::element::Float;
use crate::error::Error;
use crate::tensor::Tensor;

struct Decompose;

impl Routine<1, 2> for Decompose {
    const OP: &'static str = "eigh";

    fn run<F: Field>(&self, [a]: [Mat<F>; 1]) -> Result<[Mat<F>; 2], Error> {
        let n = a.nrows();
        let mut vectors = Mat::zeros(n, n);
        let mut values = Diag::zeros(n);
        if n == 0 {
            return Ok([Mat::zeros(0, 1), vectors]);
        }
        let (with, parts) = (ComputeEigenvectors::Yes, degree(n, n));
        let need = self_adjoint_evd_scratch::<F>(n, with, parts, Default::default());
        self_adjoint_evd(
            a.as_ref(),
            values.as_mut(),
            Some(vectors.as_mut()),
            parts,
            MemStack::new(&mut memory(need)),
            Default::default(),
        )
        .map_err(|_| failure(Self::OP, "the iteration did not converge"))?;
        for j in 0..n {
            if points_down(vectors.as_ref(), j) {
                turn_column(&mut vectors, j);
            }
        }
        let values = values.column_vector();
        Ok([Mat::from_fn(n, 1, |i, _| values[i]), vectors])
    }
}

impl<T: Float> Tensor<T> {
    /// Eigenvalues in ascending order `[.., n]` and orthonormal eigenvectors as columns
    /// `[.., n, n]` of each symmetric matrix: `A = V diag(w) Vᵀ`. Only the lower triangle of `A`
    /// enters. The entry of largest magnitude of each vector is positive, which fixes the signs.
    ///
    /// # Errors
    /// When a value is not finite, or the iteration does not converge.
    ///
    /// # Panics
    /// When the last two axes are not square.
    #[track_caller]
    pub fn eigh(&self) -> Result<(Tensor<T>, Tensor<T>), Error> {
        let (lead, n) = squares("eigh", self.shape());
        let [values, vectors] = each(&Decompose, [self.clone()], lead, [&[n], &[n, n]])?;
        Ok((values, vectors))
    }
}
