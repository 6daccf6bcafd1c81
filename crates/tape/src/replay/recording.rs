//! A program recorded once and run many times with new inputs.

use std::marker::PhantomData;
use std::ops::Range;

use tensor::{AnyTensor, Element, Float, Shape, Tensor};

use super::script::{Lend, Script, kind};
use crate::error::{EvalError, NoGradient};
use crate::node::{Nodes, Source};
use crate::param::{Param, ParamId};
use crate::reverse::gradients::Gradients;
use crate::tape::{Bound, Tape};
use crate::var::Var;

/// The shape and the type of an input of a recording.
#[derive(Clone, Debug)]
pub struct Spec<E> {
    shape: Shape,
    element: PhantomData<E>,
}

/// An input of `shape` with elements `E`.
pub fn spec<E: Element>(shape: impl AsRef<[usize]>) -> Spec<E> {
    Spec { shape: shape.as_ref().into(), element: PhantomData }
}

/// The inputs of a recording: a [`Spec`], an array or a tuple of them.
pub trait Specs {
    /// The inputs as variables, in the same form.
    type Vars<'t>;
    /// The values bound at a replay, in the same form.
    type Values;
    /// Records the inputs and appends their nodes.
    #[doc(hidden)]
    fn declare<'t>(&self, tape: &'t Tape, nodes: &mut Vec<u32>) -> Self::Vars<'t>;
    /// Calls `each` with each value, until one does not fit.
    #[doc(hidden)]
    fn bind<X>(
        values: Self::Values,
        each: &mut impl FnMut(AnyTensor) -> Result<(), X>,
    ) -> Result<(), X>;
}

impl<E: Element> Specs for Spec<E> {
    type Vars<'t> = Var<'t, E>;
    type Values = Tensor<E>;
    #[track_caller]
    fn declare<'t>(&self, tape: &'t Tape, nodes: &mut Vec<u32>) -> Var<'t, E> {
        let input = tape.input::<E>(&self.shape);
        nodes.push(input.id());
        input
    }
    #[inline]
    fn bind<X>(
        value: Tensor<E>,
        each: &mut impl FnMut(AnyTensor) -> Result<(), X>,
    ) -> Result<(), X> {
        each(E::erase(value))
    }
}

impl<S: Specs, const N: usize> Specs for [S; N] {
    type Vars<'t> = [S::Vars<'t>; N];
    type Values = [S::Values; N];
    #[track_caller]
    fn declare<'t>(&self, tape: &'t Tape, nodes: &mut Vec<u32>) -> Self::Vars<'t> {
        let mut vars = Vec::with_capacity(N);
        for spec in self {
            vars.push(spec.declare(tape, nodes));
        }
        vars.try_into().unwrap_or_else(|_| unreachable!("one variable a spec"))
    }
    #[inline]
    fn bind<X>(
        values: Self::Values,
        each: &mut impl FnMut(AnyTensor) -> Result<(), X>,
    ) -> Result<(), X> {
        values.into_iter().try_for_each(|value| S::bind(value, each))
    }
}

/// Tuples differ in nothing but their length.
macro_rules! tuple {
    ($($s:ident . $i:tt),+) => {
        impl<$($s: Specs),+> Specs for ($($s,)+) {
            type Vars<'t> = ($($s::Vars<'t>,)+);
            type Values = ($($s::Values,)+);
            #[track_caller]
            fn declare<'t>(&self, tape: &'t Tape, nodes: &mut Vec<u32>) -> Self::Vars<'t> {
                ($(self.$i.declare(tape, nodes),)+)
            }
            #[inline]
            fn bind<X>(
                values: Self::Values,
                each: &mut impl FnMut(AnyTensor) -> Result<(), X>,
            ) -> Result<(), X> {
                $($s::bind(values.$i, each)?;)+
                Ok(())
            }
        }
    };
}
tuple!(A.0);
tuple!(A.0, B.1);
tuple!(A.0, B.1, C.2);
tuple!(A.0, B.1, C.2, D.3);

