//! Reductions whose elements follow each other.

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
            let rows = if ask { ASKED } else { out.len() };
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

/// The fold of one leaf, which has an element and begins with element `first` of its output.
pub(super) fn leaf_of<T: Element, F: Fold<T>>(
    f: F,
    x: &[T],
    first: usize,
    param: F::Param,
    ask: bool,
) -> F::Acc {
    if x.len() > LANES {
        return dispatch(LongLeaf { f, x, first, param, ask });
    }
    let (n, params, mut acc) = (x.len(), &[param], [F::Acc::default()]);
    dispatch(RowLeaves { f, x, n, first, params, ask, out: &mut acc, finish: &|acc| acc });
    acc[0]
}

/// A leaf with more than one element a lane: without what short ones prepare, which would take a
/// quarter of its time.
struct LongLeaf<'a, T, F: Fold<T>> {
    f: F,
    x: &'a [T],
    first: usize,
    param: F::Param,
    ask: bool,
}

impl<T: Element, F: Fold<T>> Kernel for LongLeaf<'_, T, F> {
    type Output = F::Acc;
    #[inline(always)]
    fn run<I: Isa>(self) -> F::Acc {
        long::<T, F, I>(self.f, self.x, self.first, self.param, self.ask)
    }
}

/// As [`LongLeaf`], whose elements lie in several stretches.
struct Pieces<'a, T, F: Fold<T>> {
    f: F,
    x: &'a [&'a [T]],
    first: usize,
    param: F::Param,
}

impl<T: Element, F: Fold<T>> Kernel for Pieces<'_, T, F> {
    type Output = F::Acc;
    #[inline(always)]
    fn run<I: Isa>(self) -> F::Acc {
        let Pieces { f, x, first, param } = self;
        if let Some(fold) = f.leaf::<I>(&[], x, param, false) {
            return fold;
        }
        // What lies ahead of a piece is often not of the tensor.
        let mut lanes = Lanes::new(f, first, param, false);
        for x in x {
            // To the end of a chunk, then whole ones.
            let (head, x) = x.split_at(x.len().min(lanes.at.next_multiple_of(LANES) - lanes.at));
            lanes.few::<I>(head, first);
            lanes.begun = lanes.at > first;
            let tail = lanes.chunks::<I>(x);
            lanes.few::<I>(tail, first);
        }
        all::<T, F>(f, &lanes.folds)
    }
}

/// The fold of a leaf with at most one element a lane, and one at least.
#[inline(always)]
fn few<T: Copy, F: Fold<T>, I: Isa>(f: F, x: &[T], first: usize, param: F::Param) -> F::Acc {
    if F::EXACT && size_of::<F::Acc>() > size_of::<u64>() {
        // Lanes of two words would be gathered, which takes six times as long.
        let begin = f.lift::<I>(x[0], first, param);
        let rest = (1..x.len()).map(|i| (x[i], first + i));
        return rest.fold(begin, |acc, (x, i)| f.step::<I>(acc, x, i, param));
    }
    match x.len() {
        1 => f.lift::<I>(x[0], first, param),
        // Where the length is known, no lane idles.
        2 => short::<2, T, F, I>(f, x, first, param),
        3 => short::<4, T, F, I>(f, x, first, param),
        4 => short::<4, T, F, I>(f, x, first, param),
        5..=7 => short::<8, T, F, I>(f, x, first, param),
        8 => short::<8, T, F, I>(f, x, first, param),
        9..=15 => short::<16, T, F, I>(f, x, first, param),
        16 => short::<16, T, F, I>(f, x, first, param),
        LANES => short::<LANES, T, F, I>(f, x, first, param),
        _ => short::<LANES, T, F, I>(f, x, first, param),
    }
}

/// The fold of a leaf with at least one element a lane.
#[inline(always)]
fn long<T: Copy, F: Fold<T>, I: Isa>(
    f: F,
    x: &[T],
    first: usize,
    param: F::Param,
    ask: bool,
) -> F::Acc {
    if let Some(fold) = f.leaf::<I>(x, &[], param, ask) {
        return fold;
    }
    let mut lanes = Lanes::new(f, first, param, ask);
    let tail = lanes.chunks::<I>(x);
    let Lanes { at, mut folds, .. } = lanes;
    for (j, (lane, &x)) in folds.iter_mut().zip(tail).enumerate() {
        *lane = f.step::<I>(*lane, x, at + j, param);
    }
    all::<T, F>(f, &folds)
}

/// The running folds of a leaf.
struct Lanes<T, F: Fold<T>> {
    f: F,
    param: F::Param,
    /// The element that comes next, counted from the first of the output.
    at: usize,
    /// Whether they hold anything.
    begun: bool,
    /// Whether to ask for what comes next.
    ask: bool,
    folds: [F::Acc; LANES],
}

impl<T: Copy, F: Fold<T>> Lanes<T, F> {
    #[inline(always)]
    fn new(f: F, first: usize, param: F::Param, ask: bool) -> Self {
        Lanes { f, param, at: first, begun: false, ask, folds: [F::Acc::default(); LANES] }
    }

