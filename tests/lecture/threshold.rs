//! Row 31: threshold units, and why gradients cannot train them.

use nn::prelude::*;
use proptest::prelude::*;
use tape::{Gradcheck, GradcheckError, NoGradient};

use super::cases;
use super::support::section4::{close, unit, with_slope};

fn heaviside(z: f64) -> f64 {
    if z >= 0.0 { 1.0 } else { 0.0 }
}

/// `f^H(x; θ)` and `f^±(x; θ)`, by the tape.
fn units(x: &Tensor<f64>, theta: &Tensor<f64>) -> (f64, f64) {
    let tape = Tape::new();
    let z = tape.constant(x).matmul(tape.constant(theta));
    (z.heaviside().item(), z.sign().item())
}

/// A threshold unit over two inputs that fires when `θ₁x₁ + θ₂x₂` reaches the threshold `t`.
fn fires(theta: [f64; 2], t: f64, x: [f64; 2]) -> f64 {
    let (x, augmented) = (tensor![x[0], x[1], 1.0], tensor![theta[0], theta[1], -t]);
    units(&x, &augmented).0
}

const CORNERS: [[f64; 2]; 4] = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_threshold_unit_is_one_from_zero_on((x, theta) in unit()) {
        let (h, sign) = units(&x, &theta);
        let z = x.dot(&theta).item();
        prop_assert_eq!(h, heaviside(z));
        prop_assert_eq!(sign, z.signum());
        prop_assert_eq!(sign, 2.0 * h - 1.0); // z ≠ 0 with probability 1
    }

    /// No single threshold unit is XOR. To fire at (0, 1) and (1, 0) it needs `θ₁ ≥ t` and
    /// `θ₂ ≥ t`, to rest at (0, 0) `t > 0`; then `θ₁ + θ₂ ≥ 2t > t`, and it fires at (1, 1) too.
    #[test]
    fn one_threshold_unit_is_not_xor(a in -3.0..3.0, b in -3.0..3.0, t in -3.0..3.0) {
        let outputs = CORNERS.map(|x| fires([a, b], t, x));
        prop_assert_ne!(outputs, [0.0, 1.0, 1.0, 0.0]);
        let (a, b, t) = (a.abs() + t.abs(), b.abs() + t.abs(), t.abs() + 1e-9);
        if [a, b].iter().all(|w| *w >= t) {
            prop_assert_eq!(CORNERS.map(|x| fires([a, b], t, x)), [0.0, 1.0, 1.0, 1.0]);
        }
    }

    /// `|σ(az) - H(z)| ≤ e^(-a|z|)` where `z ≠ 0`.
    #[test]
    fn sigmoids_of_growing_slope_approach_the_threshold_off_its_boundary(
        z in prop_oneof![-3.0..-1e-3, 1e-3..3.0]
    ) {
        let mut last = f64::INFINITY;
        for a in [1.0, 4.0, 16.0, 64.0, 256.0] {
            let distance = (with_slope(|z| (a * z).sigmoid(), z).0 - heaviside(z)).abs();
            prop_assert!(distance <= (-a * z.abs()).exp() + 1e-16);
            prop_assert!(distance <= last);
            last = distance;
        }
    }

    /// And its derivative there: `aσ'(az) ≤ a e^(-a|z|)`, which in the end is nothing.
    #[test]
    fn the_slope_of_a_steep_sigmoid_dies_off_the_boundary(
        z in prop_oneof![-3.0..-0.1, 0.1..3.0]
    ) {
        for a in [1.0, 10.0, 100.0] {
            let (_, slope) = with_slope(|z| (a * z).sigmoid(), z);
            let s = 1.0 / (1.0 + (-a * z).exp());
            prop_assert!(close(slope, a * s * (1.0 - s), 1e-13));
            prop_assert!(slope <= a * (-a * z.abs()).exp() + a * 2e-16);
        }
    }
}

#[test]
fn on_the_boundary_the_threshold_unit_fires() {
    assert_eq!(units(&tensor![2.0, 1.0], &tensor![1.0, -2.0]).0, 1.0);
    assert_eq!(Tape::new().constant(-0.0).heaviside().item(), 1.0);
}

