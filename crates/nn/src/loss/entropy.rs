//! Losses of a predicted distribution. All take logits or log-probabilities, never probabilities:
//! the logarithm of a rounded probability is infinite long before the loss is.

use tape::Var;
use tensor::Float;

use super::same_shape;

/// `-ln σᵐᵃˣ(logits)[label]`, averaged over the samples: softmax and cross-entropy in one.
///
/// `logits` is `[n, k]`, `labels` is `[n]` with values from 0 to `k - 1`; in general `labels` has
/// the shape of `logits` without its last axis, over which the classes lie. The gradient by the
/// logits of a sample is `(σᵐᵃˣ - e_label) / n`.
///
/// A label out of range is an error when the loss is evaluated, which names the label and `k`.
///
/// # Panics
/// When the shapes do not fit.
#[track_caller]
pub fn cross_entropy<'t, T: Float>(logits: Var<'t, T>, labels: Var<'t, i64>) -> Var<'t, T> {
    logits.cross_entropy(labels).mean()
}

/// `-log_probs[label]`, averaged over the samples, for log-probabilities of shape `[n, k]` and
/// labels `[n]`; see [`cross_entropy`], which takes logits.
///
/// # Panics
/// When the shapes do not fit.
#[track_caller]
pub fn nll<'t, T: Float>(log_probs: Var<'t, T>, labels: Var<'t, i64>) -> Var<'t, T> {
    -log_probs.at_labels("nll", labels).mean()
}

/// `-Σᵢ tᵢ ln σᵐᵃˣ(logits)ᵢ`, averaged over the samples: the cross-entropy against a distribution
/// `t` a sample, such as a one-hot vector or smoothed labels. Both are `[n, k]`.
///
/// A class of probability 0 contributes 0, even where its logit is -∞. That `t` sums to 1 is not
/// checked.
///
/// # Panics
/// When the shapes differ or have no axis.
#[track_caller]
pub fn cross_entropy_probs<'t, T: Float>(logits: Var<'t, T>, targets: Var<'t, T>) -> Var<'t, T> {
    same_shape("cross_entropy_probs", logits, targets);
    -targets.mul0(logits.log_softmax(-1)).sum_axis(-1).mean()
}

