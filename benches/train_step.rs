//! A whole training step (loss, gradients, update) of small models:
//! `cargo bench --bench train_step`.
//!
//! Recorded anew at every step, and recorded once and replayed. Items are samples.

use divan::Bencher;
use divan::counter::ItemsCount;
use nn::prelude::*;

fn main() {
    divan::main();
}

const BATCH: usize = 128;

/// A batch of the digits: inputs `[BATCH, 64]` and labels `[BATCH]`.
fn batch() -> (Tensor<f32>, Tensor<i64>) {
    let batch = data::digits().take(BATCH).batch();
    (batch.inputs, batch.targets)
}

fn classifier() -> Mlp<f32> {
    Mlp::new(&[64, 128, 10], Activation::Relu, &mut rng(0))
}

fn autoencoder() -> Autoencoder<f32> {
    Autoencoder::new(&[64, 32, 8], Activation::Tanh, &mut rng(0))
}

#[divan::bench]
fn mlp_recorded_each_step(bencher: Bencher) {
    let (mut model, mut adam, (x, labels)) = (classifier(), Adam::new(1e-3), batch());
    bencher.counter(ItemsCount::new(BATCH)).bench_local(|| {
        let tape = Tape::new();
        let logits = model.forward(tape.constant(&x));
        let grads = loss::cross_entropy(logits, tape.constant(&labels)).backward();
        adam.step(&mut model, &grads)
    });
}

#[divan::bench]
fn mlp_replayed(bencher: Bencher) {
    let (mut model, mut adam, (x, labels)) = (classifier(), Adam::new(1e-3), batch());
    let specs = (spec::<f32>([BATCH, 64]), spec::<i64>([BATCH]));
    let mut step = Recording::new(&model, specs, |_, model, (x, labels)| {
        loss::cross_entropy(model.forward(x), labels)
    });
    bencher.counter(ItemsCount::new(BATCH)).bench_local(|| {
        let (_, grads) = step.replay(&model, (x.clone(), labels.clone())).expect("it fits");
        adam.step(&mut model, &grads)
    });
}

#[divan::bench]
fn autoencoder_recorded_each_step(bencher: Bencher) {
    let (mut model, mut adam, (x, _)) = (autoencoder(), Adam::new(1e-3), batch());
    bencher.counter(ItemsCount::new(BATCH)).bench_local(|| {
        let tape = Tape::new();
        let grads = model.loss(tape.constant(&x)).backward();
        adam.step(&mut model, &grads)
    });
}

#[divan::bench]
fn autoencoder_replayed(bencher: Bencher) {
    let (mut model, mut adam, (x, _)) = (autoencoder(), Adam::new(1e-3), batch());
    let mut step = Recording::new(&model, spec::<f32>([BATCH, 64]), |_, model, x| model.loss(x));
    bencher.counter(ItemsCount::new(BATCH)).bench_local(|| {
        let (_, grads) = step.replay(&model, x.clone()).expect("it fits");
        adam.step(&mut model, &grads)
    });
}
