//! Reductions of floats alone: means and what is made of them, norms, sums of exponentials.

use super::ANY;
use super::Reduced::{Gone, Kept};
use crate::element::Float;
use crate::kernel;
use crate::shape::Axes;
use crate::tensor::Tensor;

impl<T: Float> Tensor<T> {
    /// `Σ x / n`; the mean of nothing is NaN.
    #[track_caller]
    pub fn mean(&self) -> Tensor<T> {
        self.whole("mean", ANY, kernel::mean)
    }

    /// As [`mean`](Self::mean), over `axes`, which disappear.
    ///
    /// # Panics
    /// When an axis is out of range or named twice.
    #[track_caller]
    pub fn mean_axis(&self, axes: impl Axes) -> Tensor<T> {
        self.along("mean", ANY, axes, Gone, kernel::mean)
    }

    /// As [`mean`](Self::mean), over `axes`, which stay with size 1.
    ///
    /// # Panics
    /// When an axis is out of range or named twice.
    #[track_caller]
    pub fn mean_keepdim(&self, axes: impl Axes) -> Tensor<T> {
        self.along("mean", ANY, axes, Kept, kernel::mean)
    }

    /// `Σ (x - mean)² / (n - correction)`; NaN where `n <= correction`. A correction of 1 makes it
    /// unbiased, 0 is the variance of the elements themselves.
    #[track_caller]
    pub fn var(&self, correction: usize) -> Tensor<T> {
        self.whole("var", ANY, |x, axes, out| kernel::var(x, axes, correction, out))
    }

    /// As [`var`](Self::var), over `axes`, which disappear.
    ///
    /// # Panics
    /// When an axis is out of range or named twice.
    #[track_caller]
    pub fn var_axis(&self, axes: impl Axes, correction: usize) -> Tensor<T> {
        self.along("var", ANY, axes, Gone, |x, axes, out| kernel::var(x, axes, correction, out))
    }

    /// As [`var`](Self::var), over `axes`, which stay with size 1.
    ///
    /// # Panics
    /// When an axis is out of range or named twice.
    #[track_caller]
    pub fn var_keepdim(&self, axes: impl Axes, correction: usize) -> Tensor<T> {
        self.along("var", ANY, axes, Kept, |x, axes, out| kernel::var(x, axes, correction, out))
    }

    /// The square root of [`var`](Self::var).
    #[track_caller]
    pub fn std(&self, correction: usize) -> Tensor<T> {
        self.whole("std", ANY, |x, axes, out| kernel::std(x, axes, correction, out))
    }

    /// As [`std`](Self::std), over `axes`, which disappear.
    ///
    /// # Panics
    /// When an axis is out of range or named twice.
    #[track_caller]
    pub fn std_axis(&self, axes: impl Axes, correction: usize) -> Tensor<T> {
        self.along("std", ANY, axes, Gone, |x, axes, out| kernel::std(x, axes, correction, out))
    }

    /// As [`std`](Self::std), over `axes`, which stay with size 1.
    ///
    /// # Panics
    /// When an axis is out of range or named twice.
    #[track_caller]
    pub fn std_keepdim(&self, axes: impl Axes, correction: usize) -> Tensor<T> {
        self.along("std", ANY, axes, Kept, |x, axes, out| kernel::std(x, axes, correction, out))
    }

    /// `√(Σ x²)`, without overflow or underflow on the way; the norm of nothing is 0.
    #[track_caller]
    pub fn norm(&self) -> Tensor<T> {
        self.whole("norm", ANY, kernel::norm)
    }

    /// As [`norm`](Self::norm), over `axes`, which disappear.
    ///
    /// # Panics
    /// When an axis is out of range or named twice.
    #[track_caller]
    pub fn norm_axis(&self, axes: impl Axes) -> Tensor<T> {
        self.along("norm", ANY, axes, Gone, kernel::norm)
    }

    /// As [`norm`](Self::norm), over `axes`, which stay with size 1.
    ///
    /// # Panics
    /// When an axis is out of range or named twice.
    #[track_caller]
    pub fn norm_keepdim(&self, axes: impl Axes) -> Tensor<T> {
        self.along("norm", ANY, axes, Kept, kernel::norm)
    }

    /// `ln Σ exp x`, without overflow on the way; -inf for nothing.
    #[track_caller]
    pub fn logsumexp(&self) -> Tensor<T> {
        self.whole("logsumexp", ANY, kernel::logsumexp)
    }

    /// As [`logsumexp`](Self::logsumexp), over `axes`, which disappear.
    ///
    /// # Panics
    /// When an axis is out of range or named twice.
    #[track_caller]
    pub fn logsumexp_axis(&self, axes: impl Axes) -> Tensor<T> {
        self.along("logsumexp", ANY, axes, Gone, kernel::logsumexp)
    }

    /// As [`logsumexp`](Self::logsumexp), over `axes`, which stay with size 1.
    ///
    /// # Panics
    /// When an axis is out of range or named twice.
    #[track_caller]
    pub fn logsumexp_keepdim(&self, axes: impl Axes) -> Tensor<T> {
        self.along("logsumexp", ANY, axes, Kept, kernel::logsumexp)
    }
}
