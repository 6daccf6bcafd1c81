//! Softmax and its logarithm along an axis.

use crate::element::Float;
use crate::error::OrPanic;
use crate::shape;
use crate::tensor::Tensor;

impl<T: Float> Tensor<T> {
    /// `e^(xᵢ) / Σⱼ e^(xⱼ)` along `axis`. The largest element is subtracted first, which changes
    /// nothing and keeps every exponent at most 0. A row of -∞ alone has no softmax: it is NaN, and
    /// other rows are untouched.
    ///
    /// # Panics
    /// When the axis is out of range.
    #[track_caller]
    pub fn softmax(&self, axis: isize) -> Self {
        let e = self.below_max("softmax", axis).exp();
        let sum = e.sum_keepdim(axis);
        e / sum
    }

    /// `xᵢ - ln Σⱼ e^(xⱼ)` along `axis`, without overflow.
    ///
    /// # Panics
    /// When the axis is out of range.
    #[track_caller]
    pub fn log_softmax(&self, axis: isize) -> Self {
        let z = self.below_max("log_softmax", axis);
        let sum = z.exp().sum_keepdim(axis);
        z - sum.ln()
    }

    /// The distance below the largest element along `axis`.
    #[track_caller]
    fn below_max(&self, op: &str, axis: isize) -> Self {
        let k = shape::axis(op, axis, self.shape()).or_panic();
        // Of nothing there is no largest, and nothing to be below it.
        if self.shape()[k] == 0 { self.clone() } else { self - self.max_keepdim(axis) }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{disguises, panic_of};
    use crate::{Tensor, tensor};

    #[test]
    fn large_logits_neither_overflow_nor_vanish() {
        for size in [1e4, -1e4] {
            assert_eq!(tensor![size, size - 1000.0].softmax(0).to_vec(), [1.0, 0.0]);
        }
        assert_eq!(tensor![1e4f32, 9e3].log_softmax(-1).to_vec(), [0.0, -1000.0]);
    }

    #[test]
    fn a_row_of_minus_infinity_is_nan_and_leaves_the_others_alone() {
        let inf = f64::INFINITY;
        let x = tensor![[-inf, -inf], [-inf, 3.0], [0.0, 0.0], [inf, 0.0]];
        for x in disguises(&x, 7.0) {
            let (p, l) = (x.softmax(1).to_vec(), x.log_softmax(1).to_vec());
            assert!([p[0], p[1], p[6], l[0], l[1], l[6]].iter().all(|x| x.is_nan()), "{p:?} {l:?}");
            assert_eq!(p[2..6], [0.0, 1.0, 0.5, 0.5]);
            assert_eq!(l[2..6], [-inf, 0.0, -2f64.ln(), -2f64.ln()]);
        }
    }

    #[test]
    fn along_any_axis_the_parts_add_up_to_one_and_nothing_has_none() {
        let x = Tensor::from_fn([3, 4, 5], |i| (i[0] * 20 + i[1] * 5 + i[2]) as f64 % 7.0);
        for axis in [0, 1, 2, -1] {
            let e = x.exp();
            let p = &e / e.sum_keepdim(axis);
            assert!(x.softmax(axis).allclose(&p, 1e-14, 0.0));
            assert!(x.log_softmax(axis).allclose(&p.ln(), 1e-13, 0.0));
        }
        assert_eq!(Tensor::<f32>::zeros([2, 0]).softmax(1).shape(), [2, 0]);
        assert_eq!(Tensor::<f32>::zeros([0, 2]).log_softmax(1).shape(), [0, 2]);
        assert_eq!(
            panic_of(|| x.softmax(3)),
            "softmax: axis 3 is out of range for shape [3, 4, 5] of rank 3"
        );
    }
}
