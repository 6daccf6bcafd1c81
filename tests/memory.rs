//! What must not grow, in processes of their own.
#![cfg(target_os = "linux")]

use nn::Linear;
use nn::optim::{Adam, Optimizer};
use tape::{Param, Recording, Tape, spec};
use tensor::{Tensor, pool, tensor};

use crate::support::{alone, peak, resident};

/// Runs `f` for `rounds`, after a tenth as many to warm up: memory must not grow.
#[track_caller]
fn flat(rounds: usize, mut f: impl FnMut(usize)) {
    (0..rounds / 10).for_each(&mut f);
    let before = resident();
    (0..rounds).for_each(&mut f);
    let grown = resident().saturating_sub(before);
    assert!(grown <= 1 << 20, "{grown} bytes more after {rounds} rounds");
}

fn draw(shape: [usize; 2], seed: u64) -> Tensor<f32> {
    Tensor::uniform(shape, -0.1, 0.1, &mut tensor::rng(seed))
}

// F4, burn#4339
#[test]
fn ten_thousand_forward_passes_without_backward() {
    if !alone("memory::ten_thousand_forward_passes_without_backward") {
        return;
    }
    let (layer, x) = (Linear::<f32>::new(512, 512, &mut tensor::rng(1)), draw([1, 512], 2));
    flat(10_000, |_| {
        let tape = Tape::new();
        assert!(layer.forward(tape.constant(&x)).sum().item().is_finite());
    });
    let mut tape = Tape::inference();
    let mut nodes = None;
    flat(1000, |_| {
        tape.reset();
        assert!(layer.forward(tape.constant(&x)).sum().item().is_finite());
        assert_eq!(tape.len(), *nodes.get_or_insert(tape.len()));
    });
}

// F4, burn#3957
/// A model, a loss and an optimiser: nothing of a step is left when the next begins.
#[test]
fn a_hundred_thousand_training_steps() {
    if !alone("memory::a_hundred_thousand_training_steps") {
        return;
    }
    let mut layer = Linear::<f64>::new(2, 1, &mut tensor::rng(1));
    let mut adam = Adam::new(1e-3);
    // y = 0.5 x₁ - x₂ + 0.25, so that a layer can learn it to the last digit.
    let x = tensor![[1.0, 2.0], [3.0, -1.0], [0.5, 0.5], [-1.0, 1.5]];
    let y = tensor![[-1.25], [2.75], [0.0], [-1.75]];
    let mut tape = Tape::new();
    let (mut first, mut last) = (None, 0.0);
    flat(100_000, |_| {
        let loss = nn::loss::mse(layer.forward(tape.constant(&x)), tape.constant(&y));
        let grads = loss.backward();
        last = loss.item();
        first.get_or_insert(last);
        tape.reset();
        adam.step(&mut layer, &grads).unwrap();
    });
    let first = first.expect("there was a step");
    assert!(last < 1e-6 * first, "{first} {last}");
}

// F5
/// A loss read as a number is a number: a thousand of them that are kept, of values of a megabyte
/// each, outlive their tapes and hold none.
#[test]
fn a_thousand_losses_that_are_kept_hold_no_program() {
    if !alone("memory::a_thousand_losses_that_are_kept_hold_no_program") {
        return;
    }
    let (w, mut losses) = (Param::new(draw([512, 512], 1)), Vec::with_capacity(1100));
    flat(1000, |k| {
        let tape = Tape::new();
        let loss = (tape.param(&w) * k as f64).tanh().keep().square().sum();
        assert_eq!(loss.backward().len(), 1);
        losses.push(loss.item());
    });
    assert_eq!(losses.len(), 1100);
    assert!(losses[100..].is_sorted(), "a larger factor, a larger loss");
}

#[test]
fn ten_thousand_replays() {
    if !alone("memory::ten_thousand_replays") {
        return;
    }
    let mut w = Param::new(Tensor::uniform([8, 4], -1.0, 1.0, &mut tensor::rng(1)));
    let mut step = Recording::new(spec::<f64>([16, 8]), |tape, x| {
        x.matmul(tape.param(&w)).tanh().keep().square().sum()
    });
    flat(10_000, |k| {
        let x = Tensor::uniform([16, 8], -1.0, 1.0, &mut tensor::rng(k as u64));
        let (_, grads) = step.replay(&[&w], x).unwrap();
        let g = grads[&w].to_vec();
        for (w, g) in w.values_mut().iter_mut().zip(g) {
            *w -= 1e-3 * g;
        }
    });
}

