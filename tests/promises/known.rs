//! A program that was met before is recognised, and another one is not taken for it.

use std::sync::atomic::{AtomicUsize, Ordering};

use tape::{Gradients, NoGradient, Op, Param, Pointwise, Pullback, Tape, Var};
use tensor::{AnySlice, AnyView, Error, Float, Scalar, Shape, ShapeError, Tensor, View, s, tensor};

use super::loops::Asked;
use crate::support::bits;

/// Loss and gradient of `f` at `p`, by a tape that recognises programs and by one that does not.
fn both<T: Float>(
    p: &Param<T>,
    f: impl for<'t> Fn(Var<'t, T>) -> Var<'t, T>,
) -> [(Vec<u64>, Vec<u64>); 2] {
    [Tape::new(), Tape::new().unfused()].map(|tape| {
        let loss = f(tape.param(p));
        let grads = loss.backward();
        (bits(&loss.value()), bits(&grads[p]))
    })
}

#[track_caller]
fn assert_same<T: Float>(p: &Param<T>, f: impl for<'t> Fn(Var<'t, T>) -> Var<'t, T>) {
    let [known, fresh] = both(p, f);
    assert_eq!(known, fresh);
}

fn matrix(seed: u64, side: usize) -> Param<f64> {
    Param::new(Tensor::uniform([side, side], -1.0, 1.0, &mut tensor::rng(seed)))
}

#[test]
fn each_meeting_sees_its_own_values() {
    // Small enough to run straight, and large enough to be planned.
    for side in [3, 40] {
        for seed in 0..6 {
            let x = Tensor::uniform([side, side], -1.0, 1.0, &mut tensor::rng(100 + seed));
            let factor = seed as f64;
            assert_same(&matrix(seed, side), |w| {
                let x = w.tape().constant(&x);
                (x.matmul(w).tanh() * factor + w.exp()).square().mean_axis(0).sum()
            });
        }
    }
}

#[test]
fn a_program_that_differs_in_one_place_is_another() {
    type Loss = for<'t> fn(Var<'t, f64>) -> Var<'t, f64>;
    let losses: [Loss; 12] = [
        |w| w.tanh().sum_axis(0).max(),
        |w| w.sigmoid().sum_axis(0).max(),
        |w| w.tanh().sum_axis(1).max(),
        |w| w.tanh().mean_axis(1).max(),
        |w| w.slice(s![0..2]).sin().sum(),
        |w| w.slice(s![1..3]).sin().sum(),
        |w| w.slice(s![..;-1]).slice(s![1..3]).sin().sum(),
        |w| (w * w.t()).sum(),
        |w| (w.t() * w.t()).sum(),
        |w| (w.t() * w).cos().sum(),
        |w| (w - w.tape().constant(Tensor::ones([4, 4]))).square().sum(),
        |w| (w - w.detach()).square().sum() + (w * w.detach()).sum(),
    ];
    let w = matrix(7, 4);
    for _ in 0..4 {
        for loss in losses {
            assert_same(&w, loss);
        }
    }
}

#[test]
fn what_is_frozen_bound_or_known_belongs_to_the_program() {
    let (mut a, b) = (matrix(1, 3), matrix(2, 3));
    let step = |a: &Param<f64>, read: bool, tape: &Tape| -> Gradients {
        let (x, y) = (tape.param(a), tape.param(&b));
        let hidden = x.matmul(y);
        if read {
            hidden.tanh().sum().item();
        }
        (hidden.tanh() * y).sum().backward()
    };
    for round in 0..12 {
        a.set_frozen(round % 3 == 2);
        let known = step(&a, round % 2 == 1, &Tape::new());
        let fresh = step(&a, false, &Tape::new().unfused());
        assert_eq!(bits(&known[&b]), bits(&fresh[&b]));
        match a.is_frozen() {
            true => assert_eq!(known.get(&a).unwrap_err(), NoGradient::Frozen),
            false => assert_eq!(bits(&known[&a]), bits(&fresh[&a])),
        }
    }
}

#[test]
fn marked_values_and_counters_are_those_of_the_step() {
    let mut first = None;
    for seed in 0..5 {
        let w = matrix(seed, 3);
        let tape = Tape::new();
        let marked = tape.param(&w).exp().keep();
        let loss = (marked * 2.0).sum();
        let nodes = tape.len();
        loss.backward();
        assert_eq!(tape.len(), nodes, "the adjoints are taken off again");
        let stats = tape.stats();
        assert_eq!(&stats, first.get_or_insert(stats));
        let computed = stats.computed;
        assert_eq!(marked.value(), w.value().exp());
        assert_eq!(loss.item(), (w.value().exp() * 2.0).sum().item());
        assert_eq!(tape.stats().computed, computed, "both were kept");
    }
}

