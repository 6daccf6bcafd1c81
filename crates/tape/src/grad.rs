//! The reverse sweep: appends to the tape the adjoints of what is on it.

use std::panic::Location;

use smallvec::SmallVec;
use tensor::shape::Dims;
use tensor::{DType, Float, Tensor};

use crate::error::{EvalError, NoGradient};
use crate::eval::Retain;
use crate::gradients::Gradients;
use crate::op::{self, Recorded, Site};
use crate::tape::{Bound, Source, Tape};
use crate::var::{AnyVar, Var};

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
        let found = self.sweep(g, &wrt);
        std::array::from_fn(|i| match &found[i] {
            Ok(v) => *v,
            Err(why) => panic!("grad: no derivative by {:?} (number {i}): {why}", wrt[i]),
        })
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
        self.sweep(self.seed("gradient"), &[wrt]).swap_remove(0)
    }

    /// As [`grad_with`](Self::grad_with) for any number of variables, with the reason where there is
    /// no derivative.
    ///
    /// # Panics
    /// When the shape of `g` differs from this variable's.
    #[track_caller]
    pub fn pull(self, g: Var<'t, T>, wrt: &[Var<'t, T>]) -> Vec<Result<Var<'t, T>, NoGradient>> {
        self.sweep(g, wrt)
    }

    /// Evaluates this scalar and its derivatives by all parameters of the tape, in one plan that frees
    /// every other value at its last use.
    ///
    /// # Panics
    /// When this variable has more than one element, or when the data is at fault somewhere; the
    /// message then names the line that recorded the node. Use [`Tape::gradients`] for a typed error.
    #[track_caller]
    pub fn backward(self) -> Gradients {
        self.differentiate().unwrap_or_else(|e| panic!("{e}"))
    }

    #[track_caller]
    fn differentiate(self) -> Result<Gradients, EvalError> {
        let tape = self.tape();
        let bound = tape.params.borrow().clone();
        let found = self.param_gradients(&bound);
        let mut wanted: SmallVec<[u32; 16]> = SmallVec::from_slice(&[self.id()]);
        wanted.extend(found.iter().flatten().map(|v| v.id()));
        tape.evaluate(&wanted, Retain::Asked)?;
        let mut gradients = Gradients::new(tape.is_inference());
        let mut nodes = tape.nodes.borrow_mut();
        for (b, gradient) in bound.iter().zip(&found) {
            let value = gradient.as_ref().map_err(NoGradient::clone).map(|g| {
                let value = nodes[g.id() as usize].value.clone();
                value.expect("evaluation materialises what was asked for")
            });
            gradients.insert(b.param, value);
        }
        // The gradients are the caller's now: holding them here too would keep the optimiser from
        // working in their buffers.
        for g in found.iter().flatten().filter(|g| g.id() != self.id()) {
            let node = &mut nodes[g.id() as usize];
            if matches!(node.source, Source::Op(_)) && !node.keep {
                node.value = None;
            }
        }
        Ok(gradients)
    }

    /// The derivative of this scalar by each parameter of the tape, or the reason why there is none.
    #[track_caller]
    pub(crate) fn param_gradients(self, bound: &[Bound]) -> Vec<Result<Var<'t, T>, NoGradient>> {
        let (tape, seed) = (self.tape(), self.seed("backward"));
        let reachable = |b: &Bound| !b.frozen && AnyVar::at(tape, b.node).dtype() == T::DTYPE;
        let wrt: Vec<Var<'t, T>> =
            bound.iter().filter(|b| reachable(b)).map(|b| Var::at(tape, b.node)).collect();
        let mut found = self.sweep(seed, &wrt).into_iter();
        let of = Location::caller();
        let each = |b: &Bound| match reachable(b) {
            true => found.next().expect("one derivative a parameter"),
            false if b.frozen => Err(NoGradient::Frozen),
            false => Err(NoGradient::Unreached { of }),
        };
        bound.iter().map(each).collect()
    }

    /// The cotangent 1 of a scalar.
    #[track_caller]
    pub(crate) fn seed(self, what: &str) -> Var<'t, T> {
        let shape = self.shape();
        if tensor::shape::len(&shape) != 1 {
            panic!(
                "{what}: shape {} is not a scalar; sum it, or give its cotangent to `grad_with`",
                Dims(&shape)
            );
        }
        self.tape().constant(Tensor::full(&shape, T::of(1.0)))
    }

    #[track_caller]
    fn sweep(self, g: Var<'t, T>, wrt: &[Var<'t, T>]) -> Vec<Result<Var<'t, T>, NoGradient>> {
        let tape = self.tape();
        let same_tape = |v: &Var<'t, T>| std::ptr::eq(v.tape(), tape);
        assert!(
            same_tape(&g) && wrt.iter().all(same_tape),
            "grad: the variables are on different tapes"
        );
        if g.shape() != self.shape() {
            let (got, want) = (g.shape(), self.shape());
            panic!(
                "grad_with: cotangent of shape {} for a variable of shape {}",
                Dims(&got),
                Dims(&want)
            );
        }
        let targets: Vec<u32> = wrt.iter().map(|v| v.id()).collect();
        let cotangents = reverse(tape, self.id(), g.id(), &targets);
        let found = targets.iter().zip(cotangents).map(|(&w, c)| match c {
            Some(id) => Ok(Var::at(tape, id)),
            None => Err(reason(tape, self.id(), w)),
        });
        found.collect()
    }
}

