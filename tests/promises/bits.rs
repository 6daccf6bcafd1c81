//! The same program gives the same bits: fused or not, kept or freed, recorded or replayed, on any
//! number of threads.

use proptest::prelude::*;
use tape::{Param, Recording, Tape, Var, spec};
use tensor::{AnyTensor, Element, Float, Tensor, s};

use crate::support::{bits, pools};

/// One operation: which, and two of the variables there are so far.
type Step = (u8, usize, usize);

/// A drawn program and the tensors it works on, all numbers of moderate size.
#[derive(Debug)]
struct Model<T: Float> {
    steps: Vec<Step>,
    x: Tensor<T>,
    /// Of the input's shape, of its rows', and of its columns'.
    params: [Param<T>; 3],
}

impl<T: Float> Model<T> {
    fn new(steps: Vec<Step>, [rows, columns]: [usize; 2], seed: u64) -> Self {
        let rng = &mut tensor::rng(seed);
        let mut draw = |shape| Tensor::uniform(shape, T::of(-1.0), T::one(), rng);
        let x = draw([rows, columns]);
        let params = [[rows, columns], [1, columns], [rows, 1]].map(|s| Param::new(draw(s)));
        Model { steps, x, params }
    }

    /// A scalar that depends on all parameters, and a matrix on the way to it.
    fn record<'t>(&self, x: Var<'t, T>) -> [Var<'t, T>; 2] {
        let [p, row, column] = self.params.each_ref().map(|p| x.tape().param(p));
        let mut known = vec![x, p, p * row];
        for &(op, a, b) in &self.steps {
            let (a, b) = (known[a % known.len()], known[b % known.len()]);
            known.push(step(op, a, b, row, column));
        }
        let out = known[known.len() - 1] * column + known[known.len() - 2];
        let all = out + p * 1e-3 + row * column;
        [all.square().mean_axis(0).sum() + all.max(), out]
    }
}

fn step<'t, T: Float>(
    op: u8,
    a: Var<'t, T>,
    b: Var<'t, T>,
    row: Var<'t, T>,
    column: Var<'t, T>,
) -> Var<'t, T> {
    let shape = a.shape();
    let (rows, columns) = (shape[0], shape[1]);
    match op {
        0 => a - 0.5 * b,
        1 => (a * b).tanh(),
        2 => (a + row).sigmoid(),
        3 => (a * column).sin(),
        4 => a.gt(b).select(a, b * 0.5),
        5 => a.maximum(b).clamp(-0.9, 0.9),
        6 => a / (b.square() + 1.0),
        7 => a - a.mean_keepdim(0) * b,
        8 => a.softmax(-1) + b,
        9 => (a - b.max_keepdim(1)).exp(),
        10 => a.matmul(b.t()).matmul(b) * (1.0 / (rows * columns) as f64),
        11 => a.slice(s![..;-1, ..]) * b,
        12 => a.t().reshape([rows, columns]) - b,
        13 => a.cumsum(1) * (1.0 / columns as f64),
        14 => Var::concat(&[a.narrow(0, rows / 2, rows - rows / 2), b.narrow(0, 0, rows / 2)], 0),
        15 => a.detach() * b - a.norm() * (0.1 / (rows * columns) as f64),
        16 => (a - 0.1 * b).tanh() * (a * b).mean_keepdim(1),
        17 => a.sin() + (a * row).square().sum_keepdim(-1) * (0.1 / columns as f64),
        18 => a.le(0.25).and(b.gt(a)).not().select(b.relu(), a.abs()),
        _ => a.square().softplus() - b.var_keepdim(1, 0),
    }
}

/// The bits of the loss, of the matrix, and of the gradients.
type Bits = Vec<Vec<u64>>;

/// Everything evaluated together, and kept.
fn kept<T: Float>(model: &Model<T>, tape: &Tape) -> Bits {
    let [loss, out] = model.record(tape.constant(&model.x));
    let grads = loss.grad(model.params.each_ref().map(|p| tape.param(p)));
    let (values, grads) = tape.eval(([loss, out], grads)).unwrap();
    values.iter().chain(&grads).map(bits).collect()
}

/// The loss asked for first, then the rest, one by one.
fn piecemeal<T: Float>(model: &Model<T>) -> Bits {
    let tape = Tape::new();
    let [loss, out] = model.record(tape.constant(&model.x));
    let first = bits(&loss.value());
    let grads = loss.grad(model.params.each_ref().map(|p| tape.param(p)));
    let mut all: Vec<_> = grads.iter().rev().map(|g| bits(&g.value())).collect();
    all.push(bits(&out.value()));
    all.push(first);
    all.reverse();
    all
}

/// Freed at the last use and overwritten in place; the matrix is computed a second time.
fn freed<T: Float>(model: &Model<T>) -> Bits {
    let tape = Tape::new();
    let [loss, out] = model.record(tape.constant(&model.x));
    let grads = loss.backward();
    let mut all = vec![bits(&loss.value()), bits(&out.value())];
    all.extend(model.params.iter().map(|p| bits(&grads[p])));
    all
}

