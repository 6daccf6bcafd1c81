//! Trains the lecture's linear autoencoder and a nonlinear one on handwritten digits, compares both
//! with the optimum that Eckart and Young prove for linear codes, and draws what it sees.
//!
//! ```text
//! cargo run --release -p rewind-nn --example autoencoder
//! ```

#[path = "../plot/options.rs"]
mod options;
mod picture;

use std::error::Error;
use std::time::Instant;

use nn::data::digits;
use nn::prelude::*;

use options::Options;
use picture::{Curve, Row};

/// Twelve batches an epoch, the last of 147. With batches of 128 the last would have 5
/// samples: its steps, as long as the others, pull the subspace away from the optimum (to
/// 1.0003 times the loss).
const BATCH: usize = 150;
/// Units between pixels and code of the nonlinear autoencoder.
const HIDDEN: usize = 64;

/// The longest code. Of 64 pixels some are blank in every digit, so towards 61 numbers the optimum
/// falls to 0 and the singular vectors come to be arbitrary: neither the ratio to the optimum nor
/// the distance to its subspace, which this example is about, would mean anything.
const LONGEST: usize = 32;

const ABOUT: &str = "Trains a linear and a nonlinear autoencoder on handwritten digits, compares them with\n\
    the Eckart-Young optimum, and draws autoencoder.svg.";

const OPTIONS: [(&str, &str); 4] = [
    ("--code N", "numbers in a code, 1 to 32 [8]"),
    ("--epochs N", "passes over the 1,797 digits [300]"),
    ("--seed N", "seed of weights and batches [7]"),
    ("--quick", "100 epochs, if --epochs is not given"),
];

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::read(ABOUT, &OPTIONS);
    let m = options.number("--code", 1..=LONGEST).unwrap_or(8);
    let usual = if options.has("--quick") { 100 } else { 300 };
    let epochs = options.number("--epochs", 1..=1_000_000).unwrap_or(usual);
    let seed = options.number("--seed", 0..=u64::MAX).unwrap_or(7);
    let path = options.out().join("autoencoder.svg");

    let start = Instant::now();
    let data = digits();
    let (n, d) = (data.len(), data.inputs().shape()[1]);
    println!("{n} digits of {d} pixels, codes of {m} numbers, seed {seed}");

    // In f64: the distance to the optimum is to be seen in the seventh digit.
    let exact = data.cast::<f64>();
    let x = exact.inputs();
    let bound = LinearAutoencoder::optimum(x, m)?;
    let mut optimal = LinearAutoencoder::new(d, m, &mut rng(0));
    optimal.fit_optimal(x)?;

    let mut linear = LinearAutoencoder::<f64>::new(d, m, &mut rng(seed));
    let linear_run = nn::fit(&mut linear, &mut adam(), &exact)
        .epochs(epochs)
        .batch_size(BATCH)
        .seed(seed)
        .learning_rate(|epoch| 3e-2 * cosine(epoch, epochs))
        .run(|tape, model, batch| model.loss(tape.constant(&batch.inputs)))?;

    let widths = [d, HIDDEN, m];
    let mut deep = Autoencoder::<f32>::new(&widths, Activation::Gelu, &mut rng(seed));
    let deep_run = nn::fit(&mut deep, &mut adam(), &data)
        .epochs(epochs)
        .batch_size(BATCH)
        .seed(seed)
        .learning_rate(|epoch| 5e-3 * cosine(epoch, epochs))
        .run(|tape, model, batch| model.loss(tape.constant(&batch.inputs)))?;

    let trained = linear.reconstruct(x);
    let nonlinear = deep.reconstruct(data.inputs()).cast::<f64>();
    let rows = [
        Row { name: "original", loss: None, images: x.clone() },
        row("optimal linear", x, optimal.reconstruct(x)),
        row("trained linear", x, trained),
        row("nonlinear", x, nonlinear),
    ];
    let [_, _, linear_row, deep_row] = &rows;
    print_table(bound, &[("trained linear", linear_row.loss), ("nonlinear", deep_row.loss)]);
    let distance = linear.subspace_distance(x)?;
    println!(
        "\nlearned subspace and U_{m}:  largest angle {:.6e} degrees,  ‖P - U Uᵀ‖ = {:.6e}",
        distance.angle.to_degrees(),
        distance.frobenius
    );

    let curves = [
        Curve { name: "trained linear", colour: "#2f6db5", losses: &linear_run.losses },
        Curve { name: "nonlinear", colour: "#d9662b", losses: &deep_run.losses },
    ];
    let examples = first_of_each_digit(&data);
    std::fs::write(&path, picture::draw(&rows, &examples, &curves, bound))
        .map_err(|error| format!("{}: {error}", path.display()))?;
    println!("{} drawn, {:.1} s in all", path.display(), start.elapsed().as_secs_f64());
    Ok(())
}

/// The squared gradients are averaged over some 100 steps: with the usual 1000 the steps are still
/// those of the steep beginning when the flat end needs longer ones. The learning rate is that of
/// each epoch.
fn adam() -> Adam {
    Adam::new(0.0).betas(0.9, 0.99)
}

/// From 1 down to almost 0, along half a period of the cosine.
fn cosine(epoch: usize, epochs: usize) -> f64 {
    0.5 * (1.0 + (std::f64::consts::PI * epoch as f64 / epochs as f64).cos())
}

fn row(name: &'static str, x: &Tensor<f64>, images: Tensor<f64>) -> Row {
    // The lecture's 1/(2n) Σ ‖xᵢ - yᵢ‖².
    let squares: f64 = images.iter().zip(x.iter()).map(|(y, x)| (y - x) * (y - x)).sum();
    Row { name, loss: Some(squares / (2.0 * x.shape()[0] as f64)), images }
}

fn print_table(bound: f64, rows: &[(&str, Option<f64>)]) {
    println!("\n{:<22}{:>12}{:>16}", "", "loss L(θ)", "L(θ) / optimum");
    println!("{:<22}{bound:>12.8}{:>16.8}", "Eckart-Young optimum", 1.0);
    for (name, loss) in rows {
        let loss = loss.expect("reconstructions have a loss");
        println!("{name:<22}{loss:>12.8}{:>16.8}", loss / bound);
    }
}

/// Where the digits 0 to 9 stand first.
fn first_of_each_digit(data: &Dataset<f32>) -> Vec<usize> {
    let labels = data.targets().to_vec();
    (0..10).filter_map(|digit| labels.iter().position(|&label| label == digit)).collect()
}
