//! Row 27: what the flow conserves, on any data and from any start, and what a step of descent does
//! to it.

use nn::prelude::*;
use proptest::prelude::*;

use super::super::support::claim::holds;
use super::super::{cases, draw};
use super::*;

/// A network of any depth from 2 to 4, and data for it.
fn drawn() -> impl Strategy<Value = (DeepLinear<f64>, Tensor<f64>, Tensor<f64>)> {
    (proptest::collection::vec(1usize..4, 3..6), 1usize..5, any::<u64>()).prop_map(
        |(widths, n, seed)| {
            let mut rng = rng(seed);
            let model = DeepLinear::new(&widths, &mut rng);
            let x = Tensor::normal([n, widths[0]], 0.0, 1.0, &mut rng);
            let y = Tensor::normal([n, widths[widths.len() - 1]], 0.0, 1.0, &mut rng);
            (model, x, y)
        },
    )
}

/// A whole number from -2 to 2 for each: what the step computes from such fits into 53 bits.
fn whole(x: &Tensor<f64>) -> Tensor<f64> {
    (x * 2.0).round().clamp(-2.0, 2.0)
}

/// `η² (∇_j ∇_jᵀ - ∇_{j+1}ᵀ ∇_{j+1})`: for y = BAx this is η²(BᵀGGᵀB - AGᵀGAᵀ), G = Σxy - BAΣxx.
fn one_step(gradients: &[Tensor<f64>], rate: f64) -> Vec<Tensor<f64>> {
    let term = |g: &[Tensor<f64>]| g[0].matmul(&g[0].t()) - g[1].t().matmul(&g[1]);
    gradients.windows(2).map(|pair| term(pair) * (rate * rate)).collect()
}

proptest! {
    #![proptest_config(cases())]

    // ∂L/∂W_j = -(W_D ⋯ W_{j+1})ᵀ (Σxy - WΣxx) (W_{j-1} ⋯ W₁)ᵀ.
    #[test]
    fn every_layer_has_the_gradient_of_the_flow(sizes in [1usize..4, 1usize..4, 1usize..4, 1usize..4], seed: u64) {
        let [d, m, l, k] = sizes;
        let [a, b, c, x, y] = draw([&[m, d], &[l, m], &[k, l], &[3, d], &[3, k]], seed);
        let data = Correlations::of(&x, &y);
        holds(
            |[a, b, c]| {
                let [x, y] = [&x, &y].map(|z| a.tape().constant(z));
                loss::frobenius(x.matmul(a.t()).matmul(b.t()).matmul(c.t()), y)
            },
            |w| {
                let flow = data.flow(&w.map(Tensor::clone)).into_iter().map(|g| -g);
                flow.collect::<Vec<_>>().try_into().expect("three layers")
            },
            [a, b, c],
        );
    }

    // d/dt (W_j W_jᵀ - W_{j+1}ᵀ W_{j+1}) = 0: its derivative along the tape's own gradient is 0 at
    // every point, by the tape's product with the Jacobian and by the product rule.
    #[test]
    fn the_flow_leaves_the_imbalance_where_it_is((model, x, y) in drawn()) {
        let gradients = taped(&model, &x, &y);
        for (w, g) in model.weights.windows(2).zip(gradients.windows(2)) {
            let (below, above) = (w[0].value(), w[1].value());
            let (_, along) = tape::jvp(
                |[a, b]| a.matmul(a.t()) - b.t().matmul(b),
                [below.clone(), above.clone()],
                [-&g[0], -&g[1]],
            ).expect("finite data");
            let half = below.matmul(&g[0].t()) - g[1].t().matmul(above);
            let size = 1.0 + g[0].norm().item() * below.norm().item();
            prop_assert!(along.norm().item() < 1e-13 * size, "{along}");
            prop_assert!((&half + half.t()).norm().item() < 1e-13 * size);
        }
    }

    // The same over a finite time, by Runge-Kutta steps short beside the steepest curvature.
    #[test]
    fn over_any_time_the_flow_conserves_the_imbalance((model, x, y) in drawn()) {
        let data = Correlations::of(&(&x / 3.0), &(&y / 3.0));
        let start: Vec<_> = weights_of(&model).iter().map(|w| 0.7 * w).collect();
        let before = DeepLinear::from_weights(start.clone()).imbalances();
        let mut after = Vec::new();
        data.integrate(start, (1.0, 200), |_, weights| {
            after = DeepLinear::from_weights(weights.to_vec()).imbalances();
        });
        for (before, after) in before.iter().zip(&after) {
            prop_assert!(before.allclose(after, 0.0, 1e-7), "{before} {after}");
        }
    }

    // One step of descent moves it by exactly that term, to rounding...
    #[test]
    fn one_step_moves_the_imbalance_by_a_term_in_eta_squared((model, x, y) in drawn(), rate in 0.0..0.5f64) {
        let expected = one_step(&taped(&model, &x, &y), rate);
        let mut after = model.clone();
        descend(&mut after, [&x, &y], (rate, 1), |_, _| {});
        let size = after.weights.iter().chain(&model.weights)
            .map(|w| w.value().square().sum().item()).sum::<f64>();
        for ((before, after), term) in
            model.imbalances().iter().zip(&after.imbalances()).zip(&expected)
        {
            prop_assert!((after - before).allclose(term, 0.0, 1e-14 * (1.0 + size)));
        }
    }

    // ... and to the bit where nothing rounds: whole numbers, and a power of two for η.
    #[test]
    fn one_step_moves_the_imbalance_by_exactly_that_term((model, x, y) in drawn(), power in 0i32..4) {
        let (x, y, rate) = (whole(&x), whole(&y), 2f64.powi(-power));
        let weights = weights_of(&model).iter().map(whole).collect::<Vec<_>>();
        let model = DeepLinear::from_weights(weights);
        let expected = one_step(&taped(&model, &x, &y), rate);
        let mut after = model.clone();
        descend(&mut after, [&x, &y], (rate, 1), |_, _| {});
        for ((before, after), term) in
            model.imbalances().iter().zip(&after.imbalances()).zip(&expected)
        {
            prop_assert_eq!(&(after - before), term);
        }
    }
}

