//! Threshold units (lecture, section 4): the neuron that fires, sigmoids of growing slope that
//! approach it, their derivatives, and what gradient descent makes of each.

mod plot;

use nn::prelude::*;
use plot::{
    BLACK, BLUE, Figure, GREY, Mark, ORANGE, PALETTE, Plot, arrow, dots, line, polygon, words,
};
use tape::NoGradient;

const ABOUT: &str = "Draws threshold units and the sigmoids that approach them (threshold.svg).";

/// The slopes `a` of the sigmoids `σ(az)`.
const SLOPES: [f64; 4] = [1.0, 3.0, 9.0, 27.0];

fn main() {
    let dir = plot::out_dir(ABOUT);
    Figure::new([neuron(), sigmoids(), slopes(), descent()])
        .columns(2)
        .size(380.0, 300.0)
        .save(&dir, "threshold.svg");
}

const CORNERS: [[f64; 2]; 4] = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];

/// A unit that computes AND: it fires where `x₁ + x₂` reaches 3/2.
fn neuron() -> Plot {
    let (across, up) = ((-0.85, 1.85), (-0.5, 1.5));
    let unit = Ridge {
        linear: Linear::from_parts(tensor![[1.0, 1.0]], Some(tensor![-1.5])),
        activation: Activation::Heaviside,
    };
    let out = |x: f64, y: f64| unit.forward(Tape::inference().constant(tensor![x, y])).item();
    let fires = [(0.0, 1.5), (1.85, 1.5), (1.85, -0.35)];
    assert!(fires.iter().all(|&(x, y)| out(x, y) == 1.0));
    let mut plot = Plot::new("A neuron that computes AND")
        .x("x₁")
        .y("x₂")
        .x_range(across.0, across.1)
        .y_range(up.0, up.1)
        .equal()
        .add(polygon(fires).color(BLUE).opacity(0.3))
        .add(line([(0.0, 1.5), (1.85, -0.35)]).color(GREY))
        .add(arrow((0.75, 0.75), (1.1, 1.1)).color(BLUE))
        .add(words((1.16, 1.2), "θ").color(BLUE).width(14.0))
        .add(words((1.2, 0.62), "fires: 1"))
        .add(words((0.3, 0.45), "rests: 0"));
    for [x, y] in CORNERS {
        let color = if out(x, y) == 1.0 { ORANGE } else { BLACK };
        plot = plot.add(dots([(x, y)]).color(color).width(4.5));
    }
    plot
}

/// `H`, with a gap at its jump.
fn step() -> Mark {
    let points = [(-3.0, 0.0), (0.0, 0.0), (f64::NAN, f64::NAN), (0.0, 1.0), (3.0, 1.0)];
    line(points).color(BLACK).width(2.4)
}

/// `σ(az)` and its derivative by `z`, by the tape.
fn sigmoid(a: f64) -> (Tensor<f64>, Tensor<f64>, Tensor<f64>) {
    let z = Tensor::linspace(-3.0, 3.0, 601);
    let tape = Tape::new();
    let v = tape.leaf(&z);
    let y = (a * v).sigmoid();
    let [d] = y.sum().grad([v]);
    let (y, d) = tape.eval((y, d)).expect("defined everywhere");
    (z, y, d)
}

fn sigmoids() -> Plot {
    let mut plot = Plot::new("σ(az) approaches H(z), but for z = 0")
        .x("z")
        .y("activity")
        .add(step().name("H(z)"));
    for (a, color) in SLOPES.into_iter().zip(PALETTE) {
        let (z, y, _) = sigmoid(a);
        plot = plot.add(line(z.iter().zip(y.iter())).color(color).name(format!("a = {a}")));
    }
    plot.add(dots([(0.0, 1.0)]).color(BLACK).width(4.0))
}

fn slopes() -> Plot {
    // The right half of the picture is the legend's.
    let mut plot = Plot::new("Its derivative gathers at 0")
        .x("z")
        .y("d/dz σ(az)")
        .log_y()
        .x_range(-3.2, 5.2)
        .y_range(1e-12, 1e2);
    for (a, color) in SLOPES.into_iter().zip(PALETTE) {
        let (z, _, d) = sigmoid(a);
        plot = plot.add(line(z.iter().zip(d.iter())).color(color).name(format!("a = {a}")));
    }
    plot
}

/// The losses of a unit `φ(z)` that learns OR from a start where it rests always, until the tape
/// has no gradient for it.
fn learn(phi: impl for<'t> Fn(Var<'t, f64>) -> Var<'t, f64>) -> (Vec<f64>, Option<NoGradient>) {
    let mut unit = Linear::from_parts(tensor![[-1.0, -1.0]], Some(tensor![-1.0]));
    let x = Tensor::from_fn([4, 2], |i| CORNERS[i[0]][i[1]]);
    let y = tensor![[0.0], [1.0], [1.0], [1.0]];
    let mut sgd = Sgd::new(1.0);
    let mut losses = Vec::new();
    for _ in 0..1000 {
        let tape = Tape::new();
        let output = phi(unit.forward(tape.constant(&x)));
        let loss = loss::half_squared_error(output, tape.constant(&y));
        let grads = loss.backward();
        losses.push(loss.item());
        if let Err(why) = grads.get(&unit.weight) {
            return (losses, Some(why));
        }
        sgd.step(&mut unit, &grads).expect("finite gradients");
    }
    (losses, None)
}

fn descent() -> Plot {
    let mut plot = Plot::new("Learning OR from a start at rest")
        .x("step of gradient descent")
        .y("loss, ½(f − y)² on average")
        .y_range(0.0, 0.45)
        .x_range(0.0, 1000.0);
    let curve = |losses: &[f64]| line(losses.iter().enumerate().map(|(k, l)| (k as f64, *l)));
    for (a, color) in SLOPES.into_iter().zip(PALETTE) {
        let (losses, _) = learn(|z| (a * z).sigmoid());
        let mark = curve(&losses).color(color).name(format!("σ(az), a = {a}"));
        // The steepest ones rest at the same loss: let both be seen.
        plot = plot.add(if a == SLOPES[3] { mark.dashed() } else { mark });
    }
    let (losses, why) = learn(|z| z.heaviside());
    println!("threshold unit: {}", why.expect("a threshold passes no derivative on"));
    plot.add(dots([(0.0, losses[0])]).color(BLACK).width(4.5).name("H(z): no gradient"))
}
