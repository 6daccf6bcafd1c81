//! Programs that were met before.
//!
//! A training step records the same program each time, with other values. When `backward` meets a
//! program for the second time it keeps a script of it, forward and adjoints; from the third time on it
//! recognises the program and runs the script, with no sweep and no plan.
//!
//! A program is recognised by comparing it whole, operation by operation; the hash only says where to
//! look. What is compared is all that a sweep and a plan depend on, since rules are pure functions. A
//! rule that looked at a value is no such function, and its program is not kept.

use std::cell::RefCell;
use std::hash::Hasher;

use rustc_hash::FxHasher;
use tensor::{AnyTensor, DType, Shape};

use super::script::Script;
use crate::node::{Node, Source};
use crate::op::Recorded;
use crate::tape::Tape;

/// Programs of more nodes are not kept: they spend their time elsewhere.
const LARGEST: usize = 1 << 14;
/// How many programs a thread keeps.
const KEPT: usize = 16;

/// What a loss depends on, as far as its derivatives or its value may ask for it.
pub(crate) struct Forward {
    /// In the order of the tape.
    pub ids: Vec<u32>,
    /// The inputs of all, one after the other: their places in `ids`.
    inputs: Vec<u32>,
    hash: u64,
}

/// The structure of a program.
struct Structure {
    nodes: Vec<Known>,
    inputs: Vec<u32>,
    params: Vec<(u32, bool)>,
}

/// A node of it.
struct Known {
    origin: Origin,
    dtype: DType,
    shape: Shape,
    tracked: bool,
    keep: bool,
    computed: bool,
}

enum Origin {
    Value,
    Number,
    Op(Recorded),
}

/// A script for the loss, the gradients of its trained parameters, and the nodes to keep.
pub(crate) struct Backward {
    structure: Structure,
    pub script: Script,
    /// For each slot of the script the place of the node whose value it takes.
    pub slots: Vec<u32>,
    /// The places of the nodes to keep.
    pub kept: Vec<u32>,
    /// The places of the nodes a run computes.
    pub computed: Vec<u32>,
    /// How many it computes that are no longer on the tape.
    pub adjoints: u64,
}

/// A program of a thread, the one met last in front.
struct Entry {
    hash: u64,
    /// `None` while it has been met once.
    backward: Option<Box<Backward>>,
}

thread_local! {
    static MET: RefCell<Vec<Entry>> = const { RefCell::new(Vec::new()) };
}

/// What is known of a program.
pub(crate) enum Meeting {
    /// It cannot be recognised, or is met for the first time.
    New,
    /// It was met once.
    Again,
    /// Its script, to be given back with [`keep`].
    Known(Box<Backward>),
}

impl Forward {
    /// Walks back from `loss`; the marks of the nodes found tell their places.
    pub(crate) fn of(tape: &Tape, loss: u32) -> Self {
        let walk = tape.start_walk();
        let mut nodes = tape.nodes.borrow_mut();
        let (mut ids, mut stack) = (Vec::new(), vec![loss]);
        while let Some(id) = stack.pop() {
            let node = &mut nodes[id as usize];
            if node.mark.0 == walk {
                continue;
            }
            node.mark.0 = walk;
            ids.push(id);
            if is_open(node) {
                stack.extend_from_slice(&node.inputs);
            }
        }
        ids.sort_unstable();
        for (place, &id) in ids.iter().enumerate() {
            nodes[id as usize].mark.1 = place as u32;
        }
        let mut inputs = Vec::with_capacity(2 * ids.len());
        let mut hasher = FxHasher::default();
        for &id in &ids {
            let node = &nodes[id as usize];
            if is_open(node) {
                for &input in &node.inputs {
                    let place = nodes[input as usize].mark.1;
                    inputs.push(place);
                    hasher.write_u32(place);
                }
            }
            hasher.write_usize(node.shape.iter().product());
        }
        Forward { ids, inputs, hash: hasher.finish() }
    }
}

/// Whether the inputs of a node may be asked for: not where it is known and has no derivative.
fn is_open(node: &Node) -> bool {
    matches!(node.source, Source::Op(_)) && (node.tracked || node.value.is_none())
}

impl Structure {
    fn of(tape: &Tape, forward: &Forward) -> Self {
        let nodes = tape.nodes.borrow();
        let known = forward.ids.iter().map(|&id| {
            let node = &nodes[id as usize];
            Known {
                origin: match &node.source {
                    Source::Op(op) => Origin::Op(op.clone()),
                    Source::Number(_) => Origin::Number,
                    _ => Origin::Value,
                },
                dtype: node.dtype,
                shape: Shape::from_slice(&node.shape),
                tracked: node.tracked,
                keep: node.keep,
                computed: node.value.is_some(),
            }
        });
        let (nodes, inputs) = (known.collect(), forward.inputs.clone());
        Structure { nodes, inputs, params: params(tape, forward).collect() }
    }

