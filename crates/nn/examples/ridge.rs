//! Ridge functions (lecture, section 4): activations with the tape's derivatives of them, the
//! derivatives of the logistic function up to order 6, and the level sets of ridge units.

mod plot;

use nn::prelude::*;
use plot::{
    AMBER, BLACK, BLUE, Colors, Figure, GREEN, GREY, Mark, ORANGE, PALETTE, PINK, Plot, arrow,
    cells, contour, line, words,
};

const ABOUT: &str = "Draws activations with their derivatives (ridge_activations.svg) and the level sets\n\
                     of ridge units (ridge_level_sets.svg).";

fn main() {
    let dir = plot::out_dir(ABOUT);
    Figure::new(activations()).save(&dir, "ridge_activations.svg");
    Figure::new(level_sets())
        .size(320.0, 320.0)
        .title("Grey: level sets. Orange: the gradient ∇ₓf at a point, parallel to θ.")
        .save(&dir, "ridge_level_sets.svg");
}

/// The values of `f` and of its derivatives up to `order`, at every element of `z`: each is the
/// tape's derivative of the one before.
fn derivatives(
    f: impl for<'t> Fn(Var<'t, f64>) -> Var<'t, f64>,
    z: &Tensor<f64>,
    order: usize,
) -> Vec<Tensor<f64>> {
    let tape = Tape::new();
    let z = tape.leaf(z);
    let mut all = vec![f(z)];
    for n in 0..order {
        let [next] = all[n].sum().grad([z]);
        all.push(next);
    }
    tape.eval(all).expect("these functions are defined everywhere")
}

fn curve(z: &Tensor<f64>, y: &Tensor<f64>) -> Mark {
    line(z.iter().zip(y.iter()))
}

fn activations() -> [Plot; 3] {
    // What is not a number breaks a line: at 0, where the derivative of a rectifier jumps.
    let (left, right) = (Tensor::linspace(-4.0, 0.0, 101), Tensor::linspace(1e-9, 4.0, 101));
    let z = Tensor::concat(&[&left, &tensor![f64::NAN], &right], 0);
    let rows = [
        (Activation::Logistic, BLUE),
        (Activation::Tanh, ORANGE),
        (Activation::Softplus, GREEN),
        (Activation::Relu, PINK),
        (Activation::Silu, AMBER),
    ];
    let mut values = Plot::new("Activations").x("z").y("φ(z)").y_range(-1.2, 3.2);
    let mut slopes = Plot::new("Their derivatives, by the tape").x("z").y("φ′(z)");
    for (phi, color) in rows {
        let found = derivatives(|z| phi.apply(z), &z, 1);
        values = values.add(curve(&z, &found[0]).color(color).name(phi.to_string()));
        slopes = slopes.add(curve(&z, &found[1]).color(color));
    }
    let z = Tensor::linspace(-6.0, 6.0, 241);
    let orders = derivatives(|z| z.sigmoid(), &z, 6);
    let mut smooth =
        Plot::new("Derivatives of σ of order n").x("z").y("σ⁽ⁿ⁾(z)").x_range(-6.5, 11.5);
    for (n, (order, color)) in orders[1..].iter().zip(PALETTE).enumerate() {
        smooth = smooth.add(curve(&z, order).color(color).name(format!("n = {}", n + 1)));
    }
    [values, slopes, smooth]
}

/// The half width of the plane, and the points a side at which it is coloured.
const SIDE: f64 = 2.0;
const CELLS: usize = 48;

/// `φ(x·θ)` on the plane: colours up to `span`, three level lines, `θ`, and the gradient at
/// some points, drawn `scale` times as long as it is.
fn level_set(
    title: &str,
    phi: impl for<'t> Fn(Var<'t, f64>) -> Var<'t, f64>,
    levels: [f64; 3],
    (span, scale): (f64, f64),
) -> Plot {
    let theta = tensor![1.2, 0.6];
    let range = (-SIDE, SIDE);
    let at = |k: usize| -SIDE + 2.0 * SIDE * (k as f64 + 0.5) / CELLS as f64;
    let grid = Tensor::from_fn([CELLS, CELLS, 2], |i| at(i[1 - i[2]]));
    let tape = Tape::inference();
    let values = phi(tape.constant(&grid).matmul(tape.constant(&theta))).value();
    let rows: Vec<Vec<f64>> =
        (0..CELLS as isize).map(|k| values.index_axis(0, k).to_vec()).collect();
    let mut plot = Plot::new(title)
        .x("x₁")
        .y("x₂")
        .x_range(-SIDE, SIDE)
        .y_range(-SIDE, SIDE)
        .equal()
        .add(cells(&rows, range, range, Colors::Diverging, (-span, span)).opacity(0.6));
    let value = |x: f64, y: f64| {
        let tape = Tape::inference();
        phi(tape.constant(tensor![x, y]).matmul(tape.constant(&theta))).item()
    };
    for level in levels {
        plot = plot.add(contour(value, level, range, range, 40).color(GREY).width(1.2));
    }
    for k in -2..=2 {
        // Points along a direction that is not θ: the gradients are parallel to it all the same.
        let from = [0.7 * k as f64, -0.55 * k as f64 + 0.3 * (k * k) as f64 - 0.6];
        let tape = Tape::new();
        let x = tape.leaf(tensor![from[0], from[1]]);
        let [g] = phi(x.matmul(tape.constant(&theta))).grad([x]);
        let g = g.value();
        let to = (from[0] + scale * g[[0]], from[1] + scale * g[[1]]);
        if g.norm().item() > 0.02 {
            plot = plot.add(arrow((from[0], from[1]), to).color(ORANGE));
        }
        plot = plot.add(plot::dots([(from[0], from[1])]).color(BLACK));
    }
    plot.add(arrow((0.0, 0.0), (1.2, 0.6)).color(BLUE).width(2.4))
        .add(words((0.98, 0.8), "θ").color(BLUE).width(14.0))
}

fn level_sets() -> [Plot; 3] {
    [
        level_set("tanh(x·θ): hyperplanes", |z| z.tanh(), [-0.7, 0.0, 0.7], (1.5, 0.45)),
        level_set("relu(x·θ): 0 on half a space", |z| z.relu(), [0.7, 1.4, 2.1], (3.0, 0.4)),
        level_set("(x·θ)²: hyperplanes in pairs", |z| z.square(), [0.5, 2.0, 4.5], (8.0, 0.18)),
    ]
}
