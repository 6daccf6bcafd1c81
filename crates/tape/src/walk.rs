//! Walks back over a tape: from some nodes to those they depend on.

use std::cell::Cell;

use tensor::pool;

use crate::node::{Node, Nodes};
use crate::tape::Tape;

/// Not a node, and not a place.
pub(crate) const NONE: u32 = u32::MAX;

/// A look at all nodes of a stretch of the tape is cheaper than following inputs and sorting what
/// was met, unless more than so many are looked at for one that is met.
const SPARSE: usize = 8;

impl Tape {
    /// Appends the nodes that the `wanted` ones depend on, themselves among them, in the order of
    /// the tape: those that are `met`, as far as the way to them is through nodes that are `open`.
    /// Returns the number of the walk, which marks them. The cost is in their number, not in the
    /// length of the tape.
    pub(crate) fn walk_back(
        &self,
        wanted: &[u32],
        ids: &mut Vec<u32>,
        met: impl Fn(u32, &Node) -> bool,
        mut open: impl FnMut(&Node) -> bool,
    ) -> u32 {
        let walk = self.start_walk();
        if scan(&mut self.nodes.borrow_mut(), walk, wanted, ids, &met, &mut open) {
            return walk;
        }
        let walk = self.start_walk();
        ids.clear();
        ids.extend_from_slice(wanted);
        follow(&mut self.nodes.borrow_mut(), walk, ids, met, open);
        ids.sort_unstable();
        walk
    }

    /// The nodes without a value that `wanted` needs, and the nodes with a value these start from,
    /// in the order of the tape. Their marks tell their places in it.
    pub(crate) fn pending(&self, wanted: &[u32]) -> Vec<u32> {
        let mut ids = Vec::new();
        self.walk_back(wanted, &mut ids, |_, _| true, |node| node.value.is_none());
        let mut nodes = self.nodes.borrow_mut();
        for (&id, place) in ids.iter().zip(0..) {
            nodes[id as usize].mark.1 = place;
        }
        ids
    }
}

impl Nodes {
    /// As [`Tape::pending`], without those that `walk` has met before, in any order and with no
    /// places.
    pub(crate) fn pending_beside(&mut self, walk: u32, mut wanted: Vec<u32>) -> Vec<u32> {
        follow(self, walk, &mut wanted, |_, _| true, |node| node.value.is_none());
        wanted
    }
}

/// Looks at one node after the other, last first, until none is left to be met; tells whether these
/// are not many more than are met.
fn scan(
    nodes: &mut Nodes,
    walk: u32,
    wanted: &[u32],
    ids: &mut Vec<u32>,
    met: &impl Fn(u32, &Node) -> bool,
    open: &mut impl FnMut(&Node) -> bool,
) -> bool {
    let (mut left, mut looked) = (0, 0);
    let mark = |nodes: &mut Nodes, id: u32| {
        let node = &mut nodes[id as usize];
        let new = node.mark.0 != walk && met(id, node);
        if new {
            node.mark.0 = walk;
        }
        usize::from(new)
    };
    for &id in wanted {
        left += mark(nodes, id);
    }
    let mut id = wanted.iter().copied().max().unwrap_or(0);
    while left > 0 {
        let node = &nodes[id as usize];
        if node.mark.0 == walk {
            ids.push(id);
            left -= 1;
            if open(node) {
                for k in 0..nodes.inputs(id).len() {
                    left += mark(nodes, nodes.inputs(id)[k]);
                }
            }
        } else if looked > SPARSE * (ids.len() + SPARSE) {
            return false;
        }
        looked += 1;
        id = id.wrapping_sub(1);
    }
    ids.reverse();
    true
}

/// Follows inputs: puts all nodes met in the place of the wanted ones.
fn follow(
    nodes: &mut Nodes,
    walk: u32,
    wanted: &mut Vec<u32>,
    met: impl Fn(u32, &Node) -> bool,
    mut open: impl FnMut(&Node) -> bool,
) {
    let mut ids = Vec::new();
    while let Some(id) = wanted.pop() {
        let node = &mut nodes[id as usize];
        if node.mark.0 == walk || !met(id, node) {
            continue;
        }
        node.mark.0 = walk;
        ids.push(id);
        if open(node) {
            wanted.extend_from_slice(nodes.inputs(id));
        }
    }
    *wanted = ids;
}

/// Some nodes as a graph of their own: their places count from 0 in the order of the tape.
#[derive(Default)]
pub(crate) struct Graph {
    pub ids: Vec<u32>,
    pub states: Vec<State>,
    /// Where the inputs of each begin, and where those of the last end.
    first: Vec<u32>,
    inputs: Vec<u32>,
}

/// What a node is when it is met.
#[derive(Clone, Copy)]
pub(crate) struct State {
    pub tracked: bool,
    /// Whether it has a value.
    pub known: bool,
    /// Whether the value has been computed before.
    pub computed: bool,
}

thread_local! {
    /// Memory for the next graphs of this thread. (Fresh pages cost more than what is written
    /// there.)
    static SPARE: Cell<Vec<Graph>> = const { Cell::new(Vec::new()) };
}

/// A program and the adjoints of a gradient in it take one each.
const SPARES: usize = 2;
/// Memory of more nodes than this is given back.
const MOST_SPARE: usize = 1 << 24;

