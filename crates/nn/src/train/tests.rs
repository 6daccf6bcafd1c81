//! The loop learns, reports, stops, and goes on where it was.

use super::*;
use crate::optim::{Adam, Sgd};
use crate::test_dir::TestDir;
use crate::{Linear, loss};
use tape::Param;
use tensor::Tensor;

/// Points on both sides of a line, with the side as the label.
fn data(n: usize, seed: u64) -> Dataset<f64> {
    let inputs = Tensor::<f64>::normal([n, 3], 0.0, 1.0, &mut tensor::rng(seed));
    let side = |i: usize| i64::from(inputs[[i, 0]] > 2.0 * inputs[[i, 1]]);
    let labels = (0..n).map(side).collect();
    Dataset::new(inputs, labels).unwrap()
}

fn model() -> Linear<f64> {
    Linear::new(3, 2, &mut tensor::rng(1))
}

fn cross_entropy<'t>(tape: &'t Tape, model: &Linear<f64>, batch: &Batch<f64>) -> Var<'t, f64> {
    let logits = model.forward(tape.constant(&batch.inputs));
    loss::cross_entropy(logits, tape.constant(&batch.labels))
}

fn bits(model: &Linear<f64>) -> Vec<u64> {
    let bits = |p: &Param<f64>| p.value().iter().map(f64::to_bits).collect::<Vec<_>>();
    [bits(&model.weight), model.bias.as_ref().map(bits).unwrap_or_default()].concat()
}

#[test]
fn a_separable_problem_is_learned() {
    let (train, test) = (data(200, 1), data(50, 2));
    let (mut model, mut adam) = (model(), Adam::new(0.1));
    let history = fit(&mut model, &mut adam, &train)
        .epochs(30)
        .batch_size(32)
        .validation(&test)
        .run(cross_entropy)
        .unwrap();
    assert_eq!((history.losses.len(), history.validation.len(), history.steps), (30, 30, 30 * 7));
    assert!(history.losses[29] < 0.1, "{:?}", history.losses);
    assert!(history.validation[29] < 0.15, "{:?}", history.validation);
    assert!(!history.stopped_early);
}

/// The loop is the one that a person would write.
#[test]
fn a_run_has_the_bits_of_a_loop_by_hand() {
    let data = data(50, 1);
    let (mut fitted, mut by_hand) = (model(), model());
    let history = fit(&mut fitted, &mut Sgd::new(0.1).momentum(0.9), &data)
        .epochs(3)
        .batch_size(8)
        .shuffle(false)
        .run(cross_entropy)
        .unwrap();
    let mut sgd = Sgd::new(0.1).momentum(0.9);
    let mut losses = Vec::new();
    for _ in 0..3 {
        let mut sum = 0.0;
        for batch in data.ordered_batches(8) {
            let tape = Tape::new();
            let loss = cross_entropy(&tape, &by_hand, &batch);
            let grads = loss.backward();
            sum += loss.item() * batch.labels.len() as f64;
            sgd.step(&mut by_hand, &grads).unwrap();
        }
        losses.push(sum / 50.0);
    }
    assert_eq!(bits(&fitted), bits(&by_hand));
    assert_eq!(history.losses, losses);
}

#[test]
fn the_seed_decides_the_order_and_each_epoch_has_its_own() {
    let data = data(40, 1);
    let run = |seed| {
        let mut model = model();
        fit(&mut model, &mut Sgd::new(0.5), &data)
            .epochs(2)
            .batch_size(4)
            .seed(seed)
            .run(cross_entropy)
            .unwrap();
        bits(&model)
    };
    assert_eq!(run(3), run(3));
    assert_ne!(run(3), run(4));
    let (mut model, mut sgd) = (model(), Sgd::new(0.5));
    let fit = fit(&mut model, &mut sgd, &data).batch_size(40);
    let order = |epoch| fit.batches(epoch).next().unwrap();
    assert_ne!(order(0), order(1));
    assert_eq!(order(1), order(1));
}

