//! Which nodes wait for the group that reads them.
//!
//! Stages are as early as can be, so what hangs on given values alone is computed first and stored,
//! for a group that runs much later. Here a pointwise node joins the first group that reads it, if
//! that costs no reading or writing of memory: that group no longer reads the node, and nobody
//! stores it if nobody else reads it, for which it may read as many of the node's inputs anew.
//!
//! Edges between groups still lead to later stages, so no cycle closes: the inputs of the node are
//! of earlier stages than its own, and all its other readers of later ones than the group it joins.
//!
//! Nor does more stay in memory: the computed inputs that are read anew wait in the place of the
//! node, so they have at most its bytes together. (In a sum of gradients, round after round of a
//! loop, all would wait for the last.)

use smallvec::SmallVec;
use tensor::shape;

use super::plan::{Program, Work};
use super::stages::{Draft, NEVER, READS};

/// Moves nodes to later drafts; those left empty are taken out.
pub(super) fn postpone(program: &Program, drafts: &mut Vec<Draft>, draft_of: &mut [u32]) {
    let mut reads = Reads::new(program, drafts.len(), draft_of);
    let mut readers = vec![Readers::NONE; program.nodes.len()];
    let mut moved = false;
    for i in (0..program.nodes.len() as u32).rev() {
        let own = draft_of[i as usize];
        if own == NEVER {
            continue;
        }
        let node = &program.nodes[i as usize];
        let Readers { draft: to, joins, alone, .. } = readers[i as usize];
        if node.work == Work::Pointwise && to != own && joins {
            let members = &mut drafts[to as usize].members;
            if members.len() < program.group_limit && reads.admit(i, to, alone && !node.wanted) {
                members.push(i);
                draft_of[i as usize] = to;
                moved = true;
            }
        }
        let draft = draft_of[i as usize];
        for &j in program.inputs_of(i) {
            let same = program.nodes[j as usize].shape == node.shape;
            let joins = same && node.work == Work::Pointwise;
            readers[j as usize].add(draft, drafts[draft as usize].stage, joins);
        }
    }
    if moved {
        settle(drafts, draft_of);
    }
}

/// The first draft that reads a node.
#[derive(Clone, Copy)]
struct Readers {
    draft: u32,
    stage: u32,
    /// Whether the node could be a member of it: all that read it there are pointwise and of its
    /// shape, and no other reader is of that stage.
    joins: bool,
    /// Whether nobody else reads the node.
    alone: bool,
}

impl Readers {
    const NONE: Self = Readers { draft: NEVER, stage: u32::MAX, joins: false, alone: true };

    fn add(&mut self, draft: u32, stage: u32, joins: bool) {
        if draft == self.draft {
            self.joins &= joins;
        } else if stage < self.stage {
            let alone = self.draft == NEVER;
            *self = Readers { draft, stage, joins, alone };
        } else {
            self.joins &= stage != self.stage;
            self.alone = false;
        }
    }
}

/// What groups read from outside, as large as their members.
struct Reads<'a> {
    program: &'a Program,
    /// For each node what it is a view of: itself, if it is none.
    roots: Vec<u32>,
    /// For each draft.
    of: Vec<SmallVec<[u32; 8]>>,
}

impl<'a> Reads<'a> {
    fn new(program: &'a Program, drafts: usize, draft_of: &[u32]) -> Self {
        let mut roots: Vec<u32> = (0..program.nodes.len() as u32).collect();
        for (i, node) in program.nodes.iter().enumerate() {
            if node.work == Work::View {
                roots[i] = roots[program.inputs_of(i as u32)[0] as usize];
            }
        }
        let mut reads = Reads { program, roots, of: vec![SmallVec::new(); drafts] };
        for (i, &draft) in draft_of.iter().enumerate() {
            if draft != NEVER && program.nodes[i].work.is_grouped() {
                let outside = |j: &u32| draft_of[*j as usize] != draft;
                let own = reads.large(i as u32).filter(outside).collect::<SmallVec<[u32; 4]>>();
                reads.add(draft, own);
            }
        }
        reads
    }

    /// What a node reads, each once.
    fn all(&self, i: u32) -> SmallVec<[u32; 4]> {
        let roots = self.program.inputs_of(i).iter().map(|&j| self.roots[j as usize]);
        let mut roots = roots.collect::<SmallVec<[u32; 4]>>();
        roots.sort_unstable();
        roots.dedup();
        roots
    }

    /// What it reads that is as large as itself: what is repeated for it costs nothing.
    fn large(&self, i: u32) -> impl Iterator<Item = u32> {
        let len = |j: u32| shape::len(&self.program.nodes[j as usize].shape);
        self.all(i).into_iter().filter(move |&j| len(j) >= len(i))
    }

    fn add(&mut self, draft: u32, new: SmallVec<[u32; 4]>) {
        let all = &mut self.of[draft as usize];
        for j in new {
            if !all.contains(&j) {
                all.push(j);
            }
        }
    }

    fn bytes(&self, i: u32) -> usize {
        let node = &self.program.nodes[i as usize];
        node.dtype.size() * shape::len(&node.shape)
    }

    /// Bytes of computed values that wait for draft `to` as soon as node `i` does.
    fn waiting(&self, i: u32, to: u32) -> usize {
        let waits = |&j: &u32| {
            let given = self.program.nodes[j as usize].work == Work::Given;
            !given && !self.of[to as usize].contains(&j)
        };
        self.all(i).into_iter().filter(waits).map(|j| self.bytes(j)).sum()
    }

    /// Makes node `i`, which draft `to` reads, a member of it, if that is no loss. Its store is
    /// saved if it is `unstored` then.
    fn admit(&mut self, i: u32, to: u32, unstored: bool) -> bool {
        let all = &self.of[to as usize];
        let new = self.large(i).filter(|j| !all.contains(j)).collect::<SmallVec<[u32; 4]>>();
        let fits = new.len() <= 1 + usize::from(unstored)
            && self.waiting(i, to) <= self.bytes(i)
            && all.len() + new.len() <= 1 + READS;
        if fits {
            self.of[to as usize].retain(|j| *j != i);
            self.add(to, new);
        }
        fits
    }
}

/// Puts the members in order, and takes out drafts that have none.
fn settle(drafts: &mut Vec<Draft>, draft_of: &mut [u32]) {
    drafts.iter_mut().for_each(|draft| draft.members.clear());
    for (i, &draft) in draft_of.iter().enumerate().filter(|&(_, &draft)| draft != NEVER) {
        drafts[draft as usize].members.push(i as u32);
    }
    let mut place = Vec::with_capacity(drafts.len());
    let mut kept = 0;
    for draft in &*drafts {
        place.push(kept);
        kept += u32::from(!draft.members.is_empty());
    }
    drafts.retain(|draft| !draft.members.is_empty());
    for draft in draft_of.iter_mut().filter(|draft| **draft != NEVER) {
        *draft = place[*draft as usize];
    }
}
