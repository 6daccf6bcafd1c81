//! What it was measured on.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

/// Processor, instruction sets, memory: one line each.
pub fn describe() -> Vec<String> {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |key: &str| {
        let line = cpu.lines().find(|line| line.starts_with(key));
        line.and_then(|line| line.split_once(": ")).map_or("unknown", |(_, value)| value)
    };
    let count = cpu.lines().filter(|line| line.starts_with("processor")).count();
    let known = ["sse2", "avx2", "fma", "avx512f", "avx512bw", "avx512_bf16"];
    let has = |set: &&str| field("flags").split(' ').any(|flag| flag == *set);
    let sets: Vec<&str> = known.into_iter().filter(has).collect();
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = memory.split_whitespace().nth(1).and_then(|n| n.parse::<f64>().ok()).unwrap_or(0.0);
    let cache = field("cache size");
    vec![
        format!("Processor: {}, {count} processors, cache {cache}", field("model name")),
        format!("Instruction sets: {}", sets.join(", ")),
        format!("Memory: {:.0} GiB", kib / f64::from(1 << 20)),
    ]
}

/// How many programs want a processor, before anything is measured.
pub fn load() -> f64 {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0.0)
}

/// How many nanoseconds a cache line takes from one processor to another and back. Virtual
/// processors share a last cache at some times and not at others, which costs all libraries.
pub fn round_trip() -> f64 {
    const TRIPS: usize = 1000;
    let ball = AtomicUsize::new(0);
    let wait = |turn| {
        while ball.load(Ordering::Acquire) != turn {
            std::hint::spin_loop();
        }
    };
    let once = || {
        ball.store(0, Ordering::Release);
        thread::scope(|scope| {
            scope.spawn(|| {
                for trip in 0..TRIPS {
                    wait(2 * trip + 1);
                    ball.store(2 * trip + 2, Ordering::Release);
                }
            });
            ball.store(1, Ordering::Release);
            wait(2);
            let start = Instant::now();
            for trip in 1..TRIPS {
                ball.store(2 * trip + 1, Ordering::Release);
                wait(2 * trip + 2);
            }
            start.elapsed().as_nanos() as f64 / (TRIPS - 1) as f64
        })
    };
    // The two may have met on one processor at first.
    (0..3).map(|_| once()).fold(f64::INFINITY, f64::min)
}
