//! Reading and writing at places that other tensors name.
//!
//! Indices are checked before they are used: 0 up to the size of the axis, negative ones are errors, for
//! a wrong index that wraps round is a silent wrong value.

use std::sync::atomic::{AtomicUsize, Ordering};

use smallvec::SmallVec;

use crate::blocks::BLOCK;
use crate::element::{Element, Number};
use crate::error::{Error, OrPanic, ShapeError};
use crate::kernel::copy;
use crate::layout::Layout;
use crate::par;
use crate::shape::{self, Dims, Shape};
use crate::view::View;

/// The shape of [`gather`]: that of `index`, which has the rank of `x` and is no larger on the other
/// axes.
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

/// Which of the indices is the first that is not one of an axis of `size`.
#[inline]
fn first_wrong(indices: &[i64], size: usize) -> Option<usize> {
    let wrong = |&i: &i64| i as u64 >= size as u64; // a negative one is larger than any size
    // To go over all of them is a vector loop, to stop at the first is not.
    match indices.iter().fold(false, |any, i| any | wrong(i)) {
        true => indices.iter().position(wrong),
        false => None,
    }
}

/// Checks all indices.
fn check(op: &'static str, index: View<'_, i64>, size: usize) -> Result<(), Error> {
    let mut start = 0;
    blocks(index, |indices| {
        if let Some(k) = first_wrong(indices, size) {
            checked(op, indices[k], start + k, size)?;
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

/// Walks the positions of `shape` in row-major order, line by line of the last axis that has several, and
/// keeps the sum of index times stride over all axes but one.
struct Lines<'a> {
    shape: &'a [usize],
    strides: SmallVec<[isize; 4]>,
    index: SmallVec<[usize; 4]>,
    at: isize,
}

impl<'a> Lines<'a> {
    fn new(shape: &'a [usize], strides: &[isize], except: usize, offset: isize) -> Self {
        let mut strides = SmallVec::from_slice(strides);
        strides[except] = 0;
        let shape = &shape[..=line_axis(shape)];
        strides.truncate(shape.len());
        Lines { shape, strides, index: smallvec::smallvec![0; shape.len()], at: offset }
    }

    /// The walk after `position` steps.
    fn from(mut self, position: usize) -> Self {
        let mut rest = position;
        for k in (0..self.shape.len()).rev() {
            self.index[k] = rest % self.shape[k];
            self.at += self.index[k] as isize * self.strides[k];
            rest /= self.shape[k];
        }
        self
    }

    /// The present sum, and how many positions follow in the line, this one included, of at most `most`:
    /// they are walked, a stride of the line each.
    fn take(&mut self, most: usize) -> (isize, usize) {
        let (at, mut k) = (self.at, self.shape.len() - 1);
        let count = most.min(self.shape[k] - self.index[k]);
        self.index[k] += count;
        self.at += count as isize * self.strides[k];
        while self.index[k] == self.shape[k] && k > 0 {
            self.at -= self.index[k] as isize * self.strides[k];
            self.index[k] = 0;
            k -= 1;
            self.index[k] += 1;
            self.at += self.strides[k];
        }
        (at, count)
    }

    /// The stride of a line.
    fn step(&self) -> isize {
        self.strides[self.shape.len() - 1]
    }
}

/// The last axis that has several positions, or the first of all.
fn line_axis(shape: &[usize]) -> usize {
    shape.iter().rposition(|&size| size > 1).unwrap_or(0)
}

/// Whether the indices of a line are one number, repeated: whole lines are picked.
fn picks_lines(index: View<'_, i64>) -> bool {
    index.layout().strides()[line_axis(index.shape())] == 0
}

/// `out[.., i, ..] = x[.., index[.., i, ..], ..]` along `axis`, the other axes in step: for axis 0 of
/// a matrix, `out[i, j] = x[index[i, j], j]`.
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
    let whole = picks_lines(index);
    let wrong = AtomicUsize::new(usize::MAX);
    par::for_parts(out, par::GRAIN_BYTES / 16, |start, out| {
        let mut lines = Lines::new(index.shape(), layout.strides(), axis, offset).from(start);
        let (step, mut desk) = (lines.step(), indices.desk());
        for (block, mut out) in out.chunks_mut(BLOCK).enumerate() {
            let start = start + block * BLOCK;
            let mut picked = indices.block_at(start, out.len(), &mut desk);
            if let Some(k) = first_wrong(picked, size) {
                wrong.fetch_min(start + k, Ordering::Relaxed);
                return;
            }
            while !out.is_empty() {
                let (at, count) = lines.take(out.len());
                let (line, rest) = out.split_at_mut(count);
                let (own, others) = picked.split_at(count);
                if whole && step == 1 {
                    let from = (at + own[0] as isize * along) as usize;
                    line.copy_from_slice(&data[from..from + count]);
                } else {
                    for (j, (o, &i)) in line.iter_mut().zip(own).enumerate() {
                        *o = data[(at + j as isize * step + i as isize * along) as usize];
                    }
                }
                (out, picked) = (rest, others);
            }
        }
    });
    match wrong.into_inner() {
        usize::MAX => Ok(()),
        first => checked("gather", indices.at(first), first, size).map(|_| ()),
    }
}

/// Below this length of a slice, [`index_select`] picks element by element.
const SHORT: usize = 8;

/// `out[.., i, ..] = x[.., index[i], ..]` along `axis`: whole slices, in the order of `index`.
///
/// # Errors
/// [`Error::Index`] when an index is out of range.
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
    check("index_select", index, x.shape()[axis])?;
    let inner: usize = shape[axis + 1..].iter().product();
    let count = shape[axis];
    if out.is_empty() {
        return Ok(());
    }
    if inner < SHORT {
        let mut line = Shape::from_elem(1, shape.len());
        line[axis] = count;
        let line = index.layout().reshape(&line).or_panic().expect("axes of size 1 can be added");
        return gather(x, axis, index.with_layout(&line.broadcast_to(&shape).or_panic()), out);
    }
    // Row `r` of the output is the slice at `index[r % count]` of outer position `r / count`; in row-
    // major order that slice starts at this element of `x`.
    let (reader, indices) = (x.reader(), index.reader());
    let rows = (par::GRAIN_BYTES / size_of::<T>() / inner).max(1);
    let work = out.len();
    par::for_chunks(out, rows * inner, work, |part, out| {
        for (r, out) in out.chunks_exact_mut(inner).enumerate() {
            let row = part * rows + r;
            let picked = indices.at(row % count) as usize;
            reader.copy((row / count * x.shape()[axis] + picked) * inner, out);
        }
    });
    Ok(())
}

/// `out = x`, then `out[.., index[.., i, ..], ..] += src[.., i, ..]` along `axis`, in the row-major
/// order of `src`, one after the other: repeated indices add up in a fixed order, so the bits are
/// fixed. The transpose of [`gather`].
///
/// # Errors
/// [`Error::Index`] when an index is out of range; `out` is then unspecified.
///
/// # Panics
/// When the shapes do not fit [`gather_shape`], `src` has not the shape of `index`, or `out` has not
/// the length of `x`.
#[track_caller]
pub fn scatter_add<T: Number>(
    x: View<'_, T>,
    axis: usize,
    index: View<'_, i64>,
    src: View<'_, T>,
    out: &mut [T],
) -> Result<(), Error> {
    gather_shape("scatter_add", x.shape(), axis as isize, index.shape()).or_panic();
    assert_eq!(index.shape(), src.shape(), "scatter_add: index and source differ in shape");
    check("scatter_add", index, x.shape()[axis])?;
    copy(x, out);
    let layout = Layout::contiguous(x.shape(), size_of::<T>()).or_panic();
    let along = layout.strides()[axis];
    let mut lines = Lines::new(index.shape(), layout.strides(), axis, 0);
    let (mut position, source, step) = (0, src.reader(), lines.step());
    let whole = picks_lines(index);
    let mut desk = source.desk();
    blocks(index, |mut indices| {
        let mut values = source.block_at(position, indices.len(), &mut desk);
        position += indices.len();
        while !indices.is_empty() {
            let (at, count) = lines.take(indices.len());
            if whole && step == 1 {
                let from = (at + indices[0] as isize * along) as usize;
                for (o, &value) in out[from..from + count].iter_mut().zip(values) {
                    *o = o.plus(value);
                }
            } else {
                for (j, (&i, &value)) in indices.iter().zip(values).take(count).enumerate() {
                    let o = &mut out[(at + j as isize * step + i as isize * along) as usize];
                    *o = o.plus(value);
                }
            }
            (indices, values) = (&indices[count..], &values[count..]);
        }
        Ok(())
    })
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
