//! Adding at places that indices name.

use std::sync::atomic::{AtomicBool, Ordering};

use super::lines::{Lines, picks_lines};
use super::{all_within, check, gather_shape};
use crate::blocks::BLOCK;
use crate::element::Number;
use crate::error::{Error, OrPanic};
use crate::kernel::copy;
use crate::kernel::misfit::Misfit;
use crate::layout::Layout;
use crate::par::{self, Shared};
use crate::simd::{Isa, Kernel, dispatch};
use crate::slice::Range;
use crate::view::View;

/// The least part of a line that a thread takes: of one with an index each, and of one that is
/// added whole and lasts no longer than finding it, from one row to the next.
const NARROW: usize = 32;
const WIDE: usize = 512;

/// `out = x`, then `out[.., index[.., i, ..], ..] += src[.., i, ..]` along `axis`, in the row-major
/// order of `src`, one after the other: repeated indices add up in a fixed order, so the bits are
/// fixed. The transpose of [`gather`](super::gather).
///
/// # Errors
/// [`Error::Index`] when an index is out of range, [`Error::Overflow`] when an integer sum does not
/// fit its type; `out` is then unspecified.
///
/// # Panics
/// When the shapes do not fit [`gather_shape`], `src` has not the shape of `index`, or `out` has
/// not the length of `x`.
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
    copy(x, out);
    if index.is_empty() {
        return Ok(());
    }
    let layout = Layout::contiguous(x.shape(), size_of::<T>()).or_panic();
    let size = x.shape()[axis];
    let misfit = Misfit::none();
    let out = Shared::new(out);
    let target = Target { strides: layout.strides(), axis, size, out, misfit: &misfit };
    // Positions that differ beside the axis never meet: each thread has some positions of the
    // longest of the other axes, and goes through them in order.
    let shape = index.shape();
    let others = (0..shape.len()).rev().filter(|&k| k != axis);
    let cut = others.max_by_key(|&k| shape[k]).map(|cut| {
        let unit = match (target.strides[cut], picks_lines(index)) {
            (1, true) => WIDE,
            (1, false) => NARROW,
            _ => 1,
        };
        let grain = (par::GRAIN_BYTES / 16).div_ceil((index.len() / shape[cut].max(1)).max(1));
        (cut, par::part_len(shape[cut], unit, grain, par::threads()))
    });
    let wrong = AtomicBool::new(false);
    match cut {
        Some((cut, part)) if part < shape[cut] && par::threads() > 1 => {
            par::run(shape[cut].div_ceil(part), &|k| {
                let own = k * part..shape[cut].min((k + 1) * part);
                let at = own.start as isize * target.strides[cut];
                let mut ranges = vec![Range::from(..); cut];
                ranges.push(own.into());
                let of = |l: &Layout| l.slice(&ranges).expect("a part of the axis");
                let (index_part, src_part) = (of(index.layout()), of(src.layout()));
                let (index, src) = (index.with_layout(&index_part), src.with_layout(&src_part));
                // SAFETY: each part is taken once, and positions of two parts differ beside the
                // axis.
                if !unsafe { target.add(at, index, src) } {
                    wrong.store(true, Ordering::Relaxed);
                }
            });
        }
        // SAFETY: the output is borrowed by nobody else.
        _ => wrong.store(!unsafe { target.add(0, index, src) }, Ordering::Relaxed),
    }
    match wrong.into_inner() {
        true => check("scatter_add", index, size),
        false => misfit.outcome::<T>("scatter_add"),
    }
}

/// What is added to.
struct Target<'a, T> {
    strides: &'a [isize],
    axis: usize,
    /// Of the axis.
    size: usize,
    out: Shared<'a, T>,
    misfit: &'a Misfit,
}

