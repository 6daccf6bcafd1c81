//! Rows 28 to 30: ridge functions.

use nn::prelude::*;
use proptest::prelude::*;
use tape::{Gradcheck, gradcheck};

use super::cases;
use super::support::section4::{close, layer, tensor_in, unit, with_slope};

/// An activation with its formula and the formula of its derivative.
type Row = (Activation, fn(f64) -> f64, fn(f64) -> f64);

fn sigma(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

/// The smooth ones; all but the last are injective.
const SMOOTH: [Row; 5] = [
    (Activation::Identity, |z| z, |_| 1.0),
    (Activation::Logistic, sigma, |z| sigma(z) * sigma(-z)),
    (Activation::Tanh, f64::tanh, |z| 1.0 / z.cosh().powi(2)),
    (Activation::Softplus, |z| z.exp().ln_1p(), sigma),
    (Activation::Silu, |z| z * sigma(z), |z| sigma(z) * (1.0 + z * sigma(-z))),
];

/// `f(x; θ) = φ(x·θ)` of one unit.
fn ridge<'t>(phi: Activation, x: Var<'t, f64>, theta: Var<'t, f64>) -> Var<'t, f64> {
    phi.apply(x.matmul(theta))
}

fn value(phi: Activation, x: &Tensor<f64>, theta: &Tensor<f64>) -> f64 {
    let tape = Tape::new();
    ridge(phi, tape.constant(x), tape.constant(theta)).item()
}

proptest! {
    #![proptest_config(cases())]

    /// Row 28. The layer, `φ(x·θⱼ)` unit by unit, and the columns of the slides, `φ(ΘX)`; and
    /// composed with an affine function, `φ(x·θⱼ + bⱼ)`.
    #[test]
    fn a_ridge_layer_is_a_unit_for_each_row((x, theta) in layer()) {
        for (activation, phi, _) in SMOOTH {
            let layer = Ridge { linear: Linear::from_parts(theta.clone(), None), activation };
            let y = layer.forward(Tape::new().constant(&x)).value();
            let dot = |k: usize, j: usize| -> f64 {
                (0..x.shape()[1]).map(|i| x[[k, i]] * theta[[j, i]]).sum()
            };
            let unit = Tensor::from_fn([x.shape()[0], theta.shape()[0]], |i| phi(dot(i[0], i[1])));
            prop_assert!(y.allclose(&unit, 1e-13, 1e-14), "{activation}: {y} {unit}");
            let columns = theta.matmul(&x.t()).map(phi);
            prop_assert!(y.allclose(&columns.t(), 1e-13, 1e-14), "{activation}");
            let bias = theta.sum_axis(1);
            let linear = Linear::from_parts(theta.clone(), Some(bias.clone()));
            let y = Ridge { linear, activation }.forward(Tape::new().constant(&x)).value();
            let shifted = Tensor::from_fn(y.shape(), |i| phi(dot(i[0], i[1]) + bias[[i[1]]]));
            prop_assert!(y.allclose(&shifted, 1e-13, 1e-14), "{activation}");
        }
    }

    /// Row 28. The layer's derivatives by `x` and `Θ` against differences of its values.
    #[test]
    fn the_derivatives_of_a_ridge_layer_are_those_of_its_values((x, theta) in layer()) {
        let check = Gradcheck::new().order(1);
        check.check(|[x, theta]| x.matmul(theta.t()).tanh(), [x.clone(), theta.clone()]).unwrap();
        check.check(|[x, theta]| x.matmul(theta.t()).sigmoid(), [x, theta]).unwrap();
    }

    /// Row 29. `∇ₓf = φ'(x·θ) θ`, so `‖∇ₓf‖ = |φ'(x·θ)| ‖θ‖`: the tape, the formula, differences.
    #[test]
    fn the_rate_of_change_is_the_slope_times_the_length_of_the_weights((x, theta) in unit()) {
        for (phi, _, slope) in SMOOTH {
            let tape = Tape::new();
            let v = tape.leaf(&x);
            let [g] = ridge(phi, v, tape.constant(&theta)).grad([v]);
            let g = g.value();
            let slope = slope(x.dot(&theta).item());
            prop_assert!(g.allclose(&(&theta * slope), 1e-12, 1e-14), "{phi}");
            let rate = slope.abs() * theta.norm().item();
            prop_assert!(close(g.norm().item(), rate, 1e-13), "{phi}");
            let check = Gradcheck::new().order(1);
            check.check(|[x]| ridge(phi, x, x.tape().constant(&theta)), [x.clone()]).unwrap();
        }
    }

    /// Row 29. A level set contains the hyperplane through `x` across `θ`, whatever `φ`.
    #[test]
    fn a_move_across_the_weights_changes_nothing(
        ((x, theta), seed) in (unit(), any::<u64>())
    ) {
        let step = Tensor::normal(x.shape(), 0.0, 1.0, &mut rng(seed));
        let across = &step - &theta * (step.dot(&theta) / theta.dot(&theta));
        for phi in [Activation::Identity, Activation::Tanh, Activation::Relu, Activation::Silu] {
            let (here, there) = (value(phi, &x, &theta), value(phi, &(&x + &across), &theta));
            prop_assert!(close(here, there, 1e-12), "{phi}: {here} {there}");
        }
    }

    /// Row 29. If `φ` is injective and `θ ≠ 0`, any move that leaves the hyperplane changes the
    /// value.
    #[test]
    fn a_move_along_the_weights_changes_an_injective_unit(
        ((x, theta), t, seed) in (unit(), prop_oneof![-2.0..-0.01, 0.01..2.0], any::<u64>())
    ) {
        let step = Tensor::normal(x.shape(), 0.0, 1.0, &mut rng(seed));
        let across = &step - &theta * (step.dot(&theta) / theta.dot(&theta));
        let moved = &x + &across + &theta * (t / theta.norm().item());
        for (phi, ..) in &SMOOTH[..4] {
            prop_assert_ne!(value(*phi, &x, &theta), value(*phi, &moved, &theta));
        }
    }

    /// Row 30. `∇_θ(ℓ∘φ)(x·θ) = (ℓ∘φ)'(x·θ) x` for several losses: the tape's gradient by `θ`, the
    /// tape's derivative of the function of one number `ℓ∘φ` times `x`, and differences.
    #[test]
    fn the_gradient_of_the_weights_lies_along_the_input((x, theta) in unit(), y in -1.0..1.0) {
        fn square<'t>(z: Var<'t, f64>, y: f64) -> Var<'t, f64> {
            0.5 * (z.tanh() - y).square()
        }
        fn entropy<'t>(z: Var<'t, f64>, y: f64) -> Var<'t, f64> {
            let t = 0.5 * (1.0 + y);
            -t * z.sigmoid().ln() - (1.0 - t) * (-z).sigmoid().ln()
        }
        type Loss = for<'t> fn(Var<'t, f64>, f64) -> Var<'t, f64>;
        for loss in [square as Loss, entropy] {
            let (_, slope) = with_slope(|z| loss(z, y), x.dot(&theta).item());
            let tape = Tape::new();
            let v = tape.leaf(&theta);
            let [g] = loss(tape.constant(&x).matmul(v), y).grad([v]);
            prop_assert!(g.value().allclose(&(&x * slope), 1e-12, 1e-14));
            gradcheck(|[v]| loss(v.tape().constant(&x).matmul(v), y), [theta.clone()]).unwrap();
        }
    }

    /// Row 30. So however long it is trained, a unit moves within the span of its inputs:
    /// with two samples in `R⁵`, what is orthogonal to both never enters. A bias is one more
    /// input, always 1.
    #[test]
    fn training_moves_the_weights_within_the_span_of_the_inputs(
        x in tensor_in(1.0, &[2, 5]), start in tensor_in(1.0, &[1, 5]), seed in any::<u64>()
    ) {
        let mut unit = Ridge {
            linear: Linear::from_parts(start.clone(), None),
            activation: Activation::Tanh,
        };
        for _ in 0..20 {
            let tape = Tape::new();
            let y = tape.constant(tensor![[0.9], [-0.7]]);
            let loss = loss::frobenius(unit.forward(tape.constant(&x)), y);
            let g = &loss.backward()[&unit.linear.weight];
            let moved = unit.linear.weight.value() - g * 0.1;
            unit.linear.weight.set(moved);
        }
        let step = (unit.linear.weight.value() - &start).reshape([5]);
        // Gram and Schmidt: a direction orthogonal to both samples.
        let (a, b) = (x.index_axis(0, 0), x.index_axis(0, 1));
        let b = &b - &a * (a.dot(&b) / a.dot(&a));
        let v = Tensor::normal([5], 0.0, 1.0, &mut rng(seed));
        let v = &v - &a * (a.dot(&v) / a.dot(&a));
        let v = &v - &b * (b.dot(&v) / b.dot(&b));
        prop_assert!(step.dot(&v).item().abs() < 1e-12, "{}", step.dot(&v).item());
    }
}

