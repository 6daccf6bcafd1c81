//! Modules: structs that hold parameters, and what can be done with all of them at once.
//!
//! A module is an ordinary struct. `#[derive(Module)]` lets it show its parameters, each with its
//! path through the struct, such as `encoder.weight` or `layers.0.bias`. Everything else stands on
//! these visits: optimisers, checkpoints, counting, freezing, the summary.

use std::any::Any;
use std::fmt::{self, Display, Write};
use std::marker::PhantomData;

use tape::{Param, ParamId};
use tensor::shape::Dims;
use tensor::{AnyTensor, DType, Float};

/// What holds parameters: a layer, a model, a parameter itself, or a list of these.
///
/// Derive it; write it by hand only for a type that the derive cannot see through:
///
/// ```
/// use nn::prelude::*;
///
/// #[derive(Module)]
/// struct Net<T: Float> {
///     hidden: Linear<T>,
///     blocks: Vec<Linear<T>>,
///     rate: f64, // numbers, strings and activations hold no parameters
/// }
///
/// let mut rng = nn::rng(0);
/// let mut net = Net {
///     hidden: Linear::<f32>::new(4, 3, &mut rng),
///     blocks: vec![Linear::without_bias(3, 2, &mut rng)],
///     rate: 0.5,
/// };
/// let paths: Vec<String> = net.named_parameters().into_iter().map(|(path, _)| path).collect();
/// assert_eq!(paths, ["hidden.weight", "hidden.bias", "blocks.0.weight"]);
///
/// net.hidden.freeze();
/// assert_eq!(net.parameter_count(), 4 * 3 + 3 + 3 * 2);
/// println!("{}", net.summary());
/// ```
///
/// A struct that holds `Float` numbers of generic type, or anything else that is no module, marks
/// these fields with `#[module(skip)]`. A type parameter without any bound is taken to be a module.
/// A field that is neither does not compile, so no parameter can be overlooked:
///
/// ```compile_fail
/// struct Forgotten(nn::Linear<f32>);
///
/// #[derive(nn::Module)]
/// struct Net {
///     layer: Forgotten,
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a module",
    note = "derive it with `#[derive(Module)]`, or mark a field that holds no parameters with \
            `#[module(skip)]`"
)]
pub trait Module {
    /// Shows every parameter to the visitor, in the order of the fields.
    fn visit<'m>(&'m self, visitor: &mut Visitor<'_, 'm>);

    /// Shows every parameter to the visitor, to be changed, in the order of
    /// [`visit`](Self::visit).
    fn visit_mut<'m>(&'m mut self, visitor: &mut VisitorMut<'_, 'm>);

    /// Calls `f` with each parameter and its path.
    fn for_each_param<'m>(&'m self, f: &mut dyn FnMut(&str, ParamRef<'m>)) {
        self.visit(&mut Visitor { path: String::new(), each: f });
    }

    /// Calls `f` with each parameter and its path.
    fn for_each_param_mut<'m>(&'m mut self, f: &mut dyn FnMut(&str, ParamMut<'m>)) {
        self.visit_mut(&mut VisitorMut { path: String::new(), each: f });
    }

    /// The parameters with their paths, in the order of the fields.
    fn named_parameters(&self) -> Vec<(String, ParamRef<'_>)> {
        let mut all = Vec::new();
        self.for_each_param(&mut |path, param| all.push((path.to_string(), param)));
        all
    }

    /// The parameters with their paths, to be changed, in the order of the fields.
    fn named_parameters_mut(&mut self) -> Vec<(String, ParamMut<'_>)> {
        let mut all = Vec::new();
        self.for_each_param_mut(&mut |path, param| all.push((path.to_string(), param)));
        all
    }

    /// The number of elements of all parameters together, frozen ones included.
    fn parameter_count(&self) -> usize {
        let mut count = 0;
        self.for_each_param(&mut |_, param| count += param.len());
        count
    }

    /// Leaves all parameters out of training. A part of a model is a module too:
    /// `model.encoder.freeze()`.
    fn freeze(&mut self) {
        self.for_each_param_mut(&mut |_, mut param| param.set_frozen(true));
    }

    /// Takes all parameters back into training.
    fn unfreeze(&mut self) {
        self.for_each_param_mut(&mut |_, mut param| param.set_frozen(false));
    }

    /// Freezes the parameters at or under the path `prefix`: `encoder` means `encoder.weight` but not
    /// `encoders.weight`.
    ///
    /// # Panics
    /// When there is none.
    #[track_caller]
    fn freeze_under(&mut self, prefix: &str) {
        set_frozen_under(self.named_parameters_mut(), prefix, true);
    }

    /// Takes the parameters at or under the path `prefix` back into training.
    ///
    /// # Panics
    /// When there is none.
    #[track_caller]
    fn unfreeze_under(&mut self, prefix: &str) {
        set_frozen_under(self.named_parameters_mut(), prefix, false);
    }

    /// A table of the parameters, to be printed.
    fn summary(&self) -> Summary {
        let mut rows = Vec::new();
        self.for_each_param(&mut |path, param| {
            rows.push(Row {
                path: path.to_string(),
                dtype: param.dtype(),
                shape: param.shape().to_vec(),
                elements: param.len(),
                frozen: param.is_frozen(),
            });
        });
        Summary { rows }
    }
}