/// Replayed, twice.
fn replayed<T: Float>(model: &Model<T>) -> Bits {
    let mut step = Recording::new(spec::<T>(model.x.shape()), |_, x| {
        let [loss, out] = model.record(x);
        out.keep();
        loss
    });
    let params = model.params.each_ref();
    step.replay(&params, Tensor::zeros(model.x.shape())).unwrap();
    let (loss, grads) = step.replay(&params, model.x.clone()).unwrap();
    let out: &AnyTensor = &step.kept()[0];
    let mut all = vec![bits(&Tensor::scalar(loss)), bits(T::of_tensor(out).unwrap())];
    all.extend(model.params.iter().map(|p| bits(&grads[p])));
    all
}

fn same_bits<T: Float>(steps: &[Step], shape: [usize; 2], seed: u64) {
    let model = Model::<T>::new(steps.to_vec(), shape, seed);
    let known = kept(&model, &Tape::new());
    let same = |other: Bits, what: &str| assert!(known == other, "{what} changes bits: {steps:?}");
    same(kept(&model, &Tape::new().unfused()), "fusion");
    same(piecemeal(&model), "asking one by one");
    same(freed(&model), "freeing");
    same(replayed(&model), "replaying");
    let inference = Tape::inference();
    let values = inference.eval(model.record(inference.constant(&model.x))).unwrap();
    assert!(known[..2] == values.each_ref().map(bits), "inference changes bits: {steps:?}");
    for pool in pools() {
        let threads = pool.current_num_threads();
        same(pool.install(|| kept(&model, &Tape::new())), &format!("{threads} threads"));
        same(pool.install(|| freed(&model)), &format!("{threads} threads, freeing"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_program_has_the_same_bits_however_it_is_evaluated(
        steps in prop::collection::vec((0u8..20, 0usize..32, 0usize..32), 1..24),
        // A number; less than a block; rows that end within blocks; several blocks; several tasks.
        shape in prop::sample::select(vec![[1, 1], [3, 5], [1, 1500], [37, 41], [4, 4100], [90, 100]]),
        seed in 0u64..1000,
    ) {
        same_bits::<f64>(&steps, shape, seed);
        same_bits::<f32>(&steps, shape, seed);
    }
}

/// Every operation once, in a shape of several tasks, so that no luck of the draw is needed.
#[test]
fn each_operation_has_the_same_bits_however_it_is_evaluated() {
    let steps: Vec<Step> = (0..18).map(|op| (op, op as usize, 2 * op as usize + 1)).collect();
    same_bits::<f32>(&steps, [70, 130], 1);
    same_bits::<f64>(&steps, [70, 130], 2);
}

/// A buffer is taken over only from a value that dies and that nobody else reads.
#[test]
fn overwriting_in_place_spares_what_views_and_others_read() {
    let p = Param::new(Tensor::<f64>::uniform([50, 60], -1.0, 1.0, &mut tensor::rng(3)));
    fn record<'t>(w: Var<'t, f64>) -> Var<'t, f64> {
        let h = w.matmul(w.t()).matmul(w);
        // Views of `h` that are read after groups that read `h` itself, which dies in one of them.
        let (reversed, part) = (h.slice(s![..;-1, ..;-1]), h.narrow(0, 10, 1));
        let a = h * 2.0 + 1.0;
        let b = a.sum_keepdim(1) + h;
        let c = (reversed * b).exp() + part;
        (c * a).mean()
    }
    let kept = |tape: &Tape| {
        let w = tape.param(&p);
        let loss = record(w);
        let (loss, [g]) = tape.eval((loss, loss.grad([w]))).unwrap();
        [bits(&loss), bits(&g)]
    };
    let known = kept(&Tape::new());
    assert_eq!(known, kept(&Tape::new().unfused()));
    for tape in [Tape::new(), Tape::new().unfused()] {
        let loss = record(tape.param(&p));
        let grads = loss.backward();
        assert_eq!(known, [bits(&loss.value()), bits(&grads[&p])]);
    }
}

/// A value given by a caller is never written: here all of a replay's inputs and parameters.
#[test]
fn what_a_caller_still_holds_is_never_overwritten() {
    let p = Param::new(Tensor::<f64>::full([2000], 2.0));
    let mut step =
        Recording::new(spec::<f64>([2000]), |tape, x| ((x + 1.0) * tape.param(&p)).sum());
    let x = Tensor::<f64>::ones([2000]);
    for _ in 0..3 {
        let (loss, grads) = step.replay(&[&p], x.clone()).unwrap();
        assert_eq!((loss, grads[&p][[7]]), (8000.0, 2.0));
    }
    assert_eq!((x[[1999]], p.value()[[0]]), (1.0, 2.0));
}

#[test]
fn empty_tensors_pass_through_every_way_of_evaluation() {
    let p = Param::new(Tensor::<f64>::zeros([0, 3]));
    for tape in [Tape::new(), Tape::new().unfused()] {
        let w = tape.param(&p);
        let y = ((w * 2.0 + 1.0).exp() - w.sum_keepdim(0)).t();
        let grads = (y.sum() + w.sin().sum()).backward();
        assert_eq!((grads[&p].shape(), y.value().shape()), (&[0, 3][..], &[3, 0][..]));
    }
    let known = f64::erase(Tensor::<f64>::zeros([0]));
    let mut step = Recording::new(spec::<f64>([0]), |_, x| (x * 2.0).keep().sum());
    assert_eq!(step.replay(&[], Tensor::zeros([0])).unwrap().0, 0.0);
    assert_eq!(step.kept(), [known]);
}
