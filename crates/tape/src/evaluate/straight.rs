//! Programs of tiny values, run straight: node after node, in one slab.
//!
//! A plan pays where values leave the cache. Where none has more elements than one block, a fusion
//! group would compute it whole in one pass all the same, so there is nothing to group, and where
//! they have a few hundred, freeing a value costs more than to keep it to the end. What remains is
//! the cost of a node, which is what a small network or a chain of numbers spends its time on: here
//! a node costs its operation, a few bounds and one indirect call.
//!
//! The same bits as by a plan: both call the same code with the same numbers, and no operation's
//! bits depend on the layout of its inputs.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use smallvec::SmallVec;
use tensor::any::Slab;
use tensor::blocks::BLOCK;
use tensor::{AnyTensor, AnyView, DType, ShapeError, pool};

use super::run::{Halt, gathered, halted};
use crate::node::{Nodes, Source, recent};
use crate::op::{Kind, Recorded};

/// Tiny values may have this many elements together, or [`EACH`] a node.
const TOGETHER: usize = 1 << 16;
const EACH: usize = 512;
/// Memory in which more bytes than this were in use is given back.
const MOST_SPARE: usize = 1 << 29;
/// A slab holds 2³² bytes: these elements, and a copy of each for three operations that read it
/// strided.
const MOST: usize = u32::MAX as usize / 32;

/// A program and the memory it runs in.
pub(crate) struct Straight {
    slab: Slab,
    /// For each node of the program its value in the slab.
    slots: Vec<u32>,
    steps: Vec<Call>,
    /// The operations of all steps; those that follow each other share one as a rule.
    ops: Vec<Recorded>,
    /// The operands of all steps, one after the other.
    operands: Vec<u32>,
}

#[derive(Clone, Copy)]
struct Call {
    /// The node of the program.
    node: u32,
    /// Which operation; [`COPY`] copies a view, to lie side by side.
    op: u32,
    out: u32,
    /// Where its operands begin and end.
    operands: (u32, u32),
}

const COPY: u32 = u32::MAX;

thread_local! {
    /// Memory for the next programs of this thread.
    static SPARE: Cell<Vec<Straight>> = const { Cell::new(Vec::new()) };
}

/// A program that runs piece by piece takes two.
const SPARES: usize = 2;

/// Whether nodes can run straight: tells of one after the other, and of all together.
#[derive(Default)]
pub(crate) struct Tiny {
    nodes: usize,
    elements: usize,
}

impl Tiny {
    /// Counts a node, and tells whether its value is tiny.
    #[inline]
    pub(crate) fn admits(&mut self, nodes: &Nodes, id: u32) -> bool {
        let len = tensor::shape::len(nodes.shape(id));
        self.nodes += 1;
        self.elements += len;
        len <= BLOCK
    }

    /// Whether the values of those counted are few together.
    pub(crate) fn fit(&self) -> bool {
        self.elements <= TOGETHER.max(EACH * self.nodes).min(MOST)
    }
}

/// Whether nodes `ids` can run straight, and there is something to run: views alone share the
/// buffer of what they view.
pub(crate) fn is_tiny(nodes: &Nodes, ids: &[u32]) -> bool {
    let (mut tiny, mut works) = (Tiny::default(), false);
    let each = ids.iter().all(|&id| {
        let source = &nodes[id as usize].source;
        works |= matches!(source, Source::Op(op) if !op.is_view());
        tiny.admits(nodes, id)
    });
    each && works && tiny.fit()
}

impl Straight {
    pub(crate) const EMPTY: Straight = Straight {
        slab: Slab::EMPTY,
        slots: Vec::new(),
        steps: Vec::new(),
        ops: Vec::new(),
        operands: Vec::new(),
    };

    /// An empty program in the memory that one before it has left.
    pub(crate) fn recycled() -> Self {
        let mut left = SPARE.try_with(Cell::take).unwrap_or_default();
        let straight = left.pop().unwrap_or(Straight::EMPTY);
        let _ = SPARE.try_with(|spare| spare.set(left));
        straight
    }

