//! The helpers of a thread.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::job::Job;

/// How long a helper without work looks for more: about what it takes to wake one.
pub(super) const LINGER: Duration = Duration::from_micros(100);
/// How often it looks between two looks at the clock.
const LOOKS: usize = 64;

/// What a thread and its helpers share. The helpers are of the pool that the thread is in; a thread
/// outside of all pools uses the global one; so no team mixes pools.
#[derive(Default)]
struct Team {
    offered: Mutex<Option<Arc<Job>>>,
    /// Counts the jobs offered.
    round: AtomicUsize,
    /// Helpers that were sent for and have not left.
    helpers: AtomicUsize,
}

thread_local! {
    static TEAM: Arc<Team> = Arc::default();
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
        rayon::spawn(move || team.serve());
    }
}

impl Team {
    /// A helper: does what is offered until nothing has been for a while.
    fn serve(&self) {
        let (mut seen, mut since) = (0, Instant::now());
        loop {
            let round = self.round.load(Ordering::Acquire);
            if round != seen {
                seen = round;
                let job = self.offered.lock().ok().and_then(|offered| offered.clone());
                if let Some(job) = job {
                    job.help();
                }
                since = Instant::now();
            } else if since.elapsed() > LINGER {
                break;
            }
            for _ in 0..LOOKS {
                if self.round.load(Ordering::Acquire) != seen {
                    break;
                }
                std::hint::spin_loop();
            }
        }
        self.helpers.fetch_sub(1, Ordering::Relaxed);
    }
}