#[track_caller]
fn set_frozen_under(params: Vec<(String, ParamMut<'_>)>, prefix: &str, frozen: bool) {
    let under = |path: &str| match path.strip_prefix(prefix) {
        Some(rest) => rest.is_empty() || rest.starts_with('.') || prefix.is_empty(),
        None => false,
    };
    if !params.iter().any(|(path, _)| under(path)) {
        let paths: Vec<&str> = params.iter().map(|(path, _)| &path[..]).collect();
        panic!("no parameter at or under `{prefix}`; there are {}", paths.join(", "));
    }
    for (_, mut param) in params.into_iter().filter(|(path, _)| under(path)) {
        param.set_frozen(frozen);
    }
}

/// Walks over the parameters of a module and keeps the path.
pub struct Visitor<'v, 'm> {
    path: String,
    each: &'v mut dyn FnMut(&str, ParamRef<'m>),
}

/// Walks over the parameters of a module, to change them, and keeps the path.
pub struct VisitorMut<'v, 'm> {
    path: String,
    each: &'v mut dyn FnMut(&str, ParamMut<'m>),
}

/// Appends a name to a path; returns the length to cut it back to.
fn descend(path: &mut String, name: impl Display) -> usize {
    let before = path.len();
    let dot = if before == 0 { "" } else { "." };
    write!(path, "{dot}{name}").expect("writing to a string does not fail");
    before
}

impl<'m> Visitor<'_, 'm> {
    /// Visits what lies in the field `name` of the module being visited.
    pub fn field<M: Module + ?Sized>(&mut self, name: impl Display, module: &'m M) {
        let before = descend(&mut self.path, name);
        module.visit(self);
        self.path.truncate(before);
    }

    /// Visits a parameter at the present path.
    fn param(&mut self, param: ParamRef<'m>) {
        (self.each)(&self.path, param);
    }
}

impl<'m> VisitorMut<'_, 'm> {
    /// Visits what lies in the field `name` of the module being visited.
    pub fn field<M: Module + ?Sized>(&mut self, name: impl Display, module: &'m mut M) {
        let before = descend(&mut self.path, name);
        module.visit_mut(self);
        self.path.truncate(before);
    }

    /// Visits a parameter at the present path.
    fn param(&mut self, param: ParamMut<'m>) {
        (self.each)(&self.path, param);
    }
}

/// A parameter of either element type.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // each variant is named by its element type
pub enum ParamRef<'a> {
    F32(&'a Param<f32>),
    F64(&'a Param<f64>),
}

/// A parameter of either element type, to be changed.
#[derive(Debug)]
#[allow(missing_docs)]
pub enum ParamMut<'a> {
    F32(&'a mut Param<f32>),
    F64(&'a mut Param<f64>),
}

/// `Float` is sealed to the two types of the variants.
const SEALED: &str = "a float is f32 or f64";

impl<'a, T: Float> From<&'a Param<T>> for ParamRef<'a> {
    fn from(param: &'a Param<T>) -> Self {
        let param: &dyn Any = param;
        match param.downcast_ref() {
            Some(param) => ParamRef::F32(param),
            None => ParamRef::F64(param.downcast_ref().expect(SEALED)),
        }
    }
}

impl<'a, T: Float> From<&'a mut Param<T>> for ParamMut<'a> {
    fn from(param: &'a mut Param<T>) -> Self {
        let param: &mut dyn Any = param;
        if param.is::<Param<f32>>() {
            ParamMut::F32(param.downcast_mut().expect(SEALED))
        } else {
            ParamMut::F64(param.downcast_mut().expect(SEALED))
        }
    }
}

