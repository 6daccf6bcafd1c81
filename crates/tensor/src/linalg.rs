//! Decompositions of matrices, by `faer`: none of them is written by hand.
//!
//! Every method takes a matrix, or a batch of matrices in the last two axes, and treats each by
//! itself. The bits never depend on the number of threads: see [`in_parts`]. Factors that
//! mathematics leaves open up to a sign get it from a stated rule, so that results are
//! reproducible. Input that is not finite is an error, and so is a result that is not.

mod cholesky;
mod eigh;
mod lu;
mod qr;
mod svd;

pub use svd::Svd;

use faer::dyn_stack::{MemBuffer, StackReq};
use faer::traits::RealField;
use faer::{MatMut, MatRef, Par};

use crate::element::{DType, Element, Float};
use crate::error::Error;
use crate::shape::{self, Dims, Shape};
use crate::tensor::Tensor;

/// Elements that `faer` computes with.
trait Field: Float + RealField {}
impl<T: Float + RealField> Field for T {}

/// What is made of one matrix (or of `N` of them together): `M` matrices.
trait Routine<const N: usize, const M: usize> {
    /// Its name in errors.
    const OP: &'static str;

    /// Writes every element of the results, whose values are unspecified before; vectors are
    /// columns.
    fn run<F: Field>(
        &self,
        inputs: [MatRef<'_, F>; N],
        outputs: [MatMut<'_, F>; M],
    ) -> Result<(), Error>;
}

fn failure(op: &'static str, reason: impl Into<String>) -> Error {
    Error::Numerical { op, reason: reason.into() }
}

/// Runs `routine` on each matrix of the inputs' leading axes, which are all `lead`; `sizes`
/// are the last axes of the outputs. Those that are matrices are views of what `faer` wrote,
/// column by column.
#[track_caller]
fn each<T: Float, R: Routine<N, M>, const N: usize, const M: usize>(
    routine: &R,
    inputs: [Tensor<T>; N],
    lead: &[usize],
    sizes: [&[usize]; M],
) -> Result<[Tensor<T>; M], Error> {
    match T::DTYPE {
        DType::F32 => {
            let out = each_of(routine, inputs.map(same::<T, f32>), lead, sizes)?;
            Ok(out.map(same::<f32, T>))
        }
        DType::F64 => {
            let out = each_of(routine, inputs.map(same::<T, f64>), lead, sizes)?;
            Ok(out.map(same::<f64, T>))
        }
        _ => unreachable!("a Float is f32 or f64"),
    }
}

/// The same tensor under the other name of its element type.
fn same<A: Element, B: Element>(tensor: Tensor<A>) -> Tensor<B> {
    B::take_tensor(A::erase(tensor)).expect("both names mean one type")
}

#[track_caller]
fn each_of<F: Field, R: Routine<N, M>, const N: usize, const M: usize>(
    routine: &R,
    inputs: [Tensor<F>; N],
    lead: &[usize],
    sizes: [&[usize]; M],
) -> Result<[Tensor<F>; M], Error> {
    let inputs = inputs.map(|x| x.t().to_contiguous());
    if !inputs.iter().all(|x| finite(x.as_slice().expect("just made contiguous"))) {
        return Err(failure(R::OP, "the input holds a value that is not finite"));
    }
    let mut out = sizes.map(|last| {
        let shape: Shape = lead.iter().chain(last.iter().rev()).copied().collect();
        Tensor::<F>::scratch(&shape)
    });
    let count = shape::len(lead);
    for batch in 0..count {
        let mut parts = out.each_mut().map(|x| {
            let len = x.len() / count;
            &mut x.make_mut()[batch * len..][..len]
        });
        let mut last = sizes.iter();
        let outputs = parts.each_mut().map(|part| {
            let rows = last.next().and_then(|last| last.first()).map_or(1, |&rows| rows);
            let columns = part.len().checked_div(rows).unwrap_or(0);
            MatMut::from_column_major_slice_mut(part, rows, columns)
        });
        let results = routine.run(inputs.each_ref().map(|x| matrix(x, batch)), outputs);
        let results = match results {
            Ok(()) if !parts.iter().all(|part| finite(part)) => {
                Err(failure(R::OP, "the result leaves the range of the type"))
            }
            results => results,
        };
        results.map_err(|e| match e {
            Error::Numerical { op, reason } if !lead.is_empty() => {
                failure(op, format!("{reason} (matrix {batch} of {count})"))
            }
            e => e,
        })?;
    }
    let mut last = sizes.iter();
    Ok(out.map(|x| if last.next().is_some_and(|last| last.len() == 2) { x.t() } else { x }))
}

/// Whether all of `x` is; in blocks without a branch, which the compiler makes vectors of.
fn finite<F: Float>(x: &[F]) -> bool {
    x.chunks(1 << 10).all(|x| x.iter().fold(true, |all, x| all & x.wide().is_finite()))
}

/// Matrix number `batch` of a contiguous tensor that holds the columns of each as rows.
fn matrix<F: Field>(x: &Tensor<F>, batch: usize) -> MatRef<'_, F> {
    let (columns, rows) = (x.shape()[x.rank() - 2], x.shape()[x.rank() - 1]);
    let elements = x.as_slice().expect("a contiguous tensor");
    let part = &elements[batch * rows * columns..][..rows * columns];
    MatRef::from_column_major_slice(part, rows, columns)
}

/// The leading axes, rows and columns of `shape`.
#[track_caller]
fn matrices<'a>(op: &str, shape: &'a [usize]) -> (&'a [usize], usize, usize) {
    match shape.split_last_chunk() {
        Some((lead, &[rows, columns])) => (lead, rows, columns),
        None => panic!("{op}: shape {} is neither a matrix nor a batch of them", Dims(shape)),
    }
}

