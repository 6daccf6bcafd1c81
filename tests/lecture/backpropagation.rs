//! Rows 44 and 46: the 2-2-1 network of the slides, every partial derivative, and its
//! backward picture.

use nn::prelude::*;
use proptest::prelude::*;
use tape::{Gradcheck, value_and_grad};

use super::cases;
use super::support::section4::close;

/// The weights under the slides' names: `w₁₁, w₂₁` lead to `h₁`, `w₁₂, w₂₂` to `h₂`, and `w₃₁, w₃₂`
/// to the output.
#[derive(Clone, Copy, Debug)]
struct Weights {
    w11: f64,
    w21: f64,
    w12: f64,
    w22: f64,
    w31: f64,
    w32: f64,
}

impl Weights {
    const NAMES: [&str; 6] = ["w11", "w21", "w12", "w22", "w31", "w32"];

    fn from([w11, w21, w12, w22, w31, w32]: [f64; 6]) -> Self {
        Weights { w11, w21, w12, w22, w31, w32 }
    }

    fn array(self) -> [f64; 6] {
        [self.w11, self.w21, self.w12, self.w22, self.w31, self.w32]
    }
}

/// Every intermediate value of the slides, or the derivative of the loss by it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Stages {
    net_h1: f64,
    net_h2: f64,
    h1: f64,
    h2: f64,
    net_o1: f64,
    y_hat: f64,
    loss: f64,
}

fn sigma(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

/// `σ'` as the slides use it, a function of the net input.
fn slope(z: f64) -> f64 {
    sigma(z) * (1.0 - sigma(z))
}

/// The forward pass of the slides.
fn forward(w: Weights, [x1, x2]: [f64; 2], y: f64) -> Stages {
    let net_h1 = w.w11 * x1 + w.w21 * x2;
    let net_h2 = w.w12 * x1 + w.w22 * x2;
    let (h1, h2) = (sigma(net_h1), sigma(net_h2));
    let net_o1 = w.w31 * h1 + w.w32 * h2;
    let y_hat = sigma(net_o1);
    Stages { net_h1, net_h2, h1, h2, net_o1, y_hat, loss: 0.5 * (y - y_hat).powi(2) }
}

/// The products of the slides: the derivative by each stage and by each weight. `w₁₂` and `w₂₂`,
/// which the slides leave out, go by way of `h₂`.
fn backward(w: Weights, [x1, x2]: [f64; 2], y: f64) -> (Stages, [f64; 6]) {
    let s = forward(w, [x1, x2], y);
    let d_y_hat = s.y_hat - y;
    let d_w31 = (s.y_hat - y) * slope(s.net_o1) * s.h1;
    let d_w32 = (s.y_hat - y) * slope(s.net_o1) * s.h2;
    let d_h1 = (s.y_hat - y) * slope(s.net_o1) * w.w31;
    let d_h2 = (s.y_hat - y) * slope(s.net_o1) * w.w32;
    let d_w11 = (s.y_hat - y) * slope(s.net_o1) * w.w31 * slope(s.net_h1) * x1;
    let d_w21 = (s.y_hat - y) * slope(s.net_o1) * w.w31 * slope(s.net_h1) * x2;
    let d_w12 = (s.y_hat - y) * slope(s.net_o1) * w.w32 * slope(s.net_h2) * x1;
    let d_w22 = (s.y_hat - y) * slope(s.net_o1) * w.w32 * slope(s.net_h2) * x2;
    let stages = Stages {
        net_h1: d_h1 * slope(s.net_h1),
        net_h2: d_h2 * slope(s.net_h2),
        h1: d_h1,
        h2: d_h2,
        net_o1: d_y_hat * slope(s.net_o1),
        y_hat: d_y_hat,
        loss: 1.0,
    };
    (stages, [d_w11, d_w21, d_w12, d_w22, d_w31, d_w32])
}

/// The network on the tape, in the slides' order: `net_h1, net_h2, h1, h2, net_o1, ŷ, L`.
fn record<'t>(w: [Var<'t, f64>; 6], [x1, x2]: [f64; 2], y: f64) -> [Var<'t, f64>; 7] {
    let [w11, w21, w12, w22, w31, w32] = w;
    let net_h1 = w11 * x1 + w21 * x2;
    let net_h2 = w12 * x1 + w22 * x2;
    let (h1, h2) = (net_h1.sigmoid(), net_h2.sigmoid());
    let net_o1 = w31 * h1 + w32 * h2;
    let y_hat = net_o1.sigmoid();
    let loss = 0.5 * (y - y_hat).square();
    [net_h1, net_h2, h1, h2, net_o1, y_hat, loss]
}

