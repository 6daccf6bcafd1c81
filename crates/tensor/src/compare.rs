//! Comparisons and selection.
//!
//! The methods that compare elements are called `eq_to` and `ne_to` since `==` compares whole
//! tensors. Every comparison with NaN is false, but `ne_to`, which is true.

use crate::element::{Element, Float};
use crate::error::{OrPanic, ShapeError};
use crate::kernel;
use crate::operand::Operand;
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
    /// The element of `a` where the mask holds, that of `b` elsewhere. All three broadcast; what is
    /// not selected may be anything, NaN included.
    ///
    /// # Panics
    /// When the shapes do not broadcast.
    #[doc(alias = "where")]
    #[track_caller]
    pub fn select<T: Element>(&self, a: impl Operand<T>, b: impl Operand<T>) -> Tensor<T> {
        let (a, b) = (a.operand(), b.operand());
        let shape = select_shape(self.shape(), a.shape(), b.shape()).or_panic();
        let (mask, a, b) =
            (self.broadcast_to(&shape), a.broadcast_to(&shape), b.broadcast_to(&shape));
        Tensor::build(&shape, |out| {
            kernel::map3(mask.view(), a.view(), b.view(), out, kernel::select_block);
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

#[cfg(test)]
mod tests {
    use crate::testing::{disguises, panic_of};
    use crate::{Tensor, tensor};

    const NAN: f64 = f64::NAN;

    #[test]
    fn comparisons_agree_with_the_scalar_ones_on_every_layout() {
        let x = tensor![[1.0, NAN, -0.0], [2.0, f64::INFINITY, -3.0]];
        let y = tensor![1.0, NAN, 0.0];
        let rule = |f: fn(f64, f64) -> bool| {
            Tensor::from_fn([2, 3], |i| f(x[[i[0], i[1]]], y[[i[1]]])).to_vec()
        };
        for a in disguises(&x, 7.0) {
            for b in disguises(&y, 7.0) {
                assert_eq!(a.eq_to(&b).to_vec(), rule(|a, b| a == b));
                assert_eq!(a.ne_to(&b).to_vec(), rule(|a, b| a != b));
                assert_eq!(a.lt(&b).to_vec(), rule(|a, b| a < b));
                assert_eq!(a.le(&b).to_vec(), rule(|a, b| a <= b));
                assert_eq!(a.gt(&b).to_vec(), rule(|a, b| a > b));
                assert_eq!(a.ge(&b).to_vec(), rule(|a, b| a >= b));
            }
        }
    }

    #[test]
    fn numbers_compare_with_every_element() {
        assert_eq!(tensor![1.0f32, 2.0].gt(1.5).to_vec(), [false, true]);
        assert_eq!(tensor![0.1f32].eq_to(0.1).to_vec(), [true]);
        assert_eq!(tensor![1, 2, 3].ge(2).to_vec(), [false, true, true]);
        assert_eq!(tensor![1usize, 2].ne_to(2).to_vec(), [true, false]);
        assert_eq!(tensor![true, false].eq_to(false).to_vec(), [false, true]);
        assert_eq!(Tensor::scalar(1.0).lt(tensor![[0.0], [2.0]]).shape(), [2, 1]);
        assert_eq!(tensor![1.0].lt(Tensor::zeros([0, 1])).shape(), [0, 1]);
    }

    #[test]
    fn select_takes_nothing_from_the_branch_that_is_not_taken() {
        let x = tensor![-1.0, 4.0];
        assert_eq!(x.gt(0.0).select(x.sqrt(), &x).to_vec(), [-1.0, 2.0]);
        assert_eq!(tensor![true].select::<f32>(1.0, f32::NAN).item(), 1.0);
        assert_eq!(tensor![true, false].select(tensor![1i64, 2], 5).to_vec(), [1, 5]);
        let mask = tensor![[true], [false]];
        let (a, b) = (tensor![1, 2, 3], Tensor::full([2, 2, 1], 9i64));
        let c = mask.select(&a, &b);
        assert_eq!((c.shape(), c.to_vec()), (&[2, 2, 3][..], [1, 2, 3, 9, 9, 9].repeat(2)));
        for mask in disguises(&tensor![[true, false], [false, true]], true) {
            for a in disguises(&tensor![[1i64, 2], [3, 4]], 0) {
                assert_eq!(mask.select(a, 0).to_vec(), [1, 0, 0, 4]);
            }
        }
        let ramp = Tensor::arange(0, 5000, 1i64); // several blocks, the last one of odd length
        let odd = ramp.map(|i| i % 3 == 1 || i % 7 == 2);
        let expected = ramp.map(|i| if i % 3 == 1 || i % 7 == 2 { i } else { -i });
        assert_eq!(odd.select(&ramp, -&ramp), expected);
        assert_eq!(odd.select(ramp.cast::<f32>(), (-&ramp).cast()), expected.cast());
        assert_eq!(
            panic_of(|| tensor![true, false].select(tensor![1, 2, 3], 0)),
            "select: shapes [2] and [3] do not broadcast: sizes 2 and 3 differ at axis 0"
        );
    }

    #[test]
    fn kinds_of_floats_are_told_apart() {
        let x = tensor![1.0f32, f32::NAN, f32::INFINITY, -f32::INFINITY];
        assert_eq!(x.is_nan().to_vec(), [false, true, false, false]);
        assert_eq!(x.is_finite().to_vec(), [true, false, false, false]);
    }

    #[test]
    fn allclose_is_never_satisfied_by_nan_another_shape_or_an_infinity() {
        let inf = f64::INFINITY;
        let close = |a: f64, b: f64| tensor![a].allclose(&tensor![b], 1e-3, 1e-6);
        assert!(close(1000.0, 1000.9) && close(0.0, 9e-7) && close(inf, inf));
        assert!(!close(1000.0, 1001.1) && !close(0.0, 2e-6));
        assert!(!close(NAN, NAN) && !close(1.0, NAN) && !close(NAN, 1.0));
        assert!(!close(1.0, inf) && !close(inf, 1.0) && !close(inf, -inf));
        assert!(!tensor![1.0].allclose(&Tensor::scalar(1.0), 1.0, 1.0));
        assert!(Tensor::<f32>::zeros([0]).allclose(&Tensor::zeros([0]), 0.0, 0.0));
    }

    #[test]
    fn the_largest_difference_keeps_nan() {
        let x = tensor![1.0, f64::INFINITY, -3.0];
        assert_eq!(x.max_abs_diff(&tensor![2.0, f64::INFINITY, -5.0]), 2.0);
        assert!(x.max_abs_diff(&tensor![NAN, f64::INFINITY, 0.0]).is_nan());
        assert!(x.max_abs_diff(&tensor![1.0, f64::INFINITY, NAN]).is_nan());
        assert_eq!(Tensor::<f32>::zeros([0]).max_abs_diff(&Tensor::zeros([0])), 0.0);
        assert_eq!(
            panic_of(|| x.max_abs_diff(&x.unsqueeze(0))),
            "max_abs_diff: shapes [3] and [1, 3] differ"
        );
    }
}
