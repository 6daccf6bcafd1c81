//! Which nodes are computed together.
//!
//! The stage of a node is the largest number of boundaries on any path that leads to it, where an
//! edge is a boundary unless both ends are pointwise and have the same shape. (What is placed among
//! zeros is pointwise for those that read it; what it reads itself is behind a boundary.) All
//! pointwise nodes of one stage and one shape form a fusion group, computed in one pass over
//! blocks. This can never close a cycle: a path that leaves the group and comes back crosses a
//! boundary, so it ends in a later stage.
//!
//! Views move no bytes and bound nothing between themselves: a view of a view has its stage, and a
//! view of a given value stage 0, so that a number beside a variable keeps nothing from fusing.
//!
//! A fold of rows that a group makes is computed by it, in passing; an edge out of it is a
//! boundary. (See [`RowSums::agrees`](tensor::kernel::RowSums::agrees) for when it is not.)
//!
//! A group that has no room for a node, because it has too many members or would read too many
//! large values, is closed: an edge out of it is a boundary, and nodes of its stage that do not
//! depend on it begin another group there. So of one stage and shape only one group is open, and no
//! two come to depend on each other.

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::plan::{Program, Work};

/// No draft; no step.
pub(super) const NEVER: u32 = u32::MAX;

/// How many large values from outside a group reads at most. They are all alive when it runs: were
/// there no limit, the sum of a hundred gradients by one weight would hold them all.
pub(super) const READS: usize = 16;

/// Elements from which on a value is large.
const LARGE: usize = 1 << 14;

/// A step before the steps are put in order.
pub(super) struct Draft {
    pub stage: u32,
    pub work: Work,
    pub members: SmallVec<[u32; 4]>,
    /// Large values that its members read from outside.
    reads: SmallVec<[u32; 4]>,
    /// Elements of the longest rows that it folds; 0 if it folds none.
    row: usize,
    /// Whether it has refused a node, and is closed.
    full: bool,
}

impl Draft {
    fn new(stage: u32, work: Work) -> Self {
        let (members, reads) = (SmallVec::new(), SmallVec::new());
        Draft { stage, work, members, reads, row: 0, full: false }
    }

    /// Whether a node that reads these large values can become a member of this draft, `this`.
    fn takes(&mut self, large: &[u32], this: u32, draft_of: &[u32], limit: usize) -> bool {
        let new =
            large.iter().filter(|&&j| draft_of[j as usize] != this && !self.reads.contains(&j));
        self.full =
            self.full || self.members.len() >= limit || self.reads.len() + new.count() > READS;
        !self.full
    }
}

/// Puts every node that needs work into a draft, with its stage.
pub(super) fn stages(program: &Program) -> (Vec<Draft>, Vec<u32>) {
    let mut drafts: Vec<Draft> = Vec::new();
    let mut draft_of = vec![NEVER; program.nodes.len()];
    let mut open: FxHashMap<(u32, &[usize]), u32> = FxHashMap::default();
    let limit = program.group_limit;
    for (i, node) in program.nodes.iter().enumerate() {
        if node.work == Work::Given {
            continue;
        }
        if let Some((group, row)) = closed_group(program, i as u32, &drafts, &draft_of) {
            let draft = &mut drafts[group as usize];
            draft.members.push(i as u32);
            draft.row = draft.row.max(row);
            draft_of[i] = group;
            continue;
        }
        let grouped = node.work.is_grouped();
        let view = node.work == Work::View;
        let inputs = program.inputs_of(i as u32);
        let large = if grouped { large(program, inputs) } else { SmallVec::new() };
        let (mut stage, mut with) = (if view { 0 } else { 1 }, NEVER);
        for &j in inputs {
            let (input, draft) = (&program.nodes[j as usize], draft_of[j as usize]);
            let Some(d) = drafts.get_mut(draft as usize) else { continue };
            let pointwise = node.work == Work::Pointwise;
            let same = pointwise && input.work.is_grouped() && input.shape == node.shape;
            let open = same && d.takes(&large, draft, &draft_of, limit);
            let joined = open || (view && input.work == Work::View);
            let after = if joined { d.stage } else { d.stage + 1 };
            if after > stage || (after == stage && open) {
                (stage, with) = (after, if open { draft } else { NEVER });
            }
        }
        if grouped && with == NEVER {
            let last = open.get(&(stage, &node.shape[..])).copied();
            let takes = |&d: &u32| drafts[d as usize].takes(&large, d, &draft_of, limit);
            with = last.filter(takes).unwrap_or(NEVER);
        }
        if with == NEVER {
            with = drafts.len() as u32;
            drafts.push(Draft::new(stage, if grouped { Work::Pointwise } else { node.work }));
            if grouped {
                open.insert((stage, &node.shape), with);
            }
        }
        let draft = &mut drafts[with as usize];
        draft.members.push(i as u32);
        let new = large.into_iter().filter(|&j| draft_of[j as usize] != with);
        let new: SmallVec<[u32; 4]> = new.filter(|j| !draft.reads.contains(j)).collect();
        draft.reads.extend(new);
        draft_of[i] = with;
    }
    (drafts, draft_of)
}

/// The group that makes what node `i` folds, and the length of the rows, if it is a fold whose rows
/// agree with those of others there: it is computed there, whether the group has room or not.
fn closed_group(
    program: &Program,
    i: u32,
    drafts: &[Draft],
    draft_of: &[u32],
) -> Option<(u32, usize)> {
    let Work::Closing(sums) = program.nodes[i as usize].work else { return None };
    let x = program.inputs_of(i)[0] as usize;
    let (group, made) = (draft_of[x], program.nodes[x].work.is_grouped());
    let draft = drafts.get(group as usize).filter(|_| made)?;
    (draft.row == 0 || sums.agrees(draft.row)).then_some((group, sums.row()))
}

/// The large ones of these nodes that are computed: those given are there anyway.
fn large(program: &Program, inputs: &[u32]) -> SmallVec<[u32; 4]> {
    let is = |&j: &u32| {
        let node = &program.nodes[j as usize];
        node.work != Work::Given && tensor::shape::len(&node.shape) >= LARGE
    };
    inputs.iter().copied().filter(is).collect()
}
