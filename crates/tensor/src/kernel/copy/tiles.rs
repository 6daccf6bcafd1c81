//! Copies whose neighbours lie far apart: transposes.
//!
//! Read in the order of the output, each element of such a view touches a cache line of its own,
//! and at power-of-two sizes all of them fall into the same few sets of the cache. So a tile is
//! read along the axis that is contiguous in the input, each line once and whole, turned in a stage
//! in the first-level cache, and written along the one that is contiguous in the output.
//!
//! What is turned are packets: single elements, or a few that are neighbours in the input and in
//! the output, as the channels of an image whose rows and columns are exchanged.

use smallvec::SmallVec;

use crate::blocks::copy_short;
use crate::element::Element;
use crate::kernel::square::{SQUARE, turn, turn_part};
use crate::par;
use crate::shape::distance;
use crate::simd::{Isa, Kernel, dispatch, prefetch};
use crate::stream::Sink;
use crate::view::View;

/// Rows of a tile, which are neighbours in the input: a cache line of `f32`.
const ROWS: usize = SQUARE;
/// Elements of a row, which are neighbours in the output. 128 rows of the output's pages are more
/// than the processor translates at once; 128 columns of 8 bytes are half its first-level cache.
const COLUMNS: usize = 128;
/// Elements below which tiles do not pay.
const WORTH: usize = 1 << 12;
/// Elements from which on a packet is copied as fast by itself.
const LONG: usize = 16;
/// Neighbours on the other side of at most so few are turned without squares.
const FEW: usize = 4;

/// A view of shape `[outer.., rows, between.., columns, packet]`, neighbours along `rows` side by
/// side in memory, and neighbours along `columns` not.
pub(super) struct Tiles<'a, T> {
    data: &'a [T],
    offset: isize,
    bytes: usize,
    outer: Runs,
    rows: (usize, isize),
    between: Runs,
    columns: (usize, isize),
    packet: usize,
}

/// `(size, stride)` of axes, outermost first.
type Runs = SmallVec<[(usize, isize); 4]>;
/// One of each row of a tile.
type Rows<R> = SmallVec<[R; ROWS]>;

impl<'a, T: Element> Tiles<'a, T> {
    pub(super) fn of(x: View<'a, T>) -> Option<Self> {
        let layout = x.layout();
        if layout.len() < WORTH {
            return None;
        }
        let mut runs = layout.merged();
        let packet = match runs[..] {
            [_, .., (size, 1)] if size < LONG => runs.pop().map_or(1, |(size, _)| size),
            _ => 1,
        };
        let columns = runs.pop()?;
        let side_by_side = |&(_, s): &(usize, isize)| s.unsigned_abs() == packet;
        let rows = runs.iter().position(side_by_side)?;
        let (row, step) = (runs[rows].0 * packet, columns.1.unsigned_abs());
        // Columns that overlap, or are repeated, are read from the cache as they come. Of fewer
        // rows, most of a line is read for another tile, unless that is the next column.
        if step < row || runs[rows].0 < 8 && step != row {
            return None;
        }
        Some(Tiles {
            data: x.buffer(),
            offset: layout.offset() as isize,
            bytes: size_of::<T>() * x.len(),
            outer: runs[..rows].into(),
            rows: runs[rows],
            between: runs[rows + 1..].into(),
            columns,
            packet,
        })
    }

    /// Whether neighbours lie on different lines of the cache.
    pub(super) fn cross(&self) -> bool {
        self.packet == 1
            && self.columns.1.unsigned_abs() >= 8
            && self.columns.0.min(self.rows.0) >= 4
    }

    /// Elements of the output for one index of the rows' axis.
    fn slab(&self) -> usize {
        size(&self.between) * self.columns.0 * self.packet
    }

    /// Whether a tile is of whole rows of the output, one behind the other there as in the input.
    fn whole(&self) -> bool {
        self.slab() <= COLUMNS && self.between.is_empty() && self.rows.1 > 0
    }

    /// Rows of a tile, and how far apart they lie in the stage: as in the output, if they are
    /// [whole](Self::whole) and can be written at once.
    fn stage(&self) -> (usize, usize) {
        match self.whole() {
            true => (ROWS * COLUMNS / self.slab() / ROWS * ROWS, self.slab()),
            false => (ROWS, COLUMNS),
        }
    }

    /// Where tasks may part the output: between groups of rows, if there are enough for all tasks.
    pub(super) fn unit(&self) -> usize {
        self.slab() * if self.few() { 1 } else { self.stage().0.min(self.rows.0) }
    }

