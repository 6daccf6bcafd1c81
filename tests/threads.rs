//! Many threads, and as few as a program needs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rayon::prelude::*;
use tape::{Gradients, Param, Pointwise, Pullback, Recording, Spec, Tape, Var};
use tensor::{AnySlice, AnyTensor, Tensor};

use crate::support::{bits, pools};

/// Compiles only if `$t` does not implement `$trait`: otherwise two implementations fit.
macro_rules! assert_not {
    ($t:ty: $trait:ident) => {{
        trait Ambiguous<A> {
            fn only() {}
        }
        impl<T: ?Sized> Ambiguous<()> for T {}
        struct Other;
        impl<T: ?Sized + $trait> Ambiguous<Other> for T {}
        let _ = <$t as Ambiguous<_>>::only;
    }};
}

#[test]
fn what_crosses_threads_and_what_does_not() {
    fn sends<X: Send>() {}
    fn shares<X: Send + Sync>() {}
    shares::<Tensor<f32>>();
    shares::<AnyTensor>();
    shares::<Param<f64>>();
    shares::<Gradients>();
    sends::<Tape>();
    sends::<Recording<Spec<f32>, f32>>();
    assert_not!(Tape: Sync);
    assert_not!(Var<'static, f64>: Send);
    assert_not!(Var<'static, f64>: Sync);
    assert_not!(tape::AnyVar<'static>: Send);
}

/// The gradient of a small network by a parameter, at inputs drawn from `seed`.
fn gradient(w: &Param<f64>, seed: u64) -> Vec<u64> {
    let tape = Tape::new();
    let x = tape.constant(Tensor::uniform([3, 5], -1.0, 1.0, &mut tensor::rng(seed)));
    let loss = x.matmul(tape.param(w)).tanh().softmax(-1).square().sum();
    bits(&loss.backward()[w])
}

fn weight() -> Param<f64> {
    Param::new(Tensor::uniform([5, 4], -1.0, 1.0, &mut tensor::rng(0)))
}

// G1, burn#5573, burn#1142
#[test]
fn eight_threads_differentiate_by_a_shared_parameter() {
    let w = weight();
    let known: Vec<_> = (0..25).map(|seed| gradient(&w, seed)).collect();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for round in 0..1000 {
                    let seed = round % known.len();
                    assert_eq!(gradient(&w, seed as u64), known[seed]);
                }
            });
        }
    });
}

// G2, rten#1188, gam#2074
#[test]
fn tapes_work_inside_of_parallel_iterators_and_pools_of_one() {
    let w = weight();
    let known: Vec<_> = (0..200).map(|seed| gradient(&w, seed)).collect();
    for pool in pools() {
        let found: Vec<_> =
            pool.install(|| (0..200).into_par_iter().map(|seed| gradient(&w, seed)).collect());
        assert!(found == known);
    }
    // Large enough for the tapes themselves to go parallel, within a parallel iterator.
    let sum = |seed| {
        let tape = Tape::new();
        let x = tape.constant(Tensor::<f32>::uniform([300_000], 0.0, 1.0, &mut tensor::rng(seed)));
        (x.exp() * x).sum().item().to_bits()
    };
    let known: Vec<_> = (0..4).map(sum).collect();
    for pool in pools() {
        let found: Vec<_> = pool.install(|| (0..4).into_par_iter().map(sum).collect());
        assert_eq!(found, known);
    }
}

#[test]
fn a_tape_moves_to_another_thread() {
    let tape = Tape::new();
    tape.leaf(1.0);
    let tape = thread::spawn(move || {
        assert_eq!((tape.leaf(2.0) * 3.0).item(), 6.0);
        tape
    });
    assert_eq!(tape.join().unwrap().len(), 4);
}

/// The bits of `f` on pools of 1, 2, 3 and 6 threads and on the global one.
#[track_caller]
fn same_on_all_pools(f: impl Fn() -> Vec<Vec<u64>> + Sync) {
    let known = f();
    for pool in pools() {
        assert!(pool.install(&f) == known, "{} threads", pool.current_num_threads());
    }
}

fn draw(shape: &[usize], seed: u64) -> Tensor<f32> {
    Tensor::normal(shape, 0.0, 1.0, &mut tensor::rng(seed))
}

// G3, pytorch#88718
#[test]
fn one_sample_through_a_layer_has_the_same_bits() {
    let (w, b, x) = (draw(&[444, 56], 1), draw(&[444], 2), draw(&[1, 56], 3));
    same_on_all_pools(|| {
        let tape = Tape::new();
        let y = tape.constant(&x).matmul(tape.constant(&w).t()) + tape.constant(&b);
        vec![bits(&y.value())]
    });
}

// G3, pytorch#2201
#[test]
fn a_sum_of_a_million_and_a_softmax_have_the_same_bits() {
    let x = draw(&[1000, 1000], 4);
    same_on_all_pools(|| {
        let tape = Tape::new();
        let x = tape.constant(&x);
        let all = (x.sum(), x.sum_axis(0), x.softmax(-1), x.softmax(0), x.logsumexp(), x.norm());
        let (a, b, c, d, e, f) = tape.eval(all).unwrap();
        [a, b, c, d, e, f].iter().map(bits).collect()
    });
}

