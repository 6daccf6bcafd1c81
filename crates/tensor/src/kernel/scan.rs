//! Running sums.

use crate::blocks::BLOCK;
use crate::element::{Number, Wide};
use crate::par;
use crate::shape;
use crate::view::View;

/// `out[.., i, ..] = Σ_{j <= i} x[.., j, ..]` along `axis`, with `out` in row-major order of `x`.
///
/// Sums are kept in [`Wide`] from one end of the axis to the other, each result rounded once; lines
/// are spread over threads, one line is not.
///
/// # Panics
/// When the lengths differ, `axis` is out of range, or an integer sum does not fit its type.
pub fn cumsum<T: Number>(x: View<'_, T>, axis: usize, out: &mut [T]) {
    assert_eq!(x.len(), out.len(), "cumsum: lengths differ");
    let (n, inner) = (x.shape()[axis], shape::len(&x.shape()[axis + 1..]));
    if out.is_empty() {
        return;
    }
    let reader = x.reader();
    // Neighbouring lines advance together, in stripes whose running sums stay in the cache; where
    // few are neighbours, several of their rows are read at once.
    let stripe = inner.min(BLOCK);
    let rows = if inner <= BLOCK { BLOCK / inner } else { 1 };
    let grain = par::GRAIN_BYTES / size_of::<T>() / 2;
    par::for_units(out, n * inner, grain, |start, part| {
        let mut scratch = [T::default(); BLOCK];
        let mut sums = vec![T::Wide::default(); stripe];
        for (k, lines) in part.chunks_mut(n * inner).enumerate() {
            for c in (0..inner).step_by(BLOCK) {
                let width = stripe.min(inner - c);
                for (b, block) in lines.chunks_mut(rows * inner).enumerate() {
                    let at = start + k * n * inner + b * rows * inner + c;
                    // A stripe narrower than its row is read one row at a time.
                    let len = if rows == 1 { width } else { block.len() };
                    let x = reader.block(at, len, &mut scratch);
                    let out = &mut block[c..c + len];
                    for (i, (out, x)) in out.chunks_mut(width).zip(x.chunks(width)).enumerate() {
                        advance(&mut sums[..width], x, out, b == 0 && i == 0);
                    }
                }
            }
        }
    });
}

/// Adds one row to the running sums; the first row starts them.
#[inline(always)]
fn advance<T: Number>(sums: &mut [T::Wide], x: &[T], out: &mut [T], first: bool) {
    for ((sum, &x), out) in sums.iter_mut().zip(x).zip(out) {
        *sum = if first { x.widen() } else { sum.plus(x.widen()) };
        *out = T::narrow(*sum);
    }
}
