//! What an operation is, and how the tape forgets its type.
//!
//! An operation is of one of three kinds, by the trait it implements:
//!
//! - [`Pointwise`]: an output element depends on the input elements at the same place. It computes
//!   one block of contiguous elements, so the evaluator can fuse it with its neighbours.
//! - [`ViewOp`]: maps a layout to a layout. No bytes move.
//! - [`Op`]: everything else. It writes into an output that the evaluator gives it.
//!
//! Operations without a derivative ([`DataOp`], [`DataPointwise`]) record untracked nodes.
//!
//! A rule (`vjp`) is a pure function from the cotangent of the output to one cotangent for each
//! input, written in recorded operations, so that it can be differentiated again. It adds nothing
//! up; that is the engine's work. Rules use a fixed vocabulary: `g` is the cotangent of the
//! output, `y` the output, `x` (or `a`, `b`) the inputs. A rule may ask for a value, record a
//! tensor (not: a number) or bind a parameter, but then it is asked again at every step and in
//! every round of a loop.
//!
//! An operation is a value: its fields are its static configuration, `Debug` shows them in a
//! printed program, and two that are equal (`PartialEq`) compute the same bits by the same rule, so
//! that a program that was met before can be recognised and either may run for the other. Equality
//! therefore covers all that the operation or its rule reads, floats by their bits, and neither
//! depends on anything else.
//!
//! Why three traits rather than one with defaulted methods: a method that must not be called for
//! this kind of operation would be a contract that no compiler checks. `Tape::apply` takes all
//! three, since an operation implements exactly one.

mod erased;

use std::fmt::Debug;
use std::marker::PhantomData;
use std::sync::Arc;

use tensor::error::OrPanic;
use tensor::kernel::{RowSums, Window};
use tensor::{AnySlice, AnyView, Element, Error, Float, Layout, Shape, ShapeError, View};

use crate::node::Sizes;
use crate::tape::Tape;
use crate::var::{AnyVar, Var};
use erased::{Blocks, Data, DataBlocks, recorded};
pub(crate) use erased::{General, GeneralRule, Kind, Pulled, Recorded, Rule, Site, Typed, Views};

