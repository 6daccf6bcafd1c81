//! Many elements into one, along a fixed tree.
//!
//! The `n` elements of one output, in row-major order of the reduced axes, are cut into leaves of
//! [`LEAF`]. Element `i` of a leaf belongs to lane `i % LANES`; a lane is a running fold, the lanes
//! are folded in halves, and the leaves along the binary tree whose left part is the largest power
//! of two below their number. So the order of operations depends on `n` alone: not on threads, not
//! on strides, and not on which of two loops runs it:
//!
//! - *rows*: the elements of an output lie side by side, and the lanes are one vector of them;
//! - *columns*: the outputs lie side by side. A tile of them is read row by row, and a lane is one
//!   row of accumulators, the same vector operation on other data.
//!
//! An `f32` sum keeps its lanes in `f64` ([`Number::Wide`](crate::element::Number::Wide)): memory is
//! slower than either, and the result is the exact sum, rounded once, in all but contrived cases.
//!
//! Rejected: Kahan sums (four dependent operations an element, and no better than `f64` lanes for
//! `f32`), and one lane order for rows and another for columns (then a transpose changes the bits).

use std::ops::Range;

use crate::blocks::{BLOCK, Reader};
use crate::element::Element;
use crate::layout::Layout;
use crate::par;
use crate::shape::{self, AxisSet};
use crate::simd::{Isa, Kernel, dispatch};
use crate::view::View;

/// Elements of a leaf: one block, so that a fused group can feed its blocks to the tree.
pub const LEAF: usize = BLOCK;
/// Independent running folds within a leaf: four AVX-512 registers of `f64` hide the latency of an
/// addition.
pub const LANES: usize = 32;
/// Outputs of a tile of columns: its accumulators, `LANES` rows of them, stay in the second-level
/// cache, and its rows are long enough to be fetched ahead.
const TILE: usize = 256;
/// With fewer outputs side by side, gathering rows is faster than tiles of columns.
const NARROW: usize = 8;

/// A way to fold elements of type `T` into an accumulator. `merge` must be associative but for
/// rounding; there is no identity, for a fold of nothing never reaches it.
pub trait Fold<T>: Copy + Send + Sync {
    /// What is known of an output beforehand, such as its mean when its variance is taken.
    type Param: Copy + Sync;
    /// The accumulator.
    type Acc: Copy + Default + Send + Sync;
    /// The accumulator of `x`, element `i` of its output.
    fn lift<I: Isa>(self, x: T, i: usize, param: Self::Param) -> Self::Acc;
    /// Both accumulators together; `a` stands before `b` in the same lane, leaf or tree.
    fn merge(self, a: Self::Acc, b: Self::Acc) -> Self::Acc;
    /// `acc` and `x` together.
    #[inline(always)]
    fn step<I: Isa>(self, acc: Self::Acc, x: T, i: usize, param: Self::Param) -> Self::Acc {
        self.merge(acc, self.lift::<I>(x, i, param))
    }
}

/// `out[k] = finish(fold of the elements reduced into k)`, `out` in row-major order of the kept
/// axes; `finish(None)` where nothing is reduced. `params` has the length of `out`.
///
/// # Panics
/// When the lengths do not fit.
pub fn fold<T: Element, O: Send, F: Fold<T>>(
    f: F,
    x: View<'_, T>,
    axes: AxisSet,
    params: &[F::Param],
    out: &mut [O],
    finish: impl Fn(Option<F::Acc>) -> O + Sync,
) {
    let outputs = shape::len(&axes.reduce(x.shape(), false));
    assert!(out.len() == outputs && params.len() == outputs, "fold: lengths differ");
    let n = axes.count(x.shape());
    if n == 0 {
        out.iter_mut().for_each(|o| *o = finish(None));
        return;
    }
    let finish = |acc| finish(Some(acc));
    let grain = (par::GRAIN_BYTES / size_of::<T>()).div_ceil(n);
    if columns_run_along(x.layout(), axes) {
        let layout = ordered(x.layout(), axes, true);
        let (reader, run) = (Reader::new(x.buffer(), &layout), inner_run(&layout));
        par::for_units(out, TILE, grain, |start, part| {
            let tiles = Tiles { f, reader: &reader, params, n, outputs, run };
            tiles.fold(start, part, &finish);
        });
    } else {
        let layout = ordered(x.layout(), axes, false);
        let reader = Reader::new(x.buffer(), &layout);
        par::for_units(out, 1, grain, |start, part| {
            Rows { f, reader: &reader, params, n }.fold(start, part, &finish);
        });
    }
}

