//! Softmax, its logarithm, and the cross-entropy of logits: compositions of stable parts.

use tensor::Float;
use tensor::error::OrPanic;

use crate::var::Var;

impl<'t, T: Float> Var<'t, T> {
    /// `e^(xᵢ) / Σⱼ e^(xⱼ)` along `axis` (lecture 1, softmax). The largest logit is subtracted first,
    /// which changes nothing and keeps every exponent at most 0. A row of -∞ alone has no softmax: it
    /// is NaN, and other rows are untouched.
    ///
    /// # Panics
    /// When the axis is out of range.
    #[track_caller]
    pub fn softmax(self, axis: isize) -> Self {
        let e = self.below_max(axis).exp();
        e / e.sum_keepdim(axis)
    }

    /// `xᵢ - ln Σⱼ e^(xⱼ)` along `axis`, without overflow.
    ///
    /// # Panics
    /// When the axis is out of range.
    #[track_caller]
    pub fn log_softmax(self, axis: isize) -> Self {
        let z = self.below_max(axis);
        z - z.exp().sum_keepdim(axis).ln()
    }

    /// `-ln softmax(x)[label]` for each row of logits `[.., classes]` and its class `[..]`: one
    /// number a row (lecture 1, softmax and cross-entropy).
    ///
    /// A label outside of `0..classes` is an error of the evaluation.
    ///
    /// # Panics
    /// When the shapes do not fit.
    #[track_caller]
    pub fn cross_entropy(self, labels: Var<'t, i64>) -> Self {
        let (x, l) = (self.shape(), labels.shape());
        if x.len() != l.len() + 1 || x[..l.len()] != l[..] {
            panic!(
                "cross_entropy: logits of shape {} need one label a row, not labels of shape {}",
                tensor::shape::Dims(&x),
                tensor::shape::Dims(&l)
            );
        }
        -self.log_softmax(-1).gather(-1, labels.unsqueeze(-1)).squeeze(-1)
    }

    /// The distance below the largest element along `axis`, whose own derivative cancels.
    #[track_caller]
    fn below_max(self, axis: isize) -> Self {
        let shape = self.shape();
        let k = tensor::shape::axis("softmax", axis, &shape).or_panic();
        if shape[k] == 0 {
            return self;
        }
        self - self.detach().max_keepdim(axis)
    }
}
