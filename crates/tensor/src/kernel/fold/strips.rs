//! One leaf each of many outputs that lie side by side.

use std::ops::Range;

use smallvec::SmallVec;

use super::{Fold, LANES};
use crate::buffer::ALIGN;
use crate::simd::{Isa, Kernel, prefetch};

/// Neighbouring outputs that go through the tree together, where rows come from memory: of fewer, a
/// row is not long enough to be fetched at full speed.
const WIDEST: usize = 512;
/// And where they come from a cache: what waits to be merged stays in the nearest one.
const WIDE: usize = 256;
/// So many of what is left. A loop over fewer is unrolled instead of vectorised.
const HALFWAY: usize = 64;
/// And the fewest there may be.
pub(super) const NARROW: usize = 16;
/// Rows of a lane that are read at a time, so that the accumulators are loaded and stored once for
/// all. Of eight, more lie in distant pages of memory than are fetched at full speed.
const AT_ONCE: usize = 4;
/// Strips of accumulators that wait at most: one for each halving of the lanes, and the last one.
const DEPTH: usize = LANES.ilog2() as usize + 1;

/// Row `i` has element `first + i` of each output, of which there are [`NARROW`] at least.
pub(super) struct Strips<'a, T, F: Fold<T>> {
    pub f: F,
    pub x: &'a [T],
    /// Where each row lies in `x`.
    pub rows: &'a [usize],
    /// Whether rows must be asked for: where they lie far apart, the processor does not see
    /// their pattern.
    pub far: bool,
    pub first: usize,
    pub params: &'a [F::Param],
    /// The folds. (They are finished elsewhere: what a fold is finished to would be more code of
    /// every width.)
    pub out: &'a mut [F::Acc],
}

impl<T: Copy, F: Fold<T>> Kernel for Strips<'_, T, F> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(mut self) {
        let turns = turns(self.rows.len().min(LANES));
        let at = if self.far { self.strips::<WIDEST, I>(&turns, 0) } else { 0 };
        let at = self.strips::<WIDE, I>(&turns, at);
        let at = self.strips::<HALFWAY, I>(&turns, at);
        let at = self.strips::<NARROW, I>(&turns, at);
        // What is left, together with some before it, which come to the same once more.
        if at < self.out.len() {
            self.strips::<NARROW, I>(&turns, self.out.len() - NARROW);
        }
    }
}

/// A lane that is folded, and how many times the last two of what waits are merged then.
type Turn = (usize, usize);

/// The halves of `n` lanes, folded onto each other: in the order of its reversed bits, a lane meets
/// its other half as soon as both are there, so that few wait.
fn turns(n: usize) -> SmallVec<[Turn; LANES]> {
    let lanes = n.next_power_of_two();
    let lane = |turn: usize| turn.reverse_bits().unbounded_shr(usize::BITS - lanes.ilog2());
    let mut turns: SmallVec<[Turn; LANES]> = SmallVec::new();
    for turn in 0..lanes {
        if lane(turn) < n {
            turns.push((lane(turn), 0));
        }
        // Of the lanes of a half, the first is there if any is.
        let halves = (0..turn.trailing_ones()).filter(|&k| lane(turn >> k << k) < n);
        turns.last_mut().expect("lane 0 is the first").1 += halves.count();
    }
    turns
}

