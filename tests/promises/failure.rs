//! What happens when the data, an operation or the program is at fault.

use std::panic::{Location, panic_any};
use std::{io, iter, slice};

use nn::checkpoint::CheckpointError;
use nn::data::{Batch, DataError};
use nn::optim::{OptimError, Sgd};
use nn::{Linear, TrainError, model::DeepLinear};
use tape::{DataOp, EvalError, NoGradient, Op, Param, Pointwise, Pullback, Tape, Var};
use tape::{hvp, jvp, vjp};
use tensor::{
    AnySlice, AnyView, AxisSet, DType, Error, Shape, ShapeError, Tensor, View, kernel, tensor,
};

use crate::support::{panic_of, pools};

#[test]
fn an_index_out_of_range_is_a_typed_error_with_the_recorded_line() {
    let p = Param::new(tensor![1.0, 2.0]);
    let tape = Tape::new();
    let index = tape.constant(tensor![0i64, 2]);
    let (recorded, y) = (line!(), tape.param(&p).gather(0, index));
    let loss = (y * 2.0).sum();

    let error = tape.eval((loss, y)).unwrap_err();
    assert_eq!(
        (error.op.as_str(), error.at.file(), error.at.line()),
        ("gather", file!(), recorded)
    );
    let out_of_range = Error::Index { op: "gather", index: 2, position: 1, size: 2 };
    assert_eq!(error.reason, out_of_range);
    assert_eq!(tape.gradients(loss).unwrap_err(), error);

    let named = format!("failure.rs:{recorded}");
    for (asked, panic) in [
        (line!(), panic_of(|| y.value())),
        (line!(), panic_of(|| loss.item())),
        (line!(), panic_of(|| loss.backward().len())),
    ] {
        assert_eq!((panic.file.as_str(), panic.line), (file!(), asked));
        assert!(panic.text.contains(&named) && panic.text.contains("gather"), "{}", panic.text);
    }
    let failure = tape.failure().unwrap();
    assert_eq!((failure.op.as_str(), failure.at.line()), ("gather", recorded));
    assert!(tape.to_string().contains(&format!("%{} = gather", failure.node)));

    let fine = tape.constant(tensor![1i64, 1]);
    let loss = tape.param(&p).gather(0, fine).sum();
    assert_eq!(loss.item(), 4.0);
    assert_eq!(loss.backward()[&p], tensor![0.0, 2.0]);
}

/// The sum of whole numbers.
#[derive(Debug, PartialEq)]
struct Total;

