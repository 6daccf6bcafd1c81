//! Products of one term: a column times a row.

use super::Matrix;
use crate::element::Float;
use crate::par;
use crate::simd::{Isa, Kernel, dispatch};

/// Columns from which on a row is worth a loop of its own.
pub(super) const LONG: usize = 16;

/// `out[i, j] = a[i, 0] · b[0, j]`, a matrix of rows of `n`. There is nothing to add up: a
/// micro-kernel would begin and end at each term.
pub(super) fn outer<T: Float>(a: Matrix<'_, T>, b: Matrix<'_, T>, n: usize, out: &mut [T]) {
    let mut room = None;
    let y = b.first_row(n, &mut room);
    par::for_units(out, n, par::GRAIN_BYTES / size_of::<T>(), |start, out| {
        dispatch(Outer { a: a.at(start / n, 0), y, out });
    });
}

struct Outer<'a, T> {
    a: Matrix<'a, T>,
    y: &'a [T],
    out: &'a mut [T],
}

impl<T: Float> Kernel for Outer<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Outer { a, y, out } = self;
        for (i, row) in out.chunks_exact_mut(y.len()).enumerate() {
            let x = a.data[a.position(i, 0)];
            for (out, &y) in row.iter_mut().zip(y) {
                // Added to 0 like a sum of more terms, for which -0 is 0.
                *out = I::mul_add(x, y, T::zero());
            }
        }
    }
}
