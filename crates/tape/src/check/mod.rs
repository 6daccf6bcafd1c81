//! Gradient checking in `f64`: a rule for a derivative against differences of the function.
//!
//! Three verdicts, no step and no absolute tolerance to choose: a derivative passes if it agrees with
//! the function's to nine digits or to what round-off allows, fails if it does not, and is
//! *inconclusive*, which is an error too, where the function does not tell (a kink, or values so
//! noisy that they hide the derivative).

mod compare;
mod engine;
mod function;
mod locate;
mod noise;
mod numeric;
mod random;
mod report;
mod subject;
#[cfg(test)]
mod tests;

pub use function::Differentiable;
pub use report::{Comparison, Derivative, Element, Finding, Findings, GradcheckError, Report};

use engine::Options;
use random::Random;
use subject::Subject;
use tensor::Tensor;

/// A gradient check with options; [`gradcheck`] is the one without.
///
/// By default every entry of the Jacobian is compared, by differences along every element, up to
/// 65,536 entries and 1024 input elements; above that, random combinations of the outputs along
/// random directions.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gradcheck {
    options: Options,
}

impl Gradcheck {
    /// The defaults.
    pub fn new() -> Self {
        Gradcheck::default()
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
