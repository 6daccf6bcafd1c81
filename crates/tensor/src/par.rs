//! When and how work is spread over threads.
//!
//! A kernel cuts its work into numbered parts. The caller's own thread takes parts from the front,
//! and helpers, threads of the caller's rayon pool, take theirs from the back, if and when they are
//! awake: several at a time while many are left, single ones at the end. Nobody waits for a helper
//! that has not come: waking a thread takes longer than most kernels, and a core that is busy with
//! something else should cost its share and no more. Rejected: `rayon::join` and parallel
//! iterators, where a thread outside of the pool hands over all of its work and sleeps meanwhile,
//! which costs two wakings a kernel.
//!
//! A helper that has run out of parts looks for the next kernel of the same caller for a tenth of a
//! millisecond before it goes back to the pool, so that within a program a kernel is spread in less
//! than a microsecond. It does not stay for long at a time, since others wait for the pool too.
//!
//! What is computed where never changes a value: parts are disjoint, and reductions combine along a
//! tree that depends on the length alone.

mod job;
mod team;

use std::marker::PhantomData;
use std::sync::{Mutex, PoisonError};

use smallvec::SmallVec;

use crate::blocks::BLOCK;
use job::{Job, Work};

/// Bytes that one task should at least touch before a second thread is worth its while.
pub const GRAIN_BYTES: usize = 1 << 17;

/// How many threads share the work of a kernel that this thread calls.
pub fn threads() -> usize {
    rayon::current_num_threads()
}

/// `f(0)`, .., `f(parts - 1)`, each once, on as many threads as there are to help.
///
/// # Panics
/// When `f` panics, with the payload of one of its panics; on several threads after all parts
/// have been tried.
pub fn run(parts: usize, f: &(dyn Fn(usize) + Sync)) {
    share(parts, usize::MAX, &|_, next| {
        while let Some(part) = next() {
            f(part);
        }
    });
}

/// As [`run`], for threads that each have a room of their own, `f(room, part)`: the calling one the
/// first, and as many others as there are rooms, of which there is at least one.
pub(crate) fn run_in<R: Send>(rooms: &mut [R], parts: usize, f: impl Fn(&mut R, usize) + Sync) {
    let rooms: SmallVec<[Mutex<&mut R>; 8]> = rooms.iter_mut().map(Mutex::new).collect();
    share(parts, rooms.len(), &|number, next| {
        // A thread whose part has panicked comes again for the next one.
        let mut room = rooms[number].lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(part) = next() {
            f(&mut room, part);
        }
    });
}

/// Does the work on at most so many threads.
fn share(parts: usize, most: usize, work: &Work<'_>) {
    let threads = threads().min(parts).min(most);
    if threads < 2 {
        let mut all = 0..parts;
        return work(0, &mut || all.next());
    }
    Job::run(parts, threads, work, |job| team::offer(job, threads - 1));
}

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
    if out.len() < 2 * grain || threads() == 1 {
        return f(0, out);
    }
    let threads = threads();
    let part = part_len(out.len(), unit, grain, threads);
    let out = Shared::new(out);
    run(out.len.div_ceil(part), &|k| {
        // SAFETY: `run` calls with each `k` once.
        f(k * part, unsafe { out.part(k, part) });
    });
}

/// The length of a task: a multiple of `unit`, some four tasks a thread so that a loaded core does
/// not hold the others up, but at least `grain`.
pub fn part_len(len: usize, unit: usize, grain: usize, threads: usize) -> usize {
    len.div_ceil(4 * threads).max(grain).next_multiple_of(unit)
}

/// Whether `work` (elements touched, times their cost relative to a copy) is worth a second thread.
pub fn pays(work: usize) -> bool {
    work > GRAIN_BYTES / 4 && threads() > 1
}

/// `f` on each item, in parallel if `work` [`pays`]: items that own disjoint parts of several
/// slices, which one split of one slice cannot express.
pub fn for_each_of<X: Send>(items: impl IntoIterator<Item = X>, work: usize, f: impl Fn(X) + Sync) {
    if !pays(work) {
        return items.into_iter().for_each(f);
    }
    let items: Vec<Mutex<Option<X>>> = items.into_iter().map(|x| Mutex::new(Some(x))).collect();
    run(items.len(), &|k| {
        let item = items[k].lock().ok().and_then(|mut item| item.take());
        f(item.expect("each part is taken once"));
    });
}

/// Calls `f(k, part)` on the `k`-th part of `chunk` elements (the last may be shorter), in parallel
/// if `work` [`pays`].
pub fn for_chunks<T: Send>(
    out: &mut [T],
    chunk: usize,
    work: usize,
    f: impl Fn(usize, &mut [T]) + Sync,
) {
    let chunk = chunk.max(1);
    if out.len() <= chunk || !pays(work) {
        return out.chunks_mut(chunk).enumerate().for_each(|(k, part)| f(k, part));
    }
    let out = Shared::new(out);
    run(out.len.div_ceil(chunk), &|k| {
        // SAFETY: `run` calls with each `k` once.
        f(k, unsafe { out.part(k, chunk) });
    });
}

/// A slice that several threads write, each its own parts.
pub(crate) struct Shared<'a, T> {
    start: *mut T,
    len: usize,
    slice: PhantomData<&'a mut [T]>,
}

// SAFETY: it gives out disjoint parts of a slice of `T`, and `T` is Send.
unsafe impl<T: Send> Sync for Shared<'_, T> {}

impl<'a, T> Shared<'a, T> {
    pub(crate) fn new(slice: &'a mut [T]) -> Self {
        Shared { start: slice.as_mut_ptr(), len: slice.len(), slice: PhantomData }
    }

    /// The `k`-th part of `chunk` elements, the last of which may be shorter.
    ///
    /// # Safety
    /// No other part that overlaps this one is borrowed.
    #[allow(clippy::mut_from_ref, reason = "parts are disjoint by contract")]
    pub(crate) unsafe fn part(&self, k: usize, chunk: usize) -> &mut [T] {
        let from = (k * chunk).min(self.len);
        let len = chunk.min(self.len - from);
        // SAFETY: inside of the slice by the two minima; unique by contract.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(from), len) }
    }

    /// `len` elements from `from` on.
    ///
    /// # Safety
    /// As for [`part`](Self::part).
    ///
    /// # Panics
    /// When they are outside of the slice.
    #[allow(clippy::mut_from_ref, reason = "parts are disjoint by contract")]
    pub(crate) unsafe fn range(&self, from: usize, len: usize) -> &mut [T] {
        assert!(from <= self.len && len <= self.len - from, "elements inside of the slice");
        // SAFETY: inside of the slice; unique by contract.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(from), len) }
    }

    /// The address of element `at`.
    ///
    /// # Panics
    /// When it is outside of the slice.
    pub(crate) fn at(&self, at: usize) -> *mut T {
        assert!(at < self.len, "an element inside of the slice");
        self.start.wrapping_add(at)
    }
}

#[cfg(test)]
mod tests;
