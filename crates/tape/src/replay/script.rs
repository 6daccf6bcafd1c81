//! A part of a tape that can be run again and again: what recordings and transforms are made of.

use tensor::shape::Dims;
use tensor::{AnyTensor, DType, Shape};

use super::plan::Plan;
use super::run::{self, Halt};
use super::straight::{self, Straight};
use crate::error::EvalError;
use crate::eval::{Load, Retain};
use crate::tape::Tape;

/// A program for some outputs of a tape, in which some nodes, its slots, get new values at every run:
/// [`bind`](Self::bind) each, [`run`](Self::run), take the [`output`](Self::output)s.
pub(crate) struct Script {
    engine: Engine,
    /// The node on the tape behind each node of the program.
    ids: Vec<u32>,
    slots: Vec<Slot>,
    /// Places of the outputs in the program.
    outputs: Vec<u32>,
}

enum Engine {
    /// With the memory of the present run.
    Planned {
        load: Load,
        plan: Plan,
        memory: Vec<Option<AnyTensor>>,
    },
    Straight(Straight),
}

struct Slot {
    /// Its place in the program, if the program needs it.
    place: Option<u32>,
    dtype: DType,
    shape: Shape,
}

impl Script {
    /// Plans `outputs`, which start from values to come of `slots`: all inputs of the tape, and
    /// parameters.
    pub(crate) fn new(tape: &Tape, slots: &[u32], outputs: &[u32]) -> Self {
        let ids = tape.pending(outputs);
        let nodes = tape.nodes.borrow();
        let place = |node: u32| ids.binary_search(&node).ok().map(|p| p as u32);
        let slots = slots.iter().map(|&slot| {
            let node = &nodes[slot as usize];
            Slot { place: place(slot), dtype: node.dtype, shape: node.shape.clone() }
        });
        let slots: Vec<Slot> = slots.collect();
        let places = outputs.iter().map(|&o| place(o).expect("an output is pending or known"));
        let places = places.collect();
        let mut straight = Straight::EMPTY;
        let tiny = tape.group_limit > 1 && straight::is_tiny(&nodes, &ids);
        // A view that does not fit is for the planned run to report.
        let engine = if tiny && straight.load(&nodes, &ids).is_ok() {
            Engine::Straight(straight)
        } else {
            let mut load = tape.load(outputs, &ids, Retain::Asked);
            for slot in &slots {
                if let Slot { place: Some(place), .. } = slot {
                    load.values[*place as usize] = None;
                }
            }
            let (plan, memory) = (Plan::new(&load.program), load.values.clone());
            Engine::Planned { load, plan, memory }
        };
        drop(nodes);
        Script { engine, ids, slots, outputs: places }
    }

    /// What slot `i` takes.
    pub(crate) fn slot(&self, i: usize) -> (DType, &Shape) {
        (self.slots[i].dtype, &self.slots[i].shape)
    }

    /// Sets the value of slot `i` for the next run.
    ///
    /// # Errors
    /// When it has another type or shape, with what it has.
    pub(crate) fn bind(&mut self, i: usize, value: AnyTensor) -> Result<(), String> {
        let slot = &self.slots[i];
        if slot.dtype != value.dtype() || slot.shape[..] != *value.shape() {
            return Err(kind(value.dtype(), value.shape()));
        }
        if let Some(place) = slot.place {
            match &mut self.engine {
                Engine::Straight(straight) => straight.set(place, &value),
                Engine::Planned { memory, .. } => memory[place as usize] = Some(value),
            }
        }
        Ok(())
    }

    /// As [`bind`](Self::bind), for a value known to fit that somebody else holds on to.
    pub(crate) fn bind_shared(&mut self, i: usize, value: &AnyTensor) {
        if let Some(place) = self.slots[i].place {
            match &mut self.engine {
                Engine::Straight(straight) => straight.set(place, value),
                Engine::Planned { memory, .. } => memory[place as usize] = Some(value.clone()),
            }
        }
    }

    /// Runs the program.
    ///
    /// # Errors
    /// When the data is at fault.
    pub(crate) fn run(&mut self, tape: &Tape) -> Result<(), EvalError> {
        self.run_unnamed().map_err(|halt| {
            self.reset();
            tape.report(halt, &self.ids)
        })
    }

    /// Runs the program on behalf of another tape than it was planned for, whose nodes a failure could
    /// not name.
    pub(crate) fn run_unnamed(&mut self) -> Result<(), Halt> {
        match &mut self.engine {
            Engine::Straight(straight) => straight.run(),
            Engine::Planned { load, plan, memory } => {
                run::run(plan, &load.program, &load.ops, memory)
            }
        }
    }

    /// The value of output `i` after a run.
    pub(crate) fn output(&self, i: usize) -> AnyTensor {
        let place = self.outputs[i];
        match &self.engine {
            Engine::Straight(straight) => straight.value(place),
            Engine::Planned { memory, .. } => {
                memory[place as usize].clone().expect("a wanted value is kept")
            }
        }
    }

    /// Lets go of the values of the last run, so that their buffers belong to whoever took them.
    pub(crate) fn reset(&mut self) {
        if let Engine::Planned { load, memory, .. } = &mut self.engine {
            memory.clone_from(&load.values);
        }
    }
}

/// `f64[2, 3]`.
pub(crate) fn kind(dtype: DType, shape: &[usize]) -> String {
    format!("{dtype}{}", Dims(shape))
}
