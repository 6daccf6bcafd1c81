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
//! up; that is the engine's work. Rules use a fixed vocabulary: `g` is the cotangent of the output,
//! `y` the output, `x` (or `a`, `b`) the inputs.
//!
//! Why three traits rather than one with defaulted methods: a method that must not be called for
//! this kind of operation would be a contract that no compiler checks. `Tape::apply` takes all
//! three, since an operation implements exactly one.

use std::fmt::Debug;
use std::marker::PhantomData;
use std::sync::Arc;

use smallvec::SmallVec;
use tensor::{
    AnySlice, AnySliceMut, AnyView, DType, Element, Error, Float, Layout, Shape, ShapeError, View,
};

use crate::tape::Tape;
use crate::var::{AnyVar, Var};

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

/// A differentiable operation of `N` inputs and `M` data inputs that is neither pointwise nor a view.
pub trait Op<T: Float, const N: usize, const M: usize = 0>: Debug + Send + Sync + 'static {
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
}

/// A differentiable operation whose output element depends on the input elements at the same place.
/// The inputs are broadcast to one shape before it is recorded.
pub trait Pointwise<T: Float, const N: usize, const M: usize = 0>:
    Debug + Send + Sync + 'static
{
    /// Computes one block; all slices have the length of `out`.
    fn block(&self, x: [&[T]; N], d: [AnySlice<'_>; M], out: &mut [T]);

    /// The cotangent of each input; `None` where no derivative passes.
    fn vjp<'t>(&self, cx: Pullback<'t, T, N, M>) -> [Option<Var<'t, T>>; N];
}

/// The same elements under another layout.
pub trait ViewOp: Debug + Send + Sync + 'static {
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
pub trait DataOp<I: Element, O: Element, const N: usize>: Debug + Send + Sync + 'static {
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

/// A pointwise operation without a derivative: comparisons, logic, casts.
pub trait DataPointwise<I: Element, O: Element, const N: usize>:
    Debug + Send + Sync + 'static
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
        let (xs, ds) = (x.map(Var::shape), d.map(AnyVar::shape));
        let shape = self
            .shape(xs.each_ref().map(|s| &s[..]), ds.each_ref().map(|s| &s[..]))
            .unwrap_or_else(|e| panic!("{e}"));
        let inputs = x.iter().map(|v| v.any()).chain(d);
        let tracked = x.iter().any(|v| v.is_tracked());
        let op = Recorded::General(shared!(General<O, T, N, M>, self, dyn GeneralRule));
        tape.push_op::<T>(op, inputs, shape, tracked)
    }
}

impl<T: Float, O: Pointwise<T, N, M>, const N: usize, const M: usize> Record<T, AsPointwise, N, M>
    for O
{
    #[track_caller]
    fn record<'t>(self, tape: &'t Tape, x: [Var<'t, T>; N], d: [AnyVar<'t>; M]) -> Var<'t, T> {
        let shape = common_shape(&self, x.iter().map(|v| v.any()).chain(d));
        let (x, d) = (x.map(|v| v.broadcast_to(&shape)), d.map(|v| v.broadcast_to(&shape)));
        let inputs = x.iter().map(|v| v.any()).chain(d);
        let tracked = x.iter().any(|v| v.is_tracked());
        let op = Recorded::Pointwise(shared!(Blocks<O, T, N, M>, self, dyn PointwiseRule));
        tape.push_op::<T>(op, inputs, shape, tracked)
    }
}

impl<T: Float, O: ViewOp> Record<T, AsView, 1, 0> for O {
    #[track_caller]
    fn record<'t>(self, tape: &'t Tape, [x]: [Var<'t, T>; 1], _: [AnyVar<'t>; 0]) -> Var<'t, T> {
        debug_assert!(std::ptr::eq(tape, x.tape()));
        record_view(self, x)
    }
}

/// Records a view of a variable of any element type.
#[track_caller]
pub(crate) fn record_view<'t, E: Element, V: ViewOp>(op: V, x: Var<'t, E>) -> Var<'t, E> {
    let whole = Layout::contiguous(&x.shape(), 8).unwrap_or_else(|e| panic!("{e}"));
    let layout = op.layout(&whole).unwrap_or_else(|e| panic!("{e}"));
    let layout = layout.expect("a row-major input has every view");
    let op = Recorded::View(shared!(Views, op, dyn ViewRule));
    x.tape().push_op(op, [x.any()].into_iter(), layout.shape().into(), V::TRACKS && x.is_tracked())
}

