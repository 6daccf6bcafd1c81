//! Numeric derivatives against closed forms.

use super::super::compare::{Verdict, compare};
use super::super::noise;
use super::super::numeric::{Ladder, Numeric, derivative};
use super::super::random::Random;

type Function = fn(f64) -> f64;

/// Functions, their derivatives, and points from 1e-10 to 1e8.
#[rustfmt::skip]
const CORPUS: [(&str, Function, Function, &[f64]); 16] = [
    ("sin", f64::sin, f64::cos, &[1e-10, 1e-3, 0.3, 1.0, 7.0, 100.0]),
    ("exp", f64::exp, f64::exp, &[-20.0, -1.0, 1e-8, 0.5, 3.0, 50.0, 300.0]),
    ("ln", f64::ln, |x| 1.0 / x, &[1e-10, 5e-7, 1e-2, 0.9, 3.0, 1e4, 1e8]),
    ("1/x", |x| 1.0 / x, |x| -1.0 / (x * x), &[1e-10, 1e-6, 1.5e-6, 1e-2, 1.0, 37.0, 1e8]),
    ("sqrt", f64::sqrt, |x| 0.5 / x.sqrt(), &[1e-10, 1e-4, 2.0, 1e8]),
    ("x²", |x| x * x, |x| 2.0 * x, &[1e-10, 1e-3, 1.0, 1e8]),
    ("x³", |x| x * x * x, |x| 3.0 * x * x, &[1e-3, 2.0, 1e5]),
    ("tanh", f64::tanh, |x| 1.0 / x.cosh().powi(2), &[1e-9, 0.2, 1.0, 4.0]),
    ("sigmoid", |x| 1.0 / (1.0 + (-x).exp()), |x| 1.0 / (2.0 + x.exp() + (-x).exp()), &[-30.0, -2.0, 0.0, 1.0, 5.0]),
    ("softplus", |x| x.exp().ln_1p(), |x| 1.0 / (1.0 + (-x).exp()), &[-10.0, -1.0, 0.0, 3.0]),
    ("x^x", |x| x.powf(x), |x| x.powf(x) * (x.ln() + 1.0), &[0.1, 1.0, 5.0]),
    ("atan", f64::atan, |x| 1.0 / (1.0 + x * x), &[1e-8, 0.5, 20.0, 1e3]),
    ("gauss", |x| (-x * x).exp(), |x| -2.0 * x * (-x * x).exp(), &[0.1, 1.0, 3.0]),
    ("pole", |x| 1.0 / (x * x - 1.0), |x| -2.0 * x / (x * x - 1.0).powi(2), &[0.5, 0.99, 1.001, 2.0]),
    ("sin 100x", |x| (100.0 * x).sin(), |x| 100.0 * (100.0 * x).cos(), &[0.1, 1.0, 10.0]),
    ("line", |x| 3.0 * x - 1.0, |_| 3.0, &[1e-10, 1.0, 1e8]),
];

fn at(f: Function, x: f64) -> (Numeric, usize) {
    let mut evaluations = 0;
    let mut line = |s: f64| {
        evaluations += 1;
        Some(vec![f(s)])
    };
    let found = derivative(&mut line, Ladder::coordinate(x), &[f(x)], &[0.0])[0];
    (found, evaluations)
}

#[test]
fn derivatives_are_good_to_fourteen_digits_and_know_how_good_they_are() {
    let (mut errors, mut costs) = (Vec::new(), Vec::new());
    for (name, f, derivative, points) in CORPUS {
        for &x in points {
            let (found, cost) = at(f, x);
            let Numeric::Smooth(found) = found else { panic!("{name} at {x}: {found:?}") };
            let truth = derivative(x);
            let difference = (found.value - truth).abs();
            let rounding = 4.0 * f64::EPSILON * truth.abs();
            assert!(
                difference <= 2.0 * found.error + rounding,
                "{name} at {x}: {found:?}, {truth}"
            );
            errors.push(difference / truth.abs());
            costs.push(cost);
        }
    }
    errors.sort_by(f64::total_cmp);
    costs.sort();
    let median = errors[errors.len() / 2];
    let (low, high) = (costs[costs.len() / 2], costs[costs.len() - 1]);
    println!("{} points: median {median:e}, worst {:e}", errors.len(), errors[errors.len() - 1]);
    println!("evaluations: median {low}, most {high}");
    assert!(median < 1e-13, "median relative error {median:e}");
    assert!(errors[errors.len() * 9 / 10] < 1e-9);
    assert!(low <= 24 && high <= 150, "evaluations: median {low}, most {high}");
}

