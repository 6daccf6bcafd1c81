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
        if x.len() >= MANY {
            return by_digits(x, descending, |_, x| x, out);
        }
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
        if x.len() >= MANY {
            return by_digits(x, descending, |i, _| i as i64, out);
        }
        out.iter_mut().enumerate().for_each(|(i, out)| *out = i as i64);
        out.sort_by(|&i, &j| compare(x[i as usize], x[j as usize], descending));
    });
}

/// From this length on, a line is sorted by the digits of its keys: nothing is compared, so no branch is
/// mispredicted.
const MANY: usize = 200;
/// From this length on, longer digits are worth their counters.
const LONG: usize = 1 << 14;

/// As [`compare`] orders, in numbers.
#[allow(clippy::eq_op)] // asks for NaN
fn key<T: Element>(x: T, descending: bool) -> u64 {
    if descending && x == x { !x.sort_key() } else { x.sort_key() }
}

/// What `item` makes of each position and element, in the order of the elements.
///
/// Sorted by the digits of their keys, from the last one on, each time stably. Digits that all have in
/// common, counted from the least key, are left out. The keys are made once and moved with the items: to
/// make those of floats anew for each digit takes longer.
fn by_digits<T: Element, O: Element>(
    x: &[T],
    descending: bool,
    item: impl Fn(usize, T) -> O,
    out: &mut [O],
) {
    let keyed = |(i, &x)| (key(x, descending), item(i, x));
    let mut keyed: Vec<(u64, O)> = x.iter().enumerate().map(keyed).collect();
    if keyed.is_sorted_by(|(a, _), (b, _)| a > b) {
        keyed.reverse(); // none are equal
    } else if !keyed.is_sorted_by_key(|&(key, _)| key) {
        let (least, greatest) = keyed.iter().fold((u64::MAX, 0), |(least, greatest), &(key, _)| {
            (key.min(least), key.max(greatest))
        });
        let bits = u64::BITS - (greatest - least).leading_zeros();
        let digit = if x.len() < LONG { 8 } else { 11 };
        let (mut places, mut room) = (vec![0; 1 << digit], vec![(0, O::default()); x.len()]);
        for shift in (0..bits).step_by(digit) {
            let value = |key: u64| ((key - least) >> shift) as usize & ((1 << digit) - 1);
            by_value(&keyed, |&(key, _)| value(key), &mut places, &mut room);
            std::mem::swap(&mut keyed, &mut room);
        }
    }
    out.iter_mut().zip(keyed).for_each(|(out, (_, item))| *out = item);
}

/// `out`: the items in the order of their values, stably; one of `places` for each value.
fn by_value<R: Copy>(
    items: &[R],
    value: impl Fn(&R) -> usize,
    places: &mut [usize],
    out: &mut [R],
) {
    places.fill(0);
    items.iter().for_each(|item| places[value(item)] += 1);
    // Where the first item of each value goes.
    let mut next = 0;
    places.iter_mut().for_each(|place| next += std::mem::replace(place, next));
    for item in items {
        let place = &mut places[value(item)];
        out[*place] = *item;
        *place += 1;
    }
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
