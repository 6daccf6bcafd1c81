//! Row 27: modes that do not mix, their equations, closed forms and stages.

use nn::model::Mode;
use nn::prelude::*;
use proptest::prelude::*;

use super::super::{cases, draw};
use super::*;

proptest! {
    #![proptest_config(cases())]

    // -∂L/∂A = R diag(b(s - ab)) Vᵀ and -∂L/∂B = U diag(a(s - ab)) Rᵀ: the frames stay, the modes
    // move by a' = b(s - ab), b' = a(s - ab).
    #[test]
    fn aligned_weights_stay_aligned_and_modes_do_not_mix(
        r in 1usize..4, extra in [0usize..3, 0usize..3, 0usize..3], seed: u64,
    ) {
        let [s, a, b] = draw([&[r], &[r], &[r]], seed).map(|t| t.to_vec());
        let data = Data::new(&s, r + extra[0], r + extra[1], seed);
        let width = r + extra[2];
        let weights = |a: &[f64], b: &[f64]| data.aligned(&[a.to_vec(), b.to_vec()], width, seed);
        let slope = |own: &[f64], other: &[f64]| -> Vec<f64> {
            (0..r).map(|i| other[i] * (s[i] - own[i] * other[i])).collect()
        };
        let model = weights(&a, &b);
        // The frames with a' and b' in the place of a and b.
        let moving = weights(&slope(&a, &b), &slope(&b, &a));
        let plain = data.correlations().flow(&weights_of(&model));
        for ((taped, moving), plain) in
            taped(&model, &data.x, &data.y).iter().zip(&moving.weights).zip(&plain)
        {
            prop_assert!((-taped).allclose(moving.value(), 1e-10, 1e-11));
            prop_assert!(plain.allclose(moving.value(), 1e-10, 1e-11));
        }
    }

    // L = ½ Σᵢ (sᵢ - uᵢ)² and what cannot be learned.
    #[test]
    fn the_loss_is_a_sum_over_the_modes(r in 1usize..4, seed: u64) {
        let [s, a, b] = draw([&[r], &[r], &[r]], seed).map(|t| t.to_vec());
        let data = Data::new(&s, r + 1, r + 2, seed);
        let model = data.aligned(&[a.clone(), b.clone()], r, seed);
        let taped = loss_of(&model, Tape::new().constant(&data.x), &data.y).item();
        let modes: f64 = (0..r).map(|i| (s[i] - a[i] * b[i]).powi(2)).sum();
        prop_assert!((taped - 0.5 * modes - data.floor()).abs() < 1e-11 * (1.0 + taped));
        prop_assert!(data.strengths(&model.product()).iter().zip(a.iter().zip(&b))
            .all(|(u, (a, b))| (u - a * b).abs() < 1e-12));
    }

    // a² - b² is conserved, and the closed form is a flow: first t, then t', is t + t'.
    #[test]
    fn each_mode_conserves_a_squared_minus_b_squared(
        s in 0.0..3.0f64, a in -2.0..2.0f64, b in -2.0..2.0f64, t in 0.0..5.0f64, more in 0.0..5.0f64,
    ) {
        let mode = Mode { s, a, b };
        let later = mode.at(t);
        prop_assert!((later.a.powi(2) - later.b.powi(2) - a * a + b * b).abs() < 1e-12);
        let (twice, once) = (later.at(more), mode.at(t + more));
        prop_assert!((twice.a - once.a).abs() + (twice.b - once.b).abs() < 1e-9, "{twice:?} {once:?}");
    }

    // u = s e^{2st} / (e^{2st} - 1 + s/u₀) solves u' = 2u(s - u): the tape differentiates it in t.
    #[test]
    fn balanced_modes_follow_the_logistic_curve(
        s in 0.1..3.0f64, u0 in 1e-4..4.0f64, t in 0.0..3.0f64,
    ) {
        let curve = |t: f64| {
            let tape = Tape::new();
            let t = tape.leaf(t);
            let e = (2.0 * s * t).exp();
            let u = s * e / (e - 1.0 + s / u0);
            (u.item(), u.grad([t])[0].item())
        };
        let (u, slope) = curve(t);
        prop_assert!((slope - 2.0 * u * (s - u)).abs() < 1e-9 * (1.0 + slope.abs()));
        prop_assert!((curve(0.0).0 - u0).abs() < 1e-13 * (1.0 + u0));
        prop_assert!((Mode::balanced(s, u0).at(t).strength() - u).abs() < 1e-11 * (1.0 + u));
        if u0 < 0.5 * s {
            let half = (s / u0 - 1.0).ln() / (2.0 * s);
            prop_assert!((Mode::balanced(s, u0).half_time().unwrap() - half).abs() < 1e-10);
            prop_assert!((curve(half).0 - 0.5 * s).abs() < 1e-10 * s);
        }
    }

    // Unequal factors: p = ((a + b)/2)², u = p - k/p with k = ((a² - b²)/4)² solves
    // u' = √((a² - b²)² + 4u²) (s - u).
    #[test]
    fn unbalanced_modes_follow_their_own_curve(
        s in 0.1..3.0f64, a in 0.1..2.0f64, b in -0.05..2.0f64, t in 0.0..3.0f64,
    ) {
        let (c, p0) = (a * a - b * b, (0.5 * (a + b)).powi(2));
        let k = (0.25 * c).powi(2);
        let r = (s * s + 4.0 * k).sqrt();
        let (high, low) = (0.5 * (s + r), 0.5 * (s - r));
        let tape = Tape::new();
        let time = tape.leaf(t);
        let e = (-2.0 * r * time).exp();
        let p = (p0 * (high - low * e) + k * (1.0 - e)) / (p0 * (1.0 - e) - low + high * e);
        let u = p - k / p;
        let (u, slope) = (u.item(), u.grad([time])[0].item());
        let law = (c * c + 4.0 * u * u).sqrt() * (s - u);
        prop_assert!((slope - law).abs() < 1e-8 * (1.0 + law.abs()), "{slope} {law}");
        let solved = Mode { s, a, b }.at(t);
        prop_assert!((solved.strength() - u).abs() < 1e-9);
        prop_assert!((solved.a.powi(2) + solved.b.powi(2)
            - (c * c + 4.0 * solved.strength().powi(2)).sqrt()).abs() < 1e-11);
    }
}

