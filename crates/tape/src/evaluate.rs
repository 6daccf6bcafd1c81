//! Asking for values: finds what is pending, plans it, runs it, keeps what was asked for.

pub(crate) mod common;
mod pass;
pub(crate) mod plan;
mod postpone;
pub(crate) mod run;
mod stages;
pub(crate) mod straight;

use smallvec::SmallVec;
use tensor::{AnyTensor, Element, Shape, Tensor};

use self::plan::{Plan, Program, ProgramNode, Work};
use self::run::Halt;
use self::straight::Straight;
use crate::error::{EvalError, Failure};
use crate::node::{Node, Source};
use crate::op::{self, Kind, Recorded};
use crate::tape::Tape;
use crate::var::Var;

/// What happens to the values computed on the way to those asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retain {
    /// Whatever is materialised stays on the tape.
    All,
    /// Each value is freed at its last use, except those asked for and those marked `keep`.
    Asked,
}

/// Something [`Tape::eval`] evaluates: a variable, an array or a tuple of variables.
pub trait Evaluate {
    /// The tensors in the same form.
    type Tensors;
    /// Appends the nodes.
    #[doc(hidden)]
    fn nodes(&self, tape: &Tape, out: &mut SmallVec<[u32; 4]>);
    /// Takes the values, in the order of `nodes`.
    #[doc(hidden)]
    fn collect(&self, values: &mut dyn Iterator<Item = AnyTensor>) -> Self::Tensors;
}

impl<E: Element> Evaluate for Var<'_, E> {
    type Tensors = Tensor<E>;
    #[track_caller]
    fn nodes(&self, tape: &Tape, out: &mut SmallVec<[u32; 4]>) {
        assert!(std::ptr::eq(tape, self.tape()), "eval: the variable is on another tape");
        out.push(self.id());
    }
    fn collect(&self, values: &mut dyn Iterator<Item = AnyTensor>) -> Tensor<E> {
        let value = values.next().expect("one value a node");
        E::take_tensor(value).expect("a handle's element type is its node's")
    }
}

impl<V: Evaluate, const N: usize> Evaluate for [V; N] {
    type Tensors = [V::Tensors; N];
    #[track_caller]
    fn nodes(&self, tape: &Tape, out: &mut SmallVec<[u32; 4]>) {
        for v in self {
            v.nodes(tape, out);
        }
    }
    fn collect(&self, values: &mut dyn Iterator<Item = AnyTensor>) -> Self::Tensors {
        self.each_ref().map(|v| v.collect(values))
    }
}

impl<V: Evaluate> Evaluate for Vec<V> {
    type Tensors = Vec<V::Tensors>;
    #[track_caller]
    fn nodes(&self, tape: &Tape, out: &mut SmallVec<[u32; 4]>) {
        for v in self {
            v.nodes(tape, out);
        }
    }
    fn collect(&self, values: &mut dyn Iterator<Item = AnyTensor>) -> Self::Tensors {
        self.iter().map(|v| v.collect(values)).collect()
    }
}

/// Tuples differ in nothing but their length.
macro_rules! tuple {
    ($($v:ident . $i:tt),+) => {
        impl<$($v: Evaluate),+> Evaluate for ($($v,)+) {
            type Tensors = ($($v::Tensors,)+);
            #[track_caller]
            fn nodes(&self, tape: &Tape, out: &mut SmallVec<[u32; 4]>) {
                $(self.$i.nodes(tape, out);)+
            }
            fn collect(&self, values: &mut dyn Iterator<Item = AnyTensor>) -> Self::Tensors {
                ($(self.$i.collect(values),)+)
            }
        }
    };
}
tuple!(A.0, B.1);
tuple!(A.0, B.1, C.2);
tuple!(A.0, B.1, C.2, D.3);
tuple!(A.0, B.1, C.2, D.3, E.4);
tuple!(A.0, B.1, C.2, D.3, E.4, F.5);

