//! Means and spreads: compositions, so their rules are those of sums, products and norms.

use tensor::{Axes, AxisSet, Float};

use super::sum::axis_set;
use crate::var::Var;

impl<'t, T: Float> Var<'t, T> {
    /// The mean of all elements, of shape `[]`; NaN if there is none.
    #[track_caller]
    pub fn mean(self) -> Self {
        self.sum() / self.len() as f64
    }

    /// The mean over `axes`, which disappear; NaN if they hold no element.
    ///
    /// # Panics
    /// When an axis is out of range or named twice.
    #[track_caller]
    pub fn mean_axis(self, axes: impl Axes) -> Self {
        let n = axis_set("mean_axis", self, &axes).count(&self.shape());
        self.sum_axis(axes) / n as f64
    }

    /// The mean over `axes`, which keep size 1; NaN if they hold no element.
    ///
    /// # Panics
    /// When an axis is out of range or named twice.
    #[track_caller]
    pub fn mean_keepdim(self, axes: impl Axes) -> Self {
        let n = axis_set("mean_keepdim", self, &axes).count(&self.shape());
        self.sum_keepdim(axes) / n as f64
    }

    /// The variance of all elements, `Σ(x - mean)² / (n - correction)`: 1 for the unbiased estimate, 0
    /// for the population; NaN if `n ≤ correction`.
    #[track_caller]
    pub fn var(self, correction: usize) -> Self {
        let all = AxisSet::all(self.rank());
        let deviation = self - self.mean();
        deviation.square().sum() / freedom(self, all, correction)
    }

    /// The variance over `axes`, which disappear; see [`var`](Self::var).
    ///
    /// # Panics
    /// When an axis is out of range or named twice.
    #[track_caller]
    pub fn var_axis(self, axes: impl Axes, correction: usize) -> Self {
        let n = freedom(self, axis_set("var_axis", self, &axes), correction);
        (self - self.mean_keepdim(&axes)).square().sum_axis(axes) / n
    }

    /// The variance over `axes`, which keep size 1; see [`var`](Self::var).
    ///
    /// # Panics
    /// When an axis is out of range or named twice.
    #[track_caller]
    pub fn var_keepdim(self, axes: impl Axes, correction: usize) -> Self {
        let n = freedom(self, axis_set("var_keepdim", self, &axes), correction);
        (self - self.mean_keepdim(&axes)).square().sum_keepdim(axes) / n
    }

    /// The standard deviation of all elements, `‖x - mean‖ / √(n - correction)`; see
    /// [`var`](Self::var). Its derivative where all elements are equal is 0, as that of the norm at 0.
    #[track_caller]
    pub fn std(self, correction: usize) -> Self {
        let all = AxisSet::all(self.rank());
        (self - self.mean()).norm() / freedom(self, all, correction).sqrt()
    }

    /// The standard deviation over `axes`, which disappear; see [`std`](Self::std).
    ///
    /// # Panics
    /// When an axis is out of range or named twice.
    #[track_caller]
    pub fn std_axis(self, axes: impl Axes, correction: usize) -> Self {
        let n = freedom(self, axis_set("std_axis", self, &axes), correction);
        (self - self.mean_keepdim(&axes)).norm_axis(axes) / n.sqrt()
    }

    /// The standard deviation over `axes`, which keep size 1; see [`std`](Self::std).
    ///
    /// # Panics
    /// When an axis is out of range or named twice.
    #[track_caller]
    pub fn std_keepdim(self, axes: impl Axes, correction: usize) -> Self {
        let n = freedom(self, axis_set("std_keepdim", self, &axes), correction);
        (self - self.mean_keepdim(&axes)).norm_keepdim(axes) / n.sqrt()
    }
}

/// The divisor of a variance; 0 if there are no more elements than `correction`, which makes it 0/0.
fn freedom<T: Float>(x: Var<'_, T>, axes: AxisSet, correction: usize) -> f64 {
    axes.count(&x.shape()).saturating_sub(correction) as f64
}
