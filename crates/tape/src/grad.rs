//! The reverse sweep: appends to the tape the adjoints of what is on it.

use std::panic::Location;

use smallvec::SmallVec;
use tensor::shape::Dims;
use tensor::{DType, Float};

use crate::error::NoGradient;
use crate::node::Source;
use crate::op::{self, Recorded, Site};
use crate::tape::{Bound, Tape};
use crate::var::Var;

impl<'t, T: Float> Var<'t, T> {
    /// The derivatives of this scalar by each of `wrt`, recorded on the same tape: they can be
    /// evaluated, combined and differentiated again.
    ///
    /// # Panics
    /// When this variable has more than one element (see [`grad_with`](Self::grad_with)), or does not
    /// depend on one of `wrt`: a derivative that is missing by mistake should not look like a zero.
    /// [`gradient`](Self::gradient) gives the reason as a value.
    #[track_caller]
    pub fn grad<const N: usize>(self, wrt: [Var<'t, T>; N]) -> [Var<'t, T>; N] {
        self.grad_with(self.seed("grad"), wrt)
    }

    /// The products `gᵀ · ∂self/∂w` for each `w` of `wrt`, with `g` of this variable's shape.
    ///
    /// # Panics
    /// When the shapes differ, or as [`grad`](Self::grad) when this variable does not depend on one
    /// of `wrt`.
    #[track_caller]
    pub fn grad_with<const N: usize>(self, g: Var<'t, T>, wrt: [Var<'t, T>; N]) -> [Var<'t, T>; N] {
        let mut gradients = wrt;
        // A loop, because a closure would not pass the user's line on.
        for (i, found) in self.pull(g, &wrt).into_iter().enumerate() {
            match found {
                Ok(gradient) => gradients[i] = gradient,
                Err(why) => panic!("grad: no derivative by {:?} (number {i}): {why}", wrt[i]),
            }
        }
        gradients
    }

    /// The derivative of this scalar by `wrt`, or the reason why there is none.
    ///
    /// # Errors
    /// When no derivative passes from `wrt` to this variable.
    ///
    /// # Panics
    /// When this variable has more than one element.
    #[track_caller]
    pub fn gradient(self, wrt: Var<'t, T>) -> Result<Var<'t, T>, NoGradient> {
        self.pull(self.seed("gradient"), &[wrt]).swap_remove(0)
    }

    /// As [`grad_with`](Self::grad_with) for any number of variables, with the reason where there is
    /// no derivative.
    ///
    /// # Panics
    /// When the shape of `g` differs from this variable's.
    #[track_caller]
    pub fn pull(self, g: Var<'t, T>, wrt: &[Var<'t, T>]) -> Vec<Result<Var<'t, T>, NoGradient>> {
        assert!(
            std::iter::once(&g).chain(wrt).all(|v| std::ptr::eq(v.tape(), self.tape())),
            "grad: the variables are on different tapes"
        );
        let (want, got) = (self.shape(), g.shape());
        if want != got {
            panic!(
                "grad_with: cotangent of shape {} for a variable of shape {}",
                Dims(&got),
                Dims(&want)
            );
        }
        let targets: Vec<u32> = wrt.iter().map(|v| v.id()).collect();
        self.sweep(g, &targets)
    }

    /// The derivative of this scalar by each parameter of the tape, or the reason why there is none.
    #[track_caller]
    pub(crate) fn param_gradients(self, bound: &[Bound]) -> Vec<Result<Var<'t, T>, NoGradient>> {
        let trained = bound.iter().filter(|b| !b.frozen);
        let targets: Vec<u32> = trained.map(|b| b.node).collect();
        let mut found = self.sweep(self.seed("backward"), &targets).into_iter();
        let each = bound.iter().map(|b| match b.frozen {
            true => Err(NoGradient::Frozen),
            false => found.next().expect("one result a target"),
        });
        each.collect()
    }

    /// The cotangent 1 of a scalar.
    #[track_caller]
    pub(crate) fn seed(self, what: &str) -> Var<'t, T> {
        self.assert_scalar(what);
        self.tape().number(&self.shape(), 1.0)
    }

    #[track_caller]
    pub(crate) fn assert_scalar(self, what: &str) {
        let shape = self.shape();
        if tensor::shape::len(&shape) != 1 {
            panic!(
                "{what}: shape {} is not a scalar; sum it, or give its cotangent to `grad_with`",
                Dims(&shape)
            );
        }
    }

    fn sweep(self, g: Var<'t, T>, targets: &[u32]) -> Vec<Result<Var<'t, T>, NoGradient>> {
        let tape = self.tape();
        let Swept { cotangents, blocked } = reverse(tape, self.id(), g.id(), targets);
        let missed = targets.iter().zip(&cotangents).filter(|(_, c)| c.is_none());
        let missed: Vec<u32> = missed.map(|(&w, _)| w).collect();
        let mut reasons = reasons(tape, self.id(), &missed, blocked).into_iter();
        let found = cotangents.into_iter().map(|c| match c {
            Some(id) => Ok(Var::at(tape, id)),
            None => Err(reasons.next().expect("one reason for each that was missed")),
        });
        found.collect()
    }
}

