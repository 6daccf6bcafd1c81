//! The formulas against hand-computed steps and against a slow obvious reference, and the promises
//! of a step that fails.

use tape::{Gradients, Param, Tape};
use tensor::Tensor;

use super::*;
use crate::{Visitor, VisitorMut};

/// Two parameters of different types.
struct Model {
    a: Param<f64>,
    b: Param<f32>,
}

impl Module for Model {
    fn visit<'m>(&'m self, visitor: &mut Visitor<'_, 'm>) {
        visitor.field("a", &self.a);
        visitor.field("b", &self.b);
    }
    fn visit_mut<'m>(&'m mut self, visitor: &mut VisitorMut<'_, 'm>) {
        visitor.field("a", &mut self.a);
        visitor.field("b", &mut self.b);
    }
}

fn model() -> Model {
    let a = Tensor::from_vec(vec![1.0, -2.0, 3.0, 0.5, 0.0, -0.25], [2, 3]).unwrap();
    Model { a: Param::new(a), b: Param::new(Tensor::full([4], 0.5f32)) }
}

fn gradients(model: &Model, a: Tensor<f64>, b: Tensor<f32>) -> Gradients {
    let mut grads = Gradients::default();
    grads.set(&model.a, a);
    grads.set(&model.b, b);
    grads
}

fn bits(model: &Model) -> (Vec<u64>, Vec<u32>) {
    let a = model.a.value().iter().map(f64::to_bits).collect();
    (a, model.b.value().iter().map(f32::to_bits).collect())
}

/// The values of one f64 parameter that starts at 1 after each step with these gradients.
fn path(optimizer: &mut dyn Optimizer, gradients: &[f64]) -> Vec<f64> {
    let mut p = Param::new(Tensor::scalar(1.0));
    let step = |&g: &f64| {
        let mut grads = Gradients::default();
        grads.set(&p, Tensor::scalar(g));
        optimizer.step(&mut p, &grads).unwrap();
        p.value().item()
    };
    gradients.iter().map(step).collect()
}

/// Equal but for the rounding of a few operations.
#[track_caller]
fn close(got: Vec<f64>, expected: &[f64]) {
    assert_eq!(got.len(), expected.len());
    for (g, e) in got.iter().zip(expected) {
        assert!((g - e).abs() <= 4e-16 * e.abs().max(1.0), "{got:?} is not {expected:?}");
    }
}

// The expected numbers of the following tests are the formulas of PyTorch's documentation, worked
// out in decimals for θ = 1 and the gradients 0.5, -1, 2.

#[test]
fn sgd_subtracts_the_gradient() {
    close(path(&mut Sgd::new(0.1), &[0.5, -1.0, 2.0]), &[0.95, 1.05, 0.85]);
}

#[test]
fn sgd_with_weight_decay_adds_the_parameter_to_the_gradient() {
    // g + 0.2 θ = 0.7, -1 + 0.186 = -0.814, 2 + 0.20228 = 2.20228
    let mut sgd = Sgd::new(0.1).weight_decay(0.2);
    close(path(&mut sgd, &[0.5, -1.0, 2.0]), &[0.93, 1.0114, 0.791172]);
}

#[test]
fn sgd_with_momentum_starts_at_the_first_gradient() {
    // b = 0.5; 0.9·0.5 - 1 = -0.55; 0.9·(-0.55) + 2 = 1.505
    let mut sgd = Sgd::new(0.1).momentum(0.9);
    close(path(&mut sgd, &[0.5, -1.0, 2.0]), &[0.95, 1.005, 0.8545]);
}

#[test]
fn dampening_spares_the_first_gradient() {
    // b = 0.5; 0.45 - 0.5 = -0.05; -0.045 + 1 = 0.955
    let mut sgd = Sgd::new(0.1).momentum(0.9).dampening(0.5);
    close(path(&mut sgd, &[0.5, -1.0, 2.0]), &[0.95, 0.955, 0.8595]);
}

#[test]
fn nesterov_looks_ahead() {
    // g + 0.9 b = 0.95; -1 - 0.495 = -1.495; 2 + 1.3545 = 3.3545
    let mut sgd = Sgd::new(0.1).momentum(0.9).nesterov();
    close(path(&mut sgd, &[0.5, -1.0, 2.0]), &[0.905, 1.0545, 0.71905]);
}

