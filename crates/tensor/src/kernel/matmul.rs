//! Products of vectors, matrices and batches of matrices.
//!
//! # One order of summation a shape
//!
//! Element `[i, j]` is a sum over `k`. Its order depends on the sizes alone, never on strides or
//! threads, so a transposed operand gives the bits of its copy:
//!
//! - few operations, or a vector with at most [`FEW_TERMS`] terms: one after the other ([`Small`]);
//! - a vector with more terms: interleaved partial sums, added as a tree, as are stretches of so
//!   many terms ([`vector`]);
//! - else the micro-kernels of `gemm`, where each element adds its terms one after the other within
//!   slices of `k` whose length follows from `k`: on [packed] panels, or, on processors with
//!   neither AVX2 nor AVX-512, in the loops of `gemm` itself. The usual entry of these,
//!   `gemm::gemm`, is not used: for some strides it reverses `k`, or takes kernels that add in
//!   another order.
//!
//! For the same reason `[.., m, k] x [k, n]` is always folded into one product of `[.. * m, k]`.

mod outer;
mod pack;
mod packed;
mod pass;
#[cfg(test)]
mod tests;
mod vector;

use gemm_common::Parallelism;
use outer::outer;
use packed::Kernels;
use vector::{Small, TALL, Tiny, vector};

use crate::buffer::Buffer;
use crate::element::{DType, Float};
use crate::error::{OrPanic, ShapeError};
use crate::kernel::copy;
use crate::layout::Layout;
use crate::par;
use crate::shape::{self, Dims, Shape, distance};
use crate::simd::{dispatch, level};
use crate::view::View;

/// Products of at most so many multiplications do not pay blocks of columns.
const TINY: usize = 32;
/// Products of at most so many multiplications do not pay packing, times the rows that [`Small`]
/// takes at once, which share what it reads.
const SMALL: usize = 8 * 8 * 8;
/// Multiplications from which more than one thread pays: of vectors and batches, and in the loops
/// of `gemm`, which take a quarter of the time for each.
const THREADED: usize = 64 * 64 * 64;
const THREADED_GEMM: usize = 4 * THREADED;
/// Terms up to which partial sums do not pay.
const FEW_TERMS: usize = 32;
// A tiny product with a vector adds up its terms one after the other, as its whole does.
const _: () = assert!(TINY <= FEW_TERMS);

/// The shape of `a x b`, with the rules of NumPy's `matmul`: the last axis of `a` meets the last
/// but one of `b` (the only one of a vector), axes before the last two broadcast, and a vector's
/// own axis disappears. `[k] x [k]` is rank 0.
///
/// # Errors
/// When an operand has rank 0, the inner sizes differ, or the leading axes do not broadcast.
pub fn matmul_shape(a: &[usize], b: &[usize]) -> Result<Shape, ShapeError> {
    // The common case comes first: what follows takes longer than a small product.
    if let (&[m, k], &[met, n]) = (a, b)
        && k == met
    {
        return Ok(Shape::from_slice(&[m, n]));
    }
    let misfit = |why: String| ShapeError::new(format!("matmul: {} x {}: {why}", Dims(a), Dims(b)));
    let (Some(&inner), false) = (a.last(), b.is_empty()) else {
        return Err(misfit("an operand has rank 0".into()));
    };
    let met = b[b.len().saturating_sub(2)];
    if inner != met {
        return Err(misfit(format!("inner sizes {inner} and {met} differ")));
    }
    let lead_a = &a[..a.len().saturating_sub(2)];
    let lead_b = &b[..b.len().saturating_sub(2)];
    let mut out = shape::broadcast("matmul", lead_a, lead_b).map_err(|_| {
        misfit(format!("leading axes {} and {} do not broadcast", Dims(lead_a), Dims(lead_b)))
    })?;
    if a.len() > 1 {
        out.push(a[a.len() - 2]);
    }
    if b.len() > 1 {
        out.push(b[b.len() - 1]);
    }
    Ok(out)
}

