//! A part of a tape that can be run again and again: what recordings and transforms are made of.

use tensor::shape::Dims;
use tensor::{AnyTensor, DType, Shape};

use super::plan::Plan;
use super::run::{self, Halt};
use crate::error::EvalError;
use crate::eval::{Load, Retain};
use crate::tape::Tape;

/// A plan for some outputs of a tape, in which some nodes get new values at every run.
pub(crate) struct Script {
    load: Load,
    plan: Plan,
    /// For each node that gets a value: its place in the program, if the program needs it.
    slots: Vec<Slot>,
    /// Places of the outputs.
    outputs: Vec<u32>,
    /// Places of the nodes to keep beside them.
    kept: Vec<u32>,
}

struct Slot {
    place: Option<u32>,
    dtype: DType,
    shape: Shape,
}

/// Why a run did not happen.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// A value has another type or shape than its slot.
    Misfit { slot: usize, given: String },
    /// The data is at fault.
    Eval(EvalError),
}

/// The values of the outputs, then those of the kept nodes.
pub(crate) struct Outcome {
    pub outputs: Vec<AnyTensor>,
    pub kept: Vec<AnyTensor>,
}

impl Script {
    /// Plans `outputs` and `kept`, which start from new values of `slots`: all inputs of the tape, and
    /// parameters.
    #[track_caller]
    pub(crate) fn new(tape: &Tape, slots: &[u32], outputs: &[u32], kept: &[u32]) -> Self {
        for &slot in slots {
            tape.nodes.borrow_mut()[slot as usize].value = None;
        }
        let load = tape.load(&[outputs, kept].concat(), Retain::Asked, true);
        let place = |node: u32| load.ids.binary_search(&node).ok().map(|p| p as u32);
        let nodes = tape.nodes.borrow();
        let known = |&node: &u32| {
            let n = &nodes[node as usize];
            Slot { place: place(node), dtype: n.dtype, shape: n.shape.clone() }
        };
        let slots: Vec<Slot> = slots.iter().map(known).collect();
        let places = |ids: &[u32]| ids.iter().map(|&o| place(o).expect("it is loaded")).collect();
        let (outputs, kept) = (places(outputs), places(kept));
        let plan = Plan::new(&load.program);
        drop(nodes);
        Script { load, plan, slots, outputs, kept }
    }

    /// What slot `i` takes.
    pub(crate) fn slot(&self, i: usize) -> (DType, &Shape) {
        (self.slots[i].dtype, &self.slots[i].shape)
    }

    /// Runs the program with one value a slot.
    pub(crate) fn run(&self, tape: &Tape, values: Vec<AnyTensor>) -> Result<Outcome, Refusal> {
        debug_assert_eq!(values.len(), self.slots.len());
        let misfit = |(slot, value): (&Slot, &AnyTensor)| {
            slot.dtype != value.dtype() || slot.shape[..] != *value.shape()
        };
        if let Some(i) = self.slots.iter().zip(&values).position(misfit) {
            let given = kind(values[i].dtype(), values[i].shape());
            return Err(Refusal::Misfit { slot: i, given });
        }
        let mut memory = self.load.values.clone();
        for (slot, value) in self.slots.iter().zip(values) {
            if let Some(place) = slot.place {
                memory[place as usize] = Some(value);
            }
        }
        let load = &self.load;
        match run::run(&self.plan, &load.program, &load.ops, &mut memory) {
            Ok(()) => {}
            Err(halt) => {
                let failure = tape.note_failure(load.ids[halt.node() as usize]);
                return match halt {
                    Halt::Panic { payload, .. } => std::panic::resume_unwind(payload),
                    Halt::Error { source, .. } => {
                        let (op, at) = (failure.op, failure.at);
                        Err(Refusal::Eval(EvalError { op, at, source }))
                    }
                };
            }
        }
        let value = |&p: &u32| memory[p as usize].clone().expect("a wanted value is kept");
        Ok(Outcome {
            outputs: self.outputs.iter().map(value).collect(),
            kept: self.kept.iter().map(value).collect(),
        })
    }
}

/// `f64[2, 3]`.
pub(crate) fn kind(dtype: DType, shape: &[usize]) -> String {
    format!("{dtype}{}", Dims(shape))
}
