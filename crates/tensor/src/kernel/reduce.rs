//! Sums, products, extrema and statistics over axes.
//!
//! All write the reduced elements of `x` to `out` in row-major order of the kept axes, along the
//! tree of [`fold`](super::fold), so their bits depend on the values alone. Accumulators are
//! [`Wide`]: `f32` results are computed in `f64` and rounded once.

mod folds;

use super::fold::{Fold, fold, in_slabs};
use super::misfit::narrowed;
use super::pointwise::{map2, unary_block, unary_update};
use crate::blocks::BLOCK;
use crate::buffer::Buffer;
use crate::element::{Element, Float, Number};
use crate::error::{Error, OrPanic, ShapeError};
use crate::layout::Layout;
use crate::math::{Exp, Ln};
use crate::shape::{AxisSet, Dims, Shape};
use crate::view::View;
use folds::{And, Or, ScaledSquares};
pub(super) use folds::{Deviations, Max, Min, Product, Squares, Sum};

/// The shape of a maximum or minimum of `shape` over `axes`, kept as size 1 if `keep`.
///
/// # Errors
/// When an output would be the extremum of no elements.
pub fn extremum_shape(
    op: &str,
    shape: &[usize],
    axes: AxisSet,
    keep: bool,
) -> Result<Shape, ShapeError> {
    let out = axes.reduce(shape, keep);
    if axes.count(shape) == 0 && !axes.reduce(shape, false).contains(&0) {
        let named: Vec<_> = (0..shape.len()).filter(|&k| axes.contains(k)).collect();
        return Err(ShapeError::new(format!(
            "{op}: shape {} has no elements along axes {}",
            Dims(shape),
            Dims(&named)
        )));
    }
    Ok(out)
}

/// A fold of elements alone.
pub(super) fn plain<T: Element, O: Send, F: Fold<T, Param = ()>>(
    f: F,
    x: View<'_, T>,
    axes: AxisSet,
    out: &mut [O],
    finish: impl Fn(Option<F::Acc>) -> O + Sync,
) {
    let nothing = vec![(); out.len()];
    fold(f, x, axes, &nothing, out, finish);
}

/// `out = Σ x`; the sum of nothing is 0, and a sum of negative zeros is -0.
///
/// # Errors
/// [`Error::Overflow`] when an integer sum does not fit its type; `out` is then unspecified.
///
/// # Panics
/// When `out` has the wrong length.
pub fn sum<T: Number>(x: View<'_, T>, axes: AxisSet, out: &mut [T]) -> Result<(), Error> {
    narrowed("sum", Sum, T::zero(), x, axes, out)
}

/// `out = Π x`; the product of nothing is 1.
///
/// # Errors
/// [`Error::Overflow`] when an integer product does not fit its type; `out` is then unspecified.
///
/// # Panics
/// When `out` has the wrong length.
pub fn prod<T: Number>(x: View<'_, T>, axes: AxisSet, out: &mut [T]) -> Result<(), Error> {
    narrowed("prod", Product, T::one(), x, axes, out)
}

/// `out = max x`; NaN if one is among them.
///
/// # Panics
/// When `out` has the wrong length or [`extremum_shape`] does not hold.
pub fn max<T: Number>(x: View<'_, T>, axes: AxisSet, out: &mut [T]) {
    plain(Max, x, axes, out, |max| max.expect("max: no elements"));
}

/// `out = min x`; NaN if one is among them.
///
/// # Panics
/// When `out` has the wrong length or [`extremum_shape`] does not hold.
pub fn min<T: Number>(x: View<'_, T>, axes: AxisSet, out: &mut [T]) {
    plain(Min, x, axes, out, |min| min.expect("min: no elements"));
}

/// `out = Σ x / n`; the mean of nothing is NaN.
///
/// # Panics
/// When `out` has the wrong length.
pub fn mean<T: Float>(x: View<'_, T>, axes: AxisSet, out: &mut [T]) {
    wide_mean(x, axes, out, T::of);
}

fn wide_mean<T: Float, O: Send>(
    x: View<'_, T>,
    axes: AxisSet,
    out: &mut [O],
    finish: impl Fn(f64) -> O + Sync,
) {
    let n = axes.count(x.shape()) as f64;
    plain(Sum, x, axes, out, |sum| finish(sum.map_or(f64::NAN, |sum| sum / n)));
}

/// `out = Σ (x - mean)² / (n - correction)`, in two passes; NaN where `n <= correction`.
///
/// # Panics
/// When `out` has the wrong length.
pub fn var<T: Float>(x: View<'_, T>, axes: AxisSet, correction: usize, out: &mut [T]) {
    wide_var(x, axes, correction, out, T::of);
}

/// The square root of [`var`], which may exist where the variance overflows.
///
/// # Panics
/// When `out` has the wrong length.
pub fn std<T: Float>(x: View<'_, T>, axes: AxisSet, correction: usize, out: &mut [T]) {
    wide_var(x, axes, correction, out, |var| T::of(var.sqrt()));
}

