//! Modules: structs that hold parameters, and what can be done with all of them at once.
//!
//! A module is an ordinary struct. `#[derive(Module)]` lets it show its parameters, each with its
//! path through the struct, such as `encoder.weight` or `layers.0.bias`. Everything else stands on
//! these visits: optimisers, checkpoints, counting, freezing, the summary.

mod impls;
mod param;
mod summary;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::fmt::Write;

pub use param::{ParamMut, ParamRef};
pub use summary::{Row, Summary};

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
        with_path(|path| self.visit(&mut Visitor { path, each: f }));
    }

    /// Calls `f` with each parameter and its path.
    fn for_each_param_mut<'m>(&'m mut self, f: &mut dyn FnMut(&str, ParamMut<'m>)) {
        with_path(|path| self.visit_mut(&mut VisitorMut { path, each: f }));
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

    /// Freezes the parameters at or under the path `prefix`: `encoder` means `encoder.weight` but
    /// not `encoders.weight`.
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
    path: &'v mut String,
    each: &'v mut dyn FnMut(&str, ParamRef<'m>),
}

/// Walks over the parameters of a module, to change them, and keeps the path.
pub struct VisitorMut<'v, 'm> {
    path: &'v mut String,
    each: &'v mut dyn FnMut(&str, ParamMut<'m>),
}

thread_local! {
    /// Memory for the path of the next visit.
    static PATH: Cell<String> = const { Cell::new(String::new()) };
}

/// Runs `visit` with an empty path.
#[inline]
fn with_path(visit: impl FnOnce(&mut String)) {
    let mut path = PATH.try_with(Cell::take).unwrap_or_default();
    visit(&mut path);
    path.clear();
    // Fails while the thread is torn down, when nobody needs it.
    let _ = PATH.try_with(|spare| spare.set(path));
}

/// The name of a field, or the number of an element: what a path consists of.
///
/// (Not any [`Display`](std::fmt::Display): its machinery takes longer than an optimiser does for
/// the parameters of a small layer.)
pub trait Name {
    /// Appends the name to a path.
    fn append_to(&self, path: &mut String);
}

impl Name for &str {
    fn append_to(&self, path: &mut String) {
        path.push_str(self);
    }
}

impl Name for &String {
    fn append_to(&self, path: &mut String) {
        path.push_str(self);
    }
}

impl Name for usize {
    fn append_to(&self, path: &mut String) {
        match u8::try_from(*self) {
            Ok(digit @ 0..10) => path.push((b'0' + digit).into()),
            _ => write!(path, "{self}").expect("writing to a string does not fail"),
        }
    }
}

/// Appends a name to a path; returns the length to cut it back to.
fn descend(path: &mut String, name: impl Name) -> usize {
    let before = path.len();
    if before > 0 {
        path.push('.');
    }
    name.append_to(path);
    before
}

impl<'m> Visitor<'_, 'm> {
    /// Visits what lies in the field `name` of the module being visited.
    #[inline]
    pub fn field<M: Module + ?Sized>(&mut self, name: impl Name, module: &'m M) {
        let before = descend(self.path, name);
        module.visit(self);
        self.path.truncate(before);
    }

    /// Visits a parameter at the present path.
    fn param(&mut self, param: ParamRef<'m>) {
        (self.each)(self.path, param);
    }
}

impl<'m> VisitorMut<'_, 'm> {
    /// Visits what lies in the field `name` of the module being visited.
    #[inline]
    pub fn field<M: Module + ?Sized>(&mut self, name: impl Name, module: &'m mut M) {
        let before = descend(self.path, name);
        module.visit_mut(self);
        self.path.truncate(before);
    }

    /// Visits a parameter at the present path.
    fn param(&mut self, param: ParamMut<'m>) {
        (self.each)(self.path, param);
    }
}