impl<T: Number> Target<'_, T> {
    /// Adds all of `src`, whose first position has the element at `at` for index 0; whether all
    /// indices were of the axis.
    ///
    /// # Safety
    /// Nobody else reads or writes meanwhile what differs from the positions of `index` along
    /// the axis only.
    unsafe fn add(&self, at: isize, index: View<'_, i64>, src: View<'_, T>) -> bool {
        let mut lines = Lines::new(index.shape(), self.strides, self.axis, at);
        if picks_lines(index) && lines.step() == 1 {
            // SAFETY: as promised.
            return unsafe { self.add_lines(lines, index, src) };
        }
        let (indices, source) = (index.reader(), src.reader());
        let (mut index_scratch, mut scratch) = (indices.scratch(), source.scratch());
        (0..index.len()).step_by(BLOCK).all(|start| {
            let len = BLOCK.min(index.len() - start);
            let picked = indices.block_at(start, len, &mut index_scratch);
            let values = source.block_at(start, len, &mut scratch);
            dispatch(Add { target: self, lines: &mut lines, picked, values })
        })
    }

    /// [`add`](Self::add) where the indices of a line are one number: it is read once.
    ///
    /// # Safety
    /// As there.
    unsafe fn add_lines(
        &self,
        mut lines: Lines<'_>,
        index: View<'_, i64>,
        src: View<'_, T>,
    ) -> bool {
        let ones = lines.one_each(index.layout());
        let (indices, source) = (index.with_layout(&ones).reader(), src.reader());
        let (mut index_scratch, mut scratch) = (indices.scratch(), source.scratch());
        let along = self.strides[self.axis];
        let mut position = 0;
        (0..indices.len()).step_by(BLOCK).all(|start| {
            let len = BLOCK.min(indices.len() - start);
            let picked = indices.block_at(start, len, &mut index_scratch);
            let within = all_within(picked, self.size);
            for &i in picked.iter().filter(|_| within) {
                let (at, count) = lines.take(usize::MAX);
                let from = (at + i as isize * along) as usize;
                // SAFETY: the line lies in the output, for the walk is over positions of it and the
                // index is one of the axis; that nobody else has it is promised.
                let line = unsafe { std::slice::from_raw_parts_mut(self.out.at(from), count) };
                for (k, out) in line.chunks_mut(BLOCK).enumerate() {
                    let values = source.block_at(position, out.len(), &mut scratch);
                    let at = from + k * BLOCK;
                    dispatch(AddLine { out, values, at, misfit: self.misfit });
                    position += out.len();
                }
            }
            within
        })
    }
}

/// Adds the values of a block where its indices say; whether all indices are of the axis.
struct Add<'a, 'l, T> {
    target: &'a Target<'a, T>,
    lines: &'a mut Lines<'l>,
    picked: &'a [i64],
    values: &'a [T],
}

impl<T: Number> Kernel for Add<'_, '_, T> {
    type Output = bool;
    #[inline(always)]
    fn run<I: Isa>(self) -> bool {
        let Add { target, lines, mut picked, mut values } = self;
        let &Target { strides, axis, size, ref out, misfit } = target;
        let (step, along) = (lines.step(), strides[axis]);
        if !all_within(picked, size) {
            return false;
        }
        while !picked.is_empty() {
            let (at, count) = lines.take(picked.len());
            let (own, others) = picked.split_at(count);
            let (line, rest) = values.split_at(count);
            for (j, (&i, &value)) in own.iter().zip(line).enumerate() {
                let position = (at + j as isize * step + i as isize * along) as usize;
                let o = out.at(position);
                // SAFETY: the address is that of an element, and `Target::add` promises that nobody
                // else has it.
                unsafe { *o = misfit.or_note((*o).plus(value), position) };
            }
            (picked, values) = (others, rest);
        }
        true
    }
}

/// Adds values to neighbours, of which the first is at `at`.
struct AddLine<'a, T> {
    out: &'a mut [T],
    values: &'a [T],
    at: usize,
    misfit: &'a Misfit,
}

impl<T: Number> Kernel for AddLine<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        for (k, (o, &value)) in self.out.iter_mut().zip(self.values).enumerate() {
            *o = self.misfit.or_note(o.plus(value), self.at + k);
        }
    }
}