/// `out[.., i, j] = Σₖ a[.., i, k] · b[.., k, j]`, with the rules of [`matmul_shape`]. An empty sum
/// is 0, and `0 · NaN` is NaN.
///
/// # Panics
/// When the shapes do not fit, or `out` has another length than [`matmul_shape`] says.
#[track_caller]
pub fn matmul<T: Float>(a: View<'_, T>, b: View<'_, T>, out: &mut [T]) {
    // Two matrices that fit need no shape to be built: a product of 2 x 4 takes longer to check
    // than to compute.
    match (a.shape(), b.shape()) {
        (&[m, k], &[met, n]) if k == met && Some(out.len()) == m.checked_mul(n) => {
            let at = |v: View<'_, T>| v.layout().offset() as isize;
            Product { m, k, n, a: Matrix::of(a, at(a)), b: Matrix::of(b, at(b)) }.write(out);
        }
        _ => batched(a, b, out),
    }
}

/// [`matmul`] of anything but two matrices.
#[track_caller]
fn batched<T: Float>(a: View<'_, T>, b: View<'_, T>, out: &mut [T]) {
    let shape = matmul_shape(a.shape(), b.shape()).or_panic();
    assert_eq!(shape::len(&shape), out.len(), "matmul: the output has not shape {}", Dims(&shape));
    const FITS: &str = "matmul_shape has accepted the shapes";
    let la = if a.shape().len() == 1 { a.layout().unsqueeze(0) } else { Ok(a.layout().clone()) };
    let lb = if b.shape().len() == 1 { b.layout().unsqueeze(-1) } else { Ok(b.layout().clone()) };
    let (la, lb) = (la.expect(FITS), lb.expect(FITS));
    let (a, b) = (a.with_layout(&la), b.with_layout(&lb));
    let (lead_a, &[m, k]) = la.shape().split_last_chunk().expect(FITS);
    let (lead_b, &[_, n]) = lb.shape().split_last_chunk().expect(FITS);
    if lead_b.iter().all(|&d| d == 1) && !(lead_a.is_empty() && lead_b.is_empty()) {
        let rows = shape::len(lead_a) * m;
        let one = lb.reshape(&[k, n]).expect(FITS).expect("axes of size 1 merge");
        return folded(a, rows, b.with_layout(&one), out);
    }
    let lead = shape::broadcast("matmul", lead_a, lead_b).expect(FITS);
    let whole = |l: &Layout, rows: usize, columns: usize| {
        let mut to = lead.clone();
        to.extend([rows, columns]);
        l.broadcast_to(&to).expect(FITS)
    };
    let (la, lb) = (whole(&la, m, k), whole(&lb, k, n));
    let (a, b) = (Matrix::of(a.with_layout(&la), 0), Matrix::of(b.with_layout(&lb), 0));
    let product = |batch: usize| {
        let a = Matrix { start: start_of(&la, batch), ..a };
        let b = Matrix { start: start_of(&lb, batch), ..b };
        Product { m, k, n, a, b }
    };
    if m.saturating_mul(n).saturating_mul(k) >= THREADED_GEMM {
        let parts = out.chunks_mut((m * n).max(1)).enumerate();
        parts.for_each(|(batch, out)| product(batch).write(out));
    } else {
        let group = (THREADED / 4 / (m * n * k).max(1)).max(1);
        let work = out.len().saturating_mul(k);
        par::for_chunks(out, group * m * n, work, |first, out| {
            let parts = out.chunks_mut((m * n).max(1)).enumerate();
            parts.for_each(|(i, out)| product(first * group + i).write(out));
        });
    }
}

