//! Gradient checking in `f64`: a rule for a derivative against differences of the function.
//!
//! Three verdicts, no step and no absolute tolerance to choose: a derivative passes if it agrees
//! with the function's to nine digits or to what round-off allows, fails if it does not, and is
//! *inconclusive*, which is an error too, where the function does not tell (a kink, or values so
//! noisy that they hide the derivative).

pub(crate) mod compare;
mod engine;
mod function;
mod locate;
mod noise;
pub(crate) mod numeric;
mod program;
mod random;
mod report;
mod subject;
#[cfg(test)]
mod tests;

pub use function::Differentiable;
pub use program::Program;
pub use report::{Comparison, Derivative, Element, Finding, Findings, GradcheckError, Report};

use crate::Var;
use engine::Options;
use program::{Closure, First, Second};
use random::Random;
use subject::Subject;
use tensor::Tensor;

/// Checks the gradients of `f` at `inputs`, and the gradients of its gradients, against differences
/// of its values.
///
/// The second order is the check of `G(x, v) = J(x)ᵀ v` as a function of both, at random `v`. An
/// input that `f` does not reach has the gradient 0, and so must the function.
///
/// # Errors
/// [`GradcheckError`]: a gradient is wrong or cannot be judged, or `f` is not finite or not the
/// same each time it is computed.
pub fn gradcheck<const N: usize>(
    f: impl for<'t> Fn([Var<'t, f64>; N]) -> Var<'t, f64>,
    inputs: [Tensor<f64>; N],
) -> Result<Report, GradcheckError> {
    Gradcheck::new().check(f, inputs)
}

/// A gradient check with options; [`gradcheck`] is the one without.
///
/// By default every entry of the Jacobian is compared, by differences along every element, up to
/// 65,536 entries and 1024 input elements; above that, random combinations of the outputs along
/// random directions.
#[derive(Clone, Copy, Debug)]
pub struct Gradcheck {
    options: Options,
    order: u32,
}

impl Default for Gradcheck {
    fn default() -> Self {
        Gradcheck { options: Options::default(), order: 2 }
    }
}

impl Gradcheck {
    /// The defaults.
    pub fn new() -> Self {
        Gradcheck::default()
    }

    /// The highest order that is checked: 1 for gradients, 2 (the default) for gradients of
    /// gradients too.
    ///
    /// # Panics
    /// When it is another number.
    #[track_caller]
    pub fn order(mut self, order: u32) -> Self {
        assert!(matches!(order, 1 | 2), "gradcheck: order {order} is neither 1 nor 2");
        self.order = order;
        self
    }

    /// Along random directions only, however small the function is.
    pub fn projected(mut self) -> Self {
        self.options.projected = Some(true);
        self
    }

    /// Entry by entry, however large the Jacobian is.
    pub fn full(mut self) -> Self {
        self.options.projected = Some(false);
        self
    }

    /// Other random directions.
    pub fn seed(mut self, seed: u64) -> Self {
        self.options.seed = seed;
        self
    }

    /// Lets pass what cannot be judged; [`Report::inconclusive`] counts it.
    pub fn allow_inconclusive(mut self) -> Self {
        self.options.allow_inconclusive = true;
        self
    }

    /// Checks the gradient of `f` at `inputs`, as [`gradcheck`] does.
    ///
    /// # Errors
    /// As [`gradcheck`].
    pub fn check<const N: usize>(
        &self,
        f: impl for<'t> Fn([Var<'t, f64>; N]) -> Var<'t, f64>,
        inputs: [Tensor<f64>; N],
    ) -> Result<Report, GradcheckError> {
        self.check_program(&Closure(f), &inputs)
    }

    /// Checks the gradient of anything that can be recorded at given inputs.
    ///
    /// # Errors
    /// As [`gradcheck`].
    pub fn check_program(
        &self,
        program: &dyn Program,
        inputs: &[Tensor<f64>],
    ) -> Result<Report, GradcheckError> {
        let first = First(program);
        let report = self.run(&first, inputs, 1)?;
        if self.order == 1 {
            return Ok(report);
        }
        let y = first.value(inputs).expect("the first check has evaluated it");
        let mut inputs = inputs.to_vec();
        let arity = inputs.len();
        let v = Random::new(!self.options.seed).normals(y[0].len());
        inputs.push(Tensor::from_vec(v, y[0].shape()).expect("a number for each output"));
        Ok(report.and(self.run(&Second { program, arity }, &inputs, 2)?))
    }

    /// Checks a function that brings its own rule, to order 1.
    ///
    /// # Errors
    /// [`GradcheckError`]: the rule is wrong, cannot be judged, or breaks a promise.
    pub fn check_function(
        &self,
        function: &dyn Differentiable,
        inputs: &[Tensor<f64>],
    ) -> Result<Report, GradcheckError> {
        self.run(function, inputs, 1)
    }

    fn run(
        &self,
        function: &dyn Differentiable,
        inputs: &[Tensor<f64>],
        order: u32,
    ) -> Result<Report, GradcheckError> {
        let mut random = Random::new(self.options.seed);
        let subject = Subject::new(function, inputs, &mut random)?;
        engine::check(&subject, &mut random, order, self.options)
    }
}
