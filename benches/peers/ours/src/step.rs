//! A training step, and what it needs of its data.

use nn::prelude::*;
use nn::tape::{Spec, Specs};
use nn::tensor::Element;
use wire::{Bench, Row};

use crate::digest;

/// Tensors that are constants of a tape that is recorded now, or inputs of a recording.
pub trait Data: 'static {
    type Specs: Specs;
    fn specs(&self) -> Self::Specs;
    fn values(&self) -> <Self::Specs as Specs>::Values;
    fn constants<'t>(&self, tape: &'t Tape) -> <Self::Specs as Specs>::Vars<'t>;
}

impl<T: Element> Data for Tensor<T> {
    type Specs = Spec<T>;

    fn specs(&self) -> Spec<T> {
        spec(self.shape())
    }

    fn values(&self) -> Tensor<T> {
        self.clone()
    }

    fn constants<'t>(&self, tape: &'t Tape) -> Var<'t, T> {
        tape.constant(self)
    }
}

impl<T: Element, U: Element> Data for (Tensor<T>, Tensor<U>) {
    type Specs = (Spec<T>, Spec<U>);

    fn specs(&self) -> Self::Specs {
        (self.0.specs(), self.1.specs())
    }

    fn values(&self) -> (Tensor<T>, Tensor<U>) {
        self.clone()
    }

    fn constants<'t>(&self, tape: &'t Tape) -> (Var<'t, T>, Var<'t, U>) {
        (tape.constant(&self.0), tape.constant(&self.1))
    }
}

/// What becomes of the gradients.
pub enum Optim {
    None,
    Sgd(Sgd),
    Adam(Adam),
}

struct Step<T: Float, M, D: Data, F> {
    model: M,
    optim: Optim,
    data: D,
    loss: F,
    recording: Option<Recording<D::Specs, T>>,
}

pub fn step<T, M, D, F>(row: &Row, model: M, optim: Optim, data: D, loss: F) -> Box<dyn Bench>
where
    T: Float,
    M: Module + 'static,
    D: Data,
    F: for<'t> Fn(&'t Tape, &M, <D::Specs as Specs>::Vars<'t>) -> Var<'t, T> + Copy + 'static,
{
    let recording = row.replay.then(|| Recording::new(&model, data.specs(), loss));
    Box::new(Step { model, optim, data, loss, recording })
}

impl<T, M, D, F> Step<T, M, D, F>
where
    T: Float,
    M: Module,
    D: Data,
    F: for<'t> Fn(&'t Tape, &M, <D::Specs as Specs>::Vars<'t>) -> Var<'t, T>,
{
    fn gradients(&mut self) -> (T, Gradients) {
        if let Some(recording) = &mut self.recording {
            return recording.replay(&self.model, self.data.values()).expect("it was recorded so");
        }
        let tape = Tape::new();
        let loss = (self.loss)(&tape, &self.model, self.data.constants(&tape));
        let gradients = loss.backward();
        (loss.item(), gradients)
    }
}

impl<T, M, D, F> Bench for Step<T, M, D, F>
where
    T: Float,
    M: Module,
    D: Data,
    F: for<'t> Fn(&'t Tape, &M, <D::Specs as Specs>::Vars<'t>) -> Var<'t, T>,
{
    fn step(&mut self) {
        let (_, gradients) = self.gradients();
        match &mut self.optim {
            Optim::None => Ok(()),
            Optim::Sgd(sgd) => sgd.step(&mut self.model, &gradients),
            Optim::Adam(adam) => adam.step(&mut self.model, &gradients),
        }
        .expect("gradients of this model");
    }

    fn answer(&mut self) -> Vec<[f64; 2]> {
        let (loss, gradients) = self.gradients();
        let mut found = vec![wire::digest([loss.wide()])];
        for (_, param) in self.model.named_parameters() {
            let param: &Param<T> = param.get().expect("a model of one type");
            found.push(digest(&gradients[param]));
        }
        (0..3).for_each(|_| self.step());
        found.push(wire::digest([self.gradients().0.wide()]));
        found
    }
}
