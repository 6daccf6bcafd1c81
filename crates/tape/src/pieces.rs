//! The gradients of a program of tiny values, piece by piece.
//!
//! The adjoints of a program are about twice as many nodes as the program has. Swept whole, they are
//! recorded, walked, loaded and run in memory that is in no cache once there are some ten thousand. So
//! the sweep stops every [`PIECE`] nodes: what it has recorded is run in a [`Straight`] that holds the
//! values of the forward part, the cotangents that are still asked for become constants, and the rest is
//! taken off the tape. A node then costs the same in a program of a thousand nodes and of ten million,
//! and its adjoints take no memory.
//!
//! The same bits as swept whole: the same operations on the same values, in an order that differs in
//! nothing that an operation can see.
//!
//! What this cannot do is left to the sweep in one go, which starts from the beginning: programs of
//! larger values, rules that ask for values or bind parameters, and saying what has failed and where.

use std::cell::RefMut;

use tensor::{AnyTensor, Float};

use crate::backward::Adjoints;
use crate::error::NoGradient;
use crate::gradients::Gradients;
use crate::node::{Extent, Nodes, Recycled, Source};
use crate::replay::straight::{Straight, Tiny};
use crate::sweep::Sweep;
use crate::tape::Tape;
use crate::var::Var;

/// So many nodes are recorded, loaded and run at once: they stay in the second cache.
const PIECE: usize = 1 << 11;

impl<T: Float> Var<'_, T> {
    /// Evaluates this scalar and its derivatives by all parameters of the tape; `None` if that cannot be
    /// done in pieces.
    #[track_caller]
    pub(crate) fn in_pieces(self) -> Option<Gradients> {
        let tape = self.tape();
        let adjoints = Adjoints::of(tape);
        let bound = tape.params.borrow().clone();
        let trained: Vec<u32> = bound.iter().filter(|b| !b.frozen).map(|b| b.node).collect();
        let seed = self.seed("backward");
        let mut sweep = Sweep::new(tape, self.id(), seed.id(), &trained);
        let mut pieces = Pieces::new(tape, self.id());
        pieces.forward()?;
        pieces.backward(&mut sweep, adjoints.start())?;
        // A rule may return a node of the forward part that the loss, being known, did not ask for.
        pieces.ask(sweep.found().flatten().collect())?;
        let values: Vec<Option<AnyTensor>> =
            sweep.found().map(|found| found.map(|id| pieces.value(id))).collect();
        pieces.keep();
        let found = self.found(sweep, &trained).into_iter().zip(values);
        let mut found = found.map(|(found, value)| found.map(|_| value.expect("it was found")));
        let mut gradients = Gradients::new(false);
        for b in &bound {
            let value = match b.frozen {
                true => Err(NoGradient::Frozen),
                false => found.next().expect("one result a target"),
            };
            gradients.insert(b.param, value);
        }
        pieces.straight.recycle();
        Some(gradients)
    }
}

struct Pieces<'t> {
    tape: &'t Tape,
    y: u32,
    /// The nodes that `walk` has met have their values here; their marks tell the places.
    straight: Straight,
    walk: u32,
    params: usize,
    /// Nodes of the forward part to keep, and their places.
    kept: Vec<(u32, u32)>,
    /// How many adjoints were computed.
    adjoints: u64,
}

impl<'t> Pieces<'t> {
    fn new(tape: &'t Tape, y: u32) -> Self {
        let (straight, params) = (Straight::recycled(), tape.params.borrow().len());
        Pieces { tape, y, straight, walk: 0, params, kept: Vec::new(), adjoints: 0 }
    }

