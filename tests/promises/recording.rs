//! A program recorded once and replayed.

use tape::{Param, Recording, ReplayError, Spec, Tape, Var, spec};
use tensor::{Error, Tensor, tensor};

use crate::support::{bits, panic_of};

struct Net {
    w: Param<f64>,
    b: Param<f64>,
}

impl Net {
    fn new() -> Self {
        let rng = &mut tensor::rng(5);
        let w = Param::new(Tensor::uniform([3, 4], -1.0, 1.0, rng));
        Net { w, b: Param::new(Tensor::uniform([4], -1.0, 1.0, rng)) }
    }

    fn params(&self) -> [&Param<f64>; 2] {
        [&self.w, &self.b]
    }

    fn logits<'t>(&self, x: Var<'t, f64>) -> Var<'t, f64> {
        x.matmul(x.tape().param(&self.w)) + x.tape().param(&self.b)
    }

    fn loss<'t>(&self, x: Var<'t, f64>, labels: Var<'t, i64>) -> Var<'t, f64> {
        self.logits(x).tanh().cross_entropy(labels).mean()
    }

    fn record(&self) -> Recording<(Spec<f64>, Spec<i64>), f64> {
        Recording::new((spec([5, 3]), spec([5])), |_, (x, labels)| self.loss(x, labels))
    }
}

fn batch(seed: u64) -> (Tensor<f64>, Tensor<i64>) {
    let labels = tensor![0i64, 3, 1, 2, seed as i64 % 4];
    (Tensor::uniform([5, 3], -1.0, 1.0, &mut tensor::rng(seed)), labels)
}

#[test]
fn a_replay_has_the_bits_of_a_recording_anew_and_reads_parameters_afresh() {
    let mut net = Net::new();
    let mut step = net.record();
    assert_eq!(step.params(), [net.w.id(), net.b.id()]);
    for seed in 0..5 {
        let (x, labels) = batch(seed);
        let (loss, grads) = step.replay(&net.params(), (x.clone(), labels.clone())).unwrap();
        let tape = Tape::new();
        let known = net.loss(tape.constant(&x), tape.constant(&labels));
        let known_grads = known.backward();
        assert_eq!(loss.to_bits(), known.item().to_bits());
        for p in net.params() {
            assert_eq!(bits(&grads[p]), bits(&known_grads[p]));
        }
        let (w, b) = (net.w.value() - &grads[&net.w] * 0.5, net.b.value() - &grads[&net.b] * 0.5);
        net.w.set(w);
        net.b.values_mut().copy_from_slice(&b.to_vec());
    }
}

#[test]
fn values_that_do_not_fit_are_named_with_both_shapes() {
    let net = Net::new();
    let mut step = net.record();
    let wrong = step.replay(&net.params(), (Tensor::zeros([4, 3]), batch(0).1)).unwrap_err();
    let (recorded, given) = ("f64[5, 3]".to_string(), "f64[4, 3]".to_string());
    assert_eq!(wrong, ReplayError::Input { input: 0, recorded, given });
    assert!(wrong.to_string().contains("f64[5, 3]") && wrong.to_string().contains("f64[4, 3]"));
    let wrong = step.replay(&net.params(), (batch(0).0, tensor![0i64])).unwrap_err();
    assert!(matches!(wrong, ReplayError::Input { input: 1, .. }), "{wrong}");

    let wrong = step.replay(&[&net.w], batch(0)).unwrap_err();
    assert!(matches!(&wrong, ReplayError::Param { param: 1, given, .. } if given == "missing"));
    let lookup = |_, _| Some(tape_value(&tensor![1.0]));
    let wrong = step.replay_with(lookup, batch(0)).unwrap_err();
    assert_eq!(
        wrong.to_string(),
        "replay: parameter 0 was recorded as f64[3, 4] and is now f64[1]"
    );
    assert!(step.replay(&net.params(), batch(0)).is_ok(), "and it goes on");
}

fn tape_value(x: &Tensor<f64>) -> tensor::AnyTensor {
    tensor::AnyTensor::F64(x.clone())
}

/// Asking for `ask` of the recorded input and a parameter panics at the line that asks.
#[track_caller]
fn refused(ask: impl for<'t> Fn(Var<'t, f64>, Var<'t, f64>) -> u32) {
    let p = Param::new(tensor![2.0]);
    let expected = std::cell::Cell::new(0);
    let panic = panic_of(|| {
        Recording::new(spec::<f64>([1]), |tape, x| {
            expected.set(ask(x, tape.param(&p)));
            x.sum()
        })
        .params()
        .len()
    });
    assert!(panic.text.contains("while recording"), "{}", panic.text);
    assert_eq!(expected.get(), 0, "it went on after asking");
}

#[test]
fn asking_for_a_value_while_recording_panics_at_the_users_line() {
    refused(|x, _| (x * 2.0).value().len() as u32 + 1);
    refused(|x, _| (x * 2.0).sum().item() as u32 + 1);
    refused(|x, _| x.to_string().len() as u32);
    refused(|x, _| x.tape().eval([x]).is_ok() as u32 + 1);
    refused(|x, p| (x * p).sum().backward().len() as u32 + 1);
    // A parameter has a value already; taking it would freeze it into the program.
    refused(|_, p| p.value().len() as u32 + 1);
    refused(|_, p| p.exp().sum().item() as u32 + 1);

    let line = std::cell::Cell::new(0);
    let panic = panic_of(|| {
        Recording::new(spec::<f64>([1]), |_, x| {
            line.set(line!() + 1);
            x.value();
            x.sum()
        })
        .params()
        .len()
    });
    assert_eq!((panic.file.as_str(), panic.line), (file!(), line.get()));
}

