//! Operations with their types forgotten: what a node holds.

use std::any::Any;
use std::fmt::{self, Debug};
use std::marker::PhantomData;
use std::sync::Arc;

use tensor::kernel::Window;
use tensor::{AnySlice, AnySliceMut, AnyView, DType, Element, Error, Float, Layout, ShapeError};

use super::{Closing, DataOp, DataPointwise, Op, Pointwise, Pullback, ViewOp};
use crate::tape::Tape;
use crate::var::{AnyVar, Var};

/// An operation with its types forgotten. Those without fields, which are most, cost no heap block
/// and no count; the others are shared. (Flat, for an enum in an enum would take a word more.)
#[derive(Clone)]
pub(crate) enum Recorded {
    Pointwise(&'static dyn PointwiseRule),
    View(&'static dyn ViewRule),
    General(&'static dyn GeneralRule),
    SharedPointwise(Arc<dyn PointwiseRule>),
    SharedView(Arc<dyn ViewRule>),
    SharedGeneral(Arc<dyn GeneralRule>),
}

/// An operation by its kind, which tells how to run it.
pub(crate) enum Kind<'a> {
    Pointwise(&'a dyn PointwiseRule),
    View(&'a dyn ViewRule),
    General(&'a dyn GeneralRule),
}

impl Recorded {
    #[inline]
    pub(crate) fn kind(&self) -> Kind<'_> {
        match self {
            Recorded::Pointwise(op) => Kind::Pointwise(*op),
            Recorded::SharedPointwise(op) => Kind::Pointwise(&**op),
            Recorded::View(op) => Kind::View(*op),
            Recorded::SharedView(op) => Kind::View(&**op),
            Recorded::General(op) => Kind::General(*op),
            Recorded::SharedGeneral(op) => Kind::General(&**op),
        }
    }

    #[inline]
    pub(crate) fn rule(&self) -> &dyn Rule {
        match self.kind() {
            Kind::Pointwise(op) => op,
            Kind::View(op) => op,
            Kind::General(op) => op,
        }
    }

    /// Whether both are one object: the same shared one, or without fields and of one type.
    #[inline]
    pub(crate) fn is_at(&self, other: &Recorded) -> bool {
        use Recorded::*;
        match (self, other) {
            (Pointwise(a), Pointwise(b)) => std::ptr::eq(*a, *b),
            (View(a), View(b)) => std::ptr::eq(*a, *b),
            (General(a), General(b)) => std::ptr::eq(*a, *b),
            (SharedPointwise(a), SharedPointwise(b)) => Arc::ptr_eq(a, b),
            (SharedView(a), SharedView(b)) => Arc::ptr_eq(a, b),
            (SharedGeneral(a), SharedGeneral(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }

    /// Whether both are equal operations on the same types.
    #[inline]
    pub(crate) fn same(&self, other: &Recorded) -> bool {
        self.is_at(other) || self.rule().same(other.rule())
    }

    pub(crate) fn is_view(&self) -> bool {
        matches!(self, Recorded::View(_) | Recorded::SharedView(_))
    }
}

/// An operation and what it is recorded as: [`General`], [`Blocks`], [`Views`], [`Data`] or
/// [`DataBlocks`], with the types that are forgotten.
pub(crate) struct Typed<O, S>(pub O, pub PhantomData<S>);

impl<O: Debug, S> Debug for Typed<O, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<O: PartialEq, S> PartialEq for Typed<O, S> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

/// Equality of what may be of different types.
pub(crate) trait Same: Any {
    /// Whether both are of one type, and equal.
    fn same(&self, other: &dyn Any) -> bool;
}

impl<X: Any + PartialEq> Same for X {
    fn same(&self, other: &dyn Any) -> bool {
        other.downcast_ref::<X>().is_some_and(|other| other == self)
    }
}

/// Wraps an operation and forgets its type. A box of a type without size allocates nothing, so
/// leaking it leaks nothing. (A macro, because unsizing needs both types at hand.)
macro_rules! recorded {
    ($fixed:ident or $shared:ident, $as:ty, $op:expr) => {{
        let op = Typed::<_, $as>($op, PhantomData);
        if size_of_val(&op) == 0 {
            Recorded::$fixed(Box::leak(Box::new(op)))
        } else {
            Recorded::$shared(Arc::new(op))
        }
    }};
}
pub(super) use recorded;

/// Where a rule is applied: node numbers on one tape.
pub(crate) struct Site<'a> {
    pub x: &'a [u32],
    pub y: u32,
    pub g: u32,
    /// One flag an input.
    pub needs: &'a [bool],
    pub dtype: DType,
}

/// One cotangent an input (data inputs have none), as node numbers.
pub(crate) type Pulled = Vec<Option<u32>>;

pub(crate) trait Rule: Same + Debug + Send + Sync {
    /// Appends one cotangent an input.
    fn pull(&self, tape: &Tape, site: &Site<'_>, out: &mut Pulled);
}
pub(crate) trait PointwiseRule: Rule {
    fn block(&self, x: &[AnySlice<'_>], out: AnySliceMut<'_>);
}
pub(crate) trait ViewRule: Rule {
    fn layout(&self, x: &Layout) -> Result<Option<Layout>, ShapeError>;
}
pub(crate) trait GeneralRule: Rule {
    fn forward(&self, x: &[AnyView<'_>], out: AnySliceMut<'_>) -> Result<(), Error>;
    /// [`Op::closing`], of the first input.
    fn closing(&self, _: &[usize]) -> Option<Closing> {
        None
    }
    /// [`Op::window`].
    fn window(&self) -> Option<Window> {
        None
    }
}

/// The typed pullback behind a site.
fn pullback<'t, T: Float, const N: usize, const M: usize>(
    tape: &'t Tape,
    site: &Site<'_>,
) -> Pullback<'t, T, N, M> {
    Pullback {
        x: std::array::from_fn(|i| Var::at(tape, site.x[i])),
        d: std::array::from_fn(|i| AnyVar::at(tape, site.x[N + i])),
        y: Var::at(tape, site.y),
        g: Var::at(tape, site.g),
        needs: std::array::from_fn(|i| site.needs[i]),
    }
}

/// The number of a node that a rule returned.
fn pulled<T: Float>(tape: &Tape, cotangent: Option<Var<'_, T>>) -> Option<u32> {
    cotangent.map(|c| {
        assert!(std::ptr::eq(c.tape(), tape), "vjp: it returned a variable of another tape");
        c.id()
    })
}

const TYPED: &str = "the tape records an operation with inputs of its own types";

/// An [`Op`] of these inputs.
pub(crate) struct General<T, const N: usize, const M: usize>(PhantomData<T>);

impl<T: Float, O: Op<T, N, M>, const N: usize, const M: usize> Rule for Typed<O, General<T, N, M>> {
    fn pull(&self, tape: &Tape, site: &Site<'_>, out: &mut Pulled) {
        for cotangent in self.0.vjp(pullback(tape, site)) {
            out.push(pulled(tape, cotangent));
        }
    }
}

impl<T: Float, O: Op<T, N, M>, const N: usize, const M: usize> GeneralRule
    for Typed<O, General<T, N, M>>
{
    fn forward(&self, x: &[AnyView<'_>], out: AnySliceMut<'_>) -> Result<(), Error> {
        let inputs = std::array::from_fn(|i| x[i].get().expect(TYPED));
        let data = std::array::from_fn(|i| x[N + i]);
        self.0.forward(inputs, data, out.get().expect(TYPED))
    }
    fn closing(&self, x: &[usize]) -> Option<Closing> {
        if N == 1 && M == 0 { self.0.closing(x) } else { None }
    }
    fn window(&self) -> Option<Window> {
        if N == 1 && M == 0 { self.0.window() } else { None }
    }
}

/// A [`Pointwise`] of these inputs.
pub(super) struct Blocks<T, const N: usize, const M: usize>(PhantomData<T>);

impl<T: Float, O: Pointwise<T, N, M>, const N: usize, const M: usize> Rule
    for Typed<O, Blocks<T, N, M>>
{
    fn pull(&self, tape: &Tape, site: &Site<'_>, out: &mut Pulled) {
        for cotangent in self.0.vjp(pullback(tape, site)) {
            out.push(pulled(tape, cotangent));
        }
    }
}

impl<T: Float, O: Pointwise<T, N, M>, const N: usize, const M: usize> PointwiseRule
    for Typed<O, Blocks<T, N, M>>
{
    fn block(&self, x: &[AnySlice<'_>], out: AnySliceMut<'_>) {
        let inputs = std::array::from_fn(|i| x[i].get().expect(TYPED));
        let data = std::array::from_fn(|i| x[N + i]);
        self.0.block(inputs, data, out.get().expect(TYPED));
    }
}

/// A [`ViewOp`].
pub(crate) struct Views;

impl<O: ViewOp> Rule for Typed<O, Views> {
    fn pull(&self, tape: &Tape, site: &Site<'_>, out: &mut Pulled) {
        let cotangent = match site.dtype {
            DType::F32 => pulled(tape, self.0.vjp(pullback::<f32, 1, 0>(tape, site))),
            DType::F64 => pulled(tape, self.0.vjp(pullback::<f64, 1, 0>(tape, site))),
            _ => unreachable!("only floats are tracked"),
        };
        out.push(cotangent);
    }
}

impl<O: ViewOp> ViewRule for Typed<O, Views> {
    fn layout(&self, x: &Layout) -> Result<Option<Layout>, ShapeError> {
        self.0.layout(x)
    }
}

/// A [`DataOp`] of these inputs and this output.
pub(super) struct Data<I, O, const N: usize>(PhantomData<(I, O)>);

impl<I: Element, O: Element, D: DataOp<I, O, N>, const N: usize> Rule for Typed<D, Data<I, O, N>> {
    fn pull(&self, _: &Tape, site: &Site<'_>, out: &mut Pulled) {
        out.extend(site.x.iter().map(|_| None));
    }
}

impl<I: Element, O: Element, D: DataOp<I, O, N>, const N: usize> GeneralRule
    for Typed<D, Data<I, O, N>>
{
    fn forward(&self, x: &[AnyView<'_>], out: AnySliceMut<'_>) -> Result<(), Error> {
        let inputs = std::array::from_fn(|i| x[i].get().expect(TYPED));
        self.0.forward(inputs, out.get().expect(TYPED))
    }
}

/// A [`DataPointwise`] of these inputs and this output.
pub(super) struct DataBlocks<I, O, const N: usize>(PhantomData<(I, O)>);

impl<I: Element, O: Element, D: DataPointwise<I, O, N>, const N: usize> Rule
    for Typed<D, DataBlocks<I, O, N>>
{
    fn pull(&self, _: &Tape, site: &Site<'_>, out: &mut Pulled) {
        out.extend(site.x.iter().map(|_| None));
    }
}

impl<I: Element, O: Element, D: DataPointwise<I, O, N>, const N: usize> PointwiseRule
    for Typed<D, DataBlocks<I, O, N>>
{
    fn block(&self, x: &[AnySlice<'_>], out: AnySliceMut<'_>) {
        let inputs = std::array::from_fn(|i| x[i].get().expect(TYPED));
        self.0.block(inputs, out.get().expect(TYPED));
    }
}
