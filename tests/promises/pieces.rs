//! The gradients of a program of tiny values are made piece by piece; those of a long one, in many.

use tape::{Gradients, Param, Pointwise, Pullback, Stats, Tape, Var};
use tensor::{AnySlice, Float, Rng, Scalar, Tensor, rng, s, tensor};

use crate::support::{bits, panic_of};

/// Rounds of a program; each records a few nodes, and their adjoints are twice as many.
const ROUNDS: usize = 1500;

/// A 3 x 3 matrix of what came before, near and far: used across pieces, by every kind of
/// operation.
fn tangled<'t>(start: [Var<'t, f64>; 3], seed: u64) -> Var<'t, f64> {
    let (mut known, mut random) = (start.to_vec(), rng(seed));
    for _ in 0..ROUNDS {
        let near = known.len() - 1 - below(&mut random, known.len().min(4));
        let (a, b) = (known[near], known[below(&mut random, known.len())]);
        known.push(match below(&mut random, 8) {
            0 => (a + b) * 0.5,
            1 => a.matmul(b) * 0.3,
            2 => (a * b).tanh(),
            3 => a.t().sin() - b,
            4 => a.sum_axis(0).broadcast_to([3, 3]) * 0.2 + b,
            5 => a.slice(s![..;-1]).sigmoid() * b.detach(),
            6 => Var::concat(&[a.slice(s![1..3]), b.slice(s![0..1])], 0),
            _ => a.square() / (b.square() + 1.0),
        });
    }
    known[known.len() - 1] + known[ROUNDS / 2] * known[ROUNDS / 3]
}

pub(super) fn below(random: &mut Rng, n: usize) -> usize {
    let x: Tensor<f64> = Tensor::uniform([], 0.0, n as f64, random);
    x.item() as usize
}

pub(super) fn params(seed: u64) -> [Param<f64>; 3] {
    let draw = |k| Param::new(Tensor::uniform([3, 3], -1.0, 1.0, &mut rng(seed + k)));
    [0, 1, 2].map(draw)
}

fn step(tape: &Tape, params: &[Param<f64>; 3], seed: u64) -> (Vec<u64>, Gradients, Stats) {
    let loss = tangled(params.each_ref().map(|p| tape.param(p)), seed).sum();
    let gradients = loss.backward();
    (bits(&loss.value()), gradients, tape.stats())
}

/// In pieces at the first meeting, in one go at the second, by a script from the third on.
#[test]
fn a_long_program_has_the_same_bits_and_counters_however_often_it_is_met() {
    for seed in 0..4 {
        let params = params(10 * seed);
        let (loss, expected, counted) = step(&Tape::new().unfused(), &params, seed);
        for _ in 0..4 {
            let (known, gradients, stats) = step(&Tape::new(), &params, seed);
            assert_eq!((known, stats), (loss.clone(), counted));
            for p in &params {
                assert_eq!(bits(&gradients[p]), bits(&expected[p]));
            }
        }
    }
}

#[test]
fn a_tape_is_left_as_it_was_and_keeps_what_is_marked() {
    let params = params(7);
    let tape = Tape::new();
    let [a, b, c] = params.each_ref().map(|p| tape.param(p));
    let marked = a.matmul(b).keep();
    let loss = tangled([marked, b, c], 3).sum();
    let (nodes, kept) = (tape.len(), tape.stats().bytes);
    loss.backward();
    assert_eq!(tape.len(), nodes);
    assert_eq!(tape.stats().bytes, kept + 10 * size_of::<f64>(), "the loss and what is marked");
    let (again, computed) = (loss.backward(), tape.stats().computed);
    assert_eq!(marked.value(), params[0].value().matmul(params[1].value()));
    assert_eq!(tape.stats().computed, computed);
    let (_, expected, _) = {
        let tape = Tape::new().unfused();
        let [a, b, c] = params.each_ref().map(|p| tape.param(p));
        let loss = tangled([a.matmul(b), b, c], 3).sum();
        (bits(&loss.value()), loss.backward(), tape.stats())
    };
    assert!(params.iter().all(|p| bits(&again[p]) == bits(&expected[p])));
}

