//! Section 2, "Linearity: a deeper look": rows 6, 7 and 8.

use nn::layer::collapse;
use nn::prelude::*;
use proptest::prelude::*;

use super::{close, draw};
use crate::support::panic_of;

/// What a layer makes of one vector, as a function of tensors.
fn apply(layer: &Linear<f64>, x: &Tensor<f64>) -> Tensor<f64> {
    layer.forward(Tape::inference().constant(x)).value()
}

fn random_layer(inputs: usize, outputs: usize, seed: u64) -> Linear<f64> {
    let [weight] = draw([&[outputs, inputs]], seed);
    Linear::from_parts(weight, None)
}

/// A black box: linear in `x`, though nothing in it looks like a matrix. It takes differences of
/// neighbours, sums them up in reverse order, and adds the mean to each.
fn black_box(x: Var<'_, f64>) -> Var<'_, f64> {
    let n = x.len();
    let steps = x.narrow(0, 1, n - 1) - x.narrow(0, 0, n - 1);
    steps.flip(0).cumsum(0) + 3.0 * x.mean()
}

fn evaluate(f: impl for<'t> Fn(Var<'t, f64>) -> Var<'t, f64>, x: &Tensor<f64>) -> Tensor<f64> {
    f(Tape::inference().constant(x)).value()
}

/// The matrix whose column `i` is `f(e_i)`.
fn by_values_on_the_basis(
    f: impl for<'t> Fn(Var<'t, f64>) -> Var<'t, f64>,
    n: usize,
) -> Tensor<f64> {
    let basis = Tensor::<f64>::eye(n);
    let columns: Vec<_> = (0..n).map(|i| evaluate(&f, &basis.index_axis(0, i as isize))).collect();
    Tensor::stack(&columns.iter().collect::<Vec<_>>(), 1)
}