impl Tape {
    /// Evaluates several variables together: what they share is computed once. Everything
    /// materialised is kept, but on a tape for [inference](Tape::inference), where only what was
    /// asked for is.
    ///
    /// # Errors
    /// When the data is at fault; the error names the operation and the line that recorded it.
    ///
    /// # Panics
    /// When a variable is on another tape, or while a recording is made.
    #[track_caller]
    pub fn eval<V: Evaluate>(&self, wanted: V) -> Result<V::Tensors, EvalError> {
        let mut ids = SmallVec::new();
        wanted.nodes(self, &mut ids);
        self.evaluate(&ids, if self.is_inference() { Retain::Asked } else { Retain::All })?;
        let nodes = self.nodes.borrow();
        let mut values = ids.iter().map(|&i| {
            let value = nodes[i as usize].value.as_deref();
            value.expect("evaluation materialises what was asked for").clone()
        });
        Ok(wanted.collect(&mut values))
    }

    /// Computes `wanted` and stores their values in their nodes.
    #[track_caller]
    pub(crate) fn evaluate(&self, wanted: &[u32], retain: Retain) -> Result<(), EvalError> {
        self.note_effect();
        if self.recording.get() {
            panic!(
                "a value was asked for while recording, when there is none: mark the variable with \
                 `keep`, and find its value in `kept` after a replay"
            );
        }
        if wanted.iter().all(|&i| self.nodes.borrow()[i as usize].value.is_some()) {
            return Ok(());
        }
        let ids = self.pending(wanted);
        self.assert_known(&ids);
        let tiny = self.group_limit > 1 && straight::is_tiny(&self.nodes.borrow(), &ids);
        let outcome = match tiny {
            true => self.run_straight(wanted, &ids, retain),
            false => self.run_planned(wanted, &ids, retain),
        };
        outcome.map_err(|halt| self.report(halt, &ids))
    }

    /// Notes which of nodes `ids` a run stopped at, and lets its panic go on or gives its error.
    pub(crate) fn report(&self, halt: Halt, ids: &[u32]) -> EvalError {
        let failure = self.note_failure(ids[halt.node() as usize]);
        match halt {
            Halt::Error { source, .. } => {
                EvalError { op: failure.op, at: failure.at, reason: source }
            }
            Halt::Panic { payload, .. } => std::panic::resume_unwind(payload),
        }
    }

    fn run_planned(&self, wanted: &[u32], ids: &[u32], retain: Retain) -> Result<(), Halt> {
        let mut load = self.load(wanted, ids, retain);
        let plan = Plan::new(&load.program);
        run::run(&plan, &load.program, &load.ops, &mut load.values)?;
        let mut nodes = self.nodes.borrow_mut();
        let computed = ids.iter().zip(load.program.nodes).zip(load.values);
        for ((&id, of_program), value) in computed {
            let node = &mut nodes[id as usize];
            let worked = matches!(node.source, Source::Op(_)) && node.value.is_none();
            if worked {
                self.count(node);
            }
            if (retain == Retain::All && worked) || of_program.wanted {
                node.value = value.map(Box::new);
            }
        }
        Ok(())
    }

    fn run_straight(&self, wanted: &[u32], ids: &[u32], retain: Retain) -> Result<(), Halt> {
        let mut straight = Straight::recycled();
        straight.extend(&self.nodes.borrow(), ids)?;
        straight.run()?;
        let mut nodes = self.nodes.borrow_mut();
        for (place, &id) in ids.iter().enumerate() {
            let node = &mut nodes[id as usize];
            let Source::Op(op) = &node.source else { continue };
            if node.value.is_some() {
                continue;
            }
            // Of what nobody asked for, what is cheap to compute again is: the whole program counts
            // as one group.
            let costly = node.computed || matches!(op.kind(), Kind::General(_));
            if node.keep || (retain == Retain::All && costly) {
                node.value = Some(straight.value(place as u32).into());
            }
            self.count(node);
        }
        for &id in wanted {
            let node = &mut nodes[id as usize];
            if node.value.is_none() {
                // Not by its mark: an operation may have walked this tape meanwhile.
                let place = ids.binary_search(&id).expect("what is wanted is pending");
                node.value = Some(straight.value(place as u32).into());
            }
        }
        straight.recycle();
        Ok(())
    }

