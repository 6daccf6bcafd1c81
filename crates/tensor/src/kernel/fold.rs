//! Many elements into one, along a fixed tree.
//!
//! The `n` elements of one output, in row-major order of the reduced axes, are cut into leaves of
//! [`LEAF`]. Element `i` of a leaf belongs to lane `i % LANES`; a lane is a running fold, the lanes
//! are folded in halves, and the leaves along the binary tree whose left part is the largest power
//! of two below their number. So the order of operations depends on `n` alone: not on threads, not
//! on strides, and not on which of two loops runs it:
//!
//! - *rows*: the elements of an output lie side by side, and the lanes are one vector of them;
//! - *columns*: the outputs lie side by side, and a lane is a strip of them, the same vector
//!   operation on other data. Strips go through the tree one after the other; of few outputs, all
//!   lanes are one row.
//!
//! An `f32` sum keeps its lanes in `f64` ([`Number::Wide`](crate::element::Number::Wide)):
//! memory is slower than either, and the result is the exact sum, rounded once, in all but
//! contrived cases.
//!
//! Rejected: Kahan sums (four dependent operations an element, and no better than `f64` lanes for
//! `f32`), and one lane order for rows and another for columns (then a transpose changes the bits).

mod blockwise;
mod columns;
mod lanes;
mod leaf;
pub(super) mod registers;
mod rows;
mod strips;

use std::ops::Range;

use crate::blocks::{BLOCK, Reader};
use crate::element::Element;
use crate::error::OrPanic;
use crate::kernel::reduce::Sum;
use crate::layout::Layout;
use crate::par;
use crate::shape::{self, AxisSet};
use crate::simd::Isa;
use crate::slice;
use crate::view::View;
pub use blockwise::{RowSums, leaf_start};
use columns::{TILE, Tiles};
use rows::Rows;

/// Elements of a leaf: half a block, so that a fused group can feed its blocks to the tree.
pub const LEAF: usize = BLOCK / 2;
/// Independent running folds within a leaf: four AVX-512 registers of `f64` hide the latency of an
/// addition.
pub const LANES: usize = 32;

/// How many bytes ahead is asked for what lies in no cache: folding takes so many instructions that
/// the processor itself does not look far enough.
const AHEAD: isize = 4096;

/// A way to fold elements of type `T` into an accumulator. `merge` must be associative but for
/// rounding; there is no identity, for a fold of nothing never reaches it.
pub trait Fold<T>: Copy + Send + Sync {
    /// What is known of an output beforehand, such as its mean when its variance is taken.
    type Param: Copy + Send + Sync;
    /// Whether `merge` is associative to the last bit, so that neighbours of a lane may be
    /// merged first.
    const EXACT: bool = false;
    /// The accumulator.
    type Acc: Copy + Default + Send + Sync + 'static;
    /// The accumulator of `x`, element `i` of its output.
    fn lift<I: Isa>(self, x: T, i: usize, param: Self::Param) -> Self::Acc;
    /// Both accumulators together; `a` stands before `b` in the same lane, leaf or tree.
    fn merge(self, a: Self::Acc, b: Self::Acc) -> Self::Acc;
    /// The fold of a leaf that begins with `x` and goes on with `more` slices, if there is a faster
    /// way to the same bits than the loops; see `registers.rs`. `ask` says whether to ask for what
    /// comes next.
    #[inline(always)]
    fn leaf<I: Isa>(
        self,
        _x: &[T],
        _more: &[&[T]],
        _param: Self::Param,
        _ask: bool,
    ) -> Option<Self::Acc> {
        None
    }
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
    let n = axes.count(x.shape());
    // One leaf that lies side by side, such as the loss of a small network: to look at its
    // axes would take longer than to fold it. (Where every element is reduced into one there
    // is one output.)
    if let ([out], [param], Some(x)) = (&mut *out, params, x.as_slice())
        && n == x.len()
        && (1..=LEAF).contains(&n)
    {
        *out = finish(Some(leaf::leaf_of(f, x, 0, *param, false)));
        return;
    }
    let outputs = shape::len(&axes.reduce(x.shape(), false));
    assert!(out.len() == outputs && params.len() == outputs, "fold: lengths differ");
    if x.is_empty() {
        out.iter_mut().for_each(|o| *o = finish(None));
        return;
    }
    let finish = |acc| finish(Some(acc));
    let grain = (par::GRAIN_BYTES / size_of::<T>()).div_ceil(n);
    if columns_run_along(x.layout(), axes) {
        let layout = ordered(x.layout(), axes, true);
        let reader = Reader::new(x.buffer(), &layout);
        let (run, stride) = layout.merged().last().copied().unwrap_or((1, 1));
        let (beside, step) = (stride == 1, even_step(x.layout(), axes));
        // Threads share leaves, and columns only where these are few: the more of a row is read at
        // a time, the faster.
        let wide = || outputs.div_ceil((4 * par::threads()).div_ceil(n.div_ceil(LEAF))).min(TILE);
        let grain = if outputs < 2 * grain { grain } else { grain.max(wide()) };
        // Stretches stay whole if there are enough of them.
        let unit = if outputs / run >= 4 * par::threads() { run } else { TILE / 4 };
        par::for_units(out, unit, grain, |start, part| {
            let tiles = Tiles { f, reader: &reader, params, n, outputs, run, beside, step };
            tiles.fold(start, part, &finish);
        });
    } else {
        // One output of everything needs no other order than the layout's own, which for a few
        // elements takes longer to make than they to add.
        let layout = match axes == AxisSet::all(x.shape().len()) {
            true => x.layout().clone(),
            false => ordered(x.layout(), axes, false),
        };
        let reader = Reader::new(x.buffer(), &layout);
        par::for_units(out, 1, grain, |start, part| {
            Rows { f, reader: &reader, params, n }.fold(start, part, &finish);
        });
    }
}