impl DataOp<i64, i64, 1> for Total {
    fn shape(&self, _: [&[usize]; 1]) -> Result<Shape, ShapeError> {
        Ok(Shape::new())
    }
    fn forward(&self, [x]: [View<'_, i64>; 1], out: &mut [i64]) -> Result<(), Error> {
        kernel::sum(x, AxisSet::all(x.shape().len()), out)
    }
}

#[test]
fn an_integer_that_does_not_fit_is_a_typed_error_with_the_recorded_line() {
    let tape = Tape::new();
    let x = tape.constant(tensor![i64::MAX, 1]);
    let (recorded, y) = (line!(), tape.apply_data(Total, [x]));
    let error = tape.eval(y).unwrap_err();
    let overflow = Error::Overflow { op: "sum", position: 0, dtype: DType::I64 };
    assert_eq!((error.reason, error.at.line()), (overflow, recorded));
}

/// Panics, with a payload that is no text.
#[derive(Debug, PartialEq)]
struct Bomb;

impl Op<f64, 1> for Bomb {
    fn shape(&self, [x]: [&[usize]; 1], _: [&[usize]; 0]) -> Result<Shape, ShapeError> {
        Ok(x.into())
    }
    fn forward(
        &self,
        _: [View<'_, f64>; 1],
        _: [AnyView<'_>; 0],
        _: &mut [f64],
    ) -> Result<(), Error> {
        panic_any(42u32)
    }
    fn vjp<'t>(&self, _: Pullback<'t, f64, 1>) -> [Option<Var<'t, f64>>; 1] {
        panic_any("no rule")
    }
}

#[test]
fn a_panic_of_an_operation_keeps_its_payload_and_names_its_node() {
    let tape = Tape::new();
    let x = tape.leaf(tensor![1.0, 2.0]);
    let (line, y) = (line!(), tape.apply(Bomb, [x.exp()]));
    let loss = y.sum();
    let panic = panic_of(|| loss.item());
    assert_eq!(panic.payload.downcast_ref::<u32>(), Some(&42));
    let failure = tape.failure().unwrap();
    assert_eq!((failure.op.as_str(), failure.at.line()), ("bomb", line));
    assert_eq!(format!("{y:?}"), format!("%{}: f64[2]", failure.node));

    let panic = panic_of(|| loss.grad([x]));
    assert_eq!(panic.text, "no rule");
    assert_eq!(tape.failure(), Some(failure));
    let (here, next) = (line!(), x * 3.0);
    assert_eq!(next.value(), tensor![3.0, 6.0]);
    assert!(tape.to_string().contains(&format!("failure.rs:{here}")), "lines are its own again");
}

/// The identity, which panics at 7.
#[derive(Debug, PartialEq)]
struct Touchy;

impl Pointwise<f64, 1> for Touchy {
    fn block(&self, [x]: [&[f64]; 1], _: [AnySlice<'_>; 0], out: &mut [f64]) {
        if x.contains(&7.0) {
            // Not through the hook, which would print it on a thread of the pool.
            std::panic::resume_unwind(Box::new("seven"));
        }
        out.copy_from_slice(x);
    }
    fn vjp<'t>(&self, cx: Pullback<'t, f64, 1>) -> [Option<Var<'t, f64>>; 1] {
        [Some(cx.g)]
    }
}

#[test]
fn a_panic_in_a_block_of_a_parallel_group_does_the_same() {
    for pool in pools() {
        pool.install(|| {
            let tape = Tape::new();
            let mut data = Tensor::<f64>::zeros([300_000]);
            data.make_mut()[171_717] = 7.0;
            let x = tape.constant(data);
            let (line, y) = (line!(), tape.apply(Touchy, [x * 1.0]));
            let panic = panic_of(|| (y + 1.0).sum().item());
            assert_eq!(panic.text, "seven");
            let failure = tape.failure().unwrap();
            assert_eq!((failure.op.as_str(), failure.at.line()), ("touchy", line));
            assert_eq!((x * 2.0).sum().item(), 14.0, "tape and pool go on");
        });
    }
}

#[test]
fn a_mistake_panics_at_the_users_line_and_names_the_shapes() {
    let tape = Tape::new();
    let x = tape.leaf(Tensor::<f64>::zeros([2, 3]));
    let v = tape.leaf(Tensor::<f64>::zeros([4]));
    let i = tape.constant(tensor![0i64]);
    let (one, two) = (|| tensor![1.0], || tensor![1.0, 2.0]);
    let (nodes, mut sum) = (tape.len(), x);
    for (line, panic, text) in [
        (line!(), panic_of(|| x + v), "[2, 3]"),
        (line!(), panic_of(|| x.matmul(v)), "matmul: [2, 3] x [4]"),
        (line!(), panic_of(|| x.reshape([5])), "[5]"),
        (line!(), panic_of(|| x.broadcast_to([3, 3])), "[3, 3]"),
        (line!(), panic_of(|| x.sum_axis(2)), "sum: axis 2"),
        (line!(), panic_of(|| x.mean_axis(-3)), "mean: axis -3"),
        (line!(), panic_of(|| x.max_axis([0, 0])), "max: axis 0"),
        (line!(), panic_of(|| x.permute([0, 0])), "permute"),
        (line!(), panic_of(|| x.swap_axes(0, 2)), "swap_axes"),
        (line!(), panic_of(|| v.t()), "[4]"),
        (line!(), panic_of(|| x.flatten(1, 0)), "flatten"),
        (line!(), panic_of(|| x.flatten(0, 5)), "flatten"),
        (line!(), panic_of(|| x.squeeze(0)), "squeeze"),
        (line!(), panic_of(|| x.unsqueeze(9)), "out of range for shape [2, 3]"),
        (line!(), panic_of(|| x.narrow(1, 2, 2)), "3"),
        (line!(), panic_of(|| x.index_axis(4, 0)), "index_axis"),
        (line!(), panic_of(|| x.flip(2)), "flip"),
        (line!(), panic_of(|| x.cumsum(2)), "cumsum"),
        (line!(), panic_of(|| x.softmax(2)), "softmax"),
        (line!(), panic_of(|| x.cross_entropy(i)), "cross_entropy"),
        (line!(), panic_of(|| x.gather(0, i)), "gather"),
        (line!(), panic_of(|| x.index_select(3, i)), "index_select"),
        (line!(), panic_of(|| x.argsort(2)), "argsort"),
        (line!(), panic_of(|| x.sort_descending(2)), "sort_descending: axis 2"),
        (line!(), panic_of(|| x.gt(0.0).all_axis(2)), "all: axis 2"),
        (line!(), panic_of(|| x.gt(0.0) & v.gt(0.0)), "and: shapes [2, 3] and [4]"),
        (line!(), panic_of(|| x.dot(v)), "dot: [2, 3] and [4]"),
        (line!(), panic_of(|| x.outer(v)), "outer: [2, 3] and [4]"),
        (line!(), panic_of(|| sum += v), "add_assign: shapes [2, 3] and [4]"),
        (line!(), panic_of(|| x.trace()), "trace"),
        (line!(), panic_of(|| x.diagonal_of(0, 1, 1)), "diagonal"),
        (line!(), panic_of(|| Var::concat(&[x, x.t()], 0)), "concat"),
        (line!(), panic_of(|| Var::stack(&[v, v], 3)), "3"),
        (line!(), panic_of(|| x.split(1, &[1, 1])), "split"),
        (line!(), panic_of(|| x.pad([(1, 1)], 0.0)), "pad"),
        (line!(), panic_of(|| x.clamp(2.0, 1.0)), "clamp"),
        (line!(), panic_of(|| x.gt(1.0).select(x, v)), "select"),
        (line!(), panic_of(|| x.item()), "item: shape [2, 3] has 6 elements"),
        (line!(), panic_of(|| x.sum_to([3, 3])), "sum"),
        (line!(), panic_of(|| x.grad_with(v, [x])), "grad: a cotangent of shape [4] for a result"),
        (line!(), panic_of(|| vjp(|[x]| -x, [two()], one())), "vjp: a cotangent of shape [1]"),
        (line!(), panic_of(|| jvp(|[x]| -x, [two()], [one()])), "jvp: a direction of shape [1]"),
        (line!(), panic_of(|| hvp(|x| x.sum(), two(), one())), "hvp: a direction of shape [1]"),
    ] {
        assert_eq!((panic.file.as_str(), panic.line), (file!(), line), "{}", panic.text);
        assert!(panic.text.contains(text), "line {line}: {}", panic.text);
    }
    assert!(tape.len() <= nodes + 14, "mistakes record nothing but their parts");
}

#[test]
fn a_mistake_with_tensors_or_in_making_a_model_panics_at_the_users_line() {
    let x = Tensor::<f64>::zeros([2, 3]);
    let v = Tensor::<f64>::zeros([4]);
    let flat = |_: [usize; 2], _: &mut _| Tensor::<f64>::zeros([3]);
    let frames = [x.clone(), x.clone()];
    let mut rng = nn::rng(0);
    for (line, panic, text) in [
        (line!(), panic_of(|| &x + &v), "[2, 3]"),
        (line!(), panic_of(|| x.matmul(&v)), "matmul: [2, 3] x [4]"),
        (line!(), panic_of(|| x.reshape([5])), "[5]"),
        (line!(), panic_of(|| x.flatten(1, 0)), "flatten: axis 1 comes after axis 0"),
        (line!(), panic_of(|| x.flatten(0, 5)), "flatten: axis 5"),
        (line!(), panic_of(|| x.permute([0, 0])), "permute"),
        (line!(), panic_of(|| x.sum_axis(2)), "sum: axis 2"),
        (line!(), panic_of(|| x.max_axis([0, 0])), "max: axis 0"),
        (line!(), panic_of(|| x.argmax_axis(2)), "argmax: axis 2"),
        (line!(), panic_of(|| x.split(1, &[1, 1])), "split: sizes [1, 1]"),
        (line!(), panic_of(|| Tensor::concat(&[&x, &v], 0)), "concat"),
        (line!(), panic_of(|| x.sort(2)), "axis 2"),
        (line!(), panic_of(|| x.narrow(1, 2, 2)), "narrow: axis 1 of shape [2, 3]"),
        (line!(), panic_of(|| x.softmax(2)), "softmax: axis 2"),
        (line!(), panic_of(|| x.log_softmax(-3)), "log_softmax: axis -3"),
        (line!(), panic_of(|| x.trace()), "trace: shape [2, 3] is not square"),
        (line!(), panic_of(|| x.sum_to([3, 3])), "sum_to: shape [2, 3] cannot become [3, 3]"),
        (line!(), panic_of(|| x.gt(0.0) & v.gt(0.0)), "and: shapes [2, 3] and [4]"),
        (line!(), panic_of(|| x.gt(0.0).or(v.gt(0.0))), "or: shapes [2, 3] and [4]"),
        (line!(), panic_of(|| x.dot(&v)), "dot: [2, 3] and [4]"),
        (line!(), panic_of(|| x.pad([(1, 1)], 0.0)), "pad: 1 pairs"),
        (line!(), panic_of(|| Linear::with_init(3, 2, flat, &mut rng)), "shape [3]"),
        (line!(), panic_of(|| DeepLinear::aligned(&frames, slice::from_ref(&v))), "frames [2, 3]"),
    ] {
        assert_eq!((panic.file.as_str(), panic.line), (file!(), line), "{}", panic.text);
        assert!(panic.text.contains(text), "line {line}: {}", panic.text);
    }
}

#[test]
fn a_loss_of_several_elements_panics_where_the_training_is_run() {
    fn logits<'t>(tape: &'t Tape, model: &Linear<f32>, batch: &Batch<f32>) -> Var<'t, f32> {
        model.forward(tape.constant(&batch.inputs))
    }
    let data = nn::data::digits().take(8);
    let (mut model, mut sgd) = (Linear::new(64, 10, &mut nn::rng(0)), Sgd::new(0.1));
    let fit = nn::fit(&mut model, &mut sgd, &data).quiet();
    let (line, panic) = (line!(), panic_of(|| fit.run(logits)));
    assert_eq!((panic.file.as_str(), panic.line), (file!(), line), "{}", panic.text);
    assert!(panic.text.contains("shape [8, 10] is not a scalar"), "{}", panic.text);
}

