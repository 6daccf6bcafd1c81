//! Of a loop of tiny values one piece of the sweep is recorded, and run for the other rounds.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use tape::{Gradients, Param, Pointwise, Pullback, Stats, Tape, Var};
use tensor::{AnySlice, Float, Tensor, rng, s, tensor};

use super::pieces::{below, params};
use crate::support::bits;

/// Rounds of a loop: enough for several pieces of the same form.
const LOOPS: usize = 3000;

/// One round of a loop that was drawn by `body`: the same operations on what came a few rounds
/// before and on weights, near and behind views. `odd` rounds are other ones.
fn round<'t>(
    known: &[Var<'t, f64>],
    weights: &[Var<'t, f64>],
    body: u64,
    odd: bool,
) -> Var<'t, f64> {
    let (mut random, tape) = (rng(body), known[0].tape());
    let mut x = known[known.len() - 1];
    for _ in 0..1 + below(&mut random, 4) {
        let y = known[known.len() - 1 - below(&mut random, known.len().min(3))];
        let w = weights[(below(&mut random, weights.len()) + usize::from(odd)) % weights.len()];
        x = match below(&mut random, 9) {
            0 => (x + y) * 0.5,
            1 => x.matmul(w) * 0.3,
            2 => (x * w).tanh(),
            3 => x.matmul(w.t()).sin(),
            4 => x.sum_axis(0).broadcast_to([3, 3]) * 0.2 + y.t(),
            5 => (x * x).sigmoid() - y * w,
            6 => Var::concat(&[x.slice(s![1..3]), w.slice(s![0..1])], 0),
            7 => x * tape.constant(Tensor::full([3, 3], 0.5 + known.len() as f64 / 1e5)),
            _ => (x * (1.0 + known.len() as f64 / 1e5) - w.detach()).cos(),
        };
    }
    if odd { x.square().sin() } else { x }
}

/// The gradients of a loop, in which parameters of later rounds come in between, and some rounds
/// are odd; the values of some rounds may be `asked` for.
fn looped(
    tape: &Tape,
    params: &[Param<f64>; 3],
    body: u64,
    asked: bool,
) -> (Vec<u64>, Gradients, Stats) {
    let [a, b, c] = params.each_ref().map(|p| tape.param(p));
    let (mut known, mut random) = (vec![a, b], rng(body + 1000));
    let odd = [below(&mut random, LOOPS), below(&mut random, LOOPS)];
    let weights = [b, c.t(), (b * c).t(), a.detach(), c];
    for k in 0..LOOPS {
        // The weights change places: the same operations, on other nodes of the same kind.
        let turn = if k / 1000 % 2 == 1 { [0, 2, 1, 3, 4] } else { [0, 1, 2, 3, 4] };
        let weights = turn.map(|w| weights[w]);
        known.push(round(&known, &weights, body, odd.contains(&k)));
        // A known value of which the derivatives need what is behind it, and a known view of none.
        if asked && k % 500 < 40 {
            let view = tape.constant(known[k].value()).t();
            view.value();
            known.push(known[k].matmul(view).tanh());
        }
    }
    let loss = known[known.len() - 1] + known[LOOPS / 2].keep() * known[LOOPS / 3];
    let loss = loss.sum();
    let gradients = loss.backward();
    (bits(&loss.value()), gradients, tape.stats())
}

/// One piece is recorded and run for many rounds; not where a round is another one.
#[test]
fn a_loop_has_the_bits_that_it_has_when_each_round_is_recorded() {
    for body in 0..40 {
        let params = params(body);
        let (loss, expected, counted) = looped(&Tape::new().unfused(), &params, body, false);
        tape::forget_programs();
        let (first, second) = (
            looped(&Tape::new(), &params, body, false),
            looped(&Tape::new(), &params, body, false),
        );
        for (known, gradients, stats) in [&first, &second] {
            assert_eq!((known, stats), (&loss, &counted), "body {body}");
            for p in &params {
                match (gradients.get(p), expected.get(p)) {
                    (Ok(found), Ok(expected)) => {
                        assert_eq!(bits(found), bits(expected), "body {body}")
                    }
                    (found, expected) => assert_eq!(found.is_err(), expected.is_err()),
                }
            }
        }
    }
}