/// `2x`, whose rule breaks the rules: it looks at the value of its output.
#[derive(Debug, PartialEq)]
struct Peeking;

impl<T: Float> Pointwise<T, 1> for Peeking {
    fn block(&self, [x]: [&[T]; 1], _: [AnySlice<'_>; 0], out: &mut [T]) {
        out.iter_mut().zip(x).for_each(|(out, &x)| *out = x + x);
    }
    fn vjp<'t>(&self, cx: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        let double = cx.y.value() / cx.x[0].value();
        let first = double.iter().next().expect("there is an element");
        [Some(cx.g * Scalar::to_f64(first))]
    }
}

#[test]
fn a_rule_that_looks_at_values_is_run_each_time() {
    for factor in [1.0, 2.0, 3.0, 4.0] {
        let p = Param::new(tensor![factor, factor]);
        let tape = Tape::new();
        let w = tape.param(&p);
        // The cotangent of 2x is x, times what the rule reads.
        let y = tape.apply(Peeking, [w]);
        let grads = (y * w.detach()).sum().backward();
        assert_eq!(grads[&p], tensor![2.0 * factor, 2.0 * factor]);
    }
}

/// The square root of a number, an error for a negative one.
#[derive(Debug, PartialEq)]
struct Root;

impl<T: Float> Op<T, 1> for Root {
    fn shape(&self, [x]: [&[usize]; 1], _: [&[usize]; 0]) -> Result<Shape, ShapeError> {
        Ok(x.into())
    }
    fn forward(
        &self,
        [x]: [View<'_, T>; 1],
        _: [AnyView<'_>; 0],
        out: &mut [T],
    ) -> Result<(), Error> {
        for (out, x) in out.iter_mut().zip(x.iter()) {
            if x < T::zero() {
                return Err(ShapeError::new("root: a negative number").into());
            }
            *out = x.sqrt();
        }
        Ok(())
    }
    fn vjp<'t>(&self, cx: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        [Some(cx.g / (2.0 * cx.y))]
    }
}

#[test]
fn data_at_fault_is_reported_by_the_present_tape() {
    for (round, x) in [4.0f64, 9.0, 16.0, -1.0, 25.0].into_iter().enumerate() {
        let p = Param::new(tensor![x]);
        let tape = Tape::new();
        let w = tape.param(&p);
        let line = line!() + 1;
        let root = tape.apply(Root, [w]);
        match tape.gradients(root.sum()) {
            Ok(grads) => assert_eq!(grads[&p].item(), 0.5 / x.sqrt()),
            Err(error) => {
                assert_eq!((round, error.op.as_str(), error.at.line()), (3, "root", line));
                assert_eq!(tape.failure().unwrap().at.line(), line);
            }
        }
    }
}

#[test]
fn programs_of_different_tapes_do_not_share_their_gradients() {
    let p = matrix(3, 3);
    let run = || {
        let tape = Tape::new();
        tape.param(&p).sin().sum().backward()
    };
    let all: Vec<Gradients> = (0..4).map(|_| run()).collect();
    for (i, a) in all.iter().enumerate() {
        assert_eq!(a[&p], p.value().cos());
        assert!(all[i + 1..].iter().all(|b| !a[&p].shares_buffer(&b[&p])));
    }
}

/// Loss and gradient at each of four meetings, of which the last differs, by a tape that recognises
/// programs and by one that does not.
#[track_caller]
fn assert_seen(loss: impl for<'t> Fn(Var<'t, f64>, bool) -> Var<'t, f64>, side: usize) {
    let p = matrix(5, side);
    for round in 0..4 {
        let [known, fresh] = [Tape::new(), Tape::new().unfused()].map(|tape| {
            let loss = loss(tape.param(&p), round == 3);
            let grads = loss.backward();
            (bits(&loss.value()), bits(&grads[&p]))
        });
        assert_eq!(known, fresh, "round {round}, side {side}");
    }
}

#[test]
fn what_a_rule_sees_through_a_known_value_belongs_to_the_program() {
    let draw = |seed, side| Tensor::uniform([side, side], -1.0, 1.0, &mut tensor::rng(seed));
    for side in [3, 40] {
        assert_seen(
            |w, swap| {
                let [x, y] = [1, 2].map(|seed| w.tape().constant(draw(seed, side)));
                let input = if swap { y } else { x };
                let error = (w.matmul(input.t()) - 1.0).square().sum();
                let loss = error + (w * x).square().sum() + (w * y).square().sum();
                loss.item();
                loss
            },
            side,
        );
        assert_seen(
            |w, swap| {
                let [a, b] = [1, 2].map(|seed| w.tape().constant(draw(seed, side)));
                let m = if swap { b.matmul(a) } else { a.matmul(b) };
                m.value();
                (w.t() * m).sum() + (w * a * b).sum()
            },
            side,
        );
    }
    assert_seen(
        |w, swap| {
            // Equal numbers, but not equal bounds: the quotient tells them apart.
            let lowest = if swap { -0.0 } else { 0.0 };
            (1.0 / (-w.square()).clamp(lowest, 5.0)).sum()
        },
        2,
    );
}

