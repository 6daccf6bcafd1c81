//! Kernels alone, in the process's thread pool: `cargo bench --bench kernels`.
//!
//! Inputs are made once; a result's buffer comes from the pool, as in a training step. Sizes are
//! one that stays in the first-level cache and one that does not fit the last.

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use tensor::{Float, Tensor};

fn main() {
    divan::main();
}

const SIZES: [usize; 2] = [1 << 12, 1 << 24];

fn drawn<T: Float>(shape: impl AsRef<[usize]>) -> Tensor<T> {
    Tensor::uniform(shape, T::of(-2.0), T::of(2.0), &mut tensor::rng(0))
}

#[divan::bench(types = [f32, f64], args = SIZES)]
fn exp<T: Float>(bencher: Bencher, n: usize) {
    let x = drawn::<T>([n]);
    bencher.counter(ItemsCount::new(n)).bench(|| black_box(&x).exp());
}

#[divan::bench(types = [f32, f64], args = SIZES)]
fn tanh<T: Float>(bencher: Bencher, n: usize) {
    let x = drawn::<T>([n]);
    bencher.counter(ItemsCount::new(n)).bench(|| black_box(&x).tanh());
}

#[divan::bench(types = [f32, f64], args = SIZES)]
fn sigmoid<T: Float>(bencher: Bencher, n: usize) {
    let x = drawn::<T>([n]);
    bencher.counter(ItemsCount::new(n)).bench(|| black_box(&x).sigmoid());
}

#[divan::bench(types = [f32, f64], args = SIZES)]
fn add<T: Float>(bencher: Bencher, n: usize) {
    let (a, b) = (drawn::<T>([n]), drawn::<T>([n]));
    let bytes = BytesCount::new(3 * n * size_of::<T>());
    bencher.counter(bytes).bench(|| black_box(&a) + black_box(&b));
}

#[divan::bench(types = [f32, f64], args = SIZES)]
fn sum<T: Float>(bencher: Bencher, n: usize) {
    let x = drawn::<T>([n]);
    bencher.counter(BytesCount::new(n * size_of::<T>())).bench(|| black_box(&x).sum());
}

/// Over the rows of a matrix: its outputs lie side by side, its summands do not.
#[divan::bench(types = [f32, f64], args = [64, 4096])]
fn sum_of_columns<T: Float>(bencher: Bencher, n: usize) {
    let x = drawn::<T>([n, n]);
    let bytes = BytesCount::new(n * n * size_of::<T>());
    bencher.counter(bytes).bench(|| black_box(&x).sum_axis(0));
}

#[divan::bench(types = [f32, f64], args = [64, 4096])]
fn copy_of_a_transpose<T: Float>(bencher: Bencher, n: usize) {
    let x = drawn::<T>([n, n]).t();
    let bytes = BytesCount::new(2 * n * n * size_of::<T>());
    bencher.counter(bytes).bench(|| black_box(&x).to_contiguous());
}

/// A row that every row of a matrix is added to.
#[divan::bench(types = [f32, f64], args = [64, 4096])]
fn add_a_bias<T: Float>(bencher: Bencher, n: usize) {
    let (x, bias) = (drawn::<T>([n, n]), drawn::<T>([n]));
    let bytes = BytesCount::new(2 * n * n * size_of::<T>());
    bencher.counter(bytes).bench(|| black_box(&x) + black_box(&bias));
}

#[divan::bench(types = [f32, f64], args = [64, 4096])]
fn add_a_transpose<T: Float>(bencher: Bencher, n: usize) {
    let (x, y) = (drawn::<T>([n, n]).t(), drawn::<T>([n, n]));
    let bytes = BytesCount::new(3 * n * n * size_of::<T>());
    bencher.counter(bytes).bench(|| black_box(&x) + black_box(&y));
}

/// Items are multiply-adds.
#[divan::bench(types = [f32, f64], args = [16, 64, 256, 1024])]
fn matmul<T: Float>(bencher: Bencher, n: usize) {
    let (a, b) = (drawn::<T>([n, n]), drawn::<T>([n, n]));
    bencher.counter(ItemsCount::new(n * n * n)).bench(|| black_box(&a).matmul(black_box(&b)));
}

/// As a layer has it: `x Θᵀ`, the second operand a transposed view.
#[divan::bench(types = [f32, f64], args = [128, 1024])]
fn matmul_with_a_transpose<T: Float>(bencher: Bencher, n: usize) {
    let (a, b) = (drawn::<T>([n, n]), drawn::<T>([n, n]).t());
    bencher.counter(ItemsCount::new(n * n * n)).bench(|| black_box(&a).matmul(black_box(&b)));
}
