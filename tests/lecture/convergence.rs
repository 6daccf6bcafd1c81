//! Row 45: the 2-2-1 network, its updates repeated until nothing moves; and XOR, which takes biases
//! or another coding.

use nn::prelude::*;
use proptest::prelude::*;

use super::cases;
use super::support::section4::{close, tensor_in};

/// The four inputs in ±1 coding; `signs()[3 - i]` is `-signs()[i]`.
fn signs() -> Tensor<f64> {
    tensor![[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]]
}

proptest! {
    #![proptest_config(cases())]

    /// Row 45. In ±1 coding `x` and `-x` have the same class, but a layer of logistic units without
    /// biases has `h(-x) = 1 - h(x)`: what the output unit sees sums over such a pair to
    /// `s = Σ β_j`, whatever `x`. Both of a pair below the threshold `t` means `s < 2t`, both above
    /// `s ≥ 2t`. So no width and no threshold (no bias of the output) separates the classes.
    #[test]
    fn without_biases_no_sigmoid_layer_is_xor_of_signs(
        (theta, beta) in (1usize..8).prop_flat_map(|m| (tensor_in(9.0, &[m, 2]), tensor_in(9.0, &[1, m]))),
        threshold in -5.0..5.0,
    ) {
        let total = beta.sum().item();
        let model = Mlp3 { theta: Param::new(theta), beta: Param::new(beta) };
        let net = model.forward(Tape::new().constant(signs())).value();
        let [a, b, c, d] = [0, 1, 2, 3].map(|i| net[[i, 0]]);
        prop_assert!(close(a + d, total, 1e-14) && close(b + c, total, 1e-14));
        let class = [a, b, c, d].map(|net| net >= threshold);
        prop_assert_ne!(class, [false, true, true, false]);
        prop_assert_ne!(class, [true, false, false, true]);
    }

    /// Row 45. Nor is it near: with `ŷ = σ(net)` and classes 0 and 1 the loss `1/(2n) Σ (ŷ - y)²`
    /// is never below 1/8, that of `ŷ = ½` for all. (The atlas has the proof.)
    #[test]
    fn without_biases_the_loss_of_xor_of_signs_is_at_least_an_eighth(
        (theta, beta) in (1usize..8).prop_flat_map(|m| (tensor_in(9.0, &[m, 2]), tensor_in(9.0, &[1, m])))
    ) {
        let model = Mlp3 { theta: Param::new(theta), beta: Param::new(beta) };
        let tape = Tape::new();
        let y_hat = model.forward(tape.constant(signs())).sigmoid();
        let loss = loss::half_squared_error(y_hat, tape.constant(tensor![[0.0], [1.0], [1.0], [0.0]]));
        prop_assert!(loss.item() >= 0.125 - 1e-15, "{loss}");
    }
}

/// A 2-2-1 network with or without biases; `ŷ` is the logistic function of its output.
fn two_two_one(biases: bool, seed: u64) -> Mlp<f64> {
    let mut net = Mlp::new(&[2, 2, 1], Activation::Logistic, &mut rng(seed));
    if !biases {
        net.layers.iter_mut().for_each(|layer| layer.linear.bias = None);
    }
    net
}

/// Gradient descent for so many steps: the losses, and the norm of the last gradient.
fn descend(
    net: &mut Mlp<f64>,
    [x, y]: [&Tensor<f64>; 2],
    eta: f64,
    steps: usize,
) -> (Vec<f64>, f64) {
    let specs = (spec::<f64>(x.shape()), spec::<f64>(y.shape()));
    let mut step = Recording::new(&*net, specs, |_, net, (x, y)| {
        loss::half_squared_error(net.forward(x).sigmoid(), y)
    });
    let (mut losses, mut norm) = (Vec::with_capacity(steps), 0.0);
    let mut sgd = Sgd::new(eta);
    for _ in 0..steps {
        let (loss, grads) = step.replay(&*net, (x.clone(), y.clone())).expect("finite numbers");
        losses.push(loss);
        let mut square = 0.0;
        net.for_each_param(&mut |_, param| {
            let param = param.get::<f64>().expect("the net is f64");
            square += grads[param].square().sum().item();
        });
        norm = f64::sqrt(square);
        sgd.step(net, &grads).expect("finite gradients");
    }
    (losses, norm)
}

