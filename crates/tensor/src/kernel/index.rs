//! Reading and writing at places that other tensors name.
//!
//! Indices are checked before they are used: 0 up to the size of the axis, negative ones are
//! errors, for a wrong index that wraps round is a silent wrong value.

mod lines;
mod scatter;

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::blocks::{BLOCK, Reader, copy_short};
use crate::element::{Element, Number};
use crate::error::{Error, OrPanic, ShapeError};
use crate::par;
use crate::shape::{self, Dims, Shape};
use crate::simd::{Isa, Kernel, dispatch};
use crate::view::View;
use lines::{Lines, picks_lines};
pub use scatter::scatter_add;

/// The shape of [`gather`]: that of `index`, which has the rank of `x` and is no larger on
/// the other axes.
///
/// # Errors
/// When that does not hold, or the axis is out of range.
pub fn gather_shape(
    op: &str,
    x: &[usize],
    axis: isize,
    index: &[usize],
) -> Result<Shape, ShapeError> {
    let at = shape::axis(op, axis, x)?;
    let fits = x.len() == index.len()
        && x.iter().zip(index).enumerate().all(|(k, (&d, &i))| k == at || i <= d);
    if !fits {
        return Err(ShapeError::new(format!(
            "{op}: indices of shape {} do not lie within shape {} but for axis {at}",
            Dims(index),
            Dims(x)
        )));
    }
    Ok(Shape::from_slice(index))
}

/// The shape of [`scatter_add`]: that of `base`, within which `index` lies as for [`gather`].
///
/// # Errors
/// When it does not, `src` has another shape than `index`, or the axis is out of range.
pub fn scatter_add_shape(
    base: &[usize],
    axis: isize,
    index: &[usize],
    src: &[usize],
) -> Result<Shape, ShapeError> {
    gather_shape("scatter_add", base, axis, index)?;
    if !shape::same(src, index) {
        let (index, src) = (Dims(index), Dims(src));
        return Err(ShapeError::new(format!(
            "scatter_add: indices of shape {index} and values of shape {src} differ"
        )));
    }
    Ok(Shape::from_slice(base))
}

/// The shape of [`index_select`]: that of `x` with the length of `index` on `axis`.
///
/// # Errors
/// When `index` is not a vector, or the axis is out of range.
pub fn index_select_shape(x: &[usize], axis: isize, index: &[usize]) -> Result<Shape, ShapeError> {
    let at = shape::axis("index_select", axis, x)?;
    let &[count] = index else {
        let text = format!("index_select: indices of shape {} are not a vector", Dims(index));
        return Err(ShapeError::new(text));
    };
    let mut out = Shape::from_slice(x);
    out[at] = count;
    shape::checked_len(&out, 8)?;
    Ok(out)
}

/// The index at `position`, if it is one of an axis of `size`.
#[inline]
fn checked(op: &'static str, index: i64, position: usize, size: usize) -> Result<usize, Error> {
    match usize::try_from(index) {
        Ok(i) if i < size => Ok(i),
        _ => Err(Error::Index { op, index, position, size }),
    }
}

/// Whether all indices are of an axis of `size`.
#[inline(always)]
fn all_within(indices: &[i64], size: usize) -> bool {
    // A negative one is larger than any size. To look for the largest is a vector loop, to stop at
    // the first that is too large is not.
    indices.iter().fold(0, |largest, &i| (i as u64).max(largest)) < size as u64
}

/// Checks all indices.
fn check(op: &'static str, index: View<'_, i64>, size: usize) -> Result<(), Error> {
    let mut start = 0;
    blocks(index, |indices| {
        for (k, &i) in indices.iter().enumerate() {
            checked(op, i, start + k, size)?;
        }
        start += indices.len();
        Ok(())
    })
}

/// Calls `f` on the elements in row-major order, block by block.
fn blocks<T: Element>(
    x: View<'_, T>,
    mut f: impl FnMut(&[T]) -> Result<(), Error>,
) -> Result<(), Error> {
    let reader = x.reader();
    let mut scratch = [T::default(); BLOCK];
    for start in (0..x.len()).step_by(BLOCK) {
        f(reader.block(start, BLOCK.min(x.len() - start), &mut scratch))?;
    }
    Ok(())
}