#[test]
fn the_learning_rate_follows_its_schedule() {
    let data = data(8, 1);
    let (mut model, mut sgd) = (model(), Sgd::new(7.0));
    let before = bits(&model);
    fit(&mut model, &mut sgd, &data).epochs(3).learning_rate(|_| 0.0).run(cross_entropy).unwrap();
    assert_eq!(bits(&model), before);
    fit(&mut model, &mut sgd, &data)
        .epochs(3)
        .learning_rate(|epoch| 0.5f64.powi(epoch as i32))
        .run(cross_entropy)
        .unwrap();
    assert_eq!(sgd.learning_rate(), 0.25);
    assert_ne!(bits(&model), before);
}

#[test]
fn a_run_stops_when_the_loss_no_longer_falls() {
    let data = data(8, 1);
    let (mut model, mut sgd) = (model(), Sgd::new(0.0));
    let history = fit(&mut model, &mut sgd, &data)
        .epochs(100)
        .shuffle(false) // the order would round the mean differently
        .early_stop(3)
        .run(cross_entropy)
        .unwrap();
    assert!(history.stopped_early);
    assert_eq!(history.losses.len(), 4);
    let stalled = |losses: &[f64], patience| {
        History { losses: losses.to_vec(), ..History::default() }.stalled(patience)
    };
    assert!(!stalled(&[3.0, 2.0, 2.5, 2.1], 3));
    assert!(stalled(&[3.0, 2.0, 2.5, 2.0, 2.0], 3));
    assert!(!stalled(&[3.0, 2.0, 2.5, 2.1, 1.9], 3));
    assert!(stalled(&[f64::NAN, f64::NAN], 2));
    assert!(!stalled(&[], 1));
}

/// With Adam, a schedule and validation: 20 epochs are 20 epochs, however often interrupted.
#[test]
fn a_resumed_run_has_the_bits_of_one_that_was_never_interrupted() {
    let (train, test) = (data(60, 1), data(20, 2));
    let dir = TestDir::new();
    let run = |file: &str, epochs: usize| {
        let (mut model, mut adam) = (model(), Adam::new(1.0));
        let history = fit(&mut model, &mut adam, &train)
            .epochs(epochs)
            .batch_size(16)
            .seed(5)
            .learning_rate(|epoch| 0.1 / (1.0 + epoch as f64))
            .validation(&test)
            .checkpoint(dir.path().join(file))
            .checkpoint_every(3)
            .resume(true)
            .run(cross_entropy)
            .unwrap();
        (bits(&model), adam, history)
    };
    let whole = run("whole", 20);
    assert_eq!(whole.2.losses.len(), 20);
    run("parts", 10);
    run("parts", 11);
    assert_eq!(run("parts", 20), whole);
    // Nothing is left to do.
    assert_eq!(run("parts", 20), whole);
    let read = |file| std::fs::read(dir.path().join(file)).unwrap();
    assert_eq!(read("parts"), read("whole"));

    let mut loaded = Linear::new(3, 2, &mut tensor::rng(9));
    crate::checkpoint::load(dir.path().join("whole"), &mut loaded).unwrap();
    assert_eq!(bits(&loaded), whole.0);
}

#[test]
fn a_run_is_not_resumed_with_other_settings() {
    let (data, other) = (data(12, 1), data(13, 1));
    let dir = TestDir::new();
    let path = dir.path().join("run");
    let run = |adam: Adam, data, seed| {
        let (mut model, mut adam) = (model(), adam);
        let fit = fit(&mut model, &mut adam, data).epochs(2).seed(seed).checkpoint(&path);
        let error = fit.resume(true).run(cross_entropy).map(|_| ());
        error.map_err(|e| e.to_string())
    };
    run(Adam::new(0.1), &data, 0).unwrap();
    run(Adam::new(0.2), &data, 0).unwrap();
    let text = run(Adam::new(0.1), &data, 1).unwrap_err();
    assert!(
        text.ends_with(
            "the run was saved with 12 samples, 32 a batch, shuffled by seed 0, \
         not with 12 samples, 32 a batch, shuffled by seed 1"
        ),
        "{text}"
    );
    assert!(run(Adam::new(0.1), &other, 0).unwrap_err().contains("not with 13 samples"));
    let text = run(Adam::new(0.1).betas(0.5, 0.9), &data, 0).unwrap_err();
    assert!(text.contains("betas (0.9, 0.999)") && text.contains("betas (0.5, 0.9)"), "{text}");
    crate::checkpoint::save(&path, &model()).unwrap();
    assert!(run(Adam::new(0.1), &data, 0).unwrap_err().contains("no such settings"));
}