impl Tape {
    /// What [`Var::backward`] returns, with a typed error where the data is at fault: `backward` is to
    /// this as [`Var::value`] is to [`Tape::eval`].
    ///
    /// # Errors
    /// As [`Tape::eval`].
    ///
    /// # Panics
    /// When `loss` has more than one element, or is on another tape.
    #[track_caller]
    pub fn gradients<T: Float>(&self, loss: Var<'_, T>) -> Result<Gradients, EvalError> {
        assert!(std::ptr::eq(self, loss.tape()), "gradients: the loss is on another tape");
        loss.differentiate()
    }
}

/// Appends the adjoints of everything between `targets` and `y`, whose cotangent is `g`, and returns
/// the cotangents of `targets`.
///
/// A rule only returns the cotangents of its inputs; they are added up here, in the order in which
/// the uses stand on the tape, last first. No borrow of the tape is held while a rule runs.
fn reverse(tape: &Tape, y: u32, g: u32, targets: &[u32]) -> Vec<Option<u32>> {
    let (ids, needed) = between(tape, y, targets);
    let place = |id: u32| ids.binary_search(&id).ok();
    let mut cotangents: Vec<Option<u32>> = vec![None; ids.len()];
    if let Some(last) = place(y) {
        cotangents[last] = Some(g);
    }
    for k in (0..ids.len()).rev() {
        let Some(g) = cotangents[k].filter(|_| needed[k]) else { continue };
        let step = {
            let nodes = tape.nodes.borrow();
            let node = &nodes[ids[k] as usize];
            match &node.source {
                Source::Op(op) => (op.clone(), node.inputs.clone(), node.dtype, node.at),
                _ => continue,
            }
        };
        let (op, inputs, dtype, at) = step;
        let places: SmallVec<[Option<usize>; 4]> = inputs.iter().map(|&j| place(j)).collect();
        let needs: SmallVec<[bool; 4]> =
            places.iter().map(|p| p.is_some_and(|p| needed[p])).collect();
        let site = Site { x: &inputs, y: ids[k], g, needs: &needs, dtype };
        let _origin = Origin::enter(tape, at);
        let pulled = op.rule().pull(tape, &site);
        for (i, cotangent) in pulled.into_iter().enumerate() {
            let (Some(c), true) = (cotangent, needs[i]) else { continue };
            check_shape(tape, &op, i, inputs[i], c);
            let slot = &mut cotangents[places[i].expect("a needed input has a place")];
            *slot = Some(slot.map_or(c, |sum| add(tape, dtype, sum, c)));
        }
    }
    targets.iter().map(|&w| place(w).and_then(|p| cotangents[p])).collect()
}

