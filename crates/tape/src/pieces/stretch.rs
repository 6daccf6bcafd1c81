//! Stretches of a sweep, and when one can stand for another.
//!
//! A loop records the same operations round after round, and a sweep through it records the same
//! adjoints. Two stretches have the same adjoints if their rules are given the same, for rules are pure
//! functions. What a rule is given are nodes. Of these it can tell all that [`Signatures`] tell; which of
//! them are the same node; and through views, which it may look through, what they view. Of a cotangent
//! it can tell the number, if it is filled with one. So this is what is compared.

use rustc_hash::FxHashMap;

use crate::node::{Nodes, Source};
use crate::replay::signature::Signatures;
use crate::sweep::{Role as Of, Sweep};
use crate::walk::NONE;

/// A part of a sweep, from a place downwards.
pub(super) struct Stretch {
    /// How many nodes are visited.
    visits: usize,
    /// The nodes visited, last first, and behind them whatever else their rules see.
    seen: Vec<u32>,
    /// The places of `seen` in the sweep, [`NONE`] where nobody asks for a cotangent.
    places: Vec<u32>,
    /// The cotangents that have reached these so far.
    cotangents: Vec<u32>,
    /// Where the sweep goes on.
    pub end: usize,
    form: Form,
    /// The numbers in `seen` of the nodes that are not visited.
    outside: FxHashMap<u32, u32>,
    /// The numbers in `cotangents`.
    reached: FxHashMap<u32, u32>,
}

/// How the nodes of a stretch hang together, in their numbers in `seen`.
#[derive(Clone, Default, PartialEq)]
struct Form {
    /// For each node visited, and each other view, how many inputs it has, and which.
    inputs: Vec<u32>,
    /// Where the inputs of each node visited begin.
    first: Vec<u32>,
    /// For each node seen the number of its cotangent; [`NONE`] without one.
    cotangents: Vec<u32>,
    /// What the sweep does at each node seen.
    roles: Vec<Role>,
    /// The bits of the numbers that cotangents are filled with.
    filled: Vec<Option<u64>>,
}

#[derive(Clone, Copy, PartialEq)]
enum Role {
    /// It visits the node, which depends on a target or not, and is one or not.
    Visited { needed: bool, target: bool },
    /// It adds up the cotangent of a node that it visits elsewhere.
    Reached,
    /// Nothing: nobody asks for a cotangent.
    Read,
}

/// The form of a stretch and what its nodes are.
pub(super) struct Pattern {
    pub visits: usize,
    form: Form,
    seen: Signatures,
    cotangents: Signatures,
}

impl Stretch {
    /// `visits` nodes from `cursor` on, without the cotangents that have reached them; `None` if more meets
    /// in them than is compared.
    pub(super) fn read(nodes: &Nodes, sweep: &Sweep, cursor: usize, visits: usize) -> Option<Self> {
        let mut stretch = Stretch {
            visits,
            seen: Vec::with_capacity(2 * visits),
            places: Vec::with_capacity(2 * visits),
            cotangents: Vec::new(),
            end: cursor - visits,
            form: Form::default(),
            outside: FxHashMap::default(),
            reached: FxHashMap::default(),
        };
        for place in (stretch.end..cursor).rev() {
            stretch.seen.push(sweep.graph().ids[place]);
            stretch.places.push(place as u32);
            let Of { needed, target } = sweep.roles()[place];
            stretch.form.roles.push(Role::Visited { needed, target });
        }
        for number in 0..visits as u32 {
            stretch.inputs(nodes, sweep, cursor - 1 - number as usize, number)?;
        }
        stretch.views(nodes)?;
        Some(stretch)
    }

    fn inputs(&mut self, nodes: &Nodes, sweep: &Sweep, at: usize, number: u32) -> Option<()> {
        let inputs = sweep.graph().inputs(at);
        self.form.first.push(self.form.inputs.len() as u32);
        self.form.inputs.push(inputs.len() as u32);
        for (&input, &place) in nodes.inputs(sweep.graph().ids[at]).iter().zip(inputs) {
            let needed = place != NONE && sweep.roles()[place as usize].needed;
            let place = if needed { place } else { NONE };
            let distance = (at as u32).wrapping_sub(place);
            let input = match number.checked_add(distance) {
                Some(inside) if place != NONE && inside < self.visits as u32 => inside,
                _ => self.outside(nodes, input, place)?,
            };
            self.form.inputs.push(input);
        }
        Some(())
    }

    /// The number of a node that is not visited; `None` if it may be one that is.
    fn outside(&mut self, nodes: &Nodes, id: u32, place: u32) -> Option<u32> {
        let next = self.seen.len() as u32;
        let number = *self.outside.entry(id).or_insert(next);
        if number == next {
            let first = self.seen[self.visits - 1];
            if place == NONE && nodes[id as usize].tracked && id >= first {
                return None;
            }
            self.seen.push(id);
            self.places.push(place);
            self.form.roles.push(if place == NONE { Role::Read } else { Role::Reached });
        }
        Some(number)
    }

