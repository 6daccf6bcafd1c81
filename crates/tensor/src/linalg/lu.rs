//! What follows from Gaussian elimination with row exchanges: `solve`, `inverse`, `det`.

use faer::dyn_stack::MemStack;
use faer::linalg::lu::partial_pivoting::factor::{lu_in_place, lu_in_place_scratch};
use faer::linalg::triangular_solve::{
    solve_unit_lower_triangular_in_place, solve_upper_triangular_in_place,
};
use faer::{Mat, MatMut, MatRef, Par};

use super::{Field, Routine, each, failure, in_parts, memory, squares};
use crate::element::Float;
use crate::error::Error;
use crate::shape::Dims;
use crate::tensor::Tensor;

/// `P A = L U`: the two triangles in one matrix, and where each row of `P A` stands in `A`.
struct Lu<F> {
    factors: Mat<F>,
    rows: Vec<usize>,
    exchanges: usize,
}

impl<F: Field> Lu<F> {
    fn of(a: MatRef<'_, F>) -> Self {
        let mut a = a.to_owned();
        let n = a.nrows();
        let (mut rows, mut back) = (vec![0usize; n], vec![0usize; n]);
        let need = lu_in_place_scratch::<usize, F>(n, n, Par::Seq, Default::default());
        let (info, _) = lu_in_place(
            a.as_mut(),
            &mut rows,
            &mut back,
            Par::Seq,
            MemStack::new(&mut memory(need)),
            Default::default(),
        );
        Lu { factors: a, rows, exchanges: info.transposition_count }
    }

    fn solve(&self, b: MatRef<'_, F>, mut x: MatMut<'_, F>) {
        let (m, n) = x.shape();
        for j in 0..n {
            let (b, x) = (b.col(j), x.as_mut().col_mut(j));
            for (x, &row) in x.iter_mut().zip(&self.rows) {
                *x = b[row];
            }
        }
        in_parts(m, n, |parts| {
            solve_unit_lower_triangular_in_place(self.factors.as_ref(), x.as_mut(), parts);
            solve_upper_triangular_in_place(self.factors.as_ref(), x.as_mut(), parts);
        });
    }
}

/// Solves, after refusing a matrix that has no inverse in this precision: one with a pivot within
/// rounding of 0, measured by the terms it is the difference of, `a_jj - Σ l_ji u_ij` in the order
/// of the exchanged rows. A pivot of exactly 0 would not do, for rounding leaves something there.
fn solve<F: Field>(
    op: &'static str,
    a: MatRef<'_, F>,
    b: MatRef<'_, F>,
    x: MatMut<'_, F>,
) -> Result<(), Error> {
    let n = a.nrows();
    let size = |m: MatRef<'_, F>, i, j| Float::wide(m[(i, j)]).abs();
    let lu = Lu::of(a);
    let epsilon = Float::wide(<F as num_traits::Float>::epsilon());
    let lost = |&j: &usize| {
        let u = lu.factors.as_ref();
        let terms = (0..j).map(|i| size(u, j, i) * size(u, i, j));
        size(u, j, j) <= epsilon * terms.fold(size(a, lu.rows[j], j), f64::max)
    };
    if let Some(pivot) = (0..n).find(lost) {
        let reason = format!("the matrix is singular to working precision at pivot {pivot}");
        return Err(failure(op, reason));
    }
    lu.solve(b, x);
    Ok(())
}

struct Solve;
struct Inverse;
struct Det;

impl Routine<2, 1> for Solve {
    const OP: &'static str = "solve";

