//! Reductions whose outputs lie side by side.

use smallvec::SmallVec;

use super::few::{DEPTH, FewRows, NARROW, turns};
use super::{FAR, Fold, LANES, LEAF, Tree};
use crate::blocks::Reader;
use crate::buffer::ALIGN;
use crate::element::Element;
use crate::simd::{Isa, Kernel, dispatch, prefetch};

/// Outputs of a tile of columns: a row of a tile is a page of `f32`, which the processor fetches
/// ahead of its use, and the few lanes in hand stay in the first-level cache.
pub(super) const TILE: usize = 1024;
/// Rows of a tile that are read at a time, so that as many are fetched ahead and the accumulators
/// are loaded and stored once for all of them. Of eight, more lie in distant pages of memory than
/// are fetched at full speed.
const AHEAD: usize = 4;
/// Neighbouring outputs that one loop of constant length goes over: not so few that the compiler
/// unrolls it instead of vectorising it.
const STRIP: usize = 64;

/// Outputs that lie side by side: element `i` of output `k` is element `i·outputs + k`.
pub(super) struct Tiles<'a, T, F: Fold<T>> {
    pub f: F,
    pub reader: &'a Reader<'a, T>,
    pub params: &'a [F::Param],
    pub n: usize,
    pub outputs: usize,
    /// Outputs in one stretch of one stride.
    pub run: usize,
    /// How far apart the elements of one output lie, if evenly, and the outputs of a stretch side by side.
    pub step: Option<isize>,
}

impl<T: Element, F: Fold<T>> Tiles<'_, T, F> {
    pub(super) fn fold<O>(
        &self,
        start: usize,
        part: &mut [O],
        finish: &(impl Fn(F::Acc) -> O + Sync),
    ) {
        let (mut done, mut spare) = (0, None);
        while done < part.len() {
            let at = start + done;
            // A tile that ends with its stretch is read in place, unless it would be a sliver.
            let stretch = if self.run < 64 { TILE } else { self.run - at % self.run };
            let width = TILE.min(part.len() - done).min(stretch);
            let within = at % self.run + width <= self.run;
            // Its rows follow each other in the buffer; those of a tile of all outputs do in the sequence.
            let follow = within && self.step == Some(width as isize);
            let group = if width == self.outputs || follow { TILE / width } else { 1 };
            let group = 1 << group.min(LANES).ilog2();
            let whole = self.reader.is_direct() || within && (group == 1 || follow);
            let rows = self.step.filter(|_| whole).map(|step| (self.reader.position(at), step));
            let tile = Tile { tiles: self, at, width, group, rows };
            let out = &mut part[done..done + width];
            done += width;
            if let Some(rows) = tile.few() {
                let params = &self.params[at..at + width];
                dispatch(FewRows { f: self.f, rows, params, out, finish });
                continue;
            }
            let mut desk = tile.desk(spare.take());
            let acc = tile.climb(0..self.n.div_ceil(LEAF), &mut desk);
            out.iter_mut().zip(acc).for_each(|(out, acc)| *out = finish(acc));
            spare = Some(desk);
        }
    }
}

/// `width` outputs of [`Tiles`] from `at` on.
struct Tile<'a, T, F: Fold<T>> {
    tiles: &'a Tiles<'a, T, F>,
    at: usize,
    width: usize,
    /// Neighbouring lanes that are read as one row: where the rows of the tile follow each other, even one
    /// output is a long vector. A power of two.
    group: usize,
    /// Where its first row lies, and how far from it the next one, if all lie side by side and evenly.
    rows: Option<(usize, isize)>,
}

impl<T: Element, F: Fold<T>> Tile<'_, T, F> {
    /// A desk for it: the one before it was at, if that was as wide, for a few rows take less time than a
    /// new one. What lies on the stack is overwritten before it is read.
    fn desk(&self, spare: Option<Desk<T, F::Param, F::Acc>>) -> Desk<T, F::Param, F::Acc> {
        let alike = |desk: &Desk<_, _, _>| {
            (desk.width, desk.columns.len()) == (self.width, self.group * self.width)
                && desk.rows.is_empty() == self.rows.is_some()
        };
        let Some(mut desk) = spare.filter(alike) else { return self.scratch() };
        let params = &self.tiles.params[self.at..self.at + self.width];
        for columns in desk.columns.chunks_exact_mut(self.width) {
            columns.iter_mut().zip(params).for_each(|((param, _), &own)| *param = own);
        }
        desk
    }

    /// Its rows, if there are so few that each is a lane, and are read in place.
    fn few(&self) -> Option<SmallVec<[&[T]; LANES]>> {
        let n = self.tiles.n;
        if n > LANES || self.width < NARROW {
            return None;
        }
        (0..n).map(|i| self.row(i, self.width)).collect()
    }

    /// Groups of lanes.
    fn groups(&self) -> usize {
        LANES / self.group
    }

    /// The first `len` elements from row `i` of the tile on, in place.
    #[inline(always)]
    fn row(&self, i: usize, len: usize) -> Option<&[T]> {
        let (first, step) = self.rows?;
        Some(self.tiles.reader.beside(first.wrapping_add_signed(i as isize * step), len))
    }

    /// Rows `next`, `next + LANES`, .. of the tile, if they are to be asked for: where they lie far
    /// apart, the processor does not see their pattern.
    #[inline(always)]
    fn ahead<const K: usize>(&self, next: usize) -> Option<[&[T]; K]> {
        let Tiles { n, outputs, .. } = *self.tiles;
        if self.rows.is_none() || n * outputs * size_of::<T>() < FAR {
            return None;
        }
        Some(std::array::from_fn(|k| match next + k * LANES {
            next if next < n => self.row(next, self.width).unwrap_or_default(),
            _ => &[],
        }))
    }
}

