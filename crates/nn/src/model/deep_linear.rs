//! The deep linear network.

use rand::Rng;
use tape::{Param, Var};
use tensor::shape::Dims;
use tensor::{Float, Tensor};

use crate::layer::linear::product;
use crate::{Module, init};

/// `y = W_D ⋯ W₂W₁ x`: linear layers without bias.
///
/// It computes no more than one matrix does; what depth changes is the way gradient descent takes
/// to it. The lecture's `y = BAx` is the network of depth 2 with `A = W₁` and `B = W₂`.
///
/// Rows are samples here, so that inputs `X: [n, d]` become `X W₁ᵀ ⋯ W_Dᵀ`.
#[derive(Clone, Debug, Module)]
pub struct DeepLinear<T: Float> {
    /// `W₁` to `W_D`, each `[out, in]`: what comes in is multiplied by the first.
    pub weights: Vec<Param<T>>,
}

impl<T: Float> DeepLinear<T> {
    /// Widths from the input to the output, such as `[d, m, k]` for `y = BAx`; weights are drawn by
    /// [`xavier_uniform`](init::xavier_uniform).
    ///
    /// # Panics
    /// When there are fewer than two widths.
    #[track_caller]
    pub fn new<R: Rng + ?Sized>(widths: &[usize], rng: &mut R) -> Self {
        let drawn = widths.windows(2).map(|w| init::xavier_uniform([w[1], w[0]], rng));
        DeepLinear::from_weights(drawn.collect::<Vec<_>>())
    }

    /// The network of these weights, `W₁` first.
    ///
    /// # Panics
    /// When there is none, or one does not fit onto the one before it.
    #[track_caller]
    pub fn from_weights(weights: impl IntoIterator<Item = Tensor<T>>) -> Self {
        let weights: Vec<Tensor<T>> = weights.into_iter().collect();
        assert!(!weights.is_empty(), "deep linear: a network needs a weight");
        for weight in &weights {
            let shape = Dims(weight.shape());
            assert!(weight.rank() == 2, "deep linear: a weight of shape {shape} is not [out, in]");
        }
        for pair in weights.windows(2) {
            let (first, second) = (pair[0].shape(), pair[1].shape());
            assert!(
                first[0] == second[1],
                "deep linear: weight {} does not fit onto weight {}",
                Dims(second),
                Dims(first)
            );
        }
        DeepLinear { weights: weights.into_iter().map(Param::new).collect() }
    }

    /// Weights that are diagonal in given frames: `W_j = F_j diag(d_j) F_{j-1}ᵀ`, for frames
    /// `F₀, .., F_D` with one column a mode and strengths `d₁, .., d_D` with one number a mode.
    ///
    /// With orthonormal columns, the right singular vectors of `Σxy` as `F₀` and the left ones as
    /// `F_D`, this is the start from which the modes do not mix; see [`Mode`](crate::model::Mode).
    ///
    /// # Panics
    /// When there is not one frame more than strengths, or a frame or strength has not one column
    /// or number a mode.
    #[track_caller]
    pub fn aligned(frames: &[Tensor<T>], strengths: &[Tensor<T>]) -> Self {
        assert!(
            frames.len() == strengths.len() + 1,
            "aligned: {} strengths need one frame more, not {}",
            strengths.len(),
            frames.len()
        );
        let mut weights = Vec::with_capacity(strengths.len());
        // No closure, which would not pass the caller's line on.
        for (pair, strength) in frames.windows(2).zip(strengths) {
            match [pair[0].shape(), pair[1].shape(), strength.shape()] {
                [&[_, a], &[_, b], &[c]] if a == b && b == c => {}
                [a, b, c] => panic!(
                    "aligned: frames {} and {} do not go with strengths {}",
                    Dims(a),
                    Dims(b),
                    Dims(c)
                ),
            }
            weights.push((&pair[1] * strength).matmul(&pair[0].t()));
        }
        DeepLinear::from_weights(weights)
    }

