//! Strided elements in row-major order, block by block.
//!
//! Pointwise kernels are written for contiguous slices only. A [`Reader`] gives them any view as
//! such: a slice of the buffer itself where the elements lie side by side, else a copy of one block
//! in a scratch buffer that stays in the first-level cache. So there is one loop a kernel, not one
//! a layout, and the fused groups of a tape read their inputs the same way.

use smallvec::SmallVec;

use crate::buffer::Buffer;
use crate::element::Element;
use crate::layout::Layout;
use crate::shape::distance;
use crate::simd::{Isa, Kernel, dispatch};

/// Elements in a block: three operands of f64 fit the first-level cache beside each other. In half
/// of it, going from one instruction of a fused group to the next takes a tenth of the time.
pub const BLOCK: usize = 2048;

/// The row-major sequence of a view's elements.
#[derive(Clone)]
pub struct Reader<'a, T> {
    data: &'a [T],
    offset: isize,
    /// `(size, stride)` outermost first, as merged by [`Layout::merged`].
    runs: SmallVec<[(usize, isize); 4]>,
}

impl<'a, T: Element> Reader<'a, T> {
    /// `layout` fits `data`: callers hold a [`View`](crate::view::View).
    pub(crate) fn new(data: &'a [T], layout: &Layout) -> Self {
        Reader { data, offset: layout.offset() as isize, runs: layout.merged() }
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.runs.iter().map(|&(size, _)| size).product()
    }

    /// The buffer, of which the elements may be a part.
    #[inline]
    pub(crate) fn buffer(&self) -> &'a [T] {
        self.data
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// After how many elements the sequence begins anew, if it does: a number that is added to a
    /// matrix after one, a row that is added to all its rows after as many as it has. At least 1,
    /// for the layout of no elements has one run, of stride 0.
    pub fn period(&self) -> Option<usize> {
        match self.runs.split_first()? {
            (&(_, 0), row) => Some(row.iter().map(|&(size, _)| size).product()),
            _ => None,
        }
    }

    /// Whether [`block`](Self::block) gives slices of the buffer and needs no scratch.
    pub fn is_direct(&self) -> bool {
        // One element has no runs, and lies beside itself.
        matches!(self.runs[..], [] | [(_, 1)])
    }

    /// Blocks that end at multiples of this are read in place, or are one number: the length of a
    /// row of a part of a matrix. Without end for a [direct](Self::is_direct) reader; that of a
    /// block where rows are so short that to begin a block for each would cost more than to copy
    /// them, and where every block is a part of the [scratch](Self::scratch).
    pub fn stretch(&self) -> usize {
        match self.runs[..] {
            _ if self.is_direct() => usize::MAX,
            [(_, 0), ..] if self.period().is_some_and(|period| period <= BLOCK) => BLOCK,
            [.., (row, 0 | 1)] if row >= BLOCK / 8 => row,
            _ => BLOCK,
        }
    }

