//! How deep linear networks learn: gradient descent against the solutions of its flow, mode by
//! mode.
//!
//! `cargo run -p rewind-nn --example dynamics -- --out DIR` draws `dynamics_stages.svg` and
//! `dynamics_variants.svg`. Lines are solutions of the flow, dots are descent on the tape.

mod plot;

use nn::model::Mode;
use nn::prelude::*;
use plot::{Figure, GREY, Mark, ORANGE, PALETTE, Plot, dots, line, words};

type Curve = Vec<(f64, f64)>;

fn main() {
    let dir = plot::out_dir(
        "Draws how deep linear networks learn, gradient descent against the solutions of its\n\
         flow: dynamics_stages.svg and dynamics_variants.svg.",
    );
    let stages = [strengths(), losses()];
    Figure::new(stages)
        .size(420.0, 300.0)
        .title("Lines: gradient flow. Dots: descent on the tape. Dashed: half times, plateaus.")
        .save(&dir, "dynamics_stages.svg");
    let variants = [unbalanced(), depths(), random_starts(), step_sizes()];
    Figure::new(variants)
        .columns(2)
        .size(420.0, 290.0)
        .title("Lines: gradient flow. Dots: descent on the tape. Dashed: proportional to η.")
        .save(&dir, "dynamics_variants.svg");
}

/// Descent on ½ Σ ‖y - Wx‖² with one-hot inputs, so that `Σxx = I`, and `Σxy = diag(s)`. `each`
/// sees time, the diagonal of `W`, and the loss.
fn descend(
    model: &mut DeepLinear<f64>,
    s: &[f64],
    (rate, time): (f64, f64),
    mut each: impl FnMut(f64, &[f64], f64),
) {
    let x = Tensor::eye(s.len());
    let y = &x * Tensor::from(s.to_vec());
    let mut sgd = Sgd::new(rate);
    for step in 0..=(time / rate).round() as usize {
        let tape = Tape::new();
        let loss = loss::frobenius(model.forward(tape.constant(&x)), tape.constant(&y));
        let grads = loss.backward();
        each(step as f64 * rate, &model.product().diagonal().to_vec(), loss.item());
        sgd.step(model, &grads).expect("every weight has a gradient");
    }
}

/// The network whose layers are diagonal, with these factors of each mode, layer by layer.
fn diagonal(factors: &[Vec<f64>]) -> DeepLinear<f64> {
    let frames = vec![Tensor::eye(factors[0].len()); factors.len() + 1];
    let factors: Vec<_> = factors.iter().map(|f| Tensor::from(f.clone())).collect();
    DeepLinear::aligned(&frames, &factors)
}

/// Two layers of normally distributed weights of this size.
fn random(size: f64, modes: usize, seed: u64) -> DeepLinear<f64> {
    let mut rng = rng(seed);
    let mut draw = || Tensor::normal([modes, modes], 0.0, size, &mut rng);
    DeepLinear::from_weights([draw(), draw()])
}

/// Every so many points, to be drawn as dots.
fn thin(points: &Curve, every: usize) -> Mark {
    dots(points.iter().copied().step_by(every)).width(2.4)
}

fn times(end: f64) -> impl Iterator<Item = f64> {
    (0..=400).map(move |i| end * i as f64 / 400.0)
}

const SINGULAR: [f64; 3] = [4.0, 2.0, 1.0];
const RATE: f64 = 0.005;
const TIME: f64 = 9.0;
const START: f64 = 1e-5;

