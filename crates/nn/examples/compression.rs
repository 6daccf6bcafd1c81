//! Lossy compression of the digits by a linear autoencoder: codes, bytes, and the error against the
//! length of the code.

mod plot;

use nn::prelude::*;
use plot::{BLUE, Colors, Figure, GREY, ORANGE, Plot, cells, dots, line, words};

const ABOUT: &str = "Compresses the 1797 digits of 8 by 8 pixels to codes of m numbers by a linear\n\
    autoencoder: compression.svg (error and bytes against m) and compression_digits.svg\n\
    (what comes back), and a table.";

/// The lengths of code that are tried.
const LENGTHS: [usize; 9] = [1, 2, 4, 8, 16, 24, 32, 48, 64];

fn main() {
    let dir = plot::out_dir(ABOUT);
    let data = data::digits();
    let x = data.inputs().reshape([data.len(), 64]);
    let (n, d) = (x.shape()[0], x.shape()[1]);
    let bytes = |numbers: usize| numbers * size_of::<f32>();
    let original = bytes(n * d);

    let mut found = Vec::new();
    println!("  m   bytes of codes + decoder   of the original   error 1/(2n) Σ‖x − y‖²");
    for m in LENGTHS {
        let mut net = LinearAutoencoder::<f32>::new(d, m, &mut rng(0));
        net.fit_optimal(&x).expect("the digits are finite");
        let tape = Tape::inference();
        let xv = tape.constant(&x);
        let codes = net.encode(xv).value();
        let (error, kept) = (net.loss(xv).item(), bytes(codes.len() + net.d.len()));
        let percent = 100.0 * kept as f64 / original as f64;
        println!("{m:3} {kept:26} {percent:15.1} % {error:24.5}");
        found.push((m, kept, f64::from(error), net.reconstruct(&x), codes));
    }
    let (m, _, _, _, codes) = &found[2];
    let code: Vec<String> = (0..*m).map(|k| format!("{:.2}", codes[[0, k]])).collect();
    println!("the first digit, 64 pixels, as {m} numbers: {}", code.join(", "));

    let trained: Vec<(f64, f64)> = [1, 2, 4, 8, 16, 32].map(|m| (m as f64, train(&x, m))).into();

    // Eckart and Young: what is lost is the rest of the spectrum.
    let energy: Vec<f64> = x.cast::<f64>().svd().expect("finite").s.iter().map(|s| s * s).collect();
    let lost = |m: usize| energy[m..].iter().sum::<f64>() / (2.0 * n as f64);
    let curve = Plot::new("Error of the best code of m numbers")
        .x("m, numbers per code (64 pixels)")
        .y("1/(2n) Σ‖x − DCx‖², pixels from 0 to 1")
        .log_y()
        .y_range(1e-3, 40.0)
        .x_range(0.0, 64.0)
        .add(
            line((0..64).map(|m| (m as f64, lost(m)))).color(GREY).name("½ Σ σᵢ² of i > m, over n"),
        )
        .add(
            dots(found.iter().map(|f| (f.0 as f64, f.2)).filter(|p| p.0 < 64.0))
                .color(BLUE)
                .width(3.2)
                .name("C = Uₘᵀ, D = Uₘ"),
        )
        .add(dots(trained).color(ORANGE).width(2.0).name("trained, 400 steps"));
    let kilo = |bytes: usize| bytes as f64 / 1000.0;
    let rate = Plot::new("What it costs")
        .x("bytes of codes and decoder, kB")
        .y("error, share of ½‖x‖², %")
        .x_range(0.0, kilo(original) * 1.1)
        .add(
            line((0..=64).map(|m| (kilo(bytes(n * m + d * m)), 100.0 * lost(m) / lost(0))))
                .color(GREY),
        )
        .add(
            dots(found.iter().map(|f| (kilo(f.1), 100.0 * f.2 / lost(0))))
                .color(BLUE)
                .width(3.2)
                .name("m = 1, 2, 4, 8, 16, 24, 32, 48, 64"),
        )
        .add(
            line([(kilo(original), 0.0), (kilo(original), 100.0)])
                .color(ORANGE)
                .dashed()
                .name("the pixels themselves"),
        );
    Figure::new([curve, rate]).size(380.0, 300.0).save(&dir, "compression.svg");

    let rows = found.iter().filter(|f| [1, 2, 4, 8, 16, 32].contains(&f.0));
    let mut images = vec![("x".to_string(), x.clone())];
    images.extend(rows.map(|f| (format!("m = {}", f.0), f.3.clone())));
    Figure::new([gallery(&images)]).size(520.0, 400.0).save(&dir, "compression_digits.svg");
}

/// The error that training reaches from random weights.
fn train(x: &Tensor<f32>, m: usize) -> f64 {
    eprintln!("training a code of {m}");
    let mut net = LinearAutoencoder::<f32>::new(x.shape()[1], m, &mut rng(1));
    let mut step = Recording::new(&net, (spec::<f32>(x.shape()),), |_, net, (x,)| net.loss(x));
    let mut adam = Adam::new(0.01);
    for i in 0..400 {
        adam.set_learning_rate(if i < 300 { 0.01 } else { 0.001 });
        let (_, grads) = step.replay(&net, (x.clone(),)).expect("the digits are finite");
        adam.step(&mut net, &grads).expect("both matrices have a gradient");
    }
    let tape = Tape::inference();
    f64::from(net.loss(tape.constant(x)).item())
}

/// One digit of each kind a column, one kind of reconstruction a row.
fn gallery(rows: &[(String, Tensor<f32>)]) -> Plot {
    let mut plot = Plot::new("A digit of 64 pixels, and what a code of m numbers brings back")
        .bare()
        .x_range(-14.0, 90.0)
        .y_range(9.0 * rows.len() as f64, -1.0)
        .equal();
    for (r, (name, images)) in rows.iter().enumerate() {
        let top = 9.0 * r as f64;
        plot = plot.add(words((-8.0, top + 4.0), name));
        for digit in 0..10 {
            let image = images.index_axis(0, digit as isize);
            let pixels: Vec<Vec<f64>> =
                (0..8).map(|i| (0..8).map(|j| f64::from(image[[8 * i + j]])).collect()).collect();
            let left = 9.0 * digit as f64;
            let (across, down) = ((left, left + 8.0), (top, top + 8.0));
            plot = plot.add(cells(&pixels, across, down, Colors::Grey, (0.0, 1.0)));
        }
    }
    plot
}
