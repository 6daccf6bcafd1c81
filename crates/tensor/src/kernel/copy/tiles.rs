//! Copies whose neighbours lie far apart: transposes.
//!
//! Read in the order of the output, each element of such a view touches a cache line of its own, and
//! at power-of-two sizes all of them fall into the same few sets of the cache. So a tile is read
//! along the axis that is contiguous in the input, each line once and whole, turned in a stage in
//! the first-level cache, and written along the one that is contiguous in the output.

use smallvec::SmallVec;

use crate::element::Element;
use crate::kernel::square::{SQUARE, turn};
use crate::layout::Layout;
use crate::simd::{Isa, Kernel, dispatch};
use crate::stream::Sink;
use crate::view::View;

/// Rows of a tile, which are neighbours in the input: a cache line of `f32`.
const ROWS: usize = SQUARE;
/// Columns of a tile, which are neighbours in the output. 128 rows of the output's pages are more
/// than the processor translates at once; 128 columns of 8 bytes are half its first-level cache.
const COLUMNS: usize = 128;
/// Elements below which tiles do not pay.
const WORTH: usize = 1 << 12;

/// A view of shape `[outer.., rows, between.., columns]`, neighbours along `rows` side by side in
/// memory, and neighbours along `columns` not.
pub(super) struct Tiles<'a, T> {
    data: &'a [T],
    offset: isize,
    bytes: usize,
    outer: Runs,
    rows: (usize, isize),
    between: Runs,
    columns: (usize, isize),
}

/// `(size, stride)` of axes, outermost first.
type Runs = SmallVec<[(usize, isize); 4]>;

impl<'a, T: Element> Tiles<'a, T> {
    /// The merged axes of `layout` and which of them are the rows, if a copy by tiles pays.
    pub(super) fn axes(layout: &Layout) -> Option<(Runs, usize)> {
        let innermost = (0..layout.rank()).rev().find(|&k| layout.shape()[k] > 1)?;
        // Below this distance, neighbours share cache lines.
        if layout.strides()[innermost].unsigned_abs() < 8 || layout.len() < WORTH {
            return None;
        }
        let runs = layout.merged();
        let (&(columns, _), others) = runs.split_last()?;
        let rows = others.iter().position(|&(size, s)| s.abs() == 1 && size >= 4);
        rows.filter(|_| columns >= 4).map(|rows| (runs, rows))
    }

    pub(super) fn of(x: View<'a, T>) -> Option<Self> {
        let (runs, rows) = Self::axes(x.layout())?;
        let last = runs.len() - 1;
        Some(Tiles {
            data: x.buffer(),
            offset: x.layout().offset() as isize,
            bytes: size_of::<T>() * x.len(),
            outer: runs[..rows].into(),
            rows: runs[rows],
            between: runs[rows + 1..last].into(),
            columns: runs[last],
        })
    }

    /// Elements of the output for one index of the rows' axis.
    fn slab(&self) -> usize {
        size(&self.between) * self.columns.0
    }

    /// Where tasks may part the output: between groups of rows, if there are enough for all tasks.
    pub(super) fn unit(&self) -> usize {
        let slabs = size(&self.outer) * self.rows.0;
        self.slab() * if slabs >= 16 * ROWS { ROWS } else { 1 }
    }

    /// Writes `part`, whole slabs from element `start` of the output on.
    pub(super) fn write(&self, start: usize, part: &mut [T]) {
        let slab = self.slab();
        let sink = Sink::new(self.bytes);
        let mut stage = [[T::default(); COLUMNS]; ROWS];
        let (mut at, mut part) = (start / slab, part);
        while !part.is_empty() {
            // Rows of one group, from a multiple of ROWS to the next one or the end of the axis.
            let row = at % self.rows.0;
            let count = (ROWS - row % ROWS).min(self.rows.0 - row).min(part.len() / slab);
            let (group, rest) = part.split_at_mut(count * slab);
            let from =
                self.offset + along(&self.outer, at / self.rows.0) + row as isize * self.rows.1;
            for (k, first) in (0..slab).step_by(self.columns.0).enumerate() {
                let from = from + along(&self.between, k);
                for column in (0..self.columns.0).step_by(COLUMNS) {
                    let width = COLUMNS.min(self.columns.0 - column);
                    let from = from + column as isize * self.columns.1;
                    let (data, step) = (self.data, self.columns.1);
                    let backwards = self.rows.1 < 0;
                    dispatch(Turn { data, from, backwards, step, count, width, stage: &mut stage });
                    for (row, stage) in stage[..count].iter().enumerate() {
                        let out = &mut group[row * slab + first + column..][..width];
                        sink.put(&stage[..width], out);
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

/// How far element `index`, in row-major order, lies from the first one.
fn along(runs: &[(usize, isize)], index: usize) -> isize {
    let mut rest = index;
    let mut at = 0;
    for &(size, stride) in runs.iter().rev() {
        at += (rest % size) as isize * stride;
        rest /= size;
    }
    at
}

/// Reads one tile: `stage[row][column] = data[from ± row + column · step]`.
struct Turn<'a, T> {
    data: &'a [T],
    from: isize,
    backwards: bool,
    step: isize,
    count: usize,
    width: usize,
    stage: &'a mut [[T; COLUMNS]; ROWS],
}

impl<T: Element> Kernel for Turn<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Turn { data, from, backwards, step, count, width, stage } = self;
        let whole = if count == ROWS { width / ROWS * ROWS } else { 0 };
        let lowest = if backwards { from - (count as isize - 1) } else { from };
        let at = |column| (lowest + column as isize * step) as usize;
        for column in (0..whole).step_by(ROWS) {
            let to = &mut stage.as_flattened_mut()[column..];
            turn(data, at(column), step, to, COLUMNS);
        }
        for column in whole..width {
            for (to, &x) in stage.iter_mut().zip(&data[at(column)..][..count]) {
                to[column] = x;
            }
        }
        if backwards {
            stage[..count].reverse();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{Level, dispatch_at};
    use crate::tensor::Tensor;

    /// Distinct numbers.
    fn counted<T: crate::Float>(shape: &[usize]) -> Tensor<T> {
        let mut next = 0.0;
        Tensor::from_fn(shape, |_| {
            next += 1.0;
            T::of(next)
        })
    }

    fn copies<T: crate::Float>() {
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
    }

    #[test]
    fn every_instruction_set_turns_a_tile_alike() {
        let data: Vec<f32> = (0..10_000).map(|i| i as f32).collect();
        for (count, width, backwards) in
            [(16, 128, false), (16, 100, true), (7, 30, false), (1, 1, true)]
        {
            for level in [Level::Baseline, Level::Avx2, Level::Avx512] {
                let mut stage = [[0.0; COLUMNS]; ROWS];
                let (data, from, step) = (&data[..], 20, 70);
                let turn = Turn { data, from, backwards, step, count, width, stage: &mut stage };
                dispatch_at(level, turn);
                for (row, column) in (0..count).flat_map(|r| (0..width).map(move |c| (r, c))) {
                    let at = if backwards { 20 - row } else { 20 + row } + 70 * column;
                    assert_eq!(stage[row][column], at as f32, "{level:?}");
                }
            }
        }
    }
}
