//! Asking computes what is needed and not known, each node once, and nothing else.

use std::sync::atomic::{AtomicUsize, Ordering};

use tape::{Op, Param, Pullback, Tape, Var};
use tensor::{AnyView, Error, Shape, ShapeError, Tensor, View, tensor};

/// Twice its input; counts how often it runs.
#[derive(Debug)]
pub(super) struct Counted(pub(super) &'static AtomicUsize);

impl PartialEq for Counted {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}

impl Op<f64, 1> for Counted {
    fn shape(&self, [x]: [&[usize]; 1], _: [&[usize]; 0]) -> Result<Shape, ShapeError> {
        Ok(x.into())
    }
    fn forward(
        &self,
        [x]: [View<'_, f64>; 1],
        _: [AnyView<'_>; 0],
        out: &mut [f64],
    ) -> Result<(), Error> {
        self.0.fetch_add(1, Ordering::Relaxed);
        for (out, x) in out.iter_mut().zip(x.to_vec()) {
            *out = 2.0 * x;
        }
        Ok(())
    }
    fn vjp<'t>(&self, cx: Pullback<'t, f64, 1>) -> [Option<Var<'t, f64>>; 1] {
        [Some(cx.g * 2.0)]
    }
}

#[test]
fn recording_computes_nothing() {
    let tape = Tape::new();
    let x = tape.leaf(tensor![1.0, 2.0]);
    let [g] = (x.exp() * 3.0).sum().grad([x]);
    assert_eq!(tape.stats().computed, 0);
    assert_eq!(g.value().shape(), [2]);
}

#[test]
fn what_is_needed_is_computed_once_and_nothing_else() {
    let tape = Tape::new();
    let x = tape.leaf(tensor![1.0, 2.0]);
    let a = x.exp();
    let shared = a * a;
    let out_of_range = tape.constant(tensor![7i64]);
    let _not_asked_for = a.sin().gather(0, out_of_range);
    let y = (shared + a).sum();
    y.item();
    let stats = tape.stats();
    assert_eq!((stats.computed, stats.recomputed), (4, 0), "exp, mul, add, sum");
    y.item();
    assert_eq!(tape.stats(), stats, "a known value costs nothing");
}

#[test]
fn values_asked_for_together_share_their_way() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    let tape = Tape::new();
    let x = tape.leaf(tensor![1.0, 2.0]);
    let a = tape.apply(Counted(&RUNS), [x]);
    let (b, c, mask) = (a + 1.0, a.sum(), a.gt(3.0));
    let (b, [c, again], masks) = tape.eval((b, [c, c], vec![mask])).unwrap();
    assert_eq!((b, c.item(), again.item()), (tensor![3.0, 5.0], 6.0, 6.0));
    assert_eq!(masks, [tensor![false, true]]);
    assert_eq!(RUNS.load(Ordering::Relaxed), 1);
    assert!(a.value().shares_buffer(&a.value()), "a value is kept, not made again");
    assert_eq!(RUNS.load(Ordering::Relaxed), 1);
}

#[test]
fn a_loss_read_before_backward_does_not_run_the_forward_pass_twice() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    let p = Param::new(tensor![1.0, -2.0]);
    let tape = Tape::new();
    let loss = tape.apply(Counted(&RUNS), [tape.param(&p)]).square().sum();
    assert_eq!(loss.item(), 20.0);
    assert_eq!(loss.backward()[&p], tensor![8.0, -16.0]);
    assert_eq!(RUNS.load(Ordering::Relaxed), 1);
    assert_eq!(tape.stats().recomputed, 0);
}

#[test]
fn the_insides_of_groups_are_recomputed_and_counted() {
    let p = Param::new(tensor![1.0, -2.0]);
    let tape = Tape::new();
    // `exp` lies inside of a group with the product; its own derivative needs it again.
    let loss = (tape.param(&p).exp() * 2.0).sum();
    loss.item();
    assert_eq!(tape.stats().recomputed, 0);
    loss.backward();
    assert_eq!(tape.stats().recomputed, 1);
}

/// Steps `x ← 0.9 x + 1`, all of them pointwise, so that they could all be one group.
#[test]
fn a_loop_that_asks_each_step_is_linear_though_everything_fuses() {
    let tape = Tape::new();
    let (decay, one) = (tape.constant(0.9), tape.constant(1.0));
    let mut x = tape.leaf(0.5);
    let steps = 2000;
    let mut last = 0;
    for _ in 0..steps {
        x = x * decay + one;
        (x - one).square().item();
        let computed = tape.stats().computed;
        assert!(computed - last <= 8, "each of the four nodes of a step at most twice");
        last = computed;
    }
    let states = tape.stats();
    assert!(states.computed <= 8 * steps, "{states:?}");
}

#[test]
fn states_read_backwards_are_computed_at_most_twice() {
    let tape = Tape::new();
    let mut states = vec![tape.leaf(1.0)];
    let step = tape.constant(0.999);
    for k in 0..3000 {
        states.push(states[k] * step);
    }
    for state in states.iter().rev() {
        state.item();
    }
    let stats = tape.stats();
    assert!(stats.computed <= 6000, "{stats:?}");
}

#[test]
fn a_training_loop_on_one_tape_computes_each_step_once() {
    let tape = Tape::new();
    let x = tape.constant(Tensor::uniform([4, 3], -1.0, 1.0, &mut tensor::rng(1)));
    let mut w = tape.leaf(Tensor::uniform([3, 2], -1.0, 1.0, &mut tensor::rng(2)));
    let (mut last, mut losses) = (0, Vec::new());
    for step in 0..50 {
        let loss = x.matmul(w).tanh().square().sum();
        losses.push(loss.item());
        let [g] = loss.grad([w]);
        w -= g * 0.05;
        let computed = tape.stats().computed;
        assert!(step < 2 || computed - last <= 30, "step {step} computed {}", computed - last);
        last = computed;
    }
    assert!(losses.windows(2).all(|l| l[1] < l[0]), "{losses:?}");
}
