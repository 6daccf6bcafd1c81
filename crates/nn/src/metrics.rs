//! How good predictions are, as numbers to be read: nothing here has a derivative.

use tensor::Tensor;
use tensor::shape::Dims;

/// The share of predicted classes that are the labels; NaN for no sample.
///
/// Of logits or probabilities `[n, classes]` the predictions are `logits.argmax_axis(-1)`: the
/// likeliest class, the first of them if several are equally likely. The classifiers of
/// [`model`](crate::model) have it as `predict`.
///
/// ```
/// use nn::prelude::*;
///
/// let logits = tensor![[2.0, 1.0], [0.0, 3.0], [1.0, 1.0], [-1.0, 0.0]];
/// let labels = tensor![0i64, 1, 1, 1];
/// assert_eq!(metrics::accuracy(&logits.argmax_axis(-1), &labels), 0.75);
/// ```
///
/// # Panics
/// When the shapes differ. (Nothing is broadcast: one label for all would be a mistake.)
#[track_caller]
pub fn accuracy(predictions: &Tensor<i64>, labels: &Tensor<i64>) -> f64 {
    let (p, l) = (predictions.shape(), labels.shape());
    assert!(p == l, "accuracy: predictions {} and labels {} differ in shape", Dims(p), Dims(l));
    let right = predictions.iter().zip(labels.iter()).filter(|(p, l)| p == l).count();
    right as f64 / labels.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::tensor;

    #[test]
    fn accuracy_is_the_share_of_equal_classes() {
        let labels = tensor![3i64, 1, 4, 1];
        assert_eq!(accuracy(&labels, &labels), 1.0);
        assert_eq!(accuracy(&tensor![3i64, 1, 0, 0], &labels), 0.5);
        assert_eq!(accuracy(&tensor![0i64, 0, 0, 0], &labels), 0.0);
        let none = Tensor::from_vec(Vec::new(), [0]).unwrap();
        assert!(accuracy(&none, &none).is_nan());
    }

    #[test]
    #[should_panic(expected = "accuracy: predictions [2] and labels [2, 1] differ in shape")]
    fn shapes_that_differ_panic_with_both() {
        accuracy(&tensor![1i64, 2], &tensor![[1i64], [2]]);
    }
}
