//! Nodes by what a rule, a sweep and a plan can tell of them, their inputs aside.

use tensor::{DType, Shape, shape};

use crate::node::{Nodes, Source, recent};
use crate::op::Recorded;

/// A list of nodes that may be those of another tape, or of another place on the same one: all that
/// is told of them but their inputs, and not their values.
#[derive(Default)]
pub(crate) struct Signatures {
    list: Vec<Signature>,
    /// Operations and shapes in the order of their first use.
    ops: Vec<Recorded>,
    shapes: Vec<Shape>,
}

struct Signature {
    /// Which operation, or where else the value comes from: [`VALUE`], [`NUMBER`].
    origin: u32,
    shape: u32,
    dtype: DType,
    tracked: bool,
    keep: bool,
    computed: bool,
}

/// A node with a value of its own.
const VALUE: u32 = u32::MAX;
/// A node filled with a number.
const NUMBER: u32 = u32::MAX - 1;

impl Signatures {
    /// Those of nodes `ids`.
    pub(crate) fn of(nodes: &Nodes, ids: &[u32]) -> Self {
        let (mut ops, mut shapes) = (Vec::new(), Vec::new());
        let signature = |&id: &u32| {
            let node = &nodes[id as usize];
            let same_shape = |shape: &Shape| shape::same(shape, nodes.shape(id));
            Signature {
                origin: match &node.source {
                    Source::Op(op) => recent(&mut ops, |known| op.is_at(known), || op.clone()),
                    Source::Number(_) => NUMBER,
                    _ => VALUE,
                },
                shape: recent(&mut shapes, same_shape, || Shape::from_slice(nodes.shape(id))),
                dtype: node.dtype,
                tracked: node.tracked,
                keep: node.keep,
                computed: node.value.is_some(),
            }
        };
        let list = ids.iter().map(signature).collect();
        Signatures { list, ops, shapes }
    }

    /// Whether nodes `ids` have them too.
    pub(crate) fn are(&self, nodes: &Nodes, ids: &[u32]) -> bool {
        self.list.len() == ids.len()
            && self.list.iter().zip(ids).all(|(s, &id)| self.is(s, nodes, id))
    }

    fn is(&self, signature: &Signature, nodes: &Nodes, id: u32) -> bool {
        let node = &nodes[id as usize];
        signature.dtype == node.dtype
            && signature.tracked == node.tracked
            && signature.keep == node.keep
            && signature.computed == node.value.is_some()
            && shape::same(&self.shapes[signature.shape as usize], nodes.shape(id))
            && match (signature.origin, &node.source) {
                (VALUE, Source::Constant | Source::Leaf | Source::Param) => signature.computed,
                (NUMBER, Source::Number(_)) => true,
                (VALUE | NUMBER, _) => false,
                (op, Source::Op(other)) => self.ops[op as usize].same(other),
                _ => false,
            }
    }

    /// How many bytes they take, about.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&self.list[..])
    }
}