// Descent with t = kη against the closed form: the error is O(η). Halve η, halve it.
#[test]
fn descent_follows_the_closed_form_to_order_eta() {
    let data = Data::new(&[2.0, 1.2, 0.7], 4, 3, 11);
    let balanced = data.s.iter().map(|&s| Mode::balanced(s, 0.01)).collect::<Vec<_>>();
    let unbalanced = data.s.iter().map(|&s| Mode { s, a: 0.6, b: -0.1 }).collect::<Vec<_>>();
    for modes in [balanced, unbalanced] {
        let errors = [0.02, 0.01, 0.005].map(|rate| distance_to_flow(&data, &modes, 6.0, rate));
        assert!(errors[2] < 0.01, "{errors:?}");
        assert_halving(&errors);
    }
}

// A start with a = -b is balanced too, but u = ab < 0 obeys u' = -2u(s - u): it dies away into the
// saddle at 0, where the logistic curve would leave in the other direction.
#[test]
fn opposite_factors_run_into_the_saddle() {
    let (s, a) = (1.0, 0.3);
    let data = Data::new(&[s], 2, 2, 3);
    let mut model = data.aligned(&[vec![a], vec![-a]], 2, 3);
    let (rate, u0) = (1e-4, -a * a);
    let mut u = Vec::new();
    descend(&mut model, [&data.x, &data.y], (rate, 1), |_, m| {
        u.push(data.strengths(&m.product())[0]);
    });
    let slope = (u[1] - u[0]) / rate;
    assert!((slope + 2.0 * u0 * (s - u0)).abs() < 1e-3, "{slope}: towards 0");
    assert!((slope - 2.0 * u0 * (s - u0)).abs() > 0.3, "not the logistic equation");
    let late = Mode { s, a, b: -a }.at(10.0).strength();
    assert!(late < 0.0 && late > -1e-8, "{late}");
    assert_eq!(Mode { s, a, b: -a }.half_time(), None);
}

// With separate singular values and a small start the modes are learned one after the other:
// between two half times the loss rests at ½ Σ s² over the modes not yet learned.
#[test]
fn the_loss_falls_in_stages() {
    let data = Data::new(&[4.0, 2.0, 1.0], 4, 3, 5);
    let modes = data.s.iter().map(|&s| Mode::balanced(s, 1e-12)).collect::<Vec<_>>();
    let half: Vec<f64> = modes.iter().map(|m| m.half_time().expect("starts small")).collect();
    assert!(half.is_sorted(), "the strongest first: {half:?}");
    // From one stage to the next: in the middle of each plateau, and at the end.
    let times =
        [0.5 * half[0], 0.5 * (half[0] + half[1]), 0.5 * (half[1] + half[2]), 1.5 * half[2]];
    let rate = 0.005;
    let factors = vec![modes[0].a; 3];
    let mut model = data.aligned(&[factors.clone(), factors], 3, 2);
    let mut losses = Vec::new();
    let steps = (times[3] / rate) as usize;
    descend(&mut model, [&data.x, &data.y], (rate, steps), |_, model| {
        losses.push(loss_of(model, Tape::new().constant(&data.x), &data.y).item());
    });
    for (learned, time) in times.into_iter().enumerate() {
        let plateau = 0.5 * data.s[learned..].iter().map(|s| s * s).sum::<f64>();
        let loss = losses[(time / rate) as usize - 1] - data.floor();
        assert!((loss - plateau).abs() < 0.02 * plateau.max(0.1), "{learned}: {loss}, {plateau}");
    }
    assert!(losses.is_sorted_by(|a, b| a >= &(b - 1e-12)), "never up");
}
