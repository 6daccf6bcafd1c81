//! Stretches of a sweep, and when one can stand for another.
//!
//! A loop records the same operations round after round, and a sweep through it records the same
//! adjoints. Two stretches have the same adjoints if their rules are given the same, for rules
//! are pure functions. What a rule is given are nodes. Of these it can tell all that
//! [`Signatures`] tell; which of them are the same node; and through views, which it may look
//! through, what they view. Of a cotangent it can tell the number, if it is filled with one. So
//! this is what is compared.

use rustc_hash::FxHashMap;

use crate::node::{Nodes, Source};
use crate::replay::signature::Signatures;
use crate::reverse::sweep::{Role, Sweep};
use crate::walk::{Graph, NONE};

/// A part of a sweep, from a place downwards. The nodes that its rules see are numbered: those
/// visited, last first, whatever else there is, in the order of its first use, and the cotangents
/// that have reached these.
pub(super) struct Stretch {
    /// The places that are visited are those below this one,
    top: usize,
    /// down to this one, where the sweep goes on.
    pub end: usize,
    /// The nodes that are seen and not visited.
    outside: Vec<u32>,
    /// Their places in the sweep, [`NONE`] where nobody asks for a cotangent.
    places: Vec<u32>,
    /// The cotangents so far.
    cotangents: Vec<u32>,
    form: Form,
    /// The numbers in `outside`.
    number_of: FxHashMap<u32, u32>,
    /// The numbers in `cotangents`.
    reached: FxHashMap<u32, u32>,
}

/// How the nodes of a stretch hang together.
#[derive(Default, PartialEq)]
struct Form {
    /// For each node visited that is seen into, and each other view, how many inputs it has, and
    /// which: how far back a visited one stands, and the number of another one, with [`OUTSIDE`]
    /// and, where the sweep adds up its cotangent, with [`REACHED`].
    inputs: Vec<u32>,
    /// The numbers of the nodes that a cotangent has reached so far, and of these.
    cotangents: Vec<(u32, u32)>,
    /// The bits of the numbers that cotangents are filled with.
    filled: Vec<Option<u64>>,
}

const OUTSIDE: u32 = 1 << 31;
const REACHED: u32 = 1 << 30;

/// The form of a stretch and what its nodes are.
pub(super) struct Pattern {
    pub visits: usize,
    form: Form,
    roles: Vec<Role>,
    visited: Signatures,
    outside: Signatures,
    cotangents: Signatures,
}

impl Stretch {
    /// The next `visits` nodes of the sweep, if there are as many and they can be compared; faster
    /// if it is of the form of `like`.
    pub(super) fn next(
        nodes: &Nodes,
        sweep: &Sweep,
        visits: usize,
        like: Option<&Pattern>,
    ) -> Option<Self> {
        let top = sweep.next();
        let mut stretch = Stretch {
            top,
            end: top.checked_sub(visits)?,
            outside: Vec::new(),
            places: Vec::new(),
            cotangents: Vec::new(),
            form: Form::default(),
            number_of: FxHashMap::default(),
            reached: FxHashMap::default(),
        };
        let guess = like.map_or(&[][..], |pattern| &pattern.form.inputs);
        stretch.form.inputs.reserve(guess.len());
        for place in (stretch.end..top).rev() {
            stretch.visit(nodes, sweep, place, guess)?;
        }
        stretch.views(nodes, sweep.graph())?;
        stretch.reach(nodes, sweep)?;
        Some(stretch)
    }

    /// Adds the inputs of a node, if its rule is asked or others look through it.
    #[inline]
    fn visit(&mut self, nodes: &Nodes, sweep: &Sweep, place: usize, guess: &[u32]) -> Option<()> {
        let (graph, roles) = (sweep.graph(), sweep.roles());
        let id = graph.ids[place];
        if !roles[place].needed && !is_view(nodes, id) {
            return Some(());
        }
        let inputs = graph.inputs(place);
        self.form.inputs.push(inputs.len() as u32);
        for (k, &at) in inputs.iter().enumerate() {
            if at != NONE && at as usize >= self.end {
                self.form.inputs.push(place as u32 - at);
                continue;
            }
            let input = if at == NONE { nodes.inputs(id)[k] } else { graph.ids[at as usize] };
            // As a rule it is the one that stands there in the other stretch.
            let guess = guess.get(self.form.inputs.len()).copied().unwrap_or(0);
            let known = self.outside.get((guess & !(OUTSIDE | REACHED)) as usize);
            let number = if guess & OUTSIDE != 0 && known == Some(&input) {
                guess
            } else {
                let reached = at != NONE && roles[at as usize].needed;
                self.outside(graph, input, if reached { at } else { NONE })?
            };
            self.form.inputs.push(number);
        }
        Some(())
    }

    /// The number of a node at a place, [`NONE`] where nobody asks for its cotangent; `None` if it
    /// may be one that is visited.
    fn outside(&mut self, graph: &Graph, id: u32, place: u32) -> Option<u32> {
        let next = self.outside.len() as u32;
        let number = *self.number_of.entry(id).or_insert(next);
        if number == next {
            if id >= graph.ids[self.end] {
                return None;
            }
            self.outside.push(id);
            self.places.push(place);
        }
        let reached = self.places[number as usize] != NONE;
        Some(number | OUTSIDE | if reached { REACHED } else { 0 })
    }