    /// Checks that whatever is not computed has a value.
    #[track_caller]
    fn assert_known(&self, ids: &[u32]) {
        let nodes = self.nodes.borrow();
        for &id in ids {
            let node = &nodes[id as usize];
            if node.value.is_none() && !matches!(node.source, Source::Op(_) | Source::Number(_)) {
                panic!(
                    "%{id}, recorded at {}, has no value yet: it is an input of a recording, and \
                     values exist only when the recording is replayed",
                    node.at
                );
            }
        }
    }

    /// Nodes `ids`, which are what is pending for `wanted`, as a program of its own, with the
    /// values it starts from. Inputs and parameters without a value count as given: theirs
    /// are to come.
    pub(crate) fn load(&self, wanted: &[u32], ids: &[u32], retain: Retain) -> Load {
        let nodes = self.nodes.borrow();
        let mut load = Load::with_capacity(ids.len());
        load.program.frees = retain == Retain::Asked;
        load.program.group_limit = self.group_limit;
        for &id in ids {
            let node = &nodes[id as usize];
            let (work, op) = match (&node.value, &node.source) {
                (None, Source::Op(op)) => {
                    let first = nodes.inputs(id).first().map_or(&[][..], |&x| nodes.shape(x));
                    // An unfused tape folds what is stored.
                    let work = match Work::of(op, first, nodes.shape(id)) {
                        Work::Closing(_) if self.group_limit == 1 => Work::General,
                        work => work,
                    };
                    (work, Some(op.clone()))
                }
                _ => (Work::Given, None),
            };
            let inputs = op.iter().flat_map(|_| nodes.inputs(id));
            let inputs = inputs.map(|&i| nodes[i as usize].mark.1);
            let first = load.program.inputs.len() as u32;
            load.program.inputs.extend(inputs);
            load.program.nodes.push(ProgramNode {
                work,
                dtype: node.dtype,
                shape: Shape::from_slice(nodes.shape(id)),
                inputs: first..load.program.inputs.len() as u32,
                // A value that is computed for the second time is kept: else a loop that asks
                // for one value a step would compute the insides of groups again from the
                // start each step.
                wanted: node.keep || (retain == Retain::All && node.computed),
            });
            load.values.push(match node.source {
                Source::Number(x) => Some(AnyTensor::number(node.dtype, nodes.shape(id), x)),
                _ => node.value.as_deref().cloned(),
            });
            load.ops.push(op);
        }
        for &id in wanted {
            load.program.nodes[nodes[id as usize].mark.1 as usize].wanted = true;
        }
        if retain == Retain::Asked && self.group_limit > 1 {
            common::share(&mut load.program, &mut load.ops);
        }
        load
    }

    /// Notes that node `id` could not be computed.
    pub(crate) fn note_failure(&self, id: u32) -> Failure {
        let node = &self.nodes.borrow()[id as usize];
        let op = match &node.source {
            Source::Op(op) => op::name(op.rule()),
            _ => "a given value".into(),
        };
        let failure = Failure { node: id as usize, op, at: node.at };
        *self.failure.borrow_mut() = Some(failure.clone());
        failure
    }

    /// Counts a node that was computed. (A view that is taken again is no work done twice.)
    pub(crate) fn count(&self, node: &mut Node) {
        let counters = &self.counters;
        counters.computed.set(counters.computed.get() + 1);
        let view = matches!(&node.source, Source::Op(op) if op.is_view());
        if std::mem::replace(&mut node.computed, true) && !view {
            counters.recomputed.set(counters.recomputed.get() + 1);
        }
    }
}

/// A part of a tape, ready to run without borrowing the tape: operations may record and evaluate on
/// it, even while it runs.
pub(crate) struct Load {
    pub program: Program,
    pub ops: Vec<Option<Recorded>>,
    pub values: Vec<Option<AnyTensor>>,
}

impl Load {
    fn with_capacity(n: usize) -> Self {
        Load {
            program: Program {
                nodes: Vec::with_capacity(n),
                inputs: Vec::with_capacity(2 * n),
                frees: false,
                group_limit: 0,
            },
            ops: Vec::with_capacity(n),
            values: Vec::with_capacity(n),
        }
    }
}
