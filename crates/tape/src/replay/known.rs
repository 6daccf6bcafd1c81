//! Programs that were met before.
//!
//! A training step records the same program each time, with other values. When `backward` meets a
//! program for the second time it keeps a script of it, forward and adjoints; from the third time
//! on it recognises the program and runs the script, with no sweep and no plan.
//!
//! A program is recognised by comparing it whole, operation by operation; the hash only says where
//! to look. What is compared is all that a sweep and a plan depend on, since rules are pure
//! functions: of every node its origin, type, shape, marks and inputs, also where it is known and
//! its inputs are not asked for, because a rule may look through it. A rule that has
//! [effects](Tape::effects) is no such function, and its program is not kept.
//!
//! The scripts belong to the thread; how many it keeps is bounded, and [`forget_programs`] frees
//! them.

use std::cell::Cell;
use std::hash::Hasher;

use rustc_hash::FxHasher;
use smallvec::SmallVec;
use tensor::shape;

use super::script::Script;
use super::signature::Signatures;
use crate::evaluate::straight::Straight;
use crate::node::{Node, Nodes, Recycled, Source};
use crate::tape::{Bound, Tape};
use crate::walk::{self, Graph, NONE};

/// How many programs a thread keeps.
const KEPT: usize = 16;
/// How many bytes they take together.
const TOGETHER: usize = 1 << 29;
/// A program of more nodes would take more: with its adjoints a node takes some 250 bytes.
const NODES: usize = TOGETHER / 256;

/// What a loss depends on, as far as its derivatives or its value may ask for it.
pub(crate) struct Forward {
    pub graph: Graph,
    /// The walk that has marked the nodes with their places.
    pub walk: u32,
    /// Whether it goes on behind a value that is known: the derivatives may ask for more than the
    /// loss.
    pub behind: bool,
    hash: u64,
}

/// The structure of a program.
pub(crate) struct Structure {
    nodes: Signatures,
    edges: [Vec<u32>; 2],
    /// The places of all parameters of the tape, and which of them are frozen.
    params: Vec<(u32, bool)>,
}

/// A script for the loss, the gradients of its trained parameters, and the nodes to keep.
pub(crate) struct Backward {
    pub script: Script,
    /// Which trained parameters of the tape the loss does not depend on.
    pub unreached: Vec<u32>,
    /// For each slot of the script the place of the node whose value it takes.
    slots: Vec<u32>,
    /// The places of the nodes to keep.
    pub kept: Vec<u32>,
    /// The places of the nodes a run computes.
    pub computed: Vec<u32>,
}

/// A program of a thread.
struct Entry {
    hash: u64,
    /// What it is compared by, unless it was met once or is large. That of a refused one is kept so
    /// that others of its graph and sizes are not taken for it.
    structure: Option<Box<Structure>>,
    state: State,
}

enum State {
    MetOnce,
    /// It cannot be recognised.
    Refused,
    /// It takes too much memory to be kept.
    Large,
    Known(Box<Backward>),
}

thread_local! {
    /// The program met last stands in front. Taken out while it is used: comparing and dropping
    /// operations runs code of their authors, which may differentiate.
    static MET: Cell<Vec<Entry>> = const { Cell::new(Vec::new()) };
}

/// What is known of a program.
pub(crate) enum Meeting {
    /// It is met for the first time, or is too large to be kept.
    New,
    /// It cannot be recognised.
    Refused,
    /// It was met once, it or another of its graph and sizes; say with [`remember`] what came of
    /// it.
    Again(Box<Structure>),
    /// Its script, to be given back with [`remember`].
    Known(Box<Structure>, Box<Backward>),
}

impl Forward {
    /// Walks back from `loss`; the marks of the nodes found tell their places.
    pub(crate) fn of(tape: &Tape, loss: u32) -> Self {
        let (mut behind, mut hasher) = (false, FxHasher::default());
        let open = |node: &Node| {
            let open = is_open(node);
            behind |= open && node.value.is_some();
            open
        };
        let hash = |nodes: &Nodes, id, inputs: &[u32]| {
            // One word a node, for each waits for the one before.
            let len = shape::len(nodes.shape(id)) as u64;
            let word = |word: u64, &place: &u32| word.rotate_left(23) ^ u64::from(place);
            hasher.write_u64(inputs.iter().fold(len, word));
        };
        let (graph, walk) = Graph::of(tape, &[loss], |_, _| true, open, hash);
        Forward { graph, walk, behind, hash: hasher.finish() }
    }
}

/// Whether the inputs of a node may be asked for: not where it is known and has no derivative.
fn is_open(node: &Node) -> bool {
    matches!(node.source, Source::Op(_)) && (node.tracked || node.value.is_none())
}

impl Structure {
    fn of(tape: &Tape, forward: &Forward) -> Self {
        let nodes = Signatures::of(&tape.nodes.borrow(), &forward.graph.ids);
        let params = params(tape, forward).into_vec();
        Structure { nodes, edges: forward.graph.edges().map(<[u32]>::to_vec), params }
    }

    fn is(&self, tape: &Tape, forward: &Forward) -> bool {
        self.edges == forward.graph.edges()
            && self.nodes.are(&tape.nodes.borrow(), &forward.graph.ids)
            && self.params[..] == params(tape, forward)[..]
    }

    /// How much memory it takes, about.
    fn bytes(&self) -> usize {
        self.nodes.bytes() + self.edges.iter().map(|list| size_of_val(&list[..])).sum::<usize>()
    }
}

