//! The tape: nodes in the order they were recorded.

use std::cell::{Cell, RefCell};
use std::panic::Location;

use rustc_hash::FxHashMap;
use tensor::error::OrPanic;
use tensor::{AnyTensor, DType, Element, Float, IntoTensor, Tensor};

use crate::error::Failure;
use crate::node::{Extent, Recycled, Sizes, Source};
use crate::op::{Record, RecordData, Recorded};
use crate::param::{Param, ParamId};
use crate::var::{AnyVar, Var};

/// A program under construction: what was recorded, and the values known so far.
///
/// Recording computes nothing; values are computed when somebody asks for them. The index order of
/// the nodes is a topological order, so no walk over the tape needs a sort or a recursion.
///
/// A tape is `Send` but not `Sync`, and its handles are neither: build one tape a thread.
pub struct Tape {
    pub(crate) nodes: RefCell<Recycled>,
    /// In the order of their first use.
    pub(crate) params: RefCell<Vec<Bound>>,
    node_of: RefCell<FxHashMap<ParamId, u32>>,
    /// While a rule runs: the line of the forward node, which its adjoint nodes inherit.
    pub(crate) origin: Cell<Option<&'static Location<'static>>>,
    /// While a sweep runs: where the nodes that its rules record begin.
    pub(crate) rules_from: Cell<u32>,
    pub(crate) failure: RefCell<Option<Failure>>,
    pub(crate) counters: Counters,
    /// Counts walks over the nodes, so that a walk's marks need no clearing.
    pub(crate) walk: Cell<u32>,
    /// While a [`Recording`](crate::Recording) is made: there are no values to ask for.
    pub(crate) recording: Cell<bool>,
    /// How often something was done that no pure function of nodes does: a value asked for, a
    /// tensor recorded, a parameter bound. Rules that leave it as it is record the same whenever
    /// they are given the same.
    pub(crate) effects: Cell<u64>,
    /// How many pointwise nodes are computed in one pass at most.
    pub(crate) group_limit: usize,
    inference: bool,
}

impl Default for Tape {
    fn default() -> Self {
        Tape {
            nodes: RefCell::default(),
            params: RefCell::default(),
            node_of: RefCell::default(),
            origin: Cell::default(),
            rules_from: Cell::new(u32::MAX),
            failure: RefCell::default(),
            counters: Counters::default(),
            walk: Cell::default(),
            recording: Cell::default(),
            effects: Cell::default(),
            group_limit: GROUP_LIMIT,
            inference: false,
        }
    }
}

/// A group of more nodes is cut into several, so that its blocks stay in the cache.
const GROUP_LIMIT: usize = 256;

/// A parameter and its node.
#[derive(Clone, Copy)]
pub(crate) struct Bound {
    pub param: ParamId,
    pub node: u32,
    pub frozen: bool,
}

#[derive(Default)]
pub(crate) struct Counters {
    pub computed: Cell<u64>,
    pub recomputed: Cell<u64>,
}

/// How much a tape holds and has computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Nodes recorded.
    pub nodes: usize,
    /// Bytes of the values held by nodes (a buffer that several share counts once for each).
    pub bytes: usize,
    /// How often nodes were computed. (The adjoints of [`backward`](Var::backward), which takes
    /// them off again, are not among them.)
    pub computed: u64,
    /// How often these had been computed before and were freed, or lay inside a fused group.
    pub recomputed: u64,
}

impl Tape {
    /// An empty tape.
    pub fn new() -> Self {
        Tape::default()
    }

    /// An empty tape that tracks no derivatives and frees as it goes: parameters and leaves are
    /// bound as constants, and asking for a value keeps that value alone, and nodes marked
    /// [`keep`](Var::keep). What was freed and is needed later is computed again.
    pub fn inference() -> Self {
        Tape { inference: true, ..Tape::default() }
    }

    /// The tape, to compute each node in a pass of its own: the same bits, slower. For telling what
    /// fusion gains, and that it changes nothing.
    pub fn unfused(self) -> Self {
        Tape { group_limit: 1, ..self }
    }

    /// Whether the tape was made by [`Tape::inference`].
    pub fn is_inference(&self) -> bool {
        self.inference
    }

