//! What an optimiser keeps from step to step.

use std::collections::BTreeMap;

use tape::{Gradients, Param};
use tensor::{AnyTensor, Float, Tensor, shape};

use super::pass::{self, Formula};
use super::{OptimError, signature};
use crate::{Module, ParamMut, ParamRef};

/// The learning rate, and for each parameter, by its path in the model, what the formula keeps.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    rate: f64,
    kept: BTreeMap<String, Kept>,
}

/// What is kept for one parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    /// Steps the parameter has made. Counted by parameter, for one may be frozen for a while.
    pub steps: u64,
    /// The running averages, each of the parameter's shape and type, by the formula's names.
    pub tensors: BTreeMap<String, AnyTensor>,
}

impl State {
    /// Nothing kept yet.
    ///
    /// # Panics
    /// When the learning rate is negative or not finite.
    #[track_caller]
    pub fn new(learning_rate: f64) -> Self {
        let mut state = State { rate: 0.0, kept: BTreeMap::new() };
        state.set_learning_rate(learning_rate);
        state
    }

    /// The learning rate.
    pub fn learning_rate(&self) -> f64 {
        self.rate
    }

    /// Changes the learning rate.
    ///
    /// # Panics
    /// When it is negative or not finite.
    #[track_caller]
    pub fn set_learning_rate(&mut self, rate: f64) {
        self.rate = super::check("learning rate", rate, 0.0..f64::INFINITY);
    }

    /// What is kept, by the parameter's path.
    pub fn kept(&self) -> &BTreeMap<String, Kept> {
        &self.kept
    }

    /// Replaces what is kept, as when a run is resumed.
    pub fn set_kept(&mut self, kept: BTreeMap<String, Kept>) {
        self.kept = kept;
    }

    /// Makes one step of a formula that keeps `K` numbers under these names. `formula(t)` is the
    /// formula of a parameter's `t`-th step, counted from 1.
    ///
    /// # Errors
    /// As [`Optimizer::step`](super::Optimizer::step); then nothing has changed.
    ///
    /// # Panics
    /// When a name is `steps` or has a `/` in it: a checkpoint could not tell it from others.
    #[track_caller]
    pub fn step<F: Formula<K>, const K: usize>(
        &mut self,
        model: &mut dyn Module,
        grads: &Gradients,
        names: [&str; K],
        formula: impl Fn(u64) -> F,
    ) -> Result<(), OptimError> {
        if let Some(name) = names.iter().find(|name| **name == "steps" || name.contains('/')) {
            panic!("optimiser: what is kept cannot be named `{name}`");
        }
        let mut fault = None;
        model.for_each_param(&mut |path, param| {
            if fault.is_none() {
                fault = match param {
                    ParamRef::F32(p) => self.fault(path, p, grads, names),
                    ParamRef::F64(p) => self.fault(path, p, grads, names),
                };
            }
        });
        if let Some(fault) = fault {
            return Err(fault);
        }
        model.for_each_param_mut(&mut |path, param| match param {
            ParamMut::F32(p) => self.advance(path, p, grads, names, &formula),
            ParamMut::F64(p) => self.advance(path, p, grads, names, &formula),
        });
        Ok(())
    }

    /// What stands against a step of this parameter.
    fn fault<T: Float, const K: usize>(
        &self,
        path: &str,
        param: &Param<T>,
        grads: &Gradients,
        names: [&str; K],
    ) -> Option<OptimError> {
        if param.is_frozen() {
            return None;
        }
        let gradient = match grads.get(param) {
            Ok(gradient) => gradient,
            Err(reason) => {
                return Some(OptimError::MissingGradient { path: path.to_owned(), reason });
            }
        };
        if let Some((at, value)) = with_elements(gradient, pass::first_non_finite) {
            let (index, value) = (shape::unravel(at, gradient.shape()), value.wide());
            return Some(OptimError::NonFinite { path: path.to_owned(), index, value });
        }
        // What is kept without numbers fits; it need not be looked for.
        let kept = if K == 0 { None } else { self.kept.get(path) }?;
        let fits = |t: &AnyTensor| t.dtype() == T::DTYPE && t.shape() == param.shape();
        let unfit =
            names.iter().map(|&name| kept.tensors.get(name)).find(|t| !t.is_some_and(fits))?;
        let model = signature(T::DTYPE, param.shape());
        let kept = unfit.map_or("nothing".to_owned(), |t| signature(t.dtype(), t.shape()));
        Some(OptimError::Kept { path: path.to_owned(), model, kept })
    }

    fn advance<T: Float, F: Formula<K>, const K: usize>(
        &mut self,
        path: &str,
        param: &mut Param<T>,
        grads: &Gradients,
        names: [&str; K],
        formula: &impl Fn(u64) -> F,
    ) {
        if param.is_frozen() {
            return;
        }
        let gradient = grads.get(param).expect("`fault` has found it");
        let kept = match self.kept.get_mut(path) {
            Some(kept) => kept,
            None => self.kept.entry(path.to_owned()).or_insert(Kept::zeros(param, names)),
        };
        kept.steps += 1;
        let mut slices = names.map(|_| Some(&mut [][..]));
        for (name, tensor) in &mut kept.tensors {
            if let Some(k) = names.iter().position(|n| n == name) {
                let tensor = T::of_tensor_mut(tensor).expect("`fault` has checked the type");
                slices[k] = Some(tensor.make_mut());
            }
        }
        let slices = slices.map(|s| s.expect("`fault` has found every name"));
        let formula = formula(kept.steps);
        with_elements(gradient, |g| pass::run(formula, param.values_mut(), g, slices));
    }
}

impl Kept {
    /// Before the first step.
    fn zeros<T: Float, const K: usize>(param: &Param<T>, names: [&str; K]) -> Self {
        let zeros = || T::erase(Tensor::full(param.shape(), T::of(0.0)));
        let tensors = names.iter().map(|&name| (name.to_owned(), zeros())).collect();
        Kept { steps: 0, tensors }
    }
}

/// `f` on the elements of `x` in row-major order.
fn with_elements<T: Float, R>(x: &Tensor<T>, f: impl FnOnce(&[T]) -> R) -> R {
    match x.as_slice() {
        Some(elements) => f(elements),
        None => f(x.to_contiguous().as_slice().expect("made contiguous")),
    }
}
