//! Comparisons, logic and selection.
//!
//! The methods that compare elements are called `eq_to` and `ne_to` since `==` compares whole
//! tensors. Every comparison with NaN is false, but `ne_to`, which is true.

use crate::arith::Operand;
use crate::element::{Element, Float};
use crate::error::{OrPanic, ShapeError};
use crate::kernel;
use crate::shape::{self, Dims, Shape};
use crate::tensor::Tensor;

impl<T: Element> Tensor<T> {
    /// Where the elements are equal; 0 equals -0, NaN equals nothing. Broadcasts.
    ///
    /// # Panics
    /// When the shapes do not broadcast.
    #[track_caller]
    pub fn eq_to(&self, other: impl Operand<T>) -> Tensor<bool> {
        self.zip_named("eq_to", &other.operand(), |a, b| a == b)
    }

    /// Where the elements differ; NaN differs from everything. Broadcasts.
    ///
    /// # Panics
    /// When the shapes do not broadcast.
    #[track_caller]
    pub fn ne_to(&self, other: impl Operand<T>) -> Tensor<bool> {
        self.zip_named("ne_to", &other.operand(), |a, b| a != b)
    }

    /// Where `self < other`. Broadcasts.
    ///
    /// # Panics
    /// When the shapes do not broadcast.
    #[track_caller]
    pub fn lt(&self, other: impl Operand<T>) -> Tensor<bool> {
        self.zip_named("lt", &other.operand(), |a, b| a < b)
    }

    /// Where `self <= other`. Broadcasts.
    ///
    /// # Panics
    /// When the shapes do not broadcast.
    #[track_caller]
    pub fn le(&self, other: impl Operand<T>) -> Tensor<bool> {
        self.zip_named("le", &other.operand(), |a, b| a <= b)
    }

    /// Where `self > other`. Broadcasts.
    ///
    /// # Panics
    /// When the shapes do not broadcast.
    #[track_caller]
    pub fn gt(&self, other: impl Operand<T>) -> Tensor<bool> {
        self.zip_named("gt", &other.operand(), |a, b| a > b)
    }

    /// Where `self >= other`. Broadcasts.
    ///
    /// # Panics
    /// When the shapes do not broadcast.
    #[track_caller]
    pub fn ge(&self, other: impl Operand<T>) -> Tensor<bool> {
        self.zip_named("ge", &other.operand(), |a, b| a >= b)
    }
}

impl Tensor<bool> {
    /// Where both hold. Broadcasts.
    ///
    /// # Panics
    /// When the shapes do not broadcast.
    #[track_caller]
    pub fn and(&self, other: impl Operand<bool>) -> Self {
        self.zip_named("and", &other.operand(), |a, b| a & b)
    }

    /// Where at least one holds. Broadcasts.
    ///
    /// # Panics
    /// When the shapes do not broadcast.
    #[track_caller]
    pub fn or(&self, other: impl Operand<bool>) -> Self {
        self.zip_named("or", &other.operand(), |a, b| a | b)
    }

    /// Where it does not hold.
    #[must_use]
    pub fn not(&self) -> Self {
        self.map(|x| !x)
    }

    /// The element of `a` where the mask holds, that of `b` elsewhere. All three broadcast; what is
    /// not selected may be anything, NaN included.
    ///
    /// # Panics
    /// When the shapes do not broadcast.
    #[track_caller]
    pub fn select<T: Element>(&self, a: impl Operand<T>, b: impl Operand<T>) -> Tensor<T> {
        let (a, b) = (a.operand(), b.operand());
        let shape = select_shape(self.shape(), a.shape(), b.shape()).or_panic();
        let (mask, a, b) =
            (self.broadcast_to(&shape), a.broadcast_to(&shape), b.broadcast_to(&shape));
        Tensor::build(&shape, |out| {
            kernel::map3(mask.view(), a.view(), b.view(), out, |mask, a, b, out| {
                for (((out, &m), &a), &b) in out.iter_mut().zip(mask).zip(a).zip(b) {
                    *out = if m { a } else { b };
                }
            });
        })
    }
}

/// The shape of [`Tensor::select`]: mask and both branches broadcast together.
///
/// # Errors
/// When they do not broadcast.
pub fn select_shape(mask: &[usize], a: &[usize], b: &[usize]) -> Result<Shape, ShapeError> {
    shape::broadcast("select", mask, &shape::broadcast("select", a, b)?)
}

impl<T: Float> Tensor<T> {
    /// Where the elements are NaN.
    pub fn is_nan(&self) -> Tensor<bool> {
        self.map(T::is_nan)
    }

    /// Where the elements are neither infinite nor NaN.
    pub fn is_finite(&self) -> Tensor<bool> {
        self.map(T::is_finite)
    }

    /// Whether the shapes are equal and every element has `|a - b| <= atol + rtol·|b|`, equal
    /// infinities included. Never if there is a NaN.
    pub fn allclose(&self, other: &Self, rtol: f64, atol: f64) -> bool {
        let close = |(a, b): (T, T)| {
            let (a, b) = (a.wide(), b.wide());
            // Next to an infinite `b` the bound is infinite, and would admit any `a`.
            a == b || (b.is_finite() && (a - b).abs() <= atol + rtol * b.abs())
        };
        self.shape() == other.shape() && self.iter().zip(other.iter()).all(close)
    }

    /// `max |a - b|`: 0 for no elements and for equal infinities, NaN if there is a NaN.
    ///
    /// # Panics
    /// When the shapes differ.
    #[track_caller]
    pub fn max_abs_diff(&self, other: &Self) -> T {
        if self.shape() != other.shape() {
            let (a, b) = (Dims(self.shape()), Dims(other.shape()));
            panic!("max_abs_diff: shapes {a} and {b} differ");
        }
        self.iter().zip(other.iter()).fold(T::zero(), |max, (a, b)| {
            let d = if a == b { T::zero() } else { num_traits::Float::abs(a - b) };
            if max.is_nan() || max > d { max } else { d }
        })
    }
}