/// What a rule is given: the inputs, the data inputs, the output, and the output's cotangent.
#[derive(Clone, Copy)]
pub struct Pullback<'t, T: Float, const N: usize, const M: usize = 0> {
    /// The inputs.
    pub x: [Var<'t, T>; N],
    /// The data inputs: masks, labels, indices.
    pub d: [AnyVar<'t>; M],
    /// The output.
    pub y: Var<'t, T>,
    /// The cotangent of the output; it has the output's shape.
    pub g: Var<'t, T>,
    needs: [bool; N],
}

impl<'t, T: Float, const N: usize, const M: usize> Pullback<'t, T, N, M> {
    /// Whether somebody needs the cotangent of input `i`; a rule may return `None` if not.
    pub fn needs(&self, i: usize) -> bool {
        self.needs[i]
    }

    /// `rule()` if somebody needs the cotangent of input `i`.
    pub fn when(&self, i: usize, rule: impl FnOnce() -> Var<'t, T>) -> Option<Var<'t, T>> {
        self.needs[i].then(rule)
    }
}

/// A differentiable operation of `N` inputs and `M` data inputs that is neither pointwise nor a
/// view.
pub trait Op<T: Float, const N: usize, const M: usize = 0>:
    Debug + PartialEq + Send + Sync + 'static
{
    /// The shape of the output.
    ///
    /// # Errors
    /// When the inputs' shapes do not fit; the text names the operation and all shapes.
    fn shape(&self, x: [&[usize]; N], d: [&[usize]; M]) -> Result<Shape, ShapeError>;

    /// Writes the output in row-major order; every element of `out` must be written.
    ///
    /// # Errors
    /// When the data is at fault: an index out of range, a matrix that is not positive definite.
    fn forward(&self, x: [View<'_, T>; N], d: [AnyView<'_>; M], out: &mut [T])
    -> Result<(), Error>;

    /// The cotangent of each input, of the input's shape; `None` where no derivative passes.
    fn vjp<'t>(&self, cx: Pullback<'t, T, N, M>) -> [Option<Var<'t, T>>; N];

    /// Which fold of the last axes of an input of shape `x` this is, if it is one, so that each
    /// output is made of as many neighbours: the evaluator then computes it in the pass that makes
    /// these, without storing them.
    fn closing(&self, x: &[usize]) -> Option<Closing> {
        let _ = x;
        None
    }

    /// Where the one input stands among zeros, if that is the output: the evaluator then lays it
    /// there block by block, in the pass that reads it.
    fn window(&self) -> Option<Window> {
        None
    }
}

/// A fold of rows to a number each, with the bits of the kernel that [`Op::forward`] calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Closing {
    /// [`kernel::sum`](tensor::kernel::sum).
    Sum,
    /// [`kernel::mean`](tensor::kernel::mean).
    Mean,
}

impl Closing {
    /// That of `x` elements to `y`, if these make rows that have one.
    pub(crate) fn of(self, x: usize, y: usize) -> Option<RowSums> {
        let row = x.checked_div(y).filter(|&row| row > 0 && row * y == x)?;
        Some(match self {
            Closing::Sum => RowSums::sums(row),
            Closing::Mean => RowSums::means(row),
        })
    }
}

/// A differentiable operation whose output element depends on the input elements at the same place.
/// The inputs are broadcast to one shape before it is recorded.
pub trait Pointwise<T: Float, const N: usize, const M: usize = 0>:
    Debug + PartialEq + Send + Sync + 'static
{
    /// Computes one block; all slices have the length of `out`.
    fn block(&self, x: [&[T]; N], d: [AnySlice<'_>; M], out: &mut [T]);

    /// The cotangent of each input; `None` where no derivative passes.
    fn vjp<'t>(&self, cx: Pullback<'t, T, N, M>) -> [Option<Var<'t, T>>; N];
}

/// The same elements under another layout.
pub trait ViewOp: Debug + PartialEq + Send + Sync + 'static {
    /// Whether a derivative passes. If not, the output is a constant.
    const TRACKS: bool = true;

    /// The layout of the output, a view of the input's; `None` if only a copy of the input in
    /// row-major order has one.
    ///
    /// # Errors
    /// When the input's shape does not fit.
    fn layout(&self, x: &Layout) -> Result<Option<Layout>, ShapeError>;

    /// The cotangent of the input.
    fn vjp<'t, T: Float>(&self, cx: Pullback<'t, T, 1>) -> Option<Var<'t, T>>;
}

/// An operation without a derivative: argmax, one-hot, sort order.
pub trait DataOp<I: Element, O: Element, const N: usize>:
    Debug + PartialEq + Send + Sync + 'static
{
    /// The shape of the output.
    ///
    /// # Errors
    /// When the inputs' shapes do not fit.
    fn shape(&self, x: [&[usize]; N]) -> Result<Shape, ShapeError>;

    /// Writes the output in row-major order.
    ///
    /// # Errors
    /// When the data is at fault.
    fn forward(&self, x: [View<'_, I>; N], out: &mut [O]) -> Result<(), Error>;
}

/// A pointwise operation without a derivative: comparisons, logic, casts, steps.
pub trait DataPointwise<I: Element, O: Element, const N: usize>:
    Debug + PartialEq + Send + Sync + 'static
{
    /// Computes one block; all slices have the length of `out`.
    fn block(&self, x: [&[I]; N], out: &mut [O]);
}

/// An operation that [`Tape::apply`] can record. `K` tells the kind of trait behind it, so that the
/// three implementations do not overlap; it is always inferred.
pub trait Record<T: Float, K, const N: usize, const M: usize> {
    /// Records the operation on `tape`.
    fn record<'t>(self, tape: &'t Tape, x: [Var<'t, T>; N], d: [AnyVar<'t>; M]) -> Var<'t, T>;
}

/// Kind of an [`Op`].
pub struct AsOp;
/// Kind of a [`Pointwise`].
pub struct AsPointwise;
/// Kind of a [`ViewOp`].
pub struct AsView;

impl<T: Float, O: Op<T, N, M>, const N: usize, const M: usize> Record<T, AsOp, N, M> for O {
    #[track_caller]
    fn record<'t>(self, tape: &'t Tape, x: [Var<'t, T>; N], d: [AnyVar<'t>; M]) -> Var<'t, T> {
        let inputs = [&ids(tape, &self, x)[..], &data_ids(tape, &self, d)];
        let (xs, ds) = (x.map(Var::shape), d.map(AnyVar::shape));
        let shape =
            self.shape(xs.each_ref().map(|s| &s[..]), ds.each_ref().map(|s| &s[..])).or_panic();
        let op = recorded!(General or SharedGeneral, General<T, N, M>, self);
        tape.push_op(op, inputs, Sizes::Given(&shape), true)
    }
}

impl<T: Float, O: Pointwise<T, N, M>, const N: usize, const M: usize> Record<T, AsPointwise, N, M>
    for O
{
    #[track_caller]
    fn record<'t>(self, tape: &'t Tape, x: [Var<'t, T>; N], d: [AnyVar<'t>; M]) -> Var<'t, T> {
        let (mut x, mut d) = (ids(tape, &self, x), data_ids(tape, &self, d));
        let sizes = broadcast(tape, &self, &mut x, &mut d);
        let op = recorded!(Pointwise or SharedPointwise, Blocks<T, N, M>, self);
        tape.push_op(op, [&x, &d], sizes, true)
    }
}

impl<T: Float, O: ViewOp> Record<T, AsView, 1, 0> for O {
    #[track_caller]
    fn record<'t>(self, tape: &'t Tape, [x]: [Var<'t, T>; 1], _: [AnyVar<'t>; 0]) -> Var<'t, T> {
        x.erase().assert_on(tape, &self);
        record_view(self, x)
    }
}

