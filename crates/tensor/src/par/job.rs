//! Numbered parts of one piece of work, taken by several threads.
//!
//! # Invariants
//!
//! 1. Each part is claimed once.
//! 2. `work` points to a function that lives until `left` is 0: [`Job::run`], which borrows it,
//!    does not return before. It is called by who has claimed a part, and `left` counts down the
//!    parts it did after the call, so a thread that comes late, when all parts are claimed, never
//!    looks at it.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, Thread};
use std::time::Duration;

/// Does parts, asking for one after the other until there are no more: what each thread that takes
/// part calls, with its number. The caller's is 0, so that it meets what it has in its cache from
/// the last kernel.
pub(super) type Work<'a> = dyn Fn(usize, &mut dyn FnMut() -> Option<usize>) + Sync + 'a;

pub(super) struct Job {
    work: *const Work<'static>,
    parts: u32,
    /// One of so many shares of the parts that are left is claimed at a time: few at the end, so
    /// that all end together, and many before, for a number that two threads count in travels
    /// between their cores.
    shares: u32,
    /// How many parts are claimed from the front (the upper half) and from the back.
    claimed: AtomicU64,
    /// Parts that are not finished.
    left: AtomicUsize,
    /// How many threads may take part, and the number of the next one that comes.
    threads: usize,
    next: AtomicUsize,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
    caller: Thread,
}

// SAFETY: `work` is Sync, and by invariant 2 it is there whenever it is called.
unsafe impl Send for Job {}
// SAFETY: `work` and all else is Sync; by invariant 2 `work` is there whenever it is called.
unsafe impl Sync for Job {}

/// Dropped where [`Job::run`] unwinds before all parts are finished, which nothing in it does:
/// invariant 2 would not hold.
struct Abort;

impl Drop for Abort {
    fn drop(&mut self) {
        std::process::abort();
    }
}

/// How often the caller looks whether the last parts of others are done before it sleeps. While it
/// sleeps, the system can move a helper whose core is taken by something else to the caller's.
const LOOKS: usize = 1 << 12;
/// How long it sleeps at a time. Linux moves no thread that ran within the last half millisecond,
/// and looks for one to move when a core falls asleep, or at the tick of a clock, 4 ms.
const NAP: Duration = Duration::from_micros(200);

impl Job {
    /// Does all parts of `work`. `offer` shows the job to others, who may [help](Self::help).
    pub(super) fn run(
        parts: usize,
        threads: usize,
        work: &Work<'_>,
        offer: impl FnOnce(&Arc<Job>),
    ) {
        let parts = u32::try_from(parts).expect("a part is worth a task");
        // SAFETY: only the lifetime is forgotten, and invariant 2 stands in for it.
        let work = unsafe { std::mem::transmute::<*const Work<'_>, *const Work<'static>>(work) };
        let job = Arc::new(Job {
            work,
            parts,
            shares: u32::try_from(4 * threads).unwrap_or(u32::MAX),
            claimed: AtomicU64::new(0),
            left: AtomicUsize::new(parts as usize),
            threads,
            next: AtomicUsize::new(1),
            panic: Mutex::new(None),
            caller: thread::current(),
        });
        let unwinding = Abort;
        offer(&job);
        job.take(0, |job| job.claim(1 << 32).map(|(front, _, count)| front..front + count));
        job.wait();
        std::mem::forget(unwinding);
        let panicked = job.panic.lock().ok().and_then(|mut payload| payload.take());
        if let Some(payload) = panicked {
            resume_unwind(payload);
        }
    }

    /// Does parts until all are claimed; whether it did one.
    pub(super) fn help(&self) -> bool {
        let claim = |job: &Job| {
            let (_, back, count) = job.claim(1)?;
            let end = job.parts - back;
            Some((end - count..end).rev())
        };
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        if number >= self.threads {
            return false;
        }
        let (helped, last) = self.take(number, claim);
        if last {
            self.caller.unpark();
        }
        helped
    }

    /// Claims parts from one of the ends: how many were claimed from the front and from the back
    /// before, and how many are now. From two ends, so that a thread meets the same parts of the
    /// next kernel that it has in its cache from this one.
    fn claim(&self, one: u64) -> Option<(u32, u32, u32)> {
        let split = |claimed: u64| {
            let (front, back) = ((claimed >> 32) as u32, claimed as u32);
            let left = self.parts - front - back;
            (front, back, left.div_ceil(self.shares))
        };
        let more = |claimed| match split(claimed) {
            (_, _, 0) => None,
            (_, _, count) => Some(claimed + one * u64::from(count)),
        };
        self.claimed.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok().map(split)
    }

    /// Does parts as `claim` claims them; whether there were any, and whether the last ones of all
    /// were among them.
    fn take<P: Iterator<Item = u32>>(
        &self,
        number: usize,
        claim: impl Fn(&Job) -> Option<P>,
    ) -> (bool, bool) {
        let (mut mine, mut count) = (None, 0);
        let mut next = || {
            loop {
                match mine.as_mut().and_then(P::next) {
                    Some(part) => {
                        count += 1;
                        return Some(part as usize);
                    }
                    None => mine = Some(claim(self)?),
                }
            }
        };
        // A panic ends a call, and those claimed with the part that panicked are left to the next.
        while let Some(first) = next() {
            let mut first = Some(first);
            // SAFETY: invariant 2: a part was claimed and is not counted as finished.
            let work = unsafe { &*self.work };
            let done = AssertUnwindSafe(|| work(number, &mut || first.take().or_else(&mut next)));
            if let Err(payload) = catch_unwind(done) {
                self.keep(payload);
            }
        }
        (count > 0, count > 0 && self.left.fetch_sub(count, Ordering::AcqRel) == count)
    }

    /// Keeps the first panic for the caller.
    fn keep(&self, payload: Box<dyn Any + Send>) {
        let Ok(mut first) = self.panic.lock() else { return };
        match &mut *first {
            None => *first = Some(payload),
            // Dropping it could panic in turn, before the part is counted.
            Some(_) => std::mem::forget(payload),
        }
    }

    /// Waits for the parts that others have claimed.
    fn wait(&self) {
        for _ in 0..LOOKS {
            if self.left.load(Ordering::Acquire) == 0 {
                return;
            }
            std::hint::spin_loop();
        }
        while self.left.load(Ordering::Acquire) != 0 {
            thread::park_timeout(NAP);
        }
    }
}
