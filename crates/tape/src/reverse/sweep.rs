//! The reverse sweep itself: rule after rule, last node first.

use std::panic::Location;

use tensor::DType;
use tensor::shape::Dims;

use crate::node::{Node, Source};
use crate::op::{self, Pulled, Recorded, Site};
use crate::tape::Tape;
use crate::var::Var;
use crate::walk::{Graph, NONE};

/// A sweep under way, that appends the adjoints of everything between some targets and a
/// variable `y`.
///
/// A rule only returns the cotangents of its inputs; they are added up here, in the order in which
/// the uses stand on the tape, last first. No borrow of the tape is held while a rule runs.
pub(crate) struct Sweep {
    /// What `y`, its last node, depends on: all that is between, at least.
    graph: Graph,
    /// Of each node.
    roles: Vec<Role>,
    /// For each node, that of `y` first known, the others as the rules add them up.
    cotangents: Vec<u32>,
    /// The nodes of places below have not been visited.
    next: usize,
    /// The first node that the sweep has recorded, or will.
    start: u32,
    /// The places of the targets, [`NONE`] where `y` does not depend on it.
    targets: Vec<u32>,
    /// Nodes whose rule passed no cotangent on, and the input that needed it.
    blocked: Vec<(u32, u32)>,
    site: Visited,
}

/// What a node is to the targets.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Role {
    /// Whether it is one or depends on one, by a way that derivatives pass.
    pub needed: bool,
    pub target: bool,
}

/// What one rule is given, and what it returns: lists that all rules share.
#[derive(Default)]
struct Visited {
    inputs: Vec<u32>,
    needs: Vec<bool>,
    pulled: Pulled,
}

impl Sweep {
    /// A sweep from `y`, whose cotangent is `g`, to `targets`.
    pub(crate) fn new(tape: &Tape, y: u32, g: u32, targets: &[u32]) -> Self {
        // What was recorded before the first target depends on none: a loop that differentiates by
        // its present state does not walk back to its beginning.
        let first = targets.iter().copied().min().unwrap_or(u32::MAX);
        let between = |id, node: &Node| node.tracked && id >= first;
        let (graph, _) = Graph::of(tape, &[y], between, |_| true, |_, _, _| {});
        Sweep::over(graph, tape, g, targets)
    }

    /// As [`new`](Self::new), when the graph of what `y` depends on is known.
    pub(crate) fn over(graph: Graph, tape: &Tape, g: u32, targets: &[u32]) -> Self {
        let len = graph.len();
        let targets: Vec<u32> = targets.iter().map(|&id| graph.place(id)).collect();
        let mut roles = vec![Role { needed: false, target: false }; len];
        for &place in targets.iter().filter(|&&place| place != NONE) {
            let needed = graph.states[place as usize].tracked;
            roles[place as usize] = Role { needed, target: true };
        }
        for place in 0..len {
            let needs = |&p: &u32| p != NONE && roles[p as usize].needed;
            if graph.states[place].tracked && graph.inputs(place).iter().any(needs) {
                roles[place].needed = true;
            }
        }
        let mut cotangents = vec![NONE; len];
        if let Some(last) = cotangents.last_mut() {
            *last = g;
        }
        // The cotangent may be a variable of the user's; a seed of ours is the last node so far.
        let seeded = g as usize + 1 == tape.len();
        let start = if seeded { g } else { tape.len() as u32 };
        let (blocked, site) = (Vec::new(), Visited::default());
        Sweep { graph, roles, cotangents, next: len, start, targets, blocked, site }
    }

    /// Applies rules until none is left.
    pub(crate) fn finish(&mut self, tape: &Tape) {
        while self.next > 0 {
            self.visit(tape, |_, _| {});
        }
    }

    /// Applies rules until `last` places are left or the tape has `most` nodes. Appends the places
    /// of the cotangents that are new or changed, each at least once.
    pub(crate) fn advance(
        &mut self,
        tape: &Tape,
        last: usize,
        most: usize,
        touched: &mut Vec<u32>,
    ) {
        if self.next == self.graph.len() {
            touched.extend(self.next.checked_sub(1).map(|last| last as u32));
        }
        let first = tape.len() as u32;
        while self.next > last && tape.len() < most {
            self.visit(tape, |place, before| {
                if before == NONE || before < first {
                    touched.push(place);
                }
            });
        }
    }

    /// The first node that it has recorded, or will.
    pub(crate) fn start(&self) -> u32 {
        self.start
    }

    /// What `y` depends on.
    pub(crate) fn graph(&self) -> &Graph {
        &self.graph
    }

    /// What the nodes of the graph are to the targets.
    pub(crate) fn roles(&self) -> &[Role] {
        &self.roles
    }

    /// The places below are to come.
    pub(crate) fn next(&self) -> usize {
        self.next
    }

    /// Goes on at place `next`, when somebody else has done what comes before.
    pub(crate) fn go_to(&mut self, next: usize) {
        self.next = next;
    }