/// Records an operation without a derivative.
#[track_caller]
pub(crate) fn record_data<'t, I: Element, O: Element, const N: usize>(
    tape: &'t Tape,
    op: impl DataOp<I, O, N>,
    x: [Var<'t, I>; N],
) -> Var<'t, O> {
    let xs = x.map(Var::shape);
    let shape = op.shape(xs.each_ref().map(|s| &s[..])).unwrap_or_else(|e| panic!("{e}"));
    let op = Recorded::General(shared!(Data<_, I, O, N>, op, dyn GeneralRule));
    tape.push_op(op, x.iter().map(|v| v.any()), shape, false)
}

/// Records a pointwise operation without a derivative; inputs are broadcast to one shape.
#[track_caller]
pub(crate) fn record_data_pointwise<'t, I: Element, O: Element, const N: usize>(
    tape: &'t Tape,
    op: impl DataPointwise<I, O, N>,
    x: [Var<'t, I>; N],
) -> Var<'t, O> {
    let shape = common_shape(&op, x.iter().map(|v| v.any()));
    let x = x.map(|v| v.broadcast_to(&shape));
    let op = Recorded::Pointwise(shared!(DataBlocks<_, I, O, N>, op, dyn PointwiseRule));
    tape.push_op(op, x.iter().map(|v| v.any()), shape, false)
}