/// A model whose loss is what the labels make it: fine, infinite, or out of range.
fn failing(labels: [i64; 4]) -> (Vec<u64>, Vec<u64>, TrainError) {
    let inputs = Tensor::full([4, 3], 1.0);
    let data = Dataset::new(inputs, labels.into_iter().collect()).unwrap();
    let (mut fitted, mut expected) = (model(), model());
    let run = |model: &mut Linear<f64>, data: &Dataset<f64>| {
        fit(model, &mut Sgd::new(0.1), data).batch_size(1).shuffle(false).epochs(2).run(
            |tape, model, batch| {
                let scale = if batch.labels.to_vec() == [7] { f64::INFINITY } else { 1.0 };
                let labels = batch.labels.to_vec().iter().map(|l| l % 7).collect::<Tensor<i64>>();
                let logits = model.forward(tape.constant(&batch.inputs));
                loss::cross_entropy(logits, tape.constant(labels)) * scale
            },
        )
    };
    let error = run(&mut fitted, &data).unwrap_err();
    fit(&mut expected, &mut Sgd::new(0.1), &data.take(2))
        .batch_size(1)
        .shuffle(false)
        .run(cross_entropy)
        .unwrap();
    (bits(&fitted), bits(&expected), error)
}

#[test]
fn a_loss_that_is_not_finite_stops_before_the_step() {
    let (fitted, expected, error) = failing([0, 1, 7, 0]);
    assert_eq!(error.to_string(), "the loss is inf in epoch 0, step 2");
    assert_eq!(fitted, expected);
}

#[test]
fn data_at_fault_stops_with_the_operation_and_its_line() {
    let (fitted, expected, error) = failing([0, 1, 2, 0]);
    let TrainError::Loss { epoch: 0, step: 2, source } = &error else { panic!("{error}") };
    assert!(source.at.file().ends_with(".rs"), "{error}");
    assert_eq!(fitted, expected);
}

#[test]
fn a_parameter_that_the_loss_does_not_use_stops_with_its_path() {
    let data = data(4, 1);
    let mut model = (model(), Param::new(Tensor::full([2], 0.0f64)));
    let error = fit(&mut model, &mut Sgd::new(0.1), &data)
        .run(|tape, model, batch| cross_entropy(tape, &model.0, batch))
        .unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("epoch 0, step 0: no gradient for `1`"), "{text}");
}

#[test]
fn empty_data_is_an_error_and_no_epochs_are_none() {
    let (mut model, mut sgd) = (model(), Sgd::new(0.1));
    let empty = data(0, 1);
    let error = fit(&mut model, &mut sgd, &empty).run(cross_entropy).unwrap_err();
    assert!(matches!(error, TrainError::NoSamples));
    let some = data(4, 1);
    let none = fit(&mut model, &mut sgd, &some).epochs(0).run(cross_entropy).unwrap();
    assert_eq!(none, History::default());
}

#[test]
fn a_checkpoint_that_cannot_be_written_is_an_error() {
    let (data, dir) = (data(4, 1), TestDir::new());
    let path = dir.path().join("nowhere").join("run");
    let error = fit(&mut model(), &mut Sgd::new(0.1), &data)
        .checkpoint(path)
        .run(cross_entropy)
        .unwrap_err();
    assert!(matches!(error, TrainError::Checkpoint(CheckpointError::Io { .. })), "{error}");
}
