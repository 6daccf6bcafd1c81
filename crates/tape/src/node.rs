//! What a tape consists of.

use std::cell::Cell;
use std::ops::{Deref, DerefMut};
use std::panic::Location;

use tensor::{AnyTensor, DType, Shape, pool, shape};

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

/// A node fills one cache line: what a large program costs is the lines that are recorded and
/// walked. So what varies in size stands elsewhere: ask [`Nodes`] for the inputs and the
/// shape of a node.
pub(crate) struct Node {
    pub source: Source,
    /// In a box: most nodes have none.
    pub value: Option<Box<AnyTensor>>,
    pub at: &'static Location<'static>,
    /// The last walk that met this node, and its place in that walk.
    pub mark: (u32, u32),
    /// Where its inputs begin among those of all nodes, and how many there are.
    inputs: (u32, u32),
    /// Which of the shapes.
    shape: u32,
    pub dtype: DType,
    /// Whether a derivative may pass through.
    pub tracked: bool,
    /// Whether `backward` keeps the value.
    pub keep: bool,
    /// Whether the value has been computed before.
    pub computed: bool,
}

const _: () = assert!(size_of::<Node>() <= 64);

impl Node {
    const BLANK: Node = Node {
        source: Source::Constant,
        value: None,
        at: Location::caller(),
        mark: (0, 0),
        inputs: (0, 0),
        shape: 0,
        dtype: DType::F32,
        tracked: false,
        keep: false,
        computed: false,
    };
}

/// The shape of a node that is recorded.
#[derive(Clone, Copy)]
pub(crate) enum Sizes<'a> {
    Given(&'a [usize]),
    /// That of another node.
    Of(u32),
}

/// The nodes of a tape.
pub(crate) struct Nodes {
    list: Vec<Node>,
    /// The inputs of all nodes, one after the other.
    inputs: Vec<u32>,
    /// In the order of their first use; nodes that follow each other share one as a rule.
    shapes: Vec<Shape>,
}

/// Nodes in memory that a tape leaves to the next one of its thread when it is dropped: a step that
/// records anew would pay more for fresh pages than for recording.
pub(crate) struct Recycled(Nodes);

thread_local! {
    static SPARE: Cell<Nodes> = const { Cell::new(Nodes::EMPTY) };
}

/// Memory in which more bytes than this were in use is given back.
const MOST_SPARE: usize = 1 << 30;

impl Default for Recycled {
    fn default() -> Self {
        Recycled(SPARE.try_with(|spare| spare.replace(Nodes::EMPTY)).unwrap_or(Nodes::EMPTY))
    }
}

impl Recycled {
    /// Gives the memory back that was left for the next tape.
    pub(crate) fn forget() {
        drop(SPARE.try_with(|spare| spare.replace(Nodes::EMPTY)));
    }
}

impl Drop for Recycled {
    fn drop(&mut self) {
        let mut memory = std::mem::replace(&mut self.0, Nodes::EMPTY);
        let (nodes, inputs) = (memory.list.len(), memory.inputs.len());
        if nodes * size_of::<Node>() + inputs * size_of::<u32>() <= MOST_SPARE {
            pool::reuse(&mut memory.list);
            pool::reuse(&mut memory.inputs);
            pool::reuse(&mut memory.shapes);
            // Fails while the thread is torn down, when nobody needs it.
            let _ = SPARE.try_with(|left| left.set(memory));
        }
    }
}

impl Deref for Recycled {
    type Target = Nodes;
    #[inline]
    fn deref(&self) -> &Nodes {
        &self.0
    }
}

impl DerefMut for Recycled {
    #[inline]
    fn deref_mut(&mut self) -> &mut Nodes {
        &mut self.0
    }
}

/// How far the nodes of a tape reach.
#[derive(Clone, Copy, Default)]
pub(crate) struct Extent {
    pub nodes: usize,
    inputs: usize,
    shapes: usize,
}

impl Nodes {
    const EMPTY: Nodes = Nodes { list: Vec::new(), inputs: Vec::new(), shapes: Vec::new() };