/// Where a tile is worked on.
struct Desk<T, P, A> {
    /// Of the tile.
    width: usize,
    /// `AHEAD` rows of elements, where they do not lie side by side.
    rows: Vec<T>,
    /// For each element of a row of `group` lanes: the parameter of its output, and its lane
    /// counted from the first of the group.
    columns: Vec<(P, usize)>,
    /// What waits to be merged: a stack of rows of `group` lanes.
    stack: Vec<A>,
}

impl<T: Element, F: Fold<T>> Tree for Tile<'_, T, F> {
    type Acc = Vec<F::Acc>;
    type Scratch = Desk<T, F::Param, F::Acc>;

    fn scratch(&self) -> Self::Scratch {
        let row = self.group * self.width;
        let params = &self.tiles.params[self.at..self.at + self.width];
        let mut columns = Vec::with_capacity(row);
        (0..self.group).for_each(|lane| columns.extend(params.iter().map(|&p| (p, lane))));
        // Groups that have elements, rounded up, are those of as many first bits.
        let groups = self.tiles.n.div_ceil(self.group).min(self.groups()).next_power_of_two();
        let depth = groups.ilog2() as usize + 1;
        Desk {
            width: self.width,
            rows: vec![T::default(); if self.rows.is_some() { 0 } else { AHEAD * row }],
            columns,
            stack: vec![F::Acc::default(); depth * row],
        }
    }

    fn leaf(&self, i: usize, desk: &mut Self::Scratch) -> Self::Acc {
        let first = i * LEAF;
        let count = LEAF.min(self.tiles.n - first);
        dispatch(TileLeaf { tile: self, first, count, desk });
        desk.stack[..self.width].to_vec()
    }

    fn merge(&self, mut a: Self::Acc, b: Self::Acc) -> Self::Acc {
        for (a, b) in a.iter_mut().zip(b) {
            *a = self.tiles.f.merge(*a, b);
        }
        a
    }

    fn leaf_bytes(&self) -> usize {
        LEAF * self.width * size_of::<T>()
    }
}

/// The leaf of `count` elements from `first` on, of each output of a tile, onto the bottom of the stack.
struct TileLeaf<'a, 'b, T, F: Fold<T>> {
    tile: &'a Tile<'b, T, F>,
    first: usize,
    count: usize,
    desk: &'a mut Desk<T, F::Param, F::Acc>,
}

/// A group of lanes that is folded: where its accumulators stand in the stack, how many there are, and
/// the row of the tile that is read after its last.
#[derive(Clone, Copy)]
struct Place {
    from: usize,
    row: usize,
    then: usize,
}

impl<T: Element, F: Fold<T>> Kernel for TileLeaf<'_, '_, T, F> {
    type Output = ();

    /// Halves are folded onto each other down to the first lane: groups of lanes in turns, then what is
    /// within the first of them.
    #[inline(always)]
    fn run<I: Isa>(mut self) {
        let (&Tile { width, group, .. }, count) = (self.tile, self.count);
        let whole = group * width;
        let turns = turns(count.div_ceil(group).min(self.tile.groups()));
        // How many accumulators each group has that waits: not all, if the leaf ends within it.
        let mut waiting: SmallVec<[usize; DEPTH]> = SmallVec::new();
        for (k, &(at, merges)) in turns.iter().enumerate() {
            let lane = at * group;
            let row = group.min(count - lane) * width;
            let then = self.first + turns.get(k + 1).map_or(LEAF, |&(next, _)| next * group);
            self.lanes::<I>(lane, Place { from: waiting.len() * whole, row, then });
            waiting.push(row);
            for _ in 0..merges {
                let row = waiting.pop().expect("two groups wait");
                self.merge(waiting.len() * whole, whole, row);
            }
        }
        let mut half = group / 2;
        while half > 0 {
            let pairs = half.min(count.saturating_sub(half));
            self.merge(half * width, half * width, pairs * width);
            half /= 2;
        }
    }
}