#[test]
fn adam_corrects_the_bias_of_its_averages() {
    // β = (0.5, 0.5), ε = 0.5: m̂ = 0.5, (0.125 - 0.5)/0.75, (-0.1875 + 1)/0.875
    //                          v̂ = 0.25, 0.5625/0.75, 2.28125/0.875
    let mut adam = Adam::new(0.1).betas(0.5, 0.5).eps(0.5);
    let first = 1.0 - 0.1 * 0.5 / (0.5 + 0.5);
    let second = first + 0.1 * 0.5 / (0.75f64.sqrt() + 0.5);
    let third = second - 0.1 * (0.8125 / 0.875) / ((2.28125f64 / 0.875).sqrt() + 0.5);
    close(path(&mut adam, &[0.5, -1.0, 2.0]), &[first, second, third]);
    // The first step of Adam is γ·g/(|g| + ε) whatever the βs.
    close(path(&mut Adam::new(0.1).eps(1e-30), &[1e-3]), &[0.9]);
}

#[test]
fn the_decay_of_adam_enters_the_averages_and_that_of_adamw_does_not() {
    // g + 0.5 θ = 1: the step is 0.1·1/(1 + 1).
    let mut adam = Adam::new(0.1).betas(0.5, 0.5).eps(1.0).weight_decay(0.5);
    close(path(&mut adam, &[0.5]), &[0.95]);
    // θ (1 - 0.1·0.5) - 0.1·0.5/(0.5 + 1)
    let mut adamw = AdamW::new(0.1).betas(0.5, 0.5).eps(1.0).weight_decay(0.5);
    let first = 0.95 - 0.05 / 1.5;
    // m̂ = (0.125 - 0.5)/0.75 = -0.5, v̂ = 0.75
    let second = first * 0.95 + 0.05 / (0.75f64.sqrt() + 1.0);
    close(path(&mut adamw, &[0.5, -1.0]), &[first, second]);
    assert_ne!(path(&mut AdamW::new(0.1), &[0.5]), path(&mut Adam::new(0.1), &[0.5]));
}

/// The formulas as they stand in the papers, one element at a time.
struct Reference {
    t: i32,
    m: f64,
    v: f64,
}

impl Reference {
    fn adamw(&mut self, p: f64, g: f64) -> f64 {
        self.t += 1;
        self.m = 0.9 * self.m + 0.1 * g;
        self.v = 0.999 * self.v + 0.001 * g * g;
        let (m, v) = (self.m / (1.0 - 0.9f64.powi(self.t)), self.v / (1.0 - 0.999f64.powi(self.t)));
        p - 0.01 * 0.1 * p - 0.01 * m / (v.sqrt() + 1e-8)
    }
}

/// Long enough to be split into tasks, with a rest.
#[test]
fn large_parameters_move_as_each_element_by_itself_on_any_number_of_threads() {
    let n = 50_001;
    let mut rng = tensor::rng(1);
    let start = Tensor::<f64>::normal([n], 0.0, 1.0, &mut rng);
    let steps: Vec<_> = (0..3).map(|_| Tensor::<f64>::normal([n], 0.0, 1.0, &mut rng)).collect();
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut p = Param::new(start.clone());
            let mut optimizer = AdamW::new(0.01).weight_decay(0.1);
            for g in &steps {
                let mut grads = Gradients::default();
                grads.set(&p, g.clone());
                optimizer.step(&mut p, &grads).unwrap();
            }
            p.value().clone()
        })
    };
    let moved = run(1);
    assert_eq!(moved, run(3));
    for (i, got) in moved.iter().enumerate() {
        let mut reference = Reference { t: 0, m: 0.0, v: 0.0 };
        let step = |p, g: &Tensor<f64>| reference.adamw(p, g[[i]]);
        let expected = steps.iter().fold(start[[i]], step);
        assert!((got - expected).abs() < 1e-15 * expected.abs().max(1.0), "{i}: {got} {expected}");
    }
}

#[test]
fn f32_follows_f64() {
    let optimizers: [fn() -> Box<dyn Optimizer>; 3] = [
        || Box::new(Sgd::new(0.1).momentum(0.9).nesterov().weight_decay(0.01)),
        || Box::new(Adam::new(0.01).weight_decay(0.01)),
        || Box::new(AdamW::new(0.01)),
    ];
    for make in optimizers {
        let (mut narrow, mut wide) = (make(), make());
        let mut p = Param::new(Tensor::full([3], 0.5f32));
        let mut q = Param::new(Tensor::full([3], 0.5f64));
        for k in 0..20 {
            let g = Tensor::from_fn([3], |i| ((k + i[0]) as f64).sin());
            let (mut grads, mut wide_grads) = (Gradients::default(), Gradients::default());
            grads.set(&p, g.cast());
            wide_grads.set(&q, g);
            narrow.step(&mut p, &grads).unwrap();
            wide.step(&mut q, &wide_grads).unwrap();
        }
        assert!(p.value().cast::<f64>().allclose(q.value(), 1e-5, 1e-6), "{}", make().settings());
    }
}

