//! A product of packed matrices, over all of the depth or a part of it.
//!
//! Threads take pieces, some rows of a panel, until none is left. What a micro-kernel does not read
//! where it lies, a thread packs for itself when it comes to it. So nobody waits for what another
//! one packs, and it stays in the cache of the core that reads it: a line that one core writes and
//! another one reads takes, by estimate, as long as the packing of 20 elements where they share a
//! cache, and of 200 where not. Only rows that all threads read are packed by all together, before
//! the first piece.

use std::ops::Range;

use smallvec::SmallVec;

use super::pack::{Pack, PackGroups, Strip};
use super::packed::Kernels;
use super::{Matrix, Product};
use crate::buffer::Buffer;
use crate::element::Float;
use crate::kernel::square::SQUARE;
use crate::par::{self, Shared};
use crate::simd::dispatch;

/// Multiplications of a piece: some two microseconds, by which threads end apart if none is
/// disturbed.
const PIECE: usize = 1 << 18;
/// Multiplications from which a second thread pays.
const THREADED: usize = 1 << 19;
/// Bytes of an operand that stay in the second-level cache.
pub(super) const NEAR: usize = 1 << 20;

/// In which order threads take pieces.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Cut {
    /// Rows after rows, of each all panels: each thread has its own rows of `a` and of the output,
    /// as it has in a fused pass and in an update, and all of `b`, which is near.
    Rows,
    /// Panel after panel, of each all rows: each thread has its own columns of `b` and of the
    /// output, and all of `a`.
    Panels,
}

impl Cut {
    /// Of what threads share, each line travels between their cores once to be read, and once more
    /// when it is next written: so they share the smaller one. But where all of them pack it, two
    /// threads take a thirtieth longer for 256 rows, and more for fewer.
    ///
    /// Rows of `a` that do not lie along the depth are read of one slice after the other, unless
    /// they are grouped, for there is more than one panel: of a long depth, a tile's lines would
    /// have left the cache when the next tile reads them.
    pub(super) fn of<T: Float>(kernels: &Kernels<T>, product: &Product<'_, T>) -> Self {
        let &Product { m, k, n, a, b } = product;
        let packed = k * n.next_multiple_of(kernels.lanes) * size_of::<T>();
        let near = packed <= NEAR / 2 && k * n <= m * (k + n);
        let packed_often = b.right != 1 && m < 256 * (par::threads() - 1);
        let across = a.right != 1 && n <= kernels.width();
        if near && !packed_often && !across { Cut::Rows } else { Cut::Panels }
    }
}

pub(super) struct Pass<'a, T: 'static> {
    kernels: &'a Kernels<T>,
    product: Product<'a, T>,
    sums: Sums,
    cut: Cut,
    /// Whether it is the transpose that is asked for.
    turned: bool,
    /// Columns of a panel, other than the last two.
    width: usize,
    panels: usize,
    /// Where the last panel begins. One vector alone would make a tile of too few accumulators to
    /// hide the latency of their additions, so it is joined by one of the panel before.
    last: usize,
    /// How many of them, from the first on, a micro-kernel reads where they lie.
    lying: usize,
    /// Rows of a piece, and into how many blocks of so many the rows are cut.
    rows: usize,
    blocks: usize,
    /// Whether rows of `a` are packed in groups: where they do not lie along the depth, a
    /// micro-kernel would read a line of the cache for each of its terms.
    grouped: bool,
}

/// How the terms of an element are added up.
#[derive(Clone, Copy)]
pub(super) struct Sums {
    /// Terms of a slice, after which a micro-kernel adds to the output.
    pub depth: usize,
    /// Whether to add to what the output holds.
    pub adds: bool,
}

/// What a thread packs.
struct Workspace<'r, T> {
    /// All panels that do not lie as they are read, or one at a time.
    panels: &'r mut [T],
    held: SmallVec<[Option<usize>; 8]>,
    /// The groups of one block of rows.
    groups: &'r mut [T],
    block: Option<usize>,
    /// A piece of a product whose transpose is asked for.
    strip: &'r mut [T],
}

impl<'a, T: Float> Pass<'a, T> {
    /// The product, or its transpose if it is to be turned.
    pub(super) fn new(
        kernels: &'a Kernels<T>,
        product: Product<'a, T>,
        cut: Cut,
        sums: Sums,
        turned: bool,
    ) -> Self {
        let Product { m, k, n, a, .. } = product;
        // One panel alone need not be wider than what it holds.
        let width = kernels.width().min(n.next_multiple_of(kernels.lanes));
        let panels = n.div_ceil(width);
        let whole = (panels - 1) * width;
        let alone = n - whole <= kernels.lanes && width > 2 * kernels.lanes;
        let last = if alone { whole - kernels.lanes } else { whole };
        let unit = if turned { SQUARE } else { kernels.rows };
        let rows = (PIECE / (width * k)).max(1).next_multiple_of(unit);
        let lying = lying(kernels, &product, panels);
        let (blocks, grouped) = (m.div_ceil(rows), a.right != 1 && panels > 1);
        // Its groups would not begin where blocks do; but few columns alone are turned and grouped.
        debug_assert!(!(turned && grouped) || blocks == 1, "a turned product of one block");
        Pass {
            kernels,
            product,
            sums,
            cut,
            turned,
            width,
            panels,
            last,
            lying,
            rows,
            blocks,
            grouped,
        }
    }

