//! Rows 32 to 35: sigmoid units.

use nn::activation::logit;
use nn::prelude::*;
use proptest::prelude::*;
use tape::{Gradcheck, gradcheck};

use super::cases;
use super::support::section4::{close, unit, with_slope};

/// The slides' formula.
fn sigma(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

fn value(f: impl for<'t> Fn(Var<'t, f64>) -> Var<'t, f64>, z: f64) -> f64 {
    f(Tape::new().constant(z)).item()
}

/// `p(s)` and `p'(s)` of the polynomial with these coefficients, the lowest first.
fn horner(coefficients: &[f64], s: f64) -> (f64, f64) {
    coefficients.iter().rev().fold((0.0, 0.0), |(p, d), c| (p * s + c, d * s + p))
}

/// `P₁ .. P₆` with `σ⁽ⁿ⁾ = Pₙ(σ)`: `P₁ = s - s²`, and since `σ' = σ - σ²`, `Pₙ₊₁ = Pₙ' (s - s²)`.
fn polynomials() -> Vec<Vec<f64>> {
    let mut all = vec![vec![0.0, 1.0, -1.0]];
    while all.len() < 6 {
        let p = &all[all.len() - 1];
        let mut next = vec![0.0; p.len() + 1];
        for (k, c) in p.iter().enumerate().skip(1) {
            next[k] += k as f64 * c;
            next[k + 1] -= k as f64 * c;
        }
        all.push(next);
    }
    all
}

/// The derivatives of `σ` of order 1 to 6 at every element, each the tape's derivative of the last.
fn derivatives(z: &Tensor<f64>) -> Vec<Tensor<f64>> {
    let tape = Tape::new();
    let z = tape.leaf(z);
    let mut y = z.sigmoid();
    let orders = (0..6).map(|_| {
        [y] = y.sum().grad([z]);
        y
    });
    let orders: Vec<Var<'_, f64>> = orders.collect();
    tape.eval(orders).unwrap()
}