    /// The nodes, unless a rule or an operation has walked them meanwhile, or bound a parameter.
    fn nodes(&self) -> Option<RefMut<'t, Recycled>> {
        let own = self.tape.walk.get() == self.walk;
        let same = own && self.tape.params.borrow().len() == self.params;
        same.then(|| self.tape.nodes.borrow_mut())
    }

    /// Computes `y` and what it depends on.
    fn forward(&mut self) -> Option<()> {
        let ids = self.tape.pending(&[self.y]);
        self.walk = self.tape.walk.get();
        self.compute(&ids)
    }

    /// Sees to it that nodes that stand on the tape for good have places.
    fn ask(&mut self, wanted: Vec<u32>) -> Option<()> {
        let mut ids = self.nodes()?.pending(self.walk, wanted);
        ids.sort_unstable();
        self.compute(&ids)
    }

    /// Takes nodes, in the order of the tape, and computes them where they have no value.
    fn compute(&mut self, ids: &[u32]) -> Option<()> {
        let mut tiny = Tiny::default();
        for piece in ids.chunks(PIECE) {
            let nodes = self.nodes()?;
            let known = piece.iter().all(|&id| is_known(&nodes, id) && tiny.admits(&nodes, id));
            let first = self.straight.len();
            (known && tiny.fit()).then(|| self.take(nodes, piece))??;
            let mut nodes = self.run()?;
            for (&id, place) in piece.iter().zip(first..) {
                let node = &mut nodes[id as usize];
                if node.value.is_none() && matches!(node.source, Source::Op(_)) {
                    if node.keep || id == self.y {
                        self.kept.push((id, place));
                    }
                    self.tape.count(node);
                }
            }
        }
        Some(())
    }

    /// Brings the sweep to its end; what it records begins at `start`.
    fn backward(&mut self, sweep: &mut Sweep, mut start: Extent) -> Option<()> {
        let mut touched = Vec::new();
        loop {
            let more = sweep.advance(self.tape, start.nodes + PIECE, &mut touched);
            let first = start.nodes as u32;
            let open = touched.drain(..).filter_map(|p| Some((sweep.open(p)?, p)));
            let mut open: Vec<(u32, u32)> = open.filter(|&(c, _)| c >= first).collect();
            open.sort_unstable();
            open.dedup();
            let mut ends: Vec<u32> = open.iter().map(|&(c, _)| c).collect();
            ends.dedup();
            self.replace_by_constants(&ends, start)?;
            for &(c, place) in &open {
                let k = ends.binary_search(&c).expect("it is among them");
                sweep.replace(place, first + k as u32);
            }
            if !more {
                return Some(());
            }
            start = self.tape.nodes.borrow().extent();
        }
    }

    /// Computes nodes `ends`, which are recorded from `start` on, and puts constants in the place of all
    /// that is recorded there, one for each.
    fn replace_by_constants(&mut self, ends: &[u32], start: Extent) -> Option<()> {
        let (needed, before) = self.needed(start.nodes as u32, ends)?;
        self.ask(before)?;
        self.straight.begin();
        self.take(self.nodes()?, &needed)?;
        let mut nodes = self.run()?;
        let worked = |id: &&u32| matches!(nodes[**id as usize].source, Source::Op(_));
        self.adjoints += needed.iter().filter(worked).count() as u64;
        for &id in ends {
            let node = &mut nodes[id as usize];
            if !matches!(node.source, Source::Number(_)) {
                node.value = Some(Box::new(self.straight.value(node.mark.1)));
                node.source = Source::Constant;
            }
            node.mark = (0, 0);
        }
        nodes.cut_all_but(start, ends);
        self.straight.end();
        Some(())
    }

    /// The nodes from `first` on that `ends` depend on, and those before that these start from; `None`
    /// if one has too many elements.
    fn needed(&self, first: u32, ends: &[u32]) -> Option<(Vec<u32>, Vec<u32>)> {
        let nodes = self.nodes()?;
        let mut is_needed = vec![false; nodes.len() - first as usize];
        for &id in ends {
            is_needed[(id - first) as usize] = true;
        }
        let (mut needed, mut before) = (Vec::new(), Vec::new());
        let mut tiny = Tiny::default();
        for id in (first..nodes.len() as u32).rev() {
            if !is_needed[(id - first) as usize] {
                continue;
            }
            if !tiny.admits(&nodes, id) {
                return None;
            }
            needed.push(id);
            for &input in nodes.inputs(id) {
                match input.checked_sub(first) {
                    Some(within) => is_needed[within as usize] = true,
                    None if nodes[input as usize].mark.0 == self.walk => {}
                    None => before.push(input),
                }
            }
        }
        needed.reverse();
        tiny.fit().then_some((needed, before))
    }

    /// Takes nodes, and marks them with their places.
    fn take(&mut self, mut nodes: RefMut<'_, Recycled>, ids: &[u32]) -> Option<()> {
        for (&id, place) in ids.iter().zip(self.straight.len()..) {
            nodes[id as usize].mark = (self.walk, place);
        }
        // The layout of a view is its author's code, which may read the tape.
        drop(nodes);
        self.straight.extend(&self.tape.nodes.borrow(), ids).ok()
    }

    /// Computes what was taken.
    fn run(&mut self) -> Option<RefMut<'t, Recycled>> {
        self.straight.run().ok()?;
        self.straight.forget_steps();
        self.nodes()
    }

    /// Stores the values of the nodes to keep.
    fn keep(&self) {
        let mut nodes = self.tape.nodes.borrow_mut();
        for &(id, place) in &self.kept {
            nodes[id as usize].value = Some(self.straight.value(place).into());
        }
        let computed = &self.tape.counters.computed;
        computed.set(computed.get() + self.adjoints);
    }

    /// The value of a node that has a place.
    fn value(&self, id: u32) -> AnyTensor {
        self.straight.value(self.tape.nodes.borrow()[id as usize].mark.1)
    }
}

/// Whether a node has a value or can be computed: an input of a recording has none.
fn is_known(nodes: &Nodes, id: u32) -> bool {
    let node = &nodes[id as usize];
    node.value.is_some() || matches!(node.source, Source::Op(_) | Source::Number(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Param;
    use tensor::Tensor;

    /// The gradient of a program of about `nodes` nodes on matrices of `size`, in pieces, whose loss is
    /// `known` beforehand or not.
    fn gradient(nodes: usize, size: usize, known: bool) -> Option<Gradients> {
        let w = Param::new(Tensor::<f64>::full([size, size], 0.1));
        let tape = Tape::new();
        let w = tape.param(&w);
        let loss = (0..nodes / 3).fold(w, |x, _| x.matmul(w).t().tanh()).sum();
        known.then(|| loss.item());
        loss.in_pieces()
    }

    #[test]
    fn programs_of_any_length_are_done_in_pieces_and_those_of_large_values_are_not() {
        for known in [false, true] {
            assert!(gradient(3, 2, known).is_some());
            assert!(gradient(10 * PIECE, 2, known).is_some());
            assert!(gradient(3, 100, known).is_none());
        }
    }
}
