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
        // As many whole lines as a block holds, if it holds one.
        let held = BLOCK / (n * inner) * (n * inner);
        if held > 0 {
            for (k, lines) in part.chunks_mut(held).enumerate() {
                let x = reader.block(start + k * held, lines.len(), &mut scratch);
                let lines = lines.chunks_exact_mut(n * inner);
                lines.zip(x.chunks_exact(n * inner)).for_each(|(out, x)| {
                    advance(&mut sums, x, out, true);
                });
            }
            return;
        }
        for (k, lines) in part.chunks_mut(n * inner).enumerate() {
            for c in (0..inner).step_by(BLOCK) {
                let width = stripe.min(inner - c);
                for (b, block) in lines.chunks_mut(rows * inner).enumerate() {
                    let at = start + k * n * inner + b * rows * inner + c;
                    // A stripe narrower than its row is read one row at a time.
                    let len = if rows == 1 { width } else { block.len() };
                    let x = reader.block(at, len, &mut scratch);
                    let out = &mut block[c..c + len];
                    advance(&mut sums[..width], x, out, b == 0);
                }
            }
        }
    });
}

/// Adds rows as wide as `sums` to them, one after the other; the very first row starts them.
fn advance<T: Number>(sums: &mut [T::Wide], x: &[T], out: &mut [T], start: bool) {
    if let [sum] = sums {
        // One line: its sum is a register.
        let (Some((&first, x)), Some((begin, out))) = (x.split_first(), out.split_first_mut())
        else {
            return;
        };
        let mut total = if start { first.widen() } else { sum.plus(first.widen()) };
        *begin = T::narrow(total);
        for (&x, out) in x.iter().zip(out) {
            total = total.plus(x.widen());
            *out = T::narrow(total);
        }
        *sum = total;
        return;
    }
    let width = sums.len();
    for (i, (out, x)) in out.chunks_mut(width).zip(x.chunks(width)).enumerate() {
        let first = start && i == 0;
        for ((sum, &x), out) in sums.iter_mut().zip(x).zip(out) {
            *sum = if first { x.widen() } else { sum.plus(x.widen()) };
            *out = T::narrow(*sum);
        }
    }
}
