//! The multilayer perceptron of any depth.

use rand::Rng;
use tape::{Tape, Var};
use tensor::{Float, Tensor};

use crate::layer::ridge;
use crate::{Activation, Module, Ridge};

/// Ridge layers, one after the other; the last one is affine.
#[derive(Clone, Debug, Module)]
pub struct Mlp<T: Float> {
    /// From the input to the output.
    pub layers: Vec<Ridge<T>>,
}

impl<T: Float> Mlp<T> {
    /// Widths from the input to the output, such as `[784, 128, 10]`. Every layer has the
    /// activation but the last, whose output is what a loss takes: values or logits.
    ///
    /// # Panics
    /// When there are fewer than two widths, or a hidden one is 0.
    #[track_caller]
    pub fn new<R: Rng + ?Sized>(widths: &[usize], activation: Activation, rng: &mut R) -> Self {
        Mlp { layers: ridge::stack(widths, activation, Activation::Identity, rng) }
    }

    /// The outputs of inputs: `[batch, first]` to `[batch, last]`.
    ///
    /// # Panics
    /// When the last axis of `x` differs from the input's size.
    #[track_caller]
    pub fn forward<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
        ridge::forward(&self.layers, x)
    }

    /// The class of each row of `x` whose output is largest, the first of them if several are; for
    /// a model that was trained as a classifier.
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

    #[test]
    fn layers_follow_each_other_and_the_last_is_affine() {
        let mut model = Mlp::<f64>::new(&[2, 2, 1], Activation::Relu, &mut tensor::rng(0));
        model.layers[0].linear.weight.set(tensor![[1.0, -1.0], [2.0, 0.0]]);
        model.layers[1].linear.weight.set(tensor![[-1.0, -1.0]]);
        let y = model.forward(Tape::new().constant(tensor![[1.0, 3.0], [3.0, 1.0]])).value();
        assert_eq!(y, tensor![[-2.0], [-8.0]]);
    }

    #[test]
    fn the_largest_output_is_predicted() {
        let mut model = Mlp::<f64>::new(&[2, 3], Activation::Relu, &mut tensor::rng(0));
        model.layers[0].linear.weight.set(tensor![[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]]);
        let x = tensor![[2.0, 1.0], [0.0, 3.0], [-1.0, -1.0], [0.0, 0.0]];
        assert_eq!(model.predict(&x), tensor![0i64, 1, 2, 0]);
    }

    #[test]
    fn every_parameter_gets_a_gradient_of_its_shape() {
        let model = Mlp::<f32>::new(&[3, 4, 4, 2], Activation::Silu, &mut tensor::rng(0));
        let tape = Tape::new();
        let x = tape.constant(Tensor::<f32>::ones([5, 3]));
        let grads = model.forward(x).square().sum().backward();
        for (path, param) in model.named_parameters() {
            let param = param.get::<f32>().expect("the model is f32");
            assert_eq!(grads[param].shape(), param.shape(), "{path}");
        }
        assert_eq!(grads.len(), 6);
    }

    #[test]
    #[should_panic(expected = "linear: x [2, 5] with weight [4, 3]")]
    fn a_wrong_input_panics_with_the_shapes() {
        let model = Mlp::<f64>::new(&[3, 4, 2], Activation::Tanh, &mut tensor::rng(0));
        model.forward(Tape::new().constant(Tensor::<f64>::zeros([2, 5])));
    }
}
