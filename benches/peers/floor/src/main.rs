//! What ours stands on: the crate `gemm` called directly, and memory read as fast as it can be.

use gemm::Parallelism;
use wire::{Bench, Kernel, Row};

fn main() {
    wire::serve("gemm 0.19", make);
}

fn make(row: &Row) -> Option<Box<dyn Bench>> {
    match (&row.name[..], &row.sizes[..]) {
        ("sum" | "sum0" | "sum1", sizes) if !row.double => Some(read(sizes.iter().product())),
        ("matmul", &[m, k, n]) if row.double => Some(product::<f64>(m, k, n)),
        ("matmul", &[m, k, n]) => Some(product::<f32>(m, k, n)),
        _ => None,
    }
}

/// A sum in a few vector registers, in two halves: no shape, no order to keep, nothing but reading.
fn read(len: usize) -> Box<dyn Bench> {
    let values: Vec<f32> = wire::uniform(wire::INPUT, len, 1.0).map(|x| x as f32).collect();
    let half = len / 2;
    let run = move || rayon::join(|| sum(&values[..half]), || sum(&values[half..]));
    Box::new(Kernel { run, digests: |_| Vec::new() })
}

fn sum(values: &[f32]) -> f32 {
    let mut lanes = [0.0f32; 64];
    for chunk in values.chunks_exact(64) {
        for (lane, x) in lanes.iter_mut().zip(chunk) {
            *lane += x;
        }
    }
    lanes.iter().sum()
}

fn product<T: Real>(m: usize, k: usize, n: usize) -> Box<dyn Bench> {
    let drawn = |seed, len| wire::uniform(seed, len, 1.0).map(T::of).collect::<Vec<T>>();
    let (a, b, mut c) = (drawn(0, m * k), drawn(1, k * n), vec![T::of(0.0); m * n]);
    let threads = rayon::current_num_threads();
    let threads = if threads == 1 { Parallelism::None } else { Parallelism::Rayon(threads) };
    let run = move || {
        let (zero, one, wide) = (T::of(0.0), T::of(1.0), n as isize);
        let (c, a, b) = (c.as_mut_ptr(), a.as_ptr(), b.as_ptr());
        // SAFETY: row-major matrices of these sizes, and `c` is borrowed by nothing else.
        unsafe {
            let (lhs, rhs) = ((a, 1, k as isize), (b, 1, wide));
            gemm::gemm(
                m, n, k, c, 1, wide, false, lhs.0, lhs.1, lhs.2, rhs.0, rhs.1, rhs.2, zero, one,
                false, false, false, threads,
            );
            std::slice::from_raw_parts(c.cast_const(), m * n)
        }
    };
    Box::new(Kernel { run, digests: |c: &[T]| vec![wire::digest(c.iter().map(|x| x.wide()))] })
}

/// The two types of float.
trait Real: Copy + Send + Sync + 'static {
    fn of(x: f64) -> Self;
    fn wide(self) -> f64;
}

impl Real for f32 {
    fn of(x: f64) -> f32 {
        x as f32
    }

    fn wide(self) -> f64 {
        f64::from(self)
    }
}

impl Real for f64 {
    fn of(x: f64) -> f64 {
        x
    }

    fn wide(self) -> f64 {
        self
    }
}