/// Runs `$body` with `$p` bound to what either variant holds.
macro_rules! each {
    ($any:expr, $enum:ident, $p:ident => $body:expr) => {
        match $any {
            $enum::F32($p) => $body,
            $enum::F64($p) => $body,
        }
    };
}

impl<'a> ParamRef<'a> {
    /// Its identity.
    pub fn id(self) -> ParamId {
        each!(self, ParamRef, p => p.id())
    }

    /// Its element type.
    pub fn dtype(self) -> DType {
        match self {
            ParamRef::F32(_) => DType::F32,
            ParamRef::F64(_) => DType::F64,
        }
    }

    /// Sizes of its axes.
    pub fn shape(self) -> &'a [usize] {
        each!(self, ParamRef, p => p.shape())
    }

    /// The number of its elements.
    pub fn len(self) -> usize {
        each!(self, ParamRef, p => p.len())
    }

    /// Whether it has no element.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Whether it is left out of training.
    pub fn is_frozen(self) -> bool {
        each!(self, ParamRef, p => p.is_frozen())
    }

    /// Its value, which shares the buffer.
    pub fn value(self) -> AnyTensor {
        match self {
            ParamRef::F32(p) => AnyTensor::F32(p.value().clone()),
            ParamRef::F64(p) => AnyTensor::F64(p.value().clone()),
        }
    }

    /// The parameter, if its elements are `T`.
    pub fn get<T: Float>(self) -> Option<&'a Param<T>> {
        each!(self, ParamRef, p => (p as &dyn Any).downcast_ref())
    }
}

impl<'a> ParamMut<'a> {
    /// The parameter, to read.
    pub fn as_ref(&self) -> ParamRef<'_> {
        match self {
            ParamMut::F32(p) => ParamRef::F32(p),
            ParamMut::F64(p) => ParamRef::F64(p),
        }
    }

    /// Leaves it out of training, or takes it back in.
    pub fn set_frozen(&mut self, frozen: bool) {
        each!(self, ParamMut, p => p.set_frozen(frozen));
    }

    /// The parameter, if its elements are `T`.
    pub fn get<T: Float>(self) -> Option<&'a mut Param<T>> {
        each!(self, ParamMut, p => (p as &mut dyn Any).downcast_mut())
    }
}

impl<T: Float> Module for Param<T> {
    fn visit<'m>(&'m self, visitor: &mut Visitor<'_, 'm>) {
        visitor.param(self.into());
    }
    fn visit_mut<'m>(&'m mut self, visitor: &mut VisitorMut<'_, 'm>) {
        visitor.param(self.into());
    }
}

impl<M: Module + ?Sized> Module for Box<M> {
    fn visit<'m>(&'m self, visitor: &mut Visitor<'_, 'm>) {
        (**self).visit(visitor);
    }
    fn visit_mut<'m>(&'m mut self, visitor: &mut VisitorMut<'_, 'm>) {
        (**self).visit_mut(visitor);
    }
}

/// Adds nothing to the path.
impl<M: Module> Module for Option<M> {
    fn visit<'m>(&'m self, visitor: &mut Visitor<'_, 'm>) {
        if let Some(module) = self {
            module.visit(visitor);
        }
    }
    fn visit_mut<'m>(&'m mut self, visitor: &mut VisitorMut<'_, 'm>) {
        if let Some(module) = self {
            module.visit_mut(visitor);
        }
    }
}

/// Each module under its index.
impl<M: Module> Module for [M] {
    fn visit<'m>(&'m self, visitor: &mut Visitor<'_, 'm>) {
        self.iter().enumerate().for_each(|(i, module)| visitor.field(i, module));
    }
    fn visit_mut<'m>(&'m mut self, visitor: &mut VisitorMut<'_, 'm>) {
        self.iter_mut().enumerate().for_each(|(i, module)| visitor.field(i, module));
    }
}

/// Each module under its index.
impl<M: Module> Module for Vec<M> {
    fn visit<'m>(&'m self, visitor: &mut Visitor<'_, 'm>) {
        self[..].visit(visitor);
    }
    fn visit_mut<'m>(&'m mut self, visitor: &mut VisitorMut<'_, 'm>) {
        self[..].visit_mut(visitor);
    }
}

/// Each module under its index.
impl<M: Module, const N: usize> Module for [M; N] {
    fn visit<'m>(&'m self, visitor: &mut Visitor<'_, 'm>) {
        self[..].visit(visitor);
    }
    fn visit_mut<'m>(&'m mut self, visitor: &mut VisitorMut<'_, 'm>) {
        self[..].visit_mut(visitor);
    }
}

