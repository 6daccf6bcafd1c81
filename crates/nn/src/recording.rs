//! A training step recorded once and run many times.

use std::collections::BTreeMap;

use smallvec::{SmallVec, smallvec};
use tape::{Gradients, Lend, ParamId, ReplayError, Specs, Tape, Var};
use tensor::{AnyTensor, AnyView, Float};

use crate::{Module, ParamRef};

/// A loss of a module and its gradients, recorded once: a replay records nothing and plans nothing.
///
/// The parameters are matched by their path in the module, so a clone of the module, or one that
/// was loaded from a file, can be replayed as well; the gradients belong to the module that was
/// given. (A [`tape::Recording`], which this one wraps, matches parameters by their identity.)
///
/// Shapes, numbers and control flow of the Rust code that recorded the loss are frozen into the
/// program, and so is which parameters were frozen: record anew after freezing others.
///
/// ```
/// use nn::prelude::*;
///
/// let mut rng = nn::rng(0);
/// let mut model = Linear::<f32>::new(3, 2, &mut rng);
/// let specs = (spec::<f32>([4, 3]), spec::<i64>([4]));
/// let mut step = Recording::new(&model, specs, |_, model, (x, labels)| {
///     loss::cross_entropy(model.forward(x), labels)
/// });
/// for _ in 0..3 {
///     let batch = (Tensor::uniform([4, 3], -1.0, 1.0, &mut rng), tensor![0i64, 1, 1, 0]);
///     let (loss, grads) = step.replay(&model, batch)?;
///     model.weight.set(model.weight.value() - &grads[&model.weight] * 0.1);
///     assert!(loss.is_finite());
/// }
/// # Ok::<(), nn::RecordingError>(())
/// ```
pub struct Recording<S: Specs, T: Float> {
    inner: tape::Recording<S, T>,
    /// All parameters of the module that was recorded, in the order of its visits.
    known: Vec<(String, ParamId)>,
    /// Where in `known` each parameter of the recording stands.
    places: Vec<usize>,
}

/// Why a [`Recording`] cannot be replayed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RecordingError {
    /// The module lacks a parameter of the recording, or has another shape or type there.
    #[error("replay: parameter `{path}` was recorded as {recorded} and is now {given}")]
    Param {
        /// Its path in the module that was recorded.
        path: String,
        /// Type and shape of the recording.
        recorded: String,
        /// Type and shape of the module's parameter, or "missing".
        given: String,
    },
    /// An input does not fit, or the data is at fault.
    #[error(transparent)]
    Replay(ReplayError),
}

impl<S: Specs, T: Float> Recording<S, T> {
    /// Records what `f` makes of the module and of inputs of the given shapes: a scalar, the loss.
    ///
    /// # Panics
    /// When the loss is not a scalar, uses a parameter that is not the module's, or when `f` asks
    /// for a value: there is none while recording.
    #[track_caller]
    pub fn new<M: Module + ?Sized>(
        model: &M,
        specs: S,
        f: impl for<'t> FnOnce(&'t Tape, &M, S::Vars<'t>) -> Var<'t, T>,
    ) -> Self {
        let mut known = Vec::new();
        model.for_each_param(&mut |path, param| known.push((path.to_string(), param.id())));
        let inner = tape::Recording::new(specs, |tape, vars| f(tape, model, vars));
        let place = |&id: &ParamId| known.iter().position(|&(_, known)| known == id);
        let places = inner.params().iter().map(place).collect::<Option<_>>();
        let Some(places) = places else {
            let paths: Vec<&str> = known.iter().map(|(path, _)| &path[..]).collect();
            panic!(
                "recording: the loss uses a parameter that is not one of the module: {}",
                paths.join(", ")
            )
        };
        Recording { inner, known, places }
    }