#[test]
fn kinks_nearby_are_passed_and_kinks_at_the_point_named() {
    let relu: Function = |x| x.max(0.0);
    for distance in [1e-15, 1e-9, 1e-3, 1.0] {
        for (sign, slope) in [(1.0, 1.0), (-1.0, 0.0)] {
            let Numeric::Smooth(found) = at(relu, sign * distance).0 else { panic!("{distance}") };
            assert!((found.value - slope).abs() < 1e-13, "{distance}: {found:?}");
        }
    }
    assert!(matches!(at(relu, 0.0).0, Numeric::Kink { left: 0.0, right: 1.0, .. }));
    assert!(matches!(at(f64::abs, 0.0).0, Numeric::Kink { left: -1.0, right: 1.0, .. }));
    // Beside a larger term, round-off hides the kink at the finest steps.
    assert!(matches!(at(|x| 0.5 + x.max(0.0), 0.0).0, Numeric::Kink { left: 0.0, right: 1.0, .. }));
    let shifted: Function = |x| (x - 3.0).abs() + 5.0;
    assert!(matches!(at(shifted, 3.0).0, Numeric::Kink { left: -1.0, right: 1.0, .. }));
}

#[test]
fn where_there_is_no_derivative_none_is_found() {
    assert_eq!(at(f64::signum, 0.0).0, Numeric::Unstable);
    assert_eq!(at(f64::sqrt, 0.0).0, Numeric::OutOfDomain);
    assert_eq!(at(f64::cbrt, 0.0).0, Numeric::Unstable);
}

#[test]
fn outputs_do_not_disturb_one_another() {
    let f = |s: f64| vec![s.ln(), (1e3 * s).sin(), 0.0, 1e8 + s];
    let mut line = |s: f64| Some(f(s));
    let found = derivative(&mut line, Ladder::coordinate(0.01), &f(0.01), &[0.0; 4]);
    let value = |i: usize| if let Numeric::Smooth(e) = found[i] { e.value } else { f64::NAN };
    assert!((value(0) / 100.0 - 1.0).abs() < 1e-12);
    assert!((value(1) / (1e3 * 10.0f64.cos()) - 1.0).abs() < 1e-10);
    assert_eq!(value(2), 0.0);
    assert!((value(3) - 1.0).abs() < 1e-6);
}

/// A value with its derivative: the truth for functions that are composed at random.
fn compose(ops: &[(u64, f64)], x: f64) -> (f64, f64) {
    ops.iter().fold((x, 1.0), |(v, d), &(op, scale)| {
        let (v, d) = (scale * v, scale * d);
        match op {
            0 => (v.sin(), d * v.cos()),
            1 => (v.tanh(), d / v.cosh().powi(2)),
            2 => (v / (1.0 + v * v), d * (1.0 - v * v) / (1.0 + v * v).powi(2)),
            3 => ((0.1 * v).exp() * v.cos(), d * (0.1 * v).exp() * (0.1 * v.cos() - v.sin())),
            _ => ((v * v).ln_1p(), d * 2.0 * v / (1.0 + v * v)),
        }
    })
}

#[test]
fn no_right_derivative_of_a_random_composition_is_called_wrong() {
    let mut random = Random::new(3);
    let (mut judged, mut vague) = (0, 0);
    for _ in 0..500 {
        let drawn = random.normals(7);
        let ops: Vec<(u64, f64)> =
            drawn[..3].iter().map(|z| ((z.to_bits() >> 44) % 5, 4f64.powf(drawn[3] * z))).collect();
        let x = drawn[4] * 10f64.powf(drawn[5]);
        let (y, truth) = compose(&ops, x);
        let mut line = |s: f64| Some(vec![compose(&ops, s).0]);
        let sample = |t: f64| compose(&ops, x * (1.0 + t * drawn[6])).0;
        let measured = noise::noise(noise::TABLES.map(|table| table.map(sample)));
        let found = derivative(&mut line, Ladder::coordinate(x), &[y], &[measured])[0];
        match compare(truth, &found, 0.0) {
            Verdict::Fail(_) => panic!("{ops:?} at {x}: {found:?}, not {truth}"),
            Verdict::Pass(_) => judged += 1,
            Verdict::Inconclusive => vague += 1,
        }
    }
    println!("{judged} judged, {vague} not");
    assert!(judged > 450, "{judged} judged, {vague} not");
}