    /// Appends a node with these inputs and data inputs, a constant so far, and tracked if one of
    /// its inputs is.
    ///
    /// It begins blank, and each field is written once, to its place: a node that is put together
    /// elsewhere is copied by wide loads, which wait until its narrow fields have been stored.
    ///
    /// # Panics
    /// When there are 2³² nodes, or as many inputs together.
    pub(crate) fn push(
        &mut self,
        inputs: [&[u32]; 2],
        sizes: Sizes<'_>,
        dtype: DType,
        at: &'static Location<'static>,
    ) -> &mut Node {
        let (first, mut tracked) = (self.inputs.len(), false);
        // One by one: most are one or two, and copying memory is a call.
        for ids in inputs {
            for &id in ids {
                tracked |= self.list[id as usize].tracked;
                self.inputs.push(id);
            }
        }
        let (Ok(_), Ok(end)) = (u32::try_from(self.list.len()), u32::try_from(self.inputs.len()))
        else {
            panic!("a tape holds at most 2^32 nodes, and as many inputs of them");
        };
        let shape = match sizes {
            Sizes::Of(id) => self.list[id as usize].shape,
            Sizes::Given(sizes) => self.shape_number(sizes),
        };
        self.list.push(Node::BLANK);
        let node = self.list.last_mut().expect("just pushed");
        node.at = at;
        node.inputs = (first as u32, end - first as u32);
        node.shape = shape;
        node.dtype = dtype;
        node.tracked = tracked;
        node
    }

    /// Which shape these sizes are: one of those used last, or a new one.
    fn shape_number(&mut self, sizes: &[usize]) -> u32 {
        if let Some(last) = self.list.last()
            && shape::same(&self.shapes[last.shape as usize], sizes)
        {
            return last.shape;
        }
        recent(&mut self.shapes, |known| shape::same(known, sizes), || Shape::from_slice(sizes))
    }

    /// The inputs of a node.
    #[inline]
    pub(crate) fn inputs(&self, id: u32) -> &[u32] {
        let (first, count) = self.list[id as usize].inputs;
        &self.inputs[first as usize..][..count as usize]
    }

    /// The shape of a node.
    #[inline]
    pub(crate) fn shape(&self, id: u32) -> &[usize] {
        &self.shapes[self.list[id as usize].shape as usize]
    }

    /// Whether two nodes have the same shape.
    #[inline]
    pub(crate) fn same_shape(&self, a: u32, b: u32) -> bool {
        self.list[a as usize].shape == self.list[b as usize].shape
            || shape::same(self.shape(a), self.shape(b))
    }

    /// How far they reach at present.
    pub(crate) fn extent(&self) -> Extent {
        let (nodes, inputs, shapes) = (self.list.len(), self.inputs.len(), self.shapes.len());
        Extent { nodes, inputs, shapes }
    }

    /// Forgets what was recorded since they reached as far as `extent`.
    pub(crate) fn cut(&mut self, extent: Extent) {
        self.list.truncate(extent.nodes);
        self.inputs.truncate(extent.inputs);
        self.shapes.truncate(extent.shapes);
    }

    /// As [`cut`](Self::cut), but for nodes `kept`, in ascending order, which lose their inputs and
    /// follow each other from there on.
    pub(crate) fn cut_all_but(&mut self, extent: Extent, kept: &[u32]) {
        let mut shapes = extent.shapes;
        for (to, &id) in (extent.nodes..).zip(kept) {
            self.list.swap(to, id as usize);
            self.list[to].inputs = (0, 0);
            shapes = shapes.max(self.list[to].shape as usize + 1);
        }
        self.cut(Extent { nodes: extent.nodes + kept.len(), shapes, ..extent });
    }
}

impl Deref for Nodes {
    type Target = [Node];
    #[inline]
    fn deref(&self) -> &[Node] {
        &self.list
    }
}

impl DerefMut for Nodes {
    #[inline]
    fn deref_mut(&mut self) -> &mut [Node] {
        &mut self.list
    }
}

/// The number of an item in a list where many users share few: of one of those put there last, if
/// it is the same, else of a new one.
#[inline]
pub(crate) fn recent<X>(
    list: &mut Vec<X>,
    is: impl Fn(&X) -> bool,
    new: impl FnOnce() -> X,
) -> u32 {
    const LOOKED_AT: usize = 4;
    let first = list.len().saturating_sub(LOOKED_AT);
    for (number, known) in list.iter().enumerate().skip(first) {
        if is(known) {
            return number as u32;
        }
    }
    list.push(new());
    list.len() as u32 - 1
}
