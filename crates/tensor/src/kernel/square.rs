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
}

/// The compiler turns squares element by element: 230 cycles instead of 70.
#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{Columns, SQUARE, WIDE};
    use crate::any::{AnySlice, AnySliceMut};
    use crate::element::Element;
    use crate::simd::{Level, level};

    /// Whether there are instructions for it, and it is done.
    #[inline(always)]
    pub(super) fn turn<T: Element>(from: Columns<'_, T>, to: &mut [T], width: usize) -> bool {
        if level() < Level::Avx512 {
            return false;
        }
        let Columns { start, step, .. } = from;
        match (T::erase_slice(from.data), T::erase_slice_mut(to)) {
            (AnySlice::F32(data), AnySliceMut::F32(to)) => {
                // SAFETY: `level` has found AVX-512 on this processor.
                unsafe { turn_f32(Columns { data, start, step }, to, width) };
            }
            (AnySlice::F64(data), AnySliceMut::F64(to)) => {
                for l in (0..SQUARE).step_by(SQUARE / 2) {
                    for j in (0..SQUARE).step_by(SQUARE / 2) {
                        let start = (start + l).wrapping_add_signed(j as isize * step);
                        let to = &mut to[l * width + j..];
                        // SAFETY: `level` has found AVX-512 on this processor.
                        unsafe { turn_f64(Columns { data, start, step }, to, width) };
                    }
                }
            }
            _ => return false,
        }
        true
    }

    #[target_feature(enable = "avx512f")]
    fn turn_f32(from: Columns<'_, f32>, to: &mut [f32], width: usize) {
        let lines = std::array::from_fn(|j| {
            let line: &[f32; 16] = from.column(j);
            // SAFETY: the pointer is that of 16 elements.
            unsafe { _mm512_loadu_ps(line.as_ptr()) }
        });
        for (to, row) in to.chunks_mut(width).zip(turned(lines)) {
            let to: &mut [f32; 16] = to.first_chunk_mut().expect(WIDE);
            // SAFETY: the pointer is that of 16 elements.
            unsafe { _mm512_storeu_ps(to.as_mut_ptr(), row) };
        }
    }

    /// A quarter of a square.
    #[target_feature(enable = "avx512f")]
    fn turn_f64(from: Columns<'_, f64>, to: &mut [f64], width: usize) {
        let lines = std::array::from_fn(|j| {
            let line: &[f64; 8] = from.column(j);
            // SAFETY: the pointer is that of 8 elements.
            unsafe { _mm512_loadu_pd(line.as_ptr()) }
        });
        for (to, row) in to.chunks_mut(width).zip(turned_f64(lines)) {
            let to: &mut [f64; 8] = to.first_chunk_mut().expect(WIDE);
            // SAFETY: the pointer is that of 8 elements.
            unsafe { _mm512_storeu_pd(to.as_mut_ptr(), row) };
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