    /// Leaves the memory to the next program, unless it is much.
    pub(crate) fn recycle(mut self) {
        // Fails while the thread is torn down, when nobody needs it.
        let Ok(mut left) = SPARE.try_with(Cell::take) else { return };
        if self.bytes() <= MOST_SPARE && left.len() < SPARES {
            self.clear();
            left.push(self);
        }
        let _ = SPARE.try_with(|spare| spare.set(left));
    }

    /// Gives back the memory that was left for the next programs.
    pub(crate) fn forget() {
        drop(SPARE.try_with(Cell::take));
    }

    /// Forgets all nodes and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.slab.reuse();
        pool::reuse(&mut self.slots);
        pool::reuse(&mut self.steps);
        pool::reuse(&mut self.ops);
        pool::reuse(&mut self.operands);
    }

    /// Takes a node whose value is to be [set](Self::set).
    ///
    /// # Errors
    /// When there is no room for it.
    pub(crate) fn give(&mut self, dtype: DType, shape: &[usize]) -> Result<(), ShapeError> {
        let slot = self.slab.push(dtype, shape)?;
        self.slots.push(slot as u32);
        Ok(())
    }

    /// Takes nodes `ids`, whose marks tell their places: they count on from those taken before. The
    /// values the tape knows are copied in; those it does not know, of inputs and parameters, are
    /// to be [set](Self::set).
    ///
    /// # Errors
    /// When a view does not fit or panics, with its place. (A view that records on this very tape
    /// would panic: the nodes are borrowed.)
    pub(crate) fn extend(&mut self, nodes: &Nodes, ids: &[u32]) -> Result<(), Halt> {
        let taken = catch_unwind(AssertUnwindSafe(|| {
            for &id in ids {
                let slot = self.take(nodes, id)?;
                self.slots.push(slot as u32);
            }
            Ok(())
        }));
        halted(taken, self.slots.len() as u32)
    }

    /// Takes a node, and returns where its value is or will be.
    fn take(&mut self, nodes: &Nodes, id: u32) -> Result<usize, tensor::Error> {
        let node = &nodes[id as usize];
        if let (None, Source::Op(op)) = (&node.value, &node.source) {
            return Ok(self.record(nodes, id, op)?);
        }
        let slot = self.slab.push(node.dtype, nodes.shape(id))?;
        match (&node.value, &node.source) {
            (Some(value), _) => self.slab.set(slot, value.view()),
            (None, Source::Number(x)) => self.slab.set_number(slot, *x),
            _ => {}
        }
        Ok(slot)
    }

    /// Takes an operation on nodes taken before, and returns where its value will be.
    fn record(&mut self, nodes: &Nodes, id: u32, op: &Recorded) -> Result<usize, ShapeError> {
        let slot_of = |slots: &[u32], input: u32| slots[nodes[input as usize].mark.1 as usize];
        let inputs = nodes.inputs(id);
        if let Kind::View(op) = op.kind() {
            let of = slot_of(&self.slots, inputs[0]);
            if let Some(layout) = op.layout(self.slab.layout(of as usize))? {
                return self.slab.push_view(of as usize, &layout);
            }
            let copy = self.contiguous(of)? as usize;
            let layout = op.layout(self.slab.layout(copy))?;
            return self.slab.push_view(copy, &layout.expect("a row-major input has every view"));
        }
        let pointwise = matches!(op.kind(), Kind::Pointwise(_));
        let start = self.operands.len();
        let mut strided = false;
        for &input in inputs {
            let slot = slot_of(&self.slots, input);
            strided |= pointwise && !self.slab.is_contiguous(slot as usize);
            self.operands.push(slot);
        }
        if strided {
            let mut slots: SmallVec<[u32; 4]> = self.operands.drain(start..).collect();
            for slot in &mut slots {
                *slot = self.contiguous(*slot)?;
            }
            self.operands.extend(slots);
        }
        let dtype = nodes[id as usize].dtype;
        let out = match self.operands.get(start) {
            // All have one shape.
            Some(&beside) if pointwise => self.slab.push_beside(dtype, beside as usize)?,
            _ => self.slab.push(dtype, nodes.shape(id))?,
        };
        let op = recent(&mut self.ops, |known| known.is_at(op), || op.clone());
        self.step(op, out as u32, inputs.len());
        Ok(out)
    }

    /// The value at `slot` if it lies side by side, else a copy that does, made for the node
    /// that is taken.
    fn contiguous(&mut self, slot: u32) -> Result<u32, ShapeError> {
        if self.slab.is_contiguous(slot as usize) {
            return Ok(slot);
        }
        let copy = self.slab.push_beside(self.slab.dtype(slot as usize), slot as usize)? as u32;
        self.operands.push(slot);
        self.step(COPY, copy, 1);
        Ok(copy)
    }

    /// A step of the node that is taken, on as many of the last operands.
    #[inline]
    fn step(&mut self, op: u32, out: u32, operands: usize) {
        let (node, end) = (self.slots.len() as u32, self.operands.len() as u32);
        self.steps.push(Call { node, op, out, operands: (end - operands as u32, end) });
    }

    /// Sets the value of a node that is not computed.
    pub(crate) fn set(&mut self, place: u32, value: AnyView<'_>) {
        self.slab.set(self.slots[place as usize] as usize, value);
    }

    /// Sets the value of a node that is a number.
    pub(crate) fn set_number(&mut self, place: u32, x: f64) {
        self.slab.set_number(self.slots[place as usize] as usize, x);
    }

    /// Computes the values that depend on none of nodes `given`, which are to be set before each
    /// run: they are the same at every run. If one fails, all are left to the runs.
    ///
    /// (By [`run`](Self::run), whose loop is inlined whole as long as it stands in one place.)
    pub(crate) fn settle(&mut self, given: impl Iterator<Item = u32>) {
        let mut varies = vec![false; self.slab.len()];
        given.for_each(|place| varies[self.slots[place as usize] as usize] = true);
        let all = std::mem::take(&mut self.steps);
        let (varying, settled) = all.iter().partition(|step| {
            let (first, end) = step.operands;
            let operands = &self.operands[first as usize..end as usize];
            let varying = operands.iter().any(|&slot| varies[self.slab.base(slot as usize)]);
            varies[step.out as usize] = varying;
            varying
        });
        self.steps = settled;
        self.steps = if self.run().is_ok() { varying } else { all };
    }

    /// Computes all values.
    pub(crate) fn run(&mut self) -> Result<(), Halt> {
        let Straight { slab, steps, ops, operands, .. } = self;
        let at = Cell::new(0);
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            for step in steps.iter() {
                at.set(step.node);
                let (first, end) = step.operands;
                let operands = &operands[first as usize..end as usize];
                step.run(ops.get(step.op as usize), slab, operands)?;
            }
            Ok(())
        }));
        halted(outcome, at.get())
    }

    /// How many nodes were taken.
    pub(crate) fn len(&self) -> u32 {
        self.slots.len() as u32
    }

    /// How much memory its values and steps take.
    pub(crate) fn bytes(&self) -> usize {
        let numbers = self.slots.len() + self.operands.len();
        self.slab.bytes() + numbers * size_of::<u32>() + size_of_val(&self.steps[..])
    }

    /// Forgets what there is to compute, and keeps the values: nodes taken later are computed next.
    pub(crate) fn forget_steps(&mut self) {
        self.steps.clear();
        self.ops.clear();
        self.operands.clear();
    }

    /// A computed value, copied out.
    pub(crate) fn value(&self, place: u32) -> AnyTensor {
        self.slab.tensor(self.slots[place as usize] as usize)
    }

    /// A computed value, to read.
    pub(crate) fn view(&self, place: u32) -> AnyView<'_> {
        self.slab.view(self.slots[place as usize] as usize)
    }

    /// Writes a computed value to a tensor, if that can be; see [`Slab::write_to`].
    pub(crate) fn write_to(&self, place: u32, tensor: &mut AnyTensor) -> bool {
        self.slab.write_to(self.slots[place as usize] as usize, tensor)
    }
}

impl Call {
    #[inline]
    fn run(
        &self,
        op: Option<&Recorded>,
        slab: &mut Slab,
        operands: &[u32],
    ) -> Result<(), tensor::Error> {
        let out = self.out as usize;
        match op.map(Recorded::kind) {
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
