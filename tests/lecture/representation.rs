//! Section 1, "What's deep learning?": rows 1 and 2.

use nn::data::{circles, moons, spirals, xor};
use nn::prelude::*;
use proptest::prelude::*;

use super::{close, draw};

/// The labels as a column of 0 and 1.
fn column(data: &Dataset<f64>) -> Tensor<f64> {
    data.targets().cast::<f64>().reshape([data.len(), 1])
}

/// What the first `depth` layers make of the points.
fn representation(net: &Mlp<f64>, x: &Tensor<f64>, depth: usize) -> Tensor<f64> {
    let tape = Tape::inference();
    net.layers[..depth].iter().fold(tape.constant(x), |x, layer| layer.forward(x)).value()
}

/// Each point's logit with the sign of its class: positive where the network is right.
fn margins(net: &Mlp<f64>, data: &Dataset<f64>) -> Tensor<f64> {
    (column(data) * 2.0 - 1.0) * representation(net, data.inputs(), net.layers.len())
}

fn accuracy(margins: &Tensor<f64>) -> f64 {
    margins.gt(0.0).cast::<f64>().mean().item()
}

/// A network of these widths and tanh units, trained on all points at once.
fn trained(
    data: &Dataset<f64>,
    widths: &[usize],
    activation: Activation,
    steps: usize,
    seed: u64,
) -> Mlp<f64> {
    let mut net = Mlp::new(widths, activation, &mut rng(seed));
    let specs = (spec::<f64>([data.len(), 2]), spec::<f64>([data.len(), 1]));
    let mut step = Recording::new(&net, specs, |_, net, (x, y)| {
        loss::binary_cross_entropy_logits(net.forward(x), y)
    });
    let mut adam = Adam::new(0.05);
    let target = column(data);
    for _ in 0..steps {
        let (_, grads) = step.replay(&net, (data.inputs().clone(), target.clone())).unwrap();
        adam.step(&mut net, &grads).unwrap();
    }
    net
}

/// The logistic regression of the classes on the points: its weights `(θ; b)` after Newton's
/// method, by the tape's gradient and Hessian, with the accuracy of that line and a bound on the
/// margin of any.
///
/// The loss has the gradient `g = 1/n Σ (σ_i − y_i)(x_i; 1)`. A unit vector `w` that separates the
/// classes with margin `γ > 0` would have
/// `−g·w = 1/n Σ |σ_i − y_i| (±w·(x_i; 1)) ≥ γ · 1/n Σ |σ_i − y_i|`. So
/// `γ ≤ ‖g‖ / mean |σ_i − y_i|`, and where the gradient vanishes no line separates.
fn best_line(x: &Tensor<f64>, y: &Tensor<f64>) -> (f64, f64) {
    let augmented = Tensor::concat(&[x, &Tensor::ones([x.shape()[0], 1])], 1);
    let mut w = Tensor::<f64>::zeros([x.shape()[1] + 1]);
    let target = y.reshape([y.len()]);
    fn regression<'t>(w: Var<'t, f64>, x: &Tensor<f64>, y: &Tensor<f64>) -> Var<'t, f64> {
        let tape = w.tape();
        loss::binary_cross_entropy_logits(tape.constant(x).matmul(w), tape.constant(y))
    }
    let gradient = |w: &Tensor<f64>| {
        let (_, [g]) =
            tape::value_and_grad(|[w]| regression(w, &augmented, &target), [w.clone()]).unwrap();
        g
    };
    for _ in 0..12 {
        let hessian = tape::hessian(|w| regression(w, &augmented, &target), w.clone()).unwrap();
        w = &w - hessian.solve(&gradient(&w)).unwrap();
    }
    let logits = augmented.matmul(&w);
    let misses = (logits.sigmoid() - &target).abs().mean().item();
    let right = accuracy(&(&logits * (&target * 2.0 - 1.0)));
    (right, gradient(&w).norm().item() / misses)
}

/// The four pictures of the example `representation`, with a network that is enough for each.
fn pictures() -> [(&'static str, Dataset<f64>, &'static [usize], usize); 4] {
    let mut rng = rng(11);
    [
        ("circles", circles(120, 0.03, &mut rng), &[2, 3, 2, 1], 400),
        ("moons", moons(120, 0.06, &mut rng), &[2, 4, 2, 1], 400),
        ("XOR", xor(120, 0.25, &mut rng), &[2, 3, 2, 1], 300),
        ("spirals", spirals(160, 0.01, &mut rng), &[2, 12, 8, 2, 1], 700),
    ]
}