    /// Whether the groups of rows are not enough for all tasks.
    fn few(&self) -> bool {
        size(&self.outer) * self.rows.0 < 16 * self.stage().0.min(self.rows.0)
    }

    /// Whether rows of the output are few, and so long that tasks of at least `grain` elements had
    /// better part the columns: else each would read the lines of all.
    pub(super) fn long(&self, grain: usize) -> bool {
        self.few() && self.between.is_empty() && self.slab() >= grain
    }

    /// Writes all elements, some columns of a group of rows in a task.
    pub(super) fn write_long(&self, out: &mut [T], grain: usize) {
        let (slab, packets) = (self.slab(), COLUMNS / self.packet);
        let width = (grain / self.rows.0.min(ROWS) / self.packet).max(1).next_multiple_of(packets);
        let work = out.len();
        let mut tasks = Vec::new();
        for (k, slabs) in out.chunks_mut(self.rows.0 * slab).enumerate() {
            let outer = self.offset + distance(self.outer.iter().copied(), k);
            for (k, group) in slabs.chunks_mut(ROWS * slab).enumerate() {
                let from = outer + self.first(k * ROWS, group.len() / slab);
                let rows = group.chunks_mut(slab).map(|row| row.chunks_mut(width * self.packet));
                let mut rows: Rows<_> = rows.collect();
                for column in (0..self.columns.0).step_by(width) {
                    let from = from + column as isize * self.columns.1;
                    let rows: Rows<_> = rows.iter_mut().filter_map(Iterator::next).collect();
                    tasks.push((from, rows));
                }
            }
        }
        par::for_each_of(tasks, work, |(from, mut rows)| {
            let (sink, mut stage) = (Sink::new(self.bytes), [T::default(); ROWS * COLUMNS]);
            let (count, length) = (rows.len(), rows[0].len());
            self.columns(from, count, length, &mut stage, |row, at, staged| {
                sink.put(staged, &mut rows[row][at..][..staged.len()]);
            });
        });
    }

    /// How far from the first of all rows the one of `count` from `row` on lies that comes first
    /// in the input.
    fn first(&self, row: usize, count: usize) -> isize {
        let first = if self.rows.1 < 0 { row + count - 1 } else { row };
        first as isize * self.rows.1
    }

    /// Writes `part`, whole slabs from element `start` of the output on.
    pub(super) fn write(&self, start: usize, part: &mut [T]) {
        let (slab, (height, pitch), whole) = (self.slab(), self.stage(), self.whole());
        let sink = Sink::new(self.bytes);
        let mut stage = [T::default(); ROWS * COLUMNS];
        let (mut at, mut part) = (start / slab, part);
        while !part.is_empty() {
            // Rows of one group, from a multiple of its height to the next one or the end of the
            // axis.
            let row = at % self.rows.0;
            let count = (height - row % height).min(self.rows.0 - row).min(part.len() / slab);
            let (group, rest) = part.split_at_mut(count * slab);
            let outer = distance(self.outer.iter().copied(), at / self.rows.0);
            let from = self.offset + outer + self.first(row, count);
            if whole {
                self.read(from, count, self.columns.0, &mut stage, pitch, true);
                sink.put(&stage[..group.len()], group);
            } else {
                let length = self.columns.0 * self.packet;
                for (k, before) in (0..slab).step_by(length).enumerate() {
                    let from = from + distance(self.between.iter().copied(), k);
                    self.columns(from, count, length, &mut stage, |row, at, staged| {
                        sink.put(staged, &mut group[row * slab + before + at..][..staged.len()]);
                    });
                }
            }
            (at, part) = (at + count, rest);
        }
    }

    /// Reads `length` elements of `count` rows, of which the first in the input begins at `from`,
    /// and gives them to `put(row, at, elements)`, where those from `at` on belong.
    #[inline(always)]
    fn columns(
        &self,
        from: isize,
        count: usize,
        length: usize,
        stage: &mut [T; ROWS * COLUMNS],
        mut put: impl FnMut(usize, usize, &[T]),
    ) {
        let packet = self.packet;
        for at in (0..length).step_by(COLUMNS / packet * packet) {
            let width = (COLUMNS / packet).min((length - at) / packet);
            let from = from + (at / packet) as isize * self.columns.1;
            self.read(from, count, width, stage, COLUMNS, false);
            for (row, stage) in stage.chunks(COLUMNS).take(count).enumerate() {
                let row = if self.rows.1 < 0 { count - 1 - row } else { row };
                put(row, at, &stage[..width * packet]);
            }
        }
    }

