//! Derivatives: what users ask for, and why there may be none.

use tensor::Float;
use tensor::shape::Dims;

use crate::error::NoGradient;
use crate::node::Source;
use crate::op;
use crate::reverse::sweep::Sweep;
use crate::tape::{Bound, Tape};
use crate::var::Var;
use crate::walk::NONE;

impl<'t, T: Float> Var<'t, T> {
    /// The derivatives of this scalar by each of `wrt`, recorded on the same tape: they can be
    /// evaluated, combined and differentiated again.
    ///
    /// # Panics
    /// When this variable has more than one element (see [`grad_with`](Self::grad_with)), or does
    /// not depend on one of `wrt`: a derivative that is missing by mistake should not look like a
    /// zero. [`gradient`](Self::gradient) gives the reason as a value.
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

    /// As [`grad_with`](Self::grad_with) for any number of variables, with the reason where there
    /// is no derivative.
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
                "grad: a cotangent of shape {} for a result of shape {}",
                Dims(&got),
                Dims(&want)
            );
        }
        let targets: Vec<u32> = wrt.iter().map(|v| v.id()).collect();
        self.sweep(g, &targets)
    }

    /// The derivative of this scalar by each parameter of the tape, or the reason why there is
    /// none.
    #[track_caller]
    pub(crate) fn param_gradients(self, bound: &[Bound]) -> Vec<Result<Var<'t, T>, NoGradient>> {
        let found = self.sweep(self.seed("backward"), &trained(bound));
        with_frozen(bound, found).collect()
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
        let mut sweep = Sweep::new(tape, self.id(), g.id(), targets);
        sweep.finish(tape);
        self.found(sweep, targets)
    }

    /// What a sweep from this variable to `targets` has found, when it has come to its end.
    pub(crate) fn found(
        self,
        sweep: Sweep,
        targets: &[u32],
    ) -> Vec<Result<Var<'t, T>, NoGradient>> {
        let tape = self.tape();
        let missed = targets.iter().zip(sweep.found()).filter(|(_, c)| c.is_none());
        let missed: Vec<u32> = missed.map(|(&w, _)| w).collect();
        let cotangents: Vec<Option<u32>> = sweep.found().collect();
        let mut reasons = reasons(tape, self.id(), &missed, sweep.blocked()).into_iter();
        let found = cotangents.into_iter().map(|c| match c {
            Some(id) => Ok(Var::at(tape, id)),
            None => Err(reasons.next().expect("one reason for each that was missed")),
        });
        found.collect()
    }
}

/// The nodes of the parameters that are not frozen.
pub(crate) fn trained(bound: &[Bound]) -> Vec<u32> {
    bound.iter().filter(|b| !b.frozen).map(|b| b.node).collect()
}

/// What was `found` for each of the [`trained`] ones, and the reason for the frozen ones.
pub(crate) fn with_frozen<X>(
    bound: &[Bound],
    found: impl IntoIterator<Item = Result<X, NoGradient>>,
) -> impl Iterator<Item = Result<X, NoGradient>> {
    let mut found = found.into_iter();
    bound.iter().map(move |b| match b.frozen {
        true => Err(NoGradient::Frozen),
        false => found.next().expect("one result a target"),
    })
}

/// Why no cotangent has reached each of `missed` from `y`, when the rules of `blocked` have
/// passed none on.
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
            Some((Source::Op(op), at)) => NoGradient::Stopped { op: op::name(op.rule()), at },
            _ => NoGradient::Unreached { of: nodes[y as usize].at },
        }
    };
    missed.iter().map(reason).collect()
}

/// Marks each node from `first` on that `y` depends on, by any path, tracked or not, with the cut
/// of these paths that is nearest to `y`, `NONE` without one: a rule that passed nothing on, or an
/// untracked node of a tracked input. Returns the number of the walk.
///
/// Every path from `y` down to a tracked node that no cotangent has reached is cut. The nearest cut
/// is the latest on the tape, and that of a node is the latest among those of its users and the
/// edges to them; users come later, so one walk down the tape tells it for all nodes.
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