/// `2x`, by a rule that looks at its cotangent.
#[derive(Debug, PartialEq)]
struct Looking;

impl<T: Float> Pointwise<T, 1> for Looking {
    fn block(&self, [x]: [&[T]; 1], _: [AnySlice<'_>; 0], out: &mut [T]) {
        out.iter_mut().zip(x).for_each(|(out, &x)| *out = x + x);
    }
    fn vjp<'t>(&self, cx: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        assert!(cx.g.value().iter().all(|g| Scalar::to_f64(g).is_finite()));
        [Some(cx.g * 2.0)]
    }
}

#[test]
fn a_rule_that_asks_for_values_in_the_midst_of_a_long_program_gets_them() {
    let p = Param::new(tensor![0.9]);
    let gradient = |tape: Tape| {
        let x = tape.param(&p);
        let half = (0..ROUNDS).fold(x, |y, _| (y * x).sin() + x);
        let y = tape.apply(Looking, [half]);
        bits(&(0..ROUNDS).fold(y, |y, _| (y * x).sin() + x).sum().backward()[&p])
    };
    assert_eq!(gradient(Tape::new()), gradient(Tape::new().unfused()));
}

/// By a rule that asks for a value, and by a value that is not tiny.
#[test]
fn where_pieces_give_up_halfway_a_step_counts_what_it_counts_at_later_meetings() {
    let p = Param::new(tensor![0.9]);
    for asks in [true, false] {
        let step = |tape: Tape| {
            let x = tape.param(&p);
            let half = (0..ROUNDS).fold(x, |y, _| (y * x).sin() + x);
            let y = match asks {
                true => tape.apply(Looking, [half]),
                false => half.broadcast_to([100_000]).sin().sum_axis(0).reshape([1]),
            };
            let gradient =
                bits(&(0..ROUNDS).fold(y, |y, _| (y * x).sin() + x).sum().backward()[&p]);
            (gradient, tape.stats())
        };
        tape::forget_programs();
        let first = step(Tape::new());
        for _ in 0..3 {
            assert_eq!(step(Tape::new()), first);
        }
    }
}

/// The gradient of `p y` by `p` is `y`, which a loss that is known did not keep.
#[test]
fn a_gradient_may_be_a_value_that_a_known_loss_did_not_ask_for() {
    let (p, x) = (Param::new(Tensor::scalar(2.0)), tensor![0.5, 1.5]);
    for _ in 0..4 {
        let tape = Tape::new();
        let y = tape.constant(&x).exp().slice(s![1]);
        let loss = tape.param(&p) * y;
        assert_eq!(loss.item(), 2.0 * x.exp().to_vec()[1]);
        assert_eq!(loss.backward()[&p].item(), x.exp().to_vec()[1]);
    }
}

#[test]
fn what_fails_in_a_long_program_is_named() {
    let p = Param::new(tensor![0.5, 0.25]);
    let tape = Tape::new();
    let x = (0..ROUNDS).fold(tape.param(&p), |x, _| (x * 0.99).cos());
    let (wrong, line) = (x.gather(0, tape.constant(tensor![2i64])), line!());
    let loss = (0..ROUNDS).fold(wrong, |x, _| (x * 0.99).cos()).sum();
    let nodes = tape.len();
    let failed = tape.gradients(loss).unwrap_err();
    assert_eq!((failed.op.as_str(), failed.at.line(), tape.len()), ("gather", line, nodes));
}

