//! Losses: a number to be made small. All return a variable of shape `[]`.
//!
//! The prediction comes first, the target second, and their shapes must be equal: broadcasting one to
//! the other, `[n]` against `[n, 1]`, would compare every sample with every other.
//!
//! Rows are samples. What is averaged over differs, as it does in the literature:
//!
//! | loss | averaged over |
//! |---|---|
//! | [`half_squared_error`], [`cross_entropy`], [`cross_entropy_probs`], [`nll`] | samples |
//! | [`mse`], [`l1`], [`huber`], [`binary_cross_entropy_logits`] | elements |
//! | [`frobenius`] | nothing: it is a sum |
//!
//! A mean over no sample is NaN.

mod entropy;
mod error;

pub use entropy::{binary_cross_entropy_logits, cross_entropy, cross_entropy_probs, nll};
pub use error::{frobenius, half_squared_error, huber, l1, mse};

use tape::Var;
use tensor::Float;
use tensor::shape::Dims;

/// Refuses a prediction and a target of different shapes.
#[track_caller]
fn same_shape<T: Float>(loss: &str, prediction: Var<'_, T>, target: Var<'_, T>) {
    let (p, t) = (prediction.shape(), target.shape());
    assert!(p == t, "{loss}: prediction {} and target {} differ in shape", Dims(&p), Dims(&t));
}
