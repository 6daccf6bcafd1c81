//! Running sums.

use super::misfit::Misfit;
use crate::blocks::BLOCK;
use crate::element::{Number, Wide};
use crate::error::Error;
use crate::par;
use crate::shape;
use crate::view::View;

/// `out[.., i, ..] = Σ_{j <= i} x[.., j, ..]` along `axis`, with `out` in row-major order of `x`.
///
/// Sums are kept in [`Wide`] from one end of the axis to the other, each result rounded once; lines
/// are spread over threads, one line is not.
///
/// # Errors
/// [`Error::Overflow`] when an integer sum does not fit its type; `out` is then unspecified.
///
/// # Panics
/// When the lengths differ, or `axis` is out of range.
pub fn cumsum<T: Number>(x: View<'_, T>, axis: usize, out: &mut [T]) -> Result<(), Error> {
    assert_eq!(x.len(), out.len(), "cumsum: lengths differ");
    let (n, inner) = (x.shape()[axis], shape::len(&x.shape()[axis + 1..]));
    if out.is_empty() {
        return Ok(());
    }
    let misfit = Misfit::none();
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
                let at = start + k * held;
                let x = reader.block(at, lines.len(), &mut scratch);
                let lines = lines.chunks_exact_mut(n * inner).zip(x.chunks_exact(n * inner));
                for (line, (out, x)) in lines.enumerate() {
                    let part = Part { x, out, at: at + line * n * inner, misfit: &misfit };
                    part.add_to(&mut sums, true);
                }
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
                    Part { x, out, at, misfit: &misfit }.add_to(&mut sums[..width], b == 0);
                }
            }
        }
    });
    misfit.outcome::<T>("cumsum")
}

/// Neighbouring elements and their place in the output, whose first position is `at`.
struct Part<'a, T> {
    x: &'a [T],
    out: &'a mut [T],
    at: usize,
    misfit: &'a Misfit,
}

impl<T: Number> Part<'_, T> {
    /// Adds rows as wide as `sums` to them, one after the other; the very first row starts them.
    fn add_to(self, sums: &mut [T::Wide], start: bool) {
        let Part { x, out, at, misfit } = self;
        if let [sum] = sums {
            // One line: its sum is a register.
            let (Some((&first, x)), Some((begin, out))) = (x.split_first(), out.split_first_mut())
            else {
                return;
            };
            let mut total = if start { first.widen() } else { sum.plus(first.widen()) };
            *begin = misfit.or_note(T::narrow(total), at);
            for (i, (&x, out)) in x.iter().zip(out).enumerate() {
                total = total.plus(x.widen());
                *out = misfit.or_note(T::narrow(total), at + 1 + i);
            }
            *sum = total;
            return;
        }
        let width = sums.len();
        for (i, (out, x)) in out.chunks_mut(width).zip(x.chunks(width)).enumerate() {
            let first = start && i == 0;
            for (j, ((sum, &x), out)) in sums.iter_mut().zip(x).zip(out).enumerate() {
                *sum = if first { x.widen() } else { sum.plus(x.widen()) };
                *out = misfit.or_note(T::narrow(*sum), at + i * width + j);
            }
        }
    }
}
