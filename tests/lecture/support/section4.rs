//! What the tests of section 4 share: how values are drawn and compared.

use proptest::prelude::*;
use tape::{Tape, Var};
use tensor::Tensor;

/// A tensor of this shape with elements between `-range` and `range`.
pub fn tensor_in(range: f64, shape: &[usize]) -> BoxedStrategy<Tensor<f64>> {
    let shape = shape.to_vec();
    let elements = proptest::collection::vec(-range..range, shape.iter().product::<usize>());
    elements.prop_map(move |x| Tensor::from_vec(x, &shape).expect("as many as the shape")).boxed()
}

/// Inputs `x: [batch, n]` and weights `Θ: [m, n]`.
pub fn layer() -> impl Strategy<Value = (Tensor<f64>, Tensor<f64>)> {
    let sizes = (1usize..4, 1usize..5, 1usize..4);
    sizes.prop_flat_map(|(batch, n, m)| (tensor_in(2.0, &[batch, n]), tensor_in(1.5, &[m, n])))
}

/// An input `x: [n]` and weights `θ: [n]` of a unit.
pub fn unit() -> impl Strategy<Value = (Tensor<f64>, Tensor<f64>)> {
    (2usize..6).prop_flat_map(|n| (tensor_in(2.0, &[n]), tensor_in(1.5, &[n])))
}

/// Whether two numbers agree to `digits` of the larger of them and 1.
pub fn close(a: f64, b: f64, digits: f64) -> bool {
    (a - b).abs() <= digits * a.abs().max(b.abs()).max(1.0)
}

/// A function of a number, and the tape's derivative of it.
pub fn with_slope(f: impl for<'t> Fn(Var<'t, f64>) -> Var<'t, f64>, z: f64) -> (f64, f64) {
    let tape = Tape::new();
    let z = tape.leaf(z);
    let y = f(z);
    let [d] = y.grad([z]);
    (y.item(), d.item())
}
