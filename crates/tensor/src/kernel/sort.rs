//! Sorting along an axis.

use std::cmp::Ordering;

use crate::element::Element;
use crate::layout::Layout;
use crate::par;
use crate::view::View;

/// The elements of each line along `axis` in order, NaN last, with `out` in row-major order of `x`.
/// The order is stable, which tells -0 and 0 apart.
///
/// # Panics
/// When the lengths differ or `axis` is out of range.
pub fn sort<T: Element>(x: View<'_, T>, axis: usize, descending: bool, out: &mut [T]) {
    lines(x, axis, out, |x, out| {
        out.copy_from_slice(x);
        out.sort_by(|a, b| compare(*a, *b, descending));
    });
}

/// The positions along `axis` that put each line in order, as [`sort`] does: equal elements keep
/// their order, whether ascending or descending, and NaN comes last in both.
///
/// # Panics
/// When the lengths differ or `axis` is out of range.
pub fn argsort<T: Element>(x: View<'_, T>, axis: usize, descending: bool, out: &mut [i64]) {
    lines(x, axis, out, |x, out| {
        for (i, out) in out.iter_mut().enumerate() {
            *out = i as i64;
        }
        out.sort_by(|&i, &j| compare(x[i as usize], x[j as usize], descending));
    });
}

#[allow(clippy::eq_op)] // asks for NaN
fn compare<T: Element>(a: T, b: T, descending: bool) -> Ordering {
    match a.partial_cmp(&b) {
        Some(order) if descending => order.reverse(),
        Some(order) => order,
        None => (a != a).cmp(&(b != b)),
    }
}

/// `f(line of x, line of out)` for every line along `axis`, both side by side.
fn lines<T: Element, O: Element>(
    x: View<'_, T>,
    axis: usize,
    out: &mut [O],
    f: impl Fn(&[T], &mut [O]) + Sync,
) {
    assert_eq!(x.len(), out.len(), "sort: lengths differ");
    if out.is_empty() {
        return;
    }
    let (rank, n) = (x.shape().len(), x.shape()[axis]);
    if axis + 1 == rank {
        return each_line(x, n, out, f);
    }
    // Lines that do not end with the row-major order are sorted as if they did, then put in place.
    let (last, shape) = (rank as isize - 1, x.shape());
    let swapped = "an axis and the last one can be exchanged";
    let layout = x.layout().swap_axes(axis as isize, last).expect(swapped);
    let mut sorted = vec![O::default(); out.len()];
    each_line(View::fitting(x.buffer(), &layout), n, &mut sorted, f);
    let mut turned = shape.to_vec();
    turned.swap(axis, rank - 1);
    let layout = Layout::contiguous(&turned, size_of::<O>()).expect("as large as `out`");
    let layout = layout.swap_axes(axis as isize, last).expect(swapped);
    super::copy(View::fitting(&sorted, &layout), out);
}

fn each_line<T: Element, O: Element>(
    x: View<'_, T>,
    n: usize,
    out: &mut [O],
    f: impl Fn(&[T], &mut [O]) + Sync,
) {
    let reader = x.reader();
    // An element takes part in log2(n) comparisons or so.
    let grain = par::GRAIN_BYTES / size_of::<T>() / (n.ilog2() as usize + 1);
    par::for_units(out, n, grain, |start, part| {
        let mut scratch = vec![T::default(); if reader.is_direct() { 0 } else { n }];
        for (k, out) in part.chunks_mut(n).enumerate() {
            f(reader.block(start + k * n, n, &mut scratch), out);
        }
    });
}