    /// Reads `count` rows of `width` columns into the stage.
    #[inline(always)]
    fn read(
        &self,
        from: isize,
        count: usize,
        width: usize,
        stage: &mut [T; ROWS * COLUMNS],
        pitch: usize,
        ahead: bool,
    ) {
        let (data, step, packet) = (self.data, self.columns.1, self.packet);
        dispatch(Turn { data, from, step, count, width, packet, stage, pitch, ahead });
    }
}

/// The number of elements along all of `runs`.
fn size(runs: &[(usize, isize)]) -> usize {
    runs.iter().map(|&(size, _)| size).product()
}

/// Reads one tile: packet `column` of `stage[row · pitch..]` is the one at
/// `data[from + row · packet + column · step]`.
struct Turn<'a, T> {
    data: &'a [T],
    from: isize,
    step: isize,
    count: usize,
    width: usize,
    packet: usize,
    stage: &'a mut [T],
    pitch: usize,
    /// Whether what the next tile reads lies behind what this one does.
    ahead: bool,
}

impl<T: Element> Kernel for Turn<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        if self.ahead {
            self.ask();
        }
        match (self.packet, self.count, self.width) {
            (1, 2, _) if self.step == 2 => self.part::<2>(),
            (1, 3, _) if self.step == 3 => self.part::<3>(),
            (1, FEW, _) if self.step == FEW as isize => self.part::<FEW>(),
            (1, _, 2) if self.pitch == 2 => self.mix::<2>(),
            (1, _, 3) if self.pitch == 3 => self.mix::<3>(),
            (1, _, FEW) if self.pitch == FEW => self.mix::<FEW>(),
            (1, ..) => self.squares(),
            (2..=4, ..) => self.packets::<4>(),
            (5..=8, ..) => self.packets::<8>(),
            _ => self.packets::<LONG>(),
        }
    }
}

impl<T: Element> Turn<'_, T> {
    /// Where the packets of a column begin.
    #[inline(always)]
    fn at(&self, column: usize) -> usize {
        (self.from + column as isize * self.step) as usize
    }

    /// Asks for what the next tile reads: the processor itself sees no pattern in a few elements of
    /// many lines, and takes twice as long from memory.
    #[inline(always)]
    fn ask(&self) {
        let len = self.count * self.packet;
        for column in 0..self.width {
            for k in (0..len).step_by(64 / size_of::<T>()) {
                prefetch(self.data, self.at(column) + len + k);
            }
        }
    }

    #[inline(always)]
    fn squares(self) {
        for row in (0..self.count).step_by(SQUARE) {
            let rows = SQUARE.min(self.count - row);
            for column in (0..self.width).step_by(SQUARE) {
                let columns = SQUARE.min(self.width - column);
                let (start, to) = (self.at(column) + row, row * self.pitch + column);
                let to = &mut self.stage[to..];
                match (rows, columns) {
                    (SQUARE, SQUARE) => turn(self.data, start, self.step, to, self.pitch),
                    _ => turn_part(self.data, start, self.step, to, self.pitch, (rows, columns)),
                }
            }
        }
    }

    /// `N` rows whose elements take turns in the input.
    #[inline(always)]
    fn part<const N: usize>(self) {
        let (from, _) = self.data[self.at(0)..][..self.width * N].as_chunks::<N>();
        let mut rows = self.stage.chunks_mut(self.pitch);
        let mut rows: [_; N] =
            std::array::from_fn(|_| &mut rows.next().expect("a row")[..self.width]);
        for (column, from) in from.iter().enumerate() {
            for (row, &x) in rows.iter_mut().zip(from) {
                row[column] = x;
            }
        }
    }

    /// `N` columns whose elements take turns in the output.
    #[inline(always)]
    fn mix<const N: usize>(self) {
        let columns: [_; N] = std::array::from_fn(|j| &self.data[self.at(j)..][..self.count]);
        let (to, _) = self.stage[..self.count * N].as_chunks_mut::<N>();
        for (row, to) in to.iter_mut().enumerate() {
            for (to, column) in to.iter_mut().zip(columns) {
                *to = column[row];
            }
        }
    }

    /// Packets of at most `W` elements, of which as many are copied: each over the end of the one
    /// before.
    #[inline(always)]
    fn packets<const W: usize>(self) {
        let packet = self.packet;
        for row in 0..self.count {
            for column in 0..self.width {
                let from = &self.data[self.at(column) + row * packet..];
                let to = &mut self.stage[row * self.pitch + column * packet..];
                copy_short::<T, W>(from, to, packet);
            }
        }
    }
}

#[cfg(test)]
mod tests;