    fn is(&self, tape: &Tape, forward: &Forward) -> bool {
        let nodes = tape.nodes.borrow();
        self.nodes.len() == forward.ids.len()
            && self.inputs == forward.inputs
            && self.nodes.iter().zip(&forward.ids).all(|(k, &id)| k.is(&nodes[id as usize]))
            && self.params.iter().copied().eq(params(tape, forward))
    }
}

impl Known {
    fn is(&self, node: &Node) -> bool {
        self.dtype == node.dtype
            && self.tracked == node.tracked
            && self.keep == node.keep
            && self.computed == node.value.is_some()
            && self.shape == node.shape
            && match (&self.origin, &node.source) {
                (Origin::Op(a), Source::Op(b)) => a.rule().same(b.rule()),
                (Origin::Number, Source::Number(_)) => true,
                (Origin::Value, Source::Constant | Source::Leaf | Source::Param) => true,
                _ => false,
            }
    }
}

/// The places of all parameters of the tape, one past the end for those the loss does not depend on,
/// and which of them are frozen.
fn params(tape: &Tape, forward: &Forward) -> impl Iterator<Item = (u32, bool)> {
    let bound: smallvec::SmallVec<[_; 8]> = tape.params.borrow().iter().copied().collect();
    let absent = forward.ids.len();
    let places: smallvec::SmallVec<[(u32, bool); 8]> = bound
        .iter()
        .map(|b| (forward.ids.binary_search(&b.node).unwrap_or(absent) as u32, b.frozen))
        .collect();
    places.into_iter()
}

/// Looks the program up, and notes that it was met.
pub(crate) fn meet(tape: &Tape, forward: &Forward) -> Meeting {
    if forward.ids.len() > LARGEST {
        return Meeting::New;
    }
    MET.with_borrow_mut(|met| {
        let same = |e: &Entry| {
            e.hash == forward.hash
                && e.backward.as_ref().is_none_or(|b| b.structure.is(tape, forward))
        };
        match met.iter().position(same) {
            Some(place) => match met.remove(place).backward {
                Some(backward) => Meeting::Known(backward),
                None => Meeting::Again,
            },
            None => {
                met.truncate(KEPT - 1);
                met.insert(0, Entry { hash: forward.hash, backward: None });
                Meeting::New
            }
        }
    })
}

impl Backward {
    /// A script for `outputs`: the loss and the gradients, adjoints that stand on the tape from `end`
    /// on. `None` if the program cannot be recognised.
    pub(crate) fn new(tape: &Tape, forward: &Forward, end: u32, outputs: &[u32]) -> Option<Self> {
        // The forward part was walked before the sweep, whose own walks have taken the marks over.
        let structure = Structure::of(tape, forward);
        let mut outputs = outputs.to_vec();
        let (mut slots, mut kept) = (Vec::new(), Vec::new());
        let (mut computed, mut adjoints) = (Vec::new(), 0);
        for id in tape.pending(&outputs) {
            let node = &tape.nodes.borrow()[id as usize];
            let op = matches!(node.source, Source::Op(_));
            match (id < end, op && node.value.is_none()) {
                (true, true) => {
                    computed.push(id);
                    if node.keep && !outputs.contains(&id) {
                        kept.push(id);
                    }
                }
                (true, false) => slots.push(id),
                (false, true) => adjoints += 1,
                (false, false) if matches!(node.source, Source::Number(_)) => {}
                (false, false) => return None,
            }
        }
        outputs.extend(&kept);
        let script = Script::new(tape, &slots, &outputs);
        let place = |id: &u32| forward.ids.binary_search(id).ok().map(|p| p as u32);
        let places = |ids: &[u32]| ids.iter().map(place).collect::<Option<Vec<u32>>>();
        let (slots, kept, computed) = (places(&slots)?, places(&kept)?, places(&computed)?);
        Some(Backward { structure, script, slots, kept, computed, adjoints })
    }

    /// Sets the slots to the values on the tape.
    pub(crate) fn bind(&mut self, tape: &Tape, forward: &Forward) {
        let nodes = tape.nodes.borrow();
        for (slot, &place) in self.slots.iter().enumerate() {
            let node = &nodes[forward.ids[place as usize] as usize];
            match (&node.value, &node.source) {
                (Some(value), _) => self.script.bind_shared(slot, value),
                (None, Source::Number(x)) => {
                    self.script.bind_shared(slot, &AnyTensor::number(node.dtype, &node.shape, *x));
                }
                _ => unreachable!("a given node has a value"),
            }
        }
    }

    /// Keeps the script for the next time.
    pub(crate) fn keep(self: Box<Self>, forward: &Forward) {
        MET.with_borrow_mut(|met| {
            met.truncate(KEPT - 1);
            met.insert(0, Entry { hash: forward.hash, backward: Some(self) });
        });
    }
}
