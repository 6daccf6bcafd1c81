//! One piece: adjoints that a sweep has recorded, as a program of their own.

use std::cell::RefMut;
use std::panic::Location;

use tensor::{DType, Shape};

use crate::evaluate::straight::{Straight, Tiny};
use crate::node::{Extent, Nodes, Recycled, Sizes, Source};
use crate::tape::Tape;

/// The program of some adjoints, which can be run again with other values.
pub(super) struct Piece {
    pub script: Straight,
    /// The nodes it starts from, at its first places.
    pub given: Vec<u32>,
    /// The cotangents it ends with.
    ends: Vec<End>,
}

/// A cotangent.
struct End {
    from: From,
    dtype: DType,
    shape: Shape,
    tracked: bool,
    at: &'static Location<'static>,
}

enum From {
    Number(f64),
    /// A place in the script.
    Place(u32),
}

/// What has to be computed of a piece, and what it starts from, with the marks that these had.
struct Needed {
    ids: Vec<u32>,
    given: Vec<(u32, (u32, u32))>,
}

impl Piece {
    pub(super) fn new() -> Self {
        Piece { script: Straight::recycled(), given: Vec::new(), ends: Vec::new() }
    }

    /// Takes what cotangents `ends`, recorded from node `first` on, depend on. The marks of nodes
    /// are as they were afterwards. `None` if that is not tiny.
    pub(super) fn take(&mut self, tape: &Tape, walk: u32, first: u32, ends: &[u32]) -> Option<()> {
        let Needed { ids, given } = needed(&mut tape.nodes.borrow_mut(), walk, first, ends)?;
        self.given.clear();
        self.given.extend(given.iter().map(|&(id, _)| id));
        self.script.clear();
        // The layout of a view is its author's code, which may read the tape.
        let nodes = tape.nodes.borrow();
        for &id in &self.given {
            self.script.give(nodes[id as usize].dtype, nodes.shape(id)).ok()?;
        }
        self.script.extend(&nodes, &ids).ok()?;
        self.ends.clear();
        self.ends.extend(ends.iter().map(|&id| End::of(&nodes, id)));
        drop(nodes);
        let mut nodes = tape.nodes.borrow_mut();
        for (id, mark) in given {
            nodes[id as usize].mark = mark;
        }
        Some(())
    }

    /// Puts constants in the place of `ends` and takes off the tape what was recorded from `start`
    /// on beside them.
    pub(super) fn replace(&self, mut nodes: RefMut<'_, Recycled>, ends: &[u32], start: Extent) {
        for (&id, end) in ends.iter().zip(&self.ends) {
            let node = &mut nodes[id as usize];
            if let From::Place(place) = end.from {
                node.value = Some(Box::new(self.script.value(place)));
                node.source = Source::Constant;
            }
            node.mark = (0, 0);
        }
        nodes.cut_all_but(start, ends);
    }

    /// Appends its ends as constants.
    pub(super) fn append(&self, nodes: &mut Nodes) {
        for End { from, dtype, shape, tracked, at } in &self.ends {
            let node = nodes.push([&[], &[]], Sizes::Given(shape), *dtype, at);
            node.tracked = *tracked;
            match *from {
                From::Number(x) => node.source = Source::Number(x),
                From::Place(place) => node.value = Some(Box::new(self.script.value(place))),
            }
        }
    }
}

impl End {
    fn of(nodes: &Nodes, id: u32) -> Self {
        let node = &nodes[id as usize];
        let from = match node.source {
            Source::Number(x) => From::Number(x),
            _ => From::Place(node.mark.1),
        };
        let shape = Shape::from_slice(nodes.shape(id));
        End { from, dtype: node.dtype, shape, tracked: node.tracked, at: node.at }
    }
}

/// The nodes from `first` on that `ends` depend on, and those before that these start from,
/// marked by `walk` with their places in a script that begins with the latter. `None` if they
/// are not tiny.
fn needed(nodes: &mut Nodes, walk: u32, first: u32, ends: &[u32]) -> Option<Needed> {
    let mut is_needed = vec![false; nodes.len() - first as usize];
    for &id in ends {
        is_needed[(id - first) as usize] = true;
    }
    let (mut ids, mut given, mut tiny) = (Vec::new(), Vec::new(), Tiny::default());
    for id in (first..nodes.len() as u32).rev() {
        if !is_needed[(id - first) as usize] {
            continue;
        }
        if !tiny.admits(nodes, id) {
            return None;
        }
        ids.push(id);
        for k in 0..nodes.inputs(id).len() {
            let input = nodes.inputs(id)[k];
            if let Some(within) = input.checked_sub(first) {
                is_needed[within as usize] = true;
                continue;
            }
            let mark = nodes[input as usize].mark;
            if mark.0 != walk {
                if !tiny.admits(nodes, input) {
                    return None;
                }
                nodes[input as usize].mark = (walk, given.len() as u32);
                given.push((input, mark));
            }
        }
    }
    ids.reverse();
    for (&id, place) in ids.iter().zip(given.len() as u32..) {
        nodes[id as usize].mark = (walk, place);
    }
    tiny.fit().then_some(Needed { ids, given })
}
