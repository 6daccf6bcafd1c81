//! Where training starts: random weights of shape `[out, in]`.
//!
//! A weight `Θ` of shape `[out, in]` maps `in` numbers to `out` numbers, so its fan-in is the size
//! of the *last* axis and its fan-out that of the first. Each function draws row by row from the
//! generator it is given, so a seed means the same weights in every version.

use rand::Rng;
use tensor::{Float, Tensor};

use crate::Activation;

/// The lecture's: evenly from `[-1/n, 1/n)`, where `n` is the fan-in. The variance is `1 / (3n²)`.
pub fn reciprocal<T: Float, R: Rng + ?Sized>(shape: [usize; 2], rng: &mut R) -> Tensor<T> {
    symmetric(shape, 1.0 / at_least_one(shape[1]), rng)
}

/// Evenly from `[-a, a)` with `a = √(6 / (in + out))`, so that the variance is
/// `2 / (in + out)`: a compromise between keeping the variance of activations and that of
/// gradients from layer to layer.
///
/// X. Glorot, Y. Bengio: *Understanding the difficulty of training deep feedforward neural
/// networks*, AISTATS 2010, equation 16.
pub fn xavier_uniform<T: Float, R: Rng + ?Sized>(shape: [usize; 2], rng: &mut R) -> Tensor<T> {
    symmetric(shape, (6.0 / at_least_one(shape[0] + shape[1])).sqrt(), rng)
}

/// From the normal distribution of mean 0 and variance `2 / (in + out)`.
///
/// Glorot and Bengio 2010, equation 12; see [`xavier_uniform`].
pub fn xavier_normal<T: Float, R: Rng + ?Sized>(shape: [usize; 2], rng: &mut R) -> Tensor<T> {
    centred(shape, (2.0 / at_least_one(shape[0] + shape[1])).sqrt(), rng)
}

/// Evenly from `[-a, a)` with `a = √(6 / in)`, so that the variance is `2 / in`: that of the
/// activations then stays the same through layers of rectified linear units, which halve it (hence
/// the gain `√2`).
///
/// K. He, X. Zhang, S. Ren, J. Sun: *Delving deep into rectifiers*, ICCV 2015, equation 10.
pub fn kaiming_uniform<T: Float, R: Rng + ?Sized>(shape: [usize; 2], rng: &mut R) -> Tensor<T> {
    symmetric(shape, (6.0 / at_least_one(shape[1])).sqrt(), rng)
}

/// From the normal distribution of mean 0 and variance `2 / in`.
///
/// He et al. 2015, equation 10; see [`kaiming_uniform`].
pub fn kaiming_normal<T: Float, R: Rng + ?Sized>(shape: [usize; 2], rng: &mut R) -> Tensor<T> {
    centred(shape, (2.0 / at_least_one(shape[1])).sqrt(), rng)
}

/// What suits a layer with this activation: [`kaiming_uniform`] before rectifiers and their smooth
/// relatives, [`xavier_uniform`] before all others.
pub fn for_activation<T: Float, R: Rng + ?Sized>(
    activation: Activation,
    shape: [usize; 2],
    rng: &mut R,
) -> Tensor<T> {
    match activation {
        Activation::Relu
        | Activation::LeakyRelu { .. }
        | Activation::Elu { .. }
        | Activation::Gelu
        | Activation::Silu => kaiming_uniform(shape, rng),
        _ => xavier_uniform(shape, rng),
    }
}

/// A weight without inputs has no element to draw, but needs a finite range all the same.
fn at_least_one(fan: usize) -> f64 {
    fan.max(1) as f64
}

fn symmetric<T: Float, R: Rng + ?Sized>(shape: [usize; 2], bound: f64, rng: &mut R) -> Tensor<T> {
    Tensor::uniform(shape, T::of(-bound), T::of(bound), rng)
}

fn centred<T: Float, R: Rng + ?Sized>(shape: [usize; 2], std: f64, rng: &mut R) -> Tensor<T> {
    Tensor::normal(shape, T::zero(), T::of(std), rng)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Init = fn([usize; 2], &mut tensor::Rng) -> Tensor<f64>;

    /// Few outputs, many inputs: a mix-up of the two fans is a factor, not a nuance.
    const SHAPE: [usize; 2] = [20, 500];

    fn moments(init: Init) -> (f64, f64, f64) {
        let w = init(SHAPE, &mut tensor::rng(3));
        assert_eq!(w.shape(), SHAPE);
        let n = w.len() as f64;
        let mean = w.iter().sum::<f64>() / n;
        let variance = w.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
        (mean, variance, w.iter().fold(0.0, |m, x| x.abs().max(m)))
    }

    #[test]
    fn variances_follow_from_the_fans_of_out_in() {
        let (out, fan_in) = (20.0, 500.0);
        let rows: [(Init, f64); 5] = [
            (reciprocal, 1.0 / (3.0 * fan_in * fan_in)),
            (xavier_uniform, 2.0 / (fan_in + out)),
            (xavier_normal, 2.0 / (fan_in + out)),
            (kaiming_uniform, 2.0 / fan_in),
            (kaiming_normal, 2.0 / fan_in),
        ];
        for (i, (init, expected)) in rows.into_iter().enumerate() {
            let (mean, variance, _) = moments(init);
            assert!(mean.abs() < 4.0 * (expected / 1e4).sqrt(), "{i}: mean {mean}");
            assert!((variance / expected - 1.0).abs() < 0.06, "{i}: variance {variance}");
        }
    }

    #[test]
    fn uniform_weights_reach_their_bounds_and_stay_within() {
        let rows: [(Init, f64); 3] = [
            (reciprocal, 1.0 / 500.0),
            (xavier_uniform, (6.0f64 / 520.0).sqrt()),
            (kaiming_uniform, (6.0f64 / 500.0).sqrt()),
        ];
        for (init, bound) in rows {
            let (_, _, largest) = moments(init);
            assert!(largest <= bound && largest > 0.99 * bound, "{largest} of {bound}");
        }
    }

    #[test]
    fn rectifiers_start_wider() {
        let draw = |a| for_activation::<f64, _>(a, SHAPE, &mut tensor::rng(1));
        assert_eq!(draw(Activation::Relu), kaiming_uniform(SHAPE, &mut tensor::rng(1)));
        assert_eq!(draw(Activation::Tanh), xavier_uniform(SHAPE, &mut tensor::rng(1)));
    }

    #[test]
    fn the_numbers_of_f32_are_those_of_f64() {
        let wide = kaiming_normal::<f64, _>([3, 4], &mut tensor::rng(9));
        let narrow = kaiming_normal::<f32, _>([3, 4], &mut tensor::rng(9));
        assert!(narrow.cast::<f64>().allclose(&wide, 1e-6, 0.0));
    }

    #[test]
    fn a_layer_without_inputs_has_an_empty_weight() {
        for init in [reciprocal, xavier_uniform, kaiming_normal] as [Init; 3] {
            assert_eq!(init([3, 0], &mut tensor::rng(0)).shape(), [3, 0]);
        }
    }
}
