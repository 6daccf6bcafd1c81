//! Operands laid out as a micro-kernel reads them.

use super::Matrix;
use crate::element::Float;
use crate::kernel::square::{SQUARE, turn};
use crate::par::Shared;
use crate::simd::{Isa, Kernel};

/// Packs columns of a matrix: `panel[l · width + j] = from[l, j]`, 0 beyond `columns`.
pub(super) struct Pack<'a, T> {
    pub from: Matrix<'a, T>,
    pub k: usize,
    pub columns: usize,
    pub width: usize,
    pub panel: &'a mut [T],
}

impl<T: Float> Kernel for Pack<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Pack { from, k, columns, width, panel } = self;
        if columns < width {
            panel.fill(T::zero());
        }
        if from.right == 1 && from.down > 0 {
            return rows(from, columns, width, panel);
        }
        let whole =
            if from.down == 1 { (k / SQUARE * SQUARE, columns / SQUARE * SQUARE) } else { (0, 0) };
        // So that the panel is written from front to back.
        for l in (0..whole.0).step_by(SQUARE) {
            for j in (0..whole.1).step_by(SQUARE) {
                let to = &mut panel[l * width + j..];
                turn(from.data, from.position(l, j), from.right, to, width);
            }
        }
        for (l, row) in panel.chunks_exact_mut(width).enumerate() {
            let first = if l < whole.0 { whole.1 } else { 0 };
            for (j, x) in row[..columns].iter_mut().enumerate().skip(first) {
                *x = from.data[from.position(l, j)];
            }
        }
    }
}

/// Packs columns that lie side by side in memory, row by row.
#[inline(always)]
fn rows<T: Float>(from: Matrix<'_, T>, columns: usize, width: usize, panel: &mut [T]) {
    // Rows of a view may overlap, and then lie closer together than the panel is wide.
    let whole = columns == width && from.down as usize >= width;
    match width {
        _ if !whole => parts(from, columns, width, panel),
        // Those of groups, and of panels.
        6 => whole_rows::<T, 6>(from, panel),
        8 => whole_rows::<T, 8>(from, panel),
        16 => whole_rows::<T, 16>(from, panel),
        24 => whole_rows::<T, 24>(from, panel),
        32 => whole_rows::<T, 32>(from, panel),
        48 => whole_rows::<T, 48>(from, panel),
        64 => whole_rows::<T, 64>(from, panel),
        _ => parts(from, columns, width, panel),
    }
}

#[inline(always)]
fn parts<T: Float>(from: Matrix<'_, T>, columns: usize, width: usize, panel: &mut [T]) {
    for (l, row) in panel.chunks_exact_mut(width).enumerate() {
        let at = from.position(l, 0);
        row[..columns].copy_from_slice(&from.data[at..at + columns]);
    }
}

/// Of constant width, so that a row is a few moves and no call.
#[inline(always)]
fn whole_rows<T: Float, const W: usize>(from: Matrix<'_, T>, panel: &mut [T]) {
    let lines = from.data[from.position(0, 0)..].chunks(from.down as usize);
    for (to, line) in panel.as_chunks_mut().0.iter_mut().zip(lines) {
        let line: &[T; W] = line.first_chunk().expect("a row is as long as the panel is wide");
        *to = *line;
    }
}

/// Turns a part of a product whose transpose is asked for: `out[y + j, x + i] = strip[i, j]`.
pub(super) struct Strip<'a, T> {
    /// Rows `stride` apart, as many and as long as whole squares.
    pub strip: &'a [T],
    pub stride: usize,
    pub rows: usize,
    pub columns: usize,
    /// A matrix of rows of so many elements.
    pub out: &'a Shared<'a, T>,
    pub width: usize,
    /// `(x, y)`.
    pub at: (usize, usize),
}

impl<T: Float> Kernel for Strip<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Strip { strip, stride, rows, columns, out, width, at: (x, y) } = self;
        let mut square = [T::zero(); SQUARE * SQUARE];
        for j in (0..columns).step_by(SQUARE) {
            for i in (0..rows).step_by(SQUARE) {
                turn(strip, i * stride + j, stride as isize, &mut square, SQUARE);
                let line = SQUARE.min(rows - i);
                let lines = square.as_chunks::<SQUARE>().0.iter().take(columns - j);
                for (l, from) in lines.enumerate() {
                    let to = (y + j + l) * width + x + i;
                    // SAFETY: no other thread writes or reads this part of the output.
                    let to = unsafe { out.range(to, line) };
                    match to.first_chunk_mut::<SQUARE>() {
                        Some(to) => *to = *from,
                        None => to.copy_from_slice(&from[..line]),
                    }
                }
            }
        }
    }
}

/// Packs columns of a matrix in groups of as many as a micro-kernel takes rows, each group a panel.
pub(super) struct PackGroups<'a, T> {
    pub from: Matrix<'a, T>,
    pub k: usize,
    pub columns: usize,
    pub rows: usize,
    pub room: &'a mut [T],
}

impl<T: Float> Kernel for PackGroups<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let PackGroups { from, k, columns, rows, room } = self;
        let whole = match rows {
            // All numbers of rows there are.
            6 if from.right == 1 => whole_groups::<T, 6>(from, k, columns, room),
            _ => 0,
        };
        for j in (whole..columns).step_by(rows) {
            let (from, columns) = (from.at(0, j), rows.min(columns - j));
            let panel = &mut room[j * k..][..rows * k];
            Pack { from, k, columns, width: rows, panel }.run::<I>();
        }
    }
}

/// Packs whole groups of `R` columns that lie side by side in memory, so that all that is read of a
/// line is read at once; the columns it packed.
#[inline(always)]
fn whole_groups<T: Float, const R: usize>(
    from: Matrix<'_, T>,
    k: usize,
    columns: usize,
    room: &mut [T],
) -> usize {
    const LINES: usize = 16;
    let whole = columns / R * R;
    for first in (0..k).step_by(LINES) {
        for (g, panel) in room.chunks_exact_mut(R * k).take(whole / R).enumerate() {
            let lines = panel[first * R..].as_chunks_mut::<R>().0.iter_mut().take(LINES);
            for (l, line) in lines.enumerate() {
                let at = from.position(first + l, g * R);
                *line = *from.data[at..].first_chunk().expect("a whole group");
            }
        }
    }
    whole
}