proptest! {
    #![proptest_config(cases())]

    /// Row 32. The unit is the formula, between 0 and 1, and grows with `x·θ`.
    #[test]
    fn the_logistic_unit_is_its_formula((x, theta) in unit(), step in 0.01..3.0) {
        let tape = Tape::new();
        let unit = tape.constant(&x).matmul(tape.constant(&theta)).sigmoid().item();
        let z = x.dot(&theta).item();
        prop_assert!(close(unit, sigma(z), 1e-15));
        prop_assert!(0.0 < unit && unit < 1.0);
        prop_assert!(value(|z| z.sigmoid(), z + step) > unit);
    }

    /// Row 32, proposition 3. The tape, both forms, every stage of the proof, and differences.
    #[test]
    fn its_derivative_is_sigma_times_one_less_sigma(z in -8.0..8.0) {
        let (s, slope) = with_slope(|z| z.sigmoid(), z);
        let e = (-z).exp();
        for stage in [
            s * (1.0 - s),
            s * value(|z| z.sigmoid(), -z),
            e * (1.0 + e).powi(-2),
            1.0 / (1.0 + e) * (e / (1.0 + e)),
        ] {
            prop_assert!(close(slope, stage, 1e-15), "{slope} {stage}");
        }
        gradcheck(|[z]| z.sigmoid(), [Tensor::scalar(z)]).unwrap();
    }

    /// Row 32. `σ(-z) = 1 - σ(z)`, which makes the two forms one.
    #[test]
    fn sigma_of_minus_z_is_one_less_sigma(z in -30.0..30.0f64) {
        prop_assert!(close(value(|z| z.sigmoid(), -z), 1.0 - sigma(z), 1e-15));
    }

    /// Row 33. The tape's derivatives of order 1 to 6 against the polynomials in `σ`, and each
    /// against differences of the polynomial before it.
    #[test]
    fn derivatives_of_order_one_to_six_are_polynomials_in_sigma(
        z in proptest::collection::vec(-6.0..6.0, 5)
    ) {
        let found = derivatives(&Tensor::from(z.clone()));
        for (n, p) in polynomials().iter().enumerate() {
            for (k, &z) in z.iter().enumerate() {
                let (exact, _) = horner(p, sigma(z));
                prop_assert!((found[n][[k]] - exact).abs() < 1e-12, "order {}: {exact}", n + 1);
                let before = |z: f64| match n {
                    0 => sigma(z),
                    n => horner(&polynomials()[n - 1], sigma(z)).0,
                };
                // Two central differences, extrapolated: the error is of order h⁴.
                let slope = |h: f64| (before(z + h) - before(z - h)) / (2.0 * h);
                let numeric = (4.0 * slope(1e-3) - slope(2e-3)) / 3.0;
                prop_assert!((found[n][[k]] - numeric).abs() < 1e-8, "order {}: {numeric}", n + 1);
            }
        }
    }

    /// Row 34. `tanh z = 2σ(2z) - 1`, its value and derivative; odd, within (-1, 1).
    #[test]
    fn tanh_is_twice_sigma_of_twice_z_less_one(z in -8.0..8.0) {
        let (t, slope) = with_slope(|z| z.tanh(), z);
        let (from_sigma, from_sigma_slope) = with_slope(|z| 2.0 * (2.0 * z).sigmoid() - 1.0, z);
        prop_assert!(close(t, from_sigma, 1e-15) && close(slope, from_sigma_slope, 1e-14));
        let (e, f) = (z.exp(), (-z).exp());
        prop_assert!(close(t, (e - f) / (e + f), 1e-14));
        prop_assert!(close(t, (1.0 - f * f) / (1.0 + f * f), 1e-14));
        prop_assert!(close(slope, 1.0 - t * t, 1e-15));
        prop_assert_eq!(value(|z| z.tanh(), -z), -t);
        prop_assert!(t.abs() < 1.0);
        gradcheck(|[z]| z.tanh(), [Tensor::scalar(z)]).unwrap();
    }

    /// Row 35. `σ(ln(t / (1 - t))) = t`, and the derivative `1 / (t (1 - t))`.
    #[test]
    fn sigma_undoes_the_inverse_logistic(t in 1e-3..0.999) {
        let (z, slope) = with_slope(logit, t);
        prop_assert!(close(z, (t / (1.0 - t)).ln(), 1e-13));
        prop_assert!(close(value(|t| logit(t).sigmoid(), t), t, 1e-15));
        prop_assert!(close(1.0 / (1.0 + (1.0 - t) / t), t, 1e-15));
        prop_assert!((slope * t * (1.0 - t) - 1.0).abs() < 1e-12);
        Gradcheck::new().order(1).check(|[t]| logit(t), [Tensor::scalar(t)]).unwrap();
    }

    /// Row 35, the other half, which the slides do not check: `σ⁻¹(σ(z)) = z`, and the derivatives
    /// of the two are each other's reciprocals.
    #[test]
    fn the_inverse_logistic_undoes_sigma(z in -30.0..15.0) {
        let (back, slope) = with_slope(|z| logit(z.sigmoid()), z);
        // What rounding takes from 1 - σ is magnified by e^z.
        let digits = 1e-15 * (1.0 + z.exp());
        prop_assert!(close(back, z, digits), "{back} {z}");
        prop_assert!((slope - 1.0).abs() < 10.0 * digits, "{slope}");
    }
}

/// Row 32. The limits, by values: 0 and 1 at ∓∞, and close to them long before.
#[test]
fn sigma_goes_to_zero_and_one() {
    let s = |z| value(|z| z.sigmoid(), z);
    assert_eq!((s(f64::NEG_INFINITY), s(0.0), s(f64::INFINITY)), (0.0, 0.5, 1.0));
    assert!(s(-700.0) > 0.0 && s(-700.0) < 1e-300);
    assert_eq!(s(40.0), 1.0, "the nearest number to 1 - 4e-18");
}

/// Row 32. One function, two forms, different digits: `σ(1 - σ)` subtracts nearly equal numbers
/// where `z` is large, `σ(z)σ(-z)` never does. The tape's rule is the former, `y - y²`: its error
/// is below 2⁻⁵³ everywhere, but relative to a slope of 9e-14 that is a part in a thousand, and at
/// 40 the whole.
#[test]
fn far_out_only_the_form_with_minus_z_keeps_its_digits() {
    let exact = |z: f64| (-z).exp() / (1.0 + (-z).exp()).powi(2);
    let product = |z| value(|z| z.sigmoid() * (-z).sigmoid(), z);
    for z in [-40.0, -30.0, 0.0, 30.0, 40.0] {
        assert!((product(z) / exact(z) - 1.0).abs() < 1e-14);
        assert!((with_slope(|z| z.sigmoid(), z).1 - exact(z)).abs() < 2f64.powi(-53));
    }
    assert!((with_slope(|z| z.sigmoid(), 30.0).1 / exact(30.0) - 1.0).abs() > 1e-5);
    assert_eq!(with_slope(|z| z.sigmoid(), 40.0).1, 0.0);
    assert!((with_slope(|z| z.sigmoid(), -40.0).1 / exact(-40.0) - 1.0).abs() < 1e-14);
}