#[test]
fn gradients_of_any_layout_are_read_in_order() {
    let (mut one, mut other) = (model(), model());
    let columns = Tensor::from_fn([3, 2], |i| (10 * i[0] + i[1]) as f64);
    let b = Tensor::full([], 2.0f32).broadcast_to([4]);
    let strided = gradients(&one, columns.t(), b.clone());
    let rows = Tensor::from_fn([2, 3], |i| (10 * i[1] + i[0]) as f64);
    let plain = gradients(&other, rows, b.to_contiguous());
    Adam::new(0.1).step(&mut one, &strided).unwrap();
    Adam::new(0.1).step(&mut other, &plain).unwrap();
    assert_eq!(bits(&one), bits(&other));
}

#[test]
fn frozen_parameters_stay_as_they_are() {
    let mut model = model();
    model.b.set_frozen(true);
    let before = bits(&model);
    let mut sgd = Sgd::new(0.1).momentum(0.9);
    let grads = gradients(&model, Tensor::full([2, 3], 1.0), Tensor::full([4], f32::NAN));
    sgd.step(&mut model, &grads).unwrap();
    let after = bits(&model);
    assert_ne!(before.0, after.0);
    assert_eq!(before.1, after.1);
    assert!(!sgd.state().kept().contains_key("b"));
    // Taken back into training, its first step is a first step.
    model.b.set_frozen(false);
    let grads = gradients(&model, Tensor::full([2, 3], 1.0), Tensor::full([4], 1.0));
    sgd.step(&mut model, &grads).unwrap();
    assert_eq!((sgd.state().kept()["a"].steps, sgd.state().kept()["b"].steps), (2, 1));
    assert_eq!(model.b.value().to_vec(), [0.5 - 0.1f32; 4]);
}

// I7, pytorch#2940
/// Every way to fail leaves every bit of parameters and kept averages.
#[test]
fn a_step_that_fails_changes_nothing() {
    let mut model = model();
    let mut adam = Adam::new(0.1);
    let ones = |model: &Model| gradients(model, Tensor::full([2, 3], 1.0), Tensor::full([4], 1.0));
    let grads = ones(&model);
    adam.step(&mut model, &grads).unwrap();
    let (before, kept) = (bits(&model), adam.clone());

    let mut grads = Gradients::default();
    grads.set(&model.a, Tensor::full([2, 3], 1.0));
    let missing = adam.step(&mut model, &grads).unwrap_err();
    let OptimError::MissingGradient { path, reason } = &missing else { panic!("{missing}") };
    assert_eq!((&path[..], reason), ("b", &NoGradient::NotOnTape));
    assert_eq!(
        missing.to_string(),
        "no gradient for `b`, which is not frozen: the parameter was not used on this tape; a clone \
         has parameters of its own"
    );

    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let mut a = Tensor::full([2, 3], 1.0);
        a[[1, 2]] = bad;
        let grads = gradients(&model, a, Tensor::full([4], 1.0));
        let text = adam.step(&mut model, &grads).unwrap_err().to_string();
        assert_eq!(text, format!("the gradient of `a` is {bad} at [1, 2]"));
    }
    let grads = gradients(&model, Tensor::full([2, 3], 1.0), Tensor::full([4], f32::INFINITY));
    let text = adam.step(&mut model, &grads).unwrap_err().to_string();
    assert_eq!(text, "the gradient of `b` is inf at [0]");

    assert_eq!(bits(&model), before);
    assert_eq!(adam, kept);

    // A parameter that has changed its shape, and averages under other names.
    model.b = Param::new(Tensor::full([5], 0.5));
    let mut grads = ones(&Model { a: model.a.clone(), b: Param::new(Tensor::full([4], 0.5)) });
    grads.set(&model.a, Tensor::full([2, 3], 1.0));
    grads.set(&model.b, Tensor::full([5], 1.0));
    let text = adam.step(&mut model, &grads).unwrap_err().to_string();
    assert_eq!(text, "`b` is f32[5], but what the optimiser keeps for it is f32[4]");
    let mut sgd = Sgd::new(0.1).momentum(0.5);
    sgd.state_mut().set_kept(adam.state().kept().clone());
    let text = sgd.step(&mut model, &grads).unwrap_err().to_string();
    assert_eq!(text, "`a` is f64[2, 3], but what the optimiser keeps for it is nothing");
    assert_eq!(bits(&model).0, before.0);
}