    fn run<F: Field>(
        &self,
        [a, b]: [MatRef<'_, F>; 2],
        [x]: [MatMut<'_, F>; 1],
    ) -> Result<(), Error> {
        solve(Self::OP, a, b, x)
    }
}

impl Routine<1, 1> for Inverse {
    const OP: &'static str = "inverse";

    fn run<F: Field>(&self, [a]: [MatRef<'_, F>; 1], [x]: [MatMut<'_, F>; 1]) -> Result<(), Error> {
        let one = Mat::<F>::identity(a.nrows(), a.nrows());
        solve(Self::OP, a, one.as_ref(), x)
    }
}

impl Routine<1, 1> for Det {
    const OP: &'static str = "det";

    fn run<F: Field>(
        &self,
        [a]: [MatRef<'_, F>; 1],
        [mut out]: [MatMut<'_, F>; 1],
    ) -> Result<(), Error> {
        let lu = Lu::of(a);
        // The powers of two are kept apart, so that the product leaves the range only if the
        // determinant does.
        let mut mantissa = if lu.exchanges % 2 == 0 { 1.0 } else { -1.0 };
        let mut exponent = 0;
        for i in 0..lu.rows.len() {
            // Behind a pivot of 0, elimination has divided by it.
            if mantissa == 0.0 {
                break;
            }
            let (m, e) = split(mantissa * split(Float::wide(lu.factors[(i, i)])).0);
            mantissa = m;
            exponent += e + split(Float::wide(lu.factors[(i, i)])).1;
        }
        let half = (exponent / 2).clamp(-1100, 1100);
        let rest = (exponent - half).clamp(-1100, 1100);
        let det = mantissa * 2f64.powi(half) * 2f64.powi(rest);
        out[(0, 0)] = F::of(det);
        Ok(())
    }
}

/// `(m, e)` with `x = m·2ᵉ` and `1 ≤ |m| < 2`; what has no such form (0, ∞, NaN) is itself with 0.
fn split(x: f64) -> (f64, i32) {
    if x == 0.0 || !x.is_finite() {
        return (x, 0);
    }
    // A subnormal number is made normal first.
    let (x, shift) = if x.is_normal() { (x, 0) } else { (x * 2f64.powi(64), -64) };
    let e = ((x.to_bits() >> 52) & 0x7ff) as i32 - 1023;
    (f64::from_bits((x.to_bits() & !(0x7ff << 52)) | (1023 << 52)), e + shift)
}

impl<T: Float> Tensor<T> {
    /// The `X` with `A X = B` for each square matrix `A: [.., n, n]` of this tensor. `b` is one
    /// vector `[n]` (for a single matrix) or `[.., n, k]` with the same leading axes.
    ///
    /// # Errors
    /// When a matrix is singular to working precision (a pivot is within rounding of 0, compared
    /// with the terms it is the difference of), or a value is not finite. A matrix that is only
    /// badly conditioned is solved as well as the precision allows.
    ///
    /// # Panics
    /// When the shapes do not fit.
    #[track_caller]
    pub fn solve(&self, b: &Tensor<T>) -> Result<Tensor<T>, Error> {
        let (lead, n) = squares("solve", self.shape());
        let vector = lead.is_empty() && b.rank() == 1;
        let columns = if vector { b.unsqueeze(-1) } else { b.clone() };
        let fits = columns.rank() == self.rank()
            && columns.shape()[..=lead.len()] == self.shape()[..=lead.len()];
        if !fits {
            let (a, b) = (Dims(self.shape()), Dims(b.shape()));
            panic!(
                "solve: {a} and {b}: the right-hand side has another number of rows than the matrix"
            );
        }
        let size = [n, columns.shape()[lead.len() + 1]];
        let size = if vector { &size[..1] } else { &size[..] };
        let [x] = each(&Solve, [self.clone(), columns], lead, [size])?;
        Ok(x.to_contiguous())
    }

    /// The inverse of each square matrix `[.., n, n]`. To apply it, [`solve`](Self::solve) is
    /// cheaper and more accurate.
    ///
    /// # Errors
    /// As [`solve`](Self::solve).
    ///
    /// # Panics
    /// When the last two axes are not square.
    #[track_caller]
    pub fn inverse(&self) -> Result<Tensor<T>, Error> {
        let (lead, n) = squares("inverse", self.shape());
        let [x] = each(&Inverse, [self.clone()], lead, [&[n, n]])?;
        Ok(x.to_contiguous())
    }

    /// The determinant of each square matrix: the leading axes remain. That of an empty
    /// matrix is 1.
    ///
    /// # Errors
    /// When a value is not finite, or the determinant overflows.
    ///
    /// # Panics
    /// When the last two axes are not square.
    #[track_caller]
    pub fn det(&self) -> Result<Tensor<T>, Error> {
        let (lead, _) = squares("det", self.shape());
        let [det] = each(&Det, [self.clone()], lead, [&[]])?;
        Ok(det)
    }
}
