//! Deep linear gradients, first half: the rules of matrix differentiation.
//!
//! Rows 17 to 24. `holds` compares the slide's formula, the tape and finite differences; `refuted`
//! shows that a formula is not the gradient.

use nn::prelude::*;
use proptest::prelude::*;

use super::support::claim::{holds, refuted};
use super::{cases, draw};

/// The lower triangle, with or without the diagonal.
fn lower(n: usize, diagonal: bool) -> Tensor<f64> {
    Tensor::from_fn([n, n], |i| f64::from(i[0] > i[1] || (diagonal && i[0] == i[1])))
}

proptest! {
    #![proptest_config(cases())]

    // Row 17: ∇‖X‖² = 2X.
    #[test]
    fn the_squared_frobenius_norm_has_gradient_2x(m in 1usize..5, n in 1usize..5, seed: u64) {
        let [x] = draw([&[m, n]], seed);
        holds(|[x]| x.square().sum(), |[x]| [2.0 * x], [x.clone()]);
        holds(|[x]| x.t().matmul(x).trace(), |[x]| [2.0 * x], [x]);
    }

    // Row 17, the derivation: of the terms x_kl² only the one with (k, l) = (i, j) depends on x_ij.
    #[test]
    fn of_the_terms_of_the_norm_each_entry_moves_its_own(m in 1usize..5, n in 1usize..5, seed: u64) {
        let [x] = draw([&[m, n]], seed);
        let terms = tape::jacobian(|x| x.square(), x.clone()).expect("finite data");
        let expected = Tensor::from_fn([m, n, m, n], |i| {
            if (i[0], i[1]) == (i[2], i[3]) { 2.0 * x[[i[0], i[1]]] } else { 0.0 }
        });
        prop_assert_eq!(terms, expected);
    }

    // Row 18: ∇tr(AX) = Aᵀ with A n×m, ∇tr(AXᵀ) = A with A m×n.
    #[test]
    fn the_trace_of_a_product_has_gradient_a_transposed(m in 1usize..5, n in 1usize..5, seed: u64) {
        let [x, a, b] = draw([&[m, n], &[n, m], &[m, n]], seed);
        holds(|[a, x]| a.matmul(x).trace(), |[a, x]| [x.t(), a.t()], [a, x.clone()]);
        holds(|[b, x]| b.matmul(x.t()).trace(), |[b, x]| [x.clone(), b.clone()], [b, x]);
    }

    // Row 18, errata: the slide writes one letter for two shapes.
    #[test]
    fn one_matrix_serves_both_trace_rules_only_if_square(m in 1usize..5, n in 1usize..5) {
        let traced = |x: [usize; 2]| {
            let a = [m, n];
            tensor::kernel::matmul_shape(&a, &x).is_ok_and(|ax| ax[0] == ax[1])
        };
        prop_assert!(traced([n, m]), "tr(AXᵀ) with X m×n");
        prop_assert_eq!(traced([m, n]), m == n, "tr(AX) with X m×n");
    }

    // Row 19: ∇xᵀAx = 2Ax for symmetric A; for others it is wrong.
    #[test]
    fn a_symmetric_quadratic_form_has_gradient_2ax(n in 1usize..6, seed: u64) {
        let [x, a] = draw([&[n], &[n, n]], seed);
        let symmetric = &a + a.t();
        holds(
            |[x]| x.matmul(x.tape().constant(&symmetric)).matmul(x),
            |[x]| [2.0 * symmetric.matmul(x)],
            [x.clone()],
        );
        if n > 1 {
            refuted(
                |[x]| x.matmul(x.tape().constant(&a)).matmul(x),
                |[x]| [2.0 * a.matmul(x)],
                [x],
            );
        }
    }

    // Row 20: ∇xᵀAx = (A + Aᵀ)x. The slide says "non-symmetric"; it holds for every A.
    #[test]
    fn every_quadratic_form_has_gradient_a_plus_at_times_x(n in 1usize..6, seed: u64, even: bool) {
        let [x, a] = draw([&[n], &[n, n]], seed);
        let a = if even { &a + a.t() } else { a };
        holds(
            |[x]| x.matmul(x.tape().constant(&a)).matmul(x),
            |[x]| [(&a + a.t()).matmul(x)],
            [x],
        );
    }

    // Row 21: ∇_A xᵀAx = xxᵀ.
    #[test]
    fn a_quadratic_form_has_gradient_xxt_in_its_matrix(n in 1usize..6, seed: u64) {
        let [x, a] = draw([&[n], &[n, n]], seed);
        holds(|[a]| a.matmul(a.tape().constant(&x)).matmul(a.tape().constant(&x)),
            |_| [x.outer(&x)], [a]);
    }

    // Row 21, errata: xxᵀ counts the entries of A as independent. A symmetric A that is
    // stored as its lower triangle meets each entry beside the diagonal twice: the lower triangle
    // of 2xxᵀ - diag(x²).
    #[test]
    fn symmetric_entries_are_counted_twice(n in 2usize..6, seed: u64) {
        let [x, a] = draw([&[n], &[n, n]], seed);
        let (with, without) = (lower(n, true), lower(n, false));
        fn form<'t>(
            [a]: [Var<'t, f64>; 1],
            [x, with, without]: [&Tensor<f64>; 3],
        ) -> Var<'t, f64> {
            let [x, with, without] = [x, with, without].map(|c| a.tape().constant(c));
            let symmetric = a * with + (a * without).t();
            x.matmul(symmetric).matmul(x)
        }
        let doubled = 2.0 * x.outer(&x) - Tensor::eye(n) * x.square();
        holds(|a| form(a, [&x, &with, &without]), |_| [&doubled * &with], [a.clone()]);
        refuted(|a| form(a, [&x, &with, &without]), |_| [x.outer(&x)], [a]);
    }

    // Row 22: ∇xᵀAᵀAx = 2AᵀAx; the slide has A n×n, but any m×n will do.
    #[test]
    fn the_squared_length_of_ax_has_gradient_2atax(m in 1usize..5, n in 1usize..5, seed: u64) {
        let [x, a] = draw([&[n], &[m, n]], seed);
        holds(
            |[x]| {
                let a = x.tape().constant(&a);
                x.matmul(a.t()).matmul(a).matmul(x)
            },
            |[x]| [2.0 * a.t().matmul(&a).matmul(x)],
            [x],
        );
    }

    // Row 23: ∂/∂A (y - Ax)ᵀ(y - Ax) = -2(y - Ax)xᵀ.
    #[test]
    fn the_squared_error_has_gradient_minus_2_error_xt(m in 1usize..5, n in 1usize..5, seed: u64) {
        let [a, x, y] = draw([&[m, n], &[n], &[m]], seed);
        holds(
            |[a, x, y]| {
                let error = y - a.matmul(x);
                error.matmul(error)
            },
            |[a, x, y]| {
                let error = y - a.matmul(x);
                [-2.0 * error.outer(x), -2.0 * a.t().matmul(&error), 2.0 * error]
            },
            [a, x, y],
        );
    }

    // Row 24: ∂aᵀXb = abᵀ, in the layout of the slides, (∂f/∂X_ij)_ij; not baᵀ, the layout of
    // Jacobians.
    #[test]
    fn a_bilinear_form_has_gradient_abt(m in 2usize..5, n in 2usize..5, seed: u64) {
        let [a, x, b] = draw([&[m], &[m, n], &[n]], seed);
        fn form<'t>([x]: [Var<'t, f64>; 1], a: &Tensor<f64>, b: &Tensor<f64>) -> Var<'t, f64> {
            x.tape().constant(a).matmul(x).matmul(x.tape().constant(b))
        }
        holds(|x| form(x, &a, &b), |_| [a.outer(&b)], [x.clone()]);
        refuted(|x| form(x, &a, &b), |_| [b.outer(&a)], [x]);
    }

    // Row 24: ∂aᵀXᵀDXb = DᵀXabᵀ + DXbaᵀ.
    #[test]
    fn a_form_with_x_twice_has_two_terms(m in 1usize..5, n in 1usize..5, seed: u64) {
        let [a, b, d, x] = draw([&[n], &[n], &[m, m], &[m, n]], seed);
        holds(
            |[x]| {
                let [a, b, d] = [&a, &b, &d].map(|c| x.tape().constant(c));
                x.matmul(a).matmul(d).matmul(x.matmul(b))
            },
            |[x]| {
                let (xa, xb) = (x.matmul(&a), x.matmul(&b));
                [d.t().matmul(&xa).outer(&b) + d.matmul(&xb).outer(&a)]
            },
            [x],
        );
    }
}