/// What a reverse sweep has found.
struct Swept {
    /// The cotangent of each target, if one has reached it.
    cotangents: Vec<Option<u32>>,
    /// Nodes whose rule passed no cotangent on, and the input that needed it.
    blocked: Vec<(u32, u32)>,
}

/// Appends the adjoints of everything between `targets` and `y`, whose cotangent is `g`.
///
/// A rule only returns the cotangents of its inputs; they are added up here, in the order in which
/// the uses stand on the tape, last first. No borrow of the tape is held while a rule runs.
fn reverse(tape: &Tape, y: u32, g: u32, targets: &[u32]) -> Swept {
    let Between { ids, needed, inputs: places, targets: wanted } = between(tape, y, targets);
    let mut cotangents = vec![NONE; ids.len()];
    let mut blocked = Vec::new();
    if let Some(last) = cotangents.last_mut() {
        *last = g;
    }
    // The cotangent may be a variable of the user's; a seed of ours is the last node so far.
    let seeded = g as usize + 1 == tape.len();
    let start = if seeded { g } else { tape.len() as u32 };
    let mut end = places.len();
    for k in (0..ids.len()).rev() {
        let (op, inputs, dtype, at) = {
            let nodes = tape.nodes.borrow();
            let node = &nodes[ids[k] as usize];
            let inputs: SmallVec<[u32; 4]> = SmallVec::from_slice(nodes.inputs(ids[k]));
            end -= inputs.len();
            match &node.source {
                Source::Op(op) if needed[k] && cotangents[k] != NONE => {
                    (op.clone(), inputs, node.dtype, node.at)
                }
                _ => continue,
            }
        };
        let places = &places[end..end + inputs.len()];
        let needs: SmallVec<[bool; 4]> = places.iter().map(|&p| p != NONE).collect();
        if !needs.contains(&true) {
            continue; // a target itself, which needs nothing further down
        }
        let site = Site { x: &inputs, y: ids[k], g: cotangents[k], needs: &needs, dtype };
        let _ruling = Ruling::enter(tape, ids[k], at, start);
        let pulled = op.rule().pull(tape, &site);
        for (i, (&input, &p)) in inputs.iter().zip(places).enumerate() {
            if p == NONE {
                continue;
            }
            // Data inputs, which come last, have no cotangent.
            let Some(c) = pulled.get(i).copied().flatten() else {
                blocked.push((ids[k], input));
                continue;
            };
            check_shape(tape, &op, i, input, c);
            let sum = &mut cotangents[p as usize];
            *sum = if *sum == NONE { c } else { add(tape, dtype, *sum, c) };
        }
    }
    let found = |p: u32| cotangents.get(p as usize).copied().filter(|&c| c != NONE);
    Swept { cotangents: wanted.into_iter().map(found).collect(), blocked }
}

const NONE: u32 = u32::MAX;

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