/// The tape's values of the stages, its derivatives by them, and its derivatives by the weights.
fn by_tape(w: Weights, x: [f64; 2], y: f64) -> (Stages, Stages, [f64; 6]) {
    let tape = Tape::new();
    let w = w.array().map(|w| tape.leaf(w));
    let stages = record(w, x, y);
    // One sweep for all of them, as the slides go from the output to the input once.
    let all: [Var<'_, f64>; 13] = std::array::from_fn(|i| if i < 7 { stages[i] } else { w[i - 7] });
    let (values, found) = tape.eval((stages, stages[6].grad(all))).expect("numbers");
    let named = |v: &[Tensor<f64>]| {
        let [net_h1, net_h2, h1, h2, net_o1, y_hat, loss] = std::array::from_fn(|i| v[i].item());
        Stages { net_h1, net_h2, h1, h2, net_o1, y_hat, loss }
    };
    (named(&values), named(&found[..7]), std::array::from_fn(|i| found[7 + i].item()))
}

fn stages_close(a: Stages, b: Stages) -> bool {
    let list = |s: Stages| [s.net_h1, s.net_h2, s.h1, s.h2, s.net_o1, s.y_hat, s.loss];
    list(a).into_iter().zip(list(b)).all(|(a, b)| close(a, b, 1e-14))
}

/// Weights, an input and a target.
fn network() -> impl Strategy<Value = (Weights, [f64; 2], f64)> {
    let weights = proptest::array::uniform6(-2.0..2.0).prop_map(Weights::from);
    (weights, proptest::array::uniform2(-2.0..2.0), 0.0..1.0)
}

proptest! {
    #![proptest_config(cases())]

    /// Row 44. Every value and every partial derivative of the slides, under its own name, is the
    /// tape's; and the tape's is that of differences.
    #[test]
    fn every_partial_derivative_of_the_slides_is_the_tapes((w, x, y) in network()) {
        let (values, cotangents, of_weights) = by_tape(w, x, y);
        prop_assert!(stages_close(values, forward(w, x, y)));
        let (by_stage, by_weight) = backward(w, x, y);
        prop_assert!(stages_close(cotangents, by_stage), "{cotangents:?} {by_stage:?}");
        for (name, (tape, slide)) in Weights::NAMES.iter().zip(of_weights.into_iter().zip(by_weight)) {
            prop_assert!(close(tape, slide, 1e-14), "∂L/∂{name}: {tape} {slide}");
        }
        Gradcheck::new().order(1).check(|w| record(w, x, y)[6], w.array().map(Tensor::scalar)).unwrap();
    }

    /// Row 44. The derivative by `h₁` is that of the rest of the network as a function of `h₁`; the
    /// slides' chain is cut there. Differences of that function say the same.
    #[test]
    fn the_cotangent_of_a_hidden_neuron_is_the_derivative_of_the_rest((w, x, y) in network()) {
        let rest = |h1: f64| 0.5 * (y - sigma(w.w31 * h1 + w.w32 * forward(w, x, y).h2)).powi(2);
        let h = 1e-4;
        let h1 = forward(w, x, y).h1;
        let numeric = (rest(h1 + h) - rest(h1 - h)) / (2.0 * h);
        prop_assert!((by_tape(w, x, y).1.h1 - numeric).abs() < 1e-7);
    }

    /// Row 44 and an index convention. `w_ij` leads *from* input `i` *to* hidden `j`: with the
    /// printed matrix, `net_h = Wᵀx`. But `w_31` leads from hidden 1 to the output, its first
    /// index the target, as in `w_ji` of the slides before and in `Θ`. Read as that, `Wx` is
    /// another network.
    #[test]
    fn the_input_weights_have_their_source_first_and_the_output_weights_last((w, x, y) in network()) {
        let printed = tensor![[w.w11, w.w12], [w.w21, w.w22]]; // element (i, j) is w_ij
        let x_vec = tensor![x[0], x[1]];
        let s = forward(w, x, y);
        let net = printed.t().matmul(&x_vec);
        prop_assert!(close(net[[0]], s.net_h1, 1e-15) && close(net[[1]], s.net_h2, 1e-15));
        prop_assume!((w.w12 * x[1] - w.w21 * x[1]).abs() > 1e-3);
        prop_assert!(!close(printed.matmul(&x_vec)[[0]], s.net_h1, 1e-6));
        // As a model: Θ has the target first, so its rows are (w11, w21) and (w12, w22).
        let model = Mlp3 {
            theta: Param::new(printed.t().to_contiguous()),
            beta: Param::new(tensor![[w.w31, w.w32]]),
        };
        let y_hat = model.forward(Tape::new().constant(x_vec.unsqueeze(0))).sigmoid().item();
        prop_assert!(close(y_hat, s.y_hat, 1e-15));
    }

    /// Erratum: the loss is called mean squared error and is half a squared error: no mean, and
    /// half the derivative. The printed derivative `ŷ - y` is that of the printed formula.
    #[test]
    fn the_loss_is_half_of_the_mean_squared_error(y_hat in 0.0..1.0f64, y in 0.0..1.0f64) {
        let (half, mse) = {
            let at = [Tensor::scalar(y_hat)];
            let half = value_and_grad(
                |[p]| loss::half_squared_error(p, p.tape().constant(y)), at.clone()).unwrap();
            (half, value_and_grad(|[p]| loss::mse(p, p.tape().constant(y)), at).unwrap())
        };
        prop_assert!(close(half.0, 0.5 * (y - y_hat).powi(2), 1e-15));
        prop_assert!(close(half.1[0].item(), y_hat - y, 1e-15));
        prop_assert!(close(mse.0, 2.0 * half.0, 1e-15));
        prop_assert!(close(mse.1[0].item(), 2.0 * (y_hat - y), 1e-15));
    }

    /// Row 44. The update takes every derivative at the old weights: so does `Sgd`, and so do the
    /// slides' products. Updating `w₃₁` first and then `w₁₁` with it, as one may read a list of
    /// assignments, is not a step against the gradient.
    #[test]
    fn all_weights_are_updated_at_once((w, x, y) in network(), eta in 0.5..4.0) {
        let mut model = Mlp3 {
            theta: Param::new(tensor![[w.w11, w.w21], [w.w12, w.w22]]),
            beta: Param::new(tensor![[w.w31, w.w32]]),
        };
        let tape = Tape::new();
        let y_hat = model.forward(tape.constant(tensor![[x[0], x[1]]])).sigmoid();
        let loss = loss::half_squared_error(y_hat, tape.constant(tensor![[y]]));
        Sgd::new(eta).step(&mut model, &loss.backward()).unwrap();
        let stepped = [model.theta.value().to_vec(), model.beta.value().to_vec()].concat();
        let (_, by_weight) = backward(w, x, y);
        for ((old, slide), new) in w.array().into_iter().zip(by_weight).zip(stepped) {
            prop_assert!(close(new, old - eta * slide, 1e-14));
        }
        prop_assume!(by_weight[0].abs() > 1e-3 && by_weight[4].abs() > 1e-3);
        let first = Weights { w31: w.w31 - eta * by_weight[4], ..w };
        let one_by_one = w.w11 - eta * backward(first, x, y).1[0];
        prop_assert!((w.w11 - eta * by_weight[0] - one_by_one).abs() > 1e-6);
    }
}

/// Row 44. The numbers of the atlas, which a hand can check: with `λ = ln 3`, `σ(λ) = 3/4`,
/// `σ(-λ) = 1/4`, and `σ'(±λ) = 3/16`.
#[test]
fn the_example_of_the_atlas_has_its_fractions() {
    let ln3 = 3f64.ln();
    let w = Weights { w11: -ln3, w21: ln3, w12: ln3, w22: -ln3, w31: 2.0 * ln3, w32: -2.0 * ln3 };
    let (values, cotangents, of_weights) = by_tape(w, [1.0, 2.0], 1.0);
    let expected = Stages {
        net_h1: ln3,
        net_h2: -ln3,
        h1: 3.0 / 4.0,
        h2: 1.0 / 4.0,
        net_o1: ln3,
        y_hat: 3.0 / 4.0,
        loss: 1.0 / 32.0,
    };
    assert!(stages_close(values, expected), "{values:?}");
    let expected = Stages {
        net_h1: -9.0 / 512.0 * ln3,
        net_h2: 9.0 / 512.0 * ln3,
        h1: -3.0 / 32.0 * ln3,
        h2: 3.0 / 32.0 * ln3,
        net_o1: -3.0 / 64.0,
        y_hat: -1.0 / 4.0,
        loss: 1.0,
    };
    assert!(stages_close(cotangents, expected), "{cotangents:?}");
    let expected = [
        -9.0 / 512.0 * ln3,
        -9.0 / 256.0 * ln3,
        9.0 / 512.0 * ln3,
        9.0 / 256.0 * ln3,
        -9.0 / 256.0,
        -3.0 / 256.0,
    ];
    for (found, expected) in of_weights.into_iter().zip(expected) {
        assert!(close(found, expected, 1e-15), "{found} {expected}");
    }
}

/// Row 46. The tape's own drawing has a box for each stage and one, in red, for each cotangent,
/// with its number, and the arrows of the backward pass lead from the loss to the weights.
#[test]
fn the_tapes_drawing_shows_every_cotangent() {
    let tape = Tape::new();
    let w = [0.5, -1.0, 0.25, 1.0, 2.0, -1.5].map(|w| tape.leaf(w));
    let stages = record(w, [1.0, 2.0], 1.0);
    let loss = stages[6];
    let names = ["net_h1", "net_h2", "h1", "h2", "net_o1", "ŷ", "L"];
    let all: [Var<'_, f64>; 13] = std::array::from_fn(|i| if i < 7 { stages[i] } else { w[i - 7] });
    let cotangents = loss.grad(all);
    tape.eval((all, cotangents)).unwrap();

    let mut drawing = tape.drawing().backward_from(loss);
    for (k, name) in names.into_iter().chain(Weights::NAMES).enumerate() {
        drawing = drawing.name(all[k], name).name(cotangents[k], format!("∂L/∂{name}"));
    }
    let text = drawing.to_string();
    assert!(text.starts_with("flowchart TD\n"));
    let line = |part: &str| {
        let found: Vec<&str> = text.lines().filter(|l| l.contains(part)).collect();
        assert_eq!(found.len(), 1, "{part}: {text}");
        found[0]
    };
    for name in names.into_iter().chain(Weights::NAMES) {
        assert!(!line(&format!("<b>{name}</b>")).contains("backward"));
        let cotangent = line(&format!("<b>∂L/∂{name}</b>"));
        assert!(cotangent.ends_with(":::backward"), "{cotangent}");
    }
    let y_hat = stages[5].item();
    let shown = format!("= {:.5}", y_hat - 1.0);
    assert!(line("<b>∂L/∂ŷ</b>").contains(&shown), "{shown}");
    assert!(text.contains("-.->") && text.contains("linkStyle"));
}