#[test]
fn a_loss_must_be_a_scalar() {
    let panic = panic_of(|| Recording::new(spec::<f64>([2]), |_, x| x * 2.0).params().len());
    assert!(panic.text.contains("[2] is not a scalar"), "{}", panic.text);
}

#[test]
fn marked_values_are_kept_also_where_the_loss_does_not_need_them() {
    let net = Net::new();
    let mut step = Recording::new((spec::<f64>([5, 3]), spec::<i64>([5])), |_, (x, labels)| {
        let logits = net.logits(x).keep();
        let _right = logits.argmax_axis(-1).eq_to(labels).cast::<f64>().sum().keep();
        logits.tanh().cross_entropy(labels).mean()
    });
    for seed in 0..3 {
        let (x, labels) = batch(seed);
        step.replay(&net.params(), (x.clone(), labels.clone())).unwrap();
        let tape = Tape::new();
        let logits = net.logits(tape.constant(&x));
        let right = logits.argmax_axis(-1).eq_to(tape.constant(&labels)).cast::<f64>().sum();
        let [a, b] = step.kept() else { panic!("two are marked") };
        assert_eq!(a, &tape_value(&logits.value()));
        assert_eq!(b, &tape_value(&right.value()));
    }
}

#[test]
fn a_penalty_on_the_derivative_by_an_input_can_be_recorded() {
    let p = Param::new(tensor![0.5, -2.0]);
    fn loss<'t>(w: Var<'t, f64>, x: Var<'t, f64>) -> Var<'t, f64> {
        let y = (w * x).tanh().sum();
        let [dx] = y.grad([x]);
        y + dx.square().sum()
    }
    let mut step = Recording::new(spec::<f64>([2]), |tape, x| loss(tape.param(&p), x));
    let x = tensor![0.25, 0.75];
    let (value, grads) = step.replay(&[&p], x.clone()).unwrap();
    let tape = Tape::new();
    let known = loss(tape.param(&p), tape.leaf(&x));
    assert_eq!(value, known.item());
    assert_eq!(grads[&p], known.backward()[&p]);
}

#[test]
fn an_index_out_of_range_is_an_error_of_the_replay_and_the_next_one_runs() {
    let net = Net::new();
    let mut step = net.record();
    let (x, labels) = batch(0);
    let wrong = step.replay(&net.params(), (x, tensor![0i64, 0, 4, 0, 0])).unwrap_err();
    let ReplayError::Eval(error) = wrong else { panic!("{wrong}") };
    // The cross-entropy reads the labels in its gather and in the adjoint of that, and either may
    // be the first to run; both have its line.
    assert!(["gather", "scatter_add"].contains(&error.op.as_str()), "{error}");
    assert!(matches!(error.reason, Error::Label { label: 4, position: 2, classes: 4, .. }));
    assert_eq!(error.at.file(), file!());
    assert_eq!(step.tape().failure().unwrap().op, error.op);
    assert!(step.replay(&net.params(), (batch(0).0, labels)).is_ok());
}

#[test]
fn a_replay_that_does_not_fit_holds_on_to_nothing() {
    let p = Param::new(Tensor::<f64>::zeros([2000, 2]));
    let mut step =
        Recording::new((spec([500, 2000]), spec([2])), |tape, (x, y): (Var<'_, f64>, _)| {
            (x.matmul(tape.param(&p)) + y).square().sum()
        });
    let (mut x, y) = (Tensor::ones([500, 2000]), Tensor::ones([2]));
    let other = Tensor::ones([3]);
    assert!(step.replay(&[&p], (x.clone(), other)).is_err());
    assert!(x.as_mut_slice().is_some(), "an input that did not fit");
    assert!(step.replay(&[], (x.clone(), y.clone())).is_err());
    assert!(x.as_mut_slice().is_some(), "a parameter that was missing");
    assert_eq!(step.replay(&[&p], (x, y)).unwrap().0, 1000.0);
}

#[test]
fn interleaved_recordings_do_not_touch_each_other() {
    let (a, b) = (Net::new(), Net::new());
    let (mut one, mut two) = (a.record(), b.record());
    let alone = |net: &Net, seed| {
        let (loss, grads) = net.record().replay(&net.params(), batch(seed)).unwrap();
        (loss.to_bits(), bits(&grads[&net.w]))
    };
    for seed in 0..4 {
        let (x, gx) = one.replay(&a.params(), batch(seed)).unwrap();
        let (y, gy) = two.replay(&b.params(), batch(seed + 9)).unwrap();
        assert_eq!((x.to_bits(), bits(&gx[&a.w])), alone(&a, seed));
        assert_eq!((y.to_bits(), bits(&gy[&b.w])), alone(&b, seed + 9));
        assert!(gx.get(&b.w).is_err());
    }
}

#[test]
fn replays_record_nothing() {
    let net = Net::new();
    let mut step = net.record();
    step.replay(&net.params(), batch(0)).unwrap();
    let nodes = step.tape().len();
    for seed in 0..20 {
        step.replay(&net.params(), batch(seed)).unwrap();
    }
    assert_eq!(step.tape().len(), nodes);
}

#[test]
fn a_parameter_bound_to_an_input_does_not_overwrite_it() {
    let p = Param::new(tensor![5.0]);
    let mut step = Recording::new(spec::<f64>([1]), |tape, x| {
        tape.bind(&p, x);
        (tape.param(&p) * 2.0).sum()
    });
    let (loss, _) = step.replay(&[], tensor![3.0]).unwrap();
    assert_eq!(loss, 6.0);
}