/// `out[.., i, ..] = x[.., index[.., i, ..], ..]` along `axis`, the other axes in step: for axis 0
/// of a matrix, `out[i, j] = x[index[i, j], j]`.
///
/// # Errors
/// [`Error::Index`] when an index is out of range; `out` is then unspecified.
///
/// # Panics
/// When the shapes do not fit [`gather_shape`], or `out` has another length than `index`.
#[track_caller]
pub fn gather<T: Element>(
    x: View<'_, T>,
    axis: usize,
    index: View<'_, i64>,
    out: &mut [T],
) -> Result<(), Error> {
    gather_shape("gather", x.shape(), axis as isize, index.shape()).or_panic();
    assert_eq!(index.len(), out.len(), "gather: lengths differ");
    if out.is_empty() {
        return Ok(());
    }
    let (data, layout, indices) = (x.buffer(), x.layout(), index.reader());
    let (size, along) = (x.shape()[axis], layout.strides()[axis]);
    let offset = layout.offset() as isize;
    let (whole, wrong) = (picks_lines(index), AtomicBool::new(false));
    par::for_parts(out, par::GRAIN_BYTES / 16, |start, out| {
        let mut lines = Lines::new(index.shape(), layout.strides(), axis, offset).from(start);
        let mut scratch = indices.scratch();
        for (block, out) in out.chunks_mut(BLOCK).enumerate() {
            let picked = indices.block_at(start + block * BLOCK, out.len(), &mut scratch);
            let lines = &mut lines;
            if !dispatch(Pick { data, along, size, whole, lines, picked, out }) {
                return wrong.store(true, Ordering::Relaxed);
            }
        }
    });
    match wrong.into_inner() {
        true => check("gather", index, size),
        false => Ok(()),
    }
}

/// Copies what a block of indices picks; whether they are all within the axis.
struct Pick<'a, 'l, T> {
    data: &'a [T],
    along: isize,
    size: usize,
    whole: bool,
    lines: &'a mut Lines<'l>,
    picked: &'a [i64],
    out: &'a mut [T],
}

impl<T: Element> Kernel for Pick<'_, '_, T> {
    type Output = bool;
    #[inline(always)]
    fn run<I: Isa>(self) -> bool {
        let Pick { data, along, size, whole, lines, mut picked, mut out } = self;
        if !all_within(picked, size) {
            return false;
        }
        let step = lines.step();
        while !out.is_empty() {
            let (at, count) = lines.take(out.len());
            let (line, rest) = out.split_at_mut(count);
            let (own, others) = picked.split_at(count);
            if whole && step == 1 {
                let from = (at + own[0] as isize * along) as usize;
                line.copy_from_slice(&data[from..from + count]);
            } else {
                for (j, (o, &i)) in line.iter_mut().zip(own).enumerate() {
                    let from = (at + j as isize * step + i as isize * along) as usize;
                    debug_assert!(from < data.len());
                    // SAFETY: the walk is over elements of a view but for its axis, and the index
                    // is one of that, so the element is one of the view, which lies in the buffer.
                    *o = unsafe { *data.get_unchecked(from) };
                }
            }
            (out, picked) = (rest, others);
        }
        true
    }
}

/// Below this length of a slice that does not lie side by side, [`index_select`] picks
/// element by element.
const SHORT: usize = 8;

