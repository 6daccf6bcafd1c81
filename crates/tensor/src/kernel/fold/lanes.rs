//! One leaf each of a few outputs that lie side by side.

use std::ops::Range;

use super::{Fold, LANES};
use crate::simd::{Isa, Kernel};

/// Outputs that are few: more are long vectors by themselves.
pub(super) const FEW: usize = 128;
/// Accumulators that stay in the nearest cache while all rows are read.
const BLOCK: usize = 2048;
/// Rows that are read at a time.
const AT_ONCE: usize = 4;
/// Accumulators that one loop of constant length goes over.
const STRIP: usize = 64;

/// An element of each lane is a row: so even two outputs are long vectors, and the elements are
/// read one after the other. Element `i` of output `k` is `x[i·outputs + k]`, and stands for
/// `first + i`.
pub(super) struct LanesInARow<'a, T, F: Fold<T>> {
    pub f: F,
    pub x: &'a [T],
    pub first: usize,
    pub lanes: &'a mut Lanes<F::Param, F::Acc>,
    /// The folds.
    pub out: &'a mut [F::Acc],
}

/// The lanes of some outputs, one after the other.
pub(super) struct Lanes<P, A> {
    folds: Vec<A>,
    /// Of each the parameter of its output.
    params: Vec<P>,
    /// And which lane it is.
    numbers: Vec<u8>,
}

impl<P, A> Default for Lanes<P, A> {
    fn default() -> Self {
        Lanes { folds: Vec::new(), params: Vec::new(), numbers: Vec::new() }
    }
}

impl<P: Copy, A: Copy + Default> Lanes<P, A> {
    /// Those of outputs with these parameters. What they hold is overwritten before it is read.
    pub(super) fn of(&mut self, params: &[P]) -> &mut Self {
        let len = LANES * params.len();
        self.params.clear();
        self.params.reserve(len);
        (0..LANES).for_each(|_| self.params.extend_from_slice(params));
        if self.numbers.len() != len {
            self.numbers.resize(len, 0);
            let lanes = self.numbers.chunks_exact_mut(params.len()).zip(0..);
            lanes.for_each(|(lane, j)| lane.fill(j));
            self.folds.resize(len, A::default());
        }
        self
    }
}

impl<T: Copy, F: Fold<T>> Kernel for LanesInARow<'_, T, F> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(mut self) {
        let row = self.lanes.folds.len();
        for from in (0..row).step_by(BLOCK) {
            let block = from..row.min(from + BLOCK);
            let i = self.rows::<AT_ONCE, I>(0, &block);
            let i = self.rows::<2, I>(i, &block);
            let i = self.rows::<1, I>(i, &block);
            // The last elements, which only some lanes have.
            let end = (self.x.len() - i * row).min(block.end);
            match i {
                _ if end <= from => {}
                0 => self.step::<1, true, I>(i, from..end),
                _ => self.step::<1, false, I>(i, from..end),
            }
        }
        // The halves of the lanes onto each other.
        let (f, width) = (self.f, self.out.len());
        let lanes = &mut self.lanes.folds[..row.min(self.x.len())];
        let mut half = row / 2;
        while half >= width {
            let (a, b) = lanes.split_at_mut(half.min(lanes.len()));
            for (a, &b) in a.iter_mut().zip(&b[..half.min(b.len())]) {
                *a = f.merge(*a, b);
            }
            half /= 2;
        }
        self.out.copy_from_slice(&lanes[..width]);
    }
}

impl<T: Copy, F: Fold<T>> LanesInARow<'_, T, F> {
    /// Folds a block of `K` whole rows at a time, from row `i` on; the row that comes next.
    #[inline(always)]
    fn rows<const K: usize, I: Isa>(&mut self, mut i: usize, block: &Range<usize>) -> usize {
        let row = self.lanes.folds.len();
        while self.x.len() >= (i + K) * row {
            match i {
                0 => self.step::<K, true, I>(i, block.clone()),
                _ => self.step::<K, false, I>(i, block.clone()),
            }
            i += K;
        }
        i
    }

    /// Folds a block of `K` rows from row `i` on, of which they are the `FIRST` or not.
    #[inline(always)]
    fn step<const K: usize, const FIRST: bool, I: Isa>(&mut self, i: usize, block: Range<usize>) {
        let (f, row, first) = (self.f, self.lanes.folds.len(), self.first + i * LANES);
        let x: [&[T]; K] = std::array::from_fn(|k| &self.x[(i + k) * row..][block.clone()]);
        let fold = |before: F::Acc, param: F::Param, lane: u8, x: [T; K]| {
            let i = first + lane as usize;
            let mut all = if FIRST { f.lift::<I>(x[0], i, param) } else { before };
            for (k, &x) in x.iter().enumerate().skip(FIRST as usize) {
                all = f.step::<I>(all, x, i + k * LANES, param);
            }
            all
        };
        // Strips of a constant width: no index in them is checked.
        let (strips, rest) = self.lanes.folds[block.clone()].as_chunks_mut::<STRIP>();
        let (params, of_rest) = self.lanes.params[block.clone()].as_chunks::<STRIP>();
        let (lanes, numbers) = self.lanes.numbers[block].as_chunks::<STRIP>();
        let whole = x.map(|x| x.as_chunks::<STRIP>());
        for (s, acc) in strips.iter_mut().enumerate() {
            let x: [&[T; STRIP]; K] = std::array::from_fn(|k| &whole[k].0[s]);
            let (params, lanes) = (&params[s], &lanes[s]);
            for c in 0..STRIP {
                acc[c] = fold(acc[c], params[c], lanes[c], x.map(|x| x[c]));
            }
        }
        // All of one length that is seen to be one, so that this loop is made of vectors too.
        let (x, count) = (whole.map(|x| &x.1[..rest.len()]), rest.len());
        let (params, lanes) = (&of_rest[..count], &numbers[..count]);
        for c in 0..count {
            rest[c] = fold(rest[c], params[c], lanes[c], x.map(|x| x[c]));
        }
    }
}