    /// Adds what those of the nodes not visited view that are views: without a place, for a rule
    /// passes a cotangent to its own inputs alone.
    fn views(&mut self, nodes: &Nodes, graph: &Graph) -> Option<()> {
        let mut next = 0;
        while let Some(&id) = self.outside.get(next) {
            next += 1;
            if is_view(nodes, id) {
                let viewed = self.outside(graph, nodes.inputs(id)[0], NONE)?;
                self.form.inputs.push(viewed);
            }
        }
        Some(())
    }

    /// Adds the cotangents that have reached the nodes; `None` if one is no number or constant
    /// of the sweep's own.
    fn reach(&mut self, nodes: &Nodes, sweep: &Sweep) -> Option<()> {
        let all = sweep.cotangents();
        let visited = all[self.end..self.top].iter().rev().copied();
        let outside = self.places.iter().map(|&p| if p == NONE { NONE } else { all[p as usize] });
        for (seen, cotangent) in (0..).zip(visited.chain(outside)) {
            if cotangent == NONE {
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
            self.form.cotangents.push((seen, number));
        }
        Some(())
    }

    /// What another stretch must be to have the same adjoints.
    pub(super) fn pattern(self, nodes: &Nodes, sweep: &Sweep) -> Pattern {
        Pattern {
            visits: self.visits(),
            roles: sweep.roles()[self.end..self.top].to_vec(),
            visited: Signatures::of(nodes, &sweep.graph().ids[self.end..self.top]),
            outside: Signatures::of(nodes, &self.outside),
            cotangents: Signatures::of(nodes, &self.cotangents),
            form: self.form,
        }
    }

    /// Whether it is one of these.
    pub(super) fn is(&self, pattern: &Pattern, nodes: &Nodes, sweep: &Sweep) -> bool {
        self.form == pattern.form
            && sweep.roles()[self.end..self.top] == pattern.roles
            && pattern.visited.are(nodes, &sweep.graph().ids[self.end..self.top])
            && pattern.outside.are(nodes, &self.outside)
            && pattern.cotangents.are(nodes, &self.cotangents)
    }

    fn visits(&self) -> usize {
        self.top - self.end
    }

    /// The place of the node of a number.
    pub(super) fn place(&self, number: u32) -> u32 {
        match (number as usize).checked_sub(self.visits()) {
            Some(outside) => self.places[outside],
            None => self.top as u32 - 1 - number,
        }
    }

    /// The number of a place, if a node seen stands there.
    pub(super) fn at(&self, place: u32) -> Option<u32> {
        if (self.end..self.top).contains(&(place as usize)) {
            return Some(self.top as u32 - 1 - place);
        }
        let outside = self.places.iter().position(|&p| p == place);
        outside.map(|k| (self.visits() + k) as u32)
    }

    /// The number of a node or a cotangent.
    pub(super) fn number(&self, graph: &Graph, id: u32) -> Option<u32> {
        let (visits, outside) = (self.visits() as u32, self.outside.len() as u32);
        if let Some(&number) = self.reached.get(&id) {
            return Some(visits + outside + number);
        }
        if let Some(&number) = self.number_of.get(&id) {
            return Some(visits + number);
        }
        let visited = graph.ids[self.end..self.top].binary_search(&id);
        visited.ok().map(|k| visits - 1 - k as u32)
    }

    /// The node or the cotangent of a number.
    pub(super) fn node(&self, graph: &Graph, number: u32) -> u32 {
        match (number as usize).checked_sub(self.visits()) {
            None => graph.ids[self.top - 1 - number as usize],
            Some(number) => match number.checked_sub(self.outside.len()) {
                None => self.outside[number],
                Some(cotangent) => self.cotangents[cotangent],
            },
        }
    }
}

fn is_view(nodes: &Nodes, id: u32) -> bool {
    matches!(&nodes[id as usize].source, Source::Op(op) if op.is_view())
}

/// After how many of the `visits` below place `top` the same operations come again, as far as the
/// nodes nearby tell: after all if they do not.
pub(super) fn period(nodes: &Nodes, graph: &Graph, top: usize, visits: usize) -> usize {
    let alike = |a: usize, b: usize| {
        let [a, b] = [a, b].map(|visit| top - 1 - visit);
        let [x, y] = [a, b].map(|place| graph.ids[place]);
        // How far back the inputs stand; `None` if that is far.
        let [back, as_far] = [a, b].map(|place| {
            let back = move |&input: &u32| place.checked_sub(input as usize);
            graph
                .inputs(place)
                .iter()
                .map(move |input| back(input).filter(|&far| far <= visits / 2))
        });
        same_kind(nodes, x, y) && back.eq(as_far)
    };
    // The longest border of each beginning, as Knuth, Morris and Pratt compute it (1977).
    let mut borders = vec![0; visits];
    for i in 1..visits {
        let mut border: usize = borders[i - 1];
        while border > 0 && !alike(border, i) {
            border = borders[border - 1];
        }
        borders[i] = border + usize::from(alike(border, i));
    }
    visits - borders.last().copied().unwrap_or(0)
}

/// Whether two nodes are values, or the same operation, of one type and shape.
fn same_kind(nodes: &Nodes, a: u32, b: u32) -> bool {
    let [x, y] = [a, b].map(|id| &nodes[id as usize]);
    let same = match (&x.source, &y.source) {
        (Source::Op(x), Source::Op(y)) => x.same(y),
        (Source::Op(_), _) | (_, Source::Op(_)) => false,
        _ => true,
    };
    same && x.dtype == y.dtype && nodes.same_shape(a, b)
}
