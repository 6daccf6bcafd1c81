//! Reductions whose outputs lie side by side.

use super::{FAR, Fold, LANES, LEAF, Tree};
use crate::blocks::Reader;
use crate::buffer::ALIGN;
use crate::element::Element;
use crate::simd::{Isa, Kernel, dispatch, prefetch};

/// Outputs of a tile of columns: a row of a tile is a page of `f32`, which the processor fetches
/// ahead of its use, and a lane of a tile stays in the first-level cache.
const TILE: usize = 1024;
/// Rows of a tile that are read at a time, so that as many are fetched ahead and the accumulators
/// are loaded and stored once for all of them.
const AHEAD: usize = 8;
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
    /// Outputs in one contiguous stretch.
    pub run: usize,
}

impl<T: Element, F: Fold<T>> Tiles<'_, T, F> {
    pub(super) fn fold<O>(
        &self,
        start: usize,
        part: &mut [O],
        finish: &(impl Fn(F::Acc) -> O + Sync),
    ) {
        let mut done = 0;
        while done < part.len() {
            let at = start + done;
            // A tile that ends with its stretch is read in place, unless it would be a sliver.
            let stretch = if self.run < 64 { TILE } else { self.run - at % self.run };
            let width = TILE.min(part.len() - done).min(stretch);
            let group =
                if width == self.outputs { (TILE / width).min(LANES).min(self.n) } else { 1 };
            let tile = Tile { tiles: self, at, width, group };
            let acc = tile.climb(0..self.n.div_ceil(LEAF), &mut tile.scratch());
            for (o, acc) in part[done..done + width].iter_mut().zip(acc) {
                *o = finish(acc);
            }
            done += width;
        }
    }
}

/// `width` outputs of [`Tiles`] from `at` on.
struct Tile<'a, T, F: Fold<T>> {
    tiles: &'a Tiles<'a, T, F>,
    at: usize,
    width: usize,
    /// Neighbouring lanes that are read as one row: where the tile has all outputs, so have their
    /// elements one stretch, and even one output is a long vector.
    group: usize,
}

impl<T, F: Fold<T>> Tile<'_, T, F> {
    /// Where row `i` of the tile starts.
    fn start(&self, i: usize) -> usize {
        i * self.tiles.outputs + self.at
    }
}

impl<T: Element, F: Fold<T>> Tile<'_, T, F> {
    /// The rows that come after `K` rows of `row` elements from `i` on, of the same lanes or of the next
    /// ones of this leaf, if they are to be asked for: where they lie far apart, the processor does
    /// not see their pattern.
    #[inline(always)]
    fn ahead<const K: usize>(
        &self,
        first: usize,
        count: usize,
        row: usize,
        i: usize,
    ) -> Option<[&[T]; K]> {
        let reader = self.tiles.reader;
        if !reader.is_direct() || reader.len() * size_of::<T>() < FAR {
            return None;
        }
        let more = i + K * LANES < count;
        let next = if more { i + K * LANES } else { i % LANES + row / self.width };
        Some(std::array::from_fn(|k| match next + k * LANES {
            next if next < count => reader.slice(self.start(first + next), self.width),
            _ => &[],
        }))
    }
}

/// Where a tile is worked on.
struct Desk<T, P, A> {
    /// `AHEAD` rows of elements, where they do not lie side by side.
    rows: Vec<T>,
    /// For each element of a row of `group` lanes: the parameter of its output, and its lane
    /// counted from the first of the group.
    columns: Vec<(P, usize)>,
    /// Lane `j` of output `k` is accumulator `j·width + k`.
    lanes: Vec<A>,
}