#[test]
fn a_loop_some_of_whose_values_are_known_has_the_same_bits() {
    for body in 0..20 {
        let params = params(body);
        let (loss, expected, _) = looped(&Tape::new().unfused(), &params, body, true);
        tape::forget_programs();
        for _ in 0..3 {
            let (known, found, _) = looped(&Tape::new(), &params, body, true);
            assert_eq!(known, loss, "body {body}");
            for p in &params {
                let values = [&found, &expected].map(|g| g.get(p).ok().map(bits));
                assert_eq!(values[0], values[1], "body {body}");
            }
        }
    }
}

/// A round of a loop: from the variable before and two matrices.
type Round = for<'t> fn(Var<'t, f64>, [Var<'t, f64>; 2]) -> Var<'t, f64>;

/// The gradients of `LOOPS` rounds of each kind.
fn one_after_the_other(tape: &Tape, [a, b]: [Round; 2], params: &[Param<f64>; 3]) -> Gradients {
    let [x, u, v] = params.each_ref().map(|p| tape.param(p));
    let x = (0..LOOPS).fold(x, |x, _| a(x, [u, v]) * 0.9);
    let x = (0..LOOPS).fold(x, |x, _| b(x, [u, v]) * 0.9);
    x.sum().backward()
}

/// Each kind of round differs from the one beside it in one thing that rules can tell.
#[test]
fn a_piece_is_run_for_no_round_in_which_its_rules_would_see_something_else() {
    let kinds: [(&str, [Round; 2]); 9] = [
        ("the operation", [|x, _| x.sin(), |x, _| x.cos()]),
        (
            "what the operation holds",
            [
                |x, _| x.sum_axis(0).broadcast_to([3, 3]) * x,
                |x, _| x.sum_axis(1).broadcast_to([3, 3]) * x,
            ],
        ),
        ("the shape", [|x, _| x + x.sum_axis(0).sum(), |x, _| x + x.slice(s![0..1]).sum()]),
        ("the node", [|x, [u, v]| (x * u).sin() * v, |x, [u, v]| (x * v).sin() * u]),
        ("whether it is one node", [|x, [u, v]| (x * u).sin() * v, |x, [u, _]| (x * u).sin() * u]),
        (
            "whether it is trained",
            [|x, [u, _]| (x * u).sin(), |x, [u, _]| (x * x.tape().leaf(u.value())).sin()],
        ),
        (
            "whether its cotangent is asked for",
            [|x, [u, _]| (x * u).sin(), |x, [u, _]| (x * u.detach()).sin()],
        ),
        (
            "which of those nearby",
            [
                |x, _| {
                    let (sin, cos) = (x.sin(), x.cos());
                    sin * sin + cos
                },
                |x, _| {
                    let (sin, cos) = (x.sin(), x.cos());
                    sin * cos + cos
                },
            ],
        ),
        (
            "which of two",
            [|x, [u, v]| ((x * u).sin() + v) * v, |x, [u, v]| ((x * u).sin() + u) * v],
        ),
    ];
    let params = params(11);
    for (what, [a, b]) in kinds {
        for kinds in [[a, b], [b, a]] {
            let expected = one_after_the_other(&Tape::new().unfused(), kinds, &params);
            tape::forget_programs();
            let found = one_after_the_other(&Tape::new(), kinds, &params);
            for p in &params {
                let values = [&found, &expected].map(|g| g.get(p).ok().map(bits));
                assert_eq!(values[0], values[1], "{what}");
            }
        }
    }
}

/// Rules turn back what a layer has turned: they look through the view.
#[test]
fn a_piece_is_run_for_no_round_in_which_a_view_is_one_of_something_else() {
    let draw = |k| Tensor::uniform([2, 2], -0.5, 0.5, &mut rng(k));
    let (start, given) = (Param::new(draw(0)), (0..LOOPS as u64).map(draw).collect::<Vec<_>>());
    let gradient = |tape: Tape| {
        let w: Vec<Var<'_, f64>> = given.iter().map(|x| tape.constant(x)).collect();
        let turned: Vec<_> = w.iter().map(|w| w.t()).collect();
        let loss = (0..2 * LOOPS).fold(tape.param(&start), |x, k| {
            // In the first half, to which the sweep comes last, it is one of the matrix of a round
            // far away: as many nodes of the same kinds.
            let view = if k < LOOPS { turned[(k + LOOPS / 2) % LOOPS] } else { turned[k - LOOPS] };
            x.matmul(view).tanh() * w[k % LOOPS] + x
        });
        bits(&loss.sum().backward()[&start])
    };
    assert_eq!(gradient(Tape::new()), gradient(Tape::new().unfused()));
}

#[test]
fn weights_that_come_again_have_cotangents_where_others_have_none() {
    let draw = |k| Param::new(Tensor::uniform([2], 0.5, 1.5, &mut rng(k)));
    let weights: Vec<Param<f64>> = (0..LOOPS as u64).map(draw).collect();
    let gradients = |tape: Tape| {
        let w: Vec<_> = weights.iter().map(|p| tape.param(p)).collect();
        let start = tape.constant(tensor![0.3, 0.7]);
        let loss = (0..3 * LOOPS).fold(start, |x, k| (x * w[k % LOOPS]).sin() + 0.1);
        let gradients = loss.sum().backward();
        weights.iter().map(|p| bits(&gradients[p])).collect::<Vec<_>>()
    };
    assert_eq!(gradients(Tape::new()), gradients(Tape::new().unfused()));
}

/// Parameters that come one a round are targets in the midst of a piece.
#[test]
fn parameters_of_single_rounds_have_their_gradients() {
    let draw = |k| Param::new(Tensor::uniform([2], 0.5, 1.5, &mut rng(k)));
    let rounds: Vec<Param<f64>> = (0..LOOPS as u64).map(draw).collect();
    let gradients = |tape: Tape| {
        let start = tape.constant(tensor![0.3, 0.7]);
        let again = rounds.iter().chain(&rounds).enumerate();
        let loss = again.fold(start, |x, (k, p)| {
            // At first those of every other round are not trained.
            let w = if k < LOOPS && k % 2 == 0 { tape.leaf(p.value()) } else { tape.param(p) };
            (x * w).sin() + 0.1
        });
        let gradients = loss.sum().backward();
        rounds.iter().map(|p| gradients.get(p).ok().map(bits)).collect::<Vec<_>>()
    };
    let expected = gradients(Tape::new().unfused());
    assert_eq!(expected.iter().flatten().count(), LOOPS);
    assert_eq!(gradients(Tape::new()), expected);
}

/// `x s` for a number `s` that the rule asks for.
#[derive(Debug, PartialEq)]
struct Scaled;

impl<T: Float> Pointwise<T, 2> for Scaled {
    fn block(&self, [x, s]: [&[T]; 2], _: [AnySlice<'_>; 0], out: &mut [T]) {
        out.iter_mut().zip(x.iter().zip(s)).for_each(|(out, (&x, &s))| *out = x * s);
    }
    fn vjp<'t>(&self, cx: Pullback<'t, T, 2>) -> [Option<Var<'t, T>>; 2] {
        [Some(cx.g * cx.x[1].value().item().wide()), None]
    }
}

/// The number is known, so nothing is computed for it, but it is another one at each round.
#[test]
fn a_rule_that_asks_for_a_value_is_asked_at_every_round() {
    let p = Param::new(Tensor::scalar(0.9f64));
    let gradient = |tape: Tape| {
        let loss = (0..LOOPS).fold(tape.param(&p), |x, k| {
            let s = tape.constant(Tensor::scalar(1.0 + (k as f64).sin() / 100.0));
            tape.apply(Scaled, [x, s]).sin()
        });
        loss.backward()[&p].item().to_bits()
    };
    assert_eq!(gradient(Tape::new()), gradient(Tape::new().unfused()));
}

/// `sin x`, that counts how often its rule is asked.
#[derive(Debug)]
pub(super) struct Asked(pub(super) &'static AtomicUsize);

impl PartialEq for Asked {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}

impl<T: Float> Pointwise<T, 1> for Asked {
    fn block(&self, [x]: [&[T]; 1], _: [AnySlice<'_>; 0], out: &mut [T]) {
        out.iter_mut().zip(x).for_each(|(out, x)| *out = x.sin());
    }
    fn vjp<'t>(&self, cx: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        self.0.fetch_add(1, Ordering::Relaxed);
        [Some(cx.g * cx.x[0].cos())]
    }
}

#[test]
fn the_rules_of_a_loop_are_asked_for_a_few_rounds_only() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let p = Param::new(Tensor::scalar(0.5f64));
    let tape = Tape::new();
    let x = tape.param(&p);
    let y = (0..20 * LOOPS).fold(x, |y, _| tape.apply(Asked(&ASKED), [y * x]));
    let gradient = y.backward()[&p].item();
    assert!(ASKED.load(Ordering::Relaxed) < 2 * LOOPS);
    let (tape, asked) = (Tape::new().unfused(), 20 * LOOPS);
    let x = tape.param(&p);
    let y = (0..asked).fold(x, |y, _| (y * x).sin());
    assert_eq!(gradient.to_bits(), y.backward()[&p].item().to_bits());
}

/// `-x`, by a rule that does something beside.
#[derive(Debug)]
struct Beside {
    what: for<'t> fn(Var<'t, f64>),
    asked: &'static AtomicUsize,
}