    /// The columns of panel `p`.
    fn columns(&self, p: usize) -> Range<usize> {
        let start = |p: usize| match self.panels - p {
            0 => self.product.n,
            1 => self.last,
            _ => p * self.width,
        };
        start(p)..start(p + 1)
    }

    /// Writes the product, or adds to it.
    pub(super) fn run(&self, out: &Shared<'_, T>) {
        let groups = self.shared_groups();
        let parts = self.blocks * self.panels;
        let (held, own_groups, strip) = self.room();
        let panel = self.width * self.product.k;
        let threads = if self.is_large() { par::threads().min(parts) } else { 1 };
        // Of one buffer, so that each thread has the same part of it in every product of this size.
        let mut room = Buffer::scratch(threads * (held * panel + own_groups + strip));
        let mut room = room.as_mut_slice();
        let spaces = (0..threads).map(|_| {
            let mut take = |len| room.split_off_mut(..len).expect("there is room for each thread");
            let (panels, groups, strip) = (take(held * panel), take(own_groups), take(strip));
            Workspace { panels, held: SmallVec::from_elem(None, held), groups, block: None, strip }
        });
        let mut spaces: SmallVec<[Workspace<'_, T>; 8]> = spaces.collect();
        par::run_in(&mut spaces, parts, |space, part| {
            self.piece(space, groups.as_slice(), out, part)
        });
    }

    fn is_large(&self) -> bool {
        let Product { m, k, n, .. } = self.product;
        m.saturating_mul(k).saturating_mul(n) >= THREADED
    }

    /// How many panels a thread holds, and the elements of its groups and of a strip.
    fn room(&self) -> (usize, usize, usize) {
        let packed = self.panels - self.lying;
        let held = if self.cut == Cut::Rows { packed } else { packed.min(1) };
        let groups = self.grouped && self.cut == Cut::Rows;
        let width = self.width.next_multiple_of(SQUARE);
        let of = |needed, len| if needed { self.rows * len } else { 0 };
        (held, of(groups, self.product.k), of(self.turned, width))
    }

    /// All groups, packed by all threads together, where each thread reads all of them.
    fn shared_groups(&self) -> Buffer<T> {
        let (kernels, Product { m, k, .. }) = (self.kernels, self.product);
        if !self.grouped || self.cut == Cut::Rows {
            return Buffer::scratch(0);
        }
        let mut groups = Buffer::scratch(m.next_multiple_of(kernels.rows) * k);
        let together = (PIECE / 32 / k / kernels.rows).max(1) * kernels.rows;
        let work = if self.is_large() { usize::MAX } else { 0 };
        par::for_chunks(groups.as_mut_slice(), together * k, work, |part, room| {
            self.pack_groups(part * together, room);
        });
        groups
    }

    /// Packs rows of `a` from `first` on in groups for the micro-kernel, each group side by side
    /// along the depth.
    fn pack_groups(&self, first: usize, room: &mut [T]) {
        let (rows, Product { m, k, a, .. }) = (self.kernels.rows, self.product);
        let (from, columns) = (a.at(first, 0).t(), (room.len() / k).min(m - first));
        dispatch(PackGroups { from, k, columns, rows, room });
    }

    /// Panel `p`, where it lies or packed for this thread.
    fn panel<'d>(
        &'d self,
        panels: &'d mut [T],
        held: &mut [Option<usize>],
        p: usize,
    ) -> Matrix<'d, T> {
        let (Product { k, b, .. }, columns) = (self.product, self.columns(p));
        let from = b.at(0, columns.start);
        let Some(place) = p.checked_sub(self.lying) else { return from };
        let place = place % held.len();
        let width = columns.len().next_multiple_of(self.kernels.lanes);
        let panel = &mut panels[place * self.width * k..][..width * k];
        if held[place] != Some(p) {
            held[place] = Some(p);
            dispatch(Pack { from, k, columns: columns.len(), width, panel });
        }
        Matrix::packed(panel, width).t()
    }

    /// Computes a piece.
    fn piece(&self, space: &mut Workspace<'_, T>, shared: &[T], out: &Shared<'_, T>, part: usize) {
        let Product { m, k, n, .. } = self.product;
        let (block, p) = match self.cut {
            Cut::Rows => (part / self.panels, part % self.panels),
            Cut::Panels => (part % self.blocks, part / self.blocks),
        };
        let first = block * self.rows;
        let rows = self.rows.min(m - first);
        let Range { start: column, end } = self.columns(p);
        let columns = end - column;
        if !space.groups.is_empty() && space.block != Some(block) {
            space.block = Some(block);
            self.pack_groups(first, space.groups);
        }
        let groups = match self.cut {
            _ if !self.grouped => None,
            Cut::Rows => Some(&*space.groups),
            Cut::Panels => Some(&shared[first * k..]),
        };
        let panel = self.panel(space.panels, &mut space.held, p);
        let piece = Piece { first, rows, columns, panel, groups };
        if !self.turned {
            let to = out.at(first * n + column);
            // SAFETY: pieces are disjoint, and these rows and columns inside of the output.
            return unsafe { self.tiles(&piece, to, n) };
        }
        let stride = self.width.next_multiple_of(SQUARE);
        // SAFETY: a strip has room for a piece, and is this thread's.
        unsafe { self.tiles(&piece, space.strip.as_mut_ptr(), stride) };
        let strip = &*space.strip;
        dispatch(Strip { strip, stride, rows, columns, out, width: m, at: (first, column) });
    }

    /// Computes the tiles of a piece.
    ///
    /// # Safety
    /// From `to` on there are as many rows and columns as the piece has, `stride` from row to row,
    /// which no other thread writes or reads.
    unsafe fn tiles(&self, piece: &Piece<'_, T>, to: *mut T, stride: usize) {
        let &Piece { first, rows, columns, panel, groups } = piece;
        let (Product { k, a, .. }, Sums { depth, adds }) = (self.product, self.sums);
        let height = self.kernels.rows;
        for l in (0..k).step_by(depth) {
            for i in (0..rows).step_by(height) {
                let a = match groups {
                    None => a.at(first + i, l),
                    Some(groups) => Matrix::packed(&groups[i * k + l * height..], height),
                };
                let tile = Tile {
                    columns,
                    rows: height.min(rows - i),
                    depth: depth.min(k - l),
                    panel: panel.at(l, 0),
                    a,
                    adds: adds || l > 0,
                };
                // SAFETY: the tile is one of the piece, by the caller's promise. What is packed
                // has whole vectors and groups; what lies has whole vectors (`lying`) and the
                // rows there are.
                unsafe { tile.write(self.kernels, to.wrapping_add(i * stride), stride) };
            }
        }
    }
}