/// `[.., m, k] x [k, n]` as one product with all rows of `a`; copies `a` if its rows do not advance
/// as one.
fn folded<T: Float>(a: View<'_, T>, rows: usize, b: View<'_, T>, out: &mut [T]) {
    let k = b.shape()[0];
    match a.layout().reshape(&[rows, k]) {
        Ok(Some(layout)) => matmul(a.with_layout(&layout), b, out),
        _ => {
            let mut scratch = Buffer::scratch(rows * k);
            copy(a, scratch.as_mut_slice());
            let layout = Layout::contiguous(&[rows, k], size_of::<T>()).expect("a has this size");
            matmul(View::fitting(scratch.as_slice(), &layout), b, out);
        }
    }
}

/// Where matrix number `batch` of the leading axes of `layout` starts.
fn start_of(layout: &Layout, batch: usize) -> isize {
    let lead = layout.rank() - 2;
    let sizes = layout.shape()[..lead].iter().copied();
    let strides = layout.strides()[..lead].iter().copied();
    layout.offset() as isize + distance(sizes.zip(strides), batch)
}

/// A matrix in a buffer: element `[i, j]` lies at `start + i * down + j * right`.
struct Matrix<'a, T> {
    data: &'a [T],
    start: isize,
    down: isize,
    right: isize,
}

impl<T> Clone for Matrix<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Matrix<'_, T> {}

impl<'a, T: Float> Matrix<'a, T> {
    /// The last two axes of `view`, from `start` on.
    fn of(view: View<'a, T>, start: isize) -> Self {
        let strides = view.layout().strides();
        let (down, right) = (strides[strides.len() - 2], strides[strides.len() - 1]);
        Matrix { data: view.buffer(), start, down, right }
    }

    /// A panel as [`pack`] lays it out, turned: `width` columns, one beside the other.
    fn packed(panel: &'a [T], width: usize) -> Self {
        Matrix { data: panel, start: 0, down: 1, right: width as isize }
    }

    fn t(self) -> Self {
        Matrix { down: self.right, right: self.down, ..self }
    }

    #[inline(always)]
    fn position(&self, i: usize, j: usize) -> usize {
        (self.start + i as isize * self.down + j as isize * self.right) as usize
    }

    /// The matrix whose element `[0, 0]` is `[i, j]` of this one.
    #[inline(always)]
    fn at(self, i: usize, j: usize) -> Self {
        Matrix { start: self.start + i as isize * self.down + j as isize * self.right, ..self }
    }

    /// The first `n` elements of row 0, side by side: where they lie, or copied to `room`.
    fn first_row<'r>(self, n: usize, room: &'r mut Option<Buffer<T>>) -> &'r [T]
    where
        'a: 'r,
    {
        if self.right == 1 {
            return &self.data[self.position(0, 0)..][..n];
        }
        let row = room.insert(Buffer::scratch(n)).as_mut_slice();
        for (j, x) in row.iter_mut().enumerate() {
            *x = self.data[self.position(0, j)];
        }
        row
    }

    /// The first `W` elements of row `i`.
    #[inline(always)]
    fn row<const W: usize>(self, i: usize) -> [T; W] {
        if self.right == 1 {
            self.beside(i)
        } else {
            std::array::from_fn(|j| self.data[self.position(i, j)])
        }
    }

    /// [`row`](Self::row) of elements that lie side by side.
    #[inline(always)]
    fn beside<const W: usize>(self, i: usize) -> [T; W] {
        self.data[self.position(i, 0)..][..W].try_into().expect("the slice has W elements")
    }

    /// Element `[i, j]`.
    ///
    /// # Safety
    /// The matrix has it.
    #[inline(always)]
    unsafe fn get(self, i: usize, j: usize) -> T {
        debug_assert!(self.position(i, j) < self.data.len());
        // SAFETY: the elements of the matrix lie in `data`.
        unsafe { *self.data.get_unchecked(self.position(i, j)) }
    }
}

