//! The reverse sweep itself: rule after rule, last node first.

use std::cell::Cell;
use std::panic::Location;

use tensor::shape::Dims;
use tensor::{DType, pool};

use crate::node::{Nodes, Source};
use crate::op::{self, Pulled, Recorded, Site};
use crate::tape::Tape;
use crate::var::Var;

/// Not a node, and not a place.
pub(crate) const NONE: u32 = u32::MAX;

/// A sweep under way, that appends the adjoints of everything between some targets and a variable `y`.
///
/// A rule only returns the cotangents of its inputs; they are added up here, in the order in which
/// the uses stand on the tape, last first. No borrow of the tape is held while a rule runs.
pub(crate) struct Sweep {
    between: Between,
    /// For each node between, that of `y` first known, the others as the rules add them up.
    cotangents: Vec<u32>,
    /// The nodes of places below have not been visited.
    cursor: Cursor,
    /// The first node that the sweep has recorded, or will.
    start: u32,
    /// The places of the targets, in ascending order.
    sorted_targets: Vec<u32>,
    /// Nodes whose rule passed no cotangent on, and the input that needed it.
    blocked: Vec<(u32, u32)>,
    site: Visited,
}

/// How far a sweep has come.
#[derive(Clone, Copy)]
pub(crate) struct Cursor {
    /// The places below are to come.
    pub next: usize,
    /// Where the inputs of these end.
    end: usize,
}