/// `-t ln σ(x) - (1 - t) ln(1 - σ(x))`, averaged over all elements, for a target `t` between 0 and
/// 1 and a logit `x`. The gradient by `x` is `(σ(x) - t) / n`.
///
/// # Panics
/// When the shapes differ.
#[track_caller]
pub fn binary_cross_entropy_logits<'t, T: Float>(
    logits: Var<'t, T>,
    targets: Var<'t, T>,
) -> Var<'t, T> {
    same_shape("binary_cross_entropy_logits", logits, targets);
    // As -ln σ(x) = softplus(-x). The usual softplus(x) - t x cancels where x is large and t = 1:
    // at x = 40 nothing is left of e⁻⁴⁰. max(x, 0) - t x + ln(1 + e^-|x|) does not, but its
    // derivative at 0, made of the kinks of max and |x|, is not σ(0) - t.
    let t = targets;
    (t.mul0((-logits).softplus()) + (1.0 - t).mul0(logits.softplus())).mean()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tape::Tape;
    use tensor::{Tensor, tensor};

    fn logits() -> Tensor<f64> {
        tensor![[0.5, -1.0, 2.0], [3.0, 0.0, 0.25], [-0.5, -0.5, 1.0], [0.0, 1.0, 2.0]]
    }

    fn naive_softmax(x: &Tensor<f64>) -> Tensor<f64> {
        let e = x.map(f64::exp);
        &e / e.sum_keepdim(-1)
    }

    fn one_hot(labels: [usize; 4]) -> Tensor<f64> {
        Tensor::from_fn([4, 3], |i| if labels[i[0]] == i[1] { 1.0 } else { 0.0 })
    }

    #[test]
    fn cross_entropy_is_the_naive_formula_with_gradient_softmax_minus_one_hot() {
        let (x, labels) = (logits(), [2, 0, 1, 2]);
        let p = naive_softmax(&x);
        let expected = -(0..4).map(|i| p[[i, labels[i]]].ln()).sum::<f64>() / 4.0;
        let tape = Tape::new();
        let v = tape.leaf(&x);
        let index = tape.constant(labels.into_iter().map(|l| l as i64).collect::<Tensor<i64>>());
        for loss in [
            cross_entropy(v, index),
            nll(v.log_softmax(-1), index),
            cross_entropy_probs(v, tape.constant(one_hot(labels))),
        ] {
            let [d] = loss.grad([v]);
            assert!((loss.item() - expected).abs() < 1e-14, "{loss} {expected}");
            let gradient = (&p - &one_hot(labels)) / 4.0;
            assert!(d.value().allclose(&gradient, 1e-13, 1e-16), "{d}");
        }
    }

    #[test]
    fn the_gradient_by_the_weights_is_that_of_the_lecture() {
        // ∇_θᵢ ℓ = (σᵢ - yᵢ) x for logits x·θᵢ.
        let (theta, x) = (tensor![[0.1, -0.2], [0.4, 0.3], [0.0, 0.5]], tensor![1.0, -2.0]);
        let tape = Tape::new();
        let v = tape.leaf(&theta);
        let logits = v.matmul(tape.constant(&x));
        let [d] = cross_entropy(logits, tape.constant(Tensor::scalar(1i64))).grad([v]);
        let p = naive_softmax(&logits.value());
        let y = tensor![0.0, 1.0, 0.0];
        let expected = (p - y).reshape([3, 1]) * x.reshape([1, 2]);
        assert!(d.value().allclose(&expected, 1e-14, 0.0), "{d}");
    }

    #[test]
    fn extreme_logits_give_the_exact_loss_and_gradient() {
        let tape = Tape::new();
        let v = tape.leaf(tensor![[1e4, -1e4], [1e4, -1e4]]);
        let loss = cross_entropy(v, tape.constant(tensor![0i64, 1]));
        let [d] = loss.grad([v]);
        assert_eq!(loss.item(), 1e4);
        assert_eq!(d.value(), tensor![[0.0, 0.0], [0.5, -0.5]]);
    }

    #[test]
    fn an_impossible_class_costs_nothing_where_the_target_is_zero() {
        let tape = Tape::new();
        let v = tape.leaf(tensor![[0.0, f64::NEG_INFINITY, 0.0]]);
        let loss = cross_entropy_probs(v, tape.constant(tensor![[0.5, 0.0, 0.5]]));
        assert!((loss.item() - 2f64.ln()).abs() < 1e-15);
        let [d] = loss.grad([v]);
        assert!(d.value().allclose(&tensor![[0.0, 0.0, 0.0]], 0.0, 1e-15), "{d}");
    }

    #[test]
    fn binary_cross_entropy_is_the_naive_formula_with_gradient_sigmoid_minus_target() {
        let x = tensor![-3.0f64, -0.5, 0.0, 0.0, 1.0, 4.0];
        let t = tensor![0.0, 1.0, 1.0, 0.0, 0.3, 1.0];
        let p = x.map(|x| 1.0 / (1.0 + (-x).exp()));
        let naive = p.zip_map(&t, |p: f64, t: f64| -t * p.ln() - (1.0 - t) * (1.0 - p).ln());
        let tape = Tape::new();
        let v = tape.leaf(&x);
        let loss = binary_cross_entropy_logits(v, tape.constant(&t));
        let [d] = loss.grad([v]);
        assert!((loss.item() - naive.mean().item()).abs() < 1e-15);
        assert!(d.value().allclose(&((&p - &t) / 6.0), 1e-14, 0.0), "{d}");
    }

    #[test]
    fn binary_cross_entropy_keeps_its_digits_far_out() {
        for (x, t, loss, slope) in [
            (40.0, 1.0, (-40f64).exp(), -(-40f64).exp()),
            (-40.0, 0.0, (-40f64).exp(), (-40f64).exp()),
            (1e4, 1.0, 0.0, 0.0),
            (1e4, 0.0, 1e4, 1.0),
            (-1e4, 1.0, 1e4, -1.0),
            (f64::INFINITY, 1.0, 0.0, 0.0),
        ] {
            let tape = Tape::new();
            let v = tape.leaf(x);
            let l = binary_cross_entropy_logits(v, tape.constant(t));
            let [d] = l.grad([v]);
            let close = |a: f64, b: f64| (a - b).abs() <= 1e-14 * b.abs();
            assert!(close(l.item(), loss) && close(d.item(), slope), "{x} {t}: {l}, {d}");
        }
    }

    #[test]
    fn a_label_out_of_range_is_an_error_that_names_it() {
        for label in [3i64, -1] {
            let tape = Tape::new();
            let labels = tape.constant(tensor![0i64, label, 1, 2]);
            let loss = cross_entropy(tape.constant(logits()), labels);
            let error = tape.eval(loss).expect_err("must fail");
            let what = format!("label {label} at position 1 is out of range for 3 classes");
            assert_eq!(
                error.to_string(),
                format!("cross_entropy: {what}, recorded at {}", error.at)
            );
            let rows = tape.constant(logits());
            let picked = nll(rows, labels);
            let error = tape.eval(picked).expect_err("must fail");
            assert_eq!(error.to_string(), format!("nll: {what}, recorded at {}", error.at));
            // Of the gradient alone, which needs no value of the loss.
            let v = tape.leaf(logits());
            let [d] = cross_entropy(v, labels).grad([v]);
            let error = tape.eval(d).expect_err("must fail");
            assert_eq!(
                error.to_string(),
                format!("cross_entropy: {what}, recorded at {}", error.at)
            );
        }
    }

    #[test]
    fn labels_of_another_shape_panic_with_both_shapes() {
        for loss in [cross_entropy, nll] {
            let caught = std::panic::catch_unwind(|| {
                let tape = Tape::new();
                loss(tape.constant(logits()), tape.constant(Tensor::<i64>::zeros([4, 1])));
            });
            let text = *caught.expect_err("must panic").downcast::<String>().expect("has a text");
            assert!(text.contains("[4, 3]") && text.contains("[4, 1]"), "{text}");
        }
    }
}
