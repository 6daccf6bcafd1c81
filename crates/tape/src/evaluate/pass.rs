//! One pass of a fused group: all its instructions on a block, then on the next. It ends in
//! outputs, which are stored, and in folds, of which numbers are.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

use smallvec::SmallVec;
use tensor::any::{AnyBlock, AnyReader};
use tensor::blocks::BLOCK;
use tensor::kernel::Window;
use tensor::kernel::fold::leaf_start;
use tensor::{AnySlice, AnySliceMut, AnyTensor, par};

use super::plan::{Fold, Group, Instruction, Operand, Target};
use super::run::{Halt, gathered, kind};
use crate::op::{Kind, Recorded};

/// Where a group reads one of its inputs.
pub(super) enum Feed<'a> {
    /// Where it lies.
    Direct(AnyReader<'a>),
    /// From a block and more in which it is repeated: a number, or a row of so many.
    Repeated(AnyReader<'a>, usize),
    /// From a copy of each block, side by side.
    Copied(AnyReader<'a>),
    /// From the block that a store is about to overwrite: it took over the buffer of an input that
    /// dies here.
    Overwritten(usize),
}

impl<'a> Feed<'a> {
    pub(super) fn of(reader: AnyReader<'a>) -> Self {
        match reader.period() {
            _ if reader.is_direct() => Feed::Direct(reader),
            Some(period) if period <= BLOCK => Feed::Repeated(reader, period),
            _ => Feed::Copied(reader),
        }
    }
}

/// What a group lays among zeros, and where.
pub(super) type Placed<'a> = (Window, AnyReader<'a>);

/// Runs a group; writes its stores to `outs` and its folds to `folded`.
pub(super) fn run(
    group: &Group,
    ops: &[Option<Recorded>],
    feeds: &[Feed<'_>],
    placed: &[Placed<'_>],
    outs: &mut [AnyTensor],
    folded: &mut [AnyTensor],
) -> Result<(), Halt> {
    let pass = Pass { group, ops, feeds, placed, failed: Mutex::new(None) };
    // The numbers of leaves, where they are not the results.
    let numbers = group.folds.iter().map(|fold| match fold.sums.rows_are_leaves() {
        true => Vec::new(),
        false => vec![0.0; fold.sums.leaves(0..group.len)],
    });
    let mut numbers: SmallVec<[Vec<f64>; 2]> = numbers.collect();
    let sums =
        folded.iter_mut().zip(&mut numbers).map(|(folded, numbers)| match &mut numbers[..] {
            [] => whole(folded),
            numbers => AnySliceMut::F64(numbers),
        });
    let outs = outs.iter_mut().map(whole).collect();
    pass.run(Part { start: 0, len: group.len, outs, sums: sums.collect() });
    if let Some((_, node, payload)) =
        pass.failed.into_inner().unwrap_or_else(PoisonError::into_inner)
    {
        return Err(Halt::Panic { node, payload });
    }
    for ((fold, numbers), folded) in group.folds.iter().zip(&numbers).zip(folded) {
        if !numbers.is_empty() {
            fold.sums.finish(numbers, whole(folded));
        }
    }
    Ok(())
}

fn whole(tensor: &mut AnyTensor) -> AnySliceMut<'_> {
    tensor.as_mut_slice().expect("just made or unique")
}

/// A panic of a part: where the part starts, the node that was computed, and the payload.
type Panicked = (usize, u32, Box<dyn Any + Send>);

/// A group with what it reads.
struct Pass<'a> {
    group: &'a Group,
    ops: &'a [Option<Recorded>],
    feeds: &'a [Feed<'a>],
    placed: &'a [Placed<'a>],
    /// The first part that panicked, by its place: the same on any number of threads.
    failed: Mutex<Option<Panicked>>,
}

/// Elements `start..start + len` of all that a group writes, from the beginning of a leaf on.
struct Part<'a> {
    start: usize,
    len: usize,
    outs: Slices<'a>,
    /// For each fold the numbers of the leaves.
    sums: Slices<'a>,
}

type Slices<'a> = SmallVec<[AnySliceMut<'a>; 4]>;

