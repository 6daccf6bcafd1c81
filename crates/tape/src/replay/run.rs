//! Executes a plan.

use std::any::Any;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering};

use smallvec::SmallVec;
use tensor::any::{AnyBlock, AnyReader};
use tensor::blocks::BLOCK;
use tensor::{AnySlice, AnySliceMut, AnyTensor, AnyView, par};

use super::gathered;
use super::plan::{Action, Group, Operand, Plan, Program, Target};
use crate::op::Recorded;

/// Why a run stopped, and at which node of the program.
pub(crate) enum Halt {
    /// The data is at fault.
    Error { node: u32, source: tensor::Error },
    /// The operation panicked.
    Panic { node: u32, payload: Box<dyn Any + Send> },
}

impl Halt {
    pub(crate) fn node(&self) -> u32 {
        match self {
            Halt::Error { node, .. } | Halt::Panic { node, .. } => *node,
        }
    }
}

/// Computes every value that the plan materialises into `values`, which holds the given ones.
pub(crate) fn run(
    plan: &Plan,
    program: &Program,
    ops: &[Option<Recorded>],
    values: &mut [Option<AnyTensor>],
) -> Result<(), Halt> {
    for step in &plan.steps {
        match &step.action {
            Action::View(node) => view(*node, program, ops, values)?,
            Action::General(node) => general(*node, program, ops, values)?,
            Action::Group(group) => grouped(group, program, ops, values, &step.last_of)?,
        }
        for &dead in &step.last_of {
            values[dead as usize] = None;
        }
    }
    Ok(())
}

const ORDER: &str = "the plan computes a value before it is used and frees it after its last use";

fn value(values: &[Option<AnyTensor>], node: u32) -> &AnyTensor {
    values[node as usize].as_ref().expect(ORDER)
}

/// Runs an operation's own code; its panic is caught, so that it can be said which node failed.
pub(super) fn guarded<R>(
    node: u32,
    f: impl FnOnce() -> Result<R, tensor::Error>,
) -> Result<R, Halt> {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(source)) => Err(Halt::Error { node, source }),
        Err(payload) => Err(Halt::Panic { node, payload }),
    }
}

fn view(
    node: u32,
    program: &Program,
    ops: &[Option<Recorded>],
    values: &mut [Option<AnyTensor>],
) -> Result<(), Halt> {
    let Some(Recorded::View(op)) = &ops[node as usize] else { unreachable!("planned as a view") };
    let x = value(values, program.inputs_of(node)[0]);
    let y = guarded(node, || match op.get().layout(x.layout())? {
        Some(layout) => Ok(x.with_layout(layout)),
        None => {
            let copy = x.to_contiguous();
            let layout = op.get().layout(copy.layout())?;
            Ok(copy.with_layout(layout.expect("a row-major input has every view")))
        }
    })?;
    values[node as usize] = Some(y);
    Ok(())
}

fn general(
    node: u32,
    program: &Program,
    ops: &[Option<Recorded>],
    values: &mut [Option<AnyTensor>],
) -> Result<(), Halt> {
    let Some(Recorded::General(op)) = &ops[node as usize] else {
        unreachable!("planned as general")
    };
    let signature = &program.nodes[node as usize];
    let mut out = AnyTensor::scratch(signature.dtype, &signature.shape);
    let inputs: SmallVec<[AnyView<'_>; 4]> =
        program.inputs_of(node).iter().map(|&j| value(values, j).view()).collect();
    guarded(node, || op.get().forward(&inputs, out.as_mut_slice().expect("just made")))?;
    drop(inputs);
    values[node as usize] = Some(out);
    Ok(())
}

/// Where a group reads one of its inputs.
enum Feed<'a> {
    /// From a tensor outside.
    Reader(AnyReader<'a>),
    /// From the block that a store is about to overwrite: it took over the buffer of an input that
    /// dies here.
    Overwritten(usize),
}

fn grouped(
    group: &Group,
    program: &Program,
    ops: &[Option<Recorded>],
    values: &mut [Option<AnyTensor>],
    dying: &[u32],
) -> Result<(), Halt> {
    let (mut outs, overwritten) = outputs(group, program, values, dying);
    let feeds: Vec<Feed<'_>> = group
        .loads
        .iter()
        .map(|&load| match overwritten.iter().position(|&o| o == Some(load)) {
            Some(store) => Feed::Overwritten(store),
            None => Feed::Reader(value(values, load).view().reader()),
        })
        .collect();
    let failed = AtomicU32::new(group.code[0].node);
    let pass = Pass { group, ops, feeds: &feeds, failed: &failed };
    let slices = outs.iter_mut().map(|t| t.as_mut_slice().expect("just made or unique")).collect();
    let outcome = catch_unwind(AssertUnwindSafe(|| pass.run(slices)));
    if let Err(payload) = outcome {
        return Err(Halt::Panic { node: failed.load(Ordering::Relaxed), payload });
    }
    drop(feeds);
    for (&node, out) in group.stores.iter().zip(outs) {
        values[node as usize] = Some(out);
    }
    Ok(())
}

/// The tensors a group writes, and for each the input whose buffer it took over: one that dies here,
/// lies side by side, fills its buffer (which is then as large as needed, and no larger), and shares it
/// with nobody.
fn outputs(
    group: &Group,
    program: &Program,
    values: &mut [Option<AnyTensor>],
    dying: &[u32],
) -> (SmallVec<[AnyTensor; 4]>, SmallVec<[Option<u32>; 4]>) {
    // What dies in a group is one of its inputs, of the shape of its outputs.
    let mut spares: SmallVec<[u32; 4]> = SmallVec::new();
    for &dead in dying {
        let value = values[dead as usize].as_mut().expect(ORDER);
        if value.fills_buffer() && value.as_mut_slice().is_some() {
            spares.push(dead);
        }
    }
    let mut outs = SmallVec::new();
    let mut overwritten: SmallVec<[Option<u32>; 4]> = SmallVec::new();
    for &store in &group.stores {
        let wanted = &program.nodes[store as usize];
        let fits = |&spare: &u32| program.nodes[spare as usize].dtype == wanted.dtype;
        let spare = spares.iter().position(fits).map(|k| spares.swap_remove(k));
        outs.push(match spare {
            Some(spare) => values[spare as usize].take().expect(ORDER),
            None => AnyTensor::scratch(wanted.dtype, &wanted.shape),
        });
        overwritten.push(spare);
    }
    (outs, overwritten)
}

/// One pass of a group over its blocks.
struct Pass<'a> {
    group: &'a Group,
    ops: &'a [Option<Recorded>],
    feeds: &'a [Feed<'a>],
    /// The node whose operation panicked.
    failed: &'a AtomicU32,
}