/// Row 33. The polynomials written out, which the recurrence must give: their coefficients are
/// `(-1)^k k! S(n+1, k+1)` at `s^(k+1)`, with Stirling's numbers of the second kind.
#[test]
fn the_polynomials_have_the_coefficients_of_stirling() {
    assert_eq!(polynomials()[1], [0.0, 1.0, -3.0, 2.0]);
    assert_eq!(polynomials()[2], [0.0, 1.0, -7.0, 12.0, -6.0]);
    assert_eq!(polynomials()[5], [0.0, 1.0, -63.0, 602.0, -2100.0, 3360.0, -2520.0, 720.0]);
    fn stirling(n: usize, k: usize) -> f64 {
        match (n, k) {
            (0, 0) => 1.0,
            (0, _) | (_, 0) => 0.0,
            (n, k) => k as f64 * stirling(n - 1, k) + stirling(n - 1, k - 1),
        }
    }
    for (n, p) in (1..).zip(polynomials()) {
        for (k, found) in p[1..].iter().enumerate() {
            let factorial: f64 = (1..=k).map(|i| i as f64).product();
            assert_eq!(*found, (-1f64).powi(k as i32) * factorial * stirling(n + 1, k + 1));
        }
    }
}

/// Row 33. `σ - ½` is odd, so the derivatives of even order vanish at 0; the others there are
/// `1/4, -1/8, 1/4`.
#[test]
fn at_zero_every_second_derivative_vanishes() {
    let at_zero: Vec<f64> = derivatives(&tensor![0.0]).iter().map(|d| d.item()).collect();
    assert_eq!(at_zero, [0.25, 0.0, -0.125, 0.0, 0.25, 0.0]);
}

/// Row 34. The quotient of the slides is not the way to compute it: far out it is ∞/∞. `2σ(2z) - 1`
/// is, and so is `tanh`; the open range (-1, 1) is closed by rounding beyond 20.
#[test]
fn far_out_the_printed_quotient_of_tanh_is_not_a_number() {
    let z = 800.0f64;
    assert!(((z.exp() - (-z).exp()) / (z.exp() + (-z).exp())).is_nan());
    assert_eq!(value(|z| z.tanh(), z), 1.0);
    assert_eq!(value(|z| 2.0 * (2.0 * z).sigmoid() - 1.0, z), 1.0);
    assert_eq!(value(|z| z.tanh(), -20.0), -1.0);
}

/// Row 35 and erratum: the slide does not give the domain (0, 1). At its edges the inverse is ∓∞,
/// which `σ` takes back to 0 and 1, with an infinite slope; outside it is NaN, never a number.
#[test]
fn the_inverse_logistic_is_infinite_at_the_edges_and_undefined_beyond() {
    assert_eq!(with_slope(logit, 0.0), (f64::NEG_INFINITY, f64::INFINITY));
    assert_eq!(with_slope(logit, 1.0), (f64::INFINITY, f64::INFINITY));
    assert_eq!(value(|t| logit(t).sigmoid(), 0.0), 0.0);
    assert_eq!(value(|t| logit(t).sigmoid(), 1.0), 1.0);
    assert!(value(logit, -0.1).is_nan() && value(logit, 1.1).is_nan());
}

/// Row 35. Back from `σ(z)` there is a way only while `σ(z) < 1` in the numbers at hand: not from
/// 40, where it has rounded to 1. From -40 there is; near 0 there are numbers enough.
#[test]
fn what_has_rounded_to_one_cannot_be_undone() {
    assert_eq!(value(|z| logit(z.sigmoid()), 40.0), f64::INFINITY);
    assert!(close(value(|z| logit(z.sigmoid()), -40.0), -40.0, 1e-15));
}
