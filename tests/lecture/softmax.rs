//! Rows 36 to 39: softmax, and cross-entropy on top of it.

use nn::prelude::*;
use proptest::prelude::*;
use tape::{gradcheck, hvp};

use super::cases;
use super::support::section4::{close, tensor_in};

/// The slides' formula, for logits `x·θᵢ`.
fn softmax(logits: &Tensor<f64>) -> Tensor<f64> {
    let e = logits.exp();
    &e / e.sum_keepdim(-1)
}

/// An input `x: [n]`, weights `Θ: [k, n]` with a row a class, and a class.
fn classifier() -> impl Strategy<Value = (Tensor<f64>, Tensor<f64>, usize)> {
    let sizes = (1usize..5, 2usize..5);
    sizes.prop_flat_map(|(n, k)| (tensor_in(2.0, &[n]), tensor_in(1.5, &[k, n]), 0..k))
}

fn one_hot(class: usize, k: usize) -> Tensor<f64> {
    Tensor::from_fn([k], |i| if i[0] == class { 1.0 } else { 0.0 })
}

/// The first form of the slides, `-y·ln σᵐᵃˣ`.
fn first<'t>(x: Var<'t, f64>, theta: Var<'t, f64>, y: Var<'t, f64>) -> Var<'t, f64> {
    -y.matmul(theta.matmul(x).softmax(-1).ln())
}

/// The second, with the normalisation apart: `-Σ yᵢ x·θᵢ + ln Σ exp(x·θᵢ)`.
fn second<'t>(x: Var<'t, f64>, theta: Var<'t, f64>, y: Var<'t, f64>) -> Var<'t, f64> {
    let logits = theta.matmul(x);
    -y.matmul(logits) + logits.exp().sum().ln()
}

type Form = for<'t> fn(Var<'t, f64>, Var<'t, f64>, Var<'t, f64>) -> Var<'t, f64>;

/// The value of a form and its gradient by `Θ`.
fn by_theta(form: Form, [x, theta, y]: [&Tensor<f64>; 3]) -> (f64, Tensor<f64>) {
    let tape = Tape::new();
    let v = tape.leaf(theta);
    let l = form(tape.constant(x), v, tape.constant(y));
    let [g] = l.grad([v]);
    (l.item(), g.value())
}

fn outer(a: &Tensor<f64>, b: &Tensor<f64>) -> Tensor<f64> {
    a.unsqueeze(1).matmul(&b.unsqueeze(0))
}