    /// How many layers.
    pub fn depth(&self) -> usize {
        self.weights.len()
    }

    /// The outputs of inputs: `[.., d]` to `[.., k]`.
    ///
    /// # Panics
    /// When the last axis of `x` differs from the input's size.
    #[track_caller]
    pub fn forward<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
        // No closure, which would not pass the caller's line on.
        let mut y = x;
        for weight in &self.weights {
            y = product("deep linear", y, weight);
        }
        y
    }

    /// The one matrix that does the same: `W_D ⋯ W₁`, `[k, d]`.
    pub fn product(&self) -> Tensor<T> {
        let (first, rest) = self.weights.split_first().expect("a network has a weight");
        rest.iter().fold(first.value().clone(), |product, w| w.value().matmul(&product))
    }

    /// `W_j W_jᵀ - W_{j+1}ᵀ W_{j+1}` for each pair of neighbours: what gradient flow conserves, on
    /// any data. For `y = BAx` this is `AAᵀ - BᵀB`.
    pub fn imbalances(&self) -> Vec<Tensor<T>> {
        let between = |pair: &[Param<T>]| {
            let (below, above) = (pair[0].value(), pair[1].value());
            below.matmul(&below.t()) - above.t().matmul(above)
        };
        self.weights.windows(2).map(between).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tape::Tape;
    use tensor::tensor;

    fn model() -> DeepLinear<f64> {
        DeepLinear::new(&[4, 3, 5, 2], &mut tensor::rng(3))
    }

    #[test]
    fn forward_is_the_product() {
        let model = model();
        assert_eq!((model.depth(), model.parameter_count()), (3, 12 + 15 + 10));
        let x = Tensor::normal([7, 4], 0.0, 1.0, &mut tensor::rng(1));
        let y = model.forward(Tape::new().constant(&x)).value();
        assert!(y.allclose(&x.matmul(&model.product().t()), 1e-12, 1e-14));
        let row = model.forward(Tape::new().constant(x.index_axis(0, 0))).value();
        assert!(row.allclose(&y.index_axis(0, 0), 1e-12, 1e-14));
    }

    #[test]
    fn imbalances_stand_between_neighbours() {
        let model = DeepLinear::from_weights([tensor![[1.0, 2.0]], tensor![[3.0], [1.0]]]);
        assert_eq!(model.imbalances(), [tensor![[5.0 - 10.0]]]);
        let shapes: Vec<_> =
            self::model().imbalances().iter().map(|m| m.shape().to_vec()).collect();
        assert_eq!(shapes, [[3, 3], [5, 5]]);
    }

    #[test]
    fn aligned_weights_multiply_strengths() {
        let (eye, strengths) = (Tensor::<f64>::eye(2), [tensor![2.0, 3.0], tensor![5.0, -1.0]]);
        let u = tensor![[0.0, 1.0], [1.0, 0.0], [0.0, 0.0]];
        let model = DeepLinear::aligned(&[eye.clone(), eye, u], &strengths);
        assert_eq!(model.product(), tensor![[0.0, -3.0], [10.0, 0.0], [0.0, 0.0]]);
        assert_eq!(model.weights[0].value(), &tensor![[2.0, 0.0], [0.0, 3.0]]);
    }

    #[test]
    #[should_panic(expected = "deep linear: weight [2, 4] does not fit onto weight [3, 5]")]
    fn weights_that_do_not_fit_panic() {
        DeepLinear::<f64>::from_weights([Tensor::zeros([3, 5]), Tensor::zeros([2, 4])]);
    }

    #[test]
    #[should_panic(expected = "aligned: frames [3, 2] and [4, 1] do not go with strengths [2]")]
    fn frames_of_other_modes_panic() {
        let frames = [Tensor::<f64>::zeros([3, 2]), Tensor::zeros([4, 1])];
        DeepLinear::aligned(&frames, &[Tensor::zeros([2])]);
    }
}