proptest! {
    #![proptest_config(super::cases())]

    /// Row 6. `f(αx) = αf(x)` and `f(x + y) = f(x) + f(y)`.
    #[test]
    fn linear_layer_is_homogeneous_and_additive(
        n in 1usize..6, m in 1usize..6, seed: u64, alpha in -5.0f64..5.0,
    ) {
        let [x, y] = draw([&[n], &[n]], seed);
        let f = random_layer(n, m, seed ^ 1);
        close(&apply(&f, &(&x * alpha)), &(apply(&f, &x) * alpha), 1e-12);
        close(&apply(&f, &(&x + &y)), &(apply(&f, &x) + apply(&f, &y)), 1e-12);
    }

    /// Row 6. `f(αx + βy) = αf(x) + βf(y)`, which says both at once: `β = 0` is homogeneity and
    /// `α = β = 1` is additivity. The derivative agrees: `∂f(αx + βy)/∂α = f(x)`, the same at every
    /// `α`.
    #[test]
    fn superposition_is_both_properties_at_once(
        n in 1usize..6, m in 1usize..6, seed: u64, alpha in -5.0f64..5.0, beta in -5.0f64..5.0,
    ) {
        let [x, y] = draw([&[n], &[n]], seed);
        let f = random_layer(n, m, seed ^ 1);
        for (a, b) in [(alpha, beta), (alpha, 0.0), (1.0, 1.0)] {
            let mixed = apply(&f, &(&x * a + &y * b));
            close(&mixed, &(apply(&f, &x) * a + apply(&f, &y) * b), 1e-12);
        }
        let (value, along) = tape::jvp(
            |[a]| f.forward(a * a.tape().constant(&x) + beta * a.tape().constant(&y)),
            [Tensor::scalar(alpha)],
            [Tensor::scalar(1.0)],
        ).unwrap();
        close(&along, &apply(&f, &x), 1e-12);
        close(&value, &(apply(&f, &x) * alpha + apply(&f, &y) * beta), 1e-12);
    }

    /// Row 6. A shift breaks both properties, by exactly `(α − 1)b` and by `−b`; `f(0) = b` tells.
    #[test]
    fn an_affine_map_breaks_both_properties(
        n in 1usize..6, m in 1usize..6, seed: u64, alpha in 1.5f64..5.0,
    ) {
        let [x, y, weight, b] = draw([&[n], &[n], &[m, n], &[m]], seed);
        let f = Linear::from_parts(weight, Some(b.clone()));
        close(&(apply(&f, &x) * alpha - apply(&f, &(&x * alpha))), &(&b * (alpha - 1.0)), 1e-11);
        close(&(apply(&f, &(&x + &y)) - apply(&f, &x) - apply(&f, &y)), &-&b, 1e-11);
        prop_assert_eq!(apply(&f, &Tensor::zeros([n])), b.clone());
        prop_assert!(b.norm().item() > 0.0);
    }

    /// Row 7. `f` linear ⟺ `f(x) = Ax` for one `A`: the values on the basis give it, the Jacobian
    /// anywhere gives it, both agree, and it explains `f` at every other point.
    #[test]
    fn a_black_box_is_recovered_from_the_basis_and_from_its_jacobian(n in 2usize..8, seed: u64) {
        let [x, elsewhere] = draw([&[n], &[n]], seed);
        let a = by_values_on_the_basis(black_box, n);
        let jacobian = tape::jacobian(black_box, elsewhere).unwrap();
        close(&a, &jacobian, 1e-12);
        close(&a.matmul(&x), &evaluate(black_box, &x), 1e-12);
    }

    /// Row 7. `A` is unique: another matrix differs on a vector of the basis.
    #[test]
    fn no_other_matrix_is_the_same_map(n in 1usize..6, m in 1usize..6, seed: u64) {
        let [a, other] = draw([&[m, n], &[m, n]], seed);
        let basis = Tensor::<f64>::eye(n);
        let apart = (0..n).map(|i| {
            let e = basis.index_axis(0, i as isize);
            a.matmul(&e).max_abs_diff(&other.matmul(&e))
        });
        prop_assert_eq!(apart.fold(0.0, f64::max), a.max_abs_diff(&other));
    }

    /// Row 7. What is not linear shows: neither a ridge layer nor an affine one is what the basis
    /// says.
    #[test]
    fn the_basis_does_not_explain_what_is_not_linear(n in 2usize..5, seed: u64) {
        let [x, b] = draw([&[n], &[n]], seed);
        let affine = Linear::from_parts(Tensor::eye(n), Some(b));
        let by_ridge = by_values_on_the_basis(|x| x.sigmoid(), n).matmul(&x);
        let by_shift = by_values_on_the_basis(|x| affine.forward(x), n).matmul(&x);
        prop_assert!(by_ridge.max_abs_diff(&x.sigmoid()) > 1e-9);
        prop_assert!(by_shift.max_abs_diff(&apply(&affine, &x)) > 1e-9);
    }

    /// Row 8. Theorem 1, with the two lines of its proof: `g ∘ f` is homogeneous and additive.
    #[test]
    fn theorem_1_a_composition_of_linear_maps_is_linear(
        n in 2usize..6, k in 1usize..5, seed: u64, alpha in -5.0f64..5.0,
    ) {
        let [x, y] = draw([&[n], &[n]], seed);
        // f is the black box ℝⁿ → ℝⁿ⁻¹, g a layer: the theorem asks for no matrix.
        let layer = random_layer(n - 1, k, seed ^ 1);
        let (f, g) = (|x: &Tensor<f64>| evaluate(black_box, x), |z: &Tensor<f64>| apply(&layer, z));
        close(&g(&f(&(&x * alpha))), &g(&(f(&x) * alpha)), 1e-11);
        close(&g(&(f(&x) * alpha)), &(g(&f(&x)) * alpha), 1e-11);
        close(&g(&f(&(&x + &y))), &g(&(f(&x) + f(&y))), 1e-11);
        close(&g(&(f(&x) + f(&y))), &(g(&f(&x)) + g(&f(&y))), 1e-11);
    }

    /// Row 8. `C = BA`: one layer instead of two, by `compose`; the Jacobian says the same.
    #[test]
    fn composing_layers_multiplies_their_matrices(
        n in 1usize..6, h in 1usize..6, m in 1usize..6, bias: (bool, bool), seed: u64,
    ) {
        let [a, b, x, p, q] = draw([&[h, n], &[m, h], &[3, n], &[h], &[m]], seed);
        let f = Linear::from_parts(a.clone(), bias.0.then_some(p));
        let g = Linear::from_parts(b.clone(), bias.1.then_some(q));
        let c = g.compose(&f);
        close(c.weight.value(), &b.matmul(&a), 1e-13);
        let tape = Tape::inference();
        let x = tape.constant(&x);
        close(&c.forward(x).value(), &g.forward(f.forward(x)).value(), 1e-12);
        let jacobian = tape::jacobian(|x| g.forward(f.forward(x)), Tensor::zeros([n])).unwrap();
        close(&jacobian, c.weight.value(), 1e-12);
    }

    /// Row 8. A deep linear network is a shallow one: `collapse` leaves one layer with the same
    /// function, of rank not above the narrowest width.
    #[test]
    fn a_deep_linear_network_collapses_to_one_layer(
        widths in proptest::collection::vec(1usize..7, 3..7), seed: u64,
    ) {
        let deep = Mlp::<f64>::new(&widths, Activation::Identity, &mut rng(seed));
        let flat = deep.collapse();
        prop_assert_eq!(flat.model.layers.len(), 1);
        let tape = Tape::inference();
        let [x] = draw([&[4, widths[0]]], seed);
        let x = tape.constant(&x);
        close(&deep.forward(x).value(), &flat.model.forward(x).value(), 1e-12);
        let merged = &flat.merged[0];
        let rank = flat.model.layers[0].linear.weight.value().matrix_rank(Some(1e-12)).unwrap();
        prop_assert!(rank <= merged.rank_bound());
        prop_assert_eq!(merged.costs(), flat.model.parameter_count() > deep.parameter_count());
    }
}

