//! Rewind, as its users write it.

mod kernels;
mod step;
mod training;

use nn::tensor::{Float, Tensor};
use wire::Row;

fn main() {
    let version = concat!("Rewind ", env!("CARGO_PKG_VERSION"));
    wire::serve(version, |row| if row.double { make::<f64>(row) } else { make::<f32>(row) });
}

fn make<T: Float>(row: &Row) -> Option<Box<dyn wire::Bench>> {
    training::make::<T>(row).or_else(|| kernels::make::<T>(row))
}

/// The numbers of `seed`, as a tensor.
fn uniform<T: Float>(seed: u32, shape: &[usize], scale: f64) -> Tensor<T> {
    let values = wire::uniform(seed, shape.iter().product(), scale).map(T::of);
    Tensor::from_vec(values.collect(), shape).expect("as many as the shape holds")
}

fn digest<T: Float>(values: &Tensor<T>) -> [f64; 2] {
    wire::digest(values.view().iter().map(Float::wide))
}
