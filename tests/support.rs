//! What several tests need.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Once, OnceLock};

use rayon::{ThreadPool, ThreadPoolBuilder};
use tensor::{Float, Scalar, Tensor};

/// A panic that was expected.
#[derive(Debug)]
pub struct Panic {
    /// Its text, empty if the payload is none.
    pub text: String,
    /// The line it names.
    pub file: String,
    pub line: u32,
    pub payload: Box<dyn Any + Send>,
}

thread_local! {
    static EXPECTED: Cell<bool> = const { Cell::new(false) };
    static PLACE: RefCell<(String, u32)> = const { RefCell::new((String::new(), 0)) };
}

/// Runs `f`, which must panic; nothing is printed.
#[track_caller]
pub fn panic_of<R>(f: impl FnOnce() -> R) -> Panic {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if EXPECTED.get() {
                let at = info.location().expect("a panic has a location");
                PLACE.set((at.file().into(), at.line()));
            } else {
                others(info);
            }
        }));
    });
    EXPECTED.set(true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(f));
    EXPECTED.set(false);
    let Err(payload) = outcome else { panic!("nothing panicked") };
    let text = match (payload.downcast_ref::<String>(), payload.downcast_ref::<&str>()) {
        (Some(text), _) => text.clone(),
        (_, Some(text)) => text.to_string(),
        _ => String::new(),
    };
    let (file, line) = PLACE.take();
    Panic { text, file, line, payload }
}

/// The bits of all elements.
pub fn bits<T: Float>(x: &Tensor<T>) -> Vec<u64> {
    x.iter().map(|x| Scalar::to_f64(x).to_bits()).collect()
}

/// Pools of 1, 2, 3 and 6 threads.
pub fn pools() -> &'static [ThreadPool] {
    static POOLS: OnceLock<Vec<ThreadPool>> = OnceLock::new();
    POOLS.get_or_init(|| {
        let pool = |n| ThreadPoolBuilder::new().num_threads(n).build().expect("threads start");
        [1, 2, 3, 6].map(pool).into()
    })
}

/// Whether this process runs the test `name` and nothing beside it. If not, such a process is
/// started and must succeed: what a process holds in memory says nothing while other tests run in
/// it.
#[cfg(target_os = "linux")]
#[track_caller]
pub fn alone(name: &str) -> bool {
    const ALONE: &str = "REWIND_TEST_ALONE";
    if std::env::var_os(ALONE).is_some_and(|only| only == name) {
        return true;
    }
    let this = std::env::current_exe().expect("a test has a path");
    let output = std::process::Command::new(this)
        .args([name, "--exact", "--test-threads=1"])
        .env(ALONE, name)
        .output()
        .expect("a test can be run");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    false
}

/// Bytes of memory this process has in use.
#[cfg(target_os = "linux")]
pub fn resident() -> usize {
    status("VmRSS:")
}

/// Bytes of memory this process has had in use at most.
#[cfg(target_os = "linux")]
pub fn peak() -> usize {
    status("VmHWM:")
}

#[cfg(target_os = "linux")]
fn status(key: &str) -> usize {
    let text = std::fs::read_to_string("/proc/self/status").expect("it is there on Linux");
    let line = text.lines().find_map(|l| l.strip_prefix(key)).expect("it has this line");
    let kib: usize = line.trim().trim_end_matches(" kB").trim().parse().expect("a number of kB");
    kib << 10
}
