//! What a tape consists of.

use std::cell::Cell;
use std::ops::{Deref, DerefMut};
use std::panic::Location;

use smallvec::SmallVec;
use tensor::{AnyTensor, DType, Shape};

use crate::op::Recorded;

/// Where a node's value comes from.
#[derive(Clone)]
pub(crate) enum Source {
    Constant,
    /// A constant filled with one number, rounded to the node's type: it needs no tensor.
    Number(f64),
    Leaf,
    Param,
    Input,
    Op(Recorded),
}

pub(crate) struct Node {
    pub source: Source,
    pub inputs: SmallVec<[u32; 3]>,
    pub shape: Shape,
    pub dtype: DType,
    /// Whether a derivative may pass through.
    pub tracked: bool,
    /// Whether `backward` keeps the value.
    pub keep: bool,
    /// Whether the value has been computed before.
    pub computed: bool,
    /// In a box: most nodes have none, and a node that is recorded is moved into the list.
    pub value: Option<Box<AnyTensor>>,
    pub at: &'static Location<'static>,
    /// The last walk that met this node, and its place in that walk.
    pub mark: (u32, u32),
}

/// The shape of a node that is recorded.
#[derive(Clone, Copy)]
pub(crate) enum Sizes<'a> {
    Given(&'a [usize]),
    /// That of another node.
    Of(u32),
}

/// The nodes of a tape. A tape that is dropped leaves their memory to the next one of its thread: a
/// step that records anew would pay more for fresh pages than for recording.
pub(crate) struct Nodes(Vec<Node>);

thread_local! {
    static SPARE: Cell<Vec<Node>> = const { Cell::new(Vec::new()) };
}

/// Memory of more nodes than this is given back.
const SPARE_NODES: usize = 1 << 17;

impl Default for Nodes {
    fn default() -> Self {
        Nodes(SPARE.try_with(Cell::take).unwrap_or_default())
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        if self.0.capacity() <= SPARE_NODES {
            self.0.clear();
            let memory = std::mem::take(&mut self.0);
            // Fails while the thread is torn down, when nobody needs it.
            let _ = SPARE.try_with(|spare| spare.set(memory));
        }
    }
}

impl Nodes {
    /// Puts the nodes that `walk` has met in the order of the tape: by a look at all between the first
    /// and the last, if these are not many more, so that the cost stays in the number of those met.
    pub(crate) fn in_order(&self, walk: u32, met: &mut Vec<u32>) {
        let (first, last) = met.iter().fold((u32::MAX, 0), |(a, b), &id| (a.min(id), b.max(id)));
        if met.len() > (last.saturating_sub(first) / 8) as usize {
            met.clear();
            met.extend((first..=last).filter(|&id| self.0[id as usize].mark.0 == walk));
        } else {
            met.sort_unstable();
        }
    }
}

impl Deref for Nodes {
    type Target = Vec<Node>;
    fn deref(&self) -> &Vec<Node> {
        &self.0
    }
}

impl DerefMut for Nodes {
    fn deref_mut(&mut self) -> &mut Vec<Node> {
        &mut self.0
    }
}
