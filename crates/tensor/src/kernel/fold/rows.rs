//! Reductions whose elements follow each other.

use super::leaf::{Pieces, few, leaf_of, long};
use super::{AHEAD, Fold, LANES, LEAF, Tree};
use crate::blocks::Reader;
use crate::element::Element;
use crate::simd::{Isa, Kernel, dispatch, prefetch_ahead};
use crate::stream::LARGE;

/// Folds of long rows that are finished together: for a division or a root after each, the next
/// rows would have to wait.
const TOGETHER: usize = 32;
/// Short rows that are asked for together: of one, often not a line is new.
const ASKED: usize = 32;

/// Outputs whose elements follow each other: element `i` of output `k` is element `k·n + i`.
pub(super) struct Rows<'a, T, F: Fold<T>> {
    pub f: F,
    pub reader: &'a Reader<'a, T>,
    pub params: &'a [F::Param],
    pub n: usize,
}

impl<T: Element, F: Fold<T>> Rows<'_, T, F> {
    pub(super) fn fold<O>(
        &self,
        start: usize,
        part: &mut [O],
        finish: &(impl Fn(F::Acc) -> O + Sync),
    ) {
        let (f, n, ask) = (self.f, self.n, self.far());
        if n > LEAF {
            for (k, o) in part.iter_mut().enumerate() {
                let row = Row { rows: self, row: start + k };
                *o = finish(row.climb(0..n.div_ceil(LEAF), &mut row.scratch()));
            }
            return;
        }
        let batch = LEAF / n;
        let mut scratch = self.scratch(part.len().min(batch) * n);
        for (k, out) in part.chunks_mut(batch).enumerate() {
            let at = start + k * batch;
            let x = self.reader.block(at * n, out.len() * n, &mut scratch);
            let params = &self.params[at..];
            dispatch(RowLeaves { f, x, n, first: 0, params, ask, out, finish });
        }
    }

    /// Whether the elements come from memory one after the other, so that what comes next is asked
    /// for.
    fn far(&self) -> bool {
        self.reader.is_direct() && size_of_val(self.reader.buffer()) >= LARGE
    }

    fn scratch(&self, len: usize) -> Vec<T> {
        vec![T::default(); if self.reader.is_direct() { 0 } else { len }]
    }
}

/// One output of [`Rows`].
struct Row<'a, T, F: Fold<T>> {
    rows: &'a Rows<'a, T, F>,
    row: usize,
}

impl<T: Element, F: Fold<T>> Tree for Row<'_, T, F> {
    type Acc = F::Acc;
    type Scratch = Vec<T>;

    fn scratch(&self) -> Vec<T> {
        self.rows.scratch(LEAF)
    }

    fn leaf(&self, i: usize, scratch: &mut Vec<T>) -> F::Acc {
        let &Rows { f, reader, params, n, .. } = self.rows;
        let first = i * LEAF;
        let len = LEAF.min(n - first);
        let (at, param) = (self.row * n + first, params[self.row]);
        match reader.runs(at, len) {
            Some(runs) if len > LANES => dispatch(Pieces { f, x: &runs, first, param }),
            _ => leaf_of(f, reader.block(at, len, scratch), first, param, self.rows.far()),
        }
    }

    fn merge(&self, a: F::Acc, b: F::Acc) -> F::Acc {
        self.rows.f.merge(a, b)
    }

    fn leaf_bytes(&self) -> usize {
        LEAF * size_of::<T>()
    }
}

/// One leaf each of neighbouring outputs: `n` elements of `x`, beginning with element `first`.
pub(super) struct RowLeaves<'a, T, F: Fold<T>, O, G> {
    pub f: F,
    pub x: &'a [T],
    pub n: usize,
    pub first: usize,
    pub params: &'a [F::Param],
    /// Whether to ask for what comes next.
    pub ask: bool,
    pub out: &'a mut [O],
    pub finish: &'a G,
}

impl<T: Element, F: Fold<T>, O, G: Fn(F::Acc) -> O> Kernel for RowLeaves<'_, T, F, O, G> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let RowLeaves { f, x, n, first, params, ask, out, finish } = self;
        if n <= LANES {
            let rows = if ask { ASKED } else { out.len().max(1) };
            let batches = x.chunks(rows * n).zip(params.chunks(rows));
            for (out, (x, params)) in out.chunks_mut(rows).zip(batches) {
                if ask {
                    prefetch_ahead(x, AHEAD);
                }
                for (o, (x, &param)) in out.iter_mut().zip(x.chunks_exact(n).zip(params)) {
                    *o = finish(few::<T, F, I>(f, x, first, param));
                }
            }
            return;
        }
        let mut rows = x.chunks_exact(n).zip(params);
        for out in out.chunks_mut(TOGETHER) {
            let mut folds = [F::Acc::default(); TOGETHER];
            for (fold, (x, &param)) in folds.iter_mut().zip(rows.by_ref().take(out.len())) {
                *fold = long::<T, F, I>(f, x, first, param, ask);
            }
            out.iter_mut().zip(folds).for_each(|(o, fold)| *o = finish(fold));
        }
    }
}