/// Linear and Adam, recorded: once warm, a step takes from the pool what it gives back.
#[test]
fn two_hundred_recorded_steps_of_adam() {
    if !alone("memory::two_hundred_recorded_steps_of_adam") {
        return;
    }
    let mut layer = Linear::<f32>::new(256, 128, &mut tensor::rng(1));
    let mut adam = Adam::new(1e-3);
    let specs = (spec::<f32>([64, 256]), spec::<i64>([64]));
    let mut step = nn::Recording::new(&layer, specs, |_, layer, (x, labels)| {
        nn::loss::cross_entropy(layer.forward(x), labels)
    });
    let x = Tensor::<f32>::normal([64, 256], 0.0, 1.0, &mut tensor::rng(2));
    let labels: Tensor<i64> = (0..64).map(|k| k * 37 % 128).collect();
    let mut train = |rounds: usize| {
        let mut last = 0.0;
        for _ in 0..rounds {
            let (loss, grads) = step.replay(&layer, (x.clone(), labels.clone())).unwrap();
            adam.step(&mut layer, &grads).unwrap();
            last = loss;
        }
        last
    };
    let first = train(20);
    let (resident_before, idle) = (resident(), pool::idle_bytes());
    let last = train(200);
    assert!(last < first, "{first} {last}");
    // All that is live was taken from the pool, so an equal rest in it is an equal live part.
    assert_eq!(pool::idle_bytes(), idle);
    let grown = resident().saturating_sub(resident_before);
    assert!(grown <= 256 << 10, "{grown} bytes more after 200 steps");
}

/// Its adjoints, twice as many nodes, never stand on the tape together.
#[test]
fn the_gradients_of_a_million_numbers_take_less_than_two_cache_lines_a_node() {
    if !alone("memory::the_gradients_of_a_million_numbers_take_less_than_two_cache_lines_a_node") {
        return;
    }
    let ([a, b], nodes) = ([0.999, 0.01].map(|x| Param::new(Tensor::scalar(x))), 1_000_000);
    let tape = Tape::new();
    let (x, y) = (tape.param(&a), tape.param(&b));
    let loss = (0..nodes / 2).fold(y, |z, _| x * z + y);
    let before = peak().max(resident());
    assert_eq!(loss.backward().len(), 2);
    let used = (peak() - before) / nodes;
    assert!(used < 128, "{used} bytes a node");
}

// F4, burn#4075
#[test]
fn a_million_leaves_and_steps_that_fail() {
    if !alone("memory::a_million_leaves_and_steps_that_fail") {
        return;
    }
    flat(1000, |_| {
        let tape = Tape::new();
        for k in 0..1000 {
            tape.leaf(k as f64);
        }
        let index = tape.constant(tensor![9i64]);
        let p = Param::new(tensor![1.0, 2.0]);
        assert!(tape.gradients(tape.param(&p).exp().gather(0, index).sum()).is_err());
    });
}

/// A sum over two hundred batches in one program: each batch dies before the next is made.
#[test]
fn a_loop_without_derivatives_holds_one_round() {
    if !alone("memory::a_loop_without_derivatives_holds_one_round") {
        return;
    }
    let (n, w) = (256, Param::new(draw([256, 256], 1)));
    let tape = Tape::inference();
    let x = tape.constant(draw([n, n], 2));
    let mut sum = tape.constant(0f32);
    for k in 0..200 {
        sum += x.matmul(tape.param(&w).narrow(0, 0, n - k % 2).t()).sum();
    }
    let before = peak();
    assert!(sum.item().is_finite());
    let used = peak() - before;
    assert!(used <= 20 * n * n * size_of::<f32>(), "{used} bytes");
}

/// The squares of the distances between two thousand points and as many others: no difference is
/// stored.
#[test]
fn the_sums_of_rows_hold_no_rows() {
    if !alone("memory::the_sums_of_rows_hold_no_rows") {
        return;
    }
    let [a, b] = [1, 2].map(|seed| draw([2000, 8], seed));
    let tape = Tape::inference();
    let d = tape.constant(a).unsqueeze(1) - tape.constant(b);
    let before = peak().max(resident());
    let distances = d.square().sum_axis(-1).value();
    let used = peak() - before;
    assert!(used <= 3 * distances.len() * size_of::<f32>() / 2, "{used} bytes");
}

/// What hangs on a matrix alone is computed by the pass that waits for a number, not stored for it.
#[test]
fn what_waits_for_a_number_is_not_held() {
    if !alone("memory::what_waits_for_a_number_is_not_held") {
        return;
    }
    let x = draw([2000, 2000], 1);
    let tape = Tape::inference();
    let v = tape.constant(&x);
    let number = v.square().mean().exp();
    let before = peak().max(resident());
    assert!(((v * 3.0).tanh().exp() * number).sum().item().is_finite());
    let used = peak() - before;
    assert!(used <= x.len() * size_of::<f32>() / 4, "{used} bytes");
}