macro_rules! tuple {
    ($($m:ident $i:tt),+) => {
        /// Each module under its position.
        impl<$($m: Module),+> Module for ($($m,)+) {
            fn visit<'m>(&'m self, visitor: &mut Visitor<'_, 'm>) {
                $(visitor.field($i, &self.$i);)+
            }
            fn visit_mut<'m>(&'m mut self, visitor: &mut VisitorMut<'_, 'm>) {
                $(visitor.field($i, &mut self.$i);)+
            }
        }
    };
}
tuple!(A 0);
tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);
tuple!(A 0, B 1, C 2, D 3);
tuple!(A 0, B 1, C 2, D 3, E 4);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5);

/// Settings hold no parameters. (Types by name: an implementation for all that is not a module would
/// overlook a module whose derive was forgotten.)
macro_rules! setting {
    ($($t:ty),*) => {$(
        impl Module for $t {
            fn visit<'m>(&'m self, _: &mut Visitor<'_, 'm>) {}
            fn visit_mut<'m>(&'m mut self, _: &mut VisitorMut<'_, 'm>) {}
        }
    )*};
}
setting!((), bool, char, String, &'static str, f32, f64, crate::Activation);
setting!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize);

impl<T: ?Sized> Module for PhantomData<T> {
    fn visit<'m>(&'m self, _: &mut Visitor<'_, 'm>) {}
    fn visit_mut<'m>(&'m mut self, _: &mut VisitorMut<'_, 'm>) {}
}

/// The parameters of a module as a table; see [`Module::summary`].
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// One row a parameter, in the order of the fields.
    pub rows: Vec<Row>,
}

/// One parameter of a [`Summary`].
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Where it lies in the module.
    pub path: String,
    /// Its element type.
    pub dtype: DType,
    /// Sizes of its axes.
    pub shape: Vec<usize>,
    /// The number of its elements.
    pub elements: usize,
    /// Whether it is left out of training.
    pub frozen: bool,
}

