//! Reductions whose outputs lie side by side.

use super::{Fold, LANES, LEAF, Tree};
use crate::blocks::Reader;
use crate::element::Element;
use crate::simd::{Isa, Kernel, dispatch};

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
        let (Tile { tiles, width, group, .. }, count) = (self.tile, self.count);
        for lane in (0..count.min(LANES)).step_by(*group) {
            let row = (*group).min(count.min(LANES) - lane) * width;
            let Desk { rows, columns, lanes } = &mut *self.desk;
            let acc = &mut lanes[lane * width..][..row];
            let x = tiles.reader.block(self.tile.start(self.first + lane), row, rows);
            for ((acc, &x), &(p, j)) in acc.iter_mut().zip(x).zip(&columns[..row]) {
                *acc = tiles.f.lift::<I>(x, self.first + lane + j, p);
            }
            let i = self.steps::<I, AHEAD>(lane, row, lane + LANES);
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
    /// Folds `K` rows of `row` elements at a time into the group of lanes from `lane` on, from row
    /// `i` as long as they are whole; the row that comes next.
    #[inline(always)]
    fn steps<I: Isa, const K: usize>(&mut self, lane: usize, row: usize, mut i: usize) -> usize {
        let &Tile { tiles: &Tiles { f, reader, .. }, width, .. } = self.tile;
        let Desk { rows, columns, lanes } = &mut *self.desk;
        let (acc, columns) = (&mut lanes[lane * width..][..row], &columns[..row]);
        while i + (K - 1) * LANES + row / width <= self.count {
            let mut room = &mut rows[..];
            let x: [&[T]; K] = std::array::from_fn(|k| {
                let own = room.split_off_mut(..row).unwrap_or_default();
                reader.block(self.tile.start(self.first + i + k * LANES), row, own)
            });
            let at = self.first + i;
            // Strips of a constant width: no index in them is checked.
            let (strips, rest) = acc.as_chunks_mut::<STRIP>();
            let (of_strips, of_rest) = columns.as_chunks::<STRIP>();
            let whole = x.map(|x| x.as_chunks::<STRIP>());
            for (s, (acc, columns)) in strips.iter_mut().zip(of_strips).enumerate() {
                let x: [&[T; STRIP]; K] = std::array::from_fn(|k| &whole[k].0[s]);
                for c in 0..STRIP {
                    let ((p, j), mut all) = (columns[c], acc[c]);
                    for (k, x) in x.iter().enumerate() {
                        all = f.step::<I>(all, x[c], at + k * LANES + j, p);
                    }
                    acc[c] = all;
                }
            }
            for (c, (acc, &(p, j))) in rest.iter_mut().zip(of_rest).enumerate() {
                for (k, x) in whole.iter().enumerate() {
                    *acc = f.step::<I>(*acc, x.1[c], at + k * LANES + j, p);
                }
            }
            i += K * LANES;
        }
        i
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
