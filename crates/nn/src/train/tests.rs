//! The loop learns, reports and stops.

mod resume;

use super::*;
use crate::optim::{Adam, Sgd};
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
    loss::cross_entropy(logits, tape.constant(&batch.targets))
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
            sum += loss.item() * batch.targets.len() as f64;
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

/// A model whose loss is what the labels make it: fine, infinite, or out of range.
fn failing(labels: [i64; 4]) -> (Vec<u64>, Vec<u64>, TrainError) {
    let inputs = Tensor::full([4, 3], 1.0);
    let data = Dataset::new(inputs, labels.into_iter().collect()).unwrap();
    let (mut fitted, mut expected) = (model(), model());
    let run = |model: &mut Linear<f64>, data: &Dataset<f64>| {
        fit(model, &mut Sgd::new(0.1), data).batch_size(1).shuffle(false).epochs(2).run(
            |tape, model, batch| {
                let scale = if batch.targets.to_vec() == [7] { f64::INFINITY } else { 1.0 };
                let labels = batch.targets.to_vec().iter().map(|l| l % 7).collect::<Tensor<i64>>();
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
    assert_eq!(error.to_string(), "the loss is inf in epoch 1, step 3");
    assert_eq!(fitted, expected);
}

#[test]
fn data_at_fault_stops_with_the_operation_and_its_line() {
    let (fitted, expected, error) = failing([0, 1, 2, 0]);
    let TrainError::Loss { epoch: 1, step: 3, reason } = &error else { panic!("{error}") };
    assert!(reason.at.file().ends_with(".rs"), "{error}");
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
    assert!(text.starts_with("epoch 1, step 1: no gradient for `1`"), "{text}");
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
fn validation_without_samples_or_with_a_loss_that_is_not_finite_is_an_error() {
    let (train, empty) = (data(4, 1), data(0, 2));
    let (mut fitted, mut expected, mut sgd) = (model(), model(), Sgd::new(0.1));
    let fit_with = |model: &mut Linear<f64>, sgd: &mut Sgd, test: &Dataset<f64>| {
        fit(model, sgd, &train).epochs(2).validation(test).run(cross_entropy)
    };
    let error = fit_with(&mut fitted, &mut sgd, &empty).unwrap_err();
    assert!(matches!(error, TrainError::NoSamples), "{error}");
    assert_eq!(bits(&fitted), bits(&expected));

    let inputs = Tensor::full([2, 3], f64::NAN);
    let odd = Dataset::new(inputs, [0, 1].into_iter().collect()).unwrap();
    let error = fit_with(&mut fitted, &mut sgd, &odd).unwrap_err();
    assert!(matches!(error, TrainError::NonFiniteValidation { .. }));
    assert_eq!(error.to_string(), "the validation loss is NaN after epoch 1");
    fit(&mut expected, &mut Sgd::new(0.1), &train).run(cross_entropy).unwrap();
    assert_eq!(bits(&fitted), bits(&expected));
}

#[test]
#[should_panic(expected = "fit: an early stop after 0 epochs")]
fn an_early_stop_without_patience_panics() {
    let (mut model, mut sgd, data) = (model(), Sgd::new(0.1), data(4, 0));
    let _ = fit(&mut model, &mut sgd, &data).early_stop(0);
}
