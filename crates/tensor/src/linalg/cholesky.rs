//! The square root of a positive definite matrix.

use faer::dyn_stack::MemStack;
use faer::linalg::cholesky::llt::factor::{LltError, cholesky_in_place, cholesky_in_place_scratch};
use faer::{Mat, Par};

use super::{Field, Routine, each, failure, memory, squares};
use crate::element::Float;
use crate::error::Error;
use crate::tensor::Tensor;

struct Factor;

impl Routine<1, 1> for Factor {
    const OP: &'static str = "cholesky";

    fn run<F: Field>(&self, [mut a]: [Mat<F>; 1]) -> Result<[Mat<F>; 1], Error> {
        let n = a.nrows();
        let need = cholesky_in_place_scratch::<F>(n, Par::Seq, Default::default());
        cholesky_in_place(
            a.as_mut(),
            Default::default(),
            Par::Seq,
            MemStack::new(&mut memory(need)),
            Default::default(),
        )
        .map_err(|LltError::NonPositivePivot { index }| {
            failure(Self::OP, format!("not positive definite: pivot {index} is not positive"))
        })?;
        Ok([Mat::from_fn(n, n, |i, j| if j <= i { a[(i, j)] } else { F::zero() })])
    }
}

impl<T: Float> Tensor<T> {
    /// The lower triangular `L` with positive diagonal and `A = L Lᵀ` of each symmetric positive
    /// definite matrix `[.., n, n]`. Only the lower triangle of `A` enters.
    ///
    /// # Errors
    /// When a matrix is not positive definite (the error names the first pivot, counted from 0, that
    /// is not positive), or a value is not finite.
    ///
    /// # Panics
    /// When the last two axes are not square.
    #[track_caller]
    pub fn cholesky(&self) -> Result<Tensor<T>, Error> {
        let (lead, n) = squares("cholesky", self.shape());
        let [l] = each(&Factor, [self.clone()], lead, [&[n, n]])?;
        Ok(l)
    }
}