impl<T: Copy, F: Fold<T>> Strips<'_, T, F> {
    /// Outputs from `at` on, `W` at a time as long as there are so many; the output that comes
    /// next.
    #[inline(always)]
    fn strips<const W: usize, I: Isa>(&mut self, turns: &[Turn], mut at: usize) -> usize {
        let mut waiting = [[F::Acc::default(); W]; DEPTH];
        while let Some(params) = self.params[at..].first_chunk::<W>() {
            self.strip::<W, I>(turns, at, params, &mut waiting);
            self.out[at..at + W].copy_from_slice(&waiting[0]);
            at += W;
        }
        at
    }

    /// Leaves the folds of outputs `at..at + W` in the first strip of `waiting`.
    #[inline(always)]
    fn strip<const W: usize, I: Isa>(
        &self,
        turns: &[Turn],
        at: usize,
        params: &[F::Param; W],
        waiting: &mut [[F::Acc; W]; DEPTH],
    ) {
        let f = self.f;
        let mut count = 0;
        for (k, &(lane, merges)) in turns.iter().enumerate() {
            let then = turns.get(k + 1).map_or((0, at + W), |&(next, _)| (next, at));
            let mut left = merges;
            match (waiting[..count].last_mut(), (self.rows.len() - lane).div_ceil(LANES)) {
                // What is merged at once need not wait.
                (Some(last), rows @ 1..=2) if merges > 0 => {
                    let (onto, mut i) = (|last, own| f.merge(last, own), lane);
                    match rows {
                        1 => self.fold::<W, 1, true, I>(&mut i, at, then, params, last, onto),
                        _ => self.fold::<W, 2, true, I>(&mut i, at, then, params, last, onto),
                    }
                    left -= 1;
                }
                _ => {
                    self.lane::<W, I>(lane, at, then, params, &mut waiting[count]);
                    count += 1;
                }
            }
            for _ in 0..left {
                let [.., a, b] = &mut waiting[..count] else { unreachable!("two halves wait") };
                (0..W).for_each(|c| a[c] = f.merge(a[c], b[c]));
                count -= 1;
            }
        }
        debug_assert_eq!(count, 1);
    }

    /// Elements `at..at + W` of a row.
    #[inline(always)]
    fn row<const W: usize>(&self, i: usize, at: usize) -> &[T; W] {
        self.x[self.rows[i] + at..].first_chunk().expect("a row inside of the data")
    }

    /// Asks for these elements of `K` rows of a lane, beginning with row `i`.
    #[inline(always)]
    fn ask<const K: usize>(&self, i: usize, at: Range<usize>) {
        if !self.far {
            return;
        }
        for row in self.rows[i..].iter().step_by(LANES).take(K) {
            for line in at.clone().step_by(ALIGN / size_of::<T>()) {
                prefetch(self.x, row + line);
            }
        }
    }

    /// The fold of outputs `at..at + W` over all rows of a lane, before `then` others are read.
    #[inline(always)]
    fn lane<const W: usize, I: Isa>(
        &self,
        lane: usize,
        at: usize,
        then: (usize, usize),
        params: &[F::Param; W],
        acc: &mut [F::Acc; W],
    ) {
        let has = |rows: usize, i: usize| i + (rows - 1) * LANES < self.rows.len();
        if !self.far && has(3, lane) && size_of::<F::Acc>() <= size_of::<u64>() {
            return self.near::<W, I>(lane, at, params, acc);
        }
        let (mut i, new) = (lane, |_, own| own);
        match has(AT_ONCE, i) {
            true => self.fold::<W, AT_ONCE, true, I>(&mut i, at, then, params, acc, new),
            false => self.fold::<W, 1, true, I>(&mut i, at, then, params, acc, new),
        }
        while has(AT_ONCE, i) {
            self.fold::<W, AT_ONCE, false, I>(&mut i, at, then, params, acc, new);
        }
        if has(2, i) {
            self.fold::<W, 2, false, I>(&mut i, at, then, params, acc, new);
        }
        while has(1, i) {
            self.fold::<W, 1, false, I>(&mut i, at, then, params, acc, new);
        }
    }

    /// As [`lane`](Self::lane), of three rows or more in a cache, and folds that are a number: with
    /// AVX-512 they stay in registers from row to row.
    #[inline(always)]
    fn near<const W: usize, I: Isa>(
        &self,
        lane: usize,
        at: usize,
        params: &[F::Param; W],
        acc: &mut [F::Acc; W],
    ) {
        let (f, first) = (self.f, self.first);
        let (x, mut own) = (self.row::<W>(lane, at), [F::Acc::default(); W]);
        for c in 0..W {
            own[c] = f.lift::<I>(x[c], first + lane, params[c]);
        }
        for i in (lane + LANES..self.rows.len()).step_by(LANES) {
            let x = self.row::<W>(i, at);
            for c in 0..W {
                own[c] = f.step::<I>(own[c], x[c], first + i, params[c]);
            }
        }
        *acc = own;
    }

    /// Folds `K` rows of a lane from row `i` on, the `FIRST` or onto `acc`, and makes
    /// `put(acc, fold)` of it.
    #[inline(always)]
    fn fold<const W: usize, const K: usize, const FIRST: bool, I: Isa>(
        &self,
        i: &mut usize,
        at: usize,
        then: (usize, usize),
        params: &[F::Param; W],
        acc: &mut [F::Acc; W],
        put: impl Fn(F::Acc, F::Acc) -> F::Acc,
    ) {
        let (f, first) = (self.f, self.first + *i);
        let x: [&[T; W]; K] = std::array::from_fn(|k| self.row(*i + k * LANES, at));
        *i += K * LANES;
        let (row, next) = if *i < self.rows.len() { (*i, at) } else { then };
        let mut part = 0;
        while part < W {
            let end = W.min(part + HALFWAY);
            self.ask::<K>(row, next + part..next + end);
            for c in part..end {
                let mut all = if FIRST { f.lift::<I>(x[0][c], first, params[c]) } else { acc[c] };
                for (k, x) in x.iter().enumerate().skip(FIRST as usize) {
                    all = f.step::<I>(all, x[c], first + k * LANES, params[c]);
                }
                acc[c] = put(acc[c], all);
            }
            part = end;
        }
    }
}