/// Row 45. The steps of the slides, repeated until nothing moves: a regression that the network can
/// represent, for its targets are the outputs of another network of the same kind.
#[test]
fn repeated_the_update_converges_on_a_regression() {
    let x = Tensor::from_fn([9, 2], |i| {
        let grid = [i[0] / 3, i[0] % 3][i[1]];
        grid as f64 - 1.0
    });
    let mut teacher = two_two_one(true, 0);
    teacher.layers[0].linear =
        Linear::from_parts(tensor![[2.0, -1.0], [0.5, 1.5]], Some(tensor![0.5, -0.5]));
    teacher.layers[1].linear = Linear::from_parts(tensor![[2.0, -2.0]], Some(tensor![0.25]));
    let y = teacher.forward(Tape::new().constant(&x)).sigmoid().value();
    let mut net = two_two_one(true, 0);
    let (losses, norm) = descend(&mut net, [&x, &y], 8.0, 4000);
    assert!(losses.windows(2).all(|l| l[1] <= l[0] + 1e-15), "the loss falls in every step");
    let last = losses[losses.len() - 1];
    assert!(last < 1e-6 && norm < 1e-5, "{last} {norm}");
}

/// Row 45. XOR with biases, inputs ±1, and targets 0.1 and 0.9, which a logistic unit can reach (0
/// and 1 it only approaches, with weights that grow forever).
#[test]
fn with_biases_descent_learns_xor_of_signs() {
    let y = tensor![[0.1], [0.9], [0.9], [0.1]];
    let mut net = two_two_one(true, 1);
    let (losses, norm) = descend(&mut net, [&signs(), &y], 4.0, 3000);
    let last = losses[losses.len() - 1];
    assert!(last < 1e-6 && norm < 1e-4, "{last} {norm}");
    let y_hat = net.forward(Tape::new().constant(signs())).sigmoid().value();
    assert!(y_hat.allclose(&y, 0.0, 0.01), "{y_hat}");
}

/// Row 45. The same without biases, from several starts: never below 1/8 with targets 0 and 1.
#[test]
fn without_biases_descent_never_passes_an_eighth() {
    let y = tensor![[0.0], [1.0], [1.0], [0.0]];
    for seed in 0..4 {
        let (losses, _) = descend(&mut two_two_one(false, seed), [&signs(), &y], 2.0, 500);
        assert!(losses.iter().all(|l| *l >= 0.125 - 1e-12), "{seed}");
        assert!(losses[losses.len() - 1] < 0.1251, "{seed}");
    }
}

/// Row 45. In 0/1 coding it takes no bias: `-x` is not among the inputs, and at the origin every
/// unit gives ½, which serves as one. `-10 σ(x₁+x₂) + 8 σ(10x₁+10x₂)` is -1, 0.69, 0.69, -0.81.
#[test]
fn without_biases_a_sigmoid_layer_can_be_xor_of_bits() {
    let model = Mlp3 {
        theta: Param::new(tensor![[1.0, 1.0], [10.0, 10.0]]),
        beta: Param::new(tensor![[-10.0, 8.0]]),
    };
    let bits = tensor![[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
    let net = model.forward(Tape::new().constant(bits)).value();
    assert!(net.allclose(&tensor![[-1.0], [0.689], [0.689], [-0.808]], 0.0, 1e-3), "{net}");
    assert_eq!(net.heaviside(), tensor![[0.0], [1.0], [1.0], [0.0]]);
}
