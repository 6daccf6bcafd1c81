//! From a program to an order of steps: what is fused, what runs when, what dies where.
//!
//! What is fused is said in [`stages`](super::stages) and [`postpone`](super::postpone).
//!
//! # Order
//!
//! Steps run in the order in which they were recorded, as far as fusion allows: what a loop makes
//! and uses up in one round dies before the next. In the order of stages, which is topological too,
//! all rounds would be alive at once.
//!
//! A plan depends on the structure of the program alone (kinds, types, shapes, edges, and which
//! values are wanted), not on any value.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

use rustc_hash::FxHashMap;
use smallvec::SmallVec;
use tensor::kernel::{RowSums, Window};
use tensor::{DType, Shape, shape};

use super::postpone::postpone;
use super::stages::{NEVER, stages};
use crate::op::{Kind, Recorded};

/// What it takes to know the value of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Work {
    /// Nothing: it is given.
    Given,
    Pointwise,
    /// Its input is laid among zeros: a member of a group that reads the input from outside.
    Placed,
    View,
    General,
    /// Folds rows of its input: part of the group that makes them, if one does.
    Closing(RowSums),
}

impl Work {
    /// That of an operation on a first input of shape `x`, with an output of shape `y`.
    pub(crate) fn of(op: &Recorded, x: &[usize], y: &[usize]) -> Self {
        let fits = |w: Window| w.fits(shape::len(x), shape::len(y));
        match op.kind() {
            Kind::Pointwise(_) => Work::Pointwise,
            Kind::View(_) => Work::View,
            Kind::General(op) => {
                match op.closing(x).and_then(|c| c.of(shape::len(x), shape::len(y))) {
                    Some(sums) => Work::Closing(sums),
                    None if op.window().is_some_and(fits) => Work::Placed,
                    None => Work::General,
                }
            }
        }
    }

    /// Whether it is computed block by block, in a group.
    pub(super) fn is_grouped(self) -> bool {
        matches!(self, Work::Pointwise | Work::Placed)
    }
}

/// The structure of what is to be computed; nodes are numbered in a topological order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Program {
    pub nodes: Vec<ProgramNode>,
    /// The inputs of all nodes, one after the other.
    pub inputs: Vec<u32>,
    /// Whether a value may be freed after its last use.
    pub frees: bool,
    /// How many nodes a group has at most.
    pub group_limit: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ProgramNode {
    pub work: Work,
    pub dtype: DType,
    pub shape: Shape,
    /// Where its inputs stand in [`Program::inputs`].
    pub inputs: Range<u32>,
    /// Whether its value is asked for.
    pub wanted: bool,
}

impl Program {
    pub(crate) fn inputs_of(&self, node: u32) -> &[u32] {
        let range = &self.nodes[node as usize].inputs;
        &self.inputs[range.start as usize..range.end as usize]
    }
}

#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub steps: Vec<Step>,
}

#[derive(Debug)]
pub(crate) struct Step {
    pub action: Action,
    /// Nodes whose last use this step is.
    pub last_of: SmallVec<[u32; 4]>,
}

#[derive(Debug)]
pub(crate) enum Action {
    View(u32),
    General(u32),
    Group(Group),
}

/// Pointwise nodes of one shape, computed together block by block.
#[derive(Debug, Default)]
pub(crate) struct Group {
    /// Nodes read from outside.
    pub loads: Vec<u32>,
    /// Nodes read from outside to be laid among zeros, each with the member that does.
    pub placed: Vec<(u32, u32)>,
    /// Members whose values are used outside.
    pub stores: Vec<u32>,
    /// Members that fold rows of another one.
    pub folds: Vec<Fold>,
    /// One instruction a member, in a topological order.
    pub code: Vec<Instruction>,
    pub operands: Vec<Operand>,
    /// Blocks that hold values used inside only.
    pub registers: Vec<DType>,
    /// Elements of each member.
    pub len: usize,
    /// Elements of the longest rows that are folded, or of all: blocks end where a leaf of these
    /// does.
    pub row: usize,
}

#[derive(Debug)]
pub(crate) struct Fold {
    pub node: u32,
    pub sums: RowSums,
}

