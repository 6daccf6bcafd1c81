//! What is measured, and what must be reached.

use crate::child::Peer;

/// One column of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Series {
    /// Rewind; a training step is recorded anew each time.
    Ours,
    /// Rewind, recorded once and replayed.
    Replayed,
    /// Rewind on one thread.
    OneThread,
    /// Rewind, the same row in f32.
    Single,
    Torch,
    Jax,
    Candle,
    Burn,
    Floor,
    /// The floor on one thread.
    FloorOneThread,
}

use Series::*;

impl Series {
    pub fn title(self) -> &'static str {
        match self {
            Ours => "Rewind",
            Replayed => "replayed",
            OneThread => "1 thread",
            Single => "in f32",
            Torch => "PyTorch",
            Jax => "JAX",
            Candle => "candle",
            Burn => "burn",
            Floor => "floor",
            FloorOneThread => "floor, 1 thread",
        }
    }

    pub fn peer(self) -> Peer {
        match self {
            Ours | Replayed | OneThread | Single => Peer::Ours,
            Torch => Peer::Torch,
            Jax => Peer::Jax,
            Candle => Peer::Candle,
            Burn => Peer::Burn,
            Floor | FloorOneThread => Peer::Floor,
        }
    }

    pub fn threads(self, all: usize) -> usize {
        if matches!(self, OneThread | FloorOneThread) { 1 } else { all }
    }

    /// What the child is asked for.
    pub fn key(self, row: &str) -> String {
        match (self, row.strip_suffix("@f64")) {
            (Single, Some(single)) => single.to_string(),
            (Replayed, Some(single)) => format!("{single}+replay@f64"),
            (Replayed, None) => format!("{row}+replay"),
            _ => row.to_string(),
        }
    }
}

/// The time of `of` is at most `ratio` times the least of those of `against`.
pub struct Goal {
    pub of: Series,
    pub ratio: f64,
    pub against: &'static [Series],
}

/// A row of a table.
pub struct Row {
    pub title: String,
    pub key: String,
    pub series: Vec<Series>,
    pub goals: Vec<Goal>,
}

/// A table.
pub struct Table {
    pub title: &'static str,
    pub rows: Vec<Row>,
}

const ALL: &[Series] = &[Torch, Jax, Candle, Burn];
const FLOORS: &[Series] = &[Floor, FloorOneThread];

fn at_most(ratio: f64, against: &'static [Series]) -> Goal {
    Goal { of: Ours, ratio, against }
}

fn replayed(ratio: f64, against: &'static [Series]) -> Goal {
    Goal { of: Replayed, ratio, against }
}

fn row(title: &str, key: &str, series: &[&[Series]], goals: impl Into<Vec<Goal>>) -> Row {
    let (title, key) = (title.to_string(), key.to_string());
    Row { title, key, series: series.concat(), goals: goals.into() }
}

/// Training rows: title, key, whether it is measured on one thread too, goals.
fn training() -> Vec<Row> {
    let both: &[Series] = &[Ours, Replayed];
    vec![
        row(
            "three-layer perceptron of the lecture, n = 2, m = 4, one sample, SGD",
            "mlp3:1-2-4",
            &[both, ALL],
            [at_most(0.3, &[Jax]), replayed(0.08, &[Jax])],
        ),
        row(
            "MLP 784-512-256-10 tanh, cross-entropy, batch 128, SGD",
            "mlp:128-784-512-256-10",
            &[both, &[OneThread], ALL],
            [at_most(0.8, &[Jax]), at_most(0.4, &[Torch]), at_most(1.0 / 1.8, &[OneThread])],
        ),
        row(
            "linear autoencoder 784-32-784, batch 256, SGD",
            "linear-ae:256-784-32-784",
            &[both, ALL],
            [at_most(0.6, &[Jax])],
        ),
        row(
            "autoencoder 784-256-64-256-784 tanh, mse, batch 256, Adam",
            "deep-ae:256-784-256-64-256-784",
            &[both, ALL],
            [at_most(0.75, &[Jax])],
        ),
        row(
            "sum(tanh(x*a+b)*sigmoid(x*a)), 2^20, gradients of a and b, SGD",
            "elementwise:1048576",
            &[both, ALL],
            [at_most(0.65, &[Jax])],
        ),
        row(
            "chain of 1,000 scalar operations, forward and backward",
            "chain:1000",
            &[both, ALL],
            [at_most(0.15, &[Candle]), replayed(0.04, &[Candle])],
        ),
    ]
}