/// Whether neighbouring outputs lie closer together than neighbouring elements of one.
fn columns_run_along(layout: &Layout, axes: AxisSet) -> bool {
    let innermost = |reduced| {
        let sizes = layout.shape().iter().enumerate();
        let axis = sizes.rev().find(|&(k, &d)| d > 1 && axes.contains(k) == reduced)?.0;
        Some(layout.strides()[axis].unsigned_abs())
    };
    let (Some(kept), Some(reduced)) = (innermost(false), innermost(true)) else { return false };
    let outputs = shape::len(&axes.reduce(layout.shape(), false));
    let run = inner_run(&ordered(layout, axes, true));
    kept != 0 && kept < reduced && outputs.min(run) >= NARROW
}

/// The layout with the reduced axes in front of the kept ones, or behind them.
fn ordered(layout: &Layout, axes: AxisSet, reduced_first: bool) -> Layout {
    let (first, last): (Vec<_>, Vec<_>) =
        (0..layout.rank()).partition(|&k| axes.contains(k) == reduced_first);
    layout.permute(&[first, last].concat()).expect("a partition of the axes is a permutation")
}

/// How many elements follow each other at one stride.
fn inner_run(layout: &Layout) -> usize {
    layout.merged().last().map_or(1, |&(size, _)| size)
}

/// The tree over the leaves of one output, or of one tile of outputs.
trait Tree: Sync {
    type Acc: Send;
    type Scratch: Send;
    /// Room for one task to work in.
    fn scratch(&self) -> Self::Scratch;
    /// The fold of leaf `i`.
    fn leaf(&self, i: usize, scratch: &mut Self::Scratch) -> Self::Acc;
    /// Both together.
    fn merge(&self, a: Self::Acc, b: Self::Acc) -> Self::Acc;
    /// Bytes that a leaf reads.
    fn leaf_bytes(&self) -> usize;

    /// The fold of `leaves`, which are not empty.
    fn climb(&self, leaves: Range<usize>, scratch: &mut Self::Scratch) -> Self::Acc {
        let count = leaves.len();
        if count == 1 {
            return self.leaf(leaves.start, scratch);
        }
        let middle = leaves.start + count.next_power_of_two() / 2;
        let (left, right) = (leaves.start..middle, middle..leaves.end);
        let worth_two = count * self.leaf_bytes() >= 2 * par::GRAIN_BYTES;
        let (a, b) = if worth_two && rayon::current_num_threads() > 1 {
            let other = || self.climb(right, &mut self.scratch());
            rayon::join(|| self.climb(left, scratch), other)
        } else {
            let a = self.climb(left, scratch);
            (a, self.climb(right, scratch))
        };
        self.merge(a, b)
    }
}

/// Outputs whose elements follow each other: element `i` of output `k` is element `k·n + i`.
struct Rows<'a, T, F: Fold<T>> {
    f: F,
    reader: &'a Reader<'a, T>,
    params: &'a [F::Param],
    n: usize,
}

impl<T: Element, F: Fold<T>> Rows<'_, T, F> {
    fn fold<O>(&self, start: usize, part: &mut [O], finish: &(impl Fn(F::Acc) -> O + Sync)) {
        let (f, n) = (self.f, self.n);
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
            dispatch(RowLeaves { f, x, n, first: 0, params: &self.params[at..], out, finish });
        }
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
        let x = reader.block(self.row * n + first, len, scratch);
        let (params, mut acc) = (&params[self.row..], [F::Acc::default()]);
        dispatch(RowLeaves { f, x, n: len, first, params, out: &mut acc, finish: &|acc| acc });
        acc[0]
    }

    fn merge(&self, a: F::Acc, b: F::Acc) -> F::Acc {
        self.rows.f.merge(a, b)
    }

    fn leaf_bytes(&self) -> usize {
        LEAF * size_of::<T>()
    }
}

/// One leaf each of neighbouring outputs: `n` elements of `x`, beginning with element `first`.
struct RowLeaves<'a, T, F: Fold<T>, O, G> {
    f: F,
    x: &'a [T],
    n: usize,
    first: usize,
    params: &'a [F::Param],
    out: &'a mut [O],
    finish: &'a G,
}

impl<T: Element, F: Fold<T>, O, G: Fn(F::Acc) -> O> Kernel for RowLeaves<'_, T, F, O, G> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let rows = self.x.chunks_exact(self.n).zip(self.params);
        for (o, (x, &param)) in self.out.iter_mut().zip(rows) {
            *o = (self.finish)(leaf::<T, F, I>(self.f, x, self.first, param));
        }
    }
}