#[test]
fn an_unreached_parameter_is_an_error_that_says_so() {
    let mut model = model();
    let tape = Tape::new();
    let (a, _) = (tape.param(&model.a), tape.param(&model.b));
    let grads = a.sum().backward();
    let error = Sgd::new(0.1).step(&mut model, &grads).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("no gradient for `b`, which is not frozen: the result at "), "{text}");
    assert!(text.ends_with("does not depend on it"), "{text}");
}

#[test]
fn the_learning_rate_can_be_changed_between_steps() {
    let mut sgd = Sgd::new(0.1);
    assert_eq!(path(&mut sgd, &[1.0]), [0.9]);
    sgd.set_learning_rate(0.5);
    assert_eq!((path(&mut sgd, &[1.0]), sgd.learning_rate()), (vec![0.5], 0.5));
}

#[test]
fn a_step_goes_down_on_a_tape() {
    let mut w = Param::new(Tensor::full([3], 2.0));
    let mut adam = Adam::new(0.1);
    for _ in 0..400 {
        let tape = Tape::new();
        let w_ = tape.param(&w);
        let grads = (w_ * w_).sum().backward();
        adam.step(&mut w, &grads).unwrap();
    }
    assert!(w.value().iter().all(|x: f64| x.abs() < 1e-3), "{:?}", w.value());
}

#[test]
fn empty_parameters_and_models_step() {
    let mut empty = Param::new(Tensor::<f64>::full([0, 3], 0.0));
    let mut grads = Gradients::default();
    grads.set(&empty, Tensor::full([0, 3], 0.0));
    Adam::new(0.1).step(&mut empty, &grads).unwrap();
    Adam::new(0.1).step(&mut Vec::<Param<f32>>::new(), &grads).unwrap();
}

#[test]
#[should_panic(expected = "Nesterov's variant needs momentum and no dampening")]
fn nesterov_without_momentum_panics() {
    let _ = Sgd::new(0.1).nesterov();
}

#[test]
#[should_panic(expected = "learning rate NaN is outside of [0.0, inf)")]
fn a_learning_rate_that_is_no_number_panics() {
    Adam::new(f64::NAN);
}

#[test]
#[should_panic(expected = "beta 1.0 is outside of [0.0, 1.0)")]
fn a_beta_of_one_panics() {
    let _ = Adam::new(0.1).betas(0.9, 1.0);
}

/// An element without a gradient stays, and one with a gradient moves by the learning rate.
#[test]
fn the_least_epsilon_still_keeps_zero_over_zero_away() {
    let least = f64::from(f32::MIN_POSITIVE);
    let adam = || Adam::new(0.25).eps(least);
    let adamw = || AdamW::new(0.25).eps(least).weight_decay(0.0);
    for optimizer in [&mut adam() as &mut dyn Optimizer, &mut adamw()] {
        let mut p = Param::new(Tensor::full([2], 1f32));
        let mut grads = Gradients::default();
        grads.set(&p, Tensor::from_vec(vec![0.0, 1.0], [2]).unwrap());
        optimizer.step(&mut p, &grads).unwrap();
        let moved = p.value();
        assert_eq!(moved[[0]], 1.0);
        assert!((moved[[1]] - 0.75).abs() < 1e-6, "{moved}");
    }
}

#[test]
#[should_panic(expected = "eps 0.0 is outside of [1.17")]
fn an_epsilon_of_zero_panics() {
    let _ = Adam::new(0.1).eps(0.0);
}

#[test]
#[should_panic(expected = "eps 0.0 is outside of [1.17")]
fn an_epsilon_of_zero_panics_in_adamw() {
    let _ = AdamW::new(0.1).eps(0.0);
}

#[test]
fn what_is_kept_cannot_have_a_name_that_a_checkpoint_would_misread() {
    #[derive(Clone, Copy)]
    struct Still;
    impl Formula<1> for Still {
        #[inline(always)]
        fn next<T: tensor::Float>(&self, p: T, _: T, kept: [T; 1]) -> (T, [T; 1]) {
            (p, kept)
        }
    }
    for name in ["steps", "a/b", "/"] {
        let step = || {
            let (tape, mut none) = (Tape::new(), Vec::<Param<f64>>::new());
            let grads = tape.gradients(tape.constant(1.0)).unwrap();
            State::new(0.1).step(&mut none, &grads, [name], |_| Still)
        };
        let panic = std::panic::catch_unwind(step).expect_err("must panic");
        let text = panic.downcast::<String>().expect("has a text");
        assert_eq!(*text, format!("optimiser: what is kept cannot be named `{name}`"));
    }
}