/// The identity; panics in a block that holds its number, with it.
#[derive(Debug, PartialEq)]
struct Trap(f32);

impl Pointwise<f32, 1> for Trap {
    fn block(&self, [x]: [&[f32]; 1], _: [AnySlice<'_>; 0], out: &mut [f32]) {
        if x.contains(&self.0) {
            panic_any(self.0);
        }
        out.copy_from_slice(x);
    }
    fn vjp<'t>(&self, cx: Pullback<'t, f32, 1>) -> [Option<Var<'t, f32>>; 1] {
        [Some(cx.g)]
    }
}

#[test]
fn of_the_panics_of_a_pass_that_of_the_first_part_is_reported_on_any_number_of_threads() {
    let n = 1 << 18;
    let x = Tensor::from_fn([n], |i| i[0] as f32);
    for pool in pools() {
        pool.install(|| {
            let tape = Tape::new();
            let late = tape.apply(Trap(n as f32 - 1.0), [tape.constant(&x)]);
            let (recorded, early) = (line!(), tape.apply(Trap(5.0), [late]));
            let panic = panic_of(|| early.value());
            assert_eq!(panic.payload.downcast_ref(), Some(&5.0f32));
            assert_eq!(tape.failure().unwrap().at.line(), recorded);
        });
    }
}

