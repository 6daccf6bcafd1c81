//! Linear maps composed are one linear map.

use std::fmt;
use std::ops::Range;

use tensor::Float;

use crate::{Activation, Linear, Mlp, Ridge};

impl<T: Float> Linear<T> {
    /// The layer `self ∘ first`: with `f(x) = Ax + a` and `g(z) = Bz + b` it has the weight `BA`
    /// and the bias `Ba + b`, or none if neither has one.
    ///
    /// It is the same function, up to rounding; its parameters are new ones. It is not the same to
    /// train: a step along the gradient of `BA` is not a step along those of `B` and `A`.
    ///
    /// ```
    /// use nn::prelude::*;
    ///
    /// let f = Linear::from_parts(tensor![[1.0, 2.0, 3.0]], None);
    /// let g = Linear::from_parts(tensor![[1.0], [-1.0]], Some(tensor![0.5, 0.0]));
    /// let both = g.compose(&f);
    /// assert_eq!(both.weight.value(), &tensor![[1.0, 2.0, 3.0], [-1.0, -2.0, -3.0]]);
    /// assert_eq!(both.bias.unwrap().value(), &tensor![0.5, 0.0]);
    /// ```
    ///
    /// # Panics
    /// When `first` does not give as many numbers as this layer takes.
    #[track_caller]
    pub fn compose(&self, first: &Linear<T>) -> Linear<T> {
        let (given, taken) = (first.outputs(), self.inputs());
        assert!(
            given == taken,
            "compose: a layer of {taken} inputs cannot follow one of {given} outputs"
        );
        let b = self.weight.value();
        let shift = first.bias.as_ref().map(|a| b.matmul(a.value()));
        let own = self.bias.as_ref().map(|b| b.value().clone());
        let bias = match (shift, own) {
            (Some(shift), Some(own)) => Some(shift + own),
            (one, other) => one.or(other),
        };
        Linear::from_parts(b.matmul(first.weight.value()), bias)
    }
}

/// A model without its superfluous linear layers, and what became of them.
#[derive(Clone, Debug)]
pub struct Collapsed<M> {
    /// The same function.
    pub model: M,
    /// The runs of layers that became one, in their order.
    pub merged: Vec<Merged>,
}

/// Layers in a row that became one.
///
/// As text: `layers 0..2 (64-8-64) became one: 1024 parameters are now 4096; the bottleneck of 8
/// was cheaper`.
#[derive(Clone, Debug, PartialEq)]
pub struct Merged {
    /// Which layers of the original.
    pub layers: Range<usize>,
    /// Their widths, from the input to the output: one more than layers.
    pub widths: Vec<usize>,
    /// The number of parameters that the layers had.
    pub before: usize,
    /// The number that the one layer has.
    pub after: usize,
}

impl Merged {
    /// Whether the one layer has more parameters than the layers had: they went through a
    /// bottleneck, narrow enough to be a compressed form of the matrix.
    pub fn costs(&self) -> bool {
        self.after > self.before
    }

    /// The smallest width on the way: the rank of the matrix is not larger.
    pub fn rank_bound(&self) -> usize {
        self.widths.iter().copied().min().unwrap_or(0)
    }
}

impl fmt::Display for Merged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Merged { layers, widths, before, after } = self;
        let widths: Vec<String> = widths.iter().map(usize::to_string).collect();
        let widths = widths.join("-");
        write!(f, "layers {layers:?} ({widths}) became one: {before} parameters are now {after}")?;
        if self.costs() {
            write!(f, "; the bottleneck of {} was cheaper", self.rank_bound())?;
        }
        Ok(())
    }
}

/// The same function with fewer layers: a layer whose activation is the identity is merged with the
/// one after it.
///
/// It merges wherever it can. Where that costs parameters, [`Merged::costs`] says so, and a model
/// that is to stay small keeps its factors.
pub fn collapse<T: Float>(layers: &[Ridge<T>]) -> Collapsed<Vec<Ridge<T>>> {
    let (mut model, mut merged, mut start) = (Vec::new(), Vec::new(), 0);
    for run in layers.chunk_by(|layer, _| layer.activation == Activation::Identity) {
        let (first, rest) = run.split_first().expect("a chunk has an element");
        let linear = rest.iter().fold(first.linear.clone(), |f, g| g.linear.compose(&f));
        let layers = start..start + run.len();
        start = layers.end;
        if !rest.is_empty() {
            let outputs = run.iter().map(|layer| layer.linear.outputs());
            let widths = std::iter::once(first.linear.inputs()).chain(outputs).collect();
            let before = run.iter().map(|layer| size(&layer.linear)).sum();
            merged.push(Merged { layers, widths, before, after: size(&linear) });
        }
        let activation = run[run.len() - 1].activation;
        model.push(Ridge { linear, activation });
    }
    Collapsed { model, merged }
}