// G3, pytorch#2201
#[test]
fn a_training_step_has_the_same_bits() {
    let params = [&[300, 64][..], &[300], &[10, 300], &[10]];
    let params: Vec<_> = params.iter().zip(5..).map(|(s, k)| Param::new(draw(s, k))).collect();
    let x = draw(&[200, 64], 9);
    let labels: Vec<i64> = (0..200).map(|k| k * 7 % 10).collect();
    let labels = Tensor::from_vec(labels, [200]).unwrap();
    same_on_all_pools(|| {
        let tape = Tape::new();
        let [w, b, v, c] = [0, 1, 2, 3].map(|k| tape.param(&params[k]) * 0.1);
        let hidden = (tape.constant(&x).matmul(w.t()) + b).tanh();
        let loss = (hidden.matmul(v.t()) + c).cross_entropy(tape.constant(&labels)).mean();
        let grads = loss.backward();
        let mut all = vec![bits(&loss.value())];
        all.extend(params.iter().map(|p| bits(&grads[p])));
        all
    });
}

// G4, burn#2923, burn#1648
#[test]
fn a_seed_gives_its_numbers_on_every_thread() {
    let known = draw(&[100], 0);
    let draws: Vec<_> = (0..8).map(|_| thread::spawn(|| draw(&[100], 0))).collect();
    for other in draws {
        assert_eq!(other.join().unwrap(), known);
    }
}

// G5, pytorch#80777, dfdx#764
/// Small work stays on the thread that asks: with every thread of the pool held up it still
/// finishes.
#[test]
fn small_operations_do_not_wake_the_pool() {
    let held = Arc::new(AtomicBool::new(true));
    let (arrived, all) = mpsc::channel();
    let (hold, arrived) = (held.clone(), Mutex::new(arrived));
    rayon::spawn_broadcast(move |_| {
        arrived.lock().unwrap().send(()).unwrap();
        while hold.load(Ordering::Acquire) {
            thread::sleep(Duration::from_millis(1));
        }
    });
    for _ in 0..rayon::current_num_threads() {
        all.recv_timeout(Duration::from_secs(60)).expect("every thread comes free");
    }
    let (done, finished) = mpsc::channel();
    thread::spawn(move || {
        let tape = Tape::new();
        let large = tape.constant(draw(&[4, 96, 96], 2)).swap_axes(0, 2);
        assert_eq!(large.reshape([4 * 96 * 96]).value().len(), 4 * 96 * 96);
        let w = tape.leaf(draw(&[4, 24, 24], 1));
        let copy = w.swap_axes(0, 2).reshape([24 * 24 * 4]);
        let y = w.matmul(w.t()).softmax(-1).sum() + copy.tanh().cumsum(0).max() + w.norm();
        let [g] = y.grad([w]);
        done.send(g.value().len()).unwrap();
    });
    let outcome = finished.recv_timeout(Duration::from_secs(20));
    held.store(false, Ordering::Release);
    assert_eq!(outcome.expect("a small program waits for no other thread"), 4 * 24 * 24);
}

/// The identity; notes the threads it runs on, and waits for a second one if it is to `meet` it.
#[derive(Debug)]
struct Where {
    seen: &'static Mutex<Vec<thread::ThreadId>>,
    meet: bool,
}

impl PartialEq for Where {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.seen, other.seen) && self.meet == other.meet
    }
}

impl Pointwise<f32, 1> for Where {
    fn block(&self, [x]: [&[f32]; 1], _: [AnySlice<'_>; 0], out: &mut [f32]) {
        let (here, start) = (thread::current().id(), Instant::now());
        self.seen.lock().unwrap().push(here);
        let alone = || self.seen.lock().unwrap().iter().all(|&id| id == here);
        while self.meet && alone() && start.elapsed() < Duration::from_secs(20) {
            thread::sleep(Duration::from_millis(1));
        }
        out.copy_from_slice(x);
    }
    fn vjp<'t>(&self, cx: Pullback<'t, f32, 1>) -> [Option<Var<'t, f32>>; 1] {
        [Some(cx.g)]
    }
}

#[test]
fn a_group_goes_parallel_only_above_the_grain() {
    static SEEN: Mutex<Vec<thread::ThreadId>> = Mutex::new(Vec::new());
    let run = |len: usize, meet: bool| {
        SEEN.lock().unwrap().clear();
        let tape = Tape::new();
        tape.apply(Where { seen: &SEEN, meet }, [tape.constant(draw(&[len], 1))]).value();
        std::mem::take(&mut *SEEN.lock().unwrap())
    };
    let here = thread::current().id();
    assert!(run(8000, false).iter().all(|&id| id == here));
    if rayon::current_num_threads() > 1 {
        // Helpers come when they are awake; the first block waits for one.
        let seen = run(1 << 20, true);
        assert!(seen.iter().any(|&id| id != here), "a million elements are shared out");
    }
}
