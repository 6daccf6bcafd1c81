//! What `backward` returns.

mod clip;

use std::ops::Index;

use rustc_hash::FxHashMap;
use tensor::{AnyTensor, Float, Tensor};

use crate::error::NoGradient;
use crate::param::{Param, ParamId};

/// The derivative of a loss by each parameter of a tape, or the reason why there is none.
#[derive(Clone, Debug, Default)]
pub struct Gradients {
    by_param: FxHashMap<ParamId, Result<AnyTensor, NoGradient>>,
    inference: bool,
}

impl Gradients {
    pub(crate) fn new(inference: bool) -> Self {
        Gradients { by_param: FxHashMap::default(), inference }
    }

    pub(crate) fn insert(&mut self, param: ParamId, gradient: Result<AnyTensor, NoGradient>) {
        self.by_param.insert(param, gradient);
    }

    /// The gradient of a parameter, of the parameter's shape.
    ///
    /// # Errors
    /// The reason why there is none.
    pub fn get<T: Float>(&self, param: &Param<T>) -> Result<&Tensor<T>, NoGradient> {
        match self.by_param.get(&param.id()) {
            Some(Ok(gradient)) => {
                Ok(T::of_tensor(gradient).expect("a gradient has its parameter's type"))
            }
            Some(Err(why)) => Err(why.clone()),
            None if param.is_frozen() => Err(NoGradient::Frozen),
            None if self.inference => Err(NoGradient::Inference),
            None => Err(NoGradient::NotOnTape),
        }
    }

    /// The gradient of a parameter, to be changed in place (clipped, scaled).
    ///
    /// # Errors
    /// The reason why there is none.
    pub fn get_mut<T: Float>(&mut self, param: &Param<T>) -> Result<&mut Tensor<T>, NoGradient> {
        self.get(param)?;
        let gradient = self.by_param.get_mut(&param.id()).and_then(|g| g.as_mut().ok());
        Ok(gradient.and_then(T::of_tensor_mut).expect("`get` has found it"))
    }

    /// Puts the gradient of a parameter: what code that sums gradients of several batches needs.
    ///
    /// # Panics
    /// When its shape is not the parameter's.
    #[track_caller]
    pub fn set<T: Float>(&mut self, param: &Param<T>, gradient: Tensor<T>) {
        let (want, got) = (param.shape(), gradient.shape());
        assert!(want == got, "set: gradient of shape {got:?} for a parameter of shape {want:?}");
        self.insert(param.id(), Ok(T::erase(gradient)));
    }

    /// Gives each gradient to the parameter that `to` names instead: those of a program recorded with
    /// one model belong to another model that it was run for.
    pub fn rename(&mut self, to: impl Fn(ParamId) -> ParamId) {
        self.by_param = self.by_param.drain().map(|(id, gradient)| (to(id), gradient)).collect();
    }

    /// How many parameters have a gradient.
    pub fn len(&self) -> usize {
        self.by_param.values().filter(|g| g.is_ok()).count()
    }

    /// Whether no parameter has a gradient.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// `grads[&param]`.
///
/// # Panics
/// When there is no gradient; the message says why.
impl<T: Float> Index<&Param<T>> for Gradients {
    type Output = Tensor<T>;

    #[track_caller]
    fn index(&self, param: &Param<T>) -> &Tensor<T> {
        match self.get(param) {
            Ok(gradient) => gradient,
            Err(why) => panic!(
                "no gradient for a parameter of shape {}: {why}",
                tensor::shape::Dims(param.shape())
            ),
        }
    }
}
