//! The checker checked: derivatives whose value is known, wrong rules, and right ones that are
//! hard.

mod accuracy;
mod right;
mod tape;
mod wrong;

use std::cell::Cell;

use tensor::Tensor;

use super::{Differentiable, Gradcheck, GradcheckError, Report};

/// A function of one tensor and its rule `(x, cotangent) -> gradient`, as closures of slices.
struct Pair<F, R> {
    value: F,
    rule: R,
    /// Of the output; `None` for that of the input.
    shape: Option<Vec<usize>>,
}

impl<F: Fn(&[f64]) -> Vec<f64>, R: Fn(&[f64], &[f64]) -> Vec<f64>> Differentiable for Pair<F, R> {
    fn value(&self, x: &[Tensor<f64>]) -> Option<Vec<Tensor<f64>>> {
        let shape = self.shape.clone().unwrap_or(x[0].shape().to_vec());
        Some(vec![Tensor::from_vec((self.value)(&x[0].to_vec()), shape).unwrap()])
    }

    fn vjp(&self, x: &[Tensor<f64>], g: &[Tensor<f64>]) -> Vec<Tensor<f64>> {
        let gradient = (self.rule)(&x[0].to_vec(), &g[0].to_vec());
        vec![Tensor::from_vec(gradient, x[0].shape()).unwrap()]
    }
}

fn vector(values: &[f64]) -> Tensor<f64> {
    Tensor::from_vec(values.to_vec(), [values.len()]).unwrap()
}

/// Checks the rule `derivative` for `f` at one number.
fn scalar(
    f: impl Fn(f64) -> f64,
    derivative: impl Fn(f64) -> f64,
    x: f64,
) -> Result<Report, GradcheckError> {
    let value = |x: &[f64]| vec![f(x[0])];
    let rule = |x: &[f64], g: &[f64]| vec![g[0] * derivative(x[0])];
    let pair = Pair { value, rule, shape: None };
    Gradcheck::new().check_function(&pair, &[Tensor::from_vec(vec![x], []).unwrap()])
}

/// `y = A x` with another `B` for the rule, both row by row.
fn linear(a: &[f64], b: &[f64], x: &[f64], check: Gradcheck) -> Result<Report, GradcheckError> {
    let n = x.len();
    let rows = a.len() / n;
    let value = |x: &[f64]| {
        a.chunks_exact(n).map(|row| row.iter().zip(x).map(|(a, x)| a * x).sum()).collect()
    };
    let rule = |_: &[f64], g: &[f64]| {
        let mut out = vec![0.0; n];
        for (row, g) in b.chunks_exact(n).zip(g) {
            out.iter_mut().zip(row).for_each(|(out, b)| *out += g * b);
        }
        out
    };
    check.check_function(&Pair { value, rule, shape: Some(vec![rows]) }, &[vector(x)])
}

/// Some numbers around 0, without pattern.
fn numbers(len: usize) -> Vec<f64> {
    (0..len).map(|i| ((i * i + 3 * i) as f64 * 0.61 + 0.3).sin()).collect()
}

#[test]
fn a_value_that_changes_from_call_to_call_is_an_error() {
    let calls = Cell::new(0.0);
    let value = |x: &[f64]| {
        calls.set(calls.get() + 1e-13);
        vec![x[0] + calls.get()]
    };
    let pair = Pair { value, rule: |_: &[f64], g: &[f64]| g.to_vec(), shape: None };
    let error = Gradcheck::new().check_function(&pair, &[vector(&[1.0])]).unwrap_err();
    assert!(matches!(error, GradcheckError::NotRepeatable { .. }), "{error}");
}

#[test]
fn a_value_or_gradient_that_is_not_finite_is_an_error() {
    let error = scalar(f64::ln, |x| 1.0 / x, 0.0).unwrap_err();
    assert_eq!(error.to_string(), "gradcheck: output is -inf at these inputs");
    let error = scalar(|x| x, |_| f64::NAN, 1.0).unwrap_err();
    assert_eq!(error.to_string(), "gradcheck: the gradient of input 0 is NaN at these inputs");
}

#[test]
fn the_message_names_element_values_step_and_seed_also_for_unwrap() {
    let mut b = numbers(12);
    b[7] *= -1.0;
    let error = linear(&numbers(12), &b, &numbers(4), Gradcheck::new().seed(5)).unwrap_err();
    let text = format!("{error:?}");
    assert_eq!(text, error.to_string());
    for part in [
        "1 of 12 derivatives of order 1 are wrong",
        "seed 5",
        "d output [1] / d input 0 [3]: analytic ",
        "ratio -1",
        "step 2^-",
        "looks like a wrong sign",
    ] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
}

#[test]
fn zeros_are_shown_without_sign_and_without_ratio() {
    let nothing = scalar(|x| x * x, |_| -0.0, 1.5).unwrap_err().to_string();
    assert!(nothing.contains("analytic 0e0, numeric 3e0"), "{nothing}");
    let constant = scalar(|_| 2.0, |_| 1.0, 1.5).unwrap_err().to_string();
    assert!(constant.contains("analytic 1e0, numeric 0e0"), "{constant}");
    for text in [nothing, constant] {
        assert!(!text.contains("ratio") && !text.contains("-0"), "{text}");
    }
}