/// `f` on slabs of `x` that stay in the cache of a core, and on the outputs that each is reduced
/// to: for reductions that read their elements twice, or keep something for each of them on the
/// way. On all of `x` at once where that is small, a slab would hold less than one output, or
/// outputs lie closer together than the elements of one.
pub fn in_slabs<T: Element, O: Send>(
    x: View<'_, T>,
    axes: AxisSet,
    out: &mut [O],
    f: impl Fn(View<'_, T>, &mut [O]) + Sync,
) {
    let shape = x.shape();
    let outermost = (0..shape.len()).find(|&k| shape[k] > 1 && !axes.contains(k));
    let Some(axis) = outermost.filter(|_| !columns_run_along(x.layout(), axes)) else {
        return f(x, out);
    };
    let bytes = (x.len() * size_of::<T>()).max(1);
    let slab = (bytes / (4 * par::threads())).clamp(par::GRAIN_BYTES / 2, 2 * par::GRAIN_BYTES);
    let rows = slab * shape[axis] / bytes;
    if rows == 0 || rows >= shape[axis] {
        return f(x, out);
    }
    let outputs = out.len() / shape[axis];
    par::for_chunks(out, rows * outputs, x.len(), |k, out| {
        let mut ranges = vec![slice::Range::from(..); axis];
        ranges.push((k * rows..k * rows + out.len() / outputs).into());
        f(x.with_layout(&x.layout().slice(&ranges).or_panic()), out);
    });
}

/// Whether neighbouring outputs lie closer together than neighbouring elements of one.
fn columns_run_along(layout: &Layout, axes: AxisSet) -> bool {
    let innermost = |reduced| {
        let sizes = layout.shape().iter().enumerate();
        let axis = sizes.rev().find(|&(k, &d)| d > 1 && axes.contains(k) == reduced)?.0;
        Some(layout.strides()[axis].unsigned_abs())
    };
    let (Some(kept), Some(reduced)) = (innermost(false), innermost(true)) else { return false };
    kept != 0 && kept < reduced
}

/// The layout with the reduced axes in front of the kept ones, or behind them.
fn ordered(layout: &Layout, axes: AxisSet, reduced_first: bool) -> Layout {
    let (first, last): (Vec<_>, Vec<_>) =
        (0..layout.rank()).partition(|&k| axes.contains(k) == reduced_first);
    layout.permute(&[first, last].concat()).expect("a partition of the axes is a permutation")
}

/// How far apart the elements lie that are reduced into one, if evenly.
fn even_step(layout: &Layout, axes: AxisSet) -> Option<isize> {
    let alone = (0..layout.rank()).map(|k| match axes.contains(k) {
        true => slice::Range::from(..),
        false => (..layout.shape()[k].min(1)).into(),
    });
    let alone = layout.slice(&alone.collect::<Vec<_>>()).or_panic();
    match alone.merged()[..] {
        [] => Some(0),
        [(_, step)] => Some(step),
        _ => None,
    }
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

    /// The fold of `leaves`, which are not empty and begin with the first: branches of a power of
    /// two of leaves, which the tree has at every level, in parallel, then what is above them.
    fn climb(&self, leaves: Range<usize>, scratch: &mut Self::Scratch) -> Self::Acc {
        let branch = par::GRAIN_BYTES.div_ceil(self.leaf_bytes()).next_power_of_two();
        if leaves.len() <= branch || par::threads() == 1 {
            return self.branch(leaves, scratch);
        }
        let mut branches: Vec<Option<Self::Acc>> = Vec::new();
        branches.resize_with(leaves.len().div_ceil(branch), || None);
        par::for_chunks(&mut branches, 1, usize::MAX, |k, acc| {
            let own = k * branch..((k + 1) * branch).min(leaves.end);
            acc[0] = Some(self.branch(own, &mut self.scratch()));
        });
        above(&mut branches, &|a, b| self.merge(a, b))
    }

    /// As [`climb`](Self::climb), on this thread, of leaves that are a branch.
    fn branch(&self, leaves: Range<usize>, scratch: &mut Self::Scratch) -> Self::Acc {
        let count = leaves.len();
        if count == 1 {
            return self.leaf(leaves.start, scratch);
        }
        let middle = leaves.start + count.next_power_of_two() / 2;
        let left = self.branch(leaves.start..middle, scratch);
        let right = self.branch(middle..leaves.end, scratch);
        self.merge(left, right)
    }
}

/// The fold of branches of one size, of which the last may be smaller.
fn above<A>(branches: &mut [Option<A>], merge: &impl Fn(A, A) -> A) -> A {
    match branches {
        [one] => one.take().expect("each branch is folded once"),
        many => {
            let (left, right) = many.split_at_mut(many.len().next_power_of_two() / 2);
            let left = above(left, merge);
            merge(left, above(right, merge))
        }
    }
}
