//! Deep linear gradients, second half: the network y = BAx, its loss, and both gradients.
//!
//! Rows 25 and 26. The slides have samples in columns; here they are rows, so that their sums
//! Σxx = Σᵢ xᵢxᵢᵀ and Σxy = Σᵢ yᵢxᵢᵀ are XᵀX and YᵀX.

use nn::prelude::*;
use proptest::prelude::*;

use super::support::claim::{holds, refuted};
use super::{cases, draw};

/// Sizes of x, of the hidden layer, of y; how many samples; and a seed.
fn sizes() -> impl Strategy<Value = ([usize; 4], u64)> {
    ([1usize..4, 1usize..4, 1usize..4, 1usize..5], any::<u64>())
}

/// As [`sizes`], but never 1 where a matrix of one row or column would hide a transposition, and
/// with the sizes of x, hidden and y equal, so that every product on the slides can be formed.
fn square() -> impl Strategy<Value = (usize, u64)> {
    (2usize..5, any::<u64>())
}

/// The network and data `x: [n, d]`, `y: [n, k]`.
fn network([d, m, k, n]: [usize; 4], seed: u64) -> [Tensor<f64>; 4] {
    draw([&[m, d], &[k, m], &[n, d], &[n, k]], seed)
}

/// ½ Σᵢ ‖yᵢ - BAxᵢ‖² on the tape, with samples in rows.
fn sum_loss<'t>([a, b]: [Var<'t, f64>; 2], x: &Tensor<f64>, y: &Tensor<f64>) -> Var<'t, f64> {
    let (x, y) = (a.tape().constant(x), a.tape().constant(y));
    loss::frobenius(x.matmul(a.t()).matmul(b.t()), y)
}

/// The slides' gradients by A and by B.
fn gradients([a, b]: [&Tensor<f64>; 2], xx: &Tensor<f64>, xy: &Tensor<f64>) -> [Tensor<f64>; 2] {
    let error = xy - b.matmul(a).matmul(xx);
    [-b.t().matmul(&error), -error.matmul(&a.t())]
}

