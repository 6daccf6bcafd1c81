//! What the tape costs beside the arithmetic: `cargo bench --bench tape`.
//!
//! A chain of scalar additions has next to no arithmetic, so its time is that of nodes: items are
//! nodes. The fused expression is the opposite: a few nodes, a million elements.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use tape::{Param, Recording, Tape, Var, spec};
use tensor::Tensor;

fn main() {
    divan::main();
}

const NODES: [usize; 2] = [100, 10_000];
const ELEMENTS: usize = 1 << 20;

/// `x + x + .. + x`, one node each.
fn chain(x: Var<'_, f64>, nodes: usize) -> Var<'_, f64> {
    (0..nodes).fold(x, |sum, _| sum + x)
}

#[divan::bench(args = NODES)]
fn chain_recorded(bencher: Bencher, nodes: usize) {
    let mut tape = Tape::new();
    bencher.counter(ItemsCount::new(nodes)).bench_local(|| {
        tape.reset();
        black_box(chain(tape.leaf(1.0), nodes));
    });
}

#[divan::bench(args = NODES)]
fn chain_recorded_and_evaluated(bencher: Bencher, nodes: usize) {
    let mut tape = Tape::new();
    bencher.counter(ItemsCount::new(nodes)).bench_local(|| {
        tape.reset();
        chain(tape.leaf(1.0), nodes).item()
    });
}

/// Items are nodes of the forward program; the adjoints are about as many again.
#[divan::bench(args = NODES)]
fn chain_with_its_gradient(bencher: Bencher, nodes: usize) {
    let mut tape = Tape::new();
    bencher.counter(ItemsCount::new(nodes)).bench_local(|| {
        tape.reset();
        let x = tape.leaf(1.0);
        let [dx] = chain(x, nodes).grad([x]);
        dx.item()
    });
}

#[divan::bench(args = NODES)]
fn chain_replayed(bencher: Bencher, nodes: usize) {
    let p = Param::new(Tensor::scalar(1.0));
    let mut step = Recording::new(spec::<f64>([]), |tape, x| chain(tape.param(&p), nodes) * x);
    bencher.counter(ItemsCount::new(nodes)).bench_local(|| {
        step.replay(&[&p], Tensor::scalar(2.0)).expect("the shapes are those recorded")
    });
}

/// `steps` of `h ← tanh(x u + h w)`, 16 samples of 16 numbers, with the gradients by `u` and
/// `w`: of one length, or of one that changes from step to step, so that `backward` has not met
/// the program.
fn recurrent(bencher: Bencher, steps: usize, changes: bool) {
    let mut rng = tensor::rng(0);
    let mut draw = |shape| Tensor::<f32>::uniform(shape, -0.3, 0.3, &mut rng);
    let (u, w, x) = (Param::new(draw([16, 16])), Param::new(draw([16, 16])), draw([16, 16]));
    let mut round = 0;
    bencher.counter(ItemsCount::new(steps)).bench_local(|| {
        round = (round + 7) % 37;
        let tape = Tape::new();
        let (u, w, x) = (tape.param(&u), tape.param(&w), tape.constant(&x));
        let steps = if changes { steps - round } else { steps };
        let h = (0..steps).fold(x, |h, _| (x.matmul(u) + h.matmul(w)).tanh());
        h.square().mean().backward()
    });
}

#[divan::bench]
fn recurrent_steps(bencher: Bencher) {
    recurrent(bencher, 1000, false);
}

#[divan::bench]
fn recurrent_steps_of_changing_length(bencher: Bencher) {
    recurrent(bencher, 1000, true);
}

/// `Σ tanh(x a + b) σ(x a)` with the gradients by `a` and `b`, in f32.
#[divan::bench]
fn fused_expression_with_its_gradient(bencher: Bencher) {
    let mut rng = tensor::rng(0);
    let x = Tensor::<f32>::uniform([ELEMENTS], -1.0, 1.0, &mut rng);
    let [a, b] = [(); 2].map(|()| Param::new(Tensor::uniform([ELEMENTS], -1.0, 1.0, &mut rng)));
    bencher.counter(ItemsCount::new(ELEMENTS)).bench_local(|| {
        let tape = Tape::new();
        let (a, b) = (tape.param(&a), tape.param(&b));
        let product = tape.constant(&x) * a;
        ((product + b).tanh() * product.sigmoid()).sum().backward()
    });
}
