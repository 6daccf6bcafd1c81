//! When and how work is spread over threads.
//!
//! Always in the caller's rayon pool, and only above a grain: waking a thread costs some ten
//! microseconds. What is computed where never changes a value: tasks write disjoint parts, and
//! reductions combine along a tree that depends on the length alone.

use crate::blocks::BLOCK;

/// Bytes that one task should at least touch before a second thread is worth waking.
pub const GRAIN_BYTES: usize = 1 << 17;

/// Splits `out` at multiples of [`BLOCK`] into tasks of at least `grain` elements and calls
/// `f(start, part)` on each, in parallel where there is more than one.
pub fn for_parts<T: Send, F: Fn(usize, &mut [T]) + Sync>(out: &mut [T], grain: usize, f: F) {
    for_units(out, BLOCK, grain, f);
}

/// As [`for_parts`], split at multiples of `unit`: rows stay whole.
pub fn for_units<T: Send, F: Fn(usize, &mut [T]) + Sync>(
    out: &mut [T],
    unit: usize,
    grain: usize,
    f: F,
) {
    let threads = rayon::current_num_threads();
    if threads == 1 || out.len() < 2 * grain {
        return f(0, out);
    }
    let part = part_len(out.len(), unit, grain, threads);
    split(0, out, part, &f);
}

/// The length of a task: a multiple of `unit`, some four tasks a thread so that a loaded core does
/// not hold the others up, but at least `grain`.
pub fn part_len(len: usize, unit: usize, grain: usize, threads: usize) -> usize {
    len.div_ceil(4 * threads).max(grain).next_multiple_of(unit)
}

fn split<T: Send>(start: usize, out: &mut [T], part: usize, f: &(impl Fn(usize, &mut [T]) + Sync)) {
    if out.len() <= part {
        return f(start, out);
    }
    let middle = out.len().div_ceil(part) / 2 * part;
    let (a, b) = out.split_at_mut(middle);
    rayon::join(|| split(start, a, part, f), || split(start + middle, b, part, f));
}

/// `f(0)`, .., `f(n - 1)`, in parallel if `work` (elements touched by all of them together, times
/// their cost relative to a copy) exceeds the grain.
pub fn for_each(n: usize, work: usize, f: impl Fn(usize) + Sync) {
    use rayon::prelude::*;
    if n > 1 && work > GRAIN_BYTES / 4 && rayon::current_num_threads() > 1 {
        (0..n).into_par_iter().for_each(&f);
    } else {
        (0..n).for_each(f);
    }
}

/// `f` on each item, in parallel as in [`for_each`]: items that own disjoint parts of several
/// slices, which one split of one slice cannot express.
pub fn for_each_of<X: Send>(items: Vec<X>, work: usize, f: impl Fn(X) + Sync) {
    use rayon::prelude::*;
    if items.len() > 1 && work > GRAIN_BYTES / 4 && rayon::current_num_threads() > 1 {
        items.into_par_iter().for_each(&f);
    } else {
        items.into_iter().for_each(f);
    }
}

/// Calls `f(k, part)` on the `k`-th part of `chunk` elements (the last may be shorter), in parallel
/// if `work` exceeds the grain, as in [`for_each`].
pub fn for_chunks<T: Send>(
    out: &mut [T],
    chunk: usize,
    work: usize,
    f: impl Fn(usize, &mut [T]) + Sync,
) {
    use rayon::prelude::*;
    let chunk = chunk.max(1);
    if out.len() > chunk && work > GRAIN_BYTES / 4 && rayon::current_num_threads() > 1 {
        out.par_chunks_mut(chunk).enumerate().for_each(|(k, part)| f(k, part));
    } else {
        out.chunks_mut(chunk).enumerate().for_each(|(k, part)| f(k, part));
    }
}