impl Entry {
    /// How much memory it takes, about.
    fn bytes(&self) -> usize {
        let script = match &self.state {
            State::Known(backward) => backward.bytes(),
            _ => 0,
        };
        script + self.structure.as_ref().map_or(0, |structure| structure.bytes())
    }
}

/// The places of all parameters of the tape, and which of them are frozen.
fn params(tape: &Tape, forward: &Forward) -> SmallVec<[(u32, bool); 8]> {
    let place = |b: &Bound| (forward.graph.place(b.node), b.frozen);
    tape.params.borrow().iter().map(place).collect()
}

/// Looks the program up, and notes that it was met.
pub(crate) fn meet(tape: &Tape, forward: &Forward) -> Meeting {
    if forward.graph.len() > NODES {
        return Meeting::New;
    }
    // Fails while the thread is torn down.
    let Ok(mut met) = MET.try_with(Cell::take) else { return Meeting::New };
    let like = |e: &Entry| e.hash == forward.hash;
    let same = |e: &Entry| like(e) && e.structure.as_ref().is_some_and(|s| s.is(tape, forward));
    // The others have nothing but the hash, so they come last. To be taken for one of these is
    // harmless: a script is made of the program at hand, and met again compared with its own
    // structure; or no script is made, as for any large program.
    let others = |e: &Entry| like(e) && e.structure.is_none();
    let place = met.iter().position(same).or_else(|| met.iter().position(others));
    let meeting = match place.map(|p| &met[p].state) {
        Some(State::Refused) => Meeting::Refused,
        Some(State::Large) => Meeting::New,
        Some(_) => match met.remove(place.expect("it was found")) {
            Entry { structure: Some(structure), state: State::Known(backward), .. } => {
                Meeting::Known(structure, backward)
            }
            _ => Meeting::Again(Box::new(Structure::of(tape, forward))),
        },
        None => {
            met.insert(0, Entry { hash: forward.hash, structure: None, state: State::MetOnce });
            Meeting::New
        }
    };
    put_back(met);
    meeting
}

/// Keeps what came of a program that was met, `None` if it cannot be recognised.
pub(crate) fn remember(
    forward: &Forward,
    structure: Box<Structure>,
    backward: Option<Box<Backward>>,
) {
    let Ok(mut met) = MET.try_with(Cell::take) else { return };
    let state = backward.map_or(State::Refused, State::Known);
    let mut entry = Entry { hash: forward.hash, structure: Some(structure), state };
    if entry.bytes() > TOGETHER {
        entry = Entry { structure: None, state: State::Large, ..entry };
    }
    met.insert(0, entry);
    put_back(met);
}

fn put_back(mut met: Vec<Entry>) {
    let mut together = 0;
    let fits = |e: &&Entry| {
        together += e.bytes();
        together <= TOGETHER
    };
    let many = met.iter().take(KEPT).take_while(fits).count();
    let evicted = met.split_off(many);
    let _ = MET.try_with(|all| all.set(met));
    drop(evicted);
}

/// Frees the scripts this thread keeps of programs that `backward` has met, with the operations in
/// them, and the memory that finished tapes have left to it.
pub fn forget_programs() {
    drop(MET.try_with(Cell::take));
    Recycled::forget();
    Straight::forget();
    walk::forget();
}

impl Backward {
    /// A script for `outputs`: the loss and the gradients, adjoints that stand on the tape from
    /// `end` on. `None` if the program cannot be recognised.
    pub(crate) fn new(
        tape: &Tape,
        forward: &Forward,
        end: u32,
        outputs: &[u32],
        unreached: Vec<u32>,
    ) -> Option<Self> {
        let (mut slots, mut kept, mut computed) = (Vec::new(), Vec::new(), Vec::new());
        for id in tape.pending(outputs).into_iter().take_while(|&id| id < end) {
            let node = &tape.nodes.borrow()[id as usize];
            match (&node.value, &node.source) {
                (None, Source::Op(_)) => {
                    computed.push(id);
                    if node.keep && !outputs.contains(&id) {
                        kept.push(id);
                    }
                }
                (Some(_), _) | (None, Source::Number(_)) => slots.push(id),
                // What a recording binds has no value on its tape.
                (None, _) => return None,
            }
        }
        let place = |id: &u32| Some(forward.graph.place(*id)).filter(|&place| place != NONE);
        let places = |ids: &[u32]| ids.iter().map(place).collect::<Option<Vec<u32>>>();
        let inputs = places(&slots)?;
        let computed = places(&computed)?;
        let script = Script::new(tape, &slots, &[outputs, &kept].concat());
        let kept = places(&kept)?;
        Some(Backward { script, unreached, slots: inputs, kept, computed })
    }

    /// How much memory it takes, about.
    fn bytes(&self) -> usize {
        self.computed.len() * size_of::<u32>() + self.script.bytes()
    }

    /// Sets the slots to the values on the tape.
    pub(crate) fn bind(&mut self, tape: &Tape, forward: &Forward) {
        let nodes = tape.nodes.borrow();
        for (slot, &place) in self.slots.iter().enumerate() {
            let node = &nodes[forward.graph.ids[place as usize] as usize];
            match (&node.value, &node.source) {
                (Some(value), _) => self.script.bind_known(slot, &**value),
                (None, Source::Number(x)) => self.script.bind_number(slot, *x),
                _ => unreachable!("a given node has a value"),
            }
        }
    }
}