fn doubles() -> Vec<Row> {
    let double = |row: Row| Row {
        key: format!("{}@f64", row.key),
        series: vec![Ours, Single, Replayed, Torch, Jax],
        goals: vec![at_most(2.2, &[Single])],
        title: row.title,
    };
    training().into_iter().map(double).collect()
}

fn kernels() -> Vec<Row> {
    let with = |goal| vec![at_most(goal, ALL)];
    let n = 1 << 20;
    let mut rows: Vec<Row> = ["exp", "tanh", "sigmoid"]
        .iter()
        .map(|f| row(&format!("{f}, 2^20"), &format!("{f}:{n}"), &[&[Ours], ALL], with(0.7)))
        .collect();
    let read = || vec![at_most(1.0 / 0.9, &[Floor])];
    let reads: &[Series] = &[Ours, Floor];
    rows.extend([
        row("add, 2^20", "add:1048576", &[&[Ours], ALL], with(0.9)),
        row("add, 2^24", "add:16777216", &[&[Ours], ALL], with(0.4)),
        row("sum, 2^24", "sum:16777216", &[reads, ALL], read()),
        row("sum over axis 0 of 4096 x 4096", "sum0:4096-4096", &[reads, ALL], read()),
        row("sum over axis 1 of 4096 x 4096", "sum1:4096-4096", &[reads, ALL], read()),
        row(
            "copy of the transpose of 4096 x 4096",
            "transpose:4096-4096",
            &[&[Ours], ALL],
            [at_most(0.3, &[Torch])],
        ),
        row(
            "bias added to 4096 x 4096",
            "bias:4096-4096",
            &[&[Ours], ALL],
            [at_most(0.4, &[Torch])],
        ),
        row(
            "singular values and vectors of 784 x 1000, f64",
            "svd:784-1000@f64",
            &[&[Ours, Torch]],
            [at_most(0.9, &[Torch])],
        ),
    ]);
    rows
}

fn products() -> Vec<Row> {
    let squares = [64, 128, 256, 512, 1024, 2048].map(|n| [n, n, n]);
    let shapes = squares.into_iter().chain([[128, 784, 512], [256, 784, 32], [1, 784, 512]]);
    let product = |[m, k, n]: [usize; 3], kind: &str, suffix: &str| {
        row(
            &format!("[{m}, {k}] x [{k}, {n}], {kind}"),
            &format!("matmul:{m}-{k}-{n}{suffix}"),
            &[&[Ours, OneThread], FLOORS, &[Torch, Jax]],
            [at_most(1.0 / 0.95, FLOORS), at_most(1.05, &[OneThread])],
        )
    };
    shapes.flat_map(|shape| [product(shape, "f32", ""), product(shape, "f64", "@f64")]).collect()
}

fn nodes() -> Vec<Row> {
    let lengths = (3..=7).map(|k| (format!("10^{k}"), 10usize.pow(k)));
    lengths.map(|(n, length)| row(&n, &format!("chain:{length}"), &[&[Ours]], [])).collect()
}

pub fn tables() -> Vec<Table> {
    vec![
        Table { title: "Training steps: forward, backward, update; f32", rows: training() },
        Table { title: "Training steps in f64", rows: doubles() },
        Table { title: "Kernels, f32", rows: kernels() },
        Table {
            title: "Matrix products; the floor is the crate `gemm`, called directly",
            rows: products(),
        },
        Table { title: "Chains of scalar operations, forward and backward", rows: nodes() },
    ]
}

/// Rows whose memory is measured: what it is, a small one of the kind, and itself.
pub const MEMORY: [(&str, &str, &str); 3] = [
    ("linear autoencoder", "linear-ae:16-98-8-98", "linear-ae:256-784-32-784"),
    ("autoencoder, Adam", "deep-ae:16-98-32-8-32-98", "deep-ae:256-784-256-64-256-784"),
    ("elementwise", "elementwise:4096", "elementwise:1048576"),
];

/// The row that is measured beside another program.
pub fn loaded() -> Row {
    row("", "mlp:128-784-512-256-10", &[&[Ours, Replayed], ALL], [])
}

/// The columns of the table of memory.
pub fn memory() -> Row {
    row("", "memory", &[&[Ours, Torch]], [])
}