/// Erratum: "equivalently" and "{-1, 1}" hold for `f^± = 2f^H - 1`, not for the usual sign, which
/// is 0 on the boundary. There, and only there, the two differ.
#[test]
fn sign_as_printed_leaves_its_range_on_the_boundary() {
    let (h, sign) = units(&tensor![2.0, 1.0], &tensor![1.0, -2.0]);
    assert_eq!(sign, 0.0, "printed: sign(x·θ), which is neither -1 nor 1");
    assert_eq!(2.0 * h - 1.0, 1.0, "correct: 2H(x·θ) - 1");
}

/// The cartoon neuron: one unit each for AND, OR, and NOT of the first input.
#[test]
fn the_neuron_fires_when_its_input_reaches_the_threshold() {
    assert_eq!(CORNERS.map(|x| fires([1.0, 1.0], 1.5, x)), [0.0, 0.0, 0.0, 1.0]);
    assert_eq!(CORNERS.map(|x| fires([1.0, 1.0], 0.5, x)), [0.0, 1.0, 1.0, 1.0]);
    assert_eq!(CORNERS.map(|x| fires([-1.0, 0.0], -0.5, x)), [1.0, 1.0, 0.0, 0.0]);
}

/// Erratum: the figure's "if activation exceeds a threshold" is `>`, the definition is `≥`. With
/// the threshold 2, AND fires by the one and not by the other.
#[test]
fn the_definition_fires_at_the_threshold_itself() {
    let (activation, threshold) = (1.0 + 1.0, 2.0);
    assert!(activation <= threshold, "printed: it does not exceed the threshold");
    assert_eq!(fires([1.0, 1.0], threshold, [1.0, 1.0]), 1.0, "H(0) = 1: it fires");
}

#[test]
fn two_layers_of_threshold_units_are_xor() {
    let xor = CORNERS.map(|x| {
        let (or, and) = (fires([1.0, 1.0], 0.5, x), fires([1.0, 1.0], 1.5, x));
        fires([1.0, -1.0], 0.5, [or, and])
    });
    assert_eq!(xor, [0.0, 1.0, 1.0, 0.0]);
}

/// What the tape answers: not a zero, but the operation and the line where the path stops.
#[test]
fn asked_for_the_gradient_the_tape_names_the_threshold_that_stops_it() {
    for (phi, name) in [(Activation::Heaviside, "heaviside"), (Activation::Sign, "sign")] {
        let tape = Tape::new();
        let (x, theta) = (tape.constant(tensor![0.5, -1.0]), tape.leaf(tensor![1.0, 2.0]));
        let loss = (phi.apply(x.matmul(theta)) - 1.0).square();
        let Err(NoGradient::Stopped { op, .. }) = loss.gradient(theta) else {
            panic!("{phi} must stop the derivative");
        };
        assert_eq!(op, name);
        let text = loss.gradient(theta).unwrap_err().to_string();
        assert!(text.contains(name) && text.contains("passes no derivative on"), "{text}");
    }
}

/// The same for parameters, and a unit beside the threshold keeps its own gradient.
#[test]
fn backward_gives_the_reason_in_place_of_a_gradient() {
    let tape = Tape::new();
    let (theta, beta) = (Param::new(tensor![[1.0, 2.0]]), Param::new(tensor![[3.0]]));
    let hidden = tape.constant(tensor![[0.5, 1.0]]).matmul(tape.param(&theta).t()).heaviside();
    let grads = (hidden.matmul(tape.param(&beta)) - 1.0).square().sum().backward();
    assert!(matches!(grads.get(&theta), Err(NoGradient::Stopped { .. })));
    assert_eq!(grads[&beta], tensor![[4.0]]); // 2 (βh - 1) h
}

#[test]
#[should_panic(expected = "the path stops at `heaviside`, recorded at")]
fn grad_refuses_and_says_why() {
    let tape = Tape::new();
    let z = tape.leaf(0.5);
    z.heaviside().grad([z]);
}

