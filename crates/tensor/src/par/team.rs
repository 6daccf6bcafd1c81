//! The helpers of a thread.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use super::job::Job;

/// How long a helper without work looks for more: about what it takes to wake one.
const LINGER: Duration = Duration::from_micros(100);
/// How long a helper stays at most: others wait for threads of the pool too. Not shorter: whoever
/// takes its place is woken, at times on the caller's own core, where it waits for its turn as long
/// as the system's clock ticks, 4 ms. With 10 ms, a training step was without help for a twentieth
/// of its time.
const STAY: Duration = Duration::from_millis(100);
/// How often it looks between two looks at the clock.
const LOOKS: usize = 64;

/// What a thread and its helpers share. The helpers are of the pool that the thread is in; a thread
/// outside of all pools uses the global one; so no team mixes pools.
struct Team {
    caller: ThreadId,
    offered: Mutex<Option<Arc<Job>>>,
    /// Counts the jobs offered.
    round: AtomicUsize,
    /// Helpers that were sent for and have not left.
    helpers: AtomicUsize,
}

thread_local! {
    static TEAM: Arc<Team> = Arc::new(Team {
        caller: thread::current().id(),
        offered: Mutex::default(),
        round: AtomicUsize::new(0),
        helpers: AtomicUsize::new(0),
    });
}

/// Shows `job` to as many helpers, and sends for those that are not there.
pub(super) fn offer(job: &Arc<Job>, helpers: usize) {
    // Without a team while the thread is torn down: it does all parts itself.
    let Ok(team) = TEAM.try_with(Arc::clone) else { return };
    if let Ok(mut offered) = team.offered.lock() {
        *offered = Some(job.clone());
    }
    team.round.fetch_add(1, Ordering::Release);
    let present = team.helpers.load(Ordering::Relaxed);
    for _ in present..helpers {
        team.helpers.fetch_add(1, Ordering::Relaxed);
        let team = team.clone();
        rayon::spawn(move || {
            // Where the caller is of the pool, it may come by its own call.
            if thread::current().id() != team.caller {
                team.serve();
            }
            team.helpers.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

impl Team {
    /// A helper: does what is offered until nothing has been for a while, or others had to
    /// wait enough.
    fn serve(&self) {
        let start = Instant::now();
        let (mut seen, mut since) = (0, start);
        loop {
            let round = self.round.load(Ordering::Acquire);
            if round != seen {
                seen = round;
                let job = self.offered.lock().ok().and_then(|offered| offered.clone());
                if job.is_some_and(|job| job.help()) {
                    since = Instant::now();
                }
            }
            let now = Instant::now();
            if now - since > LINGER || now - start > STAY {
                break;
            }
            for _ in 0..LOOKS {
                if self.round.load(Ordering::Acquire) != seen {
                    break;
                }
                std::hint::spin_loop();
            }
        }
    }
}
