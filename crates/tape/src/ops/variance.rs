//! Variances and standard deviations, composed of means.

use tensor::slice::Range;
use tensor::{Axes, AxisSet, Float};

use super::mean::Mean;
use super::norm::Norm;
use super::sum::{Sum, axis_set};
use crate::var::Var;

impl<'t, T: Float> Var<'t, T> {
    /// The variance of all elements, `Σ(x - mean)² / (n - correction)`: 1 for the unbiased
    /// estimate, 0 for the population; NaN if `n ≤ correction`.
    #[track_caller]
    pub fn var(self, correction: usize) -> Self {
        variance(self, AxisSet::all(self.rank()), false, correction)
    }

    /// The variance over `axes`, which disappear; see [`var`](Self::var).
    ///
    /// # Panics
    /// When an axis is out of range or named twice.
    #[track_caller]
    pub fn var_axis(self, axes: impl Axes, correction: usize) -> Self {
        variance(self, axis_set("var", self, axes), false, correction)
    }

    /// The variance over `axes`, which keep size 1; see [`var`](Self::var).
    ///
    /// # Panics
    /// When an axis is out of range or named twice.
    #[track_caller]
    pub fn var_keepdim(self, axes: impl Axes, correction: usize) -> Self {
        variance(self, axis_set("var", self, axes), true, correction)
    }

    /// The standard deviation of all elements, `‖x - mean‖ / √(n - correction)`; see
    /// [`var`](Self::var). Its derivative where all elements are equal is 0, as that of the norm
    /// at 0.
    #[track_caller]
    pub fn std(self, correction: usize) -> Self {
        spread(self, AxisSet::all(self.rank()), false, correction)
    }

    /// The standard deviation over `axes`, which disappear; see [`std`](Self::std).
    ///
    /// # Panics
    /// When an axis is out of range or named twice.
    #[track_caller]
    pub fn std_axis(self, axes: impl Axes, correction: usize) -> Self {
        spread(self, axis_set("std", self, axes), false, correction)
    }

    /// The standard deviation over `axes`, which keep size 1; see [`std`](Self::std).
    ///
    /// # Panics
    /// When an axis is out of range or named twice.
    #[track_caller]
    pub fn std_keepdim(self, axes: impl Axes, correction: usize) -> Self {
        spread(self, axis_set("std", self, axes), true, correction)
    }
}

#[track_caller]
fn variance<T: Float>(x: Var<'_, T>, axes: AxisSet, keep: bool, correction: usize) -> Var<'_, T> {
    let squares = deviation(x, axes).square();
    x.tape().apply(Sum { axes, keep }, [squares]) / freedom(x, axes, correction)
}

#[track_caller]
fn spread<T: Float>(x: Var<'_, T>, axes: AxisSet, keep: bool, correction: usize) -> Var<'_, T> {
    let norm = x.tape().apply(Norm { axes, keep }, [deviation(x, axes)]);
    norm / freedom(x, axes, correction).sqrt()
}

/// `x - mean`, exactly 0 where all elements are equal.
///
/// The mean of equal numbers may be a rounding off (three times 0.1 is not 0.3), and a spread of
/// 1e-17 has a gradient of length 1, not 0. So the first element is subtracted beforehand: a
/// constant, for what is added to all elements moves no deviation.
#[track_caller]
fn deviation<T: Float>(x: Var<'_, T>, axes: AxisSet) -> Var<'_, T> {
    let shape = x.shape();
    if axes.count(&shape) == 0 {
        return x;
    }
    let first = |k| if axes.contains(k) { Range::from(0..1) } else { Range::from(..) };
    let first: Vec<Range> = (0..shape.len()).map(first).collect();
    let x = x - x.detach().slice(first);
    x - x.tape().apply(Mean { axes, keep: true }, [x])
}

/// The divisor of a variance, NaN if there are no more elements than `correction`.
fn freedom<T: Float>(x: Var<'_, T>, axes: AxisSet, correction: usize) -> f64 {
    match axes.count(&x.shape()).checked_sub(correction) {
        None | Some(0) => f64::NAN,
        Some(n) => n as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::super::battery::*;

    use crate::Tape;
    use tensor::{Tensor, tensor};

    row!(var: |x| x.var(1); [any([2, 3])]);
    row!(var_of_all: |x| x.var(0); [any([4]).or([])]);
    row!(var_axis: |x| x.var_axis(0, 1); [any([3, 2]).or([3, 0])]);
    row!(var_keepdim: |x| x.var_keepdim([0, -1], 0); [any([2, 2, 2])]);
    row!(std: |x| x.std(1); [distinct([2, 3])]);
    row!(std_axis: |x| x.std_axis(0, 0); [distinct([3, 2]).or([3, 0])]);
    row!(std_keepdim: |x| x.std_keepdim(1, 1); [distinct([2, 3])]);

    #[test]
    fn equal_elements_have_no_spread_and_no_gradient_of_it() {
        // The sum of three times 0.1 is not 0.3.
        for x in [Tensor::full([3], 0.1), Tensor::full([16], 1.0), Tensor::full([7], 1e-310)] {
            let tape = Tape::new();
            let leaf = tape.leaf(&x);
            assert_eq!((leaf.std(1).item(), leaf.var(0).item()), (0.0, 0.0));
            let zeros = vec![0.0; x.len()];
            assert_eq!(slope(|x| x.std(1), &x), zeros);
            assert_eq!(slope(|x| x.var(1), &x), zeros);
            assert_eq!(slope(|x| x.std_axis(0, 0), &x), zeros);
            let [g] = leaf.std(1).grad([leaf]);
            assert_eq!(g.sum().grad([leaf])[0].value().to_vec(), zeros);
        }
    }

    #[test]
    fn what_has_no_value_is_nan() {
        let tape = Tape::new();
        let nothing = tape.leaf(Tensor::<f64>::zeros([2, 0]));
        assert!(nothing.var(0).item().is_nan() && nothing.std(0).item().is_nan());
        let two = tape.leaf(tensor![1.0f64, 2.0]);
        assert!([two.var(2), two.var(3), two.std(2)].iter().all(|v| v.item().is_nan()));
        refuses(|[x]| x.std_axis([0, 0], 1), [&[2, 3]], "std: axis 0 is named twice");
    }
}
