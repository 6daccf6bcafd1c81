//! Backpropagation (lecture, section 4): the 2-2-1 network, its numbers under the names of the
//! slides, its backward picture drawn by the tape, and its training to convergence.

mod plot;

use std::path::Path;

use nn::prelude::*;
use plot::{
    BLACK, BLUE, Colors, Figure, GREEN, GREY, Mark, ORANGE, PALETTE, Plot, cells, contour, dots,
    line,
};

const ABOUT: &str = "Draws the 2-2-1 network, its backward pass as a Mermaid diagram (backprop.md) and\n\
                     its training (backprop.svg), and prints every derivative.";

fn main() {
    let dir = plot::out_dir(ABOUT);
    picture(&dir);
    let (regression, xor, trained, stuck) = training();
    let with = plane("XOR with biases: ŷ from 0, orange, to 1, blue", &trained);
    let without = plane("XOR without biases: ŷ stays at ½", &stuck);
    Figure::new([regression, xor, with, without])
        .columns(2)
        .size(380.0, 320.0)
        .save(&dir, "backprop.svg");
}

/// Records the network of the slides at the atlas's weights, prints every derivative, and writes
/// the tape's drawing of both passes.
fn picture(dir: &Path) {
    let tape = Tape::new();
    let ln3 = 3f64.ln();
    let leaf = |x: f64| tape.leaf(x);
    let [w11, w21, w12, w22] = [-ln3, ln3, ln3, -ln3].map(leaf);
    let [w31, w32] = [2.0 * ln3, -2.0 * ln3].map(leaf);
    let [x1, x2, y] = [1.0, 2.0, 1.0].map(|x| tape.constant(x));

    let net_h1 = w11 * x1 + w21 * x2;
    let net_h2 = w12 * x1 + w22 * x2;
    let h1 = net_h1.sigmoid();
    let h2 = net_h2.sigmoid();
    let net_o1 = w31 * h1 + w32 * h2;
    let y_hat = net_o1.sigmoid();
    let loss = 0.5 * (y - y_hat).square();

    let names = [
        "L", "ŷ", "net_o1", "w31", "w32", "h1", "h2", "net_h1", "net_h2", "w11", "w21", "w12",
        "w22",
    ];
    let nodes = [loss, y_hat, net_o1, w31, w32, h1, h2, net_h1, net_h2, w11, w21, w12, w22];
    let cotangents = loss.grad(nodes);
    let (values, found) = tape.eval((nodes, cotangents)).expect("these numbers are finite");

    let mut drawing = tape.drawing().name(x1, "x1").name(x2, "x2").name(y, "y").backward_from(loss);
    println!("{:8} {:>10} {:>10}", "", "value", "∂L/∂");
    for (k, name) in names.into_iter().enumerate() {
        println!("{name:8} {:>10.6} {:>10.6}", values[k].item(), found[k].item());
        drawing = drawing.name(nodes[k], name).name(cotangents[k], format!("∂L/∂{name}"));
    }
    let text = format!(
        "# Forward and backward pass of the 2-2-1 network\n\nBlack: the forward pass. Red: the \
         derivatives that flow back. Dotted: where they\nread a value of the forward pass.\n\n\
         ```mermaid\n{drawing}```\n"
    );
    let path = dir.join("backprop.md");
    if let Err(error) = std::fs::write(&path, text) {
        eprintln!("cannot write {}: {error}", path.display());
        std::process::exit(2);
    }
    println!("{}", path.display());
}

/// A 2-2-1 network; `ŷ` is the logistic function of its output.
fn network(biases: bool, seed: u64) -> Mlp<f64> {
    let mut net = Mlp::new(&[2, 2, 1], Activation::Logistic, &mut rng(seed));
    if !biases {
        net.layers.iter_mut().for_each(|layer| layer.linear.bias = None);
    }
    net
}

/// `w ← w − η ∂L/∂w` for so many steps; the losses.
fn descend(
    net: &mut Mlp<f64>,
    x: &Tensor<f64>,
    y: &Tensor<f64>,
    eta: f64,
    steps: usize,
) -> Vec<f64> {
    let specs = (spec::<f64>(x.shape()), spec::<f64>(y.shape()));
    let mut step = Recording::new(&*net, specs, |_, net, (x, y)| {
        loss::half_squared_error(net.forward(x).sigmoid(), y)
    });
    let mut sgd = Sgd::new(eta);
    let mut one = || {
        let (loss, grads) = step.replay(&*net, (x.clone(), y.clone())).expect("finite numbers");
        sgd.step(net, &grads).expect("finite gradients");
        loss
    };
    (0..steps).map(|_| one()).collect()
}