/// Row 1. On the raw plane the best line is wrong about many points, and no line is right about
/// all: the bound on its margin is 0 to rounding.
#[test]
fn no_line_separates_the_raw_data() {
    for (name, data, ..) in pictures() {
        let (right, margin) = best_line(data.inputs(), &column(&data));
        assert!(margin < 1e-9, "{name}: a line might separate with margin {margin}");
        assert!(right < 0.95, "{name}: the best line is right about {right}");
    }
}

/// Row 1. After the layers of a small trained network a line separates them all: the last layer is
/// that line, in the coordinates that the others have made.
#[test]
fn a_line_separates_the_last_representation() {
    for (name, data, widths, steps) in pictures() {
        let net = trained(&data, widths, Activation::Tanh, steps, 3);
        let last = net.layers.len() - 1;
        let h = representation(&net, data.inputs(), last);
        assert_eq!(h.shape(), [data.len(), 2]);
        let line = &net.layers[last].linear;
        let bias = line.bias.as_ref().unwrap().value();
        let signed = (h.matmul(&line.weight.value().t()) + bias) * (column(&data) * 2.0 - 1.0);
        close(&signed, &margins(&net, &data), 1e-12);
        let nearest = signed.min().item() / line.weight.value().norm().item();
        assert!(nearest > 0.0, "{name}: a point is on the wrong side by {nearest}");
    }
}

proptest! {
    #![proptest_config(super::cases())]

    /// Row 1. Two monotone units cannot tell a disc from a ring around it, whatever their weights.
    /// With `f(x) = Σ β_i φ(w_i·x + b_i)` and `u_i = sign(β_i) w_i`, the direction
    /// `d = u₁/‖u₁‖ + u₂/‖u₂‖` has `u_i·d ≥ 0`: along it neither term falls. So on any circle
    /// around any point `p` there is a place where `f` is at least `f(p)`, and across from it one
    /// where it is at most that.
    #[test]
    fn two_monotone_units_cannot_separate_a_ring_from_its_centre(
        seed: u64, radius in 0.1f64..3.0, sharp in 0.1f64..10.0, kind in 0usize..4,
    ) {
        let [w, b, beta, p] = draw([&[2, 2], &[2], &[1, 2], &[2]], seed);
        use Activation::{Heaviside, Logistic, Relu, Tanh};
        let activation = [Logistic, Tanh, Relu, Heaviside][kind];
        let hidden = Ridge { linear: Linear::from_parts(&w * sharp, Some(b)), activation };
        let out = Linear::from_parts(beta.clone(), None);
        let f = |x: Tensor<f64>| {
            out.forward(hidden.forward(Tape::inference().constant(x))).value().item()
        };
        let unit = |i: usize| {
            let u = w.index_axis(0, i as isize) * beta[[0, i]].signum();
            &u / u.norm()
        };
        let d = unit(0) + unit(1);
        let d = &d / d.norm() * radius;
        let (there, here, across) = (f(&p + &d), f(p.clone()), f(&p - &d));
        let air = 1e-12 * (1.0 + here.abs());
        prop_assert!(there >= here - air && here >= across - air, "{} {} {}", there, here, across);
    }

    /// Row 1. Why linear layers are not enough: their rate of change is constant, so `f` at the
    /// middle of two points is the mean of its values there, however deep the network. A point
    /// between two others is never separated from both, as the centre of a ring would have to be.
    #[test]
    fn deep_linear_networks_still_take_means_to_means(depth in 1usize..5, seed: u64) {
        let widths: Vec<usize> = [vec![2], vec![5; depth - 1], vec![1]].concat();
        let net = Mlp::<f64>::new(&widths, Activation::Identity, &mut rng(seed));
        let [p, d] = draw([&[2], &[2]], seed);
        let f = |x: &Tensor<f64>| net.forward(Tape::inference().constant(x)).value().item();
        prop_assert!((f(&(&p + &d)) + f(&(&p - &d)) - 2.0 * f(&p)).abs() < 1e-12);
        let rate = |x: &Tensor<f64>| tape::jacobian(|x| net.forward(x), x.clone()).unwrap();
        prop_assert_eq!(rate(&p), rate(&d));
        close(&rate(&p), net.collapse().model.layers[0].linear.weight.value(), 1e-12);
    }
}

