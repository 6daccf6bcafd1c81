//! The gradients of a loss by the parameters of its tape: swept, evaluated and handed over in one
//! go.

use smallvec::SmallVec;
use tensor::Float;
use tensor::error::OrPanic;

use crate::error::{EvalError, NoGradient};
use crate::evaluate::Retain;
use crate::node::Extent;
use crate::replay::known::{self, Backward, Forward, Meeting, Structure};
use crate::reverse::gradients::Gradients;
use crate::tape::{Bound, Tape};
use crate::var::Var;

impl<T: Float> Var<'_, T> {
    /// Evaluates this scalar and its derivatives by all parameters of the tape, in one plan that
    /// frees every other value at its last use. The tape is left as it was: [`grad`](Self::grad) is
    /// for derivatives to go on with.
    ///
    /// # Panics
    /// When this variable has more than one element, or when the data is at fault somewhere;
    /// the message then names the line that recorded the node. Use [`Tape::gradients`] for a
    /// typed error.
    #[track_caller]
    pub fn backward(self) -> Gradients {
        self.differentiate().or_panic()
    }

    #[track_caller]
    fn differentiate(self) -> Result<Gradients, EvalError> {
        self.assert_scalar("backward");
        let tape = self.tape();
        tape.note_effect(); // A rule that calls this asks for values.
        if tape.group_limit == 1 || tape.is_inference() || tape.recording.get() {
            return self.sweep_and_run(None);
        }
        let forward = Forward::of(tape, self.id());
        let gradients = match known::meet(tape, &forward) {
            Meeting::Known(structure, backward) => {
                match self.run_known(structure, backward, &forward) {
                    Some(gradients) => Ok(gradients),
                    // Once more, step by step, to say what is at fault and where.
                    None => self.sweep_and_run(None),
                }
            }
            Meeting::Again(structure) => self.sweep_and_run(Some((&forward, structure))),
            Meeting::New => {
                return match self.in_pieces(forward) {
                    Some(gradients) => Ok(gradients),
                    // From the beginning, for what cannot be done so.
                    None => self.sweep_and_run(None),
                };
            }
            Meeting::Refused => self.sweep_and_run(None),
        };
        forward.graph.recycle();
        gradients
    }

    /// Appends the adjoints, evaluates them, and takes them off again; if the program was met
    /// `again`, a script of it is made and kept.
    #[track_caller]
    fn sweep_and_run(
        self,
        again: Option<(&Forward, Box<Structure>)>,
    ) -> Result<Gradients, EvalError> {
        let tape = self.tape();
        let bound = tape.params.borrow().clone();
        let adjoints = Adjoints::of(tape);
        let effects = tape.effects.get();
        let found = self.param_gradients(&bound);
        let mut wanted: SmallVec<[u32; 16]> = SmallVec::from_slice(&[self.id()]);
        wanted.extend(found.iter().flatten().map(|v| v.id()));
        if let Some((forward, structure)) = again {
            let pure = tape.effects.get() == effects;
            let unreached = if pure { unreached(&bound, &found) } else { None };
            let script = unreached.and_then(|gone| {
                Backward::new(tape, forward, adjoints.start().nodes as u32, &wanted, gone)
            });
            match script {
                Some(backward) => {
                    let ran = self.run_known(structure, Box::new(backward), forward);
                    if let Some(gradients) = ran {
                        return Ok(gradients);
                    }
                }
                None => known::remember(forward, structure, None),
            }
        }
        tape.evaluate(&wanted, Retain::Asked)?;
        let mut gradients = Gradients::new(tape.is_inference());
        let nodes = tape.nodes.borrow();
        for (b, gradient) in bound.iter().zip(&found) {
            let value = gradient.as_ref().map_err(NoGradient::clone).map(|g| {
                let value = &nodes[g.id() as usize].value;
                value.as_deref().expect("evaluation materialises what was asked for").clone()
            });
            gradients.insert(b.param, value);
        }
        drop(nodes);
        Ok(gradients)
    }

    /// Runs a script with the values of this tape; `None` if the data is at fault.
    fn run_known(
        self,
        structure: Box<Structure>,
        mut backward: Box<Backward>,
        forward: &Forward,
    ) -> Option<Gradients> {
        let tape = self.tape();
        backward.bind(tape, forward);
        let ran = backward.script.run_unnamed();
        if ran.is_err() {
            backward.script.reset();
            return None;
        }
        let script = &backward.script;
        let (loss, mut next) = (script.output(0), 1);
        let mut gradients = script.gradients();
        let mut nodes = tape.nodes.borrow_mut();
        for (i, &Bound { param, frozen, .. }) in tape.params.borrow().iter().enumerate() {
            if frozen {
                gradients.none(param, &NoGradient::Frozen);
            } else if backward.unreached.contains(&(i as u32)) {
                let of = nodes[self.id() as usize].at;
                gradients.none(param, &NoGradient::Unreached { of });
            } else {
                gradients.output(param, script, next);
                next += 1;
            }
        }
        nodes[self.id() as usize].value = Some(loss.into());
        for (i, &place) in backward.kept.iter().enumerate() {
            nodes[forward.graph.ids[place as usize] as usize].value =
                Some(script.output(next + i).into());
        }
        for &place in &backward.computed {
            tape.count(&mut nodes[forward.graph.ids[place as usize] as usize]);
        }
        drop(nodes);
        backward.script.reset();
        known::remember(forward, structure, Some(backward));
        Some(gradients.finish())
    }
}

/// The trained parameters that the loss does not depend on; `None` if one has another reason for
/// its missing gradient, which names a line of this tape.
fn unreached<T: Float>(
    bound: &[Bound],
    found: &[Result<Var<'_, T>, NoGradient>],
) -> Option<Vec<u32>> {
    let mut places = Vec::new();
    for (i, (b, found)) in bound.iter().zip(found).enumerate() {
        match found {
            Err(NoGradient::Unreached { .. }) => places.push(i as u32),
            Err(_) if !b.frozen => return None,
            _ => {}
        }
    }
    Some(places)
}

/// The adjoints of a sweep, which are taken off the tape when this is dropped. Nobody holds a
/// handle to them: rules and operations return none. If one of these has bound a parameter they
/// stay, since its node stands behind them.
pub(crate) struct Adjoints<'t> {
    tape: &'t Tape,
    start: Extent,
    params: usize,
}

impl<'t> Adjoints<'t> {
    pub(crate) fn of(tape: &'t Tape) -> Self {
        Adjoints { tape, start: tape.nodes.borrow().extent(), params: tape.params.borrow().len() }
    }

    pub(crate) fn start(&self) -> Extent {
        self.start
    }

    /// Whether they can be taken off.
    pub(crate) fn removable(&self) -> bool {
        self.tape.params.borrow().len() == self.params
    }

    /// Takes off what rules have bound, which are to be asked anew.
    pub(crate) fn unbind(&self) {
        self.tape.unbind(self.params);
    }
}

impl Drop for Adjoints<'_> {
    fn drop(&mut self) {
        if self.removable() {
            let mut nodes = self.tape.nodes.borrow_mut();
            let adjoints = &nodes[self.start.nodes..];
            let computed = adjoints.iter().filter(|adjoint| adjoint.computed).count();
            self.tape.counters.computed.update(|all| all - computed as u64);
            nodes.cut(self.start);
        }
    }
}

impl Tape {
    /// What [`Var::backward`] returns, with a typed error where the data is at fault: `backward` is
    /// to this as [`Var::value`] is to [`Tape::eval`].
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
