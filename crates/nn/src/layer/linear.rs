//! The linear and the affine layer.

use rand::Rng;
use tape::{Param, Var};
use tensor::shape::Dims;
use tensor::{Float, Tensor};

use crate::{Module, init};

/// `y = x Θᵀ + b`: a linear map of each row, and a shift unless the layer has no bias.
///
/// The lecture has samples in columns, `Θx + b`; here they are rows. `Θ` is the same matrix.
#[derive(Clone, Debug, Module)]
pub struct Linear<T: Float> {
    /// `Θ`, of shape `[out, in]`.
    pub weight: Param<T>,
    /// `b`, of shape `[out]`.
    pub bias: Option<Param<T>>,
}

impl<T: Float> Linear<T> {
    /// A layer with [`xavier_uniform`](init::xavier_uniform) weights and a bias of 0.
    pub fn new<R: Rng + ?Sized>(inputs: usize, outputs: usize, rng: &mut R) -> Self {
        Linear::with_init(inputs, outputs, init::xavier_uniform, rng)
    }

    /// A layer with [`xavier_uniform`](init::xavier_uniform) weights and no bias.
    pub fn without_bias<R: Rng + ?Sized>(inputs: usize, outputs: usize, rng: &mut R) -> Self {
        let weight = Param::new(init::xavier_uniform([outputs, inputs], rng));
        Linear { weight, bias: None }
    }

    /// A layer whose weight `init` draws, given the shape `[out, in]`, and a bias of 0:
    /// `Linear::with_init(4, 3, init::kaiming_normal, &mut rng)`.
    ///
    /// # Panics
    /// When what `init` returns has another number of axes than two, or of rows than outputs.
    #[track_caller]
    pub fn with_init<R: Rng + ?Sized>(
        inputs: usize,
        outputs: usize,
        init: impl FnOnce([usize; 2], &mut R) -> Tensor<T>,
        rng: &mut R,
    ) -> Self {
        Linear::from_parts(init([outputs, inputs], rng), Some(Tensor::zeros([outputs])))
    }

    /// The layer with this weight of shape `[out, in]` and this bias of shape `[out]`.
    ///
    /// # Panics
    /// When the shapes are not these.
    #[track_caller]
    pub fn from_parts(weight: Tensor<T>, bias: Option<Tensor<T>>) -> Self {
        let &[outputs, _] = weight.shape() else {
            panic!("linear: a weight of shape {} is not [out, in]", Dims(weight.shape()));
        };
        if let Some(bias) = bias.as_ref().filter(|b| b.shape() != [outputs]) {
            let (weight, bias) = (Dims(weight.shape()), Dims(bias.shape()));
            panic!("linear: weight {weight} needs a bias [{outputs}], not {bias}");
        }
        Linear { weight: Param::new(weight), bias: bias.map(Param::new) }
    }

    /// How many numbers it takes.
    pub fn inputs(&self) -> usize {
        self.weight.shape()[1]
    }

    /// How many numbers it gives.
    pub fn outputs(&self) -> usize {
        self.weight.shape()[0]
    }

    /// `x Θᵀ + b` for `x` of shape `[in]`, `[batch, in]`, or with more axes in front.
    ///
    /// # Panics
    /// When the last axis of `x` has another size than the layer's inputs.
    #[track_caller]
    pub fn forward<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
        let y = product("linear", x, &self.weight);
        match &self.bias {
            Some(bias) => y + x.tape().param(bias),
            None => y,
        }
    }
}

/// `x Θᵀ`; `name` is what a message calls the map.
#[track_caller]
pub(crate) fn product<'t, T: Float>(name: &str, x: Var<'t, T>, weight: &Param<T>) -> Var<'t, T> {
    let (shape, inputs) = (x.shape(), weight.shape()[1]);
    if shape.last() != Some(&inputs) {
        let (x, weight) = (Dims(&shape), Dims(weight.shape()));
        panic!("{name}: x {x} with weight {weight}: the last axis of x must have size {inputs}");
    }
    x.matmul(x.tape().param(weight).t())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tape::Tape;
    use tensor::tensor;

    fn layer() -> Linear<f64> {
        Linear::from_parts(tensor![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], Some(tensor![0.5, -0.5]))
    }

    #[test]
    fn forward_maps_each_row() {
        let (layer, tape) = (layer(), Tape::new());
        let x = tape.constant(tensor![[1.0, 0.0, -1.0], [2.0, 1.0, 0.0]]);
        assert_eq!(layer.forward(x).value(), tensor![[-1.5, -2.5], [4.5, 12.5]]);
        let row = tape.constant(tensor![1.0, 0.0, -1.0]);
        assert_eq!(layer.forward(row).value(), tensor![-1.5, -2.5]);
        let cube = tape.constant(Tensor::<f64>::ones([4, 1, 3]));
        assert_eq!(layer.forward(cube).shape()[..], [4, 1, 2]);
        assert_eq!((layer.inputs(), layer.outputs()), (3, 2));
    }

    #[test]
    fn gradients_are_those_of_an_affine_map() {
        // L = Σ g ⊙ (x Θᵀ + b): dΘ = gᵀ x, db = Σ rows of g, dx = g Θ.
        let (layer, tape) = (layer(), Tape::new());
        let (x, g) = (tensor![[1.0, 0.0, -1.0], [2.0, 1.0, 0.0]], tensor![[1.0, 2.0], [-1.0, 3.0]]);
        let v = tape.leaf(&x);
        let loss = (layer.forward(v) * tape.constant(&g)).sum();
        let [dx] = loss.grad([v]);
        assert_eq!(dx.value(), g.matmul(layer.weight.value()));
        let grads = loss.backward();
        assert_eq!(grads[&layer.weight], g.t().matmul(&x));
        assert_eq!(grads[layer.bias.as_ref().expect("has a bias")], g.sum_axis(0));
    }

    #[test]
    fn new_layers_have_the_shapes_asked_for() {
        let mut rng = tensor::rng(0);
        let layer = Linear::<f32>::new(5, 2, &mut rng);
        assert_eq!(layer.weight.shape(), [2, 5]);
        assert_eq!(layer.bias.expect("has a bias").value().to_vec(), [0.0, 0.0]);
        assert!(Linear::<f32>::without_bias(5, 2, &mut rng).bias.is_none());
        let kaiming = Linear::<f32>::with_init(5, 2, init::kaiming_normal, &mut rng);
        assert_eq!(kaiming.parameter_count(), 12);
    }

    #[test]
    #[should_panic(
        expected = "linear: x [4, 2] with weight [2, 3]: the last axis of x must have size 3"
    )]
    fn a_wrong_input_panics_with_both_shapes() {
        layer().forward(Tape::new().constant(Tensor::<f64>::zeros([4, 2])));
    }

    #[test]
    #[should_panic(expected = "linear: weight [2, 3] needs a bias [2], not [3]")]
    fn a_wrong_bias_panics_with_both_shapes() {
        Linear::<f64>::from_parts(Tensor::zeros([2, 3]), Some(Tensor::zeros([3])));
    }
}