/// On unwinding, tells which node was being computed.
struct Watch<'a> {
    node: u32,
    failed: &'a AtomicU32,
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.failed.store(self.node, Ordering::Relaxed);
        }
    }
}

type Slices<'a> = SmallVec<[AnySliceMut<'a>; 4]>;

impl Pass<'_> {
    /// Computes all elements of all stores, in parallel where that pays.
    fn run(&self, outs: Slices<'_>) {
        let len = self.group.len;
        let grain = (par::GRAIN_BYTES / 8 / self.group.code.len().clamp(1, 8)).max(BLOCK);
        let threads = par::threads();
        if threads == 1 || len < 2 * grain {
            return self.blocks(0, outs);
        }
        let part = par::part_len(len, BLOCK, grain, threads);
        let mut rest = outs;
        let parts = (0..len).step_by(part).map(|start| {
            let own = rest.iter_mut().map(|out| {
                let (head, tail) = std::mem::take(out).split_at(part.min(len - start));
                *out = tail;
                head
            });
            (start, own.collect())
        });
        par::for_each_of(parts, usize::MAX, |(start, own)| self.blocks(start, own));
    }

    fn blocks(&self, start: usize, mut outs: Slices<'_>) {
        let len = outs[0].len();
        let size = len.min(BLOCK);
        let mut registers: SmallVec<[AnyBlock; 8]> =
            self.group.registers.iter().map(|&dtype| AnyBlock::new(dtype, size)).collect();
        let mut scratch: SmallVec<[AnyBlock; 8]> = self.scratch(size, &outs);
        let mut watch = Watch { node: self.group.code[0].node, failed: self.failed };
        for at in (0..len).step_by(BLOCK) {
            let n = size.min(len - at);
            let loads: SmallVec<[AnySlice<'_>; 8]> = (self.feeds.iter().zip(&mut scratch))
                .map(|(feed, scratch)| match feed {
                    Feed::Reader(reader) => reader.block(start + at, n, scratch),
                    Feed::Overwritten(store) => {
                        scratch.copy_from(outs[*store].as_slice().range(at..at + n))
                    }
                })
                .collect();
            for step in &self.group.code {
                watch.node = step.node;
                let Some(Recorded::Pointwise(op)) = &self.ops[step.node as usize] else {
                    unreachable!("planned as pointwise")
                };
                let operands =
                    &self.group.operands[step.operands.start as usize..step.operands.end as usize];
                // The target is taken out while its operands are read beside it.
                match step.target {
                    Target::Register(r) => {
                        let mut own = std::mem::take(&mut registers[r as usize]);
                        let get = |o: &Operand| o.slice(&loads, &registers, &outs, at..at + n);
                        gathered(operands, get, |x| op.get().block(x, own.as_mut_slice(n)));
                        registers[r as usize] = own;
                    }
                    Target::Store(s) => {
                        let mut own = std::mem::take(&mut outs[s as usize]);
                        let get = |o: &Operand| o.slice(&loads, &registers, &outs, at..at + n);
                        gathered(operands, get, |x| op.get().block(x, own.range_mut(at..at + n)));
                        outs[s as usize] = own;
                    }
                }
            }
        }
    }

    /// A block for each load that cannot be read where it lies.
    fn scratch(&self, size: usize, outs: &Slices<'_>) -> SmallVec<[AnyBlock; 8]> {
        let block = |feed: &Feed<'_>| match feed {
            Feed::Reader(reader) if reader.is_direct() => AnyBlock::default(),
            Feed::Reader(reader) => AnyBlock::new(reader.dtype(), size),
            Feed::Overwritten(store) => AnyBlock::new(outs[*store].as_slice().dtype(), size),
        };
        self.feeds.iter().map(block).collect()
    }
}

impl Operand {
    /// Its elements `range` of the present part, a block.
    #[inline]
    fn slice<'a>(
        &self,
        loads: &[AnySlice<'a>],
        registers: &'a [AnyBlock],
        outs: &'a Slices<'_>,
        range: Range<usize>,
    ) -> AnySlice<'a> {
        match *self {
            Operand::Load(l) => loads[l as usize],
            Operand::Register(r) => registers[r as usize].as_slice(range.len()),
            Operand::Store(s) => outs[s as usize].as_slice().range(range),
        }
    }
}