/// A loss curve, thinned out where the logarithmic axis has no room for it.
fn curve(losses: &[f64]) -> Mark {
    let shown = |k: &usize| *k < 100 || k.is_multiple_of(10);
    line((0..losses.len()).filter(shown).map(|k| (k as f64 + 1.0, losses[k])))
}

fn signs() -> Tensor<f64> {
    tensor![[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]]
}

/// Both loss pictures, a network that has learned XOR, and one that cannot.
fn training() -> (Plot, Plot, Mlp<f64>, Mlp<f64>) {
    let axes = |title: &str| {
        Plot::new(title)
            .x("step of gradient descent")
            .y("loss, ½(ŷ − y)² on average")
            .log_x()
            .log_y()
    };
    let grid = Tensor::from_fn([9, 2], |i| [i[0] / 3, i[0] % 3][i[1]] as f64 - 1.0);
    let mut teacher = network(true, 1);
    teacher.layers[0].linear =
        Linear::from_parts(tensor![[2.0, -1.0], [0.5, 1.5]], Some(tensor![0.5, -0.5]));
    teacher.layers[1].linear = Linear::from_parts(tensor![[2.0, -2.0]], Some(tensor![0.25]));
    let targets = teacher.forward(Tape::inference().constant(&grid)).sigmoid().value();
    let mut regression = axes("Regression on another 2-2-1 network");
    for (eta, color) in [0.5, 2.0, 8.0].into_iter().zip(PALETTE) {
        let losses = descend(&mut network(true, 0), &grid, &targets, eta, 10_000);
        regression = regression.add(curve(&losses).color(color).name(format!("η = {eta}")));
    }

    let steps = 3000;
    let mut xor = axes("XOR of ±1, targets 0.1 and 0.9, η = 4").y_range(1e-12, 1.0);
    let reached = tensor![[0.1], [0.9], [0.9], [0.1]];
    let (mut trained, mut learned) = (network(true, 0), 0);
    for seed in 0..10 {
        let mut net = network(true, seed);
        let losses = descend(&mut net, &signs(), &reached, 4.0, steps);
        let name = if seed == 0 { "with biases, 10 starts" } else { "" };
        let mark = curve(&losses).color(BLUE).opacity(0.6);
        xor = xor.add(if name.is_empty() { mark } else { mark.name(name) });
        if losses[steps - 1] < 1e-6 {
            (trained, learned) = (net, learned + 1);
        }
    }
    println!("XOR with biases: {learned} of 10 starts converge");
    let mut stuck = network(false, 0);
    let losses = descend(&mut stuck, &signs(), &reached, 4.0, steps);
    let floor = 0.5 * 0.4f64.powi(2);
    xor = xor.add(curve(&losses).color(ORANGE).name("without biases")).add(
        line([(1.0, floor), (steps as f64, floor)]).color(GREY).dashed().name("ŷ = ½ for all"),
    );
    (regression, xor, trained, stuck)
}

/// `ŷ` over the plane, the line where it is ½, and the four points.
fn plane(title: &str, net: &Mlp<f64>) -> Plot {
    let n = 48;
    // A little more above than below, for the legend.
    let (across, up) = ((-2.5, 2.5), (-1.6, 2.4));
    let at = |(low, high): (f64, f64), k: usize| low + (high - low) * (k as f64 + 0.5) / n as f64;
    let tape = Tape::inference();
    let grid = tape.constant(Tensor::from_fn([n, n, 2], |i| at([across, up][i[2]], i[1 - i[2]])));
    let values = net.forward(grid).sigmoid().squeeze(-1).value();
    let rows: Vec<Vec<f64>> = (0..n as isize).map(|k| values.index_axis(0, k).to_vec()).collect();
    let y_hat =
        |x: f64, y: f64| net.forward(Tape::inference().constant(tensor![x, y])).sigmoid().item();
    Plot::new(title)
        .x("x₁")
        .y("x₂")
        .x_range(across.0, across.1)
        .y_range(up.0, up.1)
        .equal()
        .add(cells(&rows, across, up, Colors::Diverging, (0.0, 1.0)).opacity(0.7))
        .add(contour(y_hat, 0.5, across, up, 60).color(BLACK).name("ŷ = ½"))
        .add(dots([(-1.0, 1.0), (1.0, -1.0)]).color(GREEN).width(5.0).name("class 1"))
        .add(dots([(-1.0, -1.0), (1.0, 1.0)]).color(BLACK).width(5.0).name("class 0"))
}
