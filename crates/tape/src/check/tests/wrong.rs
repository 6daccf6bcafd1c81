//! Planted mistakes: each is found.

use super::super::subject::dot;
use super::*;

fn rejected(result: Result<Report, GradcheckError>) -> String {
    match result {
        Err(error @ GradcheckError::Wrong(_)) => error.to_string(),
        other => panic!("a wrong rule was not found: {other:?}"),
    }
}

#[test]
fn tiny_gradients_are_not_taken_for_zero() {
    for size in [1e-5, 1e-6, 1e-9] {
        let text = rejected(scalar(|x| size * x, |_| 0.0, 0.7));
        assert!(text.contains("gives nothing"), "{text}");
    }
    let n = 1e5;
    let value = |x: &[f64]| vec![x.iter().sum::<f64>() / n];
    let pair = Pair { value, rule: |x: &[f64], _: &[f64]| vec![0.0; x.len()], shape: Some(vec![]) };
    rejected(Gradcheck::new().check_function(&pair, &[vector(&numbers(n as usize))]));
}

#[test]
fn small_factors_are_seen_and_common_ones_named() {
    for factor in [1.0009, 1.0 + 1e-6, 1.0 - 1e-7] {
        rejected(scalar(|x| x * x, |x| factor * 2.0 * x, 1.3));
        rejected(scalar(f64::tanh, |x| factor / x.cosh().powi(2), 0.4));
    }
    let text = rejected(scalar(|x| x * x, |x| 4.0 * x, 1.3));
    assert!(text.contains("factor 2"), "{text}");
    let text = rejected(scalar(|x| x * x, |x| -2.0 * x, 1.3));
    assert!(text.contains("wrong sign"), "{text}");
}

#[test]
fn a_rule_that_forgets_or_squares_its_cotangent_is_seen() {
    let value = |x: &[f64]| vec![x[0] * x[0]];
    let forgets = |x: &[f64], _: &[f64]| vec![2.0 * x[0]];
    let pair = Pair { value, rule: forgets, shape: None };
    let text = rejected(Gradcheck::new().check_function(&pair, &[vector(&[1.3])]));
    assert!(text.contains("forgot the cotangent"), "{text}");
    let squares = |x: &[f64], g: &[f64]| vec![2.0 * x[0] * g[0] * g[0]];
    let pair = Pair { value, rule: squares, shape: None };
    rejected(Gradcheck::new().check_function(&pair, &[vector(&[1.3])]));
}

#[test]
fn one_entry_of_a_large_jacobian_is_found_and_named() {
    let (n, row, column) = (300, 217, 141);
    let a = numbers(n * n);
    for (off, seed) in [(0.5, 0), (1e-3, 1), (1e-6, 2)] {
        let mut b = a.clone();
        b[row * n + column] += off;
        let text = rejected(linear(&a, &b, &numbers(n), Gradcheck::new().seed(seed)));
        let named = text.contains(&format!("d output [{row}] / d input 0 [{column}]:"));
        assert!(named, "{off}: {text}");
    }
}

#[test]
fn a_transposed_jacobian_is_found_in_both_modes() {
    let a = numbers(36);
    let transposed: Vec<f64> = (0..36).map(|i| a[i % 6 * 6 + i / 6]).collect();
    for check in [Gradcheck::new(), Gradcheck::new().projected()] {
        rejected(linear(&a, &transposed, &numbers(6), check));
    }
}

#[test]
fn a_missing_sum_over_a_broadcast_axis_is_found() {
    // y[i, j] = b[j], whose gradient is a sum over i; the rule takes the first row.
    let value = |b: &[f64]| b.repeat(4);
    let rule = |b: &[f64], g: &[f64]| g[..b.len()].to_vec();
    let pair = Pair { value, rule, shape: Some(vec![4, 3]) };
    for check in [Gradcheck::new(), Gradcheck::new().projected()] {
        rejected(check.check_function(&pair, &[vector(&numbers(3))]));
    }
    let sum = |b: &[f64]| vec![b.repeat(4).iter().map(|b| b * b).sum()];
    let rule = |b: &[f64], g: &[f64]| b.iter().map(|b| 2.0 * b * g[0]).collect();
    let pair = Pair { value: sum, rule, shape: Some(vec![]) };
    rejected(Gradcheck::new().check_function(&pair, &[vector(&numbers(3))]));
}

