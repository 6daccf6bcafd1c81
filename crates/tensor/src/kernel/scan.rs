//! Running sums.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::blocks::{BLOCK, Reader};
use crate::element::{Number, Wide};
use crate::error::Error;
use crate::par;
use crate::shape;
use crate::simd::{Baseline, Isa, Kernel, dispatch};
use crate::view::View;

/// `out[.., i, ..] = Σ_{j <= i} x[.., j, ..]` along `axis`, with `out` in row-major order of `x`.
///
/// Sums of floats are kept in [`Wide`] from one end of the axis to the other, each result rounded
/// once; lines are spread over threads, one line is not.
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
    let reader = x.reader();
    let fits = match T::Wide::EXACT {
        true => scan::<T, Own>(&reader, n, inner, out),
        false => scan::<T, Rounded>(&reader, n, inner, out),
    };
    match fits {
        true => Ok(()),
        // The loops do not say where: once more, one by one.
        false => {
            let position = first_misfit(x, n, inner);
            Err(Error::Overflow { op: "cumsum", position, dtype: T::DTYPE })
        }
    }
}

/// What sums run in. Only integers may have no sum.
trait Running<T> {
    type Sum: Copy + Default + Send;
    fn of(x: T) -> Self::Sum;
    fn plus(a: Self::Sum, b: Self::Sum) -> Option<Self::Sum>;
    fn result(sum: Self::Sum) -> T;
}

/// Floats, in [`Number::Wide`].
struct Rounded;

impl<T: Number> Running<T> for Rounded {
    type Sum = T::Wide;
    #[inline(always)]
    fn of(x: T) -> T::Wide {
        x.widen()
    }
    #[inline(always)]
    fn plus(a: T::Wide, b: T::Wide) -> Option<T::Wide> {
        Some(a.plus(b))
    }
    #[inline(always)]
    fn result(sum: T::Wide) -> T {
        T::narrow(sum).unwrap_or_default() // a float has a nearest one
    }
}

/// Integers, in themselves: every sum on the way is a result, and has to fit.
struct Own;

impl<T: Number> Running<T> for Own {
    type Sum = T;
    #[inline(always)]
    fn of(x: T) -> T {
        x
    }
    #[inline(always)]
    fn plus(a: T, b: T) -> Option<T> {
        Number::plus(a, b)
    }
    #[inline(always)]
    fn result(sum: T) -> T {
        sum
    }
}

/// Below this width of a row, what is left over by long vectors takes longer than short ones save.
const NARROW: usize = 32;

/// [`cumsum`] of lines of `n` elements, `inner` apart; whether all sums fit.
fn scan<T: Number, R: Running<T>>(
    reader: &Reader<'_, T>,
    n: usize,
    inner: usize,
    out: &mut [T],
) -> bool {
    let misfit = AtomicBool::new(false);
    // Neighbouring lines advance together, in stripes whose running sums stay in the cache; where
    // few are neighbours, several of their rows are read at once.
    let stripe = inner.min(BLOCK);
    let rows = if inner <= BLOCK { BLOCK / inner } else { 1 };
    let grain = par::GRAIN_BYTES / size_of::<T>() / 2;
    par::for_units(out, n * inner, grain, |start, part| {
        let mut scratch = [T::default(); BLOCK];
        let mut sums = vec![R::Sum::default(); stripe];
        let add = |x: &[T], out: &mut [T], sums: &mut [R::Sum], begin: bool| {
            let rows = ScanRows::<T, R> { x, out, sums, n, begin };
            let fits = match (stripe, n) {
                (1, ..=UNROLLED) | (NARROW.., _) => dispatch(rows),
                _ => rows.run::<Baseline>(),
            };
            if !fits {
                misfit.store(true, Ordering::Relaxed);
            }
        };
        // As many whole lines as a block holds, if it holds one.
        let held = BLOCK / (n * inner) * (n * inner);
        if held > 0 {
            for (k, lines) in part.chunks_mut(held).enumerate() {
                let x = reader.block(start + k * held, lines.len(), &mut scratch);
                add(x, lines, &mut sums, true);
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
                    add(x, &mut block[c..c + len], &mut sums[..width], b == 0);
                }
            }
        }
    });
    !misfit.into_inner()
}

/// Adds rows as wide as `sums` to them, one after the other: either whole groups of `n` rows, or a
/// part of one group. The first row of each `begin`s them. Whether all sums fit.
struct ScanRows<'a, T, R: Running<T>> {
    x: &'a [T],
    out: &'a mut [T],
    sums: &'a mut [R::Sum],
    n: usize,
    begin: bool,
}