    /// Adds what those of the nodes not visited view that are views: without a place, for a rule passes a
    /// cotangent to its own inputs alone.
    fn views(&mut self, nodes: &Nodes) -> Option<()> {
        let mut next = self.visits;
        while let Some(&id) = self.seen.get(next) {
            next += 1;
            if matches!(&nodes[id as usize].source, Source::Op(op) if op.is_view()) {
                let viewed = self.outside(nodes, nodes.inputs(id)[0], NONE)?;
                self.form.inputs.push(viewed);
            }
        }
        Some(())
    }

    /// Adds the cotangents that have reached the nodes; `None` if one is no number or constant
    /// of the sweep's own.
    pub(super) fn reach(&mut self, nodes: &Nodes, sweep: &Sweep) -> Option<()> {
        for &place in &self.places {
            let cotangent = if place == NONE { NONE } else { sweep.cotangents()[place as usize] };
            if cotangent == NONE {
                self.form.cotangents.push(NONE);
                continue;
            }
            let next = self.cotangents.len() as u32;
            let number = *self.reached.entry(cotangent).or_insert(next);
            if number == next {
                self.form.filled.push(match nodes[cotangent as usize].source {
                    // It may be one of the nodes seen; a rule may look into it.
                    _ if cotangent < sweep.start() => return None,
                    Source::Op(_) => return None,
                    Source::Number(x) => Some(x.to_bits()),
                    _ => None,
                });
                self.cotangents.push(cotangent);
            }
            self.form.cotangents.push(number);
        }
        Some(())
    }

    /// What another stretch must be to have the same adjoints.
    pub(super) fn pattern(&self, nodes: &Nodes) -> Pattern {
        Pattern {
            visits: self.visits,
            form: self.form.clone(),
            seen: Signatures::of(nodes, &self.seen),
            cotangents: Signatures::of(nodes, &self.cotangents),
        }
    }

    /// Whether it is one of these.
    pub(super) fn is(&self, pattern: &Pattern, nodes: &Nodes) -> bool {
        self.form == pattern.form
            && pattern.seen.are(nodes, &self.seen)
            && pattern.cotangents.are(nodes, &self.cotangents)
    }

    /// The place of a node that is seen.
    pub(super) fn place(&self, number: u32) -> u32 {
        self.places[number as usize]
    }

    /// The number of a place, if a node seen stands there.
    pub(super) fn number_of(&self, place: u32) -> Option<u32> {
        // Behind the nodes visited, whose places follow each other.
        match self.places[0].wrapping_sub(place) {
            inside if (inside as usize) < self.visits => Some(inside),
            _ => {
                let outside = self.places[self.visits..].iter().position(|&p| p == place);
                outside.map(|k| (self.visits + k) as u32)
            }
        }
    }

    /// The number of a node in `seen`, or of a cotangent, counted from the last of `seen` on.
    pub(super) fn given(&self, id: u32) -> Option<u32> {
        if let Some(&number) = self.reached.get(&id) {
            return Some(self.seen.len() as u32 + number);
        }
        if let Some(&number) = self.outside.get(&id) {
            return Some(number);
        }
        let visited = self.seen[..self.visits].binary_search_by(|seen| id.cmp(seen));
        visited.ok().map(|number| number as u32)
    }

    /// The node of such a number.
    pub(super) fn node(&self, given: u32) -> u32 {
        match (given as usize).checked_sub(self.seen.len()) {
            Some(cotangent) => self.cotangents[cotangent],
            None => self.seen[given as usize],
        }
    }

    /// After how many visits the same operations come again, as far as the nodes nearby tell: the whole
    /// stretch if they do not.
    pub(super) fn period(&self, nodes: &Nodes) -> usize {
        // The longest border of each beginning, as Knuth, Morris and Pratt compute it (1977).
        let mut borders = vec![0; self.visits];
        for i in 1..self.visits {
            let mut border: usize = borders[i - 1];
            while border > 0 && !self.alike(nodes, border, i) {
                border = borders[border - 1];
            }
            borders[i] = border + usize::from(self.alike(nodes, border, i));
        }
        self.visits - borders.last().copied().unwrap_or(0)
    }

    fn alike(&self, nodes: &Nodes, a: usize, b: usize) -> bool {
        let [x, y] = [a, b].map(|v| &nodes[self.seen[v] as usize]);
        let same_op = match (&x.source, &y.source) {
            (Source::Op(x), Source::Op(y)) => x.same(y),
            (Source::Op(_), _) | (_, Source::Op(_)) => false,
            _ => true,
        };
        let [xs, ys] = [a, b].map(|v| self.inputs_of(v).iter().map(move |&n| self.distance(v, n)));
        same_op && nodes.same_shape(self.seen[a], self.seen[b]) && x.dtype == y.dtype && xs.eq(ys)
    }

    fn inputs_of(&self, visit: usize) -> &[u32] {
        let first = self.form.first[visit] as usize;
        &self.form.inputs[first + 1..][..self.form.inputs[first] as usize]
    }

    /// How far back an input stands; `None` if that is far.
    fn distance(&self, visit: usize, input: u32) -> Option<u32> {
        let back = self.places[visit].checked_sub(self.places[input as usize])?;
        (back as usize <= self.visits / 2).then_some(back)
    }
}
