//! Orthogonal times triangular.

use faer::dyn_stack::MemStack;
use faer::linalg::householder::{
    apply_block_householder_sequence_on_the_left_in_place_scratch as apply_scratch,
    apply_block_householder_sequence_on_the_left_in_place_with_conj as apply,
};
use faer::linalg::qr::no_pivoting::factor::{
    qr_in_place, qr_in_place_scratch, recommended_block_size,
};
use faer::{Conj, Mat, MatMut, MatRef, Par};

use super::{Field, Routine, each, in_parts, matrices, memory, turn_column};
use crate::element::Float;
use crate::error::Error;
use crate::tensor::Tensor;

struct Factor;

impl Routine<1, 2> for Factor {
    const OP: &'static str = "qr";

    fn run<F: Field>(
        &self,
        [a]: [MatRef<'_, F>; 1],
        [mut q, mut r]: [MatMut<'_, F>; 2],
    ) -> Result<(), Error> {
        let (m, n) = a.shape();
        let k = m.min(n);
        if k == 0 {
            return Ok(());
        }
        let mut a = a.to_owned();
        let block = recommended_block_size::<F>(m, n);
        let mut coefficients = Mat::zeros(block, k);
        let need = qr_in_place_scratch::<F>(m, n, block, Par::Seq, Default::default())
            .or(apply_scratch::<F>(m, block, k));
        let mut memory = memory(need);
        qr_in_place(
            a.as_mut(),
            coefficients.as_mut(),
            Par::Seq,
            MemStack::new(&mut memory),
            Default::default(),
        );
        // Below the diagonal of the result lie the reflections that make up Q, above it R.
        q.fill(F::zero());
        q.as_mut().diagonal_mut().fill(F::one());
        in_parts(m, k, |parts| {
            apply(
                a.get(.., ..k),
                coefficients.as_ref(),
                Conj::No,
                q.as_mut(),
                parts,
                MemStack::new(&mut memory),
            );
        });
        for j in 0..n {
            for i in 0..k {
                r[(i, j)] = if i <= j { a[(i, j)] } else { F::zero() };
            }
        }
        for i in 0..k {
            if Float::wide(r[(i, i)]) < 0.0 {
                turn_column(&mut q, i);
                for j in i..n {
                    r[(i, j)] = -r[(i, j)];
                }
            }
        }
        Ok(())
    }
}

impl<T: Float> Tensor<T> {
    /// The reduced decomposition `A = Q R` of each matrix `[.., m, n]`: `(q, r)` with orthonormal
    /// columns in `q: [.., m, k]` and upper triangular `r: [.., k, n]`, `k = min(m, n)`. The
    /// diagonal of `r` is not negative, which makes the result unique where the columns are
    /// independent.
    ///
    /// # Errors
    /// When a value is not finite.
    ///
    /// # Panics
    /// When the rank is below 2.
    #[track_caller]
    pub fn qr(&self) -> Result<(Tensor<T>, Tensor<T>), Error> {
        let (lead, m, n) = matrices("qr", self.shape());
        let k = m.min(n);
        let [q, r] = each(&Factor, [self.clone()], lead, [&[m, k], &[k, n]])?;
        Ok((q.to_contiguous(), r.to_contiguous()))
    }
}