/// The identity, whose rule differentiates something else on the same tape.
#[derive(Debug, PartialEq)]
struct Inner;

impl<T: Float> Pointwise<T, 1> for Inner {
    fn block(&self, [x]: [&[T]; 1], _: [AnySlice<'_>; 0], out: &mut [T]) {
        out.copy_from_slice(x);
    }
    fn vjp<'t>(&self, cx: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        let x = cx.x[0];
        let slope = tape::vjp(|[x]| x * x * x, [x.value()], Tensor::ones(x.shape())).unwrap().1;
        let [slope] = slope;
        [Some(cx.g * Scalar::to_f64(slope.iter().next().expect("there is an element")))]
    }
}

#[test]
fn a_rule_that_differentiates_is_run_each_time() {
    for x in [1.0f64, 2.0, 3.0, 4.0, 5.0] {
        let p = Param::new(tensor![x]);
        let tape = Tape::new();
        let grads = tape.apply(Inner, [tape.param(&p)]).sum().backward();
        assert_eq!(grads[&p].item(), 3.0 * x * x);
    }
}

#[test]
fn the_rules_of_a_program_with_masks_are_asked_at_the_first_two_meetings() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    assert_seen(
        |w, _| {
            let w = w.tape().apply(Asked(&ASKED), [w]);
            w.gt(0.0).select(w, w * 0.1).relu().max() + w.clamp(-0.5, 0.5).sum()
        },
        3,
    );
    // Those of the tapes that recognise nothing, at all four.
    assert_eq!(ASKED.load(Ordering::Relaxed), 2 + 4);
}

#[test]
fn a_program_of_the_graph_and_sizes_of_a_refused_one_is_recognised_all_the_same() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    tape::forget_programs();
    let p = Param::new(tensor![0.5, 0.25]);
    for _ in 0..6 {
        let tape = Tape::new();
        tape.apply(Peeking, [tape.param(&p)]).sum().backward();
    }
    for _ in 0..6 {
        let tape = Tape::new();
        tape.apply(Asked(&ASKED), [tape.param(&p)]).sum().backward();
        let tape = Tape::new();
        tape.apply(Peeking, [tape.param(&p)]).sum().backward();
    }
    assert_eq!(ASKED.load(Ordering::Relaxed), 2);
}

#[test]
fn a_parameter_that_is_not_reached_has_its_reason_each_time() {
    let (p, unused) = (matrix(1, 3), matrix(2, 3));
    for _ in 0..4 {
        let tape = Tape::new();
        tape.param(&unused);
        let grads = tape.param(&p).exp().sum().backward();
        assert_eq!(grads[&p], p.value().exp());
        assert!(matches!(grads.get(&unused), Err(NoGradient::Unreached { .. })));
    }
}

#[test]
fn failing_steps_leave_no_adjoints_behind() {
    let p = Param::new(tensor![-1.0]);
    let tape = Tape::new();
    let loss = tape.apply(Root, [tape.param(&p)]).square().sum();
    let nodes = tape.len();
    for _ in 0..5 {
        assert!(tape.gradients(loss).is_err());
        assert_eq!(tape.len(), nodes);
    }
}

/// Adds to what it finds in its output, which it should overwrite.
#[derive(Debug, PartialEq)]
struct Forgetful;

impl<T: Float> Op<T, 1> for Forgetful {
    fn shape(&self, [x]: [&[usize]; 1], _: [&[usize]; 0]) -> Result<Shape, ShapeError> {
        Ok(x.into())
    }
    fn forward(
        &self,
        [x]: [View<'_, T>; 1],
        _: [AnyView<'_>; 0],
        out: &mut [T],
    ) -> Result<(), Error> {
        out.iter_mut().zip(x.iter()).for_each(|(out, x)| *out = *out + x);
        Ok(())
    }
    fn vjp<'t>(&self, cx: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        [Some(cx.g)]
    }
}

#[test]
#[cfg(debug_assertions)]
fn a_kernel_that_forgets_to_write_is_seen_in_debug_builds() {
    let p = Param::new(tensor![1.0f64]);
    for _ in 0..4 {
        let tape = Tape::new();
        let loss = tape.apply(Forgetful, [tape.param(&p)]).sum();
        loss.backward();
        assert!(loss.item().is_nan());
    }
}

#[test]
fn programs_can_be_forgotten() {
    let p = matrix(9, 3);
    for _ in 0..3 {
        assert_same(&p, |w| w.cos().sum());
    }
    tape::forget_programs();
    assert_same(&p, |w| w.cos().sum());
}