/// Why a recording cannot be replayed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ReplayError {
    /// A value has another shape than the input it was given for.
    #[error("replay: input {input} was recorded as {recorded} and given {given}")]
    Input {
        /// Its number, from 0.
        input: usize,
        /// Type and shape of the recording.
        recorded: String,
        /// Type and shape of the value.
        given: String,
    },
    /// A parameter is missing, or has another shape or type.
    #[error("replay: parameter {param} was recorded as {recorded} and is now {given}")]
    Param {
        /// Which of the recording's parameters, from 0 in the order of their first use.
        param: usize,
        /// Type and shape of the recording.
        recorded: String,
        /// Type and shape of the value, or "missing".
        given: String,
    },
    /// The data is at fault.
    #[error(transparent)]
    Eval(#[from] EvalError),
}

/// A recorded loss with its gradients by all parameters: inputs declared, planned once.
///
/// Replaying binds new inputs of the recorded shapes and reads the parameters afresh. Numbers and
/// control flow of the Rust code that recorded it are frozen in.
///
/// Parameters are matched by their identity. `nn::Recording` is one of these for a module, whose
/// parameters it matches by their path.
pub struct Recording<S: Specs, T: Float> {
    tape: Tape,
    script: Script,
    /// In the order of their slots, which follow those of the inputs.
    params: Vec<ParamId>,
    inputs: usize,
    /// For each parameter its gradient's number among the outputs of the script, which come in
    /// their order: the loss, the gradients, and the nodes to keep.
    gradients: Vec<(ParamId, Result<usize, NoGradient>)>,
    /// The outputs to keep.
    keep: Range<usize>,
    kept: Vec<AnyTensor>,
    types: PhantomData<(S, T)>,
}

impl<S: Specs, T: Float> Recording<S, T> {
    /// Records what `f` makes of inputs of the given shapes: a scalar, the loss.
    ///
    /// # Panics
    /// When the loss is not a scalar, or `f` asks for a value: there is none while recording.
    #[track_caller]
    pub fn new(specs: S, f: impl for<'t> FnOnce(&'t Tape, S::Vars<'t>) -> Var<'t, T>) -> Self {
        let tape = Tape::new();
        let mut slots = Vec::new();
        let vars = specs.declare(&tape, &mut slots);
        tape.recording.set(true);
        let loss = f(&tape, vars).id();
        let inputs = slots.len();
        let bound = tape.params.borrow().clone();
        let (mut outputs, mut gradients) = (vec![loss], Vec::new());
        for (b, found) in bound.iter().zip(Var::<T>::at(&tape, loss).param_gradients(&bound)) {
            let output = found.map(|gradient| {
                outputs.push(gradient.id());
                outputs.len() - 1
            });
            gradients.push((b.param, output));
        }
        tape.recording.set(false);
        // A parameter that was bound to another variable has no value of its own to be read afresh.
        let own = |b: &&Bound| matches!(tape.nodes.borrow()[b.node as usize].source, Source::Param);
        let own: Vec<Bound> = bound.iter().filter(own).copied().collect();
        slots.extend(own.iter().map(|b| b.node));
        let marked = |nodes: &Nodes| {
            (0..nodes.len() as u32).filter(|&i| nodes[i as usize].keep).collect::<Vec<u32>>()
        };
        let marked = marked(&tape.nodes.borrow());
        let keep = outputs.len()..outputs.len() + marked.len();
        outputs.extend(marked);
        tape.forget(&slots);
        let script = Script::new(&tape, &slots, &outputs);
        let params = own.iter().map(|b| b.param).collect();
        let (kept, types) = (Vec::new(), PhantomData);
        Recording { tape, script, params, inputs, gradients, keep, kept, types }
    }

    /// The parameters of the recording, in the order of their first use.
    pub fn params(&self) -> &[ParamId] {
        &self.params
    }

    /// The loss and its gradients at new inputs. `params` holds the parameters that were recorded.
    ///
    /// # Errors
    /// When an input or a parameter has another shape than recorded, a parameter is missing, or the
    /// data is at fault.
    pub fn replay(
        &mut self,
        params: &[&Param<T>],
        values: S::Values,
    ) -> Result<(T, Gradients), ReplayError> {
        let lookup = |_, id| params.iter().find(|p| p.id() == id).map(|p| p.value());
        self.replay_with(lookup, values)
    }

