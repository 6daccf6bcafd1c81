//! Squares of a matrix, turned: what transposes and packed operands are made of.

use crate::element::Element;

/// Rows and columns of a square: a vector of `f32` with AVX-512.
pub(super) const SQUARE: usize = 16;

const WIDE: &str = "lines are as long as a square";

/// Turns a square whose columns lie side by side in memory, from `data[start]` on and `step` apart:
/// `to[l · width + j] = data[start + j · step + l]`.
///
/// # Panics
/// When one of the slices is too short, or `width` less than a square's.
#[inline(always)]
pub(super) fn turn<T: Element>(data: &[T], start: usize, step: isize, to: &mut [T], width: usize) {
    assert!(width >= SQUARE && to.len() >= (SQUARE - 1) * width + SQUARE, "room for a square");
    let from = Columns { data, start, step };
    #[cfg(target_arch = "x86_64")]
    if x86::turn(from, to, width) {
        return;
    }
    plain(from, to, width);
}

/// [`turn`] of the part of a square that has so many rows and columns: `to[l · width + j]` for
/// `l < rows` and `j < columns`.
///
/// # Panics
/// When one of the slices is too short.
#[inline(always)]
pub(super) fn turn_part<T: Element>(
    data: &[T],
    start: usize,
    step: isize,
    to: &mut [T],
    width: usize,
    (rows, columns): (usize, usize),
) {
    let from = Columns { data, start, step };
    #[cfg(target_arch = "x86_64")]
    if x86::turn_part(from, to, width, (rows, columns)) {
        return;
    }
    plain_part(from, to, width, (rows, columns));
}

/// [`turn_part`] without instructions of a processor's own.
#[inline(always)]
fn plain_part<T: Element>(
    from: Columns<'_, T>,
    to: &mut [T],
    width: usize,
    (rows, columns): (usize, usize),
) {
    for j in 0..columns {
        for (l, &x) in from.part(j, rows).iter().enumerate() {
            to[l * width + j] = x;
        }
    }
}

/// [`turn`] without instructions of a processor's own.
#[inline(always)]
fn plain<T: Element>(from: Columns<'_, T>, to: &mut [T], width: usize) {
    let mut lines = [[T::default(); SQUARE]; SQUARE];
    for (j, line) in lines.iter_mut().enumerate() {
        *line = *from.column(j);
    }
    for (l, to) in to.chunks_mut(width).take(SQUARE).enumerate() {
        let to: &mut [T; SQUARE] = to.first_chunk_mut().expect(WIDE);
        for j in 0..SQUARE {
            to[j] = lines[j][l];
        }
    }
}

/// Columns of a square or of a part of it.
#[derive(Clone, Copy)]
struct Columns<'a, T> {
    data: &'a [T],
    start: usize,
    step: isize,
}

impl<'a, T> Columns<'a, T> {
    #[inline(always)]
    fn column<const N: usize>(self, j: usize) -> &'a [T; N] {
        let at = self.start.wrapping_add_signed(j as isize * self.step);
        self.data.get(at..).and_then(<[T]>::first_chunk).expect("a column lies in the buffer")
    }

    /// The columns from row `l` and column `j` on.
    #[inline(always)]
    fn from(self, l: usize, j: usize) -> Self {
        let start = (self.start + l).wrapping_add_signed(j as isize * self.step);
        Columns { start, ..self }
    }

    /// The first elements of a column.
    #[inline(always)]
    fn part(self, j: usize, rows: usize) -> &'a [T] {
        let at = self.start.wrapping_add_signed(j as isize * self.step);
        &self.data[at..][..rows]
    }
}

