//! What is kept, what is freed, and what a parameter is on a tape.

use tape::{NoGradient, Param, Tape};
use tensor::{Tensor, tensor};

use crate::support::bits;

/// How many nodes `f` makes the tape compute.
fn computed<R>(tape: &Tape, f: impl FnOnce() -> R) -> (R, u64) {
    let before = tape.stats().computed;
    let result = f();
    (result, tape.stats().computed - before)
}

#[test]
fn a_value_asked_for_keeps_everything_materialised() {
    let tape = Tape::new();
    let x = tape.leaf(Tensor::uniform([8, 8], -1.0, 1.0, &mut tensor::rng(1)));
    let product = x.matmul(x);
    product.tanh().sum().item();
    assert_eq!(computed(&tape, || product.value()).1, 0);
}

#[test]
fn backward_keeps_the_loss_and_what_is_marked_and_frees_the_rest() {
    let p = Param::new(Tensor::uniform([16, 16], -1.0, 1.0, &mut tensor::rng(1)));
    let tape = Tape::new();
    let w = tape.param(&p);
    let hidden = w.matmul(w);
    let logits = hidden.tanh().keep();
    let loss = logits.square().sum();
    let given = tape.stats().bytes;
    let grads = loss.backward();
    let held = tape.stats().bytes - given;
    assert!((2056..2100).contains(&held), "logits and loss, not {held} bytes");
    assert_eq!(computed(&tape, || (loss.item(), logits.value())).1, 0);
    let (again, n) = computed(&tape, || hidden.value());
    assert_eq!(n, 1, "the product alone is computed again");
    assert_eq!(tape.stats().recomputed, 1);
    let known = p.value().matmul(p.value());
    assert_eq!(bits(&again), bits(&known));
    assert_eq!(grads[&p].shape(), [16, 16]);
}

#[test]
fn gradients_are_the_callers_alone_and_can_be_changed_in_place() {
    let p = Param::new(tensor![1.0, 2.0, 3.0]);
    let tape = Tape::new();
    let w = tape.param(&p);
    let mut grads = (w * w * w).sum().backward();
    let gradient = grads.get_mut(&p).unwrap();
    assert!(gradient.as_mut_slice().is_some());
}

// F8, burn#5645
#[test]
fn backward_twice_gives_the_same_bits() {
    let p = Param::new(Tensor::uniform([40], -1.0, 1.0, &mut tensor::rng(3)));
    let tape = Tape::new();
    let loss = (tape.param(&p).sin() * tape.param(&p).exp()).sum();
    let (a, b) = (loss.backward(), loss.backward());
    assert_eq!(bits(&a[&p]), bits(&b[&p]));
}

#[test]
fn an_inference_tape_binds_untracked_and_frees_as_it_goes() {
    let p = Param::new(Tensor::uniform([32, 32], -0.1, 0.1, &mut tensor::rng(1)));
    let tape = Tape::inference();
    let mut x = tape.constant(Tensor::uniform([32, 32], -1.0, 1.0, &mut tensor::rng(2)));
    let mut marked = x;
    for layer in 0..20 {
        x = tape.param(&p).matmul(x).tanh();
        if layer == 7 {
            marked = x.keep();
        }
    }
    assert!(!tape.param(&p).is_tracked() && !tape.leaf(1.0).is_tracked());
    let given = tape.stats().bytes;
    let y = x.value();
    assert_eq!(tape.stats().bytes - given, 2 * 32 * 32 * 8, "the value and the marked one");
    assert_eq!(computed(&tape, || (x.value(), marked.value())).1, 0);

    let trained = Tape::new();
    let mut x = trained.constant(Tensor::uniform([32, 32], -1.0, 1.0, &mut tensor::rng(2)));
    for _ in 0..20 {
        x = trained.param(&p).matmul(x).tanh();
    }
    assert_eq!(bits(&y), bits(&x.value()));
}

#[test]
fn a_parameter_is_bound_once() {
    let p = Param::new(tensor![1.0, 2.0]);
    let tape = Tape::new();
    let (a, b) = (tape.param(&p), tape.param(&p));
    assert_eq!((tape.len(), format!("{a:?}")), (1, format!("{b:?}")));
    assert_eq!((a * b).sum().backward()[&p], tensor![2.0, 4.0]);
}

#[test]
fn a_step_in_place_never_changes_a_recorded_program() {
    let mut p = Param::new(tensor![1.0, 2.0]);
    let tape = Tape::new();
    let before = (tape.param(&p) * 10.0).sum();
    for w in p.values_mut() {
        *w = -1.0;
    }
    assert_eq!(p.value(), &tensor![-1.0, -1.0]);
    assert_eq!(before.item(), 30.0);
    assert_eq!(tape.param(&p).value(), tensor![1.0, 2.0], "bound by snapshot, once");
    drop(tape);

    let place = p.value().as_slice().unwrap().as_ptr();
    p.values_mut()[0] = 7.0;
    assert_eq!(p.value().as_slice().unwrap().as_ptr(), place, "in place where nobody reads it");
    p.set(tensor![4.0, 4.0]);
    assert_eq!(Tape::new().param(&p).value(), tensor![4.0, 4.0]);
}

#[test]
fn a_constant_is_a_snapshot_too() {
    let mut data = tensor![1.0, 2.0];
    let tape = Tape::new();
    let x = tape.constant(&data);
    data.make_mut()[0] = 9.0;
    assert_eq!(x.value(), tensor![1.0, 2.0]);
}

#[test]
fn a_clone_has_an_identity_of_its_own() {
    let p = Param::new(tensor![1.0]);
    let copy = p.clone();
    assert_ne!(p.id(), copy.id());
    let tape = Tape::new();
    let grads = tape.param(&p).sum().backward();
    assert_eq!(grads.get(&copy).unwrap_err(), NoGradient::NotOnTape);
    assert_eq!(grads[&p].item(), 1.0);
}

#[test]
fn a_frozen_parameter_is_as_it_was_when_bound() {
    let mut p = Param::new(tensor![2.0]);
    let tape = Tape::new();
    let loss = tape.param(&p).square().sum();
    p.set_frozen(true);
    assert_eq!(loss.backward()[&p].item(), 4.0);
    let tape = Tape::new();
    assert!(!tape.param(&p).is_tracked());
    let grads = tape.param(&p).square().sum().backward();
    assert_eq!(grads.get(&p).unwrap_err(), NoGradient::Frozen);
}

#[test]
fn a_tape_is_used_again_after_a_reset() {
    let p = Param::new(tensor![3.0]);
    let mut tape = Tape::new();
    for k in 1..4 {
        let loss = (tape.param(&p) * k as f64).square().sum();
        assert_eq!(loss.backward()[&p].item(), (6 * k * k) as f64);
        tape.reset();
        assert!(tape.is_empty() && tape.stats().bytes == 0);
    }
}