fn strengths() -> Plot {
    let factors = vec![START.sqrt(); 3];
    let mut found: [Curve; 3] = Default::default();
    let run = (RATE, TIME);
    descend(&mut diagonal(&[factors.clone(), factors]), &SINGULAR, run, |t, u, _| {
        found.iter_mut().zip(u).for_each(|(curve, &u)| curve.push((t, u)));
    });
    let mut plot = Plot::new("One mode after the other")
        .x("time t = kη (k steps)")
        .y("strength u of the mode")
        .x_range(0.0, TIME)
        .y_range(-0.15, 6.2);
    for ((s, found), color) in SINGULAR.into_iter().zip(&found).zip(PALETTE) {
        let mode = Mode::balanced(s, START);
        let half = mode.half_time().expect("starts small");
        plot = plot
            .add(line([(half, -1.0), (half, 0.5 * s)]).color(color).width(1.0).dashed())
            .add(
                line(times(TIME).map(|t| (t, mode.at(t).strength())))
                    .color(color)
                    .name(format!("s = {s}")),
            )
            .add(thin(found, 40).color(color));
    }
    plot
}

fn losses() -> Plot {
    let factors = vec![START.sqrt(); 3];
    let mut aligned = Curve::new();
    let run = (RATE, TIME);
    descend(&mut diagonal(&[factors.clone(), factors]), &SINGULAR, run, |t, _, loss| {
        aligned.push((t, loss));
    });
    let mut scattered = Curve::new();
    descend(&mut random(START.sqrt(), 3, 3), &SINGULAR, run, |t, _, loss| {
        scattered.push((t, loss))
    });
    let modes = SINGULAR.map(|s| Mode::balanced(s, START));
    let flow = |t: f64| modes.iter().map(|m| 0.5 * (m.s - m.at(t).strength()).powi(2)).sum();
    let plateau = |learned: usize| 0.5 * SINGULAR[learned..].iter().map(|s| s * s).sum::<f64>();
    let levels = (0..3).map(|i| line([(0.0, plateau(i)), (TIME, plateau(i))]));
    Plot::new("The loss rests, and falls, in stages")
        .x("time t = kη (k steps)")
        .y("loss ½ Σ ‖y − BAx‖²")
        .x_range(0.0, TIME)
        .y_range(-0.4, 15.5)
        .add_all(levels.map(|level| level.color(GREY).width(1.0).dashed()))
        .add(line(times(TIME).map(|t| (t, flow(t)))).name("flow, aligned start"))
        .add(thin(&aligned, 40).name("descent, aligned start"))
        .add(line(scattered).color(ORANGE).name("descent, random start"))
        .add(words((7.5, plateau(0) + 0.6), "½ (s₁² + s₂² + s₃²)"))
        .add(words((7.5, plateau(1) + 0.6), "½ (s₂² + s₃²)"))
        .add(words((7.5, plateau(2) + 0.6), "½ s₃²"))
}

fn unbalanced() -> Plot {
    let (time, u0) = (7.0, 0.01f64);
    let mut plot = Plot::new("Unequal layers learn sooner (u₀ = 0.01)")
        .x("time t = kη (k steps)")
        .y("strength u of the mode, s = 1")
        .x_range(0.0, time)
        .y_range(-0.03, 1.25);
    for (ratio, color) in [1.0f64, 10.0, 100.0, 1000.0].into_iter().zip(PALETTE) {
        let mode = Mode { s: 1.0, a: (u0 * ratio).sqrt(), b: (u0 / ratio).sqrt() };
        let mut found = Curve::new();
        descend(&mut diagonal(&[vec![mode.a], vec![mode.b]]), &[1.0], (RATE, time), |t, u, _| {
            found.push((t, u[0]));
        });
        plot = plot
            .add(
                line(times(time).map(|t| (t, mode.at(t).strength())))
                    .color(color)
                    .name(format!("a/b = {ratio}")),
            )
            .add(thin(&found, 50).color(color));
    }
    plot
}