impl PartialEq for Beside {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.asked, other.asked)
    }
}

impl Pointwise<f64, 1> for Beside {
    fn block(&self, [x]: [&[f64]; 1], _: [AnySlice<'_>; 0], out: &mut [f64]) {
        out.iter_mut().zip(x).for_each(|(out, &x)| *out = -x);
    }
    fn vjp<'t>(&self, cx: Pullback<'t, f64, 1>) -> [Option<Var<'t, f64>>; 1] {
        self.asked.fetch_add(1, Ordering::Relaxed);
        (self.what)(cx.x[0]);
        [Some(-cx.g)]
    }
}

/// What it records or is told may be something else each time.
#[test]
fn a_rule_that_asks_records_a_tensor_or_binds_a_parameter_is_asked_at_every_round_and_meeting() {
    static ASKED: [AtomicUsize; 4] = [const { AtomicUsize::new(0) }; 4];
    let effects: [for<'t> fn(Var<'t, f64>); 4] = [
        |_| {},
        |x| assert!(x.item().is_finite()),
        |x| assert_eq!(x.tape().constant(tensor![1.0]).len(), 1),
        |x| assert_eq!(x.tape().param(&Param::new(tensor![1.0])).len(), 1),
    ];
    let p = Param::new(Tensor::scalar(0.5));
    for (what, asked) in effects.into_iter().zip(&ASKED) {
        tape::forget_programs();
        for _ in 0..3 {
            let tape = Tape::new();
            let x = tape.param(&p);
            let y = (0..LOOPS).fold(x, |y, _| tape.apply(Beside { what, asked }, [y]));
            assert_eq!(y.backward()[&p].item(), 1.0);
        }
    }
    let asked = ASKED.each_ref().map(|asked| asked.load(Ordering::Relaxed));
    // Without an effect, at a few rounds of the first meeting and at all of the second.
    assert!(asked[0] < 2 * LOOPS && asked[1..].iter().all(|&n| n >= 3 * LOOPS), "{asked:?}");
}

