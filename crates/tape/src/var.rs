//! Handles to nodes.

use std::any::Any;
use std::fmt;
use std::marker::PhantomData;

use tensor::error::OrPanic;
use tensor::{DType, Element, Float, Scalar, Shape, Tensor};

use crate::node::Source;
use crate::op::Typed;
use crate::tape::Tape;

/// A variable: a handle to a node of a tape. `Copy`; it keeps nothing alive and holds no value.
///
/// Operations on variables check shapes at once and record; see [`Var::value`] for when things are
/// computed.
pub struct Var<'t, E: Element> {
    tape: &'t Tape,
    id: u32,
    element: PhantomData<E>,
}

impl<E: Element> Clone for Var<'_, E> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<E: Element> Copy for Var<'_, E> {}

/// A variable whose element type is known at run time only: a data input of an operation.
#[derive(Clone, Copy)]
pub struct AnyVar<'t> {
    tape: &'t Tape,
    id: u32,
}

impl<'t, E: Element> Var<'t, E> {
    /// The handle to node `id`, whose element type is `E`.
    pub(crate) fn at(tape: &'t Tape, id: u32) -> Self {
        debug_assert_eq!(tape.nodes.borrow()[id as usize].dtype, E::DTYPE);
        Var { tape, id, element: PhantomData }
    }

    /// The tape it is on.
    pub fn tape(self) -> &'t Tape {
        self.tape
    }

    pub(crate) fn id(self) -> u32 {
        self.id
    }

    /// The handle without its element type, to pass as a data input.
    pub fn erase(self) -> AnyVar<'t> {
        AnyVar { tape: self.tape, id: self.id }
    }

    /// Sizes of the axes, outermost first.
    pub fn shape(self) -> Shape {
        self.erase().shape()
    }

    /// The number of axes.
    pub fn rank(self) -> usize {
        self.tape.nodes.borrow().shape(self.id).len()
    }

    /// The number of elements.
    pub fn len(self) -> usize {
        tensor::shape::len(self.tape.nodes.borrow().shape(self.id))
    }

    /// Whether there is no element.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Whether derivatives pass through it.
    pub fn is_tracked(self) -> bool {
        self.tape.nodes.borrow()[self.id as usize].tracked
    }

    /// What `f` makes of the operation and the inputs that this was recorded with, if the operation
    /// is an `O`, recorded as `S`.
    pub(crate) fn recorded_as<S: 'static, O: 'static, R>(
        self,
        f: impl FnOnce(&O, &[u32]) -> R,
    ) -> Option<R> {
        let nodes = self.tape.nodes.borrow();
        let Source::Op(op) = &nodes[self.id as usize].source else { return None };
        let op: &dyn Any = op.rule();
        op.downcast_ref::<Typed<O, S>>().map(|op| f(&op.0, nodes.inputs(self.id)))
    }

    /// Marks it to be kept by [`backward`](Var::backward) and by replays, which otherwise free what
    /// they computed: logits for a metric, the statistics of a batch.
    pub fn keep(self) -> Self {
        self.tape.nodes.borrow_mut()[self.id as usize].keep = true;
        self
    }

    /// The value, computed now if it is not known. Everything computed on the way and materialised
    /// is kept, so a later [`backward`](Var::backward) does not compute it again.
    ///
    /// # Panics
    /// When the data is at fault somewhere; the message names the line that recorded the node. Use
    /// [`Tape::eval`] for a typed error. While a [`Recording`](crate::Recording) is recorded there
    /// is no value to ask for.
    #[track_caller]
    pub fn value(self) -> Tensor<E> {
        self.tape.eval(self).or_panic()
    }

    /// The value of a variable with one element, as a number.
    ///
    /// # Panics
    /// As [`value`](Self::value), and when there is not exactly one element.
    #[track_caller]
    pub fn item(self) -> E {
        if self.len() != 1 {
            let shape = self.shape();
            panic!(
                "item: shape {} has {} elements, not one",
                tensor::shape::Dims(&shape),
                self.len()
            );
        }
        self.value().item()
    }
}

