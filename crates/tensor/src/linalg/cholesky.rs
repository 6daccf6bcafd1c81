//! The square root of a positive definite matrix.

use faer::dyn_stack::MemStack;
use faer::linalg::cholesky::llt::factor::{LltError, cholesky_in_place, cholesky_in_place_scratch};
use faer::{MatMut, MatRef, Par};

use super::{Field, Routine, each, failure, memory, squares};
use crate::element::Float;
use crate::error::Error;
use crate::tensor::Tensor;

struct Factor;

impl Routine<1, 1> for Factor {
    const OP: &'static str = "cholesky";

    fn run<F: Field>(
        &self,
        [a]: [MatRef<'_, F>; 1],
        [mut l]: [MatMut<'_, F>; 1],
    ) -> Result<(), Error> {
        let n = a.nrows();
        l.copy_from(a);
        let need = cholesky_in_place_scratch::<F>(n, Par::Seq, Default::default());
        cholesky_in_place(
            l.as_mut(),
            Default::default(),
            Par::Seq,
            MemStack::new(&mut memory(need)),
            Default::default(),
        )
        .map_err(|LltError::NonPositivePivot { index }| {
            failure(Self::OP, format!("not positive definite: pivot {index} is not positive"))
        })?;
        for j in 1..n {
            l.as_mut().col_mut(j).subrows_mut(0, j).fill(F::zero());
        }
        Ok(())
    }
}

impl<T: Float> Tensor<T> {
    /// The lower triangular `L` with positive diagonal and `A = L Lᵀ` of each symmetric positive
    /// definite matrix `[.., n, n]`. Only the lower triangle of `A` enters.
    ///
    /// # Errors
    /// When a matrix is not positive definite (the error names the first pivot, counted from 0,
    /// that is not positive), or a value is not finite.
    ///
    /// # Panics
    /// When the last two axes are not square.
    #[track_caller]
    pub fn cholesky(&self) -> Result<Tensor<T>, Error> {
        let (lead, n) = squares("cholesky", self.shape());
        let [l] = each(&Factor, [self.clone()], lead, [&[n, n]])?;
        Ok(l.to_contiguous())
    }
}