/// `u' = D u^{2-2/D} (s - u)` by classical Runge-Kutta steps.
fn deep_mode(depth: usize, s: f64, u0: f64, time: f64) -> Curve {
    let depth = depth as f64;
    let slope = |u: f64| depth * u.powf(2.0 - 2.0 / depth) * (s - u);
    let (mut u, mut before) = (u0, 0.0);
    let step = |t: f64| {
        let h = t - before;
        let k1 = slope(u);
        let k2 = slope(u + h / 2.0 * k1);
        let k3 = slope(u + h / 2.0 * k2);
        let k4 = slope(u + h * k3);
        (u, before) = (u + h / 6.0 * (k1 + 2.0 * (k2 + k3) + k4), t);
        (t, u)
    };
    times(time).map(step).collect()
}

fn depths() -> Plot {
    let (time, u0) = (8.0, 0.01f64);
    let mut plot = Plot::new("Depth D: longer rest, steeper rise (u₀ = 0.01)")
        .x("time t = kη (k steps)")
        .y("strength u of the mode, s = 1")
        .x_range(0.0, time)
        .y_range(-0.03, 1.25);
    for (depth, color) in (1..=4).zip(PALETTE) {
        let a = u0.powf(1.0 / depth as f64);
        let mut found = Curve::new();
        descend(&mut diagonal(&vec![vec![a]; depth]), &[1.0], (RATE, time), |t, u, _| {
            found.push((t, u[0]));
        });
        plot = plot
            .add(line(deep_mode(depth, 1.0, u0, time)).color(color).name(format!("D = {depth}")))
            .add(thin(&found, 50).color(color));
    }
    plot
}

fn random_starts() -> Plot {
    let (s, time) = ([2.0, 1.0], 13.0);
    let mut plot = Plot::new("Small random weights: one curve, shifted in time")
        .x("time t = kη (k steps)")
        .y("strength u₂ of the second mode, s₂ = 1")
        .x_range(0.0, time)
        .y_range(-0.03, 1.75);
    for (size, color) in [0.3, 0.03, 0.003, 0.0003].into_iter().zip(PALETTE) {
        let mut model = random(size, 2, 8);
        // The growing part of each mode, less its projection onto those of the stronger modes.
        let [a, b] = [0, 1].map(|i| model.weights[i].value().clone());
        let (_, r) = ((a + b.t()) * 0.5).qr().expect("finite");
        let mode = Mode::balanced(s[1], r[[1, 1]].powi(2));
        let mut found = Curve::new();
        descend(&mut model, &s, (RATE, time), |t, u, _| found.push((t, u[1])));
        plot = plot
            .add(
                line(times(time).map(|t| (t, mode.at(t).strength())))
                    .color(color)
                    .name(format!("size {size}")),
            )
            .add(thin(&found, 60).color(color));
    }
    plot
}

fn step_sizes() -> Plot {
    let (s, time) = (1.0, 8.0);
    let rates: Vec<f64> = (0..7).map(|i| 0.32 * 0.5f64.powi(i)).collect();
    let starts = [
        ("a = b = 0.1", Mode::balanced(s, 0.01)),
        ("a = 1, b = 0.01", Mode { s, a: 1.0, b: 0.01 }),
    ];
    let mut plot = Plot::new("Halve η, halve the distance from the flow")
        .x("step size η")
        .y("max |u − u(kη)|")
        .log_x()
        .log_y();
    for ((name, mode), color) in starts.into_iter().zip(PALETTE) {
        let error = |rate: f64| {
            let mut worst = 0.0f64;
            let mut model = diagonal(&[vec![mode.a], vec![mode.b]]);
            descend(&mut model, &[s], (rate, time), |t, u, _| {
                worst = worst.max((u[0] - mode.at(t).strength()).abs());
            });
            (rate, worst)
        };
        let errors: Curve = rates.iter().map(|&rate| error(rate)).collect();
        let (rate, least) = errors[errors.len() - 1];
        plot = plot
            .add(
                line(rates.iter().map(|r| (*r, least * r / rate))).color(color).width(1.0).dashed(),
            )
            .add(dots(errors).color(color).width(3.0).name(name));
    }
    plot
}