impl<'t> AnyVar<'t> {
    pub(crate) fn at(tape: &'t Tape, id: u32) -> Self {
        AnyVar { tape, id }
    }

    pub(crate) fn is_on(self, tape: &Tape) -> bool {
        std::ptr::eq(self.tape, tape)
    }

    /// Checks that it is on `tape`, where `op` is to be recorded.
    #[track_caller]
    #[inline]
    pub(crate) fn assert_on(self, tape: &Tape, op: &dyn fmt::Debug) {
        if !self.is_on(tape) {
            panic!("{}: its inputs are on different tapes", crate::op::name(op));
        }
    }

    pub(crate) fn id(self) -> u32 {
        self.id
    }

    /// Sizes of the axes, outermost first.
    pub fn shape(self) -> Shape {
        Shape::from_slice(self.tape.nodes.borrow().shape(self.id))
    }

    /// The element type.
    pub fn dtype(self) -> DType {
        self.tape.nodes.borrow()[self.id as usize].dtype
    }

    /// The handle with its element type, if that is `E`.
    pub fn typed<E: Element>(self) -> Option<Var<'t, E>> {
        (self.dtype() == E::DTYPE).then(|| Var::at(self.tape, self.id))
    }

    #[track_caller]
    pub(crate) fn broadcast_to(self, shape: &[usize]) -> Self {
        match self.dtype() {
            DType::F32 => Var::<f32>::at(self.tape, self.id).broadcast_to(shape).erase(),
            DType::F64 => Var::<f64>::at(self.tape, self.id).broadcast_to(shape).erase(),
            DType::Bool => Var::<bool>::at(self.tape, self.id).broadcast_to(shape).erase(),
            DType::I64 => Var::<i64>::at(self.tape, self.id).broadcast_to(shape).erase(),
            DType::Usize => Var::<usize>::at(self.tape, self.id).broadcast_to(shape).erase(),
            DType::U8 => Var::<u8>::at(self.tape, self.id).broadcast_to(shape).erase(),
        }
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// A constant of the same shape filled with `x`.
    #[track_caller]
    pub fn full_like(self, x: f64) -> Self {
        self.tape.number(&self.shape(), x)
    }
}

/// What may stand beside a variable of `T`: another variable, or a number: `f64`, `f32` and `i32`
/// beside floats, the element type itself beside integers and bools.
pub trait Operand<'t, T: Element> {
    /// A variable as it is (an operation refuses one of another tape), a number as a constant on
    /// `tape`.
    #[track_caller]
    fn on(self, tape: &'t Tape) -> Var<'t, T>;
}

impl<'t, T: Element> Operand<'t, T> for Var<'t, T> {
    fn on(self, _: &'t Tape) -> Var<'t, T> {
        self
    }
}

/// One implementation a type, not one for all scalars, so that integers may stand beside
/// integers.
macro_rules! number {
    ($($S:ty),*) => {$(
        impl<'t, T: Float> Operand<'t, T> for $S {
            #[track_caller]
            fn on(self, tape: &'t Tape) -> Var<'t, T> {
                tape.number(&[], self.to_f64())
            }
        }
    )*};
}
number!(f64, f32, i32);

/// Elements of one's own type, which no rounding could stand for.
macro_rules! itself {
    ($($S:ty),*) => {$(
        impl<'t> Operand<'t, $S> for $S {
            #[track_caller]
            fn on(self, tape: &'t Tape) -> Var<'t, $S> {
                tape.constant(Tensor::scalar(self))
            }
        }
    )*};
}
itself!(i64, usize, u8, bool);

/// Never evaluates: number, type and shape.
impl<E: Element> fmt::Debug for Var<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "%{}: {}{}", self.id, E::DTYPE, tensor::shape::Dims(&self.shape()))
    }
}

/// Evaluates, and shows the value.
impl<E: Element> fmt::Display for Var<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.value(), f)
    }
}
