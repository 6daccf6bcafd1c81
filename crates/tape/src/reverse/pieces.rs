//! The gradients of a program of tiny values, piece by piece.
//!
//! The adjoints of a program are about twice as many nodes as the program has. Swept whole, they
//! are recorded, walked, loaded and run in memory that is in no cache once there are some ten
//! thousand. So the sweep stops every [`PIECE`] nodes: what it has recorded is run as a program of
//! its own, the cotangents that are still asked for become constants, and the rest is taken off the
//! tape. So adjoints take no memory. And where the program is a loop, most pieces are the same,
//! with other values: then one is recorded, and [run again](repeat) for the others.
//!
//! The same bits as swept whole: the same operations on the same values, in an order that differs
//! in nothing that an operation can see.
//!
//! What this cannot do is left to the sweep in one go, which starts from the beginning: programs
//! of larger values, rules that have values computed or bind parameters, and saying what has
//! failed and where.

mod piece;
mod repeat;
mod stretch;

use std::cell::{Cell, RefMut};

use tensor::{AnyTensor, Float};

use crate::evaluate::straight::{Straight, Tiny};
use crate::node::{Extent, Nodes, Recycled, Source};
use crate::replay::known::Forward;
use crate::reverse::backward::Adjoints;
use crate::reverse::grad::{trained, with_frozen};
use crate::reverse::gradients::Gradients;
use crate::reverse::sweep::Sweep;
use crate::tape::Tape;
use crate::var::Var;
use crate::walk::{Graph, NONE};
use piece::Piece;
use repeat::{Periodicity, Repeat};
use stretch::Stretch;

/// This many nodes are recorded, loaded and run at once: they stay in the second-level cache. With
/// fewer a piece costs more than they do; with more it takes longer until a loop is seen to be one.
const PIECE: usize = 1 << 9;
/// The pieces of a long loop are at most this many times as long.
const LONGER: usize = 4;

impl<T: Float> Var<'_, T> {
    /// Evaluates this scalar and its derivatives by all parameters of the tape; `None` if that
    /// cannot be done in pieces.
    #[track_caller]
    pub(crate) fn in_pieces(self, forward: Forward) -> Option<Gradients> {
        let tape = self.tape();
        let bound = tape.params.borrow().clone();
        let trained = trained(&bound);
        let mut pieces = Pieces::new(tape, self.id());
        if pieces.forward(&forward).is_none() {
            forward.graph.recycle();
            return None;
        }
        let counted = [&tape.counters.computed, &tape.counters.recomputed].map(Cell::get);
        let seed = self.seed("backward");
        let mut sweep = Sweep::over(forward.graph, tape, seed.id(), &trained);
        let Some(values) = pieces.gradients(&mut sweep) else {
            pieces.undo(sweep.graph(), counted);
            // Ended, it leaves its memory to the next one.
            sweep.blocked();
            return None;
        };
        let found = self.found(sweep, &trained).into_iter().zip(values);
        let found = found.map(|(found, value)| found.map(|_| value.expect("it was found")));
        let mut gradients = Gradients::new(false);
        for (b, value) in bound.iter().zip(with_frozen(&bound, found)) {
            gradients.insert(b.param, value);
        }
        // In this order: the memory left last is taken first, and the values are many.
        std::mem::replace(&mut pieces.piece.script, Straight::EMPTY).recycle();
        std::mem::replace(&mut pieces.straight, Straight::EMPTY).recycle();
        Some(gradients)
    }
}

struct Pieces<'t> {
    tape: &'t Tape,
    y: u32,
    /// The values of the nodes that `walk` has met; their marks tell the places.
    straight: Straight,
    walk: u32,
    /// Nodes that got their places on demand. Those behind a known value are not in the
    /// sweep's graph.
    asked: Vec<u32>,
    /// For the marks of the nodes of one piece.
    piece_walk: u32,
    adjoints: Adjoints<'t>,
    /// The last piece that was recorded.
    piece: Piece,
    periodicity: Periodicity,
}

impl<'t> Pieces<'t> {
    fn new(tape: &'t Tape, y: u32) -> Self {
        Pieces {
            tape,
            y,
            straight: Straight::recycled(),
            walk: 0,
            asked: Vec::new(),
            piece_walk: 0,
            adjoints: Adjoints::of(tape),
            piece: Piece::new(),
            periodicity: Periodicity::NEW,
        }
    }

