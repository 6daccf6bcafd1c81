//! Sorting along an axis.

use crate::element::Element;
use crate::layout::Layout;
use crate::par;
use crate::simd::{Isa, Kernel, dispatch};
use crate::view::View;

/// The elements of each line along `axis` in order, NaN last, with `out` in row-major order of `x`.
/// The order is stable, which tells -0 and 0 apart.
///
/// # Panics
/// When the lengths differ or `axis` is out of range.
pub fn sort<T: Element>(x: View<'_, T>, axis: usize, descending: bool, out: &mut [T]) {
    lines(x, axis, out, |x, out, keys| line(x, descending, |_, x| x, out, keys));
}

/// The positions along `axis` that put each line in order, as [`sort`] does: equal elements keep
/// their order, whether ascending or descending, and NaN comes last in both.
///
/// # Panics
/// When the lengths differ or `axis` is out of range.
pub fn argsort<T: Element>(x: View<'_, T>, axis: usize, descending: bool, out: &mut [i64]) {
    lines(x, axis, out, |x, out, keys| line(x, descending, |i, _| i as i64, out, keys));
}

/// What `item` makes of each position and element, in the order of the elements. No branch depends
/// on a comparison: one in two would be mispredicted.
fn line<T: Element, O: Element>(
    x: &[T],
    descending: bool,
    item: impl Fn(usize, T) -> O,
    out: &mut [O],
    keys: &mut Keys,
) {
    match x.len() {
        ..=COUNTED => dispatch(Count { x, descending, item, out, room: keys }),
        _ => by_digits(x, descending, item, out),
    }
}

/// A number that ascends in the order that is asked for; the largest of all for NaN.
#[allow(clippy::eq_op, reason = "asks for NaN")]
fn key<T: Element>(x: T, descending: bool) -> u64 {
    if descending && x == x { !x.sort_key() } else { x.sort_key() }
}

/// Up to this length, a line is sorted by counting what precedes each element, all of its pairs.
const COUNTED: usize = 128;
/// From this length on, longer digits are worth their counters.
const LONG: usize = 1 << 14;

/// Lanes of a vector of keys.
const LANES: usize = 8;
/// Room for those of one line.
type Keys = [[u64; LANES]; COUNTED / LANES];

/// [`line`] of at most [`COUNTED`] elements: the place of each is the number of those that precede
/// it.
struct Count<'a, T, F, O> {
    x: &'a [T],
    descending: bool,
    item: F,
    out: &'a mut [O],
    room: &'a mut Keys,
}

impl<T: Element, O: Element, F: Fn(usize, T) -> O> Kernel for Count<'_, T, F, O> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Count { x, descending, item, out, room } = self;
        for (to, &x) in room.as_flattened_mut().iter_mut().zip(x) {
            *to = key(x, descending);
        }
        let keys = &room.as_flattened()[..x.len()];
        for (start, own) in (0..x.len()).step_by(LANES).zip(&*room) {
            let mut places = [0; LANES];
            // Of equal ones the earlier precedes.
            for key in &keys[..start] {
                (0..LANES).for_each(|l| places[l] += usize::from(*key <= own[l]));
            }
            for (i, key) in own.iter().enumerate().take(x.len() - start) {
                let precedes = |l| (*key < own[l]) | ((*key == own[l]) & (i < l));
                (0..LANES).for_each(|l| places[l] += usize::from(precedes(l)));
            }
            for key in keys.iter().skip(start + LANES) {
                (0..LANES).for_each(|l| places[l] += usize::from(*key < own[l]));
            }
            for ((i, &x), &place) in x.iter().enumerate().skip(start).zip(&places) {
                out[place] = item(i, x);
            }
        }
    }
}

/// [`line`] by the digits of the keys, from the last one on, each time stably. Digits that all have
/// in common, counted from the least key, are left out. The keys are made once and moved with the
/// items: to make those of floats anew for each digit takes longer.
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

/// `f(line of x, line of out)` for every line along `axis`, both side by side.
fn lines<T: Element, O: Element>(
    x: View<'_, T>,
    axis: usize,
    out: &mut [O],
    f: impl Fn(&[T], &mut [O], &mut Keys) + Sync,
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
    f: impl Fn(&[T], &mut [O], &mut Keys) + Sync,
) {
    let reader = x.reader();
    // An element takes part in log2(n) comparisons or so.
    let grain = par::GRAIN_BYTES / size_of::<T>() / (n.ilog2() as usize + 1);
    par::for_units(out, n, grain, |start, part| {
        let mut scratch = vec![T::default(); if reader.is_direct() { 0 } else { n }];
        let mut keys = [[0; LANES]; COUNTED / LANES];
        for (k, out) in part.chunks_mut(n).enumerate() {
            f(reader.block(start + k * n, n, &mut scratch), out, &mut keys);
        }
    });
}
