//! Deep, wide and tangled programs: nothing recurses, and nothing is quadratic.

use tape::{Param, Tape};
use tensor::Tensor;

/// Runs `f` in a thread with a stack of 256 KiB.
fn on_a_small_stack(f: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(256 << 10);
    if let Err(panic) = thread.spawn(f).expect("a thread starts").join() {
        std::panic::resume_unwind(panic);
    }
}

/// `y ← y + c y`, `steps` times: two nodes a step.
fn chain(steps: usize, known: f64) {
    let tape = Tape::new();
    let (x, c) = (tape.leaf(1.0), tape.constant(1e-6));
    let mut y = x;
    for _ in 0..steps {
        y = y + y * c;
    }
    assert_eq!(tape.len(), 2 + 2 * steps);
    let close = |y: f64| assert!((y - known).abs() <= 1e-9 * known, "{y} is not {known}");
    close(y.item());
    let [g] = y.grad([x]);
    close(g.item());
}

// F1, pytorch#5534
#[test]
fn a_chain_of_a_hundred_thousand_steps() {
    on_a_small_stack(|| chain(100_000, (1e5 * 1e-6f64.ln_1p()).exp()));
}

// F1, pytorch#5534
#[test]
fn a_chain_of_a_million_steps() {
    on_a_small_stack(|| chain(1_000_000, (1e6 * 1e-6f64.ln_1p()).exp()));
}

// F2, burn#1702, micrograd#64
/// Two paths a step, so 2⁶⁰ paths: a sweep that walked them would not end.
#[test]
fn sixty_doublings() {
    let tape = Tape::new();
    let x = tape.leaf(1.0);
    let y = (0..60).fold(x, |y, _| y + y);
    let [g] = y.grad([x]);
    assert_eq!((y.item(), g.item()), (2f64.powi(60), 1152921504606846976.0));
}

/// By `backward`: the first time piece by piece, the second time in one go, then by a script.
#[test]
fn a_chain_of_a_million_nodes_backward() {
    on_a_small_stack(|| {
        let p = Param::new(Tensor::scalar(1.0));
        for _ in 0..3 {
            let tape = Tape::new();
            let x = tape.param(&p);
            let sum = (1..1_000_000).fold(x, |sum, _| sum + x);
            let gradients = sum.backward();
            assert_eq!((sum.item(), gradients[&p].item()), (1e6, 1e6));
        }
        tape::forget_programs();
    });
}

#[test]
fn a_chain_in_which_nothing_fuses() {
    on_a_small_stack(|| {
        let tape = Tape::new();
        let x = tape.leaf(Tensor::<f64>::ones([2, 2]));
        let mut y = x;
        for _ in 0..20_000 {
            y = y.t().sum_axis(0).unsqueeze(0).broadcast_to([2, 2]) * 0.5;
        }
        let [g] = y.sum().grad([x]);
        assert_eq!((y.value().to_vec(), g.value().to_vec()), (vec![1.0; 4], vec![1.0; 4]));
    });
}

#[test]
fn one_variable_used_a_million_times() {
    on_a_small_stack(|| {
        let tape = Tape::new();
        let x = tape.leaf(1.0);
        let mut sum = x;
        for _ in 1..1_000_000 {
            sum += x;
        }
        let [g] = sum.grad([x]);
        assert_eq!((sum.item(), g.item()), (1e6, 1e6));
    });
}

/// All products stand side by side, in one stage: a group is full a thousand times over.
#[test]
fn a_program_three_hundred_thousand_wide() {
    let tape = Tape::new();
    let x = tape.leaf(2.0);
    let mut layer: Vec<_> = (0..300_000).map(|_| x * x).collect();
    while layer.len() > 1 {
        layer = layer.chunks(2).map(|p| if let [a, b] = p { *a + *b } else { p[0] }).collect();
    }
    let [g] = layer[0].grad([x]);
    assert_eq!((layer[0].item(), g.item()), (1.2e6, 1.2e6));
}

#[test]
fn a_hundred_thousand_leaves_and_parameters() {
    let tape = Tape::new();
    let leaves: Vec<_> = (0..100_000).map(|k| tape.leaf(k as f64)).collect();
    let params: Vec<_> = (0..100_000).map(|_| Param::new(Tensor::scalar(1.0))).collect();
    let mut sum = tape.constant(0.0);
    for (&leaf, p) in leaves.iter().zip(&params) {
        sum += leaf * tape.param(p);
    }
    let found = sum.pull(tape.constant(1.0), &leaves);
    let found: Vec<_> = found.into_iter().map(|g| g.expect("each is reached")).collect();
    assert!(tape.eval(found).unwrap().iter().all(|g| g.item() == 1.0));
    let grads = sum.backward();
    assert_eq!(grads.len(), 100_000);
    assert!(params.iter().enumerate().all(|(k, p)| grads[p].item() == k as f64));
}

/// Second derivatives of a deep chain: `x^(2^k)` by squaring.
#[test]
fn derivatives_of_derivatives_of_a_chain() {
    let tape = Tape::new();
    let x = tape.leaf(1.0);
    let mut y = x;
    for _ in 0..10 {
        y = y * y;
    }
    let [g] = y.grad([x]);
    let [h] = g.grad([x]);
    let [t] = h.grad([x]);
    let n = 1024.0;
    assert_eq!((g.item(), h.item()), (n, n * (n - 1.0)));
    assert_eq!(t.item(), n * (n - 1.0) * (n - 2.0));
}
