//! A gradient is right, or its absence has a reason: never silence.

use tape::{NoGradient, Op, Param, Pullback, Tape, Var};
use tensor::{AnyView, Error, Shape, ShapeError, Tensor, View, tensor};

use crate::support::panic_of;

/// The reason with its line, which must be `line` of this file.
#[track_caller]
fn at_line(why: &NoGradient, line: u32) {
    let at = match why {
        NoGradient::Unreached { of } => of,
        NoGradient::Stopped { at, .. } | NoGradient::Constant { at } => at,
        other => panic!("{other:?} has no line"),
    };
    assert_eq!((at.file(), at.line()), (file!(), line));
    assert!(why.to_string().contains(&format!("gradients.rs:{line}")), "{why}");
}

/// Why `loss` has no gradient by `p`, and the operation that stopped it.
#[track_caller]
fn stopped_by(loss: Var<'_, f64>, p: &Param<f64>, op: &str, line: u32) {
    let why = loss.backward().get(p).unwrap_err();
    match &why {
        NoGradient::Stopped { op: found, .. } => assert_eq!(found, op),
        other => panic!("{other:?}"),
    }
    assert!(why.to_string().contains(op), "{why}");
    at_line(&why, line);
}

#[test]
fn a_parameter_that_is_not_on_the_tape_is_named_so() {
    let (p, other) = (Param::new(tensor![1.0]), Param::new(tensor![[1.0, 2.0]]));
    let tape = Tape::new();
    let grads = tape.param(&p).sum().backward();
    assert_eq!(grads.get(&other).unwrap_err(), NoGradient::NotOnTape);
    let (line, panic) = (line!(), panic_of(|| grads[&other].len()));
    assert_eq!((panic.file.as_str(), panic.line), (file!(), line));
    assert!(panic.text.contains("[1, 2]") && panic.text.contains("not used on this tape"));
    assert_eq!(grads.len(), 1);
}

#[test]
fn a_parameter_the_loss_does_not_reach_is_named_so() {
    let (p, q) = (Param::new(tensor![1.0]), Param::new(tensor![1.0]));
    let tape = Tape::new();
    let unused = tape.param(&q).exp();
    let (line, loss) = (line!(), tape.param(&p).sum());
    let grads = loss.backward();
    at_line(&grads.get(&q).unwrap_err(), line);
    assert!(matches!(grads.get(&q), Err(NoGradient::Unreached { .. })));
    assert!(grads.get(&p).is_ok() && unused.is_tracked());
}

#[test]
fn the_operation_that_stops_a_gradient_is_named_with_its_line() {
    let p = Param::new(tensor![1.0, -2.0, 3.0]);
    let tape = Tape::new();
    let x = || tape.param(&p) * 2.0;

    let (line, y) = (line!(), x().heaviside());
    stopped_by((y * 3.0).sum(), &p, "heaviside", line);
    let (line, y) = (line!(), x().sign());
    stopped_by(y.exp().sum(), &p, "sign", line);
    let (line, y) = (line!(), x().detach());
    stopped_by((y * y).sum(), &p, "detach", line);
    let (line, mask) = (line!(), x().gt(0.5));
    let (a, b) = (tape.constant(tensor![1.0, 2.0, 3.0]), tape.constant(0.0));
    stopped_by(mask.select(a, b).square().sum(), &p, "gt", line);
    // Also where the branches are tracked, by another parameter.
    let q = Param::new(tensor![1.0, 1.0, 1.0]);
    let chosen = mask.select(tape.param(&q), 0.0).sum();
    stopped_by(chosen, &p, "gt", line);
    assert_eq!(chosen.backward()[&q], tensor![1.0, 0.0, 1.0]);
    let (line, index) = (line!(), x().argmax());
    stopped_by(a.gather(0, index.reshape([1])).sum(), &p, "arg", line);
    let (line, wide) = (line!(), x().cast::<f32>());
    stopped_by(wide.cast::<f64>().sum(), &p, "cast", line);
    // The cut nearest to the loss is the one that has to go first.
    let (line, y) = (line!(), (x().detach() + tape.param(&q)).floor());
    stopped_by(y.sum(), &q, "floor", line);
}

#[test]
fn one_open_path_is_enough() {
    let p = Param::new(tensor![3.0]);
    let tape = Tape::new();
    let x = tape.param(&p);
    assert_eq!((x.detach() * x).sum().backward()[&p].item(), 3.0);
    assert_eq!((x.floor() + x * 5.0).sum().backward()[&p].item(), 5.0);
}