#[test]
fn an_error_says_its_reason_and_a_chain_of_errors_says_nothing_twice() {
    let (path, disk) = (std::path::PathBuf::from("a.bin"), || io::Error::other("the disk is full"));
    let shapes = || Error::Shape(ShapeError::new("gather: rank 0"));
    let eval = || EvalError { op: "gather".into(), at: Location::caller(), reason: shapes() };
    let missing =
        OptimError::MissingGradient { path: "weight".into(), reason: NoGradient::NotOnTape };
    let full = CheckpointError::Io { path: path.clone(), reason: disk() };
    let errors: [(Box<dyn std::error::Error>, String); 8] = [
        (Box::new(shapes()), "gather: rank 0".into()),
        (Box::new(eval()), shapes().to_string()),
        (Box::new(tape::ReplayError::Eval(eval())), eval().to_string()),
        (Box::new(DataError::Io { path, reason: disk() }), disk().to_string()),
        (Box::new(TrainError::Checkpoint(full)), disk().to_string()),
        (Box::new(TrainError::Loss { epoch: 1, step: 2, reason: eval() }), eval().to_string()),
        (Box::new(TrainError::Validation { epoch: 1, reason: eval() }), eval().to_string()),
        (
            Box::new(TrainError::Step { epoch: 1, step: 2, reason: missing }),
            NoGradient::NotOnTape.to_string(),
        ),
    ];
    for (error, reason) in errors {
        assert!(error.to_string().contains(&reason), "{error}");
        let chain: Vec<_> =
            iter::successors(Some(&*error), |e| e.source()).map(|e| e.to_string()).collect();
        let twice = chain.windows(2).find(|pair| pair[0].contains(&pair[1]));
        assert_eq!(twice, None, "{error}");
    }
}