// For y = BAx with G = Σxy - BAΣxx the term is η²(BᵀGGᵀB - AGᵀGAᵀ), as the atlas derives it.
#[test]
fn for_two_layers_the_term_is_that_of_the_atlas() {
    let [a, b, x, y] = draw([&[3, 2], &[4, 3], &[6, 2], &[6, 4]], 4);
    let model = DeepLinear::from_weights([a.clone(), b.clone()]);
    let g = y.t().matmul(&x) - b.matmul(&a).matmul(&x.t().matmul(&x));
    let (bg, ga) = (b.t().matmul(&g), g.matmul(&a.t()));
    let expected = bg.matmul(&bg.t()) - ga.t().matmul(&ga);
    let found = one_step(&taped(&model, &x, &y), 1.0).remove(0);
    assert!(found.allclose(&expected, 1e-12, 1e-10), "{found} {expected}");
}

// A term of order η² in each of t/η steps: over a fixed time the imbalance drifts by O(η).
#[test]
fn over_a_fixed_time_descent_drifts_by_order_eta() {
    let [a, b, x, y] = draw([&[3, 4], &[2, 3], &[6, 4], &[6, 2]], 8);
    let (a, b, x, y) = (0.5 * a, 0.5 * b, 0.3 * x, 0.5 * y);
    let start = DeepLinear::from_weights([a, b]);
    let drift = |rate: f64| {
        let mut model = start.clone();
        descend(&mut model, [&x, &y], (rate, (4.0 / rate).round() as usize), |_, _| {});
        (&model.imbalances()[0] - &start.imbalances()[0]).norm().item()
    };
    let drifts = [0.02, 0.01, 0.005].map(drift);
    assert!(drifts[0] > 1e-5, "there is something to measure: {drifts:?}");
    assert_halving(&drifts);
}