/// The fold of the `x.len()` elements of a leaf, of which there is at least one.
#[inline(always)]
fn leaf<T: Copy, F: Fold<T>, I: Isa>(f: F, x: &[T], first: usize, param: F::Param) -> F::Acc {
    let mut lanes = [F::Acc::default(); LANES];
    let mut width = LANES;
    let (chunks, tail) = x.as_chunks::<LANES>();
    if let Some((head, chunks)) = chunks.split_first() {
        for j in 0..LANES {
            lanes[j] = f.lift::<I>(head[j], first + j, param);
        }
        for (c, chunk) in chunks.iter().enumerate() {
            let at = first + (c + 1) * LANES;
            for j in 0..LANES {
                lanes[j] = f.step::<I>(lanes[j], chunk[j], at + j, param);
            }
        }
        let at = first + (chunks.len() + 1) * LANES;
        for (j, &x) in tail.iter().enumerate() {
            lanes[j] = f.step::<I>(lanes[j], x, at + j, param);
        }
    } else {
        width = tail.len();
        for (j, &x) in tail.iter().enumerate() {
            lanes[j] = f.lift::<I>(x, first + j, param);
        }
    }
    let mut half = LANES / 2;
    while half > 0 {
        for j in 0..half.min(width.saturating_sub(half)) {
            lanes[j] = f.merge(lanes[j], lanes[j + half]);
        }
        half /= 2;
    }
    lanes[0]
}

/// Outputs that lie side by side: element `i` of output `k` is element `i·outputs + k`.
struct Tiles<'a, T, F: Fold<T>> {
    f: F,
    reader: &'a Reader<'a, T>,
    params: &'a [F::Param],
    n: usize,
    outputs: usize,
    /// Outputs in one contiguous stretch.
    run: usize,
}

impl<T: Element, F: Fold<T>> Tiles<'_, T, F> {
    fn fold<O>(&self, start: usize, part: &mut [O], finish: &(impl Fn(F::Acc) -> O + Sync)) {
        let mut done = 0;
        let mut scratch = None;
        while done < part.len() {
            let at = start + done;
            // A tile that ends with its stretch is read in place, unless it would be a sliver.
            let stretch = if self.run < TILE / 4 { TILE } else { self.run - at % self.run };
            let width = TILE.min(part.len() - done).min(stretch);
            let tile = Tile { tiles: self, at, width };
            let scratch = scratch.get_or_insert_with(|| tile.scratch());
            let acc = tile.climb(0..self.n.div_ceil(LEAF), scratch);
            for (o, &acc) in part[done..done + width].iter_mut().zip(&acc) {
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
}

/// Where a tile is worked on.
struct Desk<T, A> {
    /// One row of elements, where they do not lie side by side.
    row: Vec<T>,
    /// Lane `j` of all outputs is row `j`.
    lanes: Vec<A>,
}

impl<T: Element, F: Fold<T>> Tree for Tile<'_, T, F> {
    type Acc = [F::Acc; TILE];
    type Scratch = Desk<T, F::Acc>;

    fn scratch(&self) -> Self::Scratch {
        let lanes = self.tiles.n.min(LANES) * TILE.min(self.tiles.outputs);
        Desk { row: vec![T::default(); TILE], lanes: vec![F::Acc::default(); lanes] }
    }

    fn leaf(&self, i: usize, scratch: &mut Self::Scratch) -> Self::Acc {
        let first = i * LEAF;
        let last = self.tiles.n.min(first + LEAF);
        dispatch(TileLeaf { tile: self, elements: first..last, desk: scratch });
        let mut acc = [F::Acc::default(); TILE];
        acc[..self.width].copy_from_slice(&scratch.lanes[..self.width]);
        acc
    }

    fn merge(&self, mut a: Self::Acc, b: Self::Acc) -> Self::Acc {
        for (a, b) in a.iter_mut().zip(b).take(self.width) {
            *a = self.tiles.f.merge(*a, b);
        }
        a
    }

    fn leaf_bytes(&self) -> usize {
        LEAF * self.width * size_of::<T>()
    }
}

/// A leaf of each output of a tile, into the first row of lanes.
struct TileLeaf<'a, 'b, T, F: Fold<T>> {
    tile: &'a Tile<'b, T, F>,
    elements: Range<usize>,
    desk: &'a mut Desk<T, F::Acc>,
}

impl<T: Element, F: Fold<T>> Kernel for TileLeaf<'_, '_, T, F> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let &Tile { tiles: &Tiles { f, reader, params, outputs, .. }, at, width } = self.tile;
        let Desk { row, lanes } = self.desk;
        let params = &params[at..at + width];
        let count = self.elements.len();
        for (r, i) in self.elements.enumerate() {
            let x = reader.block(i * outputs + at, width, row);
            let lane = lanes[r % LANES * width..][..width].iter_mut().zip(x).zip(params);
            if r < LANES {
                for ((acc, &x), &p) in lane {
                    *acc = f.lift::<I>(x, i, p);
                }
            } else {
                for ((acc, &x), &p) in lane {
                    *acc = f.step::<I>(*acc, x, i, p);
                }
            }
        }
        let mut half = LANES / 2;
        while half > 0 {
            let pairs = half.min(count.saturating_sub(half));
            let (a, b) = lanes.split_at_mut(half.min(count) * width);
            for (a, &b) in a[..pairs * width].iter_mut().zip(&*b) {
                *a = f.merge(*a, b);
            }
            half /= 2;
        }
    }
}