#[test]
fn frozen_inference_and_constant_are_reasons() {
    let mut p = Param::new(tensor![1.0]);
    let tape = Tape::inference();
    let grads = tape.param(&p).exp().sum().backward();
    assert_eq!(grads.get(&p).unwrap_err(), NoGradient::Inference);
    assert_eq!(grads.get(&Param::new(tensor![1.0])).unwrap_err(), NoGradient::Inference);
    let leaf = tape.leaf(1.0);
    assert_eq!(leaf.exp().gradient(leaf).unwrap_err(), NoGradient::Inference);

    p.set_frozen(true);
    let tape = Tape::new();
    let x = tape.param(&p);
    let y = (x * tape.leaf(2.0)).sum();
    assert_eq!(y.gradient(x).unwrap_err(), NoGradient::Frozen);
    assert_eq!(y.backward().get(&p).unwrap_err(), NoGradient::Frozen);

    let (line, c) = (line!(), tape.constant(2.0));
    at_line(&(c * c).gradient(c).unwrap_err(), line);
    at_line(&(c * tape.leaf(1.0)).gradient(c).unwrap_err(), line);
    assert!(matches!((c * c).gradient(c), Err(NoGradient::Constant { .. })));
}

#[test]
fn a_parameter_of_another_type_is_not_silent_either() {
    let (p, q) = (Param::new(tensor![1.0f32]), Param::new(tensor![1.0f64]));
    let tape = Tape::new();
    let (line, wide) = (line!(), tape.param(&p).cast::<f64>());
    let grads = (wide * tape.param(&q)).sum().backward();
    let why = grads.get(&p).unwrap_err();
    assert!(matches!(&why, NoGradient::Stopped { op, .. } if op == "cast"), "{why:?}");
    at_line(&why, line);
}

#[test]
fn grad_panics_at_the_users_line_with_the_reason() {
    let tape = Tape::new();
    let (x, z) = (tape.leaf(1.0), tape.leaf(2.0));
    let y = x.exp();
    let (line, panic) = (line!(), panic_of(|| y.grad([x, z])));
    assert_eq!((panic.file.as_str(), panic.line), (file!(), line));
    assert!(panic.text.contains("%1: f64[] (number 1)"), "{}", panic.text);
    assert!(panic.text.contains("does not depend on it"), "{}", panic.text);
    let stop = x.round();
    let panic = panic_of(|| (stop * 2.0).grad([x]));
    assert!(panic.text.contains("`round`"), "{}", panic.text);
}

// F11
#[test]
fn a_derivative_of_more_than_a_scalar_needs_a_cotangent() {
    let p = Param::new(tensor![1.0, 2.0]);
    let tape = Tape::new();
    let y = tape.param(&p) * 3.0;
    let (line, panic) = (line!(), panic_of(|| y.backward().len()));
    assert_eq!((panic.file.as_str(), panic.line), (file!(), line));
    assert!(panic.text.starts_with("backward: shape [2] is not a scalar"), "{}", panic.text);
    let (line, panic) = (line!(), panic_of(|| y.grad([y])));
    assert_eq!((panic.file.as_str(), panic.line), (file!(), line));
    let g = tape.constant(tensor![10.0, 100.0]);
    assert_eq!(y.grad_with(g, [tape.param(&p)])[0].value(), tensor![30.0, 300.0]);
    let (line, panic) = (line!(), panic_of(|| y.grad_with(tape.constant(1.0), [y])));
    assert_eq!((panic.file.as_str(), panic.line), (file!(), line));
    assert!(panic.text.contains("[]") && panic.text.contains("[2]"), "{}", panic.text);
}

#[test]
fn variables_of_two_tapes_do_not_mix() {
    let (one, two) = (Tape::new(), Tape::new());
    let (a, b) = (one.leaf(tensor![1.0, 2.0]), two.leaf(tensor![[1.0], [2.0]]));
    let (line, panic) = (line!(), panic_of(|| a + b));
    assert_eq!((panic.file.as_str(), panic.line), (file!(), line));
    assert_eq!(panic.text, "add: its inputs are on different tapes");
    assert_eq!((one.len(), two.len()), (1, 1), "nothing was recorded on the way");
    let panic = panic_of(|| Var::stack(&[a, b.reshape([2])], 0));
    assert_eq!(panic.text, "stack: its inputs are on different tapes");
    let y = a.sum();
    for (line, panic) in [
        (line!(), panic_of(|| y.grad([b.sum()]))),
        (line!(), panic_of(|| y.grad_with(b.sum(), [a]))),
        (line!(), panic_of(|| one.eval(b).is_ok())),
        (line!(), panic_of(|| one.apply(tape::ops::detach::Detach, [b]))),
        (line!(), panic_of(|| Var::concat(&[a, b.reshape([2])], 0))),
        (line!(), panic_of(|| b.gt(1.0).select(a, 0.0))),
    ] {
        assert_eq!((panic.file.as_str(), panic.line), (file!(), line), "{}", panic.text);
        assert!(panic.text.contains("tape"), "{}", panic.text);
    }
}