impl<'a> Part<'a> {
    /// Parts off the first `len` elements, which end with leaves of `folds`.
    fn split_off(&mut self, len: usize, folds: &[Fold]) -> Part<'a> {
        let off = |slice: &mut AnySliceMut<'a>, len| {
            let (head, tail) = std::mem::take(slice).split_at(len);
            *slice = tail;
            head
        };
        let outs = self.outs.iter_mut().map(|out| off(out, len)).collect();
        let end = self.start + len;
        let own = folds.iter().map(|fold| fold.sums.leaves(self.start..end));
        let sums = self.sums.iter_mut().zip(own).map(|(sums, own)| off(sums, own)).collect();
        let part = Part { start: self.start, len, outs, sums };
        (self.start, self.len) = (self.start + len, self.len - len);
        part
    }
}

/// Where one task keeps its blocks.
struct Workspace<'a> {
    registers: SmallVec<[AnyBlock; 8]>,
    /// For each load that is not read where it lies.
    copies: SmallVec<[AnyBlock; 8]>,
    part: Part<'a>,
}

impl Pass<'_> {
    /// Computes all elements, in parallel where that pays.
    fn run(&self, whole: Part<'_>) {
        let len = whole.len;
        let grain = (par::GRAIN_BYTES / 8 / self.group.code.len().clamp(1, 8)).max(BLOCK);
        let threads = par::threads();
        if threads == 1 || len < 2 * grain {
            return self.guarded(whole);
        }
        let most = par::part_len(len, BLOCK, grain, threads);
        let mut rest = whole;
        let parts = std::iter::from_fn(|| {
            let own = self.ahead(rest.start, most.min(rest.len));
            (own > 0).then(|| rest.split_off(own, &self.group.folds))
        });
        par::for_each_of(parts, usize::MAX, |part| self.guarded(part));
    }

    /// Computes a part, and notes its panic.
    fn guarded(&self, part: Part<'_>) {
        let (start, at) = (part.start, Cell::new(self.group.code[0].node));
        let outcome = catch_unwind(AssertUnwindSafe(|| self.blocks(part, &at)));
        let Err(payload) = outcome else { return };
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        match &*failed {
            // Dropping a payload runs code of its author.
            Some((first, ..)) if *first < start => std::mem::forget(payload),
            _ => std::mem::forget(failed.replace((start, at.get(), payload))),
        }
    }

    /// How many of the `most` elements from `start` on end with a leaf.
    fn ahead(&self, start: usize, most: usize) -> usize {
        leaf_start(start + most, self.group.row) - start
    }

    fn blocks(&self, part: Part<'_>, node: &Cell<u32>) {
        let (start, len) = (part.start, part.len);
        let mut space = self.workspace(part);
        let mut at = 0;
        while at < len {
            let n = self.ahead(start + at, BLOCK.min(len - at));
            for (feed, copy) in self.feeds.iter().zip(&mut space.copies) {
                match feed {
                    Feed::Copied(reader) => reader.copy(start + at, copy.as_mut_slice(n)),
                    Feed::Overwritten(store) => {
                        copy.copy_from(space.part.outs[*store].as_slice().range(at..at + n));
                    }
                    Feed::Direct(_) | Feed::Repeated(..) => {}
                }
            }
            for step in &self.group.code {
                node.set(step.node);
                self.step(step, &mut space, at, n);
            }
            at += n;
        }
    }

    fn workspace<'a>(&self, part: Part<'a>) -> Workspace<'a> {
        let size = part.len.min(BLOCK);
        let copies = self.feeds.iter().map(|feed| match feed {
            Feed::Direct(_) => AnyBlock::default(),
            Feed::Repeated(reader, period) => {
                let size = period - 1 + size;
                let mut block = AnyBlock::new(reader.dtype(), size);
                reader.copy(0, block.as_mut_slice(size));
                block
            }
            Feed::Copied(reader) => AnyBlock::new(reader.dtype(), size),
            Feed::Overwritten(store) => AnyBlock::new(part.outs[*store].as_slice().dtype(), size),
        });
        let copies = copies.collect();
        let registers = self.group.registers.iter().map(|&dtype| AnyBlock::new(dtype, size));
        Workspace { registers: registers.collect(), copies, part }
    }

    /// One instruction, on elements `at..at + n` of the part.
    #[inline]
    fn step(&self, step: &Instruction, space: &mut Workspace<'_>, at: usize, n: usize) {
        let Workspace { registers, copies, part } = space;
        let range = step.operands.start as usize..step.operands.end as usize;
        let operands = &self.group.operands[range];
        let (start, outs) = (part.start, &mut part.outs[..]);
        // The target is parted off, so that its operands can be read beside it. It is none of them.
        match step.target {
            Target::Register(r) => {
                let (registers, own) = parted(registers, r);
                let sources = Sources { start, at, n, registers, outs: (outs, &[]), copies };
                self.compute(step, operands, &sources, own.as_mut_slice(n));
            }
            Target::Store(s) => {
                let (outs, own) = parted(outs, s);
                let sources = Sources { start, at, n, registers: (registers, &[]), outs, copies };
                self.compute(step, operands, &sources, own.range_mut(at..at + n));
            }
            Target::Fold(f) => {
                let sources = Sources {
                    start,
                    at,
                    n,
                    registers: (registers, &[]),
                    outs: (outs, &[]),
                    copies,
                };
                let (x, fold) =
                    (self.slice(&operands[0], &sources), self.group.folds[f as usize].sums);
                let first = start + at;
                let (before, own) = (fold.leaves(start..first), fold.leaves(first..first + n));
                fold.fold(x, first, part.sums[f as usize].range_mut(before..before + own));
            }
        }
    }

    #[inline]
    fn compute(
        &self,
        step: &Instruction,
        operands: &[Operand],
        sources: &Sources<'_>,
        out: AnySliceMut<'_>,
    ) {
        if let [Operand::Placed(p)] = operands {
            let (window, part) = &self.placed[*p as usize];
            return part.place(window, sources.start + sources.at, out);
        }
        let Some(Kind::Pointwise(op)) = kind(self.ops, step.node) else {
            unreachable!("planned as pointwise")
        };
        gathered(operands, |o| self.slice(o, sources), |x| op.block(x, out));
    }

    /// The present block of an operand.
    #[inline]
    fn slice<'a>(&'a self, operand: &Operand, from: &'a Sources<'_>) -> AnySlice<'a> {
        match *operand {
            Operand::Load(l) => match &self.feeds[l as usize] {
                Feed::Direct(reader) => reader.slice(from.start + from.at, from.n),
                Feed::Repeated(_, period) => {
                    let first = (from.start + from.at) % period;
                    let end = first + from.n;
                    from.copies[l as usize].as_slice(end).range(first..end)
                }
                _ => from.copies[l as usize].as_slice(from.n),
            },
            Operand::Placed(_) => unreachable!("the only operand of its member"),
            Operand::Register(r) => beside(from.registers, r).as_slice(from.n),
            Operand::Store(s) => beside(from.outs, s).as_slice().range(from.at..from.at + from.n),
        }
    }
}

/// What an instruction reads: elements `at..at + n` of a part that begins at `start`.
struct Sources<'a> {
    start: usize,
    at: usize,
    n: usize,
    registers: Parted<'a, AnyBlock>,
    outs: Parted<'a, AnySliceMut<'a>>,
    copies: &'a [AnyBlock],
}

/// Those before one of several, and those behind it.
type Parted<'a, X> = (&'a [X], &'a [X]);

#[inline]
fn parted<X>(all: &mut [X], own: u32) -> (Parted<'_, X>, &mut X) {
    let (before, rest) = all.split_at_mut(own as usize);
    let (own, behind) = rest.split_first_mut().expect("the plan has counted them");
    ((before, behind), own)
}

#[inline]
fn beside<'a, X>((before, behind): Parted<'a, X>, k: u32) -> &'a X {
    let k = k as usize;
    if k < before.len() { &before[k] } else { &behind[k - before.len() - 1] }
}