/// One product of matrices; its operands reach `m x k` and `k x n` elements of their buffers
/// (invariant 4 of [`layout`](crate::layout)).
struct Product<'a, T> {
    m: usize,
    k: usize,
    n: usize,
    a: Matrix<'a, T>,
    b: Matrix<'a, T>,
}

impl<T> Clone for Product<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Product<'_, T> {}

impl<T: Float> Product<'_, T> {
    /// Writes the `m x n` elements of the product.
    #[inline]
    fn write(self, out: &mut [T]) {
        let Product { m, k, n, a, b } = self;
        if k.saturating_mul(out.len()) <= TINY {
            return dispatch(Tiny { product: &self, out });
        }
        // One after the other, whatever the rules for vectors: without a thread to be thought
        // of, which costs as much as a product of a few numbers. A column is a row of the
        // turned product.
        if (1..=FEW_TERMS).contains(&k) && !out.is_empty() && k.saturating_mul(out.len()) <= SMALL {
            return match n {
                1 => dispatch(Small { k, n: m, a: b.t(), b: a.t(), out }),
                _ => dispatch(Small { k, n, a, b, out }),
            };
        }
        self.write_large(out);
    }

    /// [`write`](Self::write) of other than few terms and few elements.
    fn write_large(self, out: &mut [T]) {
        let Product { m, k, n, a, b } = self;
        if out.is_empty() {
        } else if k == 0 {
            out.fill(T::zero());
        } else if m == 1 {
            vector(k, a, b, out);
        } else if n == 1 {
            vector(k, b.t(), a.t(), out);
        } else if k == 1 && n >= outer::LONG {
            outer(a, b, n, out);
        } else if m.saturating_mul(k).saturating_mul(n) <= SMALL * m.min(TALL) {
            dispatch(Small { k, n, a, b, out });
        } else if let Some(kernels) = Kernels::of(level()) {
            kernels.multiply(&self, out);
        } else {
            self.gemm(out);
        }
    }

    fn gemm(self, out: &mut [T]) {
        let Product { m, k, n, a, b } = self;
        assert_eq!(out.len(), m * n);
        let work = m.saturating_mul(k).saturating_mul(n);
        let threads = if work < THREADED_GEMM { Parallelism::None } else { Parallelism::Rayon(0) };
        let from = |x: Matrix<'_, T>| x.data.as_ptr().wrapping_offset(x.start);
        let (pa, pb, po) = (from(a), from(b), out.as_mut_ptr());
        // The kernels want neighbours of a column side by side; `out` has those of a row, so the
        // transposed product is computed: outᵀ = bᵀ aᵀ. For real numbers `conj_dst` changes no
        // value; that it is set keeps the kernels out whose order of summation depends on strides.
        let (row, conj_dst) = (n as isize, true);
        match T::DTYPE {
            // SAFETY: T is f32. `out` has m * n elements, its row stride is n; the operands reach
            // m x k and k x n elements of their buffers from these starts with these strides.
            DType::F32 => unsafe {
                gemm_f32::gemm::f32::get_gemm_fn()(
                    n,
                    m,
                    k,
                    po.cast(),
                    row,
                    1,
                    false,
                    pb.cast(),
                    b.down,
                    b.right,
                    pa.cast(),
                    a.down,
                    a.right,
                    0.0,
                    1.0,
                    conj_dst,
                    false,
                    false,
                    threads,
                )
            },
            // SAFETY: T is f64; `out` and the operands reach what they do for f32.
            DType::F64 => unsafe {
                gemm_f64::gemm::f64::get_gemm_fn()(
                    n,
                    m,
                    k,
                    po.cast(),
                    row,
                    1,
                    false,
                    pb.cast(),
                    b.down,
                    b.right,
                    pa.cast(),
                    a.down,
                    a.right,
                    0.0,
                    1.0,
                    conj_dst,
                    false,
                    false,
                    threads,
                )
            },
            _ => unreachable!("a Float is f32 or f64"),
        }
    }
}
