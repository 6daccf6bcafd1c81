//! Right rules at awkward points.

use super::*;

#[test]
fn right_rules_pass_where_a_fixed_step_fails() {
    scalar(|x| 1.0 / x, |x| -1.0 / (x * x), 1e-6).unwrap();
    scalar(f64::ln, |x| 1.0 / x, 5e-7).unwrap();
    scalar(|x| x * x, |x| 2.0 * x, 1e8).unwrap();
    scalar(f64::abs, f64::signum, 5e-7).unwrap();
    scalar(|x| (100.0 * x).sin(), |x| 100.0 * (100.0 * x).cos(), 10.0).unwrap();
    for x in [1e-9, -1e-9, 0.3, -2.0, 1e5] {
        scalar(|x| x.max(0.0), |x| if x > 0.0 { 1.0 } else { 0.0 }, x).unwrap();
    }
    scalar(|x| x.powi(3), |x| 3.0 * x * x, 0.0).unwrap();
    scalar(|x| 1e-9 * x, |_| 1e-9, 1.0).unwrap();
    scalar(|_| 3.0, |_| 0.0, 1.0).unwrap();
}

/// Far from 0, `v (1 - tanh²(x))` is a small difference of terms of the size of `v`: its values are
/// multiples of a unit that is coarse beside them.
#[test]
fn a_derivative_that_is_a_staircase_is_not_called_wrong() {
    for seed in 0..100 {
        for k in 0..80 {
            let x = Tensor::scalar(0.1 * f64::from(k) - 0.003 * seed as f64);
            if let Err(error) = Gradcheck::new().seed(seed).check(|[x]| x.tanh(), [x.clone()]) {
                panic!("tanh at {x}, seed {seed}: {error}");
            }
        }
    }
}

#[test]
fn a_kink_is_reported_not_passed() {
    for slope in [0.0, 0.5, 1.0] {
        let error = scalar(|x| x.max(0.0), |_| slope, 0.0).unwrap_err();
        assert!(matches!(error, GradcheckError::Inconclusive(_)));
        assert!(error.to_string().contains("0e0 on the left, 1e0 on the right"), "{error}");
    }
}

#[test]
fn values_that_hide_their_derivative_are_inconclusive() {
    let noisy = |x: f64| x.exp() + 1e10;
    let error = scalar(noisy, f64::exp, 0.5).unwrap_err();
    assert!(error.to_string().contains("round-off of the function hides"), "{error}");
    // The value is of size 1 and its round-off 1e-6: it has to be measured.
    let cancelled = |x: f64| x.exp() + (1e5 * x) * (1e5 * x) - 1e10 * (x * x);
    let error = scalar(cancelled, f64::exp, 0.5).unwrap_err();
    assert!(matches!(error, GradcheckError::Inconclusive(_)), "{error}");
    let saturated = scalar(f64::tanh, |x| 1.0 / x.cosh().powi(2), 15.0).unwrap_err();
    assert!(matches!(saturated, GradcheckError::Inconclusive(_)), "{saturated}");
}

#[test]
fn what_cannot_be_judged_may_be_let_pass_and_is_counted() {
    let value = |x: &[f64]| x.iter().map(|x| x.max(0.0)).collect();
    let rule = |x: &[f64], g: &[f64]| {
        x.iter().zip(g).map(|(x, g)| if *x > 0.0 { *g } else { 0.0 }).collect()
    };
    let pair = Pair { value, rule, shape: None };
    let check = Gradcheck::new().allow_inconclusive();
    let report = check.check_function(&pair, &[vector(&[0.0, 1.0, -1.0])]).unwrap();
    assert_eq!((report.compared, report.inconclusive), (9, 1));
    assert!(report.worst <= 1.0);
}

fn softmax(x: &[f64]) -> Vec<f64> {
    let exp: Vec<f64> = x.iter().map(|x| x.exp()).collect();
    let sum: f64 = exp.iter().sum();
    exp.iter().map(|e| e / sum).collect()
}

#[test]
fn dense_jacobians_pass_in_both_modes() {
    let rule = |x: &[f64], g: &[f64]| {
        let y = softmax(x);
        let inner: f64 = y.iter().zip(g).map(|(y, g)| y * g).sum();
        y.iter().zip(g).map(|(y, g)| y * (g - inner)).collect()
    };
    let pair = Pair { value: softmax, rule, shape: Some(vec![2, 5]) };
    for check in [Gradcheck::new(), Gradcheck::new().projected(), Gradcheck::new().seed(1)] {
        check.check_function(&pair, &[vector(&numbers(10))]).unwrap();
    }
    linear(&numbers(300 * 300), &numbers(300 * 300), &numbers(300), Gradcheck::new()).unwrap();
}

#[test]
fn squares_of_any_size_pass_in_projection() {
    let value = |x: &[f64]| vec![x.iter().map(|x| x * x).sum()];
    let rule = |x: &[f64], g: &[f64]| x.iter().map(|x| 2.0 * x * g[0]).collect();
    for size in [1e-8, 1.0, 1e8] {
        let x: Vec<f64> = numbers(3000).iter().map(|x| size * x).collect();
        let pair = Pair { value, rule, shape: Some(vec![]) };
        Gradcheck::new().check_function(&pair, &[vector(&x)]).unwrap();
    }
}

#[test]
fn many_kinks_near_the_point_do_not_matter() {
    let value = |x: &[f64]| vec![x.iter().map(|x| x.max(0.0).sqrt() + x.abs()).sum()];
    let rule = |x: &[f64], g: &[f64]| {
        let slope = |x: f64| if x > 0.0 { 0.5 / x.sqrt() + 1.0 } else { -1.0 };
        x.iter().map(|&x| g[0] * slope(x)).collect()
    };
    let pair = Pair { value, rule, shape: Some(vec![]) };
    Gradcheck::new().projected().check_function(&pair, &[vector(&numbers(500))]).unwrap();
}
