//! The lecture, subsection by subsection; `docs/lecture.md` names the test beside each statement.

mod autoencoder;
mod backpropagation;
mod convergence;
mod deep_linear_gradients;
mod gradient_dynamics;
mod linear_units;
mod linearity;
mod matrix_derivatives;
mod mlp;
mod mlp3_fixture;
mod representation;
mod ridge;
mod sigmoid;
mod softmax;
mod support;
mod svd;
mod threshold;

use proptest::test_runner::{Config, RngSeed};
use tensor::Tensor;

/// What a property is drawn for: enough to meet the odd shape, little enough to be quick, and the
/// same in every run: a tolerance that holds once holds always.
fn cases() -> Config {
    Config {
        cases: 32,
        rng_seed: RngSeed::Fixed(4),
        failure_persistence: None,
        ..Config::default()
    }
}

/// Tensors of these shapes, of normal elements.
fn draw<const N: usize>(shapes: [&[usize]; N], seed: u64) -> [Tensor<f64>; N] {
    let mut rng = nn::rng(seed);
    shapes.map(|shape| Tensor::normal(shape, 0.0, 1.0, &mut rng))
}

/// Equal up to `tolerance`, absolute below 1 and relative above.
#[track_caller]
fn close(a: &Tensor<f64>, b: &Tensor<f64>, tolerance: f64) {
    assert!(a.allclose(b, tolerance, tolerance), "{a}\nis not\n{b}");
}