impl<T: Element, F: Fold<T>> Tree for Tile<'_, T, F> {
    type Acc = Vec<F::Acc>;
    type Scratch = Desk<T, F::Param, F::Acc>;

    fn scratch(&self) -> Self::Scratch {
        let row = self.group * self.width;
        let params = &self.tiles.params[self.at..self.at + self.width];
        let lane = |lane| params.iter().map(move |&p| (p, lane));
        Desk {
            rows: vec![T::default(); if self.tiles.reader.is_direct() { 0 } else { AHEAD * row }],
            columns: (0..self.group).flat_map(lane).collect(),
            lanes: vec![F::Acc::default(); self.tiles.n.min(LANES) * self.width],
        }
    }

    fn leaf(&self, i: usize, desk: &mut Self::Scratch) -> Self::Acc {
        let first = i * LEAF;
        let count = LEAF.min(self.tiles.n - first);
        dispatch(TileLeaf { tile: self, first, count, desk });
        desk.lanes[..self.width].to_vec()
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

/// The leaf of `count` elements from `first` on, of each output of a tile, into its first lane.
struct TileLeaf<'a, 'b, T, F: Fold<T>> {
    tile: &'a Tile<'b, T, F>,
    first: usize,
    count: usize,
    desk: &'a mut Desk<T, F::Param, F::Acc>,
}

impl<T: Element, F: Fold<T>> Kernel for TileLeaf<'_, '_, T, F> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(mut self) {
        let (Tile { width, group, .. }, count) = (self.tile, self.count);
        for lane in (0..count.min(LANES)).step_by(*group) {
            let row = (*group).min(count.min(LANES) - lane) * width;
            let i = self.begin::<I>(lane, row);
            let i = self.steps::<I, AHEAD>(lane, row, i);
            let i = self.steps::<I, { AHEAD / 2 }>(lane, row, i);
            let mut i = self.steps::<I, 1>(lane, row, i);
            // The last elements of the leaf may reach some lanes of the group only.
            if i < count {
                i = self.steps::<I, 1>(lane, row.min((count - i) * width), i);
            }
            debug_assert!(i >= count);
        }
        self.halves();
    }
}

impl<T: Element, F: Fold<T>> TileLeaf<'_, '_, T, F> {
    /// Whether the leaf has `rows` whole rows of `row` elements for a group of lanes, from row `i` on.
    #[inline(always)]
    fn has(&self, rows: usize, row: usize, i: usize) -> bool {
        i + (rows - 1) * LANES + row / self.tile.width <= self.count
    }

    /// Folds the first rows of a group of lanes, as many as go together; the row that comes next.
    #[inline(always)]
    fn begin<I: Isa>(&mut self, lane: usize, row: usize) -> usize {
        let rows = [AHEAD, AHEAD / 2].into_iter().find(|&k| self.has(k, row, lane)).unwrap_or(1);
        match rows {
            AHEAD => self.rows::<I, AHEAD, true>(lane, row, lane),
            1 => self.rows::<I, 1, true>(lane, row, lane),
            _ => self.rows::<I, { AHEAD / 2 }, true>(lane, row, lane),
        }
        lane + rows * LANES
    }

    /// Folds `K` rows of `row` elements at a time into the group of lanes from `lane` on, from row
    /// `i` as long as they are whole; the row that comes next.
    #[inline(always)]
    fn steps<I: Isa, const K: usize>(&mut self, lane: usize, row: usize, mut i: usize) -> usize {
        while self.has(K, row, i) {
            self.rows::<I, K, false>(lane, row, i);
            i += K * LANES;
        }
        i
    }

    /// Folds `K` rows into the group of lanes, of which they are the `FIRST` or not.
    #[inline(always)]
    fn rows<I: Isa, const K: usize, const FIRST: bool>(
        &mut self,
        lane: usize,
        row: usize,
        i: usize,
    ) {
        let &Tile { tiles: &Tiles { f, reader, .. }, width, .. } = self.tile;
        let tile = self.tile;
        let ahead = tile.ahead::<K>(self.first, self.count, row, i);
        let Desk { rows, columns, lanes } = &mut *self.desk;
        let (acc, columns) = (&mut lanes[lane * width..][..row], &columns[..row]);
        let mut room = &mut rows[..];
        let x: [&[T]; K] = std::array::from_fn(|k| {
            let own = room.split_off_mut(..row).unwrap_or_default();
            reader.block(self.tile.start(self.first + i + k * LANES), row, own)
        });
        let at = self.first + i;
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
        for (c, (acc, &column)) in rest.iter_mut().zip(of_rest).enumerate() {
            *acc = fold(*acc, column, whole.map(|x| x.1[c]));
        }
    }

    /// Folds the lanes, each half onto the other.
    #[inline(always)]
    fn halves(&mut self) {
        let (f, width, count) = (self.tile.tiles.f, self.tile.width, self.count);
        let mut half = LANES / 2;
        while half > 0 {
            let pairs = half.min(count.saturating_sub(half));
            let (a, b) = self.desk.lanes.split_at_mut(half.min(count) * width);
            for (a, &b) in a[..pairs * width].iter_mut().zip(&*b) {
                *a = f.merge(*a, b);
            }
            half /= 2;
        }
    }
}
