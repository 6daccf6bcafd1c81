//! Section 2, "Linear autoencoder", up to the rank constraint: rows 9 to 13.

use nn::prelude::*;
use proptest::prelude::*;
use tape::gradcheck;

use super::{close, draw};

/// An autoencoder with codes of `m` numbers, and one sample `x`.
fn setting(d: usize, m: usize, seed: u64) -> (LinearAutoencoder<f64>, Tensor<f64>) {
    let [c, dec, x] = draw([&[m, d], &[d, m], &[d]], seed);
    (LinearAutoencoder { c: Param::new(c), d: Param::new(dec) }, x)
}

/// `½‖x − DCx‖²` of one sample, with `C` and `D` as variables.
fn sample_loss<'t>(c: Var<'t, f64>, d: Var<'t, f64>, x: &Tensor<f64>) -> Var<'t, f64> {
    let x = c.tape().constant(x);
    0.5 * (x - d.matmul(c.matmul(x))).square().sum()
}

/// A matrix `[rows, columns]` of the given rank: a product through so many numbers.
fn of_rank(rows: usize, columns: usize, rank: usize, seed: u64) -> Tensor<f64> {
    let [a, b] = draw([&[rows, rank], &[rank, columns]], seed);
    a.matmul(&b)
}

proptest! {
    #![proptest_config(super::cases())]

    /// Row 9. `z = Cx`, `y = Dz`, `ℓ(θ) = ½‖x − y‖² = ½‖x − DCx‖²`.
    #[test]
    fn code_and_reconstruction_are_the_products_of_the_slide(
        d in 2usize..7, m in 1usize..4, seed: u64,
    ) {
        let (net, x) = setting(d, m, seed);
        let (c, dec) = (net.c.value(), net.d.value());
        let tape = Tape::new();
        let xv = tape.constant(&x);
        let z = net.encode(xv);
        close(&z.value(), &c.matmul(&x), 1e-13);
        close(&net.decode(z).value(), &dec.matmul(&c.matmul(&x)), 1e-12);
        let l = 0.5 * (&x - dec.matmul(c).matmul(&x)).square().sum().item();
        prop_assert!((net.loss(xv).item() - l).abs() < 1e-11 * (1.0 + l));
        let own = sample_loss(tape.leaf(c), tape.leaf(dec), &x).item();
        prop_assert!((own - l).abs() < 1e-11 * (1.0 + l));
    }

    /// Row 10. `L(θ) = 1/(2n) Σ ‖x_i − DCx_i‖²` and `½‖X − DCX‖_F²` are both called `L(θ)` on the
    /// slides; the second is `n` times the first, and so are its gradients.
    #[test]
    fn the_two_forms_of_the_loss_differ_by_the_factor_n(
        d in 2usize..6, m in 1usize..4, n in 1usize..7, seed: u64,
    ) {
        let (net, _) = setting(d, m, seed);
        let [columns] = draw([&[d, n]], seed ^ 1);
        let (c, dec) = (net.c.value(), net.d.value());
        let per_sample: f64 = (0..n).map(|i| {
            let x = columns.index_axis(1, i as isize);
            (&x - dec.matmul(&c.matmul(&x))).norm().item().powi(2)
        }).sum::<f64>() / (2.0 * n as f64);
        let whole = 0.5 * (&columns - dec.matmul(&c.matmul(&columns))).norm().item().powi(2);
        prop_assert!((whole - n as f64 * per_sample).abs() < 1e-10 * (1.0 + whole));

        let tape = Tape::new();
        let x = tape.constant(columns.t());
        let mean = loss::half_squared_error(net.forward(x), x);
        let sum = loss::frobenius(net.forward(x), x);
        prop_assert!((mean.item() - per_sample).abs() < 1e-10 * (1.0 + per_sample));
        prop_assert!((sum.item() - whole).abs() < 1e-10 * (1.0 + whole));
        let (small, large) = (mean.backward(), sum.backward());
        for p in [&net.c, &net.d] {
            close(&large[p], &(&small[p] * n as f64), 1e-10);
        }
    }

    /// Row 12. The gradients of one sample, element by element as the slide has them, against the
    /// tape and against differences.
    #[test]
    fn gradients_elementwise_are_the_slides(d in 2usize..6, m in 1usize..4, seed: u64) {
        let (net, x) = setting(d, m, seed);
        let (c, dec) = (net.c.value().clone(), net.d.value().clone());
        let y = dec.matmul(&c.matmul(&x));
        // ∂ℓ/∂C_ki = x_i Σ_j D_jk (y_j − x_j)
        let by_c = Tensor::from_fn([m, d], |at| {
            let (k, i) = (at[0], at[1]);
            x[[i]] * (0..d).map(|j| dec[[j, k]] * (y[[j]] - x[[j]])).sum::<f64>()
        });
        // ∂ℓ/∂D_jk = (y_j − x_j) Σ_i C_ki x_i
        let by_d = Tensor::from_fn([d, m], |at| {
            let (j, k) = (at[0], at[1]);
            (y[[j]] - x[[j]]) * (0..d).map(|i| c[[k, i]] * x[[i]]).sum::<f64>()
        });
        let tape = Tape::new();
        let (cv, dv) = (tape.leaf(&c), tape.leaf(&dec));
        let [dc, dd] = sample_loss(cv, dv, &x).grad([cv, dv]);
        close(&dc.value(), &by_c, 1e-11);
        close(&dd.value(), &by_d, 1e-11);
        gradcheck(|[c, d]| sample_loss(c, d, &x), [c, dec]).unwrap();
    }

    /// Row 12. The middle of the slide's derivation: `∂y_j/∂C_ki = D_jk x_i`, and `∂y_i/∂D_jk` is
    /// `z_k` if `i = j` and 0 if not, which is what makes its sum over `i` a single term.
    #[test]
    fn derivatives_of_the_output_are_those_of_the_derivation(
        d in 2usize..5, m in 1usize..4, seed: u64,
    ) {
        let (net, x) = setting(d, m, seed);
        let (c, dec) = (net.c.value().clone(), net.d.value().clone());
        let by_c = tape::jacobian(
            |c| c.tape().constant(&dec).matmul(c.matmul(c.tape().constant(&x))), c.clone(),
        ).unwrap();
        let z = c.matmul(&x);
        let by_d = tape::jacobian(|d| d.matmul(d.tape().constant(&z)), dec.clone()).unwrap();
        close(&by_c, &Tensor::from_fn([d, m, d], |at| dec[[at[0], at[1]]] * x[[at[2]]]), 1e-12);
        let kronecker = |i: usize, j: usize| if i == j { 1.0 } else { 0.0 };
        close(&by_d, &Tensor::from_fn([d, d, m], |at| kronecker(at[0], at[1]) * z[[at[2]]]), 1e-12);
    }

    /// Row 12. In the gradient layout `(∂_A f)_ij = ∂f/∂A_ij`: `∂ℓ/∂C = Dᵀ(y − x)xᵀ` and
    /// `∂ℓ/∂D = (y − x)xᵀCᵀ`. Of all samples the gradient is the mean.
    #[test]
    fn gradients_in_matrix_form_are_the_slides(
        d in 2usize..6, m in 1usize..4, n in 1usize..5, seed: u64,
    ) {
        let (net, x) = setting(d, m, seed);
        let (c, dec) = (net.c.value(), net.d.value());
        let closed = |x: &Tensor<f64>| {
            let miss = dec.matmul(&c.matmul(x)) - x;
            (dec.t().matmul(&miss).outer(x), miss.outer(x).matmul(&c.t()))
        };
        let tape = Tape::new();
        let grads = net.loss(tape.constant(&x)).backward();
        let (by_c, by_d) = closed(&x);
        close(&grads[&net.c], &by_c, 1e-11);
        close(&grads[&net.d], &by_d, 1e-11);
        prop_assert_eq!((by_c.shape(), by_d.shape()), (&[m, d][..], &[d, m][..]));

        let [rows] = draw([&[n, d]], seed ^ 1);
        let grads = net.loss(tape.constant(&rows)).backward();
        let mut mean = (Tensor::zeros([m, d]), Tensor::zeros([d, m]));
        for i in 0..n {
            let (by_c, by_d) = closed(&rows.index_axis(0, i as isize));
            mean = (mean.0 + by_c / n as f64, mean.1 + by_d / n as f64);
        }
        close(&grads[&net.c], &mean.0, 1e-11);
        close(&grads[&net.d], &mean.1, 1e-11);
    }

    /// Row 13. `rank(DC) ≤ min{rank C, rank D} ≤ m < d`, and `rank(Y) ≤ m`.
    #[test]
    fn the_bottleneck_bounds_the_rank(
        m in 1usize..4, more in 1usize..4, n in 1usize..9,
        ranks in (1usize..4, 1usize..4), seed: u64,
    ) {
        let d = m + more;
        let (c, dec) = (of_rank(m, d, ranks.0, seed), of_rank(d, m, ranks.1, seed ^ 1));
        let [x] = draw([&[d, n]], seed ^ 2);
        let rank = |a: &Tensor<f64>| a.matrix_rank(Some(1e-9)).unwrap();
        let dc = dec.matmul(&c);
        let bound = rank(&c).min(rank(&dec));
        prop_assert!(rank(&dc) <= bound && bound <= m && m < d);
        prop_assert!(rank(&dc.matmul(&x)) <= m.min(n));
        prop_assert_eq!(rank(&c), m.min(ranks.0));
        // For d > m columns of generic data nothing but the bottleneck binds.
        if ranks.0.min(ranks.1) >= m && n >= d {
            prop_assert_eq!(rank(&dc.matmul(&x)), m);
        }
    }

    /// Row 11. `DC ≈ I` "with regard to a specific pattern distribution": on data of `m` dimensions
    /// the autoencoder is the identity exactly; in general it is not, and cannot be:
    /// `‖DC − I‖_F ≥ √(d − m)` whatever `C` and `D`.
    #[test]
    fn dc_is_the_identity_on_the_data_but_not_in_general(
        m in 1usize..4, more in 1usize..4, seed: u64,
    ) {
        let d = m + more;
        let x = of_rank(20, d, m, seed);
        let mut net = LinearAutoencoder::<f64>::new(d, m, &mut rng(seed));
        let identity = Tensor::<f64>::eye(d);
        let far = |net: &LinearAutoencoder<f64>| {
            (net.d.value().matmul(net.c.value()) - &identity).norm().item()
        };
        prop_assert!(far(&net) >= ((d - m) as f64).sqrt() - 1e-9);
        net.fit_optimal(&x).unwrap();
        close(&net.reconstruct(&x), &x, 1e-9);
        prop_assert!((far(&net) - ((d - m) as f64).sqrt()).abs() < 1e-9);
        let [other] = draw([&[1, d]], seed ^ 3);
        prop_assert!(net.reconstruct(&other).max_abs_diff(&other) > 1e-6);
    }

    /// Row 10. The slide "Autoencoder: Diagram" minimises `‖x − x̂‖²`, without the half: a third
    /// scale. Its `x̂` is the `y` of the other slides.
    #[test]
    fn the_diagram_minimises_twice_the_loss_of_a_sample(
        d in 2usize..7, m in 1usize..4, seed: u64,
    ) {
        let (net, x) = setting(d, m, seed);
        let tape = Tape::new();
        let xv = tape.constant(&x);
        let whole = (xv - net.forward(xv)).square().sum();
        let half = net.loss(xv);
        prop_assert!((whole.item() - 2.0 * half.item()).abs() < 1e-12 * (1.0 + whole.item()));
        let (whole, half) = (whole.backward(), half.backward());
        for p in [&net.c, &net.d] {
            close(&whole[p], &(&half[p] * 2.0), 1e-11);
        }
    }

    /// Row 12. One letter for two sums: in `∂ℓ/∂D_jk` the slide's first `Σ_i` runs over outputs and
    /// its second over inputs. Read as one index, the formula is another number; so is the product
    /// with its factors exchanged, which has the same shape.
    #[test]
    fn gradients_with_the_factors_swapped_are_wrong(
        d in 2usize..6, m in 1usize..4, seed: u64,
    ) {
        let (net, x) = setting(d, m, seed);
        let (c, dec) = (net.c.value(), net.d.value());
        let grads = net.loss(Tape::new().constant(&x)).backward();
        let miss = dec.matmul(&c.matmul(&x)) - &x;
        let one_index = Tensor::from_fn([d, m], |at| {
            (0..d).map(|i| miss[[i]] * c[[at[1], i]] * x[[i]]).sum::<f64>()
        });
        let swapped = x.outer(&miss).matmul(&c.t());
        close(&grads[&net.d], &miss.outer(&x).matmul(&c.t()), 1e-11);
        for wrong in [one_index, swapped] {
            prop_assert_eq!(wrong.shape(), grads[&net.d].shape());
            prop_assert!(!grads[&net.d].allclose(&wrong, 1e-3, 1e-6));
        }
    }
}