proptest! {
    #![proptest_config(cases())]

    /// Row 36.
    #[test]
    fn softmax_is_its_formula_non_negative_and_normalised((x, theta, _) in classifier()) {
        let tape = Tape::new();
        let p = tape.constant(&theta).matmul(tape.constant(&x)).softmax(-1).value();
        prop_assert!(p.allclose(&softmax(&theta.matmul(&x)), 1e-14, 0.0));
        prop_assert!(p.iter().all(|p| p > 0.0));
        prop_assert!(close(p.sum().item(), 1.0, 1e-15));
        let model = SoftmaxRegression { linear: Linear::from_parts(theta, None) };
        let row = model.forward(tape.constant(x.unsqueeze(0))).softmax(-1).value();
        prop_assert!(row.index_axis(0, 0).allclose(&p, 1e-14, 0.0));
    }

    /// Row 36. Its Jacobian by the logits is `diag(σ) - σσᵀ`.
    #[test]
    fn the_jacobian_of_softmax_is_diag_less_outer_product(z in tensor_in(3.0, &[4])) {
        let jacobian = tape::jacobian(|z| z.softmax(-1), z.clone()).unwrap();
        let p = softmax(&z);
        let diagonal = Tensor::eye(4) * p.unsqueeze(0);
        prop_assert!(jacobian.allclose(&(diagonal - outer(&p, &p)), 1e-13, 1e-15));
        gradcheck(|[z]| z.softmax(-1), [z]).unwrap();
    }

    /// Row 37. The same `Δθ` for every class, added or subtracted, changes nothing: not the
    /// probabilities, not the loss. So the gradients of the classes sum to 0, and the loss is flat
    /// along every such direction to the second order too.
    #[test]
    fn one_shift_for_all_classes_changes_nothing(
        ((x, theta, class), seed) in (classifier(), any::<u64>())
    ) {
        let (k, n) = (theta.shape()[0], x.len());
        let shift = Tensor::normal([1, n], 0.0, 1.0, &mut rng(seed));
        let p = softmax(&theta.matmul(&x));
        for moved in [&theta + &shift, &theta - &shift] {
            prop_assert!(softmax(&moved.matmul(&x)).allclose(&p, 1e-12, 0.0));
        }
        let y = one_hot(class, k);
        let (_, g) = by_theta(first, [&x, &theta, &y]);
        prop_assert!(g.sum_axis(0).allclose(&Tensor::zeros([n]), 0.0, 1e-13));
        let along = shift.broadcast_to([k, n]).to_contiguous();
        let (_, curvature) = hvp(
            |v| second(v.tape().constant(&x), v, v.tape().constant(&y)),
            theta.clone(),
            along,
        ).unwrap();
        prop_assert!(curvature.allclose(&Tensor::zeros([k, n]), 0.0, 1e-12));
    }

    /// Row 37. `θ_k = 0` loses nothing (take `Δθ = -θ_k`), and leaves nothing to choose: the other
    /// weights are read off the probabilities, `(θᵢ)ⱼ = ln(σᵢ/σ_k)` at the input `eⱼ`.
    #[test]
    fn with_the_last_weight_zero_the_others_are_determined((x, theta, _) in classifier()) {
        let (k, n) = (theta.shape()[0], x.len());
        let last = theta.slice(s![k - 1..k, ..]);
        let reduced = &theta - &last;
        let p = softmax(&theta.matmul(&x));
        prop_assert!(softmax(&reduced.matmul(&x)).allclose(&p, 1e-12, 0.0));
        let of_basis = softmax(&Tensor::eye(n).matmul(&theta.t())); // row j: probabilities at eⱼ
        let read_off = Tensor::from_fn([k, n], |i| {
            (of_basis[[i[1], i[0]]] / of_basis[[i[1], k - 1]]).ln()
        });
        prop_assert!(read_off.allclose(&reduced, 1e-12, 1e-13));
    }

    /// Row 38. Two classes: every stage of the slides' chain, and `σ(x·θ)` with `θ = θ₁ - θ₂`; the
    /// derivatives by the logits agree too.
    #[test]
    fn softmax_of_two_classes_is_the_sigmoid_of_the_difference(
        (x, theta) in (1usize..5).prop_flat_map(|n| (tensor_in(2.0, &[n]), tensor_in(1.5, &[2, n])))
    ) {
        let (theta1, theta2) = (theta.index_axis(0, 0), theta.index_axis(0, 1));
        let theta = &theta1 - &theta2;
        let e = |theta: &Tensor<f64>| x.dot(theta).item().exp();
        let zero = &theta1 - &theta1;
        let tape = Tape::new();
        let logits = Tensor::stack(&[&theta1, &theta2], 0).matmul(&x);
        let v = tape.leaf(&logits);
        let first = v.softmax(-1).index_axis(0, 0);
        for stage in [
            e(&theta1) / (e(&theta1) + e(&theta2)),
            e(&zero) / (e(&zero) + e(&(&theta2 - &theta1))),
            1.0 / (1.0 + (-x.dot(&theta).item()).exp()),
            tape.constant(x.dot(&theta)).sigmoid().item(),
        ] {
            prop_assert!(close(first.item(), stage, 1e-14));
        }
        let [by_logits] = first.grad([v]);
        let slope = first.item() * (1.0 - first.item());
        prop_assert!(by_logits.value().allclose(&tensor![slope, -slope], 1e-12, 1e-15));
    }

    /// Row 39. Both forms, the loss of the library, and the gradient `(σᵢ - yᵢ) x` for each class.
    #[test]
    fn the_gradient_of_a_class_is_softmax_less_one_hot_times_input(
        (x, theta, class) in classifier()
    ) {
        let y = one_hot(class, theta.shape()[0]);
        let p = softmax(&theta.matmul(&x));
        let expected = outer(&(&p - &y), &x);
        for form in [first as Form, second] {
            let (l, g) = by_theta(form, [&x, &theta, &y]);
            prop_assert!(close(l, -p[[class]].ln(), 1e-14));
            prop_assert!(g.allclose(&expected, 1e-12, 1e-14));
        }
        let model = SoftmaxRegression { linear: Linear::from_parts(theta.clone(), None) };
        let tape = Tape::new();
        let labels = tape.constant(Tensor::from(vec![class as i64]));
        let l = model.loss(tape.constant(x.unsqueeze(0)), labels);
        prop_assert!(close(l.item(), -p[[class]].ln(), 1e-14));
        prop_assert!(l.backward()[&model.linear.weight].allclose(&expected, 1e-12, 1e-14));
        gradcheck(|[theta]| {
            let tape = theta.tape();
            first(tape.constant(&x), theta, tape.constant(&y))
        }, [theta]).unwrap();
    }

    /// Row 39 and erratum: separating out the normalisation uses `Σ yᵢ = 1`. For other `y` the
    /// second form and the gradient of the slides are those of another function; in general the
    /// loss is `-Σ yᵢ x·θᵢ + (Σ yᵢ) ln Σ exp(x·θᵢ)` and its gradient `((Σⱼ yⱼ) σᵢ - yᵢ) x`.
    #[test]
    fn separating_out_the_normalisation_needs_targets_that_sum_to_one(
        (x, theta, y) in (1usize..4, 2usize..5).prop_flat_map(|(n, k)| {
            (tensor_in(2.0, &[n]), tensor_in(1.5, &[k, n]), tensor_in(1.0, &[k]))
        })
    ) {
        let y = y.abs();
        let total = y.sum().item();
        prop_assume!((total - 1.0).abs() > 0.05 && x.norm().item() > 0.1);
        let logits = theta.matmul(&x);
        let (p, normalisation) = (softmax(&logits), logits.exp().sum().item().ln());
        let (one, one_gradient) = by_theta(first, [&x, &theta, &y]);
        let (two, two_gradient) = by_theta(second, [&x, &theta, &y]);
        prop_assert!(close(one - two, (total - 1.0) * normalisation, 1e-12));
        let printed = outer(&(&p - &y), &x);
        let correct = outer(&(&p * total - &y), &x);
        prop_assert!(two_gradient.allclose(&printed, 1e-12, 1e-14));
        prop_assert!(one_gradient.allclose(&correct, 1e-12, 1e-13));
        prop_assert!(!one_gradient.allclose(&printed, 1e-6, 1e-6));
        let y = &y / total;
        let (one, two) = (by_theta(first, [&x, &theta, &y]), by_theta(second, [&x, &theta, &y]));
        prop_assert!(close(one.0, two.0, 1e-13) && one.1.allclose(&two.1, 1e-11, 1e-13));
    }
}