fn wide_var<T: Float>(
    x: View<'_, T>,
    axes: AxisSet,
    correction: usize,
    out: &mut [T],
    finish: impl Fn(f64) -> T + Sync,
) {
    let degrees = axes.count(x.shape()).saturating_sub(correction);
    if degrees == 0 {
        return out.fill(T::nan());
    }
    in_slabs(x, axes, out, |x, out| {
        let mut means = vec![0.0; out.len()];
        wide_mean(x, axes, &mut means, |mean| mean);
        fold(Deviations, x, axes, &means, out, |sum| {
            finish(sum.map_or(f64::NAN, |sum| sum / degrees as f64))
        });
    });
}

/// `out = √(Σ x²)`, without overflow or underflow on the way; the norm of nothing is 0.
///
/// Squares of `f32` always fit the `f64` they are added in. Where a norm of `f64` leaves the range
/// in which its sum of squares is accurate, all are computed again, such ones with their elements
/// scaled by a power of two.
///
/// # Panics
/// When `out` has the wrong length.
pub fn norm<T: Float>(x: View<'_, T>, axes: AxisSet, out: &mut [T]) {
    // 2^±450: squares of what is lost beside the square of such a norm are below half a unit in its
    // last place.
    const SMALL: f64 = f64::from_bits((1023 - 450) << 52);
    const LARGE: f64 = f64::from_bits((1023 + 450) << 52);
    const UP: f64 = f64::from_bits((1023 + 600) << 52);
    const DOWN: f64 = f64::from_bits((1023 - 600) << 52);
    let root = |sum: Option<f64>| T::of(sum.unwrap_or(0.0).sqrt());
    plain(Squares, x, axes, out, root);
    let beyond = |norm: T| (norm.wide() < SMALL) | (norm.wide() > LARGE);
    let again = || out.iter().fold(false, |any, &norm| any | beyond(norm));
    if T::DTYPE == f64::DTYPE && again() {
        let scale = |norm: &T| match norm.wide() {
            norm if norm < SMALL => UP,
            norm if norm > LARGE => DOWN,
            _ => 1.0,
        };
        let scales: Vec<f64> = out.iter().map(scale).collect();
        fold(ScaledSquares, x, axes, &scales, out, root);
        out.iter_mut().zip(scales).for_each(|(norm, scale)| *norm = T::of(norm.wide() / scale));
    }
}

/// `out = ln Σ exp x`, as `m + ln Σ exp(x - m)` with `m = max x`, so that nothing overflows; -inf
/// for nothing, and where all elements are -inf.
///
/// # Panics
/// When `out` has the wrong length.
pub fn logsumexp<T: Float>(x: View<'_, T>, axes: AxisSet, out: &mut [T]) {
    // Infinite maxima are replaced by 0: inf - inf would be NaN, and exp(±inf) is what it should
    // be.
    let shift = |m: T| if m.is_infinite() { T::zero() } else { m };
    in_slabs(x, axes, out, |x, out| {
        let mut shifts = vec![T::zero(); out.len()];
        let mut sums = vec![0.0; out.len()];
        plain(Max, x, axes, &mut shifts, |max| shift(max.unwrap_or(T::zero())));
        exponentials(x, axes, &shifts, |e| {
            plain(Sum, e, axes, &mut sums, |sum| sum.map_or(0.0, |sum| sum.wide()));
        });
        unary_update(Ln, &mut sums);
        for ((out, m), ln) in out.iter_mut().zip(shifts).zip(sums) {
            *out = T::of(m.wide() + ln);
        }
    });
}

/// `then` on `e^(x - m)`, where `m` has a number for each output.
fn exponentials<T: Float>(x: View<'_, T>, axes: AxisSet, m: &[T], then: impl FnOnce(View<'_, T>)) {
    let contiguous = |shape: &[usize]| Layout::contiguous(shape, size_of::<T>()).or_panic();
    let kept = contiguous(&axes.reduce(x.shape(), true));
    let spread = kept.broadcast_to(x.shape()).or_panic();
    let mut e = Buffer::scratch(x.len());
    map2(x, View::fitting(m, &spread), e.as_mut_slice(), |x, m, out| {
        let mut d = [T::zero(); BLOCK];
        for ((x, m), out) in x.chunks(BLOCK).zip(m.chunks(BLOCK)).zip(out.chunks_mut(BLOCK)) {
            let d = &mut d[..out.len()];
            d.iter_mut().zip(x.iter().zip(m)).for_each(|(d, (&x, &m))| *d = x - m);
            unary_block(Exp, d, out);
        }
    });
    then(View::fitting(e.as_slice(), &contiguous(x.shape())));
}

/// `out`: whether one of `x` is true; false for nothing.
///
/// # Panics
/// When `out` has the wrong length.
pub fn any(x: View<'_, bool>, axes: AxisSet, out: &mut [bool]) {
    plain(Or, x, axes, out, |any| any.unwrap_or(false));
}

/// `out`: whether all of `x` are true; true for nothing.
///
/// # Panics
/// When `out` has the wrong length.
pub fn all(x: View<'_, bool>, axes: AxisSet, out: &mut [bool]) {
    plain(And, x, axes, out, |all| all.unwrap_or(true));
}