/// How many panels, from the first on, a micro-kernel reads where they lie: with whole vectors side
/// by side, in a matrix that stays [`NEAR`] with what lies between its rows. (Of a larger one not
/// even a narrow panel would: lines that lie far apart share their places in a cache.)
fn lying<T: Float>(kernels: &Kernels<T>, product: &Product<'_, T>, panels: usize) -> usize {
    let &Product { k, n, b, .. } = product;
    let near = (1..=(NEAR / size_of::<T>() / k) as isize).contains(&b.down);
    match b.right == 1 && near {
        true => panels - usize::from(n % kernels.lanes != 0),
        false => 0,
    }
}

/// Some rows of one panel.
struct Piece<'a, T> {
    first: usize,
    rows: usize,
    columns: usize,
    panel: Matrix<'a, T>,
    /// The rows of `a`, where they are packed.
    groups: Option<&'a [T]>,
}

/// What a micro-kernel computes at a time.
struct Tile<'a, T> {
    columns: usize,
    rows: usize,
    depth: usize,
    panel: Matrix<'a, T>,
    a: Matrix<'a, T>,
    /// Whether to add to what is there.
    adds: bool,
}

impl<T: Float> Tile<'_, T> {
    /// One call of a micro-kernel.
    ///
    /// # Safety
    /// From `out` on there is room for the tile, `stride` elements from row to row, which no other
    /// thread writes or reads. The panel reaches `depth` rows of whole vectors for all columns, and
    /// `a` reaches all rows and `depth` columns.
    unsafe fn write(&self, kernels: &Kernels<T>, out: *mut T, stride: usize) {
        let &Tile { columns, rows, depth, panel, a, adds } = self;
        let micro = kernels.table[(columns.div_ceil(kernels.lanes) - 1) * kernels.rows + rows - 1];
        let (one, status) = (T::one(), if adds { 1 } else { 0 });
        let from = |x: Matrix<'_, T>| x.data.as_ptr().wrapping_offset(x.start);
        // SAFETY: `Kernels::of` gave kernels that this processor has; all else is the
        // caller's promise.
        unsafe {
            micro(
                columns,
                rows,
                depth,
                out,
                from(panel),
                from(a),
                stride as isize,
                1,
                panel.down,
                a.right,
                a.down,
                one,
                one,
                status,
                false,
                false,
                false,
                from(panel),
            );
        }
    }
}