/// Row 37: a shift that differs from class to class is another classifier; "constant" means the
/// same for all classes, whatever `x`.
#[test]
fn a_shift_of_one_class_alone_changes_the_probabilities() {
    let (x, theta) = (tensor![1.0, -2.0], tensor![[0.5, 0.0], [1.0, 1.0], [0.0, 0.25]]);
    let moved = &theta + tensor![[1.0, 0.0], [0.0, 0.0], [0.0, 0.0]];
    assert!(!softmax(&moved.matmul(&x)).allclose(&softmax(&theta.matmul(&x)), 0.1, 0.0));
}

/// Row 38 and erratum: the last stage is printed `σ(x)`, but `σ` takes a number and `x` is a
/// vector: element by element that is `n` numbers, none of them the probability. Correct is
/// `σ(x·θ)`.
#[test]
fn sigma_of_x_as_printed_is_not_a_probability_of_two_classes() {
    let (x, theta1, theta2) = (tensor![1.0, 2.0], tensor![0.5, -1.0], tensor![1.5, 0.25]);
    let p = softmax(&tensor![x.dot(&theta1).item(), x.dot(&theta2).item()])[[0]];
    let printed: Tensor<f64> = x.sigmoid();
    assert_eq!(printed.shape(), [2]);
    assert!(printed.iter().all(|s| (s - p).abs() > 0.1));
    assert!(close(x.dot(&(&theta1 - &theta2)).sigmoid().item(), p, 1e-15));
}

/// Row 36 and erratum: here `Θ = [θ₁, …, θ_k]` has the classes as columns, on the slide of linear
/// layers as rows. Read by that earlier convention, `Θx`, the shapes do not even fit unless
/// `k = n`, and then the numbers are others; printed this way the logits are `Θᵀx`.
#[test]
fn theta_has_its_classes_in_columns_on_the_slide_of_softmax() {
    let (theta1, theta2) = (tensor![1.0, 2.0], tensor![-1.0, 0.5]);
    let x = tensor![1.0, 3.0];
    let printed = Tensor::stack(&[&theta1, &theta2], 1);
    let logits = tensor![x.dot(&theta1).item(), x.dot(&theta2).item()];
    assert_eq!(printed.t().matmul(&x), logits);
    assert_ne!(printed.matmul(&x), logits);
    assert_eq!(Tensor::stack(&[&theta1, &theta2], 0).matmul(&x), logits);
}

/// Row 39. Logits of ±1e4: the formulas as printed overflow, on the tape as on paper; the loss of
/// the library is exact, and so is its gradient.
#[test]
fn logits_of_ten_thousand_lose_no_digit() {
    let logits = tensor![1e4, -1e4, 0.0];
    assert!(softmax(&logits)[[0]].is_nan());
    let (x, theta) = (tensor![1e4], tensor![[1.0], [-1.0], [0.0]]);
    let y = one_hot(1, 3);
    assert_eq!(by_theta(second, [&x, &theta, &y]).0, f64::INFINITY);
    // ln 0 where the target is 0 as well as where it is 1.
    assert!(!by_theta(first, [&x, &theta, &one_hot(0, 3)]).0.is_finite());

    let tape = Tape::new();
    let v = tape.leaf(logits.unsqueeze(0));
    assert_eq!(v.softmax(-1).value(), tensor![[1.0, 0.0, 0.0]]);
    for (label, loss) in [(0i64, 0.0), (1, 2e4), (2, 1e4)] {
        let l = loss::cross_entropy(v, tape.constant(tensor![label]));
        let [g] = l.grad([v]);
        let expected = tensor![[1.0, 0.0, 0.0]] - one_hot(label as usize, 3).unsqueeze(0);
        assert_eq!((l.item(), g.value()), (loss, expected));
        let probabilities = tape.constant(one_hot(label as usize, 3).unsqueeze(0));
        assert_eq!(loss::cross_entropy_probs(v, probabilities).item(), loss);
    }
}