#[test]
fn a_second_derivative_of_a_line_is_unreached() {
    let tape = Tape::new();
    let x = tape.leaf(tensor![1.0, 2.0]);
    let [g] = (x * 3.0).sum().grad([x]);
    assert!(matches!(g.sum().gradient(x), Err(NoGradient::Unreached { .. })));
}

#[test]
fn perturbations_are_not_confused() {
    let tape = Tape::new();
    let (x, y) = (tape.leaf(1.0), tape.leaf(2.0));
    // d/dx (x · d/dy (x + y)) = 1, and d/dy x is nothing.
    let [inner] = (x + y).grad([y]);
    let [outer] = (x * inner).grad([x]);
    assert_eq!(outer.item(), 1.0);
    assert!(matches!(x.gradient(y), Err(NoGradient::Unreached { .. })));
    // d/dx (x · d/dy (x y²)) = d/dx (2 x² y) = 4 x y.
    let [inner] = (x * y * y).grad([y]);
    let [outer] = (x * inner).grad([x]);
    assert_eq!(outer.item(), 8.0);
}

#[test]
fn a_zero_gradient_is_a_value() {
    let p = Param::new(tensor![2.0, 0.0]);
    let tape = Tape::new();
    let x = tape.param(&p);
    for y in [x.powi(0), x * 0.0, x.relu() * 0.0, x - x] {
        assert_eq!(y.sum().backward()[&p], tensor![0.0, 0.0]);
    }
    let nothing = Param::new(Tensor::<f64>::zeros([0, 3]));
    let x = tape.param(&nothing);
    for y in [x.sum(), x.prod(), x.prod_axis(0).sum()] {
        assert_eq!(y.backward()[&nothing].shape(), [0, 3]);
    }
}

#[test]
fn uses_of_one_variable_add_up() {
    let tape = Tape::new();
    let a = tape.leaf(1.0);
    let b = a + a;
    let c = b + b;
    let [g] = c.grad([a]);
    assert_eq!(g.item(), 4.0);
    // A variable itself, and one in the middle.
    let [whole, middle] = c.grad([c, b]);
    assert_eq!((whole.item(), middle.item()), (1.0, 2.0));

    let mut b = tape.leaf(1.0);
    let first = b;
    for _ in 0..60 {
        b = b + b;
    }
    let before = tape.len();
    let [g] = b.grad([first]);
    assert!(tape.len() - before <= 61, "one addition a doubling");
    assert_eq!(g.item(), 2f64.powi(60));
}

#[test]
fn a_target_in_the_middle_costs_nothing_below_it() {
    let tape = Tape::new();
    let x = tape.leaf(tensor![1.0, 2.0]);
    let h = x.exp().sin().tanh();
    let y = h.sum();
    let before = tape.len();
    let [g] = y.grad([h]);
    assert!(tape.len() - before <= 3, "a seed and the adjoint of the sum");
    assert_eq!(g.value(), tensor![1.0, 1.0]);
}

/// Its rule returns a cotangent of the output's shape where the input's is due.
#[derive(Debug, PartialEq)]
struct Total;

impl Op<f64, 1> for Total {
    fn shape(&self, _: [&[usize]; 1], _: [&[usize]; 0]) -> Result<Shape, ShapeError> {
        Ok(Shape::new())
    }
    fn forward(
        &self,
        [x]: [View<'_, f64>; 1],
        _: [AnyView<'_>; 0],
        out: &mut [f64],
    ) -> Result<(), Error> {
        out[0] = x.to_vec().iter().sum();
        Ok(())
    }
    fn vjp<'t>(&self, cx: Pullback<'t, f64, 1>) -> [Option<Var<'t, f64>>; 1] {
        [Some(cx.g)]
    }
}

#[test]
fn a_rule_of_the_wrong_shape_is_named() {
    let tape = Tape::new();
    let x = tape.leaf(tensor![[1.0, 2.0]]);
    let (line, y) = (line!(), tape.apply(Total, [x]));
    let panic = panic_of(|| y.grad([x]));
    assert!(panic.text.starts_with("total: its vjp returned"), "{}", panic.text);
    for part in ["[]", "[1, 2]", "input 0"] {
        assert!(panic.text.contains(part), "{}", panic.text);
    }
    let failure = tape.failure().unwrap();
    assert_eq!((failure.op.as_str(), failure.at.line()), ("total", line));
    assert_eq!(y.item(), 3.0, "the tape is usable");
}