impl Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |frozen_only: bool| -> usize {
            let counted = self.rows.iter().filter(|r| r.frozen || !frozen_only);
            counted.map(|r| r.elements).sum()
        };
        let (total, frozen) = (count(false).to_string(), count(true));
        let shapes: Vec<String> =
            self.rows.iter().map(|r| format!("{}{}", r.dtype, Dims(&r.shape))).collect();
        let widest =
            |head: &str, texts: &mut dyn Iterator<Item = usize>| texts.fold(head.len(), usize::max);
        let path = widest("parameter", &mut self.rows.iter().map(|r| r.path.len()));
        let shape = widest("shape", &mut shapes.iter().map(String::len));
        let elements = total.len().max("elements".len());
        writeln!(f, "{:path$}  {:shape$}  {:>elements$}", "parameter", "shape", "elements")?;
        for (row, text) in self.rows.iter().zip(&shapes) {
            let note = if row.frozen { "  frozen" } else { "" };
            writeln!(f, "{:path$}  {text:shape$}  {:>elements$}{note}", row.path, row.elements)?;
        }
        write!(f, "{:path$}  {:shape$}  {total:>elements$}", "total", "")?;
        if frozen > 0 {
            write!(f, "  {frozen} frozen")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::Tensor;

    fn param(shape: impl AsRef<[usize]>) -> Param<f64> {
        Param::new(Tensor::zeros(shape))
    }

    fn paths(module: &dyn Module) -> Vec<String> {
        module.named_parameters().into_iter().map(|(path, _)| path).collect()
    }

    #[derive(crate::Module)]
    struct Affine<T: Float> {
        weight: Param<T>,
        bias: Option<Param<T>>,
        eps: f64,
        #[module(skip)]
        scale: T,
    }

    fn affine(bias: bool) -> Affine<f64> {
        Affine { weight: param([2, 3]), bias: bias.then(|| param([2])), eps: 1e-6, scale: 2.0 }
    }

    #[derive(crate::Module)]
    struct Net<M> {
        first: M,
        r#type: (Param<f32>, Param<f64>),
        layers: Vec<Box<dyn Module>>,
        pair: [M; 2],
        mark: PhantomData<fn() -> M>,
    }

    fn net() -> Net<Affine<f64>> {
        Net {
            first: affine(true),
            r#type: (Param::new(Tensor::zeros([5])), param([])),
            layers: vec![Box::new(affine(false)), Box::new(param([4]))],
            pair: [affine(false), affine(false)],
            mark: PhantomData,
        }
    }

    #[test]
    fn paths_follow_the_fields_in_their_order() {
        let net = net();
        assert!(net.first.eps > 0.0 && net.first.scale > 0.0);
        let expected = [
            "first.weight",
            "first.bias",
            "type.0",
            "type.1",
            "layers.0.weight",
            "layers.1",
            "pair.0.weight",
            "pair.1.weight",
        ];
        assert_eq!(paths(&net), expected);
        assert_eq!(net.parameter_count(), 6 + 2 + 5 + 1 + 6 + 4 + 6 + 6);
    }

    #[test]
    fn both_visits_show_the_same_parameters() {
        let mut net = net();
        let shared: Vec<(String, ParamId)> =
            net.named_parameters().into_iter().map(|(path, p)| (path, p.id())).collect();
        let mutable: Vec<(String, ParamId)> = net
            .named_parameters_mut()
            .into_iter()
            .map(|(path, p)| (path, p.as_ref().id()))
            .collect();
        assert_eq!(shared, mutable);
    }

    #[derive(crate::Module)]
    struct Wrapper(Affine<f64>);

    #[derive(crate::Module)]
    struct Pair<A, B: Module>(A, #[module(skip)] std::time::Duration, B);

    #[derive(crate::Module)]
    struct Unit;

    #[derive(crate::Module)]
    enum Never {}

    #[derive(crate::Module)]
    enum Layer<T: Float> {
        Affine(Affine<T>),
        Both { left: Param<T>, right: Box<Layer<T>> },
        Nothing,
    }

    #[test]
    fn tuple_structs_and_enums_are_modules() {
        assert_eq!(paths(&Wrapper(affine(true))), ["weight", "bias"]);
        let pair = Pair(param([1]), std::time::Duration::ZERO, affine(false));
        assert!(pair.1.is_zero());
        assert_eq!(paths(&pair), ["0", "2.weight"]);
        assert_eq!(paths(&Unit), [""; 0]);
        assert_eq!(paths(&None::<Never>), [""; 0]);
        let tree = Layer::Both { left: param([1]), right: Box::new(Layer::Affine(affine(true))) };
        assert_eq!(paths(&tree), ["left", "right.weight", "right.bias"]);
        assert_eq!(paths(&Layer::<f32>::Nothing), [""; 0]);
    }

    #[test]
    fn parameters_are_found_by_their_type() {
        let (narrow, wide) = (Param::new(Tensor::<f32>::zeros([2])), param([3]));
        let both = (narrow, wide);
        let found = both.named_parameters();
        assert_eq!((found[0].1.dtype(), found[1].1.dtype()), (DType::F32, DType::F64));
        assert_eq!(found[0].1.get::<f32>().map(Param::id), Some(both.0.id()));
        assert!(found[0].1.get::<f64>().is_none());
        assert_eq!(found[1].1.value(), AnyTensor::F64(both.1.value().clone()));
    }

    #[test]
    fn freezing_reaches_the_whole_or_a_part() {
        let frozen = |net: &Net<Affine<f64>>| {
            let all = net.named_parameters().into_iter();
            all.filter(|(_, p)| p.is_frozen()).map(|(path, _)| path).collect::<Vec<_>>()
        };
        let mut net = net();
        net.first.freeze();
        assert_eq!(frozen(&net), ["first.weight", "first.bias"]);
        net.unfreeze_under("first.bias");
        net.freeze_under("layers.0");
        assert_eq!(frozen(&net), ["first.weight", "layers.0.weight"]);
        net.freeze();
        assert_eq!(frozen(&net).len(), 8);
        net.unfreeze();
        assert_eq!(frozen(&net).len(), 0);
    }

    #[test]
    #[should_panic(
        expected = "no parameter at or under `firs`; there are first.weight, first.bias"
    )]
    fn freezing_what_does_not_exist_panics() {
        net().freeze_under("firs");
    }

    #[test]
    fn the_summary_is_a_table() {
        let mut affine = affine(true);
        affine.bias.freeze();
        let text = affine.summary().to_string();
        let expected = "\
parameter  shape      elements
weight     f64[2, 3]         6
bias       f64[2]            2  frozen
total                        8  2 frozen";
        assert_eq!(text, expected);
        assert_eq!(Unit.summary().to_string().lines().count(), 2);
    }
}