/// `out[.., i, ..] = x[.., index[i], ..]` along `axis`: whole slices, in the order of `index`.
///
/// # Errors
/// [`Error::Index`] when an index is out of range; `out` is then unspecified.
///
/// # Panics
/// When the shapes do not fit [`index_select_shape`], or `out` has another length.
#[track_caller]
pub fn index_select<T: Element>(
    x: View<'_, T>,
    axis: usize,
    index: View<'_, i64>,
    out: &mut [T],
) -> Result<(), Error> {
    let shape = index_select_shape(x.shape(), axis as isize, index.shape()).or_panic();
    assert_eq!(shape::len(&shape), out.len(), "index_select: lengths differ");
    let inner: usize = shape[axis + 1..].iter().product();
    let (count, size) = (shape[axis], x.shape()[axis]);
    if out.is_empty() {
        return check("index_select", index, size);
    }
    let reader = x.reader();
    if inner == 1 || inner < SHORT && !reader.is_direct() {
        let mut line = Shape::from_elem(1, shape.len());
        line[axis] = count;
        let line = index.layout().reshape(&line).or_panic().expect("axes of size 1 can be added");
        let spread = line.broadcast_to(&shape).or_panic();
        let picked = gather(x, axis, index.with_layout(&spread), out);
        return picked.or_else(|_| check("index_select", index, size));
    }
    let picks = index.as_slice().map_or_else(|| Cow::Owned(index.to_vec()), Cow::Borrowed);
    let wrong = AtomicBool::new(false);
    let rows = (par::GRAIN_BYTES / size_of::<T>() / inner).max(1);
    let work = out.len();
    par::for_chunks(out, rows * inner, work, |part, out| {
        let (reader, first, picks) = (&reader, part * rows, &picks[..]);
        if !dispatch(Select { reader, inner, size, picks, first, out }) {
            wrong.store(true, Ordering::Relaxed);
        }
    });
    match wrong.into_inner() {
        true => check("index_select", index, size),
        false => Ok(()),
    }
}

/// Copies the slices of `inner` elements that `picks` name, over and over, from number `first` on;
/// whether they are all within the axis.
struct Select<'a, T> {
    reader: &'a Reader<'a, T>,
    inner: usize,
    size: usize,
    picks: &'a [i64],
    first: usize,
    out: &'a mut [T],
}

impl<T: Element> Kernel for Select<'_, T> {
    type Output = bool;
    #[inline(always)]
    fn run<I: Isa>(self) -> bool {
        let (reader, inner) = (self.reader, self.inner);
        let all = if reader.is_direct() { reader.slice(0, reader.len()) } else { &[] };
        match inner {
            _ if all.is_empty() => self.each(|at, out| reader.copy(at, &mut out[..inner])),
            1..=4 => self.each(|at, out| copy_short::<T, 4>(&all[at..], out, inner)),
            5..=8 => self.each(|at, out| copy_short::<T, 8>(&all[at..], out, inner)),
            9..=16 => self.each(|at, out| copy_short::<T, 16>(&all[at..], out, inner)),
            _ => self.each(|at, out| out[..inner].copy_from_slice(&all[at..][..inner])),
        }
    }
}

impl<T: Element> Select<'_, T> {
    /// `copy(at, out)` copies the slice at element `at` to the front of `out`.
    #[inline(always)]
    fn each(self, copy: impl Fn(usize, &mut [T])) -> bool {
        let Select { inner, size, picks, first, out, .. } = self;
        let (mut outer, mut k) = (first / picks.len(), first % picks.len());
        for done in (0..out.len()).step_by(inner) {
            let Ok(i) = checked("index_select", picks[k], k, size) else { return false };
            copy((outer * size + i) * inner, &mut out[done..]);
            k += 1;
            (outer, k) = if k == picks.len() { (outer + 1, 0) } else { (outer, k) };
        }
        true
    }
}

/// `out[.., c] = 1` where `c = labels[..]`, else 0, for `c` in `0..classes`.
///
/// # Errors
/// [`Error::Label`] when a label is not one of the classes.
///
/// # Panics
/// When `out` has not `classes` elements for each label.
pub fn one_hot<T: Number>(
    labels: View<'_, i64>,
    classes: usize,
    out: &mut [T],
) -> Result<(), Error> {
    assert_eq!(Some(out.len()), labels.len().checked_mul(classes), "one_hot: lengths differ");
    out.fill(T::zero());
    let mut position = 0;
    blocks(labels, |labels| {
        for &label in labels {
            let class = checked("one_hot", label, position, classes);
            let class = class.map_err(|e| e.of_labels("one_hot"))?;
            out[position * classes + class] = T::one();
            position += 1;
        }
        Ok(())
    })
}