fn between(tape: &Tape, y: u32, targets: &[u32]) -> Between {
    let walk = tape.start_walk();
    // What was recorded before the first target depends on none: a loop that differentiates by its
    // present state does not walk back to its beginning.
    let first = targets.iter().copied().min().unwrap_or(u32::MAX);
    let mut nodes = tape.nodes.borrow_mut();
    let (mut ids, mut stack) = (Vec::new(), vec![y]);
    while let Some(id) = stack.pop() {
        let node = &mut nodes[id as usize];
        if node.mark.0 == walk || !node.tracked || id < first {
            continue;
        }
        node.mark.0 = walk;
        ids.push(id);
        stack.extend_from_slice(nodes.inputs(id));
    }
    ids.sort_unstable();
    for (k, &id) in ids.iter().enumerate() {
        nodes[id as usize].mark.1 = k as u32;
    }
    let place = |id: u32| match nodes[id as usize].mark {
        (found, place) if found == walk => place,
        _ => NONE,
    };
    let targets: Vec<u32> = targets.iter().map(|&t| place(t)).collect();
    let mut needed = vec![false; ids.len()];
    for &t in targets.iter().filter(|&&t| t != NONE) {
        needed[t as usize] = true;
    }
    let mut inputs = Vec::with_capacity(2 * ids.len());
    for (k, &id) in ids.iter().enumerate() {
        for &input in nodes.inputs(id) {
            let p = Some(place(input)).filter(|&p| p != NONE && needed[p as usize]);
            needed[k] |= p.is_some();
            inputs.push(p.unwrap_or(NONE));
        }
    }
    Between { ids, needed, inputs, targets }
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

fn check_shape(tape: &Tape, op: &Recorded, input: usize, x: u32, cotangent: u32) {
    let nodes = tape.nodes.borrow();
    if !nodes.same_shape(x, cotangent) {
        let (want, got) = (nodes.shape(x), nodes.shape(cotangent));
        panic!(
            "{}: its vjp returned a cotangent of shape {} for input {input} of shape {} (recorded at {})",
            op::name(op.rule().debug()),
            Dims(got),
            Dims(want),
            nodes[cotangent as usize].at
        );
    }
}

/// Why no cotangent has reached each of `missed` from `y`, when the rules of `blocked` have passed none
/// on.
fn reasons(tape: &Tape, y: u32, missed: &[u32], blocked: Vec<(u32, u32)>) -> Vec<NoGradient> {
    if tape.is_inference() {
        return vec![NoGradient::Inference; missed.len()];
    }
    let tracked = missed.iter().copied().filter(|&w| tape.nodes.borrow()[w as usize].tracked);
    let walk = tracked.min().map(|first| mark_cuts(tape, y, first, blocked));
    let (nodes, params) = (tape.nodes.borrow(), tape.params.borrow());
    let reason = |&w: &u32| {
        let node = &nodes[w as usize];
        if !node.tracked {
            let frozen = params.iter().any(|b| b.node == w && b.frozen);
            let constant = NoGradient::Constant { at: node.at };
            return if frozen { NoGradient::Frozen } else { constant };
        }
        let cut = (Some(node.mark.0) == walk).then(|| nodes.get(node.mark.1 as usize)).flatten();
        match cut.map(|cut| (&cut.source, cut.at)) {
            Some((Source::Op(op), at)) => {
                NoGradient::Stopped { op: op::name(op.rule().debug()), at }
            }
            _ => NoGradient::Unreached { of: nodes[y as usize].at },
        }
    };
    missed.iter().map(reason).collect()
}

/// Marks each node from `first` on that `y` depends on, by any path, tracked or not, with the cut of
/// these paths that is nearest to `y`, `NONE` without one: a rule that passed nothing on, or an
/// untracked node of a tracked input. Returns the number of the walk.
///
/// Every path from `y` down to a tracked node that no cotangent has reached is cut. The nearest cut is
/// the latest on the tape, and that of a node is the latest among those of its users and the edges to
/// them; users come later, so one walk down the tape tells it for all nodes.
fn mark_cuts(tape: &Tape, y: u32, first: u32, mut blocked: Vec<(u32, u32)>) -> u32 {
    let walk = tape.start_walk();
    blocked.sort_unstable();
    let mut nodes = tape.nodes.borrow_mut();
    nodes[y as usize].mark = (walk, NONE);
    for i in (first..=y).rev() {
        let node = &nodes[i as usize];
        let (reached, above, tracked) = (node.mark.0 == walk, node.mark.1, node.tracked);
        if !reached {
            continue;
        }
        for k in 0..nodes.inputs(i).len() {
            let j = nodes.inputs(i)[k];
            let input = &mut nodes[j as usize];
            let cut = match tracked {
                true => blocked.binary_search(&(i, j)).is_ok(),
                false => input.tracked,
            };
            let here = if above == NONE && cut { i } else { above };
            let known = if input.mark.0 == walk { input.mark.1 } else { NONE };
            let later =
                if known == NONE || here == NONE { known.min(here) } else { known.max(here) };
            input.mark = (walk, later);
        }
    }
    walk
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Param;
    use tensor::tensor;

    /// The walks over the tape that a sweep to `count` parameters makes when none is reached.
    fn walks(count: usize) -> u32 {
        let tape = Tape::new();
        let params: Vec<Param<f64>> = (0..count).map(|_| Param::new(tensor![1.0])).collect();
        for p in &params {
            tape.param(p);
        }
        let mut y = tape.leaf(tensor![0.5]);
        for _ in 0..10_000 {
            y = -y;
        }
        let (bound, before) = (tape.params.borrow().clone(), tape.walk.get());
        let found = y.param_gradients(&bound);
        assert_eq!(found.len(), count);
        assert!(found.iter().all(|f| matches!(f, Err(NoGradient::Unreached { .. }))));
        tape.walk.get() - before
    }

    #[test]
    fn the_reasons_for_a_thousand_missing_gradients_take_as_many_walks_as_for_one() {
        assert_eq!(walks(1000), walks(1));
    }

    #[test]
    fn each_missing_gradient_has_the_cut_nearest_to_the_result() {
        let tape = Tape::new();
        let [a, b, c, d] = [1.0, 2.0, 3.0, 4.0].map(|x| tape.leaf(x));
        let inner = a.detach() * b;
        let y = inner.heaviside() + c.floor() * d;
        let found = y.pull(tape.constant(1.0), &[a, b, c, d, tape.leaf(0.0)]);
        let said = found.into_iter().map(|f| match f {
            Ok(_) => "reached".into(),
            Err(NoGradient::Stopped { op, .. }) => op,
            Err(NoGradient::Unreached { .. }) => "unreached".into(),
            Err(other) => other.to_string(),
        });
        let said: Vec<String> = said.collect();
        assert_eq!(said, ["heaviside", "heaviside", "floor", "reached", "unreached"]);
    }
}
