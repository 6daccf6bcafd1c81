//! The lecture's three-layer perceptron.

use rand::Rng;
use tape::{Param, Var};
use tensor::Float;

use crate::{Module, init, loss};

/// `f(x) = β σ(Θx)`: `n` inputs, `m` logistic units, one output. The lecture's class `MLP3`, with
/// its names and its initialisation.
#[derive(Clone, Debug, Module)]
pub struct Mlp3<T: Float> {
    /// `Θ`, `[m, n]`: what each unit looks for.
    pub theta: Param<T>,
    /// `β`, `[1, m]`: how the units add up.
    pub beta: Param<T>,
}

impl<T: Float> Mlp3<T> {
    /// `Θ` drawn evenly from `[-1/n, 1/n)` and `β` from `[-1/m, 1/m)`.
    pub fn new<R: Rng + ?Sized>(n: usize, m: usize, rng: &mut R) -> Self {
        let theta = Param::new(init::reciprocal([m, n], rng));
        Mlp3 { theta, beta: Param::new(init::reciprocal([1, m], rng)) }
    }

    /// The activities of the units, `σ(x Θᵀ)`: `[batch, n]` to `[batch, m]`.
    ///
    /// # Panics
    /// When the last axis of `x` has not the size `n`.
    #[track_caller]
    pub fn hidden<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
        x.matmul(x.tape().param(&self.theta).t()).sigmoid()
    }

    /// `σ(x Θᵀ) βᵀ`: `[batch, n]` to `[batch, 1]`.
    ///
    /// # Panics
    /// When the last axis of `x` has not the size `n`.
    #[track_caller]
    pub fn forward<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
        self.hidden(x).matmul(x.tape().param(&self.beta).t())
    }

    /// `½(f(x) - y)²`, averaged over the samples; `y` is `[batch, 1]`. (The lecture's code adds its
    /// gradient up over the samples.)
    ///
    /// # Panics
    /// When the shapes do not fit.
    #[track_caller]
    pub fn loss<'t>(&self, x: Var<'t, T>, y: Var<'t, T>) -> Var<'t, T> {
        loss::half_squared_error(self.forward(x), y)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tape::Tape;
    use tensor::{Tensor, tensor};

    #[test]
    fn forward_is_the_formula_of_the_lecture() {
        let model = Mlp3::<f64>::new(3, 5, &mut tensor::rng(2));
        let x = tensor![0.5, -1.0, 2.0];
        let unit = |j: usize| {
            let w: f64 = (0..3).map(|i| model.theta.value()[[j, i]] * x[[i]]).sum();
            model.beta.value()[[0, j]] / (1.0 + (-w).exp())
        };
        let expected: f64 = (0..5).map(unit).sum();
        let y = model.forward(Tape::new().constant(x.reshape([1, 3]))).value();
        assert_eq!(y.shape(), [1, 1]);
        assert!((y.item() - expected).abs() < 1e-15);
    }

    #[test]
    fn gradients_are_those_of_the_code_of_the_lecture() {
        // g['bet'] = (out - y) hidᵀ, g['tet'] = (βᵀ(out - y) * (hid - hid²)) xᵀ, samples in
        // columns.
        let model = Mlp3::<f64>::new(3, 5, &mut tensor::rng(2));
        let (x, y) = (
            Tensor::normal([4, 3], 0.0, 1.0, &mut tensor::rng(3)),
            tensor![[1.0], [0.0], [2.0], [-1.0]],
        );
        let tape = Tape::new();
        let (vx, vy) = (tape.constant(&x), tape.constant(&y));
        let hid = model.hidden(vx).value().t();
        let delta = (model.forward(vx).value() - &y).t();
        let sensitivity = &hid - &hid * &hid;
        let beta = delta.matmul(&hid.t()) / 4.0;
        let theta = (model.beta.value().t().matmul(&delta) * sensitivity).matmul(&x) / 4.0;
        let grads = model.loss(vx, vy).backward();
        assert!(grads[&model.beta].allclose(&beta, 1e-13, 1e-16));
        assert!(grads[&model.theta].allclose(&theta, 1e-13, 1e-16));
    }

    #[test]
    fn weights_start_within_the_bounds_of_the_lecture() {
        let model = Mlp3::<f64>::new(10, 50, &mut tensor::rng(0));
        assert_eq!((model.theta.shape(), model.beta.shape()), (&[50, 10][..], &[1, 50][..]));
        let largest = |p: &Param<f64>| p.value().iter().fold(0.0, |m: f64, x| m.max(x.abs()));
        assert!((0.098..=0.1).contains(&largest(&model.theta)));
        assert!((0.018..=0.02).contains(&largest(&model.beta)));
    }
}
