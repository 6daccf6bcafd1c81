//! Softmax regression: the linear classifier.

use rand::Rng;
use tape::{Tape, Var};
use tensor::{Float, Tensor};

use crate::{Linear, Module, loss};

/// Class probabilities `σᵐᵃˣ(x Θᵀ + b)`: a linear layer and a softmax.
///
/// The lecture has no `b`; it is one more column of `Θ` for an input that is always 1, and
/// [`without_bias`](Self::without_bias) leaves it out.
#[derive(Clone, Debug, Module)]
pub struct SoftmaxRegression<T: Float> {
    /// From the input to the logits, `Θ` of shape `[classes, in]`.
    pub linear: Linear<T>,
}

impl<T: Float> SoftmaxRegression<T> {
    /// A classifier with [`xavier_uniform`](crate::init::xavier_uniform) weights and a bias of 0.
    pub fn new<R: Rng + ?Sized>(inputs: usize, classes: usize, rng: &mut R) -> Self {
        SoftmaxRegression { linear: Linear::new(inputs, classes, rng) }
    }

    /// As [`new`](Self::new), without a bias.
    pub fn without_bias<R: Rng + ?Sized>(inputs: usize, classes: usize, rng: &mut R) -> Self {
        SoftmaxRegression { linear: Linear::without_bias(inputs, classes, rng) }
    }

    /// The logits: `[batch, in]` to `[batch, classes]`. Their softmax along the last axis is the
    /// probabilities; a loss takes the logits themselves.
    ///
    /// # Panics
    /// When the last axis of `x` differs from the input's size.
    #[track_caller]
    pub fn forward<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
        self.linear.forward(x)
    }

    /// The cross-entropy against the classes `labels: [batch]`, averaged over the samples.
    ///
    /// # Panics
    /// When the shapes do not fit.
    #[track_caller]
    pub fn loss<'t>(&self, x: Var<'t, T>, labels: Var<'t, i64>) -> Var<'t, T> {
        loss::cross_entropy(self.forward(x), labels)
    }

    /// The likeliest class of each row of `x`, the first of them if several are equally likely.
    ///
    /// # Panics
    /// As [`forward`](Self::forward).
    #[track_caller]
    pub fn predict(&self, x: &Tensor<T>) -> Tensor<i64> {
        let tape = Tape::inference();
        self.forward(tape.constant(x)).argmax_axis(-1).value()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::tensor;

    fn model() -> SoftmaxRegression<f64> {
        let theta = tensor![[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]];
        SoftmaxRegression { linear: Linear::from_parts(theta, None) }
    }

    #[test]
    fn the_largest_logit_is_predicted() {
        let x = tensor![[2.0, 1.0], [0.0, 3.0], [-1.0, -1.0], [0.0, 0.0]];
        assert_eq!(model().predict(&x), tensor![0i64, 1, 2, 0]);
    }

    #[test]
    fn the_gradient_is_softmax_minus_one_hot_times_input() {
        let (model, x) = (model(), tensor![[2.0, 1.0], [0.5, -3.0]]);
        let tape = Tape::new();
        let v = tape.constant(&x);
        let p = model.forward(v).softmax(-1).value();
        let y = tensor![[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]];
        let grads = model.loss(v, tape.constant(tensor![2i64, 0])).backward();
        let expected = (p - y).t().matmul(&x) / 2.0;
        assert!(grads[&model.linear.weight].allclose(&expected, 1e-14, 1e-16));
    }

    #[test]
    fn two_classes_are_a_logistic_unit() {
        // σᵐᵃˣ₁ with θ₁, θ₂ is σ with θ = θ₁ - θ₂.
        let model = SoftmaxRegression::<f64>::without_bias(3, 2, &mut tensor::rng(4));
        let x = Tensor::normal([5, 3], 0.0, 1.0, &mut tensor::rng(5));
        let theta = model.linear.weight.value();
        let difference = theta.index_axis(0, 0) - theta.index_axis(0, 1);
        let tape = Tape::new();
        let v = tape.constant(&x);
        let softmax = model.forward(v).softmax(-1).value().index_axis(1, 0);
        let logistic = v.matmul(tape.constant(&difference)).sigmoid().value();
        assert!(softmax.allclose(&logistic, 1e-14, 0.0));
    }
}
