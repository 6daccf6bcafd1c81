//! Losses of a prediction that should be near its target.

use tape::Var;
use tensor::Float;

use super::same_shape;

/// The lecture's loss: `L = 1/(2n) Σᵢ ‖yᵢ - xᵢ‖²`, half the squared distance of each sample,
/// averaged over the `n` samples.
///
/// The leading axis counts the samples. A vector or a number is one sample, so that `½‖y - x‖²` of
/// a single point is the same function: for `[n]` nothing is averaged. Samples of one number each
/// are `[n, 1]`.
///
/// # Panics
/// When the shapes differ.
#[track_caller]
pub fn half_squared_error<'t, T: Float>(y: Var<'t, T>, x: Var<'t, T>) -> Var<'t, T> {
    same_shape("half_squared_error", y, x);
    let samples = if y.rank() < 2 { 1 } else { y.shape()[0] };
    (y - x).square().sum() / (2.0 * samples as f64)
}

/// The mean of the squared differences over all elements: for samples of `d` numbers,
/// [`half_squared_error`] times `2/d`.
///
/// # Panics
/// When the shapes differ.
#[track_caller]
pub fn mse<'t, T: Float>(prediction: Var<'t, T>, target: Var<'t, T>) -> Var<'t, T> {
    same_shape("mse", prediction, target);
    (prediction - target).square().mean()
}

/// `½‖X - Y‖_F²`, half the sum of the squared differences of all elements.
///
/// # Panics
/// When the shapes differ.
#[track_caller]
pub fn frobenius<'t, T: Float>(y: Var<'t, T>, x: Var<'t, T>) -> Var<'t, T> {
    same_shape("frobenius", y, x);
    0.5 * (y - x).square().sum()
}

/// The mean of the absolute differences over all elements; the derivative at 0 is 0.
///
/// # Panics
/// When the shapes differ.
#[track_caller]
pub fn l1<'t, T: Float>(prediction: Var<'t, T>, target: Var<'t, T>) -> Var<'t, T> {
    same_shape("l1", prediction, target);
    (prediction - target).abs().mean()
}

/// The mean over all elements of `½d²` where `|d| ≤ δ`, else `δ(|d| - δ/2)`, where `d` is the
/// difference: squares for small errors, absolute values for outliers.
///
/// P. J. Huber: *Robust estimation of a location parameter*, Annals of Mathematical Statistics 35,
/// 1964.
///
/// # Panics
/// When the shapes differ, or `delta` is not positive.
#[track_caller]
pub fn huber<'t, T: Float>(prediction: Var<'t, T>, target: Var<'t, T>, delta: f64) -> Var<'t, T> {
    same_shape("huber", prediction, target);
    assert!(delta > 0.0, "huber: delta {delta} is not positive");
    let d = prediction - target;
    // With c = clamp(d, -δ, δ) both branches are c(d - c/2). Nothing is squared that is not small,
    // so nothing overflows, and the derivative is c on either side of the joint.
    let c = d.clamp(-delta, delta);
    (c * (d - 0.5 * c)).mean()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tape::Tape;
    use tensor::{Tensor, tensor};

    type Loss = for<'t> fn(Var<'t, f64>, Var<'t, f64>) -> Var<'t, f64>;

    fn value_and_gradient(loss: Loss, y: &Tensor<f64>, x: &Tensor<f64>) -> (f64, Tensor<f64>) {
        let tape = Tape::new();
        let y = tape.leaf(y);
        let l = loss(y, tape.constant(x));
        let [d] = l.grad([y]);
        (l.item(), d.value())
    }

    fn huber_of_half<'t>(y: Var<'t, f64>, x: Var<'t, f64>) -> Var<'t, f64> {
        huber(y, x, 0.5)
    }

    fn pair() -> (Tensor<f64>, Tensor<f64>) {
        (tensor![[1.0, -2.0, 0.25], [0.0, 3.0, 1.5]], tensor![[0.5, 1.0, 0.0], [0.25, 3.0, 2.0]])
    }

    #[test]
    fn half_squared_error_is_a_mean_over_samples() {
        let (y, x) = pair();
        let (l, d) = value_and_gradient(half_squared_error, &y, &x);
        let squares: f64 = y.iter().zip(x.iter()).map(|(y, x)| (y - x) * (y - x)).sum();
        assert_eq!(l, squares / 4.0);
        assert!(d.allclose(&((&y - &x) / 2.0), 1e-15, 0.0));
        let (one, _) =
            value_and_gradient(half_squared_error, &tensor![3.0, 0.0], &tensor![0.0, 4.0]);
        assert_eq!(one, 12.5);
        let numbers =
            value_and_gradient(half_squared_error, &Tensor::scalar(3.0), &Tensor::scalar(1.0));
        assert_eq!(numbers, (2.0, Tensor::scalar(2.0)));
    }

    #[test]
    fn the_other_errors_are_their_formulas() {
        let (y, x) = pair();
        let n = y.len() as f64;
        let d = &y - &x;
        let mean = |f: fn(f64) -> f64| d.iter().map(f).sum::<f64>() / n;
        let close = |(l, g): (f64, Tensor<f64>), value: f64, gradient: Tensor<f64>| {
            assert!((l - value).abs() < 1e-15, "{l} {value}");
            assert!(g.allclose(&gradient, 1e-15, 1e-17), "{g}");
        };
        close(value_and_gradient(mse, &y, &x), mean(|d| d * d), &d * 2.0 / n);
        close(value_and_gradient(frobenius, &y, &x), mean(|d| d * d) * n / 2.0, d.clone());
        let sign = |d: f64| if d == 0.0 { 0.0 } else { d.signum() };
        close(value_and_gradient(l1, &y, &x), mean(f64::abs), d.map(sign) / n);
        let slow = |d: f64| if d.abs() <= 0.5 { d * d / 2.0 } else { 0.5 * (d.abs() - 0.25) };
        let slope = d.map(|d: f64| d.clamp(-0.5, 0.5)) / n;
        close(value_and_gradient(huber_of_half, &y, &x), mean(slow), slope);
    }

    #[test]
    fn outliers_do_not_overflow_huber() {
        let (l, d) = value_and_gradient(huber_of_half, &tensor![1e300, -1e300], &tensor![0.0, 0.0]);
        assert_eq!((l, d.to_vec()), (0.5e300, vec![0.25, -0.25]));
    }

    #[test]
    fn a_mean_over_no_sample_is_nan() {
        let none = Tensor::<f64>::zeros([0, 3]);
        for loss in [half_squared_error, mse, l1, huber_of_half] as [Loss; 4] {
            let tape = Tape::new();
            assert!(loss(tape.constant(&none), tape.constant(&none)).item().is_nan());
        }
    }

    #[test]
    fn a_vector_is_one_sample_and_a_column_is_many() {
        let (y, x) = (tensor![3.0, 0.0, 1.0, 2.0], tensor![0.0, 4.0, 1.0, 0.0]);
        let vector = value_and_gradient(half_squared_error, &y, &x);
        assert_eq!(vector, (14.5, tensor![3.0, -4.0, 0.0, 2.0]));
        let column = |t: &Tensor<f64>| t.reshape([4, 1]);
        let (l, d) = value_and_gradient(half_squared_error, &column(&y), &column(&x));
        assert_eq!((l, d), (14.5 / 4.0, column(&tensor![0.75, -1.0, 0.0, 0.5])));
    }
}