#[derive(Debug)]
pub(crate) struct Instruction {
    pub node: u32,
    /// Where its operands stand in [`Group::operands`].
    pub operands: Range<u32>,
    pub target: Target,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Operand {
    Load(u32),
    /// Of a member that is [placed](Group::placed), its only one.
    Placed(u32),
    Register(u32),
    Store(u32),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Target {
    Register(u32),
    Store(u32),
    Fold(u32),
}

impl Plan {
    pub(crate) fn new(program: &Program) -> Self {
        let (mut drafts, mut draft_of) = stages(program);
        postpone(program, &mut drafts, &mut draft_of);
        let order = order(program, drafts.len(), &draft_of);
        let mut position = vec![0u32; drafts.len()];
        for (p, &d) in order.iter().enumerate() {
            position[d as usize] = p as u32;
        }
        let uses = Uses::new(program, &draft_of, &position);
        let mut steps: Vec<Step> = order
            .iter()
            .map(|&d| {
                let draft = &mut drafts[d as usize];
                let members = std::mem::take(&mut draft.members);
                let action = match draft.work {
                    Work::View => Action::View(members[0]),
                    Work::General | Work::Closing(_) => Action::General(members[0]),
                    _ => Action::Group(group(program, &members, &uses.outside, d, &draft_of)),
                };
                Step { action, last_of: SmallVec::new() }
            })
            .collect();
        for (node, &last) in uses.last.iter().enumerate() {
            if last != NEVER && program.frees && !program.nodes[node].wanted {
                steps[last as usize].last_of.push(node as u32);
            }
        }
        Plan { steps }
    }
}

/// The drafts in an order in which each comes after those it reads. Their numbers follow the first
/// members they were made with, so of those that could be next the lowest was recorded first.
fn order(program: &Program, drafts: usize, draft_of: &[u32]) -> Vec<u32> {
    let each_read = |f: &mut dyn FnMut(usize, u32)| {
        for (i, &to) in draft_of.iter().enumerate() {
            for &j in program.inputs_of(i as u32) {
                let from = draft_of[j as usize];
                if from != to && from != NEVER {
                    f(from as usize, to);
                }
            }
        }
    };
    // `readers[first[d]..first[d + 1]]` read draft `d`, each as often as it reads.
    let (mut first, mut waits) = (vec![0u32; drafts + 1], vec![0u32; drafts]);
    each_read(&mut |from, to| {
        first[from + 1] += 1;
        waits[to as usize] += 1;
    });
    for d in 0..drafts {
        first[d + 1] += first[d];
    }
    let (mut next, mut readers) = (first.clone(), vec![0u32; first[drafts] as usize]);
    each_read(&mut |from, to| {
        readers[next[from] as usize] = to;
        next[from] += 1;
    });
    let mut order = Vec::with_capacity(drafts);
    let mut ready: BinaryHeap<Reverse<u32>> =
        (0..drafts as u32).filter(|&d| waits[d as usize] == 0).map(Reverse).collect();
    while let Some(Reverse(d)) = ready.pop() {
        order.push(d);
        for &reader in &readers[first[d as usize] as usize..first[d as usize + 1] as usize] {
            waits[reader as usize] -= 1;
            if waits[reader as usize] == 0 {
                ready.push(Reverse(reader));
            }
        }
    }
    assert_eq!(order.len(), drafts, "stages let no cycle close");
    order
}

/// Who reads what.
struct Uses {
    /// Position of the last step that reads the node from outside; `NEVER` if none.
    last: Vec<u32>,
    /// Whether the node is read outside of its own group, or wanted.
    outside: Vec<bool>,
}

impl Uses {
    fn new(program: &Program, draft_of: &[u32], position: &[u32]) -> Self {
        let mut last = vec![NEVER; program.nodes.len()];
        let mut outside: Vec<bool> = program.nodes.iter().map(|n| n.wanted).collect();
        for i in 0..program.nodes.len() as u32 {
            let draft = draft_of[i as usize];
            if draft == NEVER {
                continue;
            }
            let at = position[draft as usize];
            for &j in program.inputs_of(i) {
                if draft_of[j as usize] != draft {
                    outside[j as usize] = true;
                    let known = &mut last[j as usize];
                    *known = if *known == NEVER { at } else { at.max(*known) };
                }
            }
        }
        Uses { last, outside }
    }
}

/// Lays out a group: where each member's block lives. Members used inside only share registers,
/// each free again after the last member that reads it.
fn group(
    program: &Program,
    members: &[u32],
    outside: &[bool],
    draft: u32,
    draft_of: &[u32],
) -> Group {
    let first = members[0] as usize;
    let mut out = Group { len: shape::len(&program.nodes[first].shape), ..Group::default() };
    let mut last: FxHashMap<u32, usize> = FxHashMap::default();
    for (k, &i) in members.iter().enumerate() {
        for &j in program.inputs_of(i) {
            last.insert(j, k);
        }
    }
    let mut place: FxHashMap<u32, Operand> = FxHashMap::default();
    let mut free: Vec<u32> = Vec::new();
    for (k, &i) in members.iter().enumerate() {
        let start = out.operands.len() as u32;
        let work = program.nodes[i as usize].work;
        for &j in program.inputs_of(i) {
            if work == Work::Placed {
                out.operands.push(Operand::Placed(out.placed.len() as u32));
                out.placed.push((j, i));
                continue;
            }
            let operand = *place.entry(j).or_insert_with(|| {
                debug_assert_ne!(draft_of[j as usize], draft, "members come in order");
                out.loads.push(j);
                Operand::Load(out.loads.len() as u32 - 1)
            });
            out.operands.push(operand);
        }
        let dtype = program.nodes[i as usize].dtype;
        let target = if let Work::Closing(sums) = work {
            out.folds.push(Fold { node: i, sums });
            Target::Fold(out.folds.len() as u32 - 1)
        } else if outside[i as usize] {
            out.stores.push(i);
            Target::Store(out.stores.len() as u32 - 1)
        } else {
            let same = free.iter().position(|&r| out.registers[r as usize] == dtype);
            Target::Register(match same {
                Some(p) => free.swap_remove(p),
                None => {
                    out.registers.push(dtype);
                    out.registers.len() as u32 - 1
                }
            })
        };
        match target {
            Target::Register(r) => drop(place.insert(i, Operand::Register(r))),
            Target::Store(s) => drop(place.insert(i, Operand::Store(s))),
            Target::Fold(_) => {} // nobody reads it in the group
        }
        let operands = start..out.operands.len() as u32;
        let mut done: SmallVec<[u32; 4]> = SmallVec::new();
        for (&j, operand) in program.inputs_of(i).iter().zip(&out.operands[start as usize..]) {
            if let &Operand::Register(r) = operand
                && last[&j] == k
                && !done.contains(&r)
            {
                done.push(r);
            }
        }
        free.extend(done);
        out.code.push(Instruction { node: i, operands, target });
    }
    out.row = out.folds.iter().map(|fold| fold.sums.row()).max().unwrap_or(out.len);
    out
}