/// The tracked nodes `y` depends on, in the order of the tape, and for each whether it depends on one
/// of `targets` or is one.
fn between(tape: &Tape, y: u32, targets: &[u32]) -> (Vec<u32>, Vec<bool>) {
    let walk = tape.start_walk();
    let mut nodes = tape.nodes.borrow_mut();
    let (mut ids, mut stack) = (Vec::new(), vec![y]);
    while let Some(id) = stack.pop() {
        let node = &mut nodes[id as usize];
        if node.mark.0 == walk || !(node.tracked || targets.contains(&id)) {
            continue;
        }
        node.mark.0 = walk;
        ids.push(id);
        stack.extend_from_slice(&node.inputs);
    }
    ids.sort_unstable();
    let mut needed = vec![false; ids.len()];
    for k in 0..ids.len() {
        nodes[ids[k] as usize].mark.1 = k as u32;
        let node = &nodes[ids[k] as usize];
        let place = |&j: &u32| {
            let mark = nodes[j as usize].mark;
            (mark.0 == walk).then_some(mark.1 as usize)
        };
        needed[k] =
            targets.contains(&ids[k]) || node.inputs.iter().filter_map(place).any(|p| needed[p]);
    }
    (ids, needed)
}

/// Makes the nodes recorded while it lives inherit a source line.
struct Origin<'t> {
    tape: &'t Tape,
    before: Option<&'static Location<'static>>,
}

impl<'t> Origin<'t> {
    fn enter(tape: &'t Tape, at: &'static Location<'static>) -> Self {
        Origin { tape, before: tape.origin.replace(Some(at)) }
    }
}

impl Drop for Origin<'_> {
    fn drop(&mut self) {
        self.tape.origin.set(self.before);
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
    let (want, got) = (&nodes[x as usize].shape, &nodes[cotangent as usize].shape);
    if want != got {
        panic!(
            "{}: its vjp returned a cotangent of shape {} for input {input} of shape {} (recorded at {})",
            op::name(op.rule().debug()),
            Dims(got),
            Dims(want),
            nodes[cotangent as usize].at
        );
    }
}

/// Why no cotangent has reached `w` from `y`.
fn reason(tape: &Tape, y: u32, w: u32) -> NoGradient {
    let nodes = tape.nodes.borrow();
    if tape.is_inference() {
        return NoGradient::Inference;
    }
    // Which nodes up to `y` depend on `w`, by any path, tracked or not.
    let mut depends = vec![false; (y.max(w) + 1) as usize];
    depends[w as usize] = true;
    for i in w + 1..=y {
        depends[i as usize] = nodes[i as usize].inputs.iter().any(|&j| depends[j as usize]);
    }
    if y < w || !depends[y as usize] {
        return match nodes[w as usize].source {
            Source::Constant => NoGradient::Constant { at: nodes[w as usize].at },
            _ => NoGradient::Unreached { of: nodes[y as usize].at },
        };
    }
    // Follow the dependence down from `y`: where it meets an untracked node, that one stops the
    // derivative; where everything down to `w` is tracked, a rule returned none.
    let mut at = y;
    loop {
        let node = &nodes[at as usize];
        let next =
            node.inputs.iter().rev().find(|&&j| depends[j as usize] && nodes[j as usize].tracked);
        let next = next.or(node.inputs.iter().rev().find(|&&j| depends[j as usize]));
        let stop = |at: u32| match &nodes[at as usize].source {
            Source::Op(op) => {
                NoGradient::Stopped { op: op::name(op.rule().debug()), at: nodes[at as usize].at }
            }
            _ => NoGradient::Constant { at: nodes[at as usize].at },
        };
        match next {
            _ if !node.tracked => return stop(at),
            Some(&next) if next == w => return stop(at),
            Some(&next) => at = next,
            None => return stop(at),
        }
    }
}