/// Row 30. Along the input means along or against it: the sign is that of `(ℓ∘φ)'`.
#[test]
fn the_gradient_points_along_or_against_the_input() {
    let (x, theta) = (tensor![1.0, -2.0], tensor![0.5, 0.25]);
    let along = |y: f64| {
        let tape = Tape::new();
        let v = tape.leaf(&theta);
        let [g] = (tape.constant(&x).matmul(v).tanh() - y).square().grad([v]);
        g.value().dot(&x).item()
    };
    assert!(along(-0.5) > 0.0 && along(0.5) < 0.0);
}

/// Row 29 and erratum: "level sets are hyperplanes" needs an injective activation and `θ ≠ 0`. For
/// `φ(z) = z²` they are two hyperplanes, for a rectifier half a space, for `θ = 0` everything.
#[test]
fn without_injectivity_or_weights_a_level_set_is_more_than_a_hyperplane() {
    let theta = tensor![1.0, 2.0];
    let (x, mirrored) = (tensor![3.0, 1.0], tensor![1.0, -3.0]);
    assert_eq!((x.dot(&theta).item(), mirrored.dot(&theta).item()), (5.0, -5.0));
    assert_eq!(f64::powi(x.dot(&theta).item(), 2), f64::powi(mirrored.dot(&theta).item(), 2));
    let below = [tensor![-1.0, 0.0], tensor![-4.0, 1.0], tensor![0.0, -7.0]];
    assert!(below.iter().all(|x| value(Activation::Relu, x, &theta) == 0.0));
    let nothing = Tensor::<f64>::zeros([2]);
    assert_eq!(value(Activation::Tanh, &x, &nothing), value(Activation::Tanh, &mirrored, &nothing));
}