/// Row 7. The slide has `A ∈ ℝⁿˣᵐ` for `f: ℝⁿ → ℝᵐ`: with such a matrix `Ax` is no product. It is
/// `m × n`.
#[test]
fn the_matrix_of_a_map_from_n_to_m_has_m_rows() {
    let a = tape::jacobian(black_box, Tensor::ones([4])).unwrap();
    assert_eq!(a.shape(), [3, 4]);
    let x = Tensor::<f64>::ones([4]);
    assert_eq!(a.matmul(&x).shape(), [3]);
    let printed = panic_of(|| a.t().matmul(&x)).text;
    assert!(printed.contains("[4, 3] x [4]"), "{printed}");
}

/// Row 8. Where collapsing costs parameters: two factors through a bottleneck `h` are cheaper than
/// the matrix exactly if `h (n + m) < n m` (without biases).
#[test]
fn collapsing_a_bottleneck_costs_parameters() {
    for h in 1..=40 {
        let layers = [random_layer(64, h, 0), random_layer(h, 32, 1)]
            .map(|linear| Ridge { linear, activation: Activation::Identity });
        let merged = collapse(&layers).merged.remove(0);
        assert_eq!((merged.before, merged.after), (h * (64 + 32), 64 * 32));
        assert_eq!(merged.costs(), h * (64 + 32) < 64 * 32, "{merged}");
    }
}

/// Row 8. An activation between them, and nothing collapses: what depth buys, depth without it does
/// not.
#[test]
fn an_activation_keeps_layers_apart() {
    let net = Mlp::<f64>::new(&[3, 4, 4, 2], Activation::Tanh, &mut rng(2));
    let same = net.collapse();
    assert_eq!(same.model.layers.len(), 3);
    assert!(same.merged.is_empty());
}

/// Row 8. The same function is not the same to train. With `∇` the gradient by the matrix itself, a
/// step takes `W` to `W − η∇`, but the factors of `W = BA` to `(B − η∇Aᵀ)(A − ηBᵀ∇)`, which is
/// `W − η(BBᵀ∇ + ∇AᵀA) + η²∇AᵀBᵀ∇`.
#[test]
fn collapsed_layers_compute_the_same_but_train_differently() {
    let eta = 0.1;
    for seed in 0..8 {
        let [a, b, x, y] = draw([&[2, 3], &[3, 2], &[5, 3], &[5, 3]], seed);
        let layers = [&a, &b].map(|weight| {
            let linear = Linear::from_parts(weight.clone(), None);
            Ridge { linear, activation: Activation::Identity }
        });
        let mut deep = Mlp { layers: layers.into() };
        let mut flat = deep.collapse().model;
        let w = flat.layers[0].linear.weight.value().clone();
        close(&w, &b.matmul(&a), 1e-13);
        let step = |net: &mut Mlp<f64>| {
            let tape = Tape::new();
            let (x, y) = (tape.constant(&x), tape.constant(&y));
            let grads = loss::half_squared_error(net.forward(x), y).backward();
            Sgd::new(eta).step(net, &grads).unwrap();
        };
        step(&mut deep);
        step(&mut flat);
        let gradient = (w.matmul(&x.t()) - y.t()).matmul(&x) / 5.0;
        let first = b.matmul(&b.t()).matmul(&gradient) + gradient.matmul(&a.t()).matmul(&a);
        let second = gradient.matmul(&a.t()).matmul(&b.t()).matmul(&gradient);
        let of_factors = &w - first * eta + second * (eta * eta);
        let product = deep.collapse().model.layers[0].linear.weight.value().clone();
        let alone = flat.layers[0].linear.weight.value();
        close(alone, &(&w - &gradient * eta), 1e-12);
        close(&product, &of_factors, 1e-12);
        assert!(product.max_abs_diff(alone) > 1e-3);
    }
}
