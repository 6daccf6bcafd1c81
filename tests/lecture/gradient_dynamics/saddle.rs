//! Row 27: the point 0, where every gradient is 0, and the minimum.

use nn::prelude::*;
use proptest::prelude::*;

use super::super::{cases, draw};
use super::*;

/// The loss as a function of all weights in one vector, for hidden layers of these widths.
fn flat_loss<'t>(
    weights: Var<'t, f64>,
    widths: &[usize],
    x: &Tensor<f64>,
    y: &Tensor<f64>,
) -> Var<'t, f64> {
    let (x, y) = (weights.tape().constant(x), weights.tape().constant(y));
    let (output, _) = widths.windows(2).fold((x, 0), |(x, at), w| {
        let weight = weights.narrow(0, at, w[0] * w[1]).reshape([w[1], w[0]]);
        (x.matmul(weight.t()), at + w[0] * w[1])
    });
    loss::frobenius(output, y)
}

fn weight_count(widths: &[usize]) -> usize {
    widths.windows(2).map(|w| w[0] * w[1]).sum()
}

proptest! {
    #![proptest_config(cases())]

    // Two layers: the Hessian at 0 has eigenvalues ±sᵢ, each as often as there are hidden units,
    // and 0. For any data: Σxx does not enter.
    #[test]
    fn zero_is_a_strict_saddle_of_two_layers(
        sizes in [1usize..4, 1usize..4, 1usize..4], n in 1usize..5, seed: u64,
    ) {
        let [d, m, k] = sizes;
        let [x, y] = draw([&[n, d], &[n, k]], seed);
        let zero = Tensor::zeros([weight_count(&sizes)]);
        let (_, gradient) = tape::value_and_grad(|[w]| flat_loss(w, &sizes, &x, &y), [zero.clone()])
            .expect("finite data");
        prop_assert_eq!(gradient[0].norm().item(), 0.0);
        let hessian = tape::hessian(|w| flat_loss(w, &sizes, &x, &y), zero).expect("finite data");
        let found = hessian.eigh().expect("finite data").0.to_vec();
        let s = y.t().matmul(&x).svd().expect("finite data").s;
        let mut expected: Vec<f64> = s.iter().flat_map(|s| [s, -s]).flat_map(|s| vec![s; m]).collect();
        expected.resize(m * (d + k), 0.0);
        expected.sort_by(f64::total_cmp);
        for (found, expected) in found.iter().zip(&expected) {
            prop_assert!((found - expected).abs() < 1e-11, "{hessian}");
        }
        prop_assert!(found[0] < 0.0, "strict: a direction goes down at second order");
    }

    // Three layers and more: the Hessian at 0 is 0.
    #[test]
    fn three_or_more_layers_have_no_hessian_at_zero(
        widths in proptest::collection::vec(1usize..3, 4..6), n in 1usize..4, seed: u64,
    ) {
        let [x, y] = draw([&[n, widths[0]], &[n, widths[widths.len() - 1]]], seed);
        let count = weight_count(&widths);
        let hessian = tape::hessian(|w| flat_loss(w, &widths, &x, &y), Tensor::zeros([count]))
            .expect("finite data");
        prop_assert_eq!(hessian, Tensor::zeros([count, count]));
    }
}

// And yet 0 is no minimum: along equal aligned factors a the loss is ½(s - aᴰ)², whose derivatives
// at 0 up to order D - 1 are 0, and whose D-th is -D! s. Taken by the tape, one from the other.
#[test]
fn at_depth_d_the_way_down_from_zero_shows_at_order_d() {
    let s = 1.7;
    for depth in 2..=5 {
        let tape = Tape::new();
        let a = tape.leaf(0.0f64);
        let product = (1..depth).fold(a, |p, _| p * a);
        let mut derivative = 0.5 * (s - product).square();
        for order in 1..=depth {
            derivative = derivative.grad([a])[0];
            let factorial: f64 = (1..=depth).map(|i| i as f64).product();
            let expected = if order == depth { -factorial * s } else { 0.0 };
            assert!((derivative.item() - expected).abs() < 1e-12, "depth {depth}, order {order}");
        }
    }
    // The network itself goes down that way.
    let data = Data::new(&[s], 2, 2, 1);
    for depth in 2..=5 {
        let loss = |a: f64| {
            let model = data.aligned(&vec![vec![a]; depth], 2, 1);
            loss_of(&model, Tape::new().constant(&data.x), &data.y).item() - data.floor()
        };
        assert!((loss(0.0) - 0.5 * s * s).abs() < 1e-12);
        assert!((loss(0.3) - 0.5 * (s - 0.3f64.powi(depth as i32)).powi(2)).abs() < 1e-12);
        assert!(loss(0.3) < loss(0.0));
    }
}

// At the balanced minimum a = b = √s the largest eigenvalue is 2s₁: descent is stable there
// for η < 1/s₁.
#[test]
fn at_the_balanced_minimum_the_sharpness_is_twice_s1() {
    let data = Data::new(&[2.0, 0.5], 3, 2, 13);
    let factors: Vec<f64> = data.s.iter().map(|s| s.sqrt()).collect();
    let minimum = data.aligned(&[factors.clone(), factors], 3, 1);
    let flat: Vec<f64> = weights_of(&minimum).iter().flat_map(|w| w.to_vec()).collect();
    let hessian =
        tape::hessian(|w| flat_loss(w, &[3, 3, 2], &data.x, &data.y), Tensor::from(flat)).unwrap();
    let values = hessian.eigh().unwrap().0.to_vec();
    assert!((values[values.len() - 1] - 4.0).abs() < 1e-11, "{values:?}");
    assert!(values[0] > -1e-11, "a minimum");
    let distance = |rate: f64| {
        let mut model = data.aligned(&[vec![1.42, 0.7], vec![1.42, 0.7]], 3, 1);
        descend(&mut model, [&data.x, &data.y], (rate, 200), |_, _| {});
        (data.strengths(&model.product())[0] - 2.0).abs()
    };
    assert!(distance(0.45) < 1e-6, "below 1/s₁");
    assert!(distance(0.55) > 1e-2, "above 1/s₁");
}
