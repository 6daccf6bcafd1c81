//! Reductions whose outputs lie side by side.

use super::lanes::{FEW, Lanes, LanesInARow};
use super::strips::{NARROW, Strips};
use super::{Fold, LEAF, Tree};
use crate::blocks::Reader;
use crate::element::Element;
use crate::simd::dispatch;
use crate::stream::LARGE;

/// Outputs of a tile of columns at most.
pub(super) const TILE: usize = 1024;
/// Bytes of a leaf that is copied: it stays in the cache of a core.
const ROOM: usize = 1 << 19;

/// Outputs that lie side by side: element `i` of output `k` is element `i·outputs + k`.
pub(super) struct Tiles<'a, T, F: Fold<T>> {
    pub f: F,
    pub reader: &'a Reader<'a, T>,
    pub params: &'a [F::Param],
    pub n: usize,
    pub outputs: usize,
    /// Outputs in one stretch of one stride.
    pub run: usize,
    /// Whether the outputs of a stretch lie side by side.
    pub beside: bool,
    /// How far apart the elements of one output lie, if evenly.
    pub step: Option<isize>,
}

impl<T: Element, F: Fold<T>> Tiles<'_, T, F> {
    pub(super) fn fold<O>(
        &self,
        start: usize,
        part: &mut [O],
        finish: &(impl Fn(F::Acc) -> O + Sync),
    ) {
        let (mut done, mut workspace) = (0, Workspace::default());
        while done < part.len() {
            let tile = self.tile(start + done, part.len() - done);
            let out = &mut part[done..done + tile.width];
            done += tile.width;
            let folds = tile.climb(0..self.n.div_ceil(LEAF), &mut workspace);
            out.iter_mut().zip(&folds).for_each(|(out, &acc)| *out = finish(acc));
            workspace.folds = folds;
        }
    }

    /// At most so many outputs from `at` on: those of one stretch are read in place, unless they
    /// are few and their rows lie apart.
    fn tile(&self, at: usize, most: usize) -> Tile<'_, T, F> {
        let width = TILE.min(most).min(self.run - at % self.run);
        let follow = self.step == Some(width as isize);
        if self.beside && (width >= NARROW || follow) {
            return Tile { tiles: self, at, width, in_place: true, follow };
        }
        let room = ROOM / (self.n.min(LEAF) * size_of::<T>());
        let most = if self.beside && self.run >= NARROW { width } else { most };
        let width = most.min(room.clamp(NARROW, TILE));
        Tile { tiles: self, at, width, in_place: false, follow: true }
    }
}

/// `width` outputs of [`Tiles`] from `at` on.
struct Tile<'a, T, F: Fold<T>> {
    tiles: &'a Tiles<'a, T, F>,
    at: usize,
    width: usize,
    /// Whether it is read in place, or else from a copy.
    in_place: bool,
    /// Whether its rows follow each other where it is read.
    follow: bool,
}

/// Where a tile is worked on.
struct Workspace<T, P, A> {
    /// The elements of a leaf, where they do not lie side by side.
    x: Vec<T>,
    /// Where its rows lie.
    rows: Vec<usize>,
    lanes: Lanes<P, A>,
    /// Those of the tile before, for the next one.
    folds: Vec<A>,
}

impl<T, P, A> Default for Workspace<T, P, A> {
    fn default() -> Self {
        Workspace { x: Vec::new(), rows: Vec::new(), lanes: Lanes::default(), folds: Vec::new() }
    }
}

impl<T: Element, F: Fold<T>> Tile<'_, T, F> {
    /// The folds of the leaf that begins with row `first`.
    fn fold_leaf(
        &self,
        first: usize,
        workspace: &mut Workspace<T, F::Param, F::Acc>,
        out: &mut [F::Acc],
    ) {
        let &Tiles { f, reader, params, n, outputs, .. } = self.tiles;
        let count = LEAF.min(n - first);
        let (x, from) = match self.in_place {
            true => (reader.buffer(), reader.position(first * outputs + self.at)),
            false => (self.copied(first, count, &mut workspace.x), 0),
        };
        let params = &params[self.at..self.at + self.width];
        if self.follow && self.width <= FEW {
            let (x, lanes) = (&x[from..][..count * self.width], workspace.lanes.of(params));
            return dispatch(LanesInARow { f, x, first, lanes, out });
        }
        let step = if self.follow { Some(self.width as isize) } else { self.tiles.step };
        workspace.rows.clear();
        workspace.rows.extend((0..count).map(|i| match step {
            Some(step) => from.wrapping_add_signed(i as isize * step),
            None => reader.position((first + i) * outputs + self.at),
        }));
        let far = self.in_place && size_of_val(x) >= LARGE;
        dispatch(Strips { f, x, rows: &workspace.rows, far, first, params, out });
    }

    /// So many rows from `first` on, one after the other.
    fn copied<'x>(&self, first: usize, rows: usize, x: &'x mut Vec<T>) -> &'x [T] {
        let (reader, outputs) = (self.tiles.reader, self.tiles.outputs);
        x.resize(rows * self.width, T::default());
        // The rows of all outputs follow each other in the sequence.
        let rows = if self.width == outputs { x.len() } else { self.width };
        for (i, x) in x.chunks_exact_mut(rows).enumerate() {
            reader.copy((first + i) * outputs + self.at, x);
        }
        x
    }
}

impl<T: Element, F: Fold<T>> Tree for Tile<'_, T, F> {
    type Acc = Vec<F::Acc>;
    type Scratch = Workspace<T, F::Param, F::Acc>;

    fn scratch(&self) -> Self::Scratch {
        Workspace::default()
    }

    fn leaf(&self, i: usize, workspace: &mut Self::Scratch) -> Self::Acc {
        let mut folds = std::mem::take(&mut workspace.folds);
        folds.resize(self.width, F::Acc::default());
        self.fold_leaf(i * LEAF, workspace, &mut folds);
        folds
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
