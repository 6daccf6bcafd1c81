//! Programs of tiny values, run straight: node after node, in one slab.
//!
//! A plan pays where values leave the cache. Where none has more elements than one block, a fusion
//! group would compute it whole in one pass all the same, so there is nothing to group, and freeing a
//! value would cost more than to keep it to the end. What remains is the cost of a node, which is
//! what a small network or a chain of numbers spends its time on: here a node costs its operation, a
//! few bounds and one indirect call.
//!
//! The same bits as by a plan: both call the same code with the same numbers, and no operation's
//! bits depend on the layout of its inputs.

use std::cell::Cell;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use smallvec::SmallVec;
use tensor::any::Slab;
use tensor::blocks::BLOCK;
use tensor::{AnyTensor, AnyView, ShapeError};

use super::gathered;
use super::run::{Halt, guarded};
use crate::node::{Nodes, Source};
use crate::op::{Kind, Recorded};

/// Tiny values may have this many elements together, or [`EACH`] a node.
const TOGETHER: usize = 1 << 16;
const EACH: usize = 16;
/// A slab holds 2³² bytes: these elements, and a copy of each for three operations that read it strided.
const MOST: usize = u32::MAX as usize / 32;

/// A program and the memory it runs in.
pub(crate) struct Straight {
    slab: Slab,
    /// For each node of the program its value in the slab.
    slots: Vec<u32>,
    steps: Vec<Step>,
    /// The operands of all steps, one after the other.
    operands: Vec<u32>,
}

struct Step {
    /// The node of the program.
    node: u32,
    /// `None` copies a view, to lie side by side.
    op: Option<Recorded>,
    out: u32,
    operands: Range<u32>,
}

thread_local! {
    /// Memory for the next program of this thread.
    static SPARE: Cell<Straight> = const { Cell::new(Straight::EMPTY) };
}

/// Whether nodes `ids` can run straight, and there is something to run: views alone share the buffer of
/// what they view.
pub(crate) fn is_tiny(nodes: &Nodes, ids: &[u32]) -> bool {
    let (mut together, mut works) = (0, false);
    let each = ids.iter().all(|&id| {
        let node = &nodes[id as usize];
        let len = tensor::shape::len(nodes.shape(id));
        together += len;
        works |= matches!(&node.source, Source::Op(op) if !op.is_view());
        len <= BLOCK
    });
    each && works && together <= TOGETHER.max(EACH * ids.len()).min(MOST)
}

impl Straight {
    pub(crate) const EMPTY: Straight =
        Straight { slab: Slab::EMPTY, slots: Vec::new(), steps: Vec::new(), operands: Vec::new() };

    /// An empty program in the memory that one before it has left.
    pub(crate) fn recycled() -> Self {
        SPARE.try_with(|spare| spare.replace(Straight::EMPTY)).unwrap_or(Straight::EMPTY)
    }

    /// Leaves the memory to the next program, unless it is much.
    pub(crate) fn recycle(mut self) {
        if self.slab.words() <= 2 * TOGETHER && self.slots.capacity() <= TOGETHER / 8 {
            self.clear();
            // Fails while the thread is torn down, when nobody needs it.
            let _ = SPARE.try_with(|spare| spare.set(self));
        }
    }

    /// Takes the program of nodes `ids`, whose marks tell their places in `ids`. The values the tape
    /// knows are copied in; those it does not know, of inputs and parameters, are to be
    /// [set](Self::set).
    ///
    /// # Errors
    /// When a view does not fit or panics, with its place. (A view that records on this very tape would
    /// panic: the nodes are borrowed.)
    pub(crate) fn load(&mut self, nodes: &Nodes, ids: &[u32]) -> Result<(), Halt> {
        self.clear();
        for (place, &id) in ids.iter().enumerate() {
            let node = &nodes[id as usize];
            let slot = guarded(place as u32, || match (&node.value, &node.source) {
                (None, Source::Op(op)) => Ok(self.record(nodes, id, place as u32, op)?),
                (value, source) => {
                    let slot = self.slab.push(node.dtype, nodes.shape(id))?;
                    match (value, source) {
                        (Some(value), _) => self.slab.set(slot, value.view()),
                        (None, Source::Number(x)) => self.slab.set_number(slot, *x),
                        _ => {}
                    }
                    Ok(slot)
                }
            })?;
            self.slots.push(slot as u32);
        }
        Ok(())
    }