impl Graph {
    /// What [`Tape::walk_back`] meets, and the number of the walk; marks tell places. Each node is
    /// shown to `each`, with the places of its inputs.
    pub(crate) fn of(
        tape: &Tape,
        wanted: &[u32],
        met: impl Fn(u32, &Node) -> bool,
        open: impl FnMut(&Node) -> bool,
        mut each: impl FnMut(&Nodes, u32, &[u32]),
    ) -> (Self, u32) {
        let mut graph = Graph::recycled();
        let walk = tape.walk_back(wanted, &mut graph.ids, met, open);
        let Graph { ids, states, first, inputs } = &mut graph;
        let mut nodes = tape.nodes.borrow_mut();
        first.push(0);
        for (&id, place) in ids.iter().zip(0..) {
            let node = &mut nodes[id as usize];
            node.mark.1 = place;
            let (tracked, known, computed) = (node.tracked, node.value.is_some(), node.computed);
            states.push(State { tracked, known, computed });
            let start = inputs.len();
            // They stand before the node, so they have their places.
            inputs.extend(nodes.inputs(id).iter().map(|&input| match nodes[input as usize].mark {
                (met, place) if met == walk => place,
                _ => NONE,
            }));
            first.push(inputs.len() as u32);
            each(&nodes, id, &inputs[start..]);
        }
        drop(nodes);
        (graph, walk)
    }

    /// The number of nodes.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    /// The places of the inputs of a node, [`NONE`] that of one that is not in the graph.
    #[inline]
    pub(crate) fn inputs(&self, place: usize) -> &[u32] {
        &self.inputs[self.first[place] as usize..self.first[place + 1] as usize]
    }

    /// The place of a node, [`NONE`] if it has none.
    pub(crate) fn place(&self, id: u32) -> u32 {
        self.ids.binary_search(&id).map_or(NONE, |place| place as u32)
    }

    /// How its nodes hang together.
    pub(crate) fn edges(&self) -> [&[u32]; 2] {
        [&self.first, &self.inputs]
    }

    fn recycled() -> Self {
        let mut left = SPARE.try_with(Cell::take).unwrap_or_default();
        let graph = left.pop().unwrap_or_default();
        let _ = SPARE.try_with(|spare| spare.set(left));
        graph
    }

    /// Leaves the memory to the next graph of this thread.
    pub(crate) fn recycle(mut self) {
        // Fails while the thread is torn down, when nobody needs it.
        let Ok(mut left) = SPARE.try_with(Cell::take) else { return };
        if self.ids.len() <= MOST_SPARE && left.len() < SPARES {
            pool::reuse(&mut self.ids);
            pool::reuse(&mut self.states);
            pool::reuse(&mut self.first);
            pool::reuse(&mut self.inputs);
            left.push(self);
        }
        let _ = SPARE.try_with(|spare| spare.set(left));
    }
}

/// Gives back the memory that was left to the next graphs.
pub(crate) fn forget() {
    drop(SPARE.try_with(Cell::take));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Var;
    use tensor::{Tensor, rng};

    /// Sums of earlier variables of a tape, near and far, and what some of them depend on.
    fn sums(tape: &Tape, seed: u64, far: usize) -> Vec<Var<'_, f64>> {
        let mut random = rng(seed);
        let mut below = |n: usize| {
            let x: Tensor<f64> = Tensor::uniform([], 0.0, n as f64, &mut random);
            x.item() as usize
        };
        let mut known = vec![tape.leaf(1.0), tape.constant(2.0)];
        for _ in 0..300 {
            let [a, b] = [far, 3].map(|far| known[known.len() - 1 - below(known.len().min(far))]);
            known.push(a + b);
        }
        known
    }

    #[test]
    fn a_look_at_all_nodes_meets_those_that_inputs_lead_to() {
        for (seed, far) in [(0, 2), (1, 20), (2, 300)] {
            let tape = Tape::new();
            let known = sums(&tape, seed, far);
            for last in [301, 300, 150, 40, 1] {
                let wanted = [known[last].id(), known[last / 2].id()];
                let met = |id: u32, node: &Node| node.tracked || id & 3 > 0;
                let open = |node: &Node| node.value.is_none();
                let (mut scanned, mut followed) = (Vec::new(), wanted.to_vec());
                let mut nodes = tape.nodes.borrow_mut();
                let walk = tape.walk.get() + 1;
                if !scan(&mut nodes, walk, &wanted, &mut scanned, &met, &mut { open }) {
                    continue;
                }
                follow(&mut nodes, walk + 1, &mut followed, met, open);
                followed.sort_unstable();
                assert_eq!(scanned, followed);
                tape.walk.set(walk + 1);
            }
        }
    }

    #[test]
    fn a_walk_back_costs_what_it_meets_not_the_length_of_the_tape() {
        let tape = Tape::new();
        let first = tape.leaf(1.0);
        let second = -first;
        (0..10_000).fold(tape.leaf(2.0), |x, _| -x);
        let last = second + first;
        let mut ids = Vec::new();
        let wanted = [last.id()];
        let walk = tape.start_walk();
        let dense =
            scan(&mut tape.nodes.borrow_mut(), walk, &wanted, &mut ids, &|_, _| true, &mut |_| {
                true
            });
        assert!(!dense);
        assert_eq!(tape.pending(&wanted), [first.id(), second.id(), last.id()]);
    }
}