/// Row 1. Two units, trained from several starts, miss some of the ring every time; three do not.
#[test]
fn concentric_rings_need_three_hidden_units() {
    let data = circles(120, 0.0, &mut rng(0));
    let best = |units: usize| {
        let right = (0..4).map(|seed| {
            let net = trained(&data, &[2, units, 1], Activation::Tanh, 300, seed);
            accuracy(&margins(&net, &data))
        });
        right.fold(0.0, f64::max)
    };
    let (two, three) = (best(2), best(3));
    assert!(two < 1.0, "two units separated the rings");
    assert_eq!(three, 1.0);
}

/// Row 1. Three units by hand: `f(x) = Σ σ(w_i·x + 1)` with `w_i` a third of a turn apart. As
/// `Σ w_i = 0` and `Σ w_i w_iᵀ = 3/2 I`, `f` is `3σ(1) + 3/4 σ''(1) ‖x‖²` up to third order: it
/// falls with the distance from the origin alike in all directions, and a threshold cuts out a
/// disc.
#[test]
fn three_units_a_third_of_a_turn_apart_make_a_disc() {
    let third = std::f64::consts::TAU / 3.0;
    let w = Tensor::from_fn([3, 2], |at| {
        let angle = third * at[0] as f64;
        if at[1] == 0 { angle.cos() } else { angle.sin() }
    });
    let hidden = Ridge {
        linear: Linear::from_parts(w, Some(Tensor::ones([3]))),
        activation: Activation::Logistic,
    };
    let sigma = 1.0 / (1.0 + (-1f64).exp());
    let second = sigma * (1.0 - sigma) * (1.0 - 2.0 * sigma);

    let curvature = tape::hessian(|x| hidden.forward(x).sum(), Tensor::zeros([2])).unwrap();
    close(&curvature, &(Tensor::eye(2) * (1.5 * second)), 1e-14);
    let slope = tape::jacobian(|x| hidden.forward(x).sum(), Tensor::zeros([2])).unwrap();
    close(&slope, &Tensor::zeros([2]), 1e-15);

    let data = circles::<f64>(400, 0.0, &mut rng(0));
    let f = representation_of(&hidden, data.inputs());
    let threshold = 3.0 * sigma + 0.75 * second * 0.6;
    for (i, label) in data.targets().iter().enumerate() {
        assert_eq!(f[[i]] < threshold, label == 1, "point {i}");
    }
}

fn representation_of(hidden: &Ridge<f64>, x: &Tensor<f64>) -> Tensor<f64> {
    hidden.forward(Tape::inference().constant(x)).value().sum_axis(1)
}

/// Row 2. The loop of the figure, arrow by arrow: input → layers (with their weights) →
/// predictions; with the true targets → loss → loss score → optimiser → weight update.
#[test]
fn training_loop_of_the_figure() {
    let data = moons::<f64>(40, 0.1, &mut rng(5));
    let (x, targets) = (data.inputs(), column(&data));
    let mut net = Mlp::<f64>::new(&[2, 3, 1], Activation::Logistic, &mut rng(6));
    let rate = 0.5;
    let mut optimiser = Sgd::new(rate);
    let mut scores = Vec::new();
    for _ in 0..30 {
        let tape = Tape::new();
        let predictions = net.forward(tape.constant(x)).keep();
        let score = loss::half_squared_error(predictions, tape.constant(&targets));
        let grads = score.backward();

        // The same by hand, with the chain rule from the loss back to the first weights.
        let h = representation(&net, x, 1);
        let weights: Vec<Tensor<f64>> =
            (0..2).map(|i| net.layers[i].linear.weight.value().clone()).collect();
        let miss = (predictions.value() - &targets) / 40.0;
        let back = miss.matmul(&weights[1]) * (&h * (1.0 - &h));
        let by_hand = [back.t().matmul(x), miss.t().matmul(&h)];

        optimiser.step(&mut net, &grads).unwrap();
        for i in 0..2 {
            let weight = &net.layers[i].linear.weight;
            close(&grads[weight], &by_hand[i], 1e-12);
            close(weight.value(), &(&weights[i] - &by_hand[i] * rate), 1e-12);
        }
        scores.push(score.item());
    }
    assert!(scores.windows(2).all(|pair| pair[1] < pair[0]), "{scores:?}");
}
