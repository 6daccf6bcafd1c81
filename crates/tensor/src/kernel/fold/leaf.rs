//! One leaf, whose elements follow each other: in registers where they are, and in loops.

use super::{AHEAD, Fold, LANES};
use crate::element::Element;
use crate::simd::{Isa, Kernel, dispatch, prefetch_ahead};

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
    dispatch(ShortLeaf { f, x, first, param })
}

/// A leaf with at most one element a lane, and one at least.
struct ShortLeaf<'a, T, F: Fold<T>> {
    f: F,
    x: &'a [T],
    first: usize,
    param: F::Param,
}

impl<T: Element, F: Fold<T>> Kernel for ShortLeaf<'_, T, F> {
    type Output = F::Acc;
    #[inline(always)]
    fn run<I: Isa>(self) -> F::Acc {
        few::<T, F, I>(self.f, self.x, self.first, self.param)
    }
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
pub(super) struct Pieces<'a, T, F: Fold<T>> {
    pub f: F,
    pub x: &'a [&'a [T]],
    pub first: usize,
    pub param: F::Param,
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
pub(super) fn few<T: Copy, F: Fold<T>, I: Isa>(
    f: F,
    x: &[T],
    first: usize,
    param: F::Param,
) -> F::Acc {
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
pub(super) fn long<T: Copy, F: Fold<T>, I: Isa>(
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