    /// Records a tensor that no derivative is taken for.
    #[track_caller]
    pub fn constant<X: IntoTensor>(&self, x: X) -> Var<'_, X::Elem> {
        self.push_value(Source::Constant, x.into_tensor(), false)
    }

    /// Records a constant of `shape` filled with a number, rounded to `T`.
    #[track_caller]
    pub(crate) fn number<T: Float>(&self, shape: &[usize], x: f64) -> Var<'_, T> {
        Var::at(self, self.push_number(x, shape, T::DTYPE))
    }

    #[track_caller]
    pub(crate) fn push_number(&self, x: f64, shape: &[usize], dtype: DType) -> u32 {
        self.push(Source::Number(x), shape, dtype, false, None)
    }

    /// The number that fills node `id`, if that is a seed of the present sweep: views of it are
    /// recorded as that number too. A number of the forward part is another one the next time the
    /// program is met.
    pub(crate) fn seed_number(&self, id: u32) -> Option<f64> {
        match self.nodes.borrow()[id as usize].source {
            Source::Number(x) if id >= self.rules_from.get() => Some(x),
            _ => None,
        }
    }

    /// Records a variable, for which derivatives can be taken by [`Var::grad`]; [`Var::backward`]
    /// is by parameters.
    #[track_caller]
    pub fn leaf<X: IntoTensor>(&self, x: X) -> Var<'_, X::Elem>
    where
        X::Elem: Float,
    {
        self.push_value(Source::Leaf, x.into_tensor(), !self.inference)
    }

    /// Records the present value of a parameter, once however often it is asked for.
    #[track_caller]
    pub fn param<T: Float>(&self, p: &Param<T>) -> Var<'_, T> {
        let known = self.node_of.borrow().get(&p.id()).copied();
        if let Some(node) = known {
            return Var::at(self, node);
        }
        let tracked = !self.inference && !p.is_frozen();
        let var = self.push_value(Source::Param, p.value().clone(), tracked);
        self.attach(p, var);
        var
    }

    /// Makes [`param`](Self::param) give `value` for this parameter from here on: a model as a
    /// function of its parameters, for a Hessian, a gradient check, or a look at other values
    /// than its own.
    ///
    /// # Panics
    /// When the parameter is on this tape already, the shapes differ, or `value` is on
    /// another tape.
    #[track_caller]
    pub fn bind<'t, T: Float>(&'t self, p: &Param<T>, value: Var<'t, T>) {
        let (want, got) = (p.shape(), value.shape());
        assert!(
            want == &got[..],
            "bind: a value of shape {got:?} for a parameter of shape {want:?}"
        );
        assert!(std::ptr::eq(self, value.tape()), "bind: the value is on another tape");
        let known = self.node_of.borrow().contains_key(&p.id());
        assert!(!known, "bind: the parameter is on the tape already");
        self.attach(p, value);
    }

    fn attach<'t, T: Float>(&'t self, p: &Param<T>, value: Var<'t, T>) {
        self.note_effect();
        let bound = Bound { param: p.id(), node: value.id(), frozen: p.is_frozen() };
        self.params.borrow_mut().push(bound);
        self.node_of.borrow_mut().insert(p.id(), value.id());
    }

    /// Takes off all bound parameters but the first `left`.
    pub(crate) fn unbind(&self, left: usize) {
        let mut node_of = self.node_of.borrow_mut();
        for bound in self.params.borrow_mut().drain(left..) {
            node_of.remove(&bound.param);
        }
    }

    /// Records an operation: a user's own or a built-in one, of any of the three kinds of
    /// [`op`](crate::op).
    ///
    /// # Panics
    /// When the shapes do not fit, or a variable is on another tape.
    #[track_caller]
    pub fn apply<'t, T: Float, K, O: Record<T, K, N, 0>, const N: usize>(
        &'t self,
        op: O,
        x: [Var<'t, T>; N],
    ) -> Var<'t, T> {
        op.record(self, x, [])
    }

    /// Records an operation with data inputs: masks, labels or indices.
    ///
    /// # Panics
    /// As [`apply`](Self::apply).
    #[track_caller]
    pub fn apply_with<'t, T: Float, K, O, const N: usize, const M: usize>(
        &'t self,
        op: O,
        x: [Var<'t, T>; N],
        d: [AnyVar<'t>; M],
    ) -> Var<'t, T>
    where
        O: Record<T, K, N, M>,
    {
        op.record(self, x, d)
    }

    /// Records an operation without a derivative: a [`DataOp`](crate::DataOp) or a
    /// [`DataPointwise`](crate::DataPointwise).
    ///
    /// # Panics
    /// As [`apply`](Self::apply).
    #[track_caller]
    pub fn apply_data<'t, I: Element, O: Element, K, D, const N: usize>(
        &'t self,
        op: D,
        x: [Var<'t, I>; N],
    ) -> Var<'t, O>
    where
        D: RecordData<I, O, K, N>,
    {
        op.record(self, x)
    }

    /// Records an input whose value is bound at each replay; derivatives can be taken for it if
    /// it is a float.
    #[track_caller]
    pub(crate) fn input<E: Element>(&self, shape: &[usize]) -> Var<'_, E> {
        checked(shape, E::DTYPE);
        let float = matches!(E::DTYPE, DType::F32 | DType::F64);
        Var::at(self, self.push(Source::Input, shape, E::DTYPE, float, None))
    }

    #[track_caller]
    fn push_value<E: Element>(&self, from: Source, x: Tensor<E>, tracked: bool) -> Var<'_, E> {
        self.note_effect();
        let value = Box::new(E::erase(x));
        let shape = tensor::Shape::from_slice(value.shape());
        Var::at(self, self.push(from, &shape, E::DTYPE, tracked, Some(value)))
    }

    /// Records a node without inputs.
    #[track_caller]
    fn push(
        &self,
        source: Source,
        shape: &[usize],
        dtype: DType,
        tracked: bool,
        value: Option<Box<AnyTensor>>,
    ) -> u32 {
        let at = self.origin.get().unwrap_or(Location::caller());
        let mut nodes = self.nodes.borrow_mut();
        let node = nodes.push([&[], &[]], Sizes::Given(shape), dtype, at);
        (node.source, node.value, node.tracked) = (source, value, tracked);
        nodes.len() as u32 - 1
    }

    /// Records an operation on nodes of this tape, inputs and data inputs, tracked if it `tracks`
    /// and one of its inputs is. (Inlined, so that the operation is written once, to its place.)
    #[track_caller]
    #[inline]
    pub(crate) fn push_op<E: Element>(
        &self,
        op: Recorded,
        inputs: [&[u32]; 2],
        sizes: Sizes<'_>,
        tracks: bool,
    ) -> Var<'_, E> {
        let at = self.origin.get().unwrap_or(Location::caller());
        let mut nodes = self.nodes.borrow_mut();
        match sizes {
            // Checked when `id` was recorded.
            Sizes::Of(id) if nodes[id as usize].dtype == E::DTYPE => {}
            Sizes::Of(id) => checked(nodes.shape(id), E::DTYPE),
            Sizes::Given(shape) => checked(shape, E::DTYPE),
        }
        let node = nodes.push(inputs, sizes, E::DTYPE, at);
        node.source = Source::Op(op);
        node.tracked &= tracks;
        let id = nodes.len() as u32 - 1;
        drop(nodes);
        Var::at(self, id)
    }

    /// Forgets everything recorded and keeps the capacity. Handles cannot outlive it: the borrow
    /// checker refuses.
    pub fn reset(&mut self) {
        self.nodes.get_mut().cut(Extent::default());
        self.params.get_mut().clear();
        self.node_of.get_mut().clear();
        *self.failure.get_mut() = None;
        self.counters = Counters::default();
    }

    /// The number of nodes recorded.
    pub fn len(&self) -> usize {
        self.nodes.borrow().len()
    }

    /// Whether nothing has been recorded.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How much the tape holds and has computed.
    pub fn stats(&self) -> Stats {
        let nodes = self.nodes.borrow();
        let held = nodes.iter().filter_map(|n| n.value.as_ref());
        Stats {
            nodes: nodes.len(),
            bytes: held.map(|value| value.len() * value.dtype().size()).sum(),
            computed: self.counters.computed.get(),
            recomputed: self.counters.recomputed.get(),
        }
    }

    /// The node that failed last, by an error or by a panic of its operation.
    pub fn failure(&self) -> Option<Failure> {
        self.failure.borrow().clone()
    }

    /// Forgets the values of `nodes`: each replay brings its own.
    pub(crate) fn forget(&self, nodes: &[u32]) {
        for &id in nodes {
            self.nodes.borrow_mut()[id as usize].value = None;
        }
    }

    /// See [`effects`](Self::effects).
    pub(crate) fn note_effect(&self) {
        self.effects.update(|effects| effects + 1);
    }

    /// Starts a walk over the nodes, whose marks carry the number returned.
    pub(crate) fn start_walk(&self) -> u32 {
        let walk = self.walk.get().checked_add(1).unwrap_or_else(|| {
            self.nodes.borrow_mut().iter_mut().for_each(|n| n.mark = (0, 0));
            1
        });
        self.walk.set(walk);
        walk
    }
}

/// Checks that a tensor of this shape can be.
#[track_caller]
fn checked(shape: &[usize], dtype: DType) {
    tensor::shape::checked_len(shape, dtype.size()).or_panic();
}
