//! What a slide claims about a gradient, put to the proof: the formula, the tape and finite
//! differences of the function must agree, or the formula must be refuted.

use nn::prelude::*;
use tape::check::{Differentiable, Gradcheck, GradcheckError};

/// A scalar function and the formula that is claimed for its gradient.
struct Claim<F, G, const N: usize> {
    function: F,
    formula: G,
}

impl<F, G, const N: usize> Differentiable for Claim<F, G, N>
where
    F: for<'t> Fn([Var<'t, f64>; N]) -> Var<'t, f64>,
    G: Fn([&Tensor<f64>; N]) -> [Tensor<f64>; N],
{
    fn value(&self, inputs: &[Tensor<f64>]) -> Option<Vec<Tensor<f64>>> {
        let tape = Tape::new();
        let x = std::array::from_fn(|i| tape.constant(&inputs[i]));
        Some(vec![(self.function)(x).value()])
    }

    fn vjp(&self, inputs: &[Tensor<f64>], cotangents: &[Tensor<f64>]) -> Vec<Tensor<f64>> {
        let formula = (self.formula)(std::array::from_fn(|i| &inputs[i]));
        formula.into_iter().map(|gradient| gradient * &cotangents[0]).collect()
    }
}

/// Asserts that the formula is the gradient: that of the tape, and that of finite differences.
#[track_caller]
pub fn holds<const N: usize>(
    function: impl for<'t> Fn([Var<'t, f64>; N]) -> Var<'t, f64>,
    formula: impl Fn([&Tensor<f64>; N]) -> [Tensor<f64>; N],
    at: [Tensor<f64>; N],
) {
    let written = formula(at.each_ref());
    let (_, taped) = tape::value_and_grad(&function, at.clone()).expect("finite data");
    for (i, (written, taped)) in written.iter().zip(&taped).enumerate() {
        let size = taped.iter().fold(1.0, |m: f64, x| m.max(x.abs()));
        let same = written.allclose(taped, 0.0, 1e-12 * size);
        assert!(same, "by input {i} the tape says\n{taped}\nand the formula\n{written}");
    }
    if let Err(error) = Gradcheck::new().check_function(&Claim { function, formula }, &at) {
        panic!("{error}");
    }
}

/// Asserts that the formula is not the gradient: finite differences contradict it, or it has not
/// even the shape.
#[track_caller]
pub fn refuted<const N: usize>(
    function: impl for<'t> Fn([Var<'t, f64>; N]) -> Var<'t, f64>,
    formula: impl Fn([&Tensor<f64>; N]) -> [Tensor<f64>; N],
    at: [Tensor<f64>; N],
) {
    match Gradcheck::new().check_function(&Claim { function, formula }, &at) {
        Err(GradcheckError::Wrong(_) | GradcheckError::Shape { .. }) => {}
        other => panic!("the formula was not refuted: {other:?}"),
    }
}