/// A node that a sweep visits.
pub(crate) struct Visit<'a> {
    pub place: u32,
    pub id: u32,
    /// Whether it depends on a target or is one.
    pub needed: bool,
    /// The places of its inputs, [`NONE`] where not needed.
    pub inputs: &'a [u32],
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
        let between = Between::new(tape, y, targets);
        let mut cotangents = vec![NONE; between.ids.len()];
        if let Some(last) = cotangents.last_mut() {
            *last = g;
        }
        // The cotangent may be a variable of the user's; a seed of ours is the last node so far.
        let seeded = g as usize + 1 == tape.len();
        let start = if seeded { g } else { tape.len() as u32 };
        let cursor = Cursor { next: between.ids.len(), end: between.inputs.len() };
        let mut sorted_targets = between.targets.clone();
        sorted_targets.sort_unstable();
        Sweep {
            between,
            cotangents,
            cursor,
            start,
            sorted_targets,
            blocked: Vec::new(),
            site: Visited::default(),
        }
    }

    /// Applies rules until none is left.
    pub(crate) fn finish(&mut self, tape: &Tape) {
        while self.cursor.next > 0 {
            self.visit(tape, |_, _| {});
        }
    }

    /// Applies rules until `last` places are left or the tape has `most` nodes. Appends the places of the
    /// cotangents that are new or changed, each at least once.
    pub(crate) fn advance(
        &mut self,
        tape: &Tape,
        last: usize,
        most: usize,
        touched: &mut Vec<u32>,
    ) {
        if self.cursor.next == self.between.ids.len() {
            touched.extend(self.cursor.next.checked_sub(1).map(|last| last as u32));
        }
        let first = tape.len() as u32;
        while self.cursor.next > last && tape.len() < most {
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

    /// How far it has come.
    pub(crate) fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// Goes on at `cursor`, when somebody else has done what comes before.
    pub(crate) fn go_to(&mut self, cursor: Cursor) {
        self.cursor = cursor;
    }

    /// The node that comes next at `cursor`, which is moved past it.
    #[inline]
    pub(crate) fn look(&self, nodes: &Nodes, cursor: &mut Cursor) -> Visit<'_> {
        self.between.look(nodes, cursor)
    }

    #[inline]
    fn visit(&mut self, tape: &Tape, mut touched: impl FnMut(u32, u32)) {
        let nodes = tape.nodes.borrow();
        let visit = self.between.look(&nodes, &mut self.cursor);
        let Visit { id: y, needed, inputs: places, .. } = visit;
        let g = self.cotangents[visit.place as usize];
        if !needed || g == NONE {
            return;
        }
        let Visited { inputs, needs, pulled } = &mut self.site;
        inputs.clear();
        needs.clear();
        pulled.clear();
        let node = &nodes[y as usize];
        let Source::Op(op) = &node.source else { return };
        // One by one, as they are recorded.
        for (&input, &p) in nodes.inputs(y).iter().zip(places) {
            inputs.push(input);
            needs.push(p != NONE);
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
            if p == NONE {
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

    /// The cotangent of a place so far, if it is still asked for: by a rule to come, or as a target's.
    pub(crate) fn open(&self, place: u32) -> Option<u32> {
        let asked = (place as usize) < self.cursor.next || self.is_target(place);
        Some(self.cotangents[place as usize]).filter(|&c| asked && c != NONE)
    }

    /// The cotangent of a place so far; [`NONE`] if none has reached it.
    pub(crate) fn cotangent(&self, place: u32) -> u32 {
        self.cotangents[place as usize]
    }

    /// Whether a place is that of a target.
    pub(crate) fn is_target(&self, place: u32) -> bool {
        self.sorted_targets.binary_search(&place).is_ok()
    }

    /// How many rules have passed no cotangent on.
    pub(crate) fn blocks(&self) -> usize {
        self.blocked.len()
    }

    /// Puts another node in the place of a cotangent.
    pub(crate) fn replace(&mut self, place: u32, cotangent: u32) {
        self.cotangents[place as usize] = cotangent;
    }

    /// Ends the sweep: the nodes whose rule passed no cotangent on, and the input that needed it. (Its
    /// memory is left to the next one, for fresh pages cost more than what is written there.)
    pub(crate) fn blocked(self) -> Vec<(u32, u32)> {
        self.between.recycle();
        self.blocked
    }

    /// The cotangent of each target, if one has reached it.
    pub(crate) fn found(&self) -> impl Iterator<Item = Option<u32>> {
        let found = |&p: &u32| self.cotangents.get(p as usize).copied().filter(|&c| c != NONE);
        self.between.targets.iter().map(found)
    }
}

/// The tracked nodes between some targets and a variable.
struct Between {
    /// In the order of the tape.
    ids: Vec<u32>,
    /// For each, whether it depends on one of the targets or is one.
    needed: Vec<bool>,
    /// The inputs of all, one after the other: their places in `ids`, `NONE` where not needed.
    inputs: Vec<u32>,
    /// The places of the targets, `NONE` where the variable does not depend on it.
    targets: Vec<u32>,
}

thread_local! {
    /// Memory for the next sweep.
    static SPARE: Cell<Between> = const { Cell::new(Between::EMPTY) };
}

/// Memory of more nodes than this is given back.
const MOST_SPARE: usize = 1 << 24;

impl Between {
    const EMPTY: Between =
        Between { ids: Vec::new(), needed: Vec::new(), inputs: Vec::new(), targets: Vec::new() };

    /// Leaves the memory to the next sweep of this thread.
    fn recycle(mut self) {
        if self.ids.len() <= MOST_SPARE {
            pool::reuse(&mut self.ids);
            pool::reuse(&mut self.needed);
            pool::reuse(&mut self.inputs);
            pool::reuse(&mut self.targets);
            // Fails while the thread is torn down, when nobody needs it.
            let _ = SPARE.try_with(|spare| spare.set(self));
        }
    }

    #[inline]
    fn look(&self, nodes: &Nodes, cursor: &mut Cursor) -> Visit<'_> {
        cursor.next -= 1;
        let (place, id, end) = (cursor.next as u32, self.ids[cursor.next], cursor.end);
        cursor.end -= nodes.inputs(id).len();
        let inputs = &self.inputs[cursor.end..end];
        Visit { place, id, needed: self.needed[cursor.next], inputs }
    }

    fn new(tape: &Tape, y: u32, to: &[u32]) -> Self {
        let mut between =
            SPARE.try_with(|spare| spare.replace(Between::EMPTY)).unwrap_or(Between::EMPTY);
        let Between { ids, needed, inputs, targets } = &mut between;
        let walk = tape.start_walk();
        // What was recorded before the first target depends on none: a loop that differentiates by its
        // present state does not walk back to its beginning.
        let first = to.iter().copied().min().unwrap_or(u32::MAX);
        let mut nodes = tape.nodes.borrow_mut();
        // What is to be visited stands where the inputs will.
        inputs.push(y);
        while let Some(id) = inputs.pop() {
            let node = &mut nodes[id as usize];
            if node.mark.0 == walk || !node.tracked || id < first {
                continue;
            }
            node.mark.0 = walk;
            ids.push(id);
            inputs.extend_from_slice(nodes.inputs(id));
        }
        nodes.in_order(walk, ids);
        let place = |id: u32| match nodes[id as usize].mark {
            (found, place) if found == walk => place,
            _ => NONE,
        };
        targets.extend(to.iter().map(|&t| place(t)));
        needed.resize(ids.len(), false);
        for &t in targets.iter().filter(|&&t| t != NONE) {
            needed[t as usize] = true;
        }
        for (k, &id) in ids.iter().enumerate() {
            for &input in nodes.inputs(id) {
                let p = Some(place(input)).filter(|&p| p != NONE && needed[p as usize]);
                needed[k] |= p.is_some();
                inputs.push(p.unwrap_or(NONE));
            }
        }
        drop(nodes);
        between
    }
}

/// Gives back the memory that the last sweep has left to the next.
pub(crate) fn forget() {
    drop(SPARE.try_with(|spare| spare.replace(Between::EMPTY)));
}

/// While it lives, the rule of a node runs: nodes recorded inherit that node's source line, and a panic
/// is noted as its failure.
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