proptest! {
    #![proptest_config(cases())]

    // Row 25: y = BAx.
    #[test]
    fn the_network_maps_each_sample_to_bax((sizes, seed) in sizes()) {
        let [a, b, x, _] = network(sizes, seed);
        let model = DeepLinear::from_weights([a.clone(), b.clone()]);
        let y = model.forward(Tape::new().constant(&x)).value();
        for i in 0..sizes[3] as isize {
            let expected = b.matmul(&a.matmul(&x.index_axis(0, i)));
            prop_assert!(y.index_axis(0, i).allclose(&expected, 1e-12, 1e-13));
        }
        prop_assert!(model.product().allclose(&b.matmul(&a), 1e-12, 1e-13));
    }

    // Row 25: L(B, A), and row 26, derivation I: its four lines are one number.
    #[test]
    fn the_loss_expands_into_four_terms((sizes, seed) in sizes()) {
        let [a, b, x, y] = network(sizes, seed);
        let tape = Tape::new();
        let taped = sum_loss([tape.constant(&a), tape.constant(&b)], &x, &y).item();
        let samples = 0..sizes[3] as isize;
        let mut lines = [0.0; 4];
        for i in samples {
            let (x, y) = (x.index_axis(0, i), y.index_axis(0, i));
            let bax = b.matmul(&a).matmul(&x);
            let error = &y - &bax;
            // The slide's sums carry no brackets: all four terms are under the sum, and halved.
            let xatbt = x.matmul(&a.t()).matmul(&b.t());
            let terms = [
                error.square().sum(),
                error.dot(&error),
                y.dot(&y) - y.dot(&bax) - bax.dot(&y) + bax.dot(&bax),
                y.dot(&y) - y.matmul(&b).matmul(&a).dot(&x) - xatbt.dot(&y)
                    + xatbt.matmul(&b).matmul(&a).dot(&x),
            ];
            lines = std::array::from_fn(|j| lines[j] + 0.5 * terms[j].item());
        }
        for line in lines {
            prop_assert!((line - taped).abs() < 1e-11 * (1.0 + taped), "{lines:?} {taped}");
        }
    }

    // Row 26: ∂L/∂A = -Bᵀ(Σxy - BAΣxx) and ∂L/∂B = -(Σxy - BAΣxx)Aᵀ.
    #[test]
    fn the_gradients_are_those_of_the_slides((sizes, seed) in sizes()) {
        let [a, b, x, y] = network(sizes, seed);
        let (xx, xy) = (x.t().matmul(&x), y.t().matmul(&x));
        holds(|w| sum_loss(w, &x, &y), |w| gradients(w, &xx, &xy), [a.clone(), b.clone()]);
        // The model says the same as the function.
        let model = DeepLinear::from_weights([a.clone(), b.clone()]);
        let tape = Tape::new();
        let loss = loss::frobenius(model.forward(tape.constant(&x)), tape.constant(&y));
        let grads = loss.backward();
        for (weight, expected) in model.weights.iter().zip(gradients([&a, &b], &xx, &xy)) {
            prop_assert!(grads[weight].allclose(&expected, 1e-11, 1e-11));
        }
    }

    // Row 26, derivation II, first term: ∂ yᵀBAx / ∂A = Bᵀyxᵀ.
    #[test]
    fn the_term_linear_in_a_has_gradient_bt_y_xt(([d, m, k, _], seed) in sizes()) {
        let [a, b, x, y] = draw([&[m, d], &[k, m], &[d], &[k]], seed);
        holds(
            |[a]| {
                let [b, x, y] = [&b, &x, &y].map(|c| a.tape().constant(c));
                y.matmul(b).matmul(a).matmul(x)
            },
            |_| [b.t().matmul(&y).outer(&x)],
            [a],
        );
    }

    // Row 26, derivation II, second term: ∂ xᵀAᵀBᵀy / ∂A is Bᵀyxᵀ too. Printed: xyᵀB, its
    // transpose.
    #[test]
    fn the_transposed_term_has_the_same_gradient_not_x_yt_b(
        (n, seed) in square(), other in 2usize..5,
    ) {
        fn term<'t>([a]: [Var<'t, f64>; 1], constants: [&Tensor<f64>; 3]) -> Var<'t, f64> {
            let [b, x, y] = constants.map(|c| a.tape().constant(c));
            x.matmul(a.t()).matmul(b.t()).matmul(y)
        }
        for d in [n, other] {
            let [a, b, x, y] = draw([&[n, d], &[n, n], &[d], &[n]], seed);
            let correct = b.t().matmul(&y).outer(&x);
            let printed = x.outer(&y.matmul(&b));
            prop_assert!(printed.allclose(&correct.t(), 1e-12, 1e-13));
            holds(|a| term(a, [&b, &x, &y]), |_| [correct.clone()], [a.clone()]);
            refuted(|a| term(a, [&b, &x, &y]), |_| [printed.clone()], [a]);
        }
    }

    // Row 26, derivation II, third term: ∂ xᵀAᵀBᵀBAx / ∂A = 2BᵀBAxxᵀ. Printed: BBᵀAxxᵀ + BᵀBAxxᵀ,
    // and then 2BBᵀAxxᵀ. Neither is right unless BBᵀ = BᵀB, and they are not equal to each other.
    #[test]
    fn the_quadratic_term_has_gradient_2_bt_b_a_x_xt((n, seed) in square(), d in 2usize..5) {
        fn term<'t>([a]: [Var<'t, f64>; 1], b: &Tensor<f64>, x: &Tensor<f64>) -> Var<'t, f64> {
            let bax = a.tape().constant(b).matmul(a).matmul(a.tape().constant(x));
            bax.matmul(bax)
        }
        let [a, b, x] = draw([&[n, d], &[n, n], &[d]], seed);
        let (outer, inner) = (b.matmul(&b.t()), b.t().matmul(&b));
        let axx = a.matmul(&x).outer(&x);
        holds(|a| term(a, &b, &x), |_| [2.0 * inner.matmul(&axx)], [a.clone()]);
        refuted(|a| term(a, &b, &x), |_| [(&outer + &inner).matmul(&axx)], [a.clone()]);
        refuted(|a| term(a, &b, &x), |_| [2.0 * outer.matmul(&axx)], [a.clone()]);
        prop_assert!(!(&outer + &inner).allclose(&(2.0 * &outer), 1e-9, 1e-9));

        // Why the slip goes unseen: it is none for a symmetric B.
        let b = &b + b.t();
        let outer = b.matmul(&b.t());
        holds(|a| term(a, &b, &x), |_| [2.0 * outer.matmul(&axx)], [a]);
    }

    // The same slip, for sizes that are those of a bottleneck: BBᵀ is k×k and cannot stand before
    // A.
    #[test]
    fn bbt_cannot_be_multiplied_with_a(k in 1usize..5, m in 1usize..5, d in 1usize..5) {
        let fits = |rows: usize| tensor::kernel::matmul_shape(&[rows, rows], &[m, d]).is_ok();
        prop_assert!(fits(m), "BᵀB");
        prop_assert_eq!(fits(k), k == m, "BBᵀ");
    }

    // Row 26, derivation III: the terms add up, sample by sample, and A and Bᵀ leave the sum.
    #[test]
    fn the_terms_add_up_to_the_gradient((sizes, seed) in sizes()) {
        let [a, b, x, y] = network(sizes, seed);
        let [by_a, _] = gradients([&a, &b], &x.t().matmul(&x), &y.t().matmul(&x));
        let mut sum = Tensor::zeros(a.shape());
        for i in 0..sizes[3] as isize {
            let (x, y) = (x.index_axis(0, i), y.index_axis(0, i));
            sum -= b.t().matmul(&y).outer(&x);
            sum += b.t().matmul(&b).matmul(&a).matmul(&x).outer(&x);
        }
        prop_assert!(sum.allclose(&by_a, 1e-11, 1e-11));
    }

    // Errata: Σxy is Σ yxᵀ, k×d, against the order of its indices; Σ xyᵀ is d×k.
    #[test]
    fn sigma_xy_is_y_times_xt((n, seed) in square()) {
        let [a, b, x, y] = network([n; 4], seed);
        let (xx, xy) = (x.t().matmul(&x), y.t().matmul(&x));
        let at = [a, b];
        holds(|w| sum_loss(w, &x, &y), |w| gradients(w, &xx, &xy), at.clone());
        refuted(|w| sum_loss(w, &x, &y), |w| gradients(w, &xx, &xy.t()), at);
    }

    // Errata: here the loss is a sum; in the autoencoder's subsection it is a mean, 1/n of it. The
    // formulas hold for the mean if Σxx and Σxy are means too.
    #[test]
    fn sums_go_with_sums_and_means_with_means(([d, m, k, n], seed) in sizes()) {
        let n = n + 1;
        let [a, b, x, y] = network([d, m, k, n], seed);
        fn mean<'t>([a, b]: [Var<'t, f64>; 2], x: &Tensor<f64>, y: &Tensor<f64>) -> Var<'t, f64> {
            let (x, y) = (a.tape().constant(x), a.tape().constant(y));
            loss::half_squared_error(x.matmul(a.t()).matmul(b.t()), y)
        }
        let (xx, xy) = (x.t().matmul(&x), y.t().matmul(&x));
        let (mean_xx, mean_xy) = (&xx / n as f64, &xy / n as f64);
        let at = [a, b];
        holds(|w| mean(w, &x, &y), |w| gradients(w, &mean_xx, &mean_xy), at.clone());
        refuted(|w| mean(w, &x, &y), |w| gradients(w, &xx, &xy), at);
    }
}