/// The leading axes and the size of square matrices.
#[track_caller]
fn squares<'a>(op: &str, shape: &'a [usize]) -> (&'a [usize], usize) {
    let (lead, rows, columns) = matrices(op, shape);
    if rows != columns {
        panic!("{op}: the matrices of shape {} are not square", Dims(shape));
    }
    (lead, rows)
}

/// Runs `f` with the number of parts that `faer` should cut work on an `m × n` matrix into.
///
/// `faer` adds up parts where it has several, so the bits depend on their number, but on nothing
/// else of the threads: it makes them whether or not the pool has a thread for each. Their number
/// is therefore a function of the shape. Below some 65,000 elements the threads gain nothing; below
/// a million, two of them are done with a step in some twenty microseconds, and more parts than
/// threads wander between the cores from step to step, which takes up to a fifth longer.
///
/// All of `f` runs on a thread of the pool: a reduction to two diagonals spreads two products for
/// each column, and a thread outside would hand over each of them and sleep meanwhile, which takes
/// longer than many of the products. Rejected: `spindle::with_lock`, by which `faer`'s threads wait
/// for each other at barriers. It keeps parts where they are, but beside a busy program takes six
/// times as long.
fn in_parts<R: Send>(m: usize, n: usize, f: impl FnOnce(Par) -> R + Send) -> R {
    match m * n {
        0..0x1_0000 => f(Par::Seq),
        0x1_0000..0x10_0000 => rayon::scope(|_| f(Par::rayon(2))),
        _ => rayon::scope(|_| f(Par::rayon(4))),
    }
}

/// Working memory for a routine of `faer`.
fn memory(need: StackReq) -> MemBuffer {
    MemBuffer::new(need)
}

/// Whether the entry of largest magnitude in column `j` is negative (the first one, among equals).
fn points_down<F: Field>(m: MatRef<'_, F>, j: usize) -> bool {
    let mut top = 0.0f64;
    for x in m.col(j).iter() {
        let x = Float::wide(*x);
        if x.abs() > top.abs() {
            top = x;
        }
    }
    top < 0.0
}

/// Changes the sign of column `j`.
fn turn_column<F: Field>(m: &mut MatMut<'_, F>, j: usize) {
    m.as_mut().col_mut(j).iter_mut().for_each(|x| *x = -*x);
}

#[cfg(test)]
mod tests;
