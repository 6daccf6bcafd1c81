//! Tensors put side by side, and space put around them.

use crate::blocks::{BLOCK, Reader};
use crate::element::Element;
use crate::error::{OrPanic, ShapeError};
use crate::kernel::{copy, place};
use crate::layout::Layout;
use crate::par;
use crate::shape::{self, Dims, Shape};
use crate::slice::Range;
use crate::view::View;

/// The shape of [`concat()`]: the sizes along `axis` add up, the others agree.
///
/// # Errors
/// When there is no part, the parts differ in rank or on another axis, the axis is out of range, or
/// the size overflows.
pub fn concat_shape(parts: &[&[usize]], axis: isize) -> Result<Shape, ShapeError> {
    let Some(&first) = parts.first() else {
        return Err(ShapeError::new("concat: there is nothing to join"));
    };
    let at = shape::axis("concat", axis, first)?;
    let mut out = Shape::from_slice(first);
    for (i, &part) in parts.iter().enumerate().skip(1) {
        let same = |k: usize| k == at || part[k] == first[k];
        if part.len() != first.len() || !(0..first.len()).all(same) {
            return Err(ShapeError::new(format!(
                "concat: shapes {} and {} (tensors 0 and {i}) differ beside axis {at}",
                Dims(first),
                Dims(part)
            )));
        }
        out[at] = out[at].checked_add(part[at]).ok_or_else(|| {
            ShapeError::new(format!("concat: the sizes along axis {at} overflow at tensor {i}"))
        })?;
    }
    shape::checked_len(&out, 1)?;
    Ok(out)
}

/// Writes the parts one after the other along `axis`.
///
/// # Panics
/// When the shapes do not fit [`concat_shape`], or `out` has another length.
#[track_caller]
pub fn concat<T: Element>(parts: &[View<'_, T>], axis: usize, out: &mut [T]) {
    let shapes: Vec<&[usize]> = parts.iter().map(View::shape).collect();
    let shape = concat_shape(&shapes, axis as isize).or_panic();
    assert_eq!(shape::len(&shape), out.len(), "concat: lengths differ");
    if out.is_empty() {
        return;
    }
    let outer = shape[..axis].iter().product::<usize>();
    if outer == 1 {
        let mut rest = out;
        for &part in parts {
            let (head, tail) = rest.split_at_mut(part.len());
            copy(part, head);
            rest = tail;
        }
        return;
    }
    // A row of the output is one row of each part.
    let row = out.len() / outer;
    let readers: Vec<_> = parts.iter().map(|p| (p.reader(), p.len() / outer)).collect();
    let rows = (par::GRAIN_BYTES / size_of::<T>() / row).max(1);
    let work = out.len();
    par::for_chunks(out, rows * row, work, |chunk, out| {
        let mut before = 0;
        for (reader, len) in &readers {
            let strip = Strip { len: *len, before, row };
            strip.write(reader, chunk * rows * len, out);
            before += len;
        }
    });
}

/// The elements of one part in rows of all parts: `len` of each `row`, behind `before` others.
struct Strip {
    len: usize,
    before: usize,
    row: usize,
}

impl Strip {
    /// Writes elements of `part` from `start` on, as many as the rows of `out` have.
    fn write<T: Element>(&self, part: &Reader<'_, T>, start: usize, out: &mut [T]) {
        let &Strip { len, before, row } = self;
        if len == 0 {
            return;
        }
        if len >= SHORT {
            for (r, out) in out.chunks_exact_mut(row).enumerate() {
                part.copy(start + r * len, &mut out[before..before + len]);
            }
        } else {
            let (rows, mut scratch) = (BLOCK / len, part.scratch());
            for (k, out) in out.chunks_mut(rows * row).enumerate() {
                let count = out.len() / row * len;
                let x = part.block_at(start + k * rows * len, count, &mut scratch);
                if len == 1 {
                    let own = out[before..].iter_mut().step_by(row);
                    own.zip(x).for_each(|(out, &x)| *out = x);
                    continue;
                }
                for (out, x) in out.chunks_exact_mut(row).zip(x.chunks_exact(len)) {
                    out[before..before + len].iter_mut().zip(x).for_each(|(out, &x)| *out = x);
                }
            }
        }
    }
}

/// Below this length of a row, a call of [`Reader::copy`] takes longer than what it copies.
const SHORT: usize = 16;

/// The shape of [`pad`]: each axis longer by its pair.
///
/// # Errors
/// When there is not one pair an axis, or the size overflows.
pub fn pad_shape(shape: &[usize], margins: &[(usize, usize)]) -> Result<Shape, ShapeError> {
    if shape.len() != margins.len() {
        return Err(ShapeError::new(format!(
            "pad: {} pairs for shape {} of rank {}",
            margins.len(),
            Dims(shape),
            shape.len()
        )));
    }
    let longer = |(&d, &(before, after)): (&usize, &(usize, usize))| {
        d.checked_add(before)?.checked_add(after)
    };
    let out: Option<Shape> = shape.iter().zip(margins).map(longer).collect();
    let out = out.filter(|out| shape::checked_len(out, 8).is_ok());
    out.ok_or_else(|| {
        let shape = Dims(shape);
        ShapeError::new(format!(
            "pad: shape {shape} padded by {margins:?} overflows the address space"
        ))
    })
}

/// `x` with `value` around it: `before` and `after` elements of it on each axis.
///
/// # Panics
/// When the shapes do not fit [`pad_shape`], or `out` has another length.
#[track_caller]
pub fn pad<T: Element>(x: View<'_, T>, margins: &[(usize, usize)], value: T, out: &mut [T]) {
    let shape = pad_shape(x.shape(), margins).or_panic();
    assert_eq!(shape::len(&shape), out.len(), "pad: lengths differ");
    let inside = |(&d, &(before, _)): (&usize, &(usize, usize))| Range::from(before..before + d);
    let inside: Vec<Range> = x.shape().iter().zip(margins).map(inside).collect();
    let whole = Layout::contiguous(&shape, size_of::<T>()).or_panic();
    place(x, &whole.slice(&inside).or_panic(), value, out).or_panic();
}