/// Records a view of a variable of any element type.
#[track_caller]
pub(crate) fn record_view<'t, E: Element, V: ViewOp>(op: V, x: Var<'t, E>) -> Var<'t, E> {
    let whole = Layout::contiguous(&x.shape(), 8).or_panic();
    let layout = op.layout(&whole).or_panic();
    let layout = layout.expect("a row-major input has every view");
    if let Some(number) = x.tape().seed_number(x.id()) {
        return Var::at(x.tape(), x.tape().push_number(number, layout.shape(), E::DTYPE));
    }
    let op = recorded!(View or SharedView, Views, op);
    x.tape().push_op(op, [&[x.id()], &[]], Sizes::Given(layout.shape()), V::TRACKS)
}

/// An operation without a derivative that [`Tape::apply_data`] can record; `K` as in [`Record`].
pub trait RecordData<I: Element, O: Element, K, const N: usize> {
    /// Records the operation on `tape`.
    fn record<'t>(self, tape: &'t Tape, x: [Var<'t, I>; N]) -> Var<'t, O>;
}

impl<I: Element, O: Element, D: DataOp<I, O, N>, const N: usize> RecordData<I, O, AsOp, N> for D {
    #[track_caller]
    fn record<'t>(self, tape: &'t Tape, x: [Var<'t, I>; N]) -> Var<'t, O> {
        let ids = ids(tape, &self, x);
        let xs = x.map(Var::shape);
        let shape = self.shape(xs.each_ref().map(|s| &s[..])).or_panic();
        let op = recorded!(General or SharedGeneral, Data<I, O, N>, self);
        tape.push_op(op, [&ids, &[]], Sizes::Given(&shape), false)
    }
}

impl<I: Element, O: Element, D: DataPointwise<I, O, N>, const N: usize>
    RecordData<I, O, AsPointwise, N> for D
{
    #[track_caller]
    fn record<'t>(self, tape: &'t Tape, x: [Var<'t, I>; N]) -> Var<'t, O> {
        let mut ids = ids(tape, &self, x);
        let sizes = broadcast(tape, &self, &mut ids, &mut []);
        let op = recorded!(Pointwise or SharedPointwise, DataBlocks<I, O, N>, self);
        tape.push_op(op, [&ids, &[]], sizes, false)
    }
}

/// The nodes of inputs, which are on `tape`. (Loops here and below, because a closure would not
/// pass the user's line on.)
#[track_caller]
#[inline]
fn ids<E: Element, const N: usize>(
    tape: &Tape,
    op: &dyn Debug,
    inputs: [Var<'_, E>; N],
) -> [u32; N] {
    data_ids(tape, op, inputs.map(Var::erase))
}

/// As [`ids`], of data inputs.
#[track_caller]
#[inline]
fn data_ids<const N: usize>(tape: &Tape, op: &dyn Debug, inputs: [AnyVar<'_>; N]) -> [u32; N] {
    for v in &inputs {
        v.assert_on(tape, op);
    }
    inputs.map(AnyVar::id)
}

/// Broadcasts nodes to one shape.
#[track_caller]
#[inline]
fn broadcast(tape: &Tape, op: &dyn Debug, x: &mut [u32], d: &mut [u32]) -> Sizes<'static> {
    let Some(&first) = x.first().or(d.first()) else { return Sizes::Given(&[]) };
    let (nodes, mut same) = (tape.nodes.borrow(), true);
    for ids in [&*x, &*d] {
        for &id in ids {
            same &= nodes.same_shape(first, id);
        }
    }
    drop(nodes);
    match same {
        true => Sizes::Of(first),
        false => broadcast_to_common(tape, op, x, d),
    }
}

#[track_caller]
fn broadcast_to_common(
    tape: &Tape,
    op: &dyn Debug,
    x: &mut [u32],
    d: &mut [u32],
) -> Sizes<'static> {
    let (nodes, mut common) = (tape.nodes.borrow(), Shape::new());
    for &id in x.iter().chain(d.iter()) {
        let shape = nodes.shape(id);
        // The name is a string to be made, so only where it is needed.
        let wider = tensor::shape::broadcast("", &common, shape);
        let wider = wider.or_else(|_| tensor::shape::broadcast(&name(op), &common, shape));
        common = wider.or_panic();
    }
    drop(nodes);
    let mut first = None;
    for id in x.iter_mut().chain(d) {
        *id = AnyVar::at(tape, *id).broadcast_to(&common).id();
        first.get_or_insert(*id);
    }
    first.map_or(Sizes::Given(&[]), Sizes::Of)
}

/// The operation's name: that of its type, in snake case, as its `Debug` starts.
pub(crate) fn name(op: &dyn Debug) -> String {
    let text = format!("{op:?}");
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    let mut out = String::new();
    for (i, c) in text[..end].char_indices() {
        if c.is_uppercase() && i > 0 {
            out.push('_');
        }
        out.extend(c.to_lowercase());
    }
    out
}