static BOUND: LazyLock<Param<f64>> = LazyLock::new(|| Param::new(Tensor::scalar(1.0)));

/// `sin x`, by a rule that binds a parameter.
#[derive(Debug, PartialEq)]
struct Binds;

impl Pointwise<f64, 1> for Binds {
    fn block(&self, [x]: [&[f64]; 1], _: [AnySlice<'_>; 0], out: &mut [f64]) {
        out.iter_mut().zip(x).for_each(|(out, &x)| *out = x.sin());
    }
    fn vjp<'t>(&self, cx: Pullback<'t, f64, 1>) -> [Option<Var<'t, f64>>; 1] {
        let tape = cx.g.tape();
        tape.bind(&BOUND, 2.0 * cx.g);
        [Some(tape.param(&BOUND) * cx.x[0].cos())]
    }
}

#[test]
fn what_a_rule_binds_is_bound_once_also_where_pieces_give_up() {
    let p = Param::new(Tensor::scalar(0.5));
    let gradient = |tape: Tape| {
        let y = (0..10).fold(tape.param(&p), |y, _| y.sin());
        let y = tape.apply(Binds, [y]);
        (0..30).fold(y, |y, _| y.sin()).backward()[&p].item().to_bits()
    };
    tape::forget_programs();
    let expected = gradient(Tape::new().unfused());
    for _ in 0..3 {
        assert_eq!(gradient(Tape::new()), expected);
    }
}