/// A pass reads a transpose from a copy in row-major order, which its output overwrites.
#[test]
fn a_transpose_makes_room_for_what_is_made_of_it() {
    if !alone("memory::a_transpose_makes_room_for_what_is_made_of_it") {
        return;
    }
    let x = draw([2000, 2000], 1);
    let tape = Tape::inference();
    let y = tape.constant(&x).exp().t().tanh();
    let before = peak().max(resident());
    assert_eq!(y.value().shape(), x.shape());
    let used = peak() - before;
    assert!(used <= 9 * x.len() * size_of::<f32>() / 4, "{used} bytes");
}

/// Fourteen products, of each of which a fiftieth, or a mask, waits for the last: what waits is as
/// small as that, and not the products.
#[test]
fn nothing_large_waits_in_the_place_of_something_small() {
    if !alone("memory::nothing_large_waits_in_the_place_of_something_small") {
        return;
    }
    let x = draw([1000, 1000], 1) * 1e-3;
    let tape = Tape::inference();
    let v = tape.constant(&x);
    let mut product = v;
    let products = (0..14).map(|_| {
        product = product.matmul(v);
        (product.narrow(0, 0, 20).exp(), product.gt(0.0))
    });
    let products: Vec<_> = products.collect();
    let number = product.sum().exp();
    let (y, part) = (v * number, v.narrow(0, 0, 20));
    let before = peak().max(resident());
    let total = products.iter().fold(part, |sum, (part, _)| sum + *part * number);
    assert!(total.sum().item().is_finite());
    let total = products.iter().fold(y, |sum, (_, mask)| mask.select(sum, y));
    assert!(total.sum().item().is_finite());
    let used = peak() - before;
    assert!(used <= 9 * x.len() * size_of::<f32>(), "{used} bytes");
}

/// The gradients of two thousand points by their distances to as many others: the differences, in
/// whose place their cotangents are laid. What is negated is as many points, not as many
/// differences.
#[test]
fn the_gradients_of_distances_hold_the_differences() {
    if !alone("memory::the_gradients_of_distances_hold_the_differences") {
        return;
    }
    let [a, b] = [1, 2].map(|seed| Param::new(draw([2000, 8], seed)));
    let tape = Tape::new();
    let d = tape.param(&a).unsqueeze(1) - tape.param(&b);
    let loss = d.square().sum_axis(-1).sqrt().sum();
    let before = peak().max(resident());
    assert_eq!(loss.backward().len(), 2);
    let used = peak() - before;
    let differences = 2000 * 2000 * 8 * size_of::<f32>();
    assert!(used <= 3 * differences / 2, "{used} bytes");
}

// F6, HIPS autograd#219
/// `z ← x z`, a hundred times, for a vector `z`: each step adds a cotangent of the size of `x`.
#[test]
fn a_matrix_used_a_hundred_times_holds_few_cotangents() {
    if !alone("memory::a_matrix_used_a_hundred_times_holds_few_cotangents") {
        return;
    }
    let (n, steps) = (1000, 100);
    let x = Param::new(draw([n, n], 1));
    let tape = Tape::new();
    let mut z = tape.constant(draw([n, 1], 2));
    for _ in 0..steps {
        z = tape.param(&x).matmul(z);
    }
    let loss = z.sum();
    let before = peak().max(resident());
    let grads = loss.backward();
    assert_eq!(grads[&x].shape(), [n, n]);
    let used = (peak() - before) / (n * n * size_of::<f32>());
    // Sixteen that are added in one pass, and their sum.
    assert!(used <= 20, "{used} cotangents at once");
}

// F6, HIPS autograd#219
/// `z ← x z`, a hundred times, for a matrix `z`: the gradient needs the hundred values of `z` and a
/// few more, not a hundred cotangents as well.
#[test]
fn a_deep_product_holds_a_few_cotangents() {
    if !alone("memory::a_deep_product_holds_a_few_cotangents") {
        return;
    }
    let (n, steps) = (192, 100);
    let bytes = n * n * size_of::<f32>();
    let x = Param::new(draw([n, n], 1));
    let tape = Tape::new();
    let mut z = tape.constant(draw([n, n], 2));
    for _ in 0..steps {
        z = tape.param(&x).matmul(z);
    }
    let loss = z.sum();
    let before = peak().max(resident());
    let grads = loss.backward();
    assert_eq!(grads[&x].shape(), [n, n]);
    let used = peak() - before;
    assert!(used <= (steps + 50) * bytes, "{} values at once", used / bytes);
}
