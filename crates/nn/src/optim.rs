//! Optimisers: how parameters move along their gradients.
//!
//! Each file holds one formula, for one element; what is the same for all of them is here: finding
//! the parameters, checking the gradients, keeping the running averages, and one pass over all of
//! it. A formula of your own is a [`Formula`], a [`State`] and four lines of [`Optimizer`].

mod adam;
mod adamw;
mod pass;
mod sgd;
mod state;

pub use adam::Adam;
pub use adamw::AdamW;
pub use pass::Formula;
pub use sgd::Sgd;
pub use state::{Kept, State};

use tape::{Gradients, NoGradient};
use tensor::shape::Dims;

use crate::Module;

/// Moves the parameters of a model along their gradients.
pub trait Optimizer {
    /// Moves every parameter that is not frozen by one step. What is kept for a parameter from step
    /// to step is found by its path in the model, so a model that was loaded or cloned goes on.
    ///
    /// # Errors
    /// When a parameter has no gradient, or one that is not finite. Then nothing has changed: no
    /// parameter, and nothing of what is kept.
    fn step(&mut self, model: &mut dyn Module, grads: &Gradients) -> Result<(), OptimError>;

    /// The settings besides the learning rate, as text: a training run is resumed only with the
    /// settings it was saved with.
    fn settings(&self) -> String;

    /// The learning rate, and what is kept for each parameter from step to step.
    fn state(&self) -> &State;

    /// The same, to be changed.
    fn state_mut(&mut self) -> &mut State;

    /// The learning rate.
    fn learning_rate(&self) -> f64 {
        self.state().learning_rate()
    }

    /// Changes the learning rate from the next step on.
    ///
    /// # Panics
    /// When it is negative or not finite.
    #[track_caller]
    fn set_learning_rate(&mut self, rate: f64) {
        self.state_mut().set_learning_rate(rate);
    }
}

/// Why no step was made. Nothing has changed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OptimError {
    /// A parameter that is not frozen has no gradient.
    #[error("no gradient for `{path}`, which is not frozen: {reason}")]
    MissingGradient {
        /// The parameter's path in the model.
        path: String,
        /// Why there is none.
        reason: NoGradient,
    },
    /// A gradient is infinite or not a number.
    #[error("the gradient of `{path}` is {value} at {index:?}")]
    NonFinite {
        /// The parameter's path in the model.
        path: String,
        /// Where in the gradient, one number an axis: the first such element.
        index: Vec<usize>,
        /// The element.
        value: f64,
    },
    /// What is kept under a path is of another shape or type than the parameter.
    #[error("`{path}` is {model}, but what the optimiser keeps for it is {kept}")]
    Kept {
        /// The parameter's path in the model.
        path: String,
        /// Type and shape of the parameter, as in `f32[8, 64]`.
        model: String,
        /// Type and shape of what is kept.
        kept: String,
    },
}

/// `f32[8, 64]`.
fn signature(dtype: tensor::DType, shape: &[usize]) -> String {
    format!("{dtype}{}", Dims(shape))
}

/// Refuses a setting outside of its range.
#[track_caller]
fn check(name: &str, value: f64, range: std::ops::Range<f64>) -> f64 {
    assert!(
        range.contains(&value),
        "{name} {value:?} is outside of [{:?}, {:?})",
        range.start,
        range.end
    );
    value
}

#[cfg(test)]
mod tests;
