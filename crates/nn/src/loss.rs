//! Losses: a number to be made small. All return a variable of shape `[]`.
//!
//! The prediction comes first, the target second, and their shapes must be equal: broadcasting one
//! to the other, `[n]` against `[n, 1]`, would compare every sample with every other.
//!
//! Rows are samples. What is averaged over differs, as it does in the literature:
//!
//! | loss | averaged over |
//! |---|---|
//! | [`half_squared_error`], [`cross_entropy`], [`cross_entropy_probs`], [`nll`] | samples |
//! | [`mse`], [`l1`], [`huber`], [`binary_cross_entropy_logits`] | elements |
//! | [`frobenius`] | nothing: it is a sum |
//!
//! [`half_squared_error`] of a vector `[n]` takes it for one sample of `n` numbers, so that nothing
//! is averaged; `n` samples of one number are `[n, 1]`. A mean over no sample is NaN.

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

#[cfg(test)]
mod tests {
    use super::*;
    use tape::Tape;
    use tensor::Tensor;

    #[test]
    fn no_loss_broadcasts_and_all_name_both_shapes() {
        type Loss = for<'t> fn(Var<'t, f64>, Var<'t, f64>) -> Var<'t, f64>;
        let losses: [(&str, Loss); 7] = [
            ("half_squared_error", half_squared_error),
            ("mse", mse),
            ("frobenius", frobenius),
            ("l1", l1),
            ("huber", |y, x| huber(y, x, 1.0)),
            ("cross_entropy_probs", cross_entropy_probs),
            ("binary_cross_entropy_logits", binary_cross_entropy_logits),
        ];
        let shapes = [&[4, 1][..], &[4], &[1, 4], &[4, 4], &[1], &[], &[2, 4, 1]];
        for (name, loss) in losses {
            for (i, y) in shapes.iter().enumerate() {
                for x in shapes.iter().enumerate().filter(|&(k, _)| k != i).map(|(_, x)| x) {
                    let run = || {
                        let tape = Tape::new();
                        let of = |shape: &[usize]| tape.constant(Tensor::<f64>::zeros(shape));
                        loss(of(y), of(x));
                    };
                    let panic = std::panic::catch_unwind(run).expect_err("must panic");
                    let text = panic.downcast::<String>().expect("has a text");
                    let shapes = format!("prediction {} and target {}", Dims(y), Dims(x));
                    assert_eq!(*text, format!("{name}: {shapes} differ in shape"));
                }
            }
        }
    }
}