    /// Elements `start..start + len` of a [direct](Self::is_direct) reader.
    ///
    /// # Panics
    /// When it is not direct.
    #[inline]
    pub fn slice(&self, start: usize, len: usize) -> &'a [T] {
        assert!(self.is_direct(), "the elements do not lie side by side");
        let from = self.offset as usize + start;
        &self.data[from..from + len]
    }

    /// `len` elements of the buffer from `position` on.
    ///
    /// # Panics
    /// When they leave the buffer.
    #[inline]
    pub(crate) fn beside(&self, position: usize, len: usize) -> &'a [T] {
        &self.data[position..position + len]
    }

    /// Where element `index` of the sequence lies in the buffer.
    #[inline]
    pub(crate) fn position(&self, index: usize) -> usize {
        (self.offset + distance(self.runs.iter().copied(), index)) as usize
    }

    /// Element `index` of the sequence.
    #[inline]
    pub fn at(&self, index: usize) -> T {
        self.data[self.position(index)]
    }

    /// Elements `start..start + len`: a slice of the buffer where they lie side by side in it, else
    /// a copy in the first `len` elements of `scratch`.
    #[inline]
    pub fn block<'b>(&self, start: usize, len: usize, scratch: &'b mut [T]) -> &'b [T]
    where
        'a: 'b,
    {
        let from = match self.runs[..] {
            [] | [(_, 1)] => self.offset as usize + start,
            [.., (inner, 1)] if start % inner + len <= inner => self.position(start),
            _ => {
                self.copy(start, &mut scratch[..len]);
                return &scratch[..len];
            }
        };
        &self.data[from..from + len]
    }

    /// Elements `start..start + len` in place, where they lie in several stretches that are long
    /// enough: to begin a short one takes longer than to copy it.
    #[inline]
    pub(crate) fn runs(&self, start: usize, len: usize) -> Option<Stretches<'a, T>> {
        let &[.., _, (inner @ RUN.., 1)] = &self.runs[..] else { return None };
        let (mut runs, mut at, end) = (Stretches::new(), start, start + len);
        while at < end {
            let count = (inner - at % inner).min(end - at);
            runs.push(self.beside(self.position(at), count));
            at += count;
        }
        Some(runs)
    }

    /// Room for the blocks of this sequence.
    pub fn scratch(&self) -> Scratch<T> {
        let size = BLOCK.min(self.len());
        match self.period().filter(|&period| period <= BLOCK) {
            _ if self.is_direct() => Scratch { room: Buffer::scratch(0), period: None },
            None => Scratch { room: Buffer::scratch(size), period: None },
            Some(period) => {
                let mut room = Buffer::scratch(period - 1 + size);
                self.copy(0, room.as_mut_slice());
                Scratch { room, period: Some(period) }
            }
        }
    }

    /// As [`block`](Self::block), of at most [`BLOCK`] elements if it needs the `scratch`, which is
    /// one of this sequence.
    #[inline]
    pub fn block_at<'b>(&self, start: usize, len: usize, scratch: &'b mut Scratch<T>) -> &'b [T]
    where
        'a: 'b,
    {
        match scratch.period {
            Some(period) => &scratch.room.as_slice()[start % period..][..len],
            None => self.block(start, len, scratch.room.as_mut_slice()),
        }
    }

    /// Copies elements `start..start + out.len()`; after the last comes the first again.
    pub fn copy(&self, start: usize, out: &mut [T]) {
        if out.is_empty() {
            return;
        }
        let Some((&(inner, stride), outer)) = self.runs.split_last() else {
            out.fill(self.data[self.offset as usize]);
            return;
        };
        // `index` counts the outer runs; `at` is where the current inner run starts.
        let mut index: SmallVec<[usize; 4]> = smallvec::smallvec![0; outer.len()];
        let mut rest = start / inner;
        let mut at = self.offset;
        for (i, &(size, s)) in index.iter_mut().zip(outer).rev() {
            *i = rest % size;
            at += *i as isize * s;
            rest /= size;
        }
        let mut within = start % inner;
        let mut done = 0;
        loop {
            // Numbers that are repeated a few times, such as the sums of short rows, follow each
            // other: all but the last here.
            if let (Some(&(size, 1)), Some(i)) = (outer.last(), index.last_mut())
                && (stride, within) == (0, 0)
                && inner <= SHORT
            {
                let count = (size - 1 - *i).min((out.len() - done).saturating_sub(1) / inner);
                let x = &self.data[at as usize..][..count];
                dispatch(Spread { x, times: inner, out: &mut out[done..][..count * inner] });
                (*i, at, done) = (*i + count, at + count as isize, done + count * inner);
            }
            let n = (inner - within).min(out.len() - done);
            let from = at + within as isize * stride;
            copy_run(self.data, from as usize, stride, &mut out[done..], n);
            done += n;
            // A row that is repeated, such as a bias, is copied once.
            if let (Some(&(size, 0)), Some(i)) = (outer.last(), index.last_mut())
                && n == inner
            {
                let more = if outer.len() == 1 { usize::MAX } else { size - 1 - *i };
                let more = more.min((out.len() - done).div_ceil(n));
                let end = out.len().min(done + more * n);
                repeat(&mut out[done - n..end], n);
                (*i, done) = (*i + more, end);
            }
            if done == out.len() {
                return;
            }
            within = 0;
            for (i, &(size, s)) in index.iter_mut().zip(outer).rev() {
                *i += 1;
                at += s;
                if *i < size {
                    break;
                }
                at -= *i as isize * s;
                *i = 0;
            }
        }
    }
}

