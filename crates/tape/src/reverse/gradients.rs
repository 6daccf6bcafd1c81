//! What `backward` returns.

mod clip;
mod spare;

use std::ops::Index;

use tensor::{AnyTensor, Float, Tensor};

use crate::error::NoGradient;
use crate::param::{Param, ParamId};
pub(crate) use spare::{Builder, Spare};

/// The derivative of a loss by each parameter of a tape, or the reason why there is none.
#[derive(Clone, Debug, Default)]
pub struct Gradients {
    /// In the order of the parameters' numbers: as a rule the order in which they are put and asked
    /// for.
    entries: Vec<(ParamId, Entry)>,
    inference: bool,
    /// Where the memory goes when these are dropped.
    home: Option<Spare>,
}

type Entry = Result<AnyTensor, NoGradient>;

impl Gradients {
    pub(crate) fn new(inference: bool) -> Self {
        Gradients { entries: Vec::new(), inference, home: None }
    }

    pub(crate) fn insert(&mut self, param: ParamId, gradient: Entry) {
        match self.place(param) {
            Ok(place) => self.entries[place].1 = gradient,
            Err(place) => self.entries.insert(place, (param, gradient)),
        }
    }

    /// Where the entry of a parameter stands, or is to be put.
    fn place(&self, param: ParamId) -> Result<usize, usize> {
        if self.entries.last().is_none_or(|&(last, _)| last < param) {
            return Err(self.entries.len());
        }
        self.entries.binary_search_by_key(&param, |&(id, _)| id)
    }

    /// The gradient of a parameter, of the parameter's shape.
    ///
    /// # Errors
    /// The reason why there is none.
    pub fn get<T: Float>(&self, param: &Param<T>) -> Result<&Tensor<T>, NoGradient> {
        match self.place(param.id()).ok().map(|place| &self.entries[place].1) {
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
        let place = self.place(param.id()).expect("`get` has found it");
        let gradient = self.entries[place].1.as_mut().ok().and_then(T::of_tensor_mut);
        Ok(gradient.expect("`get` has found it"))
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

    /// Gives each gradient to the parameter that `to` names instead: those of a program recorded
    /// with one model belong to another model that it was run for.
    pub fn rename(&mut self, to: impl Fn(ParamId) -> ParamId) {
        self.entries.iter_mut().for_each(|(id, _)| *id = to(*id));
        self.entries.sort_unstable_by_key(|&(id, _)| id);
    }

    /// How many parameters have a gradient.
    pub fn len(&self) -> usize {
        self.entries.iter().filter(|(_, g)| g.is_ok()).count()
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