/// The compiler turns squares element by element: 230 cycles instead of 70.
#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{Columns, WIDE};
    use crate::element::Element;
    use crate::simd::{Level, level};

    /// Whether there are instructions for it, and it is done.
    #[inline(always)]
    pub(super) fn turn<T: Element>(from: Columns<'_, T>, to: &mut [T], width: usize) -> bool {
        if level() < Level::Avx512 {
            return false;
        }
        match size_of::<T>() {
            // SAFETY: `level` has found AVX-512 on this processor, and elements have 4 bytes.
            4 => unsafe { turn_32(from, to, width) },
            8 => {
                for (l, j) in [(0, 0), (0, 8), (8, 0), (8, 8)] {
                    // SAFETY: AVX-512, as found, and elements of 8 bytes.
                    unsafe { turn_64(from.from(l, j), &mut to[l * width + j..], width) };
                }
            }
            _ => return false,
        }
        true
    }

    /// As [`turn`], of a part.
    #[inline(always)]
    pub(super) fn turn_part<T: Element>(
        from: Columns<'_, T>,
        to: &mut [T],
        width: usize,
        (rows, columns): (usize, usize),
    ) -> bool {
        if level() < Level::Avx512 {
            return false;
        }
        match size_of::<T>() {
            // SAFETY: `level` has found AVX-512 on this processor, and elements have 4 bytes.
            4 => unsafe { turn_part_32(from, to, width, (rows, columns)) },
            8 => {
                for (l, j) in [(0, 0), (0, 8), (8, 0), (8, 8)] {
                    if l < rows && j < columns {
                        let part = ((rows - l).min(8), (columns - j).min(8));
                        let to = &mut to[l * width + j..];
                        // SAFETY: AVX-512, as found, and elements of 8 bytes.
                        unsafe { turn_part_64(from.from(l, j), to, width, part) };
                    }
                }
            }
            _ => return false,
        }
        true
    }

    /// # Safety
    /// Elements have 4 bytes.
    #[target_feature(enable = "avx512f")]
    unsafe fn turn_32<T: Element>(from: Columns<'_, T>, to: &mut [T], width: usize) {
        let lines = std::array::from_fn(|j| {
            let line: &[T; 16] = from.column(j);
            // SAFETY: the pointer is that of 16 elements.
            unsafe { _mm512_loadu_ps(line.as_ptr().cast()) }
        });
        for (to, row) in to.chunks_mut(width).zip(turned(lines)) {
            let to: &mut [T; 16] = to.first_chunk_mut().expect(WIDE);
            // SAFETY: the pointer is that of 16 elements, which are moved as they are.
            unsafe { _mm512_storeu_ps(to.as_mut_ptr().cast(), row) };
        }
    }

    /// # Safety
    /// Elements have 4 bytes.
    #[target_feature(enable = "avx512f")]
    unsafe fn turn_part_32<T: Element>(
        from: Columns<'_, T>,
        to: &mut [T],
        width: usize,
        (rows, columns): (usize, usize),
    ) {
        let (mut lines, first) = ([_mm512_setzero_ps(); 16], |n| ((1u32 << n) - 1) as u16);
        for (j, line) in lines.iter_mut().take(columns).enumerate() {
            let column = from.part(j, rows);
            // SAFETY: of the elements behind the pointer, those of the slice are read.
            *line = unsafe { _mm512_maskz_loadu_ps(first(rows), column.as_ptr().cast()) };
        }
        for (to, row) in to.chunks_mut(width).zip(turned(lines)).take(rows) {
            let to = &mut to[..columns];
            // SAFETY: of the elements behind the pointer, those of the slice are written.
            unsafe { _mm512_mask_storeu_ps(to.as_mut_ptr().cast(), first(columns), row) };
        }
    }

    /// A quarter of a square.
    ///
    /// # Safety
    /// Elements have 8 bytes.
    #[target_feature(enable = "avx512f")]
    unsafe fn turn_64<T: Element>(from: Columns<'_, T>, to: &mut [T], width: usize) {
        let lines = std::array::from_fn(|j| {
            let line: &[T; 8] = from.column(j);
            // SAFETY: the pointer is that of 8 elements.
            unsafe { _mm512_loadu_pd(line.as_ptr().cast()) }
        });
        for (to, row) in to.chunks_mut(width).zip(turned_f64(lines)) {
            let to: &mut [T; 8] = to.first_chunk_mut().expect(WIDE);
            // SAFETY: the pointer is that of 8 elements, which are moved as they are.
            unsafe { _mm512_storeu_pd(to.as_mut_ptr().cast(), row) };
        }
    }

    /// A part of a quarter.
    ///
    /// # Safety
    /// Elements have 8 bytes.
    #[target_feature(enable = "avx512f")]
    unsafe fn turn_part_64<T: Element>(
        from: Columns<'_, T>,
        to: &mut [T],
        width: usize,
        (rows, columns): (usize, usize),
    ) {
        let (mut lines, first) = ([_mm512_setzero_pd(); 8], |n| ((1u32 << n) - 1) as u8);
        for (j, line) in lines.iter_mut().take(columns).enumerate() {
            let column = from.part(j, rows);
            // SAFETY: of the elements behind the pointer, those of the slice are read.
            *line = unsafe { _mm512_maskz_loadu_pd(first(rows), column.as_ptr().cast()) };
        }
        for (to, row) in to.chunks_mut(width).zip(turned_f64(lines)).take(rows) {
            let to = &mut to[..columns];
            // SAFETY: of the elements behind the pointer, those of the slice are written.
            unsafe { _mm512_mask_storeu_pd(to.as_mut_ptr().cast(), first(columns), row) };
        }
    }

    /// Even and odd quarters of two vectors.
    const EVEN: i32 = 0b10_00_10_00;
    const ODD: i32 = 0b11_01_11_01;

    /// Element `l` of vector `j` becomes element `j` of vector `l`.
    #[target_feature(enable = "avx512f")]
    #[inline]
    fn turned_f64(x: [__m512d; 8]) -> [__m512d; 8] {
        let (mut pairs, mut out) = ([_mm512_setzero_pd(); 8], [_mm512_setzero_pd(); 8]);
        for i in (0..8).step_by(2) {
            pairs[i] = _mm512_unpacklo_pd(x[i], x[i + 1]);
            pairs[i + 1] = _mm512_unpackhi_pd(x[i], x[i + 1]);
        }
        for c in 0..2 {
            // Quarter `q` of each is element `2 q + c` of two vectors.
            let [a, b, d, e] = [0, 2, 4, 6].map(|k| pairs[k + c]);
            let (low, high) =
                (_mm512_shuffle_f64x2::<EVEN>(a, b), _mm512_shuffle_f64x2::<EVEN>(d, e));
            out[c] = _mm512_shuffle_f64x2::<EVEN>(low, high);
            out[c + 4] = _mm512_shuffle_f64x2::<ODD>(low, high);
            let (low, high) =
                (_mm512_shuffle_f64x2::<ODD>(a, b), _mm512_shuffle_f64x2::<ODD>(d, e));
            out[c + 2] = _mm512_shuffle_f64x2::<EVEN>(low, high);
            out[c + 6] = _mm512_shuffle_f64x2::<ODD>(low, high);
        }
        out
    }

    /// Element `l` of vector `j` becomes element `j` of vector `l`.
    #[target_feature(enable = "avx512f")]
    #[inline]
    fn turned(x: [__m512; 16]) -> [__m512; 16] {
        let wide = |x| _mm512_castps_pd(x);
        let zero = _mm512_setzero_ps();
        let (mut pairs, mut fours, mut out) = ([zero; 16], [zero; 16], [zero; 16]);
        for i in (0..16).step_by(2) {
            pairs[i] = _mm512_unpacklo_ps(x[i], x[i + 1]);
            pairs[i + 1] = _mm512_unpackhi_ps(x[i], x[i + 1]);
        }
        // Quarter `q` of `fours[i + c]` is element `4 q + c` of four vectors from `x[i]` on.
        for i in (0..16).step_by(4) {
            let [a, b, c, d] = [0, 2, 1, 3].map(|k| wide(pairs[i + k]));
            fours[i] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, b));
            fours[i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, b));
            fours[i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(c, d));
            fours[i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(c, d));
        }
        for c in 0..4 {
            let [a, b, d, e] = [0, 4, 8, 12].map(|k| fours[k + c]);
            let (low, high) =
                (_mm512_shuffle_f32x4::<EVEN>(a, b), _mm512_shuffle_f32x4::<EVEN>(d, e));
            out[c] = _mm512_shuffle_f32x4::<EVEN>(low, high);
            out[c + 8] = _mm512_shuffle_f32x4::<ODD>(low, high);
            let (low, high) =
                (_mm512_shuffle_f32x4::<ODD>(a, b), _mm512_shuffle_f32x4::<ODD>(d, e));
            out[c + 4] = _mm512_shuffle_f32x4::<EVEN>(low, high);
            out[c + 12] = _mm512_shuffle_f32x4::<ODD>(low, high);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_part_nothing_beside_it_changes() {
        fn parts<T: Element + From<u16>>() {
            let data: Vec<T> = (0..500).map(T::from).collect();
            for (rows, columns) in [(1, 16), (16, 1), (3, 5), (9, 12), (16, 15), (8, 8)] {
                // The last column ends with the buffer.
                let (step, start) = (31, 500 - rows - 31 * (columns - 1));
                let room = vec![T::from(9999); 16 * 20];
                let (mut to, mut without) = (room.clone(), room);
                turn_part(&data, start, step, &mut to, 20, (rows, columns));
                let from = Columns { data: &data, start, step };
                plain_part(from, &mut without, 20, (rows, columns));
                for (at, found) in to.iter().zip(without).enumerate() {
                    let (l, j) = (at / 20, at % 20);
                    let expected = data.get(start + 31 * j + l).filter(|_| l < rows && j < columns);
                    let expected = expected.copied().unwrap_or(T::from(9999));
                    assert!(found == (&expected, expected), "{rows}, {columns}");
                }
            }
        }
        parts::<f32>();
        parts::<f64>();
        parts::<i64>();
    }

    fn turns<T: Element + From<u16>>() {
        let data: Vec<T> = (0..2000).map(T::from).collect();
        for (start, step) in [(0, 16), (3, 100), (1900, -100), (300, -17), (7, 1)] {
            for width in [16, 24, 64] {
                let room = vec![T::from(9999); 15 * width + 16];
                let (mut found, mut without) = (room.clone(), room);
                turn(&data, start, step, &mut found, width);
                plain(Columns { data: &data, start, step }, &mut without, width);
                for (at, (&found, without)) in found.iter().zip(without).enumerate() {
                    let (l, j) = (at / width, at % width);
                    let from = start as isize + j as isize * step + l as isize;
                    let expected = if j < SQUARE { data[from as usize] } else { T::from(9999) };
                    assert!(found == expected && without == expected, "{l}, {j}: {step}, {width}");
                }
            }
        }
    }

    #[test]
    fn a_square_is_turned_with_and_without_instructions_of_its_own() {
        turns::<f32>();
        turns::<f64>();
        turns::<i64>();
    }
}