/// Row 11. Lossy compression of the digits: shorter codes take fewer bytes and make larger errors;
/// at full length nothing is lost, at length 0 everything. The curve of the example `compression`.
#[test]
fn digits_compress_with_an_error_that_falls_with_the_length_of_the_code() {
    let x = data::digits().take(300).cast::<f64>().inputs().clone();
    let (n, d) = (x.shape()[0], x.shape()[1]);
    let mut last = 0.5 * x.square().sum().item() / n as f64;
    for m in [1, 2, 4, 8, 16, 32] {
        let mut net = LinearAutoencoder::<f64>::new(d, m, &mut rng(0));
        net.fit_optimal(&x).unwrap();
        let tape = Tape::inference();
        let xv = tape.constant(&x);
        let codes = net.encode(xv).value();
        assert_eq!(codes.shape(), [n, m]);
        let bytes = |t: &Tensor<f64>| t.len() * size_of::<f64>();
        let kept = bytes(&codes) + bytes(net.d.value());
        assert_eq!(kept < bytes(&x), m < n * d / (n + d));
        let error = net.loss(xv).item();
        let best = LinearAutoencoder::optimum(&x, m).unwrap();
        assert!((error - best).abs() < 1e-9 * (1.0 + best), "{error} {best}");
        assert!(error < last, "m = {m}: {error} after {last}");
        last = error;
    }
    assert!(LinearAutoencoder::optimum(&x, d).unwrap() < 1e-12);
}
