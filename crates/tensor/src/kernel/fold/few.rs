//! Reductions of few elements each, whose outputs lie side by side.

use smallvec::SmallVec;

use super::{Fold, LANES};
use crate::simd::{Isa, Kernel};

/// Neighbouring outputs that go through the tree together: what waits to be merged stays in the
/// nearest cache.
const STRIP: usize = 256;
/// Neighbouring outputs of a tile's end that do, and of the narrowest tile that pays.
pub(super) const NARROW: usize = 64;
/// Rows of accumulators that wait at most: one for each halving of the lanes, and the last one.
pub(super) const DEPTH: usize = LANES.ilog2() as usize + 1;

/// Outputs of at most one element a lane: element `i` of output `k` is `rows[i][k]`.
pub(super) struct FewRows<'a, T, F: Fold<T>, O, G> {
    pub f: F,
    pub rows: SmallVec<[&'a [T]; LANES]>,
    pub params: &'a [F::Param],
    pub out: &'a mut [O],
    pub finish: &'a G,
}

impl<T: Copy, F: Fold<T>, O, G: Fn(F::Acc) -> O> Kernel for FewRows<'_, T, F, O, G> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(mut self) {
        let turns = turns(self.rows.len());
        let at = self.strips::<STRIP, I>(&turns, 0);
        let at = self.strips::<NARROW, I>(&turns, at);
        let at = self.strips::<8, I>(&turns, at);
        self.strips::<1, I>(&turns, at);
    }
}

/// A lane that is folded, and how many times the last two of what waits are merged then.
pub(super) type Turn = (usize, usize);

/// The halves of `n` lanes, folded onto each other: in the order of its reversed bits, a lane meets its
/// other half as soon as both are there, so that few wait.
pub(super) fn turns(n: usize) -> SmallVec<[Turn; LANES]> {
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

impl<T: Copy, F: Fold<T>, O, G: Fn(F::Acc) -> O> FewRows<'_, T, F, O, G> {
    /// Outputs from `at` on, `W` at a time as long as there are so many; the output that comes next.
    #[inline(always)]
    fn strips<const W: usize, I: Isa>(&mut self, turns: &[Turn], mut at: usize) -> usize {
        let mut waiting = [[F::Acc::default(); W]; DEPTH];
        while let Some(params) = self.params[at..].first_chunk::<W>() {
            self.strip::<W, I>(turns, at, params, &mut waiting);
            for (out, &acc) in self.out[at..at + W].iter_mut().zip(&waiting[0]) {
                *out = (self.finish)(acc);
            }
            at += W;
        }
        at
    }

    /// Leaves the folds of outputs `at..at + W` in the first row of `waiting`.
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
        for &(row, merges) in turns {
            let x: &[T; W] = self.rows[row][at..].first_chunk().expect("rows are as long");
            let lift = |c: usize| f.lift::<I>(x[c], row, params[c]);
            // What is merged at once need not wait.
            match waiting[..count].last_mut() {
                Some(last) if merges > 0 => {
                    (0..W).for_each(|c| last[c] = f.merge(last[c], lift(c)));
                }
                _ => {
                    (0..W).for_each(|c| waiting[count][c] = lift(c));
                    count += 1;
                }
            }
            for _ in 1..merges {
                let [.., a, b] = &mut waiting[..count] else { unreachable!("two halves wait") };
                (0..W).for_each(|c| a[c] = f.merge(a[c], b[c]));
                count -= 1;
            }
        }
        debug_assert_eq!(count, 1);
    }
}