impl<T: Element, F: Fold<T>> TileLeaf<'_, '_, T, F> {
    /// Folds all rows of a group of lanes, of which `lane` is the first.
    #[inline(always)]
    fn lanes<I: Isa>(&mut self, lane: usize, place: Place) {
        let i = self.begin::<I>(place, lane);
        let i = self.steps::<I, AHEAD>(place, i);
        let i = self.steps::<I, { AHEAD / 2 }>(place, i);
        let mut i = self.steps::<I, 1>(place, i);
        // The last elements of the leaf may reach some lanes of the group only.
        if i < self.count {
            let row = place.row.min((self.count - i) * self.tile.width);
            i = self.steps::<I, 1>(Place { row, ..place }, i);
        }
        debug_assert!(i >= self.count);
    }

    /// Folds `len` accumulators from `from` on onto those that are `back` before them.
    #[inline(always)]
    fn merge(&mut self, from: usize, back: usize, len: usize) {
        let f = self.tile.tiles.f;
        let (a, b) = self.desk.stack.split_at_mut(from);
        for (a, &b) in a[from - back..].iter_mut().zip(&b[..len]) {
            *a = f.merge(*a, b);
        }
    }

    /// Whether the leaf has `rows` whole rows of `row` elements for a group of lanes, from row `i` on.
    #[inline(always)]
    fn has(&self, rows: usize, row: usize, i: usize) -> bool {
        i + (rows - 1) * LANES + row / self.tile.width <= self.count
    }

    /// Folds the first rows of a group of lanes, as many as go together; the row that comes next.
    #[inline(always)]
    fn begin<I: Isa>(&mut self, place: Place, lane: usize) -> usize {
        let has = |&k: &usize| self.has(k, place.row, lane);
        let rows = [AHEAD, AHEAD / 2].into_iter().find(has).unwrap_or(1);
        match rows {
            AHEAD => self.rows::<I, AHEAD, true>(place, lane),
            1 => self.rows::<I, 1, true>(place, lane),
            _ => self.rows::<I, { AHEAD / 2 }, true>(place, lane),
        }
        lane + rows * LANES
    }

    /// Folds `K` rows at a time into a group of lanes, from row `i` as long as they are whole; the row
    /// that comes next.
    #[inline(always)]
    fn steps<I: Isa, const K: usize>(&mut self, place: Place, mut i: usize) -> usize {
        while self.has(K, place.row, i) {
            self.rows::<I, K, false>(place, i);
            i += K * LANES;
        }
        i
    }

    /// Folds `K` rows into a group of lanes, of which they are the `FIRST` or not.
    #[inline(always)]
    fn rows<I: Isa, const K: usize, const FIRST: bool>(&mut self, place: Place, i: usize) {
        let tile = self.tile;
        let &Tiles { f, reader, outputs, .. } = tile.tiles;
        let more = i + K * LANES < self.count;
        let at = self.first + i;
        let ahead = tile.ahead::<K>(if more { at + K * LANES } else { place.then });
        let Desk { rows, columns, stack, .. } = &mut *self.desk;
        let row = place.row;
        let (acc, columns) = (&mut stack[place.from..][..row], &columns[..row]);
        let mut room = &mut rows[..];
        let x: [&[T]; K] = std::array::from_fn(|k| {
            let i = at + k * LANES;
            let own = room.split_off_mut(..row).unwrap_or_default();
            tile.row(i, row).unwrap_or_else(|| reader.block(i * outputs + tile.at, row, own))
        });
        let fold = |before: F::Acc, (p, j): (F::Param, usize), x: [T; K]| {
            let mut all = if FIRST { f.lift::<I>(x[0], at + j, p) } else { before };
            for (k, &x) in x.iter().enumerate().skip(FIRST as usize) {
                all = f.step::<I>(all, x, at + k * LANES + j, p);
            }
            all
        };
        // Strips of a constant width: no index in them is checked.
        let (strips, rest) = acc.as_chunks_mut::<STRIP>();
        let (of_strips, of_rest) = columns.as_chunks::<STRIP>();
        let whole = x.map(|x| x.as_chunks::<STRIP>());
        for (s, (acc, columns)) in strips.iter_mut().zip(of_strips).enumerate() {
            let x: [&[T; STRIP]; K] = std::array::from_fn(|k| &whole[k].0[s]);
            for ahead in ahead.iter().flatten() {
                for line in (0..STRIP).step_by(ALIGN / size_of::<T>()) {
                    prefetch(ahead, s * STRIP + line);
                }
            }
            for c in 0..STRIP {
                acc[c] = fold(acc[c], columns[c], x.map(|x| x[c]));
            }
        }
        // All of one length that is seen to be one, so that this loop is made of vectors too.
        let (x, of_rest) = (whole.map(|x| &x.1[..rest.len()]), &of_rest[..rest.len()]);
        for c in 0..rest.len() {
            rest[c] = fold(rest[c], of_rest[c], x.map(|x| x[c]));
        }
    }
}