#[test]
fn a_sum_taken_for_a_mean_is_named() {
    let value = |x: &[f64]| vec![x.iter().map(|x| x * x).sum::<f64>() / x.len() as f64];
    let rule = |x: &[f64], g: &[f64]| x.iter().map(|x| 2.0 * x * g[0]).collect();
    let pair = Pair { value, rule, shape: Some(vec![]) };
    let text = rejected(Gradcheck::new().check_function(&pair, &[vector(&numbers(7))]));
    assert!(text.contains("times 7: looks like a sum taken for a mean"), "{text}");
}

#[test]
fn a_missing_term_and_a_wrong_order_are_found_in_projection() {
    let mean_removed = |x: &[f64]| {
        let mean = x.iter().sum::<f64>() / x.len() as f64;
        x.iter().map(|x| x - mean).collect::<Vec<f64>>()
    };
    let pair = Pair { value: mean_removed, rule: |_: &[f64], g: &[f64]| g.to_vec(), shape: None };
    rejected(Gradcheck::new().projected().check_function(&pair, &[vector(&numbers(50))]));
    let sorted = |x: &[f64]| {
        let mut x = x.to_vec();
        x.sort_by(f64::total_cmp);
        x
    };
    let pair = Pair { value: sorted, rule: |_: &[f64], g: &[f64]| g.to_vec(), shape: None };
    rejected(Gradcheck::new().projected().check_function(&pair, &[vector(&numbers(50))]));
}

#[test]
fn a_gradient_where_the_function_is_constant_is_found() {
    let text = rejected(scalar(|_| 2.0, |_| 1e-3, 1.0));
    assert!(text.contains("does not depend on this element"), "{text}");
}

/// Half the squared error of `x -> W₂ W₁ x` for a batch of 8 vectors of 64, with 2 x 64 x 32
/// weights.
fn autoencoder(w: &[f64], wrong: impl Fn(&mut [f64])) -> (f64, Vec<f64>) {
    let (inside, outside, batch) = (32, 64, 8);
    let (w1, w2) = w.split_at(inside * outside);
    let samples = numbers(batch * outside);
    let (mut loss, mut gradient) = (0.0, vec![0.0; w.len()]);
    for x in samples.chunks_exact(outside) {
        let h: Vec<f64> = w1.chunks_exact(outside).map(|row| dot(row, x)).collect();
        let y = w2.chunks_exact(inside).map(|row| dot(row, &h));
        let e: Vec<f64> = y.zip(x).map(|(y, x)| y - x).collect();
        loss += 0.5 * dot(&e, &e);
        for i in 0..inside {
            let back: f64 = (0..outside).map(|j| e[j] * w2[j * inside + i]).sum();
            for j in 0..outside {
                gradient[i * outside + j] += back * x[j];
                gradient[(outside + j) * inside + i] += e[j] * h[i];
            }
        }
    }
    wrong(&mut gradient);
    (loss, gradient)
}

#[test]
fn one_entry_of_an_autoencoder_is_found_and_named() {
    let w: Vec<f64> = numbers(4096).iter().map(|w| 0.2 * w).collect();
    let check = |wrong: &dyn Fn(&mut [f64])| {
        let value = |w: &[f64]| vec![autoencoder(w, |_| ()).0];
        let rule = |w: &[f64], g: &[f64]| {
            autoencoder(w, wrong).1.iter().map(|d| d * g[0]).collect::<Vec<f64>>()
        };
        let pair = Pair { value, rule, shape: Some(vec![]) };
        Gradcheck::new().check_function(&pair, &[vector(&w)])
    };
    check(&|_| ()).unwrap();
    for factor in [2.0, 1.01, 1.0001] {
        let text = rejected(check(&|g| g[1234] *= factor));
        assert!(text.contains("d output / d input 0 [1234]:"), "{factor}: {text}");
    }
    rejected(check(&|g| g.iter_mut().for_each(|g| *g *= 1.0009)));
}