impl<T: Number, R: Running<T>> Kernel for ScanRows<'_, T, R> {
    type Output = bool;
    #[inline(always)]
    fn run<I: Isa>(self) -> bool {
        let ScanRows { x, out, sums, n, begin } = self;
        // The stripe may be one column of rows that are read one at a time, and no whole line.
        match sums {
            [_] if n == 2 && x.len() >= n => few::<T, R, 2>(x, out),
            [_] if n == 3 && x.len() >= n => few::<T, R, 3>(x, out),
            [_] if n == UNROLLED && x.len() >= n => few::<T, R, UNROLLED>(x, out),
            // Of one line the sum is a register.
            [sum] => {
                let mut lines = out.chunks_mut(n).zip(x.chunks(n));
                lines.all(|(out, x)| line::<T, R>(x, out, sum, begin).is_some())
            }
            _ => {
                let group = n * sums.len();
                let mut groups = out.chunks_mut(group).zip(x.chunks(group));
                groups.all(|(out, x)| columns::<T, R>(x, out, sums, begin))
            }
        }
    }
}

/// Lines of at most so many elements are unrolled, and vectorised across them.
const UNROLLED: usize = 4;

/// Lines of `N` elements.
#[inline(always)]
fn few<T: Number, R: Running<T>, const N: usize>(x: &[T], out: &mut [T]) -> bool {
    let mut fits = true;
    for (x, out) in x.as_chunks::<N>().0.iter().zip(out.as_chunks_mut::<N>().0) {
        let mut sums = x.map(R::of);
        for i in 1..N {
            let next = R::plus(sums[i - 1], sums[i]);
            fits &= next.is_some();
            sums[i] = next.unwrap_or_default();
        }
        *out = sums.map(R::result);
    }
    fits
}

/// Elements that are converted at once; only to add them is one after the other.
const LANES: usize = 8;

#[inline(always)]
fn line<T: Number, R: Running<T>>(
    x: &[T],
    out: &mut [T],
    sum: &mut R::Sum,
    begin: bool,
) -> Option<()> {
    if begin {
        (*sum, out[0]) = (R::of(x[0]), x[0]);
    }
    let (x, out) = (&x[usize::from(begin)..], &mut out[usize::from(begin)..]);
    let mut total = *sum;
    // A branch that is never taken: to select would be a part of the chain.
    let mut next = |x| R::plus(total, x).inspect(|&next| total = next);
    let (lanes, rest) = x.as_chunks::<LANES>();
    let (out_lanes, out_rest) = out.as_chunks_mut::<LANES>();
    for (x, out) in lanes.iter().zip(out_lanes) {
        let mut sums = x.map(R::of);
        for sum in &mut sums {
            *sum = next(*sum)?;
        }
        *out = sums.map(R::result);
    }
    for (&x, out) in rest.iter().zip(out_rest) {
        *out = R::result(next(R::of(x))?);
    }
    *sum = total;
    Some(())
}

#[inline(always)]
fn columns<T: Number, R: Running<T>>(
    x: &[T],
    out: &mut [T],
    sums: &mut [R::Sum],
    begin: bool,
) -> bool {
    let width = sums.len();
    let mut fits = true;
    for (i, (out, x)) in out.chunks_exact_mut(width).zip(x.chunks_exact(width)).enumerate() {
        let rows = sums.iter_mut().zip(x).zip(out);
        if begin && i == 0 {
            rows.for_each(|((sum, &x), out)| (*sum, *out) = (R::of(x), x));
            continue;
        }
        for ((sum, &x), out) in rows {
            let next = R::plus(*sum, R::of(x));
            fits &= next.is_some();
            *sum = next.unwrap_or_default();
            *out = R::result(*sum);
        }
    }
    fits
}

/// The first position whose sum does not fit, of those there are.
fn first_misfit<T: Number>(x: View<'_, T>, n: usize, inner: usize) -> usize {
    let mut sums = vec![T::zero(); inner];
    let reader = x.reader();
    let mut fits = |position: usize| {
        let (sum, x) = (&mut sums[position % inner], reader.at(position));
        let begins = (position / inner).is_multiple_of(n);
        let next = if begins { Some(x) } else { sum.plus(x) };
        next.map(|next| *sum = next).is_some()
    };
    (0..x.len()).find(|&position| !fits(position)).expect("a sum that does not fit")
}
