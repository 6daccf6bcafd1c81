//! Softmax, its logarithm, and the cross-entropy of logits: compositions of stable parts.

use tensor::Float;
use tensor::error::OrPanic;

use crate::var::Var;

impl<'t, T: Float> Var<'t, T> {
    /// `e^(xᵢ) / Σⱼ e^(xⱼ)` along `axis` (lecture 1, softmax). The largest logit is subtracted
    /// first, which changes nothing and keeps every exponent at most 0. A row of -∞ alone has no
    /// softmax: it is NaN, and other rows are untouched.
    ///
    /// # Panics
    /// When the axis is out of range.
    #[track_caller]
    pub fn softmax(self, axis: isize) -> Self {
        let e = self.below_max("softmax", axis).exp();
        e / e.sum_keepdim(axis)
    }

    /// `xᵢ - ln Σⱼ e^(xⱼ)` along `axis`, without overflow.
    ///
    /// # Panics
    /// When the axis is out of range.
    #[track_caller]
    pub fn log_softmax(self, axis: isize) -> Self {
        let z = self.below_max("log_softmax", axis);
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
        self.assert_labelled("cross_entropy", labels);
        // One logit a row is picked, and then put below the largest: of the logarithms of all
        // classes, only these are asked for.
        let largest = self.largest("cross_entropy", -1);
        let sum = (self - largest).exp().sum_axis(-1);
        sum.ln() - (self.at_labels("cross_entropy", labels) - largest.squeeze(-1))
    }

    /// The distance below the largest element along `axis`, whose own derivative cancels.
    #[track_caller]
    fn below_max(self, op: &str, axis: isize) -> Self {
        self - self.largest(op, axis)
    }

    /// The largest elements along `axis`, which keeps size 1, as constants; 0 where there are none.
    #[track_caller]
    fn largest(self, op: &str, axis: isize) -> Self {
        let shape = self.shape();
        let k = tensor::shape::axis(op, axis, &shape).or_panic();
        let x = self.detach();
        if shape[k] == 0 { x.sum_keepdim(axis) } else { x.max_keepdim(axis) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::battery::*;
    use crate::Tape;
    use tensor::tensor;

    row!(softmax: |x| x.softmax(1); [any([2, 3]).or([2, 1]).or([0, 3]).or([2, 0])]);
    row!(softmax_outer: |x| x.softmax(0); [any([3, 2])]);
    row!(log_softmax: |x| x.log_softmax(-1); [any([2, 3]).or([2, 0])]);
    row!(cross_entropy: |x| x.cross_entropy(x.tape().constant(tensor![2, 0])); [any([2, 3])]);

    #[test]
    fn large_logits_neither_overflow_nor_vanish() {
        let tape = Tape::new();
        for size in [1e4, -1e4] {
            let x = tape.constant(tensor![size, size + 1000.0]);
            assert_eq!(x.softmax(0).value().to_vec(), [0.0, 1.0]);
            assert_eq!(x.log_softmax(0).value().to_vec(), [-1000.0, 0.0]);
        }
        assert_eq!(slope(|x| x.softmax(0), tensor![1e4, -1e4]), [0.0, 0.0]);
    }

    #[test]
    fn a_row_of_minus_infinity_is_nan_and_leaves_the_others_alone() {
        let inf = f64::NEG_INFINITY;
        let x = tensor![[inf, inf], [inf, 3.0], [0.0, 0.0]];
        let tape = Tape::new();
        let leaf = tape.leaf(&x);
        let y = leaf.softmax(1);
        let v = y.value().to_vec();
        assert!(v[0].is_nan() && v[1].is_nan());
        assert_eq!(v[2..], [0.0, 1.0, 0.5, 0.5]);
        let g = y.index_axis(1, 0).sum().grad([leaf])[0].value().to_vec();
        assert_eq!(g[2..], [0.0, 0.0, 0.25, -0.25]);
        masked(|[x]| x.softmax(0));
        masked(|[x]| x.log_softmax(0));
    }

    #[test]
    fn shapes_that_do_not_fit_are_refused() {
        refuses(|[x]| x.softmax(2), [&[2, 3]], "softmax: axis 2 is out of range for shape [2, 3]");
        refuses(|[x]| x.log_softmax(0), [&[]], "log_softmax: axis 0 is out of range for shape []");
        refuses(
            |[x]| x.cross_entropy(x.tape().constant(tensor![0])),
            [&[2, 3]],
            "cross_entropy: classes of shape [2, 3] need one label a row, not labels of shape [1]",
        );
    }
}
