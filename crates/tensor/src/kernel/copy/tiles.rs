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
        let height = self.stage().0.min(self.rows.0);
        let slabs = size(&self.outer) * self.rows.0;
        self.slab() * if slabs >= 16 * height { height } else { 1 }
    }

    /// Writes `part`, whole slabs from element `start` of the output on.
    pub(super) fn write(&self, start: usize, part: &mut [T]) {
        let (slab, (height, pitch), packet) = (self.slab(), self.stage(), self.packet);
        let whole = self.whole();
        let sink = Sink::new(self.bytes);
        let mut stage = [T::default(); ROWS * COLUMNS];
        let (mut at, mut part) = (start / slab, part);
        while !part.is_empty() {
            // Rows of one group, from a multiple of its height to the next one or the end of the
            // axis.
            let row = at % self.rows.0;
            let count = (height - row % height).min(self.rows.0 - row).min(part.len() / slab);
            let (group, rest) = part.split_at_mut(count * slab);
            // The one of them that comes first in the input.
            let first = if self.rows.1 < 0 { row + count - 1 } else { row };
            let outer = distance(self.outer.iter().copied(), at / self.rows.0);
            let from = self.offset + outer + first as isize * self.rows.1;
            for (k, before) in (0..slab).step_by(self.columns.0 * packet).enumerate() {
                let from = from + distance(self.between.iter().copied(), k);
                for column in (0..self.columns.0).step_by(COLUMNS / packet) {
                    let width = (COLUMNS / packet).min(self.columns.0 - column);
                    let (data, step) = (self.data, self.columns.1);
                    let from = from + column as isize * step;
                    let stage = &mut stage[..];
                    let ahead = whole;
                    dispatch(Turn { data, from, step, count, width, packet, stage, pitch, ahead });
                    if whole {
                        sink.put(&stage[..group.len()], group);
                        continue;
                    }
                    for (row, stage) in stage.chunks(pitch).take(count).enumerate() {
                        let row = if self.rows.1 < 0 { count - 1 - row } else { row };
                        let out = &mut group[row * slab + before + column * packet..];
                        sink.put(&stage[..width * packet], &mut out[..width * packet]);
                    }
                }
            }
            (at, part) = (at + count, rest);
        }
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
mod tests {
    use super::*;
    use crate::simd::{Level, dispatch_at};
    use crate::tensor::Tensor;

    /// Distinct numbers.
    fn counted<T: crate::Number>(shape: &[usize]) -> Tensor<T> {
        let len = shape.iter().product::<usize>();
        Tensor::arange(T::zero(), T::from(len).unwrap(), T::one()).reshape(shape)
    }

    fn copies<T: crate::Number>() {
        for (shape, order) in [
            (&[70, 90][..], &[1, 0][..]),
            (&[64, 256], &[1, 0]),
            (&[257, 33], &[1, 0]),
            (&[5, 40, 36], &[0, 2, 1]),
            (&[40, 5, 36], &[2, 1, 0]),
            (&[9, 7, 80, 3], &[3, 1, 0, 2]),
            (&[3, 50, 7, 20], &[0, 3, 2, 1]),
            (&[4, 1030], &[1, 0]),
            (&[1030, 4], &[1, 0]),
            (&[5000, 2], &[1, 0]),
            (&[2, 5000], &[1, 0]),
            (&[4, 3, 700], &[0, 2, 1]),
            (&[4, 700, 3], &[0, 2, 1]),
            (&[7, 700, 12], &[0, 2, 1]),
            (&[7, 12, 700], &[0, 2, 1]),
            (&[40, 50, 3], &[1, 0, 2]),
            (&[33, 21, 15], &[1, 0, 2]),
            (&[3, 40, 10, 5], &[2, 1, 0, 3]),
            // A row of the output is as long as one of the stage.
            (&[128, 200], &[1, 0]),
            (&[32, 4, 200], &[2, 1, 0]),
            (&[200, 64, 2], &[1, 0, 2]),
        ] {
            let x = counted::<T>(shape);
            let turned = x.permute(order);
            let flips = [turned.clone(), turned.flip(0), turned.flip(-1), turned.flip(0).flip(-1)];
            for y in flips {
                let expected: Vec<T> = y.iter().collect();
                let mut out = vec![T::zero(); y.len()];
                super::super::copy(y.view(), &mut out);
                assert!(out == expected, "{shape:?} {order:?} {:?}", y.layout());
                // And by parts that begin and end anywhere.
                if let Some(tiles) = Tiles::of(y.view()) {
                    out.fill(T::zero());
                    for (k, part) in out.chunks_mut(3 * tiles.slab()).enumerate() {
                        tiles.write(k * 3 * tiles.slab(), part);
                    }
                    assert!(out == expected, "{shape:?} {order:?} in parts");
                }
            }
        }
    }

    #[test]
    fn tiles_are_read_from_every_layout_they_are_chosen_for() {
        assert!(Tiles::of(counted::<f32>(&[70, 90]).t().view()).is_some());
        assert!(Tiles::of(counted::<f32>(&[70, 90]).view()).is_none());
        assert!(Tiles::of(counted::<f32>(&[90]).broadcast_to([70, 90]).view()).is_none());
        copies::<f32>();
        copies::<f64>();
        copies::<i64>();
    }

    #[test]
    fn every_instruction_set_turns_a_tile_alike() {
        let data: Vec<f32> = (0..10_000).map(|i| i as f32).collect();
        for (count, width, packet, step) in [
            (16, 128, 1, 70),
            (16, 100, 1, -70),
            (7, 30, 1, 70),
            (50, 12, 1, 70),
            (300, 3, 1, 400),
            (3, 128, 1, 3),
            (16, 42, 3, 70),
            (5, 8, 15, 90),
        ] {
            for level in [Level::Baseline, Level::Avx2, Level::Avx512] {
                let pitch = if count > ROWS { width } else { COLUMNS };
                let (data, from) = (&data[..], if step < 0 { 9000 } else { 20 });
                let mut room = [0.0; ROWS * COLUMNS];
                let stage = &mut room[..];
                dispatch_at(
                    level,
                    Turn { data, from, step, count, width, packet, stage, pitch, ahead: true },
                );
                for (row, column) in (0..count).flat_map(|r| (0..width).map(move |c| (r, c))) {
                    for k in 0..packet {
                        let at = from + (row * packet + k) as isize + step * column as isize;
                        let found = room[row * pitch + column * packet + k];
                        assert_eq!(found, at as f32, "{level:?} {count}, {width}, {packet}");
                    }
                }
            }
        }
    }
}