/// Rules look at how a cotangent was recorded: at the end of a piece it is a constant.
#[test]
fn where_a_piece_ends_changes_no_bit() {
    let draw = |shape: &[usize], seed| Tensor::<f32>::uniform(shape, -0.3, 0.3, &mut rng(seed));
    let (p, v, w) = (Param::new(draw(&[2, 3, 1], 1)), draw(&[33, 3], 2), draw(&[3, 33], 3));
    for before in 0..9 {
        let gradient = |tape: Tape| {
            let (v, w) = (tape.constant(&v).t(), tape.constant(&w).t());
            // Batches by one matrix, turned before and behind.
            let turned = |x, _| Var::t(x).matmul(v).matmul(w).t().sin() + x;
            let last = (0..400).fold(tape.param(&p), turned);
            let loss = (0..before).fold(last.sum(), |x, _| -x);
            bits(&loss.backward()[&p])
        };
        tape::forget_programs();
        assert_eq!(gradient(Tape::new()), gradient(Tape::new().unfused()));
    }
}

/// `sin x`, by a rule and a kernel that differentiate on tapes of their own, or panic.
#[derive(Debug, PartialEq)]
struct Nested {
    panics: bool,
}

/// The derivative of a long program of numbers.
fn aside(rounds: usize) -> f64 {
    let (tape, p) = (Tape::new(), Param::new(Tensor::scalar(0.5)));
    let x = tape.param(&p);
    (0..rounds).fold(x, |y, _| (y * x).sin() + x).backward()[&p].item()
}

impl<T: Float> Pointwise<T, 1> for Nested {
    fn block(&self, [x]: [&[T]; 1], _: [AnySlice<'_>; 0], out: &mut [T]) {
        assert!(aside(ROUNDS).is_finite());
        out.iter_mut().zip(x).for_each(|(out, x)| *out = x.sin());
    }
    fn vjp<'t>(&self, cx: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        assert!(aside(ROUNDS).is_finite() && !self.panics, "a rule panics");
        [Some(cx.g * cx.x[0].cos())]
    }
}

#[test]
fn rules_and_kernels_may_go_backward_on_other_tapes_and_panic() {
    let p = Param::new(tensor![0.9, 0.3]);
    let gradient = |tape: &Tape, panics: Option<bool>| {
        let x = tape.param(&p);
        let half = (0..ROUNDS).fold(x, |y, _| (y * x).sin() + x);
        let y = match panics {
            Some(panics) => tape.apply(Nested { panics }, [half]),
            None => half.sin(),
        };
        bits(&(0..ROUNDS).fold(y, |y, _| (y * x).sin() + x).sum().backward()[&p])
    };
    let (expected, alone) = (gradient(&Tape::new().unfused(), None), aside(ROUNDS));
    for _ in 0..4 {
        let tape = Tape::new();
        assert_eq!(panic_of(|| gradient(&tape, Some(true))).text, "a rule panics");
        let failed = tape.failure().expect("it failed");
        assert_eq!(failed.op, "nested");
        // By what the thread has left, on a tape of its own and on the one that failed.
        assert_eq!(gradient(&tape, Some(false)), expected);
        assert_eq!(gradient(&Tape::new(), Some(false)), expected);
        assert_eq!(aside(ROUNDS).to_bits(), alone.to_bits());
        // Its memory stays with the thread that drops it.
        std::thread::spawn(move || drop(tape)).join().expect("it is dropped");
    }
}

/// A product's rule turns its factor, and looks through a view that is known to a node that is not.
#[test]
fn what_a_rule_finds_behind_a_known_view_is_counted_and_kept_at_every_meeting() {
    let p = Param::new(tensor![[0.9, 0.2], [0.1, 0.3]]);
    let met = || {
        let tape = Tape::new();
        let y = tape.constant(tensor![[0.5, 0.6], [0.7, 0.8]]).sin();
        let turned = y.t();
        turned.value();
        y.keep();
        let gradients = tape.param(&p).matmul(turned).sum().backward();
        let stats = tape.stats();
        y.value();
        assert_eq!(tape.stats(), stats, "it was kept");
        (bits(&gradients[&p]), stats)
    };
    tape::forget_programs();
    let first = met();
    (0..3).for_each(|_| assert_eq!(met(), first));
}
