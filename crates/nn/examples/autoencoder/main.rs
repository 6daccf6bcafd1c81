//! Trains the lecture's linear autoencoder and a nonlinear one on handwritten digits, compares both
//! with the optimum that Eckart and Young prove for linear codes, and draws what it sees.
//!
//! ```text
//! cargo run --release -p rewind-nn --example autoencoder
//! ```

mod options;
mod picture;

use std::error::Error;
use std::process::ExitCode;
use std::time::Instant;

use nn::data::digits;
use nn::prelude::*;

use options::{Command, Options};
use picture::{Curve, Row};

/// Twelve batches an epoch, the last of 147. With batches of 128 the last would have 5 samples: its
/// steps, as long as the others, pull the subspace away from the optimum (to 1.0003 times the loss).
const BATCH: usize = 150;
/// Units between pixels and code of the nonlinear autoencoder.
const HIDDEN: usize = 64;

fn main() -> ExitCode {
    let options = match options::parse(std::env::args().skip(1)) {
        Ok(Command::Run(options)) => options,
        Ok(Command::Help) => {
            print!("{}", options::HELP);
            return ExitCode::SUCCESS;
        }
        Err(message) => {
            eprintln!("{message}\n\n{}", options::HELP);
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    // Before training, which would otherwise be lost on a folder that cannot be made.
    let path = options.out.join("autoencoder.svg");
    std::fs::create_dir_all(&options.out)
        .map_err(|error| format!("{}: {error}", options.out.display()))?;

    let data = digits();
    let (n, d, m) = (data.len(), data.inputs().shape()[1], options.code);
    println!("{n} digits of {d} pixels, codes of {m} numbers, seed {}", options.seed);

    // In f64: the distance to the optimum is to be seen in the seventh digit.
    let exact = data.cast::<f64>();
    let x = exact.inputs();
    let bound = LinearAutoencoder::optimum(x, m)?;
    let mut optimal = LinearAutoencoder::new(d, m, &mut rng(0));
    optimal.fit_optimal(x)?;

    let mut linear = LinearAutoencoder::<f64>::new(d, m, &mut rng(options.seed));
    let linear_run = nn::fit(&mut linear, &mut adam(), &exact)
        .epochs(options.epochs)
        .batch_size(BATCH)
        .seed(options.seed)
        .learning_rate(|epoch| 3e-2 * cosine(epoch, options.epochs))
        .run(|tape, model, batch| model.loss(tape.constant(&batch.inputs)))?;

    let widths = [d, HIDDEN, m];
    let mut deep = Autoencoder::<f32>::new(&widths, Activation::Gelu, &mut rng(options.seed));
    let deep_run = nn::fit(&mut deep, &mut adam(), &data)
        .epochs(options.epochs)
        .batch_size(BATCH)
        .seed(options.seed)
        .learning_rate(|epoch| 5e-3 * cosine(epoch, options.epochs))
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
    let labels = data.labels().to_vec();
    (0..10).filter_map(|digit| labels.iter().position(|&label| label == digit)).collect()
}