    /// Folds all chunks, the first element of which is one of lane 0. Returns what is less
    /// than a chunk.
    #[inline(always)]
    fn chunks<'x, I: Isa>(&mut self, x: &'x [T]) -> &'x [T] {
        let (chunks, tail) = x.as_chunks::<LANES>();
        let chunks = self.groups::<8, I>(chunks);
        let chunks = self.groups::<4, I>(chunks);
        let chunks = self.groups::<2, I>(chunks);
        self.groups::<1, I>(chunks);
        tail
    }

    /// Folds elements of one chunk, of a leaf that begins with element `first`.
    #[inline(always)]
    fn few<I: Isa>(&mut self, x: &[T], first: usize) {
        let &mut Lanes { f, param, at, .. } = self;
        for (j, (lane, &x)) in self.folds[at % LANES..].iter_mut().zip(x).enumerate() {
            *lane = match at < first + LANES {
                true => f.lift::<I>(x, at + j, param),
                false => f.step::<I>(*lane, x, at + j, param),
            };
        }
        self.at += x.len();
    }

    /// Folds chunks, an element of each lane, in groups of `K`: each lane is loaded and stored once
    /// a group. Returns those that are too few for a group.
    #[inline(always)]
    fn groups<'x, const K: usize, I: Isa>(&mut self, x: &'x [[T; LANES]]) -> &'x [[T; LANES]] {
        let (groups, rest) = x.as_chunks::<K>();
        for group in groups {
            if self.ask {
                prefetch_ahead(group.as_flattened(), AHEAD);
            }
            match self.begun {
                false => self.group::<K, true, I>(group),
                true => self.group::<K, false, I>(group),
            }
            self.at += K * LANES;
            self.begun = true;
        }
        rest
    }

    /// Folds one group, the `FIRST` or not.
    #[inline(always)]
    fn group<const K: usize, const FIRST: bool, I: Isa>(&mut self, group: &[[T; LANES]; K]) {
        let &mut Lanes { f, param, at, .. } = self;
        for j in 0..LANES {
            let lane = &mut self.folds[j];
            if F::EXACT {
                let own =
                    std::array::from_fn(|k| f.lift::<I>(group[k][j], at + k * LANES + j, param));
                let own = pairs::<K, T, F>(f, own);
                *lane = if FIRST { own } else { f.merge(*lane, own) };
                continue;
            }
            let mut all = if FIRST { f.lift::<I>(group[0][j], at + j, param) } else { *lane };
            for (k, chunk) in group.iter().enumerate().skip(FIRST as usize) {
                all = f.step::<I>(all, chunk[j], at + k * LANES + j, param);
            }
            *lane = all;
        }
    }
}

/// The fold of a power of two of neighbours, in pairs: an extremum takes a dozen cycles, which
/// those of other pairs need not wait for.
#[inline(always)]
fn pairs<const K: usize, T, F: Fold<T>>(f: F, mut own: [F::Acc; K]) -> F::Acc {
    let mut count = K;
    while count > 1 {
        count /= 2;
        for k in 0..count {
            own[k] = f.merge(own[2 * k], own[2 * k + 1]);
        }
    }
    own[0]
}

/// All lanes together, each half folded onto the other.
#[inline(always)]
fn all<T, F: Fold<T>>(f: F, folds: &[F::Acc; LANES]) -> F::Acc {
    let lanes = half::<16, T, F>(f, folds);
    let lanes = half::<8, T, F>(f, &lanes);
    let lanes = half::<4, T, F>(f, &lanes);
    f.merge(f.merge(lanes[0], lanes[2]), f.merge(lanes[1], lanes[3]))
}

/// The upper half of `2 H` lanes folded onto the lower one; of constant length, so that it is a few
/// vector operations.
#[inline(always)]
fn half<const H: usize, T, F: Fold<T>>(f: F, lanes: &[F::Acc]) -> [F::Acc; H] {
    let mut lower = [F::Acc::default(); H];
    let (a, b) = (&lanes[..H], &lanes[H..2 * H]);
    for j in 0..H {
        lower[j] = f.merge(a[j], b[j]);
    }
    lower
}

/// The fold of at least 1 and at most `W` elements, one a lane. The trip counts are constant, so
/// the loops unroll; that is worth the idle lanes.
#[inline(always)]
fn short<const W: usize, T: Copy, F: Fold<T>, I: Isa>(
    f: F,
    x: &[T],
    first: usize,
    param: F::Param,
) -> F::Acc {
    let mut lanes = [F::Acc::default(); W];
    for (j, lane) in lanes.iter_mut().enumerate() {
        let i = j.min(x.len() - 1);
        *lane = f.lift::<I>(x[i], first + i, param);
    }
    for j in 0..W / 2 {
        let both = f.merge(lanes[j], lanes[j + W / 2]);
        if j + W / 2 < x.len() {
            lanes[j] = both;
        }
    }
    halves::<T, F>(f, &mut lanes[..W / 2])
}

/// The fold of a power of two of lanes, each half onto the other.
#[inline(always)]
fn halves<T, F: Fold<T>>(f: F, lanes: &mut [F::Acc]) -> F::Acc {
    let mut half = lanes.len() / 2;
    while half > 0 {
        for j in 0..half {
            lanes[j] = f.merge(lanes[j], lanes[j + half]);
        }
        half /= 2;
    }
    lanes[0]
}

#[cfg(test)]
mod tests;