    #[inline]
    fn visit(&mut self, tape: &Tape, mut touched: impl FnMut(u32, u32)) {
        self.next -= 1;
        let (y, g) = (self.graph.ids[self.next], self.cotangents[self.next]);
        if !self.roles[self.next].needed || g == NONE {
            return;
        }
        let nodes = tape.nodes.borrow();
        let Visited { inputs, needs, pulled } = &mut self.site;
        inputs.clear();
        needs.clear();
        pulled.clear();
        let node = &nodes[y as usize];
        let Source::Op(op) = &node.source else { return };
        let places = self.graph.inputs(self.next);
        // One by one, as they are recorded.
        for (&input, &p) in nodes.inputs(y).iter().zip(places) {
            inputs.push(input);
            needs.push(p != NONE && self.roles[p as usize].needed);
        }
        if !needs.contains(&true) {
            return; // a target itself, which needs nothing further down
        }
        let (op, dtype, at) = (op.clone(), node.dtype, node.at);
        drop(nodes);
        let site = Site { x: inputs, y, g, needs, dtype };
        let _ruling = Ruling::enter(tape, y, at, self.start);
        op.rule().pull(tape, &site, pulled);
        for (i, (&input, &p)) in inputs.iter().zip(places).enumerate() {
            if !needs[i] {
                continue;
            }
            // Data inputs, which come last, have no cotangent.
            let Some(c) = pulled.get(i).copied().flatten() else {
                self.blocked.push((y, input));
                continue;
            };
            check_shape(tape, &op, i, input, c);
            let sum = &mut self.cotangents[p as usize];
            touched(p, *sum);
            *sum = if *sum == NONE { c } else { add(tape, dtype, *sum, c) };
        }
    }

    /// The cotangent of a place so far, if it is still asked for: by a rule to come, or as a
    /// target's.
    pub(crate) fn open(&self, place: u32) -> Option<u32> {
        let asked = (place as usize) < self.next || self.roles[place as usize].target;
        Some(self.cotangents[place as usize]).filter(|&c| asked && c != NONE)
    }

    /// The cotangents of all places so far; [`NONE`] where none has reached it.
    pub(crate) fn cotangents(&self) -> &[u32] {
        &self.cotangents
    }

    /// How many rules have passed no cotangent on.
    pub(crate) fn blocks(&self) -> usize {
        self.blocked.len()
    }

    /// Puts another node in the place of a cotangent.
    pub(crate) fn replace(&mut self, place: u32, cotangent: u32) {
        self.cotangents[place as usize] = cotangent;
    }

    /// Ends the sweep: the nodes whose rule passed no cotangent on, and the input that needed it.
    pub(crate) fn blocked(self) -> Vec<(u32, u32)> {
        self.graph.recycle();
        self.blocked
    }

    /// The cotangent of each target, if one has reached it.
    pub(crate) fn found(&self) -> impl Iterator<Item = Option<u32>> {
        let found = |&p: &u32| self.cotangents.get(p as usize).copied().filter(|&c| c != NONE);
        self.targets.iter().map(found)
    }
}

/// While it lives, the rule of a node runs: nodes recorded inherit that node's source line, and a
/// panic is noted as its failure.
struct Ruling<'t> {
    tape: &'t Tape,
    node: u32,
    before: Option<&'static Location<'static>>,
    rules_from: u32,
}

impl<'t> Ruling<'t> {
    /// `start` is the seed of the sweep, the first node it recorded.
    fn enter(tape: &'t Tape, node: u32, at: &'static Location<'static>, start: u32) -> Self {
        let rules_from = tape.rules_from.get();
        tape.rules_from.set(rules_from.min(start));
        Ruling { tape, node, before: tape.origin.replace(Some(at)), rules_from }
    }
}

impl Drop for Ruling<'_> {
    fn drop(&mut self) {
        self.tape.origin.set(self.before);
        self.tape.rules_from.set(self.rules_from);
        if std::thread::panicking() {
            self.tape.note_failure(self.node);
        }
    }
}

fn add(tape: &Tape, dtype: DType, a: u32, b: u32) -> u32 {
    match dtype {
        DType::F32 => (Var::<f32>::at(tape, a) + Var::<f32>::at(tape, b)).id(),
        DType::F64 => (Var::<f64>::at(tape, a) + Var::<f64>::at(tape, b)).id(),
        _ => unreachable!("only floats are tracked"),
    }
}

#[inline]
fn check_shape(tape: &Tape, op: &Recorded, input: usize, x: u32, cotangent: u32) {
    let nodes = tape.nodes.borrow();
    if !nodes.same_shape(x, cotangent) {
        let (want, got) = (nodes.shape(x), nodes.shape(cotangent));
        panic!(
            "{}: its vjp returned a cotangent of shape {} for input {input} of shape {} (recorded at {})",
            op::name(op.rule()),
            Dims(got),
            Dims(want),
            nodes[cotangent as usize].at
        );
    }
}
