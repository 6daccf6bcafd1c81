//! Eigenvalues and eigenvectors of symmetric matrices.

use faer::dyn_stack::MemStack;
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::{MatMut, MatRef};

use super::{Field, Routine, each, failure, in_parts, memory, points_down, squares, turn_column};
use crate::element::Float;
use crate::error::Error;
use crate::tensor::Tensor;

struct Decompose;

impl Routine<1, 2> for Decompose {
    const OP: &'static str = "eigh";

    fn run<F: Field>(
        &self,
        [a]: [MatRef<'_, F>; 1],
        [values, mut vectors]: [MatMut<'_, F>; 2],
    ) -> Result<(), Error> {
        let n = a.nrows();
        if n == 0 {
            return Ok(());
        }
        let values = values.col_mut(0).as_diagonal_mut();
        let with = ComputeEigenvectors::Yes;
        in_parts(n, n, |parts| {
            let need = self_adjoint_evd_scratch::<F>(n, with, parts, Default::default());
            self_adjoint_evd(
                a,
                values,
                Some(vectors.as_mut()),
                parts,
                MemStack::new(&mut memory(need)),
                Default::default(),
            )
        })
        .map_err(|_| failure(Self::OP, "the iteration did not converge"))?;
        for j in 0..n {
            if points_down(vectors.as_ref(), j) {
                turn_column(&mut vectors, j);
            }
        }
        Ok(())
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
        Ok((values, vectors.to_contiguous()))
    }
}