    /// Takes an operation on nodes taken before, and returns where its value will be.
    fn record(
        &mut self,
        nodes: &Nodes,
        id: u32,
        place: u32,
        op: &Recorded,
    ) -> Result<usize, ShapeError> {
        let slot_of = |slots: &[u32], input: u32| slots[nodes[input as usize].mark.1 as usize];
        if let Kind::View(op) = op.kind() {
            let of = slot_of(&self.slots, nodes.inputs(id)[0]);
            if let Some(layout) = op.layout(self.slab.layout(of as usize))? {
                return self.slab.push_view(of as usize, &layout);
            }
            let copy = self.contiguous(place, of)? as usize;
            let layout = op.layout(self.slab.layout(copy))?;
            return self.slab.push_view(copy, &layout.expect("a row-major input has every view"));
        }
        let mut operands: SmallVec<[u32; 4]> = SmallVec::new();
        for &input in nodes.inputs(id) {
            let slot = slot_of(&self.slots, input);
            operands.push(match op.kind() {
                Kind::Pointwise(_) => self.contiguous(place, slot)?,
                _ => slot,
            });
        }
        let out = self.slab.push(nodes[id as usize].dtype, nodes.shape(id))?;
        self.step(place, Some(op.clone()), out as u32, &operands);
        Ok(out)
    }

    /// The value at `slot` if it lies side by side, else a copy that does, made for `node`.
    fn contiguous(&mut self, node: u32, slot: u32) -> Result<u32, ShapeError> {
        if self.slab.is_contiguous(slot as usize) {
            return Ok(slot);
        }
        let copy = self.slab.push_like(slot as usize)? as u32;
        self.step(node, None, copy, &[slot]);
        Ok(copy)
    }

    fn step(&mut self, node: u32, op: Option<Recorded>, out: u32, operands: &[u32]) {
        let start = self.operands.len() as u32;
        self.operands.extend_from_slice(operands);
        self.steps.push(Step { node, op, out, operands: start..self.operands.len() as u32 });
    }

    /// Sets the value of a node that is not computed.
    pub(crate) fn set(&mut self, place: u32, value: AnyView<'_>) {
        self.slab.set(self.slots[place as usize] as usize, value);
    }

    /// Sets the value of a node that is a number.
    pub(crate) fn set_number(&mut self, place: u32, x: f64) {
        self.slab.set_number(self.slots[place as usize] as usize, x);
    }

    /// Computes all values.
    pub(crate) fn run(&mut self) -> Result<(), Halt> {
        let (slab, steps, operands) = (&mut self.slab, &self.steps, &self.operands);
        let at = Cell::new(0);
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            for step in steps {
                at.set(step.node);
                step.run(
                    slab,
                    &operands[step.operands.start as usize..step.operands.end as usize],
                )?;
            }
            Ok(())
        }));
        let node = at.get();
        match outcome {
            Ok(Ok(())) => Ok(()),
            Ok(Err(source)) => Err(Halt::Error { node, source }),
            Err(payload) => Err(Halt::Panic { node, payload }),
        }
    }

    /// A computed value, copied out.
    pub(crate) fn value(&self, place: u32) -> AnyTensor {
        self.slab.tensor(self.slots[place as usize] as usize)
    }

    /// A computed value, to read.
    pub(crate) fn view(&self, place: u32) -> AnyView<'_> {
        self.slab.view(self.slots[place as usize] as usize)
    }

    /// Writes a computed value to a tensor; see [`Slab::write_to`].
    pub(crate) fn write_to(&self, place: u32, tensor: &mut AnyTensor) {
        self.slab.write_to(self.slots[place as usize] as usize, tensor);
    }

    fn clear(&mut self) {
        self.slab.clear();
        self.slots.clear();
        self.steps.clear();
        self.operands.clear();
    }
}

impl Step {
    #[inline]
    fn run(&self, slab: &mut Slab, operands: &[u32]) -> Result<(), tensor::Error> {
        let out = self.out as usize;
        match self.op.as_ref().map(Recorded::kind) {
            None => slab.copy(out, operands[0] as usize),
            Some(Kind::Pointwise(op)) => slab.write(out, |earlier, out| {
                gathered(operands, |&s| earlier.slice(s as usize), |x| op.block(x, out));
            }),
            Some(Kind::General(op)) => slab.write(out, |earlier, out| {
                gathered(operands, |&s| earlier.view(s as usize), |x| op.forward(x, out))
            })?,
            Some(Kind::View(_)) => unreachable!("views are taken when the program is"),
        }
        Ok(())
    }
}
