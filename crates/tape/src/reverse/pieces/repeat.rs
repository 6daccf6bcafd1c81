//! Pieces that come again: recorded once, and run for every stretch of the sweep of the same form.

use crate::node::Nodes;
use crate::reverse::pieces::piece::Piece;
use crate::reverse::pieces::stretch::{Pattern, Stretch};
use crate::reverse::sweep::Sweep;
use crate::walk::NONE;

/// What is known of how a sweep repeats itself.
pub(super) enum Periodicity {
    /// Nothing. A period is looked for after `wait` pieces more; if there is none, after `pause`
    /// more, which doubles each time.
    Unknown { wait: u32, pause: u32 },
    /// The same operations come again after this many visits.
    Period(usize),
    /// What the last piece was recorded from.
    Known(Box<Repeat>),
}

/// How the last piece is run for another stretch.
pub(super) struct Repeat {
    pattern: Pattern,
    /// What stands for the nodes that the piece starts from; see [`Stretch::node`].
    given: Vec<u32>,
    /// For each node seen whose cotangent is another one afterwards: which.
    outs: Vec<(u32, Out)>,
}

#[derive(Clone, Copy)]
enum Out {
    /// An end of the piece.
    End(u32),
    /// A node that was there before.
    Given(u32),
}

impl Periodicity {
    pub(super) const NEW: Periodicity = Periodicity::Unknown { wait: 0, pause: 1 };

    /// After a look that found no period.
    pub(super) fn not_found(pause: u32) -> Self {
        Periodicity::Unknown { wait: pause, pause: 2 * pause }
    }
}

impl Repeat {
    /// The `piece` recorded for `stretch`, which has changed the cotangents of places
    /// `touched`, to its `ends` or to nodes that were there before. `None` if it uses more than
    /// the stretch shows.
    pub(super) fn new(
        nodes: &Nodes,
        sweep: &Sweep,
        stretch: Stretch,
        piece: &Piece,
        touched: &[u32],
        ends: &[u32],
    ) -> Option<Self> {
        let number = |&id: &u32| stretch.number(sweep.graph(), id);
        let given = piece.given.iter().map(number).collect::<Option<_>>()?;
        let out = |&place: &u32| {
            let cotangent = sweep.open(place)?;
            let out = match ends.binary_search(&cotangent) {
                Ok(end) => Some(Out::End(end as u32)),
                Err(_) => number(&cotangent).map(Out::Given),
            };
            Some(stretch.at(place).zip(out))
        };
        let outs = touched.iter().filter_map(out).collect::<Option<_>>()?;
        Some(Repeat { pattern: stretch.pattern(nodes, sweep), given, outs })
    }

    /// The stretch that comes next in the sweep, if it is of the same form.
    pub(super) fn next(&self, nodes: &Nodes, sweep: &Sweep) -> Option<Stretch> {
        let stretch = Stretch::next(nodes, sweep, self.pattern.visits, Some(&self.pattern))?;
        stretch.is(&self.pattern, nodes, sweep).then_some(stretch)
    }

    /// The nodes that the piece starts from in this stretch.
    pub(super) fn given(&self, sweep: &Sweep, stretch: &Stretch) -> impl Iterator<Item = u32> {
        self.given.iter().map(|&number| stretch.node(sweep.graph(), number))
    }

    /// Moves the sweep past the stretch, where the ends of the piece are nodes from `first` on.
    pub(super) fn pass(&self, sweep: &mut Sweep, stretch: &Stretch, first: u32) {
        sweep.go_to(stretch.end);
        for &(number, out) in &self.outs {
            let place = stretch.place(number);
            debug_assert_ne!(place, NONE);
            let cotangent = match out {
                Out::End(end) => first + end,
                Out::Given(given) => stretch.node(sweep.graph(), given),
            };
            sweep.replace(place, cotangent);
        }
    }
}
