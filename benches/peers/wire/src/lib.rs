//! What the driver and its children have in common: how a row is written, what its inputs are, how
//! results are compared, and the conversation.
//!
//! A child reads one request a line and answers with one line:
//!
//! | Request | Answer |
//! |---|---|
//! | `version` | name and version of the library |
//! | `forget` | `done`; what was checked so far is gone |
//! | `check ROW` | digests of what it computes, two numbers each, or `none` if it has not the row |
//! | `time ROW n` | seconds of one iteration, the mean of `n` after one that is not counted |
//! | `memory SMALL ROW` | bytes by which its peak grows in steps of `ROW`, after steps of `SMALL` |
//!
//! `peers.py` says the same in Python.

use std::collections::HashMap;
use std::fmt::Display;
use std::fs;
use std::io::{self, Write};
use std::time::Instant;

/// A row, written `name:size-size-..`, with `+replay` and `@f64` where they apply.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// What is computed.
    pub name: String,
    /// Of what size.
    pub sizes: Vec<usize>,
    /// Recorded once, and replayed at each iteration.
    pub replay: bool,
    /// In f64 instead of f32.
    pub double: bool,
}

impl Row {
    /// The row that is written so.
    ///
    /// # Panics
    /// When it is not of that form.
    pub fn parse(text: &str) -> Row {
        let (text, double) = text.strip_suffix("@f64").map_or((text, false), |text| (text, true));
        let (text, replay) =
            text.strip_suffix("+replay").map_or((text, false), |text| (text, true));
        let (name, sizes) = text.split_once(':').unwrap_or_else(|| panic!("`{text}` has no sizes"));
        let sizes = sizes.split('-').map(|size| size.parse().expect("a size is a number"));
        Row { name: name.to_string(), sizes: sizes.collect(), replay, double }
    }
}

/// The `i`-th of the numbers of `seed`: 24 bits, as a fraction in `[0, 1)`.
///
/// Integers that wrap at 32 bits, then the finaliser of the hash "lowbias32": the same in every
/// language, and a float of any width holds it.
fn fraction(seed: u32, i: usize) -> f64 {
    let mut h = (i as u32).wrapping_mul(0x9E37_79B9) ^ seed.wrapping_mul(0x85EB_CA6B);
    h = (h ^ (h >> 16)).wrapping_mul(0x7FEB_352D);
    h = (h ^ (h >> 15)).wrapping_mul(0x846C_A68B);
    h ^= h >> 16;
    f64::from(h >> 8) / f64::from(1 << 24)
}

/// `len` numbers of `[-scale, scale)`.
pub fn uniform(seed: u32, len: usize, scale: f64) -> impl Iterator<Item = f64> {
    (0..len).map(move |i| (2.0 * fraction(seed, i) - 1.0) * scale)
}

/// `len` labels of `0..classes`.
pub fn labels(seed: u32, len: usize, classes: usize) -> impl Iterator<Item = i64> {
    (0..len).map(move |i| (fraction(seed, i) * classes as f64) as i64)
}

/// Seeds: the inputs of a row, its targets, and its parameters from here on in their order.
pub const INPUT: u32 = 0;
/// See [`INPUT`].
pub const TARGET: u32 = 1;
/// See [`INPUT`].
pub const PARAMETERS: u32 = 2;

/// What the weights and the bias of a layer of `inputs` are drawn from: `1 / √inputs`.
pub fn layer_scale(inputs: usize) -> f64 {
    1.0 / (inputs as f64).sqrt()
}

/// Learning rate of all training rows.
pub const RATE: f64 = 1e-3;

/// Two numbers that stand for a tensor in row-major order: its norm, and its product with fixed
/// numbers of `[-1, 1)`, which sees a value that is at the wrong place.
pub fn digest(values: impl IntoIterator<Item = f64>) -> [f64; 2] {
    let (mut square, mut product) = (0.0, 0.0);
    for (i, x) in values.into_iter().enumerate() {
        square += x * x;
        product += x * (2.0 * fraction(12345, i) - 1.0);
    }
    [square.sqrt(), product]
}

/// One row in one library.
pub trait Bench {
    /// One iteration.
    fn step(&mut self);

    /// What it computes: for a training row the loss, the gradients, and the loss again after three
    /// steps.
    fn answer(&mut self) -> Vec<[f64; 2]>;
}

/// A row that only computes something.
pub struct Kernel<F, D> {
    /// Computes it.
    pub run: F,
    /// Takes the result apart.
    pub digests: D,
}

impl<R, F: FnMut() -> R, D: Fn(R) -> Vec<[f64; 2]>> Bench for Kernel<F, D> {
    fn step(&mut self) {
        std::hint::black_box((self.run)());
    }

    fn answer(&mut self) -> Vec<[f64; 2]> {
        (self.digests)((self.run)())
    }
}

/// Answers requests until there are none.
pub fn serve(version: &str, mut make: impl FnMut(&Row) -> Option<Box<dyn Bench>>) {
    let mut held: HashMap<String, Box<dyn Bench>> = HashMap::new();
    for line in io::stdin().lines() {
        let line = line.expect("requests are text");
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["version"] => say(version),
            ["forget"] => {
                held.clear();
                say("done");
            }
            ["check", row] => {
                let Some(mut bench) = make(&Row::parse(row)) else {
                    say("none");
                    continue;
                };
                let digests: Vec<String> =
                    bench.answer().as_flattened().iter().map(|x| format!("{x:e}")).collect();
                say(digests.join(" "));
                held.insert(row.to_string(), bench);
            }
            ["time", row, n] => {
                let bench = held.get_mut(row).expect("it was checked");
                say(time(&mut **bench, n.parse().expect("a number")));
            }
            ["memory", small, row] => say(memory(&mut make, small, row)),
            _ => panic!("`{line}` is no request"),
        }
    }
}

fn say(answer: impl Display) {
    let mut out = io::stdout();
    writeln!(out, "{answer}").and_then(|()| out.flush()).expect("the driver listens");
}

fn time(bench: &mut dyn Bench, n: usize) -> f64 {
    bench.step();
    let start = Instant::now();
    (0..n).for_each(|_| bench.step());
    start.elapsed().as_secs_f64() / n as f64
}

/// Bytes by which the peak of the resident memory exceeds what the inputs and parameters of `row`
/// take. The steps of `small` come first: they load the code.
fn memory(make: &mut impl FnMut(&Row) -> Option<Box<dyn Bench>>, small: &str, row: &str) -> usize {
    let mut steps = |row| {
        let mut bench = make(&Row::parse(row)).expect("a row that it has");
        fs::write("/proc/self/clear_refs", "5").expect("the peak can be forgotten");
        let before = status("VmRSS:");
        (0..3).for_each(|_| bench.step());
        status("VmHWM:").saturating_sub(before)
    };
    steps(small);
    steps(row)
}

/// A line of `/proc/self/status`, in bytes.
fn status(key: &str) -> usize {
    let text = fs::read_to_string("/proc/self/status").expect("this is Linux");
    let line = text.lines().find_map(|line| line.strip_prefix(key)).expect("the line is there");
    line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number") * 1024
}
