//! A part of a tape that can be run again and again: what recordings and transforms are made of.

use tensor::shape::{self, Dims};
use tensor::{AnyTensor, AnyView, DType, Float, Shape, Tensor, View};

use crate::error::EvalError;
use crate::evaluate::plan::Plan;
use crate::evaluate::run::{self, Halt};
use crate::evaluate::straight::{self, Straight};
use crate::evaluate::{Load, Retain};
use crate::reverse::gradients::{self, Spare};
use crate::tape::Tape;

/// A program for some outputs of a tape, in which some nodes, its slots, get new values at every
/// run: [`bind`](Self::bind) each, [`run`](Self::run), take the [`output`](Self::output)s.
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
    Straight(Straight, Spare),
}

/// A value to bind, lent by whoever has it.
pub trait Lend {
    /// The value.
    fn view(&self) -> AnyView<'_>;
    /// A tensor that shares its buffer.
    fn share(&self) -> AnyTensor;
}

impl Lend for AnyTensor {
    fn view(&self) -> AnyView<'_> {
        self.view()
    }
    fn share(&self) -> AnyTensor {
        self.clone()
    }
}

impl<T: Float> Lend for &Tensor<T> {
    fn view(&self) -> AnyView<'_> {
        T::erase_view(Tensor::view(self))
    }
    fn share(&self) -> AnyTensor {
        T::erase((*self).clone())
    }
}

struct Slot {
    /// Its place in the program, if the program needs it.
    place: Option<u32>,
    dtype: DType,
    shape: Shape,
}

/// Bytes that a node takes in a plan: its operation, type, shape, inputs and step, and the place of
/// a value, twice.
const PLANNED: usize = 512;

impl Script {
    /// Plans `outputs`, which start from values to come of `slots`: all inputs of the tape, and
    /// parameters.
    pub(crate) fn new(tape: &Tape, slots: &[u32], outputs: &[u32]) -> Self {
        let ids = tape.pending(outputs);
        let nodes = tape.nodes.borrow();
        let place = |node: u32| ids.binary_search(&node).ok().map(|p| p as u32);
        let slots = slots.iter().map(|&slot| {
            let node = &nodes[slot as usize];
            Slot {
                place: place(slot),
                dtype: node.dtype,
                shape: Shape::from_slice(nodes.shape(slot)),
            }
        });
        let slots: Vec<Slot> = slots.collect();
        let places = outputs.iter().map(|&o| place(o).expect("an output is pending or known"));
        let places = places.collect();
        let mut straight = Straight::EMPTY;
        let tiny = tape.group_limit > 1 && straight::is_tiny(&nodes, &ids);
        // A view that does not fit is for the planned run to report.
        let engine = if tiny && straight.extend(&nodes, &ids).is_ok() {
            straight.settle(slots.iter().filter_map(|slot| slot.place));
            Engine::Straight(straight, Spare::default())
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

    /// How much memory it takes between runs, about.
    pub(crate) fn bytes(&self) -> usize {
        match &self.engine {
            Engine::Straight(straight, _) => straight.bytes(),
            Engine::Planned { load, .. } => PLANNED * load.ops.len(),
        }
    }

    /// What slot `i` takes.
    pub(crate) fn slot(&self, i: usize) -> (DType, &Shape) {
        (self.slots[i].dtype, &self.slots[i].shape)
    }

    /// Sets the value of slot `i` for the next run.
    ///
    /// # Errors
    /// When it has another type or shape, with what it has.
    pub(crate) fn bind(&mut self, i: usize, value: &impl Lend) -> Result<(), String> {
        let (slot, given) = (&self.slots[i], value.view());
        if slot.dtype != given.dtype() || !shape::same(&slot.shape, given.shape()) {
            return Err(kind(given.dtype(), given.shape()));
        }
        self.bind_known(i, value);
        Ok(())
    }

    /// As [`bind`](Self::bind), for a value known to fit.
    pub(crate) fn bind_known(&mut self, i: usize, value: &impl Lend) {
        if let Some(place) = self.slots[i].place {
            match &mut self.engine {
                Engine::Straight(straight, _) => straight.set(place, value.view()),
                Engine::Planned { memory, .. } => memory[place as usize] = Some(value.share()),
            }
        }
    }

    /// Sets slot `i` to a number, for the next run.
    pub(crate) fn bind_number(&mut self, i: usize, x: f64) {
        let Slot { place, dtype, shape } = &self.slots[i];
        if let Some(place) = *place {
            match &mut self.engine {
                Engine::Straight(straight, _) => straight.set_number(place, x),
                Engine::Planned { memory, .. } => {
                    memory[place as usize] = Some(AnyTensor::number(*dtype, shape, x));
                }
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

    /// Runs the program on behalf of another tape than it was planned for, whose nodes a failure
    /// could not name.
    pub(crate) fn run_unnamed(&mut self) -> Result<(), Halt> {
        match &mut self.engine {
            Engine::Straight(straight, _) => straight.run(),
            Engine::Planned { load, plan, memory } => {
                run::run(plan, &load.program, &load.ops, memory)
            }
        }
    }

    /// The value of output `i` after a run.
    pub(crate) fn output(&self, i: usize) -> AnyTensor {
        let place = self.outputs[i];
        match &self.engine {
            Engine::Straight(straight, _) => straight.value(place),
            Engine::Planned { memory, .. } => {
                memory[place as usize].clone().expect("a wanted value is kept")
            }
        }
    }

    /// As [`output`](Self::output), of one element.
    pub(crate) fn number<T: Float>(&self, i: usize) -> T {
        let number = match &self.engine {
            Engine::Straight(straight, _) => straight.view(self.outputs[i]).get().map(first),
            Engine::Planned { .. } => T::take_tensor(self.output(i)).map(|x| x.item()),
        };
        number.expect("the output has this type")
    }

    /// Writes the value of output `i` to the buffer of `tensor`, if that fits and is worth it;
    /// tells whether it did.
    pub(crate) fn write_output(&self, i: usize, tensor: &mut AnyTensor) -> bool {
        match &self.engine {
            Engine::Straight(straight, _) => straight.write_to(self.outputs[i], tensor),
            Engine::Planned { .. } => false,
        }
    }

    /// Puts gradients together from the outputs: in the memory of earlier ones, if the program is
    /// tiny. (The buffers of others are worth more to the pool than to this program.)
    pub(crate) fn gradients(&self) -> gradients::Builder {
        match &self.engine {
            Engine::Straight(_, spare) => gradients::Builder::new(Some(spare)),
            Engine::Planned { .. } => gradients::Builder::new(None),
        }
    }

    /// Lets go of the values of the last run, so that their buffers belong to whoever took them.
    pub(crate) fn reset(&mut self) {
        if let Engine::Planned { load, memory, .. } = &mut self.engine {
            memory.clone_from(&load.values);
        }
    }
}

fn first<T: Float>(x: View<'_, T>) -> T {
    x.buffer()[x.layout().offset()]
}

/// `f64[2, 3]`.
pub(crate) fn kind(dtype: DType, shape: &[usize]) -> String {
    format!("{dtype}{}", Dims(shape))
}
