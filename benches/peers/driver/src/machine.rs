//! What it was measured on.

use std::fs;

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
