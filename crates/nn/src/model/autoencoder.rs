//! The nonlinear autoencoder.

use rand::Rng;
use tape::{Tape, Var};
use tensor::{Float, Tensor};

use crate::layer::ridge;
use crate::{Activation, Module, Ridge, loss};

/// Ridge layers down to a code and up again.
#[derive(Clone, Debug, Module)]
pub struct Autoencoder<T: Float> {
    /// From the input to the code.
    pub encoder: Vec<Ridge<T>>,
    /// From the code to the output.
    pub decoder: Vec<Ridge<T>>,
}

impl<T: Float> Autoencoder<T> {
    /// Widths from the input to the code, such as `[64, 32, 8]`; the decoder goes the same way
    /// back. Every layer has the activation but the last, the output, which is affine.
    ///
    /// # Panics
    /// When there are fewer than two widths, or a hidden one is 0.
    #[track_caller]
    pub fn new<R: Rng + ?Sized>(widths: &[usize], activation: Activation, rng: &mut R) -> Self {
        let back: Vec<usize> = widths.iter().rev().copied().collect();
        let encoder = ridge::stack(widths, activation, activation, rng);
        Autoencoder { encoder, decoder: ridge::stack(&back, activation, Activation::Identity, rng) }
    }

    /// The codes of inputs.
    ///
    /// # Panics
    /// When the last axis of `x` differs from the input's size.
    #[track_caller]
    pub fn encode<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
        ridge::forward(&self.encoder, x)
    }

    /// The outputs of codes.
    ///
    /// # Panics
    /// When the last axis of `z` differs from the code's size.
    #[track_caller]
    pub fn decode<'t>(&self, z: Var<'t, T>) -> Var<'t, T> {
        ridge::forward(&self.decoder, z)
    }

    /// The reconstructions of inputs: [`decode`](Self::decode) of [`encode`](Self::encode).
    ///
    /// # Panics
    /// As [`encode`](Self::encode).
    #[track_caller]
    pub fn forward<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
        self.decode(self.encode(x))
    }

    /// The lecture's `L = 1/(2n) Σᵢ ‖xᵢ - yᵢ‖²`.
    ///
    /// # Panics
    /// As [`encode`](Self::encode).
    #[track_caller]
    pub fn loss<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
        loss::half_squared_error(self.forward(x), x)
    }

    /// The reconstructions of a tensor, computed at once and without derivatives.
    ///
    /// # Panics
    /// As [`encode`](Self::encode).
    #[track_caller]
    pub fn reconstruct(&self, x: &Tensor<T>) -> Tensor<T> {
        let tape = Tape::inference();
        self.forward(tape.constant(x)).value()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LinearAutoencoder;

    #[test]
    fn the_decoder_mirrors_the_encoder() {
        let mut rng = tensor::rng(0);
        let model = Autoencoder::<f32>::new(&[6, 4, 2], Activation::Tanh, &mut rng);
        let shapes: Vec<_> =
            model.named_parameters().iter().map(|(_, p)| p.shape().to_vec()).collect();
        let expected: [&[usize]; 8] = [&[4, 6], &[4], &[2, 4], &[2], &[4, 2], &[4], &[6, 4], &[6]];
        assert_eq!(shapes, expected);
        assert_eq!(model.decoder[1].activation, Activation::Identity);
        let x = Tensor::<f32>::ones([3, 6]);
        assert_eq!(model.reconstruct(&x).shape(), [3, 6]);
        assert_eq!(model.encode(Tape::new().constant(&x)).shape()[..], [3, 2]);
    }

    #[test]
    fn with_identity_activations_it_is_the_linear_one() {
        let mut rng = tensor::rng(0);
        let model = Autoencoder::<f64>::new(&[5, 2], Activation::Identity, &mut rng);
        let mut linear = LinearAutoencoder::new(5, 2, &mut rng);
        linear.c.set(model.encoder[0].linear.weight.value().clone());
        linear.d.set(model.decoder[0].linear.weight.value().clone());
        let tape = Tape::new();
        let x = tape.constant(Tensor::normal([4, 5], 0.0, 1.0, &mut rng));
        assert_eq!(model.loss(x).item(), linear.loss(x).item());
    }
}