/// Elements of a stretch that is read in place beside others.
const RUN: usize = 128;
/// Stretches of a sequence, one after the other.
pub(crate) type Stretches<'a, T> = SmallVec<[&'a [T]; 4]>;

/// Where the blocks of a [`Reader`] are laid that do not lie side by side. What begins anew within
/// a block is laid there once, so that every block is a part of it.
pub struct Scratch<T: Element> {
    room: Buffer<T>,
    period: Option<usize>,
}

/// Fills `out` with repetitions of its first `period` elements.
fn repeat<T: Copy>(out: &mut [T], period: usize) {
    let mut done = period;
    while done < out.len() {
        let n = done.min(out.len() - done);
        out.copy_within(..n, done);
        done += n;
    }
}

/// Each element of `x` so many `times`, at most [`SHORT`].
struct Spread<'a, T> {
    x: &'a [T],
    times: usize,
    out: &'a mut [T],
}

impl<T: Copy> Kernel for Spread<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        match self.times {
            0..=2 => self.by::<2>(),
            3..=4 => self.by::<4>(),
            5..=8 => self.by::<8>(),
            _ => self.by::<SHORT>(),
        }
    }
}

impl<T: Copy> Spread<'_, T> {
    /// `W` elements at once, where there is room: each over the end of the ones before.
    #[inline(always)]
    fn by<const W: usize>(self) {
        let mut rest = self.out;
        for &x in self.x {
            match rest.first_chunk_mut() {
                Some(first) => *first = [x; W],
                None => rest[..self.times].fill(x),
            }
            rest = &mut rest[self.times..];
        }
    }
}

/// Elements of a short run: to copy so many takes less time than to call what copies any number.
const SHORT: usize = 16;

/// Copies the first `n` elements of `from`, at most `W`, to the front of `out`. What stands behind
/// them may be overwritten too: `W` are copied where there are as many.
#[inline(always)]
pub(crate) fn copy_short<T: Copy, const W: usize>(from: &[T], out: &mut [T], n: usize) {
    match (from.first_chunk::<W>(), out.first_chunk_mut::<W>()) {
        (Some(from), Some(out)) => *out = *from,
        _ => out[..n].copy_from_slice(&from[..n]),
    }
}

/// Copies `n` elements from `data[from]` on, `stride` apart, to the front of `out`. What stands
/// behind them may be overwritten too.
#[inline]
pub(crate) fn copy_run<T: Copy>(data: &[T], from: usize, stride: isize, out: &mut [T], n: usize) {
    if n <= SHORT
        && let Some(out) = out.first_chunk_mut::<SHORT>()
    {
        match (stride, data[from..].first_chunk()) {
            (0, _) => return *out = [data[from]; SHORT],
            (1, Some(x)) => return *out = *x,
            _ => {}
        }
    }
    let out = &mut out[..n];
    match stride {
        1 => out.copy_from_slice(&data[from..from + n]),
        0 => fill_run(data[from], out),
        -1 => {
            let first = from + 1 - n;
            for (o, x) in out.iter_mut().zip(data[first..=from].iter().rev()) {
                *o = *x;
            }
        }
        _ => {
            let last = (n as isize - 1).checked_mul(stride);
            let last = last.and_then(|way| from.checked_add_signed(way));
            assert!(from.max(last.unwrap_or(usize::MAX)) < data.len(), "a run inside of the data");
            for (i, o) in out.iter_mut().enumerate() {
                // SAFETY: the position lies between `from` and `last`, which are in bounds.
                *o = unsafe { *data.get_unchecked((from as isize + i as isize * stride) as usize) };
            }
        }
    }
}

/// Every element of `out` is `x`.
#[inline]
pub(crate) fn fill_run<T: Copy>(x: T, out: &mut [T]) {
    dispatch(Fill { x, out });
}

struct Fill<'a, T> {
    x: T,
    out: &'a mut [T],
}

impl<T: Copy> Kernel for Fill<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        self.out.fill(self.x);
    }
}