    /// As [`replay`](Self::replay), with the present values of the parameters from `lookup`: it is
    /// given the place of each in [`params`](Self::params), and what stands there.
    ///
    /// # Errors
    /// As [`replay`](Self::replay).
    pub fn replay_with<V: Lend>(
        &mut self,
        lookup: impl Fn(usize, ParamId) -> Option<V>,
        values: S::Values,
    ) -> Result<(T, Gradients), ReplayError> {
        if let Err(misfit) = self.bind(lookup, values) {
            self.script.reset(); // what fitted is not held on to
            return Err(misfit);
        }
        self.script.run(&self.tape)?;
        let mut gradients = self.script.gradients();
        for (param, gradient) in &self.gradients {
            match gradient {
                Ok(output) => gradients.output(*param, &self.script, *output),
                Err(why) => gradients.none(*param, why),
            }
        }
        for (k, output) in self.keep.clone().enumerate() {
            match self.kept.get_mut(k) {
                None => self.kept.push(self.script.output(output)),
                Some(kept) => {
                    if !self.script.write_output(output, kept) {
                        *kept = self.script.output(output);
                    }
                }
            }
        }
        let loss = self.script.number(0);
        self.script.reset();
        Ok((loss, gradients.finish()))
    }

    fn bind<V: Lend>(
        &mut self,
        lookup: impl Fn(usize, ParamId) -> Option<V>,
        values: S::Values,
    ) -> Result<(), ReplayError> {
        let mut input = 0;
        S::bind(values, &mut |value| {
            self.script.bind(input, &value)?;
            input += 1;
            Ok(())
        })
        .map_err(|given| self.misfit(input, given))?;
        for (i, &id) in self.params.iter().enumerate() {
            let (slot, value) = (self.inputs + i, lookup(i, id));
            let bound =
                value.ok_or_else(|| "missing".into()).and_then(|v| self.script.bind(slot, &v));
            bound.map_err(|given| self.misfit(slot, given))?;
        }
        Ok(())
    }

    /// The values of all nodes marked [`keep`](Var::keep), whether the loss depends on them or not,
    /// as of the last replay, in the order they were recorded.
    pub fn kept(&self) -> &[AnyTensor] {
        &self.kept
    }

    /// The recorded program, to print.
    pub fn tape(&self) -> &Tape {
        &self.tape
    }

    fn misfit(&self, slot: usize, given: String) -> ReplayError {
        let (dtype, shape) = self.script.slot(slot);
        let recorded = kind(dtype, shape);
        match slot.checked_sub(self.inputs) {
            None => ReplayError::Input { input: slot, recorded, given },
            Some(param) => ReplayError::Param { param, recorded, given },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::op::{Pointwise, Pullback};
    use tensor::{AnySlice, tensor};

    /// `x`, counted whenever it is computed.
    #[derive(Debug, PartialEq)]
    struct Counted;

    static COUNT: AtomicUsize = AtomicUsize::new(0);

    impl Pointwise<f64, 1> for Counted {
        fn block(&self, [x]: [&[f64]; 1], _: [AnySlice<'_>; 0], out: &mut [f64]) {
            COUNT.fetch_add(1, Ordering::Relaxed);
            out.copy_from_slice(x);
        }
        fn vjp<'t>(&self, cx: Pullback<'t, f64, 1>) -> [Option<Var<'t, f64>>; 1] {
            [Some(cx.g)]
        }
    }

    #[test]
    fn what_depends_on_no_input_is_computed_once() {
        let p = Param::new(tensor![1.0, 2.0]);
        let mut step = Recording::new(spec::<f64>([2]), |tape, x| {
            let fixed = tape.apply(Counted, [tape.constant(tensor![3.0, 4.0])]).exp().ln();
            (x * fixed * tape.param(&p)).sum()
        });
        for k in 1..4 {
            let x = Tensor::full([2], f64::from(k));
            let (loss, gradients) = step.replay(&[&p], x).unwrap();
            assert!((loss - f64::from(11 * k)).abs() < 1e-12);
            let expected = tensor![3.0, 4.0] * f64::from(k);
            assert!(gradients[&p].allclose(&expected, 1e-12, 0.0));
        }
        assert_eq!(COUNT.load(Ordering::Relaxed), 1);
    }
}