    /// The loss and its gradients at new inputs and at the present parameters of `model`.
    ///
    /// # Errors
    /// When an input or a parameter has another shape than recorded, a parameter is missing, or the
    /// data is at fault.
    pub fn replay<M: Module + ?Sized>(
        &mut self,
        model: &M,
        values: S::Values,
    ) -> Result<(T, Gradients), RecordingError> {
        let mut found: SmallVec<[Option<ParamRef<'_>>; 16]> = smallvec![None; self.known.len()];
        let (mut next, mut recorded) = (0, true);
        model.for_each_param(&mut |path, param| {
            // As a rule the module has the structure of the recorded one, and the order agrees.
            let here = |(known, _): &(String, ParamId)| known == path;
            let expected = self.known.get(next).is_some_and(here);
            let place = if expected { Some(next) } else { self.known.iter().position(here) };
            if let Some(place) = place {
                recorded &= param.id() == self.known[place].1;
                found[place] = Some(param);
                next = place + 1;
            }
        });
        let (loss, mut gradients) =
            match self.inner.replay_with(|i, _| found[self.places[i]], values) {
                Ok(done) => done,
                Err(error) => return Err(self.explain(error)),
            };
        if !recorded {
            let pairs = self.inner.params().iter().zip(&self.places);
            let own: BTreeMap<ParamId, ParamId> =
                pairs.filter_map(|(&id, &place)| Some((id, found[place]?.id()))).collect();
            gradients.rename(|id| own.get(&id).copied().unwrap_or(id));
        }
        Ok((loss, gradients))
    }

    /// The values of the nodes marked [`keep`](Var::keep), as of the last replay, in the order they
    /// were recorded.
    pub fn kept(&self) -> &[AnyTensor] {
        self.inner.kept()
    }

    /// The recorded program, to print.
    pub fn tape(&self) -> &Tape {
        self.inner.tape()
    }

    /// The error, with the parameter's path in place of its number.
    fn explain(&self, error: ReplayError) -> RecordingError {
        match error {
            ReplayError::Param { param, recorded, given } => {
                let path = self.known[self.places[param]].0.clone();
                RecordingError::Param { path, recorded, given }
            }
            other => RecordingError::Replay(other),
        }
    }
}

impl Lend for ParamRef<'_> {
    fn view(&self) -> AnyView<'_> {
        match self {
            ParamRef::F32(p) => AnyView::F32(p.value().view()),
            ParamRef::F64(p) => AnyView::F64(p.value().view()),
        }
    }
    fn share(&self) -> AnyTensor {
        self.value()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Linear, Mlp, loss};
    use tape::{NoGradient, Param, spec};
    use tensor::{Tensor, tensor};

    type Step = Recording<(tape::Spec<f64>, tape::Spec<i64>), f64>;

    fn model(seed: u64) -> Mlp<f64> {
        Mlp::new(&[3, 4, 2], crate::Activation::Tanh, &mut tensor::rng(seed))
    }

    fn step(model: &Mlp<f64>) -> Step {
        let specs = (spec::<f64>([5, 3]), spec::<i64>([5]));
        Recording::new(model, specs, |_, m, (x, l)| loss::cross_entropy(m.forward(x), l))
    }

    fn batch(seed: u64) -> (Tensor<f64>, Tensor<i64>) {
        let x = Tensor::normal([5, 3], 0.0, 1.0, &mut tensor::rng(seed));
        (x, tensor![0i64, 1, 1, 0, 1])
    }

    fn afresh(model: &Mlp<f64>, (x, l): &(Tensor<f64>, Tensor<i64>)) -> (f64, Gradients) {
        let tape = Tape::new();
        let loss = loss::cross_entropy(model.forward(tape.constant(x)), tape.constant(l));
        (loss.item(), loss.backward())
    }

    fn assert_same(model: &Mlp<f64>, a: &(f64, Gradients), b: &(f64, Gradients)) {
        assert_eq!(a.0.to_bits(), b.0.to_bits());
        for (path, param) in model.named_parameters() {
            let param: &Param<f64> = param.get().expect("the model is f64");
            assert_eq!(a.1[param], b.1[param], "{path}");
        }
    }

    #[test]
    fn replays_see_new_inputs_and_new_parameters_with_the_same_bits_as_recording_afresh() {
        let mut model = model(0);
        let mut step = step(&model);
        for seed in 0..4 {
            let batch = batch(seed);
            let expected = afresh(&model, &batch);
            let found = step.replay(&model, batch).unwrap();
            assert_same(&model, &found, &expected);
            let weight = &mut model.layers[0].linear.weight;
            weight.set(weight.value() - &found.1[&*weight] * 0.5);
        }
    }

    #[test]
    fn a_module_of_the_same_structure_is_replayed_with_gradients_of_its_own() {
        let recorded = model(0);
        let mut step = step(&recorded);
        let (clone, other) = (recorded.clone(), model(1));
        for replayed in [&clone, &other] {
            let (loss, grads) = step.replay(replayed, batch(2)).unwrap();
            assert_same(replayed, &(loss, grads.clone()), &afresh(replayed, &batch(2)));
            let unknown = grads.get(&recorded.layers[0].linear.weight);
            assert_eq!(unknown.unwrap_err(), NoGradient::NotOnTape);
        }
    }

    #[test]
    fn a_module_that_does_not_fit_is_an_error_that_names_the_path() {
        let mut step = step(&model(0));
        let mut other = model(0);
        other.layers[1].linear.bias = None;
        let text = step.replay(&other, batch(0)).unwrap_err().to_string();
        assert!(text.contains("`layers.1.linear.bias`") && text.contains("missing"), "{text}");
        other.layers[1].linear = Linear::new(4, 7, &mut tensor::rng(0));
        let text = step.replay(&other, batch(0)).unwrap_err().to_string();
        assert!(text.contains("`layers.1.linear.weight`") && text.contains("[7, 4]"), "{text}");
    }

    #[test]
    fn inputs_of_another_shape_are_an_error() {
        let model = model(0);
        let (_, labels) = batch(0);
        let error = step(&model).replay(&model, (Tensor::zeros([4, 3]), labels)).unwrap_err();
        assert!(matches!(error, RecordingError::Replay(ReplayError::Input { .. })), "{error}");
    }

    #[test]
    fn failures_name_the_line_of_the_user_not_of_the_layer() {
        let model = model(0);
        let (x, mut labels) = batch(0);
        labels[[3]] = 2;
        let RecordingError::Replay(ReplayError::Eval(error)) =
            step(&model).replay(&model, (x, labels)).unwrap_err()
        else {
            panic!("the label is at fault")
        };
        assert!(error.at.file().ends_with("recording.rs"), "{error}");
        assert!(error.to_string().contains("label 2 at position 3"), "{error}");
    }

    #[test]
    fn frozen_parameters_are_read_afresh_and_have_the_reason_for_their_missing_gradient() {
        let mut model = model(0);
        model.layers[0].linear.freeze();
        let mut step = step(&model);
        model.layers[0].linear.bias = Some(Param::new(Tensor::ones([4])));
        model.layers[0].linear.bias.freeze();
        let (loss, grads) = step.replay(&model, batch(0)).unwrap();
        assert_eq!(loss, afresh(&model, &batch(0)).0);
        assert_eq!(grads.get(&model.layers[0].linear.weight).unwrap_err(), NoGradient::Frozen);
        assert_eq!(grads.len(), 2);
    }

    #[test]
    #[should_panic(
        expected = "uses a parameter that is not one of the module: layers.0.linear.weight"
    )]
    fn a_loss_with_a_parameter_from_elsewhere_panics() {
        let stranger = Param::new(tensor![1.0, 2.0, 3.0]);
        Recording::new(&model(0), spec::<f64>([5, 3]), |tape, m, x| {
            m.forward(x * tape.param(&stranger)).sum()
        });
    }
}