    /// The nodes, unless a rule or an operation has walked them meanwhile, so that their marks tell
    /// no places, or bound a parameter, so that adjoints are to stay.
    fn nodes(&self) -> Option<RefMut<'t, Recycled>> {
        let marked = self.tape.walk.get() == self.piece_walk;
        (marked && self.adjoints.removable()).then(|| self.tape.nodes.borrow_mut())
    }

    /// Computes `y` and what it depends on.
    fn forward(&mut self, forward: &Forward) -> Option<()> {
        // All that the derivatives may ask for, unless some of it is behind a known value.
        let marked = !forward.behind && self.tape.walk.get() == forward.walk;
        let pending = (!marked).then(|| self.tape.pending(&[self.y]));
        (self.walk, self.piece_walk) = (self.tape.walk.get(), self.tape.start_walk());
        self.compute(pending.as_ref().unwrap_or(&forward.graph.ids))
    }

    /// Sees to it that nodes that stand on the tape for good have places.
    fn ask(&mut self, wanted: Vec<u32>) -> Option<()> {
        let mut nodes = self.nodes()?;
        let mut ids = nodes.pending_beside(self.walk, wanted);
        ids.sort_unstable();
        for (&id, place) in ids.iter().zip(self.straight.len()..) {
            nodes[id as usize].mark.1 = place;
        }
        drop(nodes);
        self.asked.extend_from_slice(&ids);
        self.compute(&ids)
    }

    /// Takes nodes, in the order of the tape and marked with their places, and computes them where
    /// they have no value.
    fn compute(&mut self, ids: &[u32]) -> Option<()> {
        let mut tiny = Tiny::default();
        for piece in ids.chunks(PIECE) {
            let nodes = self.nodes()?;
            let known = piece.iter().all(|&id| is_known(&nodes, id) && tiny.admits(&nodes, id));
            drop(nodes);
            // The layout of a view is its author's code, which may read the tape.
            let take = || self.straight.extend(&self.tape.nodes.borrow(), piece).ok();
            (known && tiny.fit()).then(take)??;
            self.straight.run().ok()?;
            self.straight.forget_steps();
        }
        self.nodes().map(drop)
    }

    /// What the sweep finds for its targets. The tape is left as it was but for the values to keep.
    fn gradients(&mut self, sweep: &mut Sweep) -> Option<Vec<Option<AnyTensor>>> {
        self.backward(sweep)?;
        // A rule may return a node of the forward part that the loss, being known, did not ask for.
        self.ask(sweep.found().flatten().collect())?;
        let values = sweep.found().map(|found| found.map(|id| self.value(id))).collect();
        self.keep(sweep.graph())?;
        Some(values)
    }

    /// Leaves everything to be done from the beginning, as if it was for the first time: forgets
    /// what rules have bound and computed.
    fn undo(&self, graph: &Graph, [computed, recomputed]: [u64; 2]) {
        self.adjoints.unbind();
        self.tape.counters.computed.set(computed);
        self.tape.counters.recomputed.set(recomputed);
        let mut nodes = self.tape.nodes.borrow_mut();
        for (&id, before) in graph.ids.iter().zip(&graph.states) {
            let node = &mut nodes[id as usize];
            node.computed = before.computed;
            if !before.known {
                node.value = None;
            }
        }
        // So that none of those taken off is subtracted.
        nodes[self.adjoints.start().nodes..].iter_mut().for_each(|node| node.computed = false);
    }

    /// Brings the sweep to its end.
    fn backward(&mut self, sweep: &mut Sweep) -> Option<()> {
        let mut start = self.adjoints.start();
        loop {
            if !self.repeated(sweep)? {
                self.recorded(sweep, start)?;
            }
            if sweep.next() == 0 {
                return Some(());
            }
            start = self.tape.nodes.borrow().extent();
        }
    }

    /// Runs the last piece for the next stretch of the sweep, if that is of the same form; tells
    /// whether it was.
    fn repeated(&mut self, sweep: &mut Sweep) -> Option<bool> {
        let periodicity = std::mem::replace(&mut self.periodicity, Periodicity::NEW);
        let Periodicity::Known(repeat) = periodicity else {
            self.periodicity = periodicity;
            return Some(false);
        };
        let nodes = self.nodes()?;
        let Some(stretch) = repeat.next(&nodes, sweep) else { return Some(false) };
        drop(nodes);
        self.piece.given.clear();
        self.piece.given.extend(repeat.given(sweep, &stretch));
        let mut nodes = self.compute_piece()?;
        let first = nodes.len() as u32;
        self.piece.append(&mut nodes);
        repeat.pass(sweep, &stretch, first);
        self.periodicity = Periodicity::Known(repeat);
        Some(true)
    }

    /// Records the adjoints of the next stretch of the sweep, computes them, and puts constants in
    /// the place of all that is recorded from `start` on, one for each cotangent still asked for.
    fn recorded(&mut self, sweep: &mut Sweep, start: Extent) -> Option<()> {
        let (from, first) = (sweep.next(), start.nodes as u32);
        let nodes = self.nodes()?;
        let period = match self.periodicity {
            Periodicity::Period(visits) => Stretch::next(&nodes, sweep, visits, None),
            _ => None,
        };
        drop(nodes);
        let (last, most) = match &period {
            Some(stretch) => (stretch.end, usize::MAX),
            None => (0, start.nodes + PIECE),
        };
        let tape = self.tape;
        let told = |sweep: &Sweep| (sweep.blocks(), tape.effects.get());
        let (mut touched, before) = (Vec::new(), told(sweep));
        sweep.advance(tape, last, most, &mut touched);
        let open = touched.iter().filter_map(|&p| Some((sweep.open(p)?, p)));
        let open: Vec<(u32, u32)> = open.filter(|&(c, _)| c >= first).collect();
        let mut ends: Vec<u32> = open.iter().map(|&(c, _)| c).collect();
        ends.sort_unstable();
        ends.dedup();
        drop(self.nodes()?);
        self.piece.take(tape, self.piece_walk, first, &ends)?;
        let nodes = self.compute_piece()?;
        // A piece is run again if its rules are pure, and have blocked no cotangent, which is to be
        // told.
        let repeat = period
            .filter(|_| told(sweep) == before)
            .and_then(|stretch| Repeat::new(&nodes, sweep, stretch, &self.piece, &touched, &ends));
        self.piece.replace(nodes, &ends, start);
        for &(c, place) in &open {
            let k = ends.binary_search(&c).expect("it is among them");
            sweep.replace(place, first + k as u32);
        }
        self.periodicity = self.learned(sweep, from, repeat);
        Some(())
    }

    /// What is known of the sweep after a piece that began at `from`.
    fn learned(&self, sweep: &Sweep, from: usize, repeat: Option<Repeat>) -> Periodicity {
        let visits = from - sweep.next();
        match (repeat, &self.periodicity) {
            (Some(repeat), _) => Periodicity::Known(Box::new(repeat)),
            (None, &Periodicity::Unknown { wait, pause }) if wait > 0 => {
                Periodicity::Unknown { wait: wait - 1, pause }
            }
            (None, &Periodicity::Unknown { pause, .. }) if sweep.next() > 2 * visits => {
                let nodes = self.tape.nodes.borrow();
                let period = stretch::period(&nodes, sweep.graph(), from, visits);
                match visits / period {
                    0 | 1 => Periodicity::not_found(pause),
                    rounds => {
                        let more = (sweep.next() / (32 * visits)).clamp(1, LONGER);
                        Periodicity::Period(more * rounds * period)
                    }
                }
            }
            (None, &Periodicity::Unknown { wait, pause }) => Periodicity::Unknown { wait, pause },
            (None, _) => Periodicity::not_found(1),
        }
    }

    /// Computes the piece from the nodes it is given.
    fn compute_piece(&mut self) -> Option<RefMut<'t, Recycled>> {
        let missing = self.give()?;
        if !missing.is_empty() {
            self.ask(missing)?;
            self.give()?;
        }
        self.piece.script.run().ok()?;
        self.nodes()
    }

    /// Gives the piece what it starts from; returns the nodes that have not been computed.
    fn give(&mut self) -> Option<Vec<u32>> {
        let (nodes, mut missing) = (self.nodes()?, Vec::new());
        let Piece { script, given, .. } = &mut self.piece;
        for (&id, place) in given.iter().zip(0..) {
            let node = &nodes[id as usize];
            match (&node.value, &node.source) {
                (Some(value), _) => script.set(place, value.view()),
                (None, &Source::Number(x)) => script.set_number(place, x),
                _ if node.mark.0 == self.walk => script.set(place, self.straight.view(node.mark.1)),
                _ => missing.push(id),
            }
        }
        Some(missing)
    }

    /// Counts what was computed, at last, and stores the values to keep.
    fn keep(&self, graph: &Graph) -> Option<()> {
        let mut nodes = self.nodes()?;
        let beside = self.asked.iter().filter(|&&id| graph.place(id) == NONE);
        for &id in graph.ids.iter().chain(beside) {
            let node = &mut nodes[id as usize];
            let computed = node.value.is_none() && matches!(node.source, Source::Op(_));
            if !computed || node.mark.0 != self.walk {
                continue;
            }
            self.tape.count(node);
            if node.keep || id == self.y {
                node.value = Some(self.straight.value(node.mark.1).into());
            }
        }
        Some(())
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

    /// The gradient of a program of about `nodes` nodes on matrices of `size`, in pieces, whose
    /// loss is `known` beforehand or not.
    fn gradient(nodes: usize, size: usize, known: bool) -> Option<Gradients> {
        let w = Param::new(Tensor::<f64>::full([size, size], 0.1));
        let tape = Tape::new();
        let w = tape.param(&w);
        let loss = (0..nodes / 3).fold(w, |x, _| x.matmul(w).t().tanh()).sum();
        known.then(|| loss.item());
        loss.in_pieces(Forward::of(&tape, loss.id()))
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
