//! Programs on a tape as functions with rules: their gradient, and the gradient of that.

use tensor::Tensor;

use super::function::Differentiable;
use crate::{NoGradient, Tape, Var};

/// A function recorded on a tape, whatever its inputs are there: leaves, or parameters of a model.
pub trait Program {
    /// Records the function at `inputs` on an empty tape: the handles of the inputs, one each, and
    /// the output.
    fn record<'t>(
        &self,
        tape: &'t Tape,
        inputs: &[Tensor<f64>],
    ) -> (Vec<Var<'t, f64>>, Var<'t, f64>);

    /// What messages call an input.
    fn input_name(&self, input: usize) -> String {
        format!("input {input}")
    }
}

/// A closure of `N` variables.
pub(crate) struct Closure<F, const N: usize>(pub(crate) F);

impl<F, const N: usize> Program for Closure<F, N>
where
    F: for<'t> Fn([Var<'t, f64>; N]) -> Var<'t, f64>,
{
    fn record<'t>(
        &self,
        tape: &'t Tape,
        inputs: &[Tensor<f64>],
    ) -> (Vec<Var<'t, f64>>, Var<'t, f64>) {
        let x: [Var<'t, f64>; N] = std::array::from_fn(|i| tape.leaf(&inputs[i]));
        (x.to_vec(), (self.0)(x))
    }
}

/// The program and its gradient.
pub(crate) struct First<'a>(pub(crate) &'a dyn Program);

impl Differentiable for First<'_> {
    fn value(&self, inputs: &[Tensor<f64>]) -> Option<Vec<Tensor<f64>>> {
        let tape = Tape::new();
        let (_, y) = self.0.record(&tape, inputs);
        Some(vec![tape.eval(y).ok()?])
    }

    fn vjp(&self, inputs: &[Tensor<f64>], cotangents: &[Tensor<f64>]) -> Vec<Tensor<f64>> {
        let tape = Tape::new();
        let (x, y) = self.0.record(&tape, inputs);
        let g = tape.constant(&cotangents[0]);
        tape.eval(or_zero(&x, y.pull(g, &x))).unwrap_or_else(|e| panic!("{e}"))
    }

    fn input_name(&self, input: usize) -> String {
        self.0.input_name(input)
    }
}

/// The gradient `G(x, v) = J(x)ᵀ v`, a function of the inputs and of the cotangent `v`, and its own
/// gradient.
pub(crate) struct Second<'a> {
    pub(crate) program: &'a dyn Program,
    /// The number of inputs `x`.
    pub(crate) arity: usize,
}

impl Second<'_> {
    /// All variables, `v` last, and the gradients by `x`.
    fn gradients<'t>(
        &self,
        tape: &'t Tape,
        inputs: &[Tensor<f64>],
    ) -> (Vec<Var<'t, f64>>, Vec<Var<'t, f64>>) {
        let (mut x, y) = self.program.record(tape, &inputs[..self.arity]);
        let v = tape.leaf(&inputs[self.arity]);
        let gradients = or_zero(&x, y.pull(v, &x));
        x.push(v);
        (x, gradients)
    }
}

impl Differentiable for Second<'_> {
    fn value(&self, inputs: &[Tensor<f64>]) -> Option<Vec<Tensor<f64>>> {
        let tape = Tape::new();
        let (_, gradients) = self.gradients(&tape, inputs);
        tape.eval(gradients).ok()
    }

    fn vjp(&self, inputs: &[Tensor<f64>], cotangents: &[Tensor<f64>]) -> Vec<Tensor<f64>> {
        let tape = Tape::new();
        let (x, gradients) = self.gradients(&tape, inputs);
        let weighted = gradients.iter().zip(cotangents).map(|(&g, w)| (g * tape.constant(w)).sum());
        let Some(sum) = weighted.reduce(|a, b| a + b) else {
            return inputs.iter().map(|x| Tensor::zeros(x.shape())).collect();
        };
        let one = tape.constant(1.0);
        tape.eval(or_zero(&x, sum.pull(one, &x))).unwrap_or_else(|e| panic!("{e}"))
    }

    fn input_name(&self, input: usize) -> String {
        if input < self.arity {
            self.program.input_name(input)
        } else {
            "cotangent of the output".into()
        }
    }

    fn output_name(&self, output: usize) -> String {
        format!("(gradient by {})", self.program.input_name(output))
    }
}

/// Where the tape knows no gradient it claims that there is none, which differences can refute.
fn or_zero<'t>(
    x: &[Var<'t, f64>],
    gradients: Vec<Result<Var<'t, f64>, NoGradient>>,
) -> Vec<Var<'t, f64>> {
    let zero = |x: &Var<'t, f64>| x.tape().constant(Tensor::<f64>::zeros(x.shape()));
    x.iter().zip(gradients).map(|(x, g)| g.unwrap_or_else(|_| zero(x))).collect()
}
