//! Singular values and vectors, and the rank they reveal.

use faer::dyn_stack::MemStack;
use faer::linalg::svd::{ComputeSvdVectors, svd, svd_scratch};
use faer::{MatMut, MatRef};

use super::{Field, Routine, each, failure, in_parts, matrices, memory, points_down, turn_column};
use crate::element::Float;
use crate::error::Error;
use crate::shape::Dims;
use crate::tensor::Tensor;

/// The reduced singular value decomposition `A = U diag(s) Vᵀ`; see [`Tensor::svd`].
#[derive(Clone, Debug)]
pub struct Svd<T: Float> {
    /// Left singular vectors as columns: `[.., m, k]` with `k = min(m, n)`.
    pub u: Tensor<T>,
    /// Singular values, largest first: `[.., k]`.
    pub s: Tensor<T>,
    /// Right singular vectors as rows: `[.., k, n]`.
    pub vt: Tensor<T>,
}

struct Decompose;

impl Routine<1, 3> for Decompose {
    const OP: &'static str = "svd";

    fn run<F: Field>(
        &self,
        [a]: [MatRef<'_, F>; 1],
        [mut u, s, mut v]: [MatMut<'_, F>; 3],
    ) -> Result<(), Error> {
        let (m, n) = a.shape();
        let k = m.min(n);
        if k == 0 {
            return Ok(());
        }
        let s = s.col_mut(0).as_diagonal_mut();
        let thin = ComputeSvdVectors::Thin;
        in_parts(m, n, |parts| {
            let need = svd_scratch::<F>(m, n, thin, thin, parts, Default::default());
            svd(
                a,
                s,
                Some(u.as_mut()),
                Some(v.as_mut()),
                parts,
                MemStack::new(&mut memory(need)),
                Default::default(),
            )
        })
        .map_err(|_| failure(Self::OP, "the iteration did not converge"))?;
        for j in 0..k {
            if points_down(u.as_ref(), j) {
                turn_column(&mut u, j);
                turn_column(&mut v, j);
            }
        }
        Ok(())
    }
}

impl<T: Float> Tensor<T> {
    /// The reduced singular value decomposition `A = U diag(s) Vᵀ` of each matrix `[.., m, n]`:
    /// `u` is `[.., m, k]`, `s` is `[.., k]` in descending order and `vt` is `[.., k, n]`, with
    /// `k = min(m, n)`. The entry of largest magnitude of each left vector is positive, which fixes
    /// the signs.
    ///
    /// # Errors
    /// When a value is not finite, or the iteration does not converge.
    ///
    /// # Panics
    /// When the rank is below 2.
    #[track_caller]
    pub fn svd(&self) -> Result<Svd<T>, Error> {
        let (lead, m, n) = matrices("svd", self.shape());
        let k = m.min(n);
        let sizes: [&[usize]; 3] = [&[m, k], &[k], &[n, k]];
        let [u, s, v] = each(&Decompose, [self.clone()], lead, sizes)?;
        Ok(Svd { u: u.to_contiguous(), s, vt: v.t() })
    }

    /// How many singular values of this matrix exceed `tolerance`; by default the largest one times
    /// the larger side times the spacing of numbers at 1.
    ///
    /// # Errors
    /// As [`svd`](Self::svd).
    ///
    /// # Panics
    /// When this is not a matrix.
    #[track_caller]
    pub fn matrix_rank(&self, tolerance: Option<T>) -> Result<usize, Error> {
        let &[m, n] = self.shape() else {
            panic!("matrix_rank: shape {} is not a matrix", Dims(self.shape()));
        };
        let s = self.svd()?.s;
        let largest = s.iter().next().unwrap_or(T::zero());
        let tolerance = tolerance.unwrap_or(largest * T::of(m.max(n) as f64) * T::epsilon());
        Ok(s.iter().filter(|&s| s > tolerance).count())
    }
}
