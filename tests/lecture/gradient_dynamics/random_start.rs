//! Row 27: small random weights. They are not aligned, but become so while they are still small.

use super::*;

/// Strengths to start from, in the place of u₀: with `zᵢ = (Avᵢ + Bᵀuᵢ)/2`, the part that grows,
/// the squared length of what the `z` of stronger modes leave of it.
fn effective(data: &Data, a: &Tensor<f64>, b: &Tensor<f64>) -> Vec<f64> {
    let z = 0.5 * (a.matmul(&data.v) + b.t().matmul(&data.u));
    let (_, r) = z.qr().expect("finite");
    r.diagonal().iter().map(|r| r * r).collect()
}

fn logistic(s: f64, u0: f64, t: f64) -> f64 {
    s / (1.0 + (s / u0 - 1.0) * (-2.0 * s * t).exp())
}

// As ε → 0, the flow from εA, εB approaches curves that differ from the balanced one by their times
// alone, t + (1/2s) ln(1/u₀), with the u₀ of `effective`.
#[test]
fn small_random_starts_approach_the_time_shifted_curves() {
    let data = Data::new(&[3.0, 2.0, 1.0], 4, 3, 6);
    let mut rng = rng(12);
    let a = Tensor::normal([4, 4], 0.0, 1.0, &mut rng);
    let b = Tensor::normal([3, 4], 0.0, 1.0, &mut rng);
    let distances = [1e-1, 1e-2, 1e-3, 1e-4].map(|size| {
        let (a, b) = (&a * size, &b * size);
        let starts = effective(&data, &a, &b);
        // Without taking away what the stronger modes claim.
        let z = 0.5 * (a.matmul(&data.v) + b.t().matmul(&data.u));
        let naive = z.square().sum_axis(0).to_vec();
        let last = (data.s[2] / starts[2]).ln() / (2.0 * data.s[2]) + 3.0;
        let (mut worst, mut worst_naive) = (0.0f64, 0.0f64);
        let steps = (last / 0.02) as usize;
        data.correlations().integrate(vec![a, b], (last, steps), |t, weights| {
            let product = weights[1].matmul(&weights[0]);
            for (i, u) in data.strengths(&product).into_iter().enumerate() {
                worst = worst.max((u - logistic(data.s[i], starts[i], t)).abs());
                worst_naive = worst_naive.max((u - logistic(data.s[i], naive[i], t)).abs());
            }
        });
        (worst, worst_naive)
    });
    for pair in distances.windows(2) {
        assert!(pair[1].0 < 0.5 * pair[0].0, "ten times smaller, closer: {distances:?}");
    }
    let (worst, naive) = distances[3];
    assert!(worst < 2e-3, "{distances:?}");
    assert!(naive > 0.01, "the modes are not alone from the start: {distances:?}");
}

// The first mode's curve by gradient descent on the tape, with the step and the start both small.
#[test]
fn descent_from_small_random_weights_follows_the_first_curve() {
    let data = Data::new(&[2.0, 0.5], 3, 2, 9);
    let mut rng = rng(2);
    let a = Tensor::normal([3, 3], 0.0, 1e-3, &mut rng);
    let b = Tensor::normal([2, 3], 0.0, 1e-3, &mut rng);
    let u0 = effective(&data, &a, &b)[0];
    let mut model = DeepLinear::from_weights([a, b]);
    let (rate, mut worst) = (0.002, 0.0f64);
    descend(&mut model, [&data.x, &data.y], (rate, 3000), |k, model| {
        let u = data.strengths(&model.product())[0];
        worst = worst.max((u - logistic(2.0, u0, k as f64 * rate)).abs());
    });
    assert!(worst < 0.05, "{worst}");
    assert!((data.strengths(&model.product())[0] - 2.0).abs() < 0.01);
}