/// Off its jump the derivative exists and is 0, as differences say; on it there is none.
#[test]
fn the_derivative_is_zero_where_there_is_one() {
    let check = |z: f64| Gradcheck::new().order(1).check(|[z]| z.heaviside(), [Tensor::scalar(z)]);
    for z in [-1.5, 0.5, 2.0] {
        let h = 1e-4;
        assert_eq!((heaviside(z + h) - heaviside(z - h)) / (2.0 * h), 0.0);
        check(z).unwrap();
    }
    assert!(matches!(check(0.0), Err(GradcheckError::Inconclusive(_))));
    let quotient = |h: f64| (heaviside(h) - heaviside(-h)) / (2.0 * h);
    assert!(close(quotient(1e-9), 0.5e9, 1e-12)); // grows without bound
}

/// Erratum: "H has a jump at 0 ⇒ no derivative information" blames the jump. `z + H(z)` has
/// the same jump, and its slope of 1 everywhere else leads anyone down; what `H` lacks is a
/// slope elsewhere.
#[test]
fn it_is_the_flatness_not_the_jump_that_stops_descent() {
    let mut z = 2.0;
    for _ in 0..60 {
        let (_, slope) = with_slope(|z| 0.5 * (z + z.heaviside() + 1.0).square(), z);
        z -= 0.1 * slope;
    }
    assert!((z + heaviside(z) + 1.0).abs() < 0.01, "{z}");
}

/// At 0 every sigmoid is ½, and `H(0) = 1`: the approach is pointwise, not uniform. In the mean it
/// is `∫|σ(az) - H(z)| dz = 2 ln 2 / a`.
#[test]
fn the_approach_is_pointwise_and_in_the_mean_but_not_uniform() {
    for a in [1.0, 8.0, 64.0] {
        let sigma = |z: f64| with_slope(|z| (a * z).sigmoid(), z).0;
        assert_eq!(sigma(0.0), 0.5);
        assert!((sigma(-1e-9 / a) - heaviside(-1e-9)).abs() > 0.499);
        // By the midpoint rule, away from the jump, and both sides alike.
        let n = 2000;
        let step = 40.0 / a / n as f64;
        let midpoints = (0..n).map(|k| (k as f64 + 0.5) * step);
        let area: f64 = midpoints.map(|z| (1.0 - sigma(z)) + sigma(-z)).sum::<f64>() * step;
        assert!(close(area * a, 2.0 * 2f64.ln(), 1e-4), "{area}");
        assert!(close(with_slope(|z| (a * z).sigmoid(), 0.0).1, a / 4.0, 1e-15));
    }
}

/// A logistic unit learns OR by gradient descent, and the threshold unit with its weights computes
/// it; the threshold unit by itself has no gradient to start with, and a very steep sigmoid has one
/// that is zero in all its digits.
#[test]
fn descent_trains_the_sigmoid_whose_weights_then_serve_the_threshold() {
    let x = Tensor::from_fn([4, 2], |i| CORNERS[i[0]][i[1]]);
    let y = tensor![[0.0], [1.0], [1.0], [1.0]];
    let start = || Linear::from_parts(tensor![[-1.0, -1.0]], Some(tensor![-1.0]));
    let gradients = |linear: &Linear<f64>, phi: &dyn for<'t> Fn(Var<'t, f64>) -> Var<'t, f64>| {
        let tape = Tape::new();
        loss::half_squared_error(phi(linear.forward(tape.constant(&x))), tape.constant(&y))
            .backward()
    };
    let mut linear = start();
    for _ in 0..400 {
        let grads = gradients(&linear, &|z| z.sigmoid());
        let Linear { weight, bias: Some(bias) } = &mut linear else { panic!("has a bias") };
        weight.set(weight.value() - &grads[&*weight] * 2.0);
        bias.set(bias.value() - &grads[&*bias] * 2.0);
    }
    let tape = Tape::new();
    assert_eq!(linear.forward(tape.constant(&x)).heaviside().value(), y);

    let untrained = start();
    let stopped = gradients(&untrained, &|z| z.heaviside());
    assert!(matches!(stopped.get(&untrained.weight), Err(NoGradient::Stopped { .. })));
    let steep = gradients(&untrained, &|z| (1000.0 * z).sigmoid());
    assert_eq!(steep[&untrained.weight], tensor![[0.0, 0.0]]);
}
