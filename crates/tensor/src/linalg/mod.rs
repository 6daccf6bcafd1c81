//! Decompositions of matrices, by `faer`: none of them is written by hand.
//!
//! Every method takes a matrix, or a batch of matrices in the last two axes, and treats each by
//! itself. The bits never depend on the number of threads: see [`degree`]. Factors that mathematics
//! leaves open up to a sign get it from a stated rule, so that results are reproducible. Input that
//! is not finite is an error, and so is a result that is not.

mod cholesky;
mod eigh;
mod lu;
mod qr;
mod svd;

pub use svd::Svd;

use faer::dyn_stack::{MemBuffer, StackReq};
use faer::traits::RealField;
use faer::{Mat, MatRef, Par};

use crate::element::{DType, Element, Float};
use crate::error::Error;
use crate::shape::{self, Dims, Shape};
use crate::tensor::Tensor;

/// Elements that `faer` computes with.
trait Field: Float + RealField {}
impl<T: Float + RealField> Field for T {}

/// What is done to one matrix (or to `N` of them together), giving `M`.
trait Routine<const N: usize, const M: usize> {
    /// Its name in errors.
    const OP: &'static str;

    /// The `M` results; vectors are columns.
    fn run<F: Field>(&self, inputs: [Mat<F>; N]) -> Result<[Mat<F>; M], Error>;
}

fn failure(op: &'static str, reason: impl Into<String>) -> Error {
    Error::Numerical { op, reason: reason.into() }
}

/// Runs `routine` on each matrix of the inputs' leading axes, which are all `lead`; `sizes` are the
/// last axes of the outputs.
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
    if inputs.iter().any(|x| x.iter().any(|x| !x.is_finite())) {
        return Err(failure(R::OP, "the input holds a value that is not finite"));
    }
    let mut out = sizes.map(|last| {
        let shape: Shape = lead.iter().chain(last).copied().collect();
        Tensor::<F>::scratch(&shape)
    });
    let count = shape::len(lead);
    for batch in 0..count {
        let of_batch = |e: Error| match e {
            Error::Numerical { op, reason } if !lead.is_empty() => {
                failure(op, format!("{reason} (matrix {batch} of {count})"))
            }
            e => e,
        };
        let results = routine.run(inputs.each_ref().map(|x| matrix(x, batch))).map_err(of_batch)?;
        for (out, result) in out.iter_mut().zip(results) {
            let (rows, columns) = result.shape();
            let part = &mut out.make_mut()[batch * rows * columns..][..rows * columns];
            for (at, x) in part.iter_mut().enumerate() {
                *x = result[(at / columns, at % columns)];
                if !Float::wide(*x).is_finite() {
                    return Err(of_batch(failure(
                        R::OP,
                        "the result leaves the range of the type",
                    )));
                }
            }
        }
    }
    Ok(out)
}

/// Matrix number `batch` of the last two axes.
fn matrix<F: Field>(x: &Tensor<F>, batch: usize) -> Mat<F> {
    let (rows, columns) = (x.shape()[x.rank() - 2], x.shape()[x.rank() - 1]);
    let reader = x.reader();
    let first = batch * rows * columns;
    Mat::from_fn(rows, columns, |i, j| reader.at(first + i * columns + j))
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

/// Into how many parts the reduction of an `m × n` matrix to two diagonals is cut, which is most of a
/// singular value or an eigenvalue decomposition and held by the speed of memory.
///
/// `faer` adds up parts where it has several, so the bits depend on their number, but on nothing else
/// of the threads: it makes them whether or not the pool has a thread for each. Their number is
/// therefore a function of the shape. Below some 65,000 elements the threads gain nothing.
fn degree(m: usize, n: usize) -> Par {
    if m * n < 1 << 16 { Par::Seq } else { Par::rayon(4) }
}

/// Working memory for a routine of `faer`.
fn memory(need: StackReq) -> MemBuffer {
    MemBuffer::new(need)
}

/// Whether the entry of largest magnitude in column `j` is negative (the first one, among equals).
fn points_down<F: Field>(m: MatRef<'_, F>, j: usize) -> bool {
    let mut top = F::zero();
    for i in 0..m.nrows() {
        if Float::wide(m[(i, j)]).abs() > Float::wide(top).abs() {
            top = m[(i, j)];
        }
    }
    Float::wide(top) < 0.0
}

/// Changes the sign of column `j`.
fn turn_column<F: Field>(m: &mut Mat<F>, j: usize) {
    for i in 0..m.nrows() {
        m[(i, j)] = -m[(i, j)];
    }
}

#[cfg(test)]
mod tests;