#[track_caller]
fn common_shape<'t>(op: &dyn Debug, mut inputs: impl Iterator<Item = AnyVar<'t>>) -> Shape {
    let first = inputs.next().map_or_else(Shape::new, |v| v.shape());
    inputs.fold(first, |shape, v| {
        let other = v.shape();
        if shape == other {
            return shape;
        }
        tensor::shape::broadcast(&name(op), &shape, &other).unwrap_or_else(|e| panic!("{e}"))
    })
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

/// An operation with its types forgotten; which variant it is tells how to run it.
#[derive(Clone)]
pub(crate) enum Recorded {
    Pointwise(Ref<dyn PointwiseRule>),
    View(Ref<dyn ViewRule>),
    General(Ref<dyn GeneralRule>),
}

impl Recorded {
    pub(crate) fn rule(&self) -> &dyn Rule {
        match self {
            Recorded::Pointwise(op) => op.get(),
            Recorded::View(op) => op.get(),
            Recorded::General(op) => op.get(),
        }
    }
}

/// A shared operation. Operations without fields, which are most, cost no heap block and no count.
pub(crate) enum Ref<D: ?Sized + 'static> {
    Static(&'static D),
    Shared(Arc<D>),
}

impl<D: ?Sized> Ref<D> {
    #[inline]
    pub(crate) fn get(&self) -> &D {
        match self {
            Ref::Static(op) => op,
            Ref::Shared(op) => op,
        }
    }
}

impl<D: ?Sized> Clone for Ref<D> {
    fn clone(&self) -> Self {
        match self {
            Ref::Static(op) => Ref::Static(op),
            Ref::Shared(op) => Ref::Shared(op.clone()),
        }
    }
}

/// Wraps an operation and forgets its type. A box of a type without size allocates nothing, so
/// leaking it leaks nothing. (A macro, because unsizing needs both types at hand.)
macro_rules! shared {
    ($wrapper:ident $(<$($arg:ty),*>)?, $op:expr, $dyn:ty) => {{
        let op = $wrapper$(::<$($arg),*>)?($op, PhantomData);
        if size_of_val(&op) == 0 {
            let op: &'static $dyn = Box::leak(Box::new(op));
            Ref::Static(op)
        } else {
            let op: Arc<$dyn> = Arc::new(op);
            Ref::Shared(op)
        }
    }};
}
use shared;

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
pub(crate) type Pulled = SmallVec<[Option<u32>; 3]>;

pub(crate) trait Rule: Debug + Send + Sync {
    fn pull(&self, tape: &Tape, site: &Site<'_>) -> Pulled;
    fn debug(&self) -> &dyn Debug;
}
pub(crate) trait PointwiseRule: Rule {
    fn block(&self, x: &[AnySlice<'_>], out: AnySliceMut<'_>);
}
pub(crate) trait ViewRule: Rule {
    fn layout(&self, x: &Layout) -> Result<Option<Layout>, ShapeError>;
}
pub(crate) trait GeneralRule: Rule {
    fn forward(&self, x: &[AnyView<'_>], out: AnySliceMut<'_>) -> Result<(), Error>;
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

const TYPED: &str = "the tape records an operation with inputs of its own types";

#[derive(Debug)]
struct General<O, T, const N: usize, const M: usize>(O, PhantomData<T>);

impl<T: Float, O: Op<T, N, M>, const N: usize, const M: usize> Rule for General<O, T, N, M> {
    fn pull(&self, tape: &Tape, site: &Site<'_>) -> Pulled {
        self.0.vjp(pullback(tape, site)).iter().map(|c| c.map(Var::id)).collect()
    }
    fn debug(&self) -> &dyn Debug {
        &self.0
    }
}

impl<T: Float, O: Op<T, N, M>, const N: usize, const M: usize> GeneralRule for General<O, T, N, M> {
    fn forward(&self, x: &[AnyView<'_>], out: AnySliceMut<'_>) -> Result<(), Error> {
        let inputs = std::array::from_fn(|i| x[i].get().expect(TYPED));
        let data = std::array::from_fn(|i| x[N + i]);
        self.0.forward(inputs, data, out.get().expect(TYPED))
    }
}

#[derive(Debug)]
struct Blocks<O, T, const N: usize, const M: usize>(O, PhantomData<T>);

impl<T: Float, O: Pointwise<T, N, M>, const N: usize, const M: usize> Rule for Blocks<O, T, N, M> {
    fn pull(&self, tape: &Tape, site: &Site<'_>) -> Pulled {
        self.0.vjp(pullback(tape, site)).iter().map(|c| c.map(Var::id)).collect()
    }
    fn debug(&self) -> &dyn Debug {
        &self.0
    }
}

impl<T: Float, O: Pointwise<T, N, M>, const N: usize, const M: usize> PointwiseRule
    for Blocks<O, T, N, M>
{
    fn block(&self, x: &[AnySlice<'_>], out: AnySliceMut<'_>) {
        let inputs = std::array::from_fn(|i| x[i].get().expect(TYPED));
        let data = std::array::from_fn(|i| x[N + i]);
        self.0.block(inputs, data, out.get().expect(TYPED));
    }
}

#[derive(Debug)]
struct Views<O>(O, PhantomData<()>);

impl<O: ViewOp> Rule for Views<O> {
    fn pull(&self, tape: &Tape, site: &Site<'_>) -> Pulled {
        let cotangent = match site.dtype {
            DType::F32 => self.0.vjp(pullback::<f32, 1, 0>(tape, site)).map(Var::id),
            DType::F64 => self.0.vjp(pullback::<f64, 1, 0>(tape, site)).map(Var::id),
            _ => unreachable!("only floats are tracked"),
        };
        Pulled::from_slice(&[cotangent])
    }
    fn debug(&self) -> &dyn Debug {
        &self.0
    }
}

impl<O: ViewOp> ViewRule for Views<O> {
    fn layout(&self, x: &Layout) -> Result<Option<Layout>, ShapeError> {
        self.0.layout(x)
    }
}

#[derive(Debug)]
struct Data<D, I, O, const N: usize>(D, PhantomData<(I, O)>);

impl<I: Element, O: Element, D: DataOp<I, O, N>, const N: usize> Rule for Data<D, I, O, N> {
    fn pull(&self, _: &Tape, site: &Site<'_>) -> Pulled {
        site.x.iter().map(|_| None).collect()
    }
    fn debug(&self) -> &dyn Debug {
        &self.0
    }
}

impl<I: Element, O: Element, D: DataOp<I, O, N>, const N: usize> GeneralRule for Data<D, I, O, N> {
    fn forward(&self, x: &[AnyView<'_>], out: AnySliceMut<'_>) -> Result<(), Error> {
        let inputs = std::array::from_fn(|i| x[i].get().expect(TYPED));
        self.0.forward(inputs, out.get().expect(TYPED))
    }
}

#[derive(Debug)]
struct DataBlocks<D, I, O, const N: usize>(D, PhantomData<(I, O)>);

impl<I: Element, O: Element, D: DataPointwise<I, O, N>, const N: usize> Rule
    for DataBlocks<D, I, O, N>
{
    fn pull(&self, _: &Tape, site: &Site<'_>) -> Pulled {
        site.x.iter().map(|_| None).collect()
    }
    fn debug(&self) -> &dyn Debug {
        &self.0
    }
}

impl<I: Element, O: Element, D: DataPointwise<I, O, N>, const N: usize> PointwiseRule
    for DataBlocks<D, I, O, N>
{
    fn block(&self, x: &[AnySlice<'_>], out: AnySliceMut<'_>) {
        let inputs = std::array::from_fn(|i| x[i].get().expect(TYPED));
        self.0.block(inputs, out.get().expect(TYPED));
    }
}