fn size<T: Float>(layer: &Linear<T>) -> usize {
    layer.weight.len() + layer.bias.as_ref().map_or(0, |bias| bias.len())
}

impl<T: Float> Mlp<T> {
    /// The same function with fewer layers; see [`collapse`].
    ///
    /// ```
    /// use nn::prelude::*;
    ///
    /// // Four layers, all linear: as deep as one.
    /// let deep = Mlp::<f32>::new(&[64, 8, 8, 64, 10], Activation::Identity, &mut nn::rng(0));
    /// let flat = deep.collapse();
    /// assert_eq!(flat.model.layers.len(), 1);
    /// assert_eq!(flat.model.parameter_count(), 64 * 10 + 10);
    /// println!("{}", flat.merged[0]);
    /// ```
    pub fn collapse(&self) -> Collapsed<Mlp<T>> {
        let Collapsed { model: layers, merged } = collapse(&self.layers);
        Collapsed { model: Mlp { layers }, merged }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Module;
    use tape::Tape;
    use tensor::{Tensor, rng, tensor};

    fn layer(inputs: usize, outputs: usize, activation: Activation, seed: u64) -> Ridge<f64> {
        let mut rng = rng(seed);
        let weight = Tensor::normal([outputs, inputs], 0.0, 1.0, &mut rng);
        let bias = Tensor::normal([outputs], 0.0, 1.0, &mut rng);
        Ridge { linear: Linear::from_parts(weight, Some(bias)), activation }
    }

    #[test]
    fn only_a_layer_without_activation_is_merged_and_with_the_next_one() {
        use Activation::{Identity, Tanh};
        let widths = [3, 4, 2, 5, 3, 2];
        let activations = [Identity, Tanh, Tanh, Identity, Identity];
        let layers = (0..5).map(|i| layer(widths[i], widths[i + 1], activations[i], i as u64));
        let deep = Mlp { layers: layers.collect() };
        let flat = deep.collapse();
        let kept: Vec<_> = flat.model.layers.iter().map(|l| l.activation).collect();
        assert_eq!(kept, [Tanh, Tanh, Identity]);
        let runs: Vec<_> = flat.merged.iter().map(|m| (m.layers.clone(), &m.widths[..])).collect();
        assert_eq!(runs, [(0..2, &[3, 4, 2][..]), (3..5, &[5, 3, 2][..])]);
        let count: usize = flat.merged.iter().map(|m| m.before - m.after).sum();
        assert_eq!(deep.parameter_count() - flat.model.parameter_count(), count);

        let tape = Tape::inference();
        let x = tape.constant(Tensor::<f64>::normal([6, 3], 0.0, 1.0, &mut rng(9)));
        let (y, z) = (deep.forward(x).value(), flat.model.forward(x).value());
        assert!(y.allclose(&z, 1e-12, 1e-12), "{}", y.max_abs_diff(&z));
    }

    #[test]
    fn a_bias_is_there_if_either_layer_has_one() {
        let (w, b) = (tensor![[2.0]], Some(tensor![1.0]));
        for (first, second, bias) in [
            (None, None, None),
            (b.clone(), None, Some(2.0)),
            (None, b.clone(), Some(1.0)),
            (b.clone(), b.clone(), Some(3.0)),
        ] {
            let f = Linear::from_parts(w.clone(), first);
            let both = Linear::from_parts(w.clone(), second).compose(&f);
            assert_eq!(both.bias.map(|b| b.value()[[0]]), bias);
        }
    }

    #[test]
    fn nothing_to_merge_leaves_the_layers_alone() {
        let one = collapse(&[layer(3, 2, Activation::Identity, 0)]);
        assert_eq!((one.model.len(), one.merged.len()), (1, 0));
        assert!(collapse::<f64>(&[]).model.is_empty());
    }

    #[test]
    fn a_bottleneck_is_reported() {
        let narrow = Mlp::<f64>::new(&[64, 8, 64], Activation::Identity, &mut rng(0)).collapse();
        let merged = &narrow.merged[0];
        assert!(merged.costs() && merged.rank_bound() == 8);
        let (before, after) = (2 * 8 * 64 + 8 + 64, 64 * 64 + 64);
        let text = format!(
            "layers 0..2 (64-8-64) became one: {before} parameters are now {after}; the bottleneck of \
             8 was cheaper"
        );
        assert_eq!(merged.to_string(), text);
        let wide = Mlp::<f64>::new(&[4, 64, 4], Activation::Identity, &mut rng(0)).collapse();
        assert!(!wide.merged[0].costs());
    }

    #[test]
    #[should_panic(expected = "compose: a layer of 4 inputs cannot follow one of 3 outputs")]
    fn layers_that_do_not_fit_panic() {
        let f = layer(2, 3, Activation::Identity, 0);
        layer(4, 2, Activation::Identity, 1).linear.compose(&f.linear);
    }
}
