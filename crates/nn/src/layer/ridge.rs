//! The ridge layer: a linear map, then an activation.

use rand::Rng;
use tape::Var;
use tensor::Float;

use crate::{Activation, Linear, Module, init};

/// `φ(x Θᵀ + b)`: each unit is a ridge function, constant across the directions orthogonal to
/// its row of `Θ`.
#[derive(Clone, Debug, Module)]
pub struct Ridge<T: Float> {
    /// `x Θᵀ + b`.
    pub linear: Linear<T>,
    /// `φ`.
    pub activation: Activation,
}

impl<T: Float> Ridge<T> {
    /// A layer with weights that suit the activation ([`init::for_activation`]) and a bias of 0.
    pub fn new<R: Rng + ?Sized>(
        inputs: usize,
        outputs: usize,
        activation: Activation,
        rng: &mut R,
    ) -> Self {
        let draw = |shape, rng: &mut R| init::for_activation(activation, shape, rng);
        Ridge { linear: Linear::with_init(inputs, outputs, draw, rng), activation }
    }

    /// `φ(x Θᵀ + b)` for `x` of shape `[in]`, `[batch, in]`, or with more axes in front.
    ///
    /// # Panics
    /// As [`Linear::forward`].
    #[track_caller]
    pub fn forward<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
        self.activation.apply(self.linear.forward(x))
    }
}

/// Layers of these widths, one after the other: `[4, 3, 2]` makes two. The last one has the
/// activation `end`, the others have `hidden`.
///
/// # Panics
/// When there are fewer than two widths, or one between the first and the last is 0: nothing that
/// is learned would depend on the input.
#[track_caller]
pub(crate) fn stack<T: Float, R: Rng + ?Sized>(
    widths: &[usize],
    hidden: Activation,
    end: Activation,
    rng: &mut R,
) -> Vec<Ridge<T>> {
    assert!(widths.len() > 1, "a stack of layers needs two widths or more, not {widths:?}");
    let last = widths.len() - 2;
    let hidden_widths = &widths[1..=last];
    assert!(!hidden_widths.contains(&0), "a hidden layer of no unit: widths {widths:?}");
    let activation = |i| if i == last { end } else { hidden };
    let pairs = widths.windows(2).enumerate();
    pairs.map(|(i, w)| Ridge::new(w[0], w[1], activation(i), rng)).collect()
}

/// One layer after the other.
#[track_caller]
pub(crate) fn forward<'t, T: Float>(layers: &[Ridge<T>], mut x: Var<'t, T>) -> Var<'t, T> {
    for layer in layers {
        x = layer.forward(x);
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;
    use tape::Tape;
    use tensor::tensor;

    #[test]
    fn the_activation_follows_the_affine_map() {
        let linear = Linear::from_parts(tensor![[1.0, 2.0], [-1.0, 0.0]], Some(tensor![1.0, 0.0]));
        let layer = Ridge { linear, activation: Activation::Relu };
        let tape = Tape::new();
        let x = tape.constant(tensor![[1.0, 1.0], [2.0, -3.0]]);
        assert_eq!(layer.forward(x).value(), tensor![[4.0, 0.0], [0.0, 0.0]]);
    }

    #[test]
    fn the_gradient_of_a_unit_points_along_its_input() {
        // ∇_θ φ(x·θ) = φ'(x·θ) x, the lecture's update direction.
        let layer = Ridge {
            linear: Linear::from_parts(tensor![[0.3, -0.7, 0.2]], None),
            activation: Activation::Logistic,
        };
        let (tape, x) = (Tape::new(), tensor![1.0, 2.0, -1.0]);
        let y = layer.forward(tape.constant(&x)).sum();
        let s: f64 = y.item();
        let expected = (&x * (s * (1.0 - s))).reshape([1, 3]);
        assert!(y.backward()[&layer.linear.weight].allclose(&expected, 1e-14, 0.0));
    }

    #[test]
    fn stacks_have_the_widths_asked_for() {
        let mut rng = tensor::rng(0);
        let layers: Vec<Ridge<f32>> =
            stack(&[4, 3, 2], Activation::Tanh, Activation::Identity, &mut rng);
        let shapes: Vec<&[usize]> = layers.iter().map(|l| l.linear.weight.shape()).collect();
        assert_eq!(shapes, [&[3, 4][..], &[2, 3]]);
        let kinds: Vec<Activation> = layers.iter().map(|l| l.activation).collect();
        assert_eq!(kinds, [Activation::Tanh, Activation::Identity]);
    }

    #[test]
    #[should_panic(expected = "a hidden layer of no unit: widths [4, 0, 2]")]
    fn a_hidden_layer_of_no_unit_panics() {
        stack::<f32, _>(&[4, 0, 2], Activation::Tanh, Activation::Tanh, &mut tensor::rng(0));
    }

    #[test]
    #[should_panic(expected = "needs two widths or more, not [4]")]
    fn a_stack_of_one_width_panics() {
        stack::<f32, _>(&[4], Activation::Tanh, Activation::Tanh, &mut tensor::rng(0));
    }
}
