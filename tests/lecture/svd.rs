//! Section 2, "Linear autoencoder", from the singular value decomposition to the optimum: rows 14
//! to 16.
//!
//! In the notation of the slides: `X` is `d × n`, its columns are the samples.

use nn::prelude::*;
use proptest::prelude::*;
use tensor::Svd;

use super::{close, draw};
use crate::support::panic_of;

/// The full decomposition `X = UΣVᵀ`: `U` is `d × d`, `Σ` is `d × n` and `V` is `n × n`.
struct Full {
    u: Tensor<f64>,
    sigma: Tensor<f64>,
    v: Tensor<f64>,
}

/// Completes orthonormal columns to an orthogonal matrix: the complete `Q` of the columns followed
/// by the unit vectors, where what adds no direction is left out.
fn complete(columns: &Tensor<f64>) -> Tensor<f64> {
    let n = columns.shape()[0];
    let mut basis: Vec<Tensor<f64>> =
        (0..columns.shape()[1]).map(|i| columns.index_axis(1, i as isize)).collect();
    while basis.len() < n {
        // The unit vector that is farthest from the span: its rest is not small.
        let rests = (0..n).map(|i| {
            let mut rest = Tensor::from_fn([n], |at| if at[0] == i { 1.0 } else { 0.0 });
            for _ in 0..2 {
                for b in &basis {
                    rest = &rest - b * rest.dot(b);
                }
            }
            rest
        });
        let length = |t: &Tensor<f64>| t.norm().item();
        let rest = rests.max_by(|a, b| length(a).total_cmp(&length(b))).expect("n > 0");
        basis.push(&rest / rest.norm());
    }
    Tensor::stack(&basis.iter().collect::<Vec<_>>(), 1)
}

fn full(x: &Tensor<f64>) -> Full {
    let Svd { u, s, vt } = x.svd().unwrap();
    let diagonal = |at: &[usize]| if at[0] == at[1] { s[[at[0]]] } else { 0.0 };
    Full { u: complete(&u), sigma: Tensor::from_fn(x.shape(), diagonal), v: complete(&vt.t()) }
}

/// `U_r`, `Σ_r`, `V_r`.
fn leading(x: &Tensor<f64>, r: usize) -> (Tensor<f64>, Tensor<f64>, Tensor<f64>) {
    let Svd { u, s, vt } = x.svd().unwrap();
    let sigma = Tensor::from_fn([r, r], |at| if at[0] == at[1] { s[[at[0]]] } else { 0.0 });
    (u.slice(s![.., ..r]), sigma, vt.slice(s![..r, ..]).t())
}

/// `X_r = U_r Σ_r V_rᵀ`.
fn truncated(x: &Tensor<f64>, r: usize) -> Tensor<f64> {
    let (u, sigma, v) = leading(x, r);
    u.matmul(&sigma).matmul(&v.t())
}

fn frobenius(x: &Tensor<f64>) -> f64 {
    x.norm().item()
}

/// `√(Σ_{i>r} σ_i²)`.
fn tail(x: &Tensor<f64>, r: usize) -> f64 {
    x.svd().unwrap().s.iter().skip(r).map(|s| s * s).sum::<f64>().sqrt()
}

/// `d × n` data with these singular values.
fn with_singular_values(values: &[f64], d: usize, n: usize, seed: u64) -> Tensor<f64> {
    let k = values.len();
    let [a, b] = draw([&[d, k], &[n, k]], seed);
    let (u, v) = (a.qr().unwrap().0, b.qr().unwrap().0);
    let s = Tensor::from_fn([1, k], |at| values[at[1]]);
    (u * s).matmul(&v.t())
}

proptest! {
    #![proptest_config(super::cases())]

    /// Row 14. `X = UΣVᵀ` with orthogonal `U`, `V` and `Σ = diag(σ₁, …)` of the shape of `X`, in
    /// the order `σ₁ ≥ σ₂ ≥ … ≥ 0` that the slide does not state and needs.
    #[test]
    fn full_decomposition_has_orthogonal_factors(d in 1usize..6, n in 1usize..6, seed: u64) {
        let [x] = draw([&[d, n]], seed);
        let Full { u, sigma, v } = full(&x);
        prop_assert_eq!([u.shape(), sigma.shape(), v.shape()], [[d, d], [d, n], [n, n]]);
        close(&u.t().matmul(&u), &Tensor::eye(d), 1e-12);
        close(&u.matmul(&u.t()), &Tensor::eye(d), 1e-12);
        close(&v.t().matmul(&v), &Tensor::eye(n), 1e-12);
        close(&u.matmul(&sigma).matmul(&v.t()), &x, 1e-12);
        let values = x.svd().unwrap().s.to_vec();
        prop_assert!(values.windows(2).all(|w| w[0] >= w[1]) && values.iter().all(|&s| s >= 0.0));
    }

    /// Row 14. Reduced: with `r = rank X` (`min(n, d)` always suffices) the first `r` columns give
    /// `X` itself. Truncated: with fewer they do not; `X_r` is `Σ σ_i u_i v_iᵀ` and of rank `r`.
    #[test]
    fn reduced_is_exact_and_truncated_is_not(d in 2usize..6, n in 2usize..6, seed: u64) {
        let [x] = draw([&[d, n]], seed);
        let k = d.min(n);
        close(&truncated(&x, k), &x, 1e-12);
        let Svd { u, s, vt } = x.svd().unwrap();
        let mut sum = Tensor::zeros([d, n]);
        for r in 1..k {
            let (ur, sr, vr) = leading(&x, r);
            prop_assert_eq!([ur.shape(), sr.shape(), vr.shape()], [[d, r], [r, r], [n, r]]);
            let i = r as isize - 1;
            sum += u.index_axis(1, i).outer(&vt.index_axis(0, i)) * s[[r - 1]];
            let xr = truncated(&x, r);
            close(&xr, &sum, 1e-12);
            prop_assert_eq!(xr.matrix_rank(Some(1e-10)).unwrap(), r);
            let lost = frobenius(&(&x - &xr));
            prop_assert!((lost - tail(&x, r)).abs() < 1e-11 && lost > 1e-6);
        }
        // Of rank below min(n, d): the reduced form is exact from r = rank X on.
        let [a, b] = draw([&[d, 1], &[1, n]], seed ^ 1);
        close(&truncated(&a.matmul(&b), 1), &a.matmul(&b), 1e-12);
    }

    /// Row 15. Eckart and Young: no `Y` of rank `r` is nearer to `X` than `X_r`. Against random
    /// ones, each scaled to its best length, and against those with the best right factor for a
    /// random range.
    #[test]
    fn no_random_matrix_of_rank_r_is_nearer(
        d in 2usize..6, n in 2usize..6, r in 1usize..4, seed: u64,
    ) {
        let r = r.min(d.min(n));
        let [x, a, b] = draw([&[d, n], &[d, r], &[r, n]], seed);
        let best = tail(&x, r);
        prop_assert!((frobenius(&(&x - truncated(&x, r))) - best).abs() < 1e-11);
        let y = a.matmul(&b);
        let scale = (&x * &y).sum().item() / frobenius(&y).powi(2);
        prop_assert!(frobenius(&(&x - &y * scale)) >= best - 1e-11);
        let q = a.qr().unwrap().0;
        prop_assert!(frobenius(&(&x - q.matmul(&q.t().matmul(&x)))) >= best - 1e-11);
        // Near X_r too: the minimum is where it is said to be.
        let (u, sigma, v) = leading(&x, r);
        for size in [1e-1, 1e-3] {
            let near = (&u + &a * size).matmul(&sigma).matmul(&(v.t() + &b * size));
            prop_assert!(frobenius(&(&x - near)) >= best - 1e-11);
        }
    }

    /// Row 16. `C = U_mᵀ`, `D = U_m`: `DCX = X_m`, and the loss is `½ Σ_{i>m} σ_i²` (over `n`, as a
    /// mean).
    #[test]
    fn optimal_autoencoder_reconstructs_the_truncated_data(
        d in 2usize..6, n in 2usize..8, m in 1usize..5, seed: u64,
    ) {
        let m = m.min(d - 1).min(n);
        let [x] = draw([&[d, n]], seed);
        let mut net = LinearAutoencoder::<f64>::new(d, m, &mut rng(seed));
        net.fit_optimal(&x.t()).unwrap();
        let (u, _, _) = leading(&x, m);
        // C is U_mᵀ up to the signs of its rows, which the product does not see.
        close(&net.c.value().matmul(&u).abs(), &Tensor::eye(m), 1e-9);
        close(&net.d.value().matmul(net.c.value()), &u.matmul(&u.t()), 1e-9);
        close(&net.reconstruct(&x.t()).t(), &truncated(&x, m), 1e-9);
        let tape = Tape::new();
        let rows = tape.constant(x.t());
        let half = tail(&x, m).powi(2) / 2.0;
        prop_assert!((loss::frobenius(net.forward(rows), rows).item() - half).abs() < 1e-9);
        prop_assert!((net.loss(rows).item() - half / n as f64).abs() < 1e-9);
        // A stationary point: the gradient is 0.
        let grads = net.loss(rows).backward();
        close(&grads[&net.c], &Tensor::zeros([m, d]), 1e-10);
        close(&grads[&net.d], &Tensor::zeros([d, m]), 1e-10);
    }

    /// Row 16. The proof, line by line, with the one correction it needs: `U_mᵀU` is `(I_m 0)`, of
    /// shape `m × d`, not `I_m`.
    #[test]
    fn proof_of_the_optimum_step_by_step(
        d in 2usize..6, n in 2usize..8, m in 1usize..5, seed: u64,
    ) {
        let m = m.min(d - 1).min(n);
        let [x] = draw([&[d, n]], seed);
        let Full { u, sigma, v } = full(&x);
        let (um, sm, vm) = leading(&x, m);
        let (c, dec) = (um.t(), um.clone());
        let left = dec.matmul(&c).matmul(&x);
        // = DCUΣVᵀ
        close(&left, &dec.matmul(&c).matmul(&u).matmul(&sigma).matmul(&v.t()), 1e-11);
        // = U_m(U_mᵀU)ΣVᵀ = U_m (I_m 0) ΣVᵀ
        let selects = Tensor::from_fn([m, d], |at| if at[0] == at[1] { 1.0 } else { 0.0 });
        close(&um.t().matmul(&u), &selects, 1e-12);
        close(&left, &um.matmul(&selects).matmul(&sigma).matmul(&v.t()), 1e-11);
        // (I_m 0) Σ keeps the first m rows of Σ, which are (Σ_m 0): so ΣVᵀ becomes Σ_m V_mᵀ
        close(&selects.matmul(&sigma).matmul(&v.t()), &sm.matmul(&vm.t()), 1e-11);
        // = U_mΣ_mV_mᵀ = X_m
        close(&left, &um.matmul(&sm).matmul(&vm.t()), 1e-11);
        close(&left, &truncated(&x, m), 1e-11);
    }

    /// Row 16. Every `(AU_mᵀ, U_mA⁻¹)` with invertible `A` is optimal too: `D` and `C` alone say
    /// nothing, their product says all. Its loss and its gradient are those of the optimum.
    #[test]
    fn every_invertible_change_of_the_code_is_optimal_too(
        d in 3usize..6, n in 3usize..8, m in 1usize..3, seed: u64,
    ) {
        let [x, noise] = draw([&[d, n], &[m, m]], seed);
        let a = Tensor::eye(m) * 2.0 + noise * 0.3;
        let (u, _, _) = leading(&x, m);
        let net = LinearAutoencoder {
            c: Param::new(a.matmul(&u.t())),
            d: Param::new(u.matmul(&a.inverse().unwrap())),
        };
        close(&net.reconstruct(&x.t()).t(), &truncated(&x, m), 1e-9);
        let tape = Tape::new();
        let loss = net.loss(tape.constant(x.t()));
        let best = LinearAutoencoder::optimum(&x.t(), m).unwrap();
        prop_assert!((loss.item() - best).abs() < 1e-9);
        let grads = loss.backward();
        close(&grads[&net.c], &Tensor::zeros([m, d]), 1e-9);
        close(&grads[&net.d], &Tensor::zeros([d, m]), 1e-9);
        prop_assert!(net.subspace_distance(&x.t()).unwrap().angle < 1e-7);
    }

    /// Row 16. Relation to PCA: for centred data the columns of `U_m` are the leading eigenvectors
    /// of the covariance `XXᵀ/n`, its eigenvalues are `σ_i²/n`, and the least loss is half of what
    /// is left of the variance.
    #[test]
    fn for_centred_data_the_optimum_is_pca(d in 2usize..6, n in 7usize..12, seed: u64) {
        let [raw] = draw([&[d, n]], seed);
        let x = &raw - raw.mean_keepdim(1);
        let covariance = x.matmul(&x.t()) / n as f64;
        let (values, vectors) = covariance.eigh().unwrap();
        let Svd { u, s, .. } = x.svd().unwrap();
        // eigh has the smallest first.
        close(&values.flip(0), &(s.square() / n as f64), 1e-11);
        for m in 1..d {
            let v = vectors.flip(1).slice(s![.., ..m]);
            let um = u.slice(s![.., ..m]);
            close(&v.matmul(&v.t()), &um.matmul(&um.t()), 1e-7);
            let left: f64 = values.iter().take(d - m).sum();
            let best = LinearAutoencoder::optimum(&x.t(), m).unwrap();
            prop_assert!((best - left / 2.0).abs() < 1e-10);
        }
    }
}

/// Row 14. The reduced form with `r = rank X` needs `r` between 1 and `min(n, d)`, and the slide's
/// `Σ = diag(σ₁, …, σ_r)` is `Σ_r`: with the `d × n` matrix `Σ` of the line above the product has
/// no shape.
#[test]
fn the_reduced_form_needs_sigma_r() {
    let [x] = draw([&[4, 3]], 1);
    let (u, sigma_r, v) = leading(&x, 2);
    let sigma = full(&x).sigma;
    let printed = panic_of(|| u.matmul(&sigma)).text;
    assert!(printed.contains("[4, 2] x [4, 3]"), "{printed}");
    assert_eq!(u.matmul(&sigma_r).matmul(&v.t()).shape(), [4, 3]);
}

/// Row 15. The theorem needs `σ₁ ≥ σ₂ ≥ …`: with the values in another order the first `r` columns
/// are a decomposition as good as any, and a worse approximation.
#[test]
fn unsorted_singular_values_break_the_theorem() {
    let x = with_singular_values(&[3.0, 2.0, 1.0], 3, 5, 2);
    let Svd { u, s, vt } = x.svd().unwrap();
    let (u, s, vt) = (u.flip(1), s.flip(0), vt.flip(0));
    close(&(&u * s.unsqueeze(0)).matmul(&vt), &x, 1e-12);
    let first = u.slice(s![.., ..1]).matmul(&vt.slice(s![..1, ..])) * s[[0]];
    assert!((frobenius(&(&x - first)) - 13f64.sqrt()).abs() < 1e-10);
    assert!((tail(&x, 1) - 5f64.sqrt()).abs() < 1e-10);
}

/// Row 15. "The rank-r matrix X_r" has rank `r` only if `σ_r > 0`; and it is the only minimum only
/// if `σ_r > σ_{r+1}`: with a tie there is a whole circle of them.
#[test]
fn the_minimum_has_rank_r_and_is_unique_only_with_a_gap() {
    let low = with_singular_values(&[2.0, 1.0], 4, 5, 3);
    assert_eq!(truncated(&low, 3).matrix_rank(Some(1e-9)).unwrap(), 2);

    let tied = with_singular_values(&[2.0, 1.0, 1.0], 4, 5, 4);
    let Svd { u, vt, .. } = tied.svd().unwrap();
    for angle in [0.0f64, 0.4, 1.3] {
        let turn = |a: Tensor<f64>, b: Tensor<f64>| a * angle.cos() + b * angle.sin();
        let third = turn(u.index_axis(1, 1), u.index_axis(1, 2));
        let right = turn(vt.index_axis(0, 1), vt.index_axis(0, 2));
        let y = truncated(&tied, 1) + third.outer(&right);
        assert!((frobenius(&(&tied - &y)) - tail(&tied, 2)).abs() < 1e-10);
        assert_eq!(y.matrix_rank(Some(1e-9)).unwrap(), 2);
    }
}

/// Row 16. As the slide prints it, `U_m I_m Σ Vᵀ` is no product: `I_m` is `m × m` and `Σ` is
/// `d × n`.
#[test]
fn the_proof_as_printed_has_no_shape() {
    let [x] = draw([&[4, 6]], 5);
    let (um, ..) = leading(&x, 2);
    let sigma = full(&x).sigma;
    let printed = panic_of(|| um.matmul(&Tensor::eye(2)).matmul(&sigma)).text;
    assert!(printed.contains("[4, 2] x [4, 6]"), "{printed}");
    let selects = Tensor::from_fn([2, 4], |at| if at[0] == at[1] { 1.0 } else { 0.0 });
    assert_eq!(um.matmul(&selects).matmul(&sigma).shape(), [4, 6]);
}

/// Row 16. Data that is not centred: the optimum spends a direction on the mean, and PCA, which
/// subtracts it first, does better with as many.
#[test]
fn for_data_that_is_not_centred_the_optimum_is_not_pca() {
    let [noise] = draw([&[3, 40]], 6);
    let x = noise * tensor![[2.0], [0.5], [0.1]] + tensor![[0.0], [0.0], [10.0]];
    let centred = &x - x.mean_keepdim(1);
    let (u, ..) = leading(&x, 1);
    let (principal, ..) = leading(&centred, 1);
    // One points to the mean, the other along the spread, orthogonal to it.
    assert!(u[[2, 0]].abs() > 0.95, "{u}");
    assert!(principal[[0, 0]].abs() > 0.95, "{principal}");
    let best = |x: &Tensor<f64>| LinearAutoencoder::optimum(&x.t(), 1).unwrap();
    assert!(best(&centred) < 0.2 * best(&x), "{} {}", best(&centred), best(&x));
}

/// Gradient descent on a recorded loss; the last loss.
fn train<M: Module>(
    model: &mut M,
    x: &Tensor<f64>,
    steps: usize,
    rate: f64,
    loss: impl for<'t> FnOnce(&'t Tape, &M, (Var<'t, f64>,)) -> Var<'t, f64>,
) -> f64 {
    let mut recording = Recording::new(&*model, (spec::<f64>(x.shape()),), loss);
    let mut sgd = Sgd::new(rate).momentum(0.9);
    let mut last = f64::INFINITY;
    for _ in 0..steps {
        let (loss, grads) = recording.replay(model, (x.clone(),)).unwrap();
        sgd.step(model, &grads).unwrap();
        last = loss;
    }
    last
}

/// Row 16. Training from random initialisation finds the subspace of `U_m`, though neither `U_m`
/// itself nor twice the same factors; it needs `σ_m > σ_{m+1}`.
#[test]
fn training_from_random_weights_finds_the_subspace() {
    // 40 samples, scaled so that these are the square roots of the eigenvalues of XXᵀ/n.
    let rows = |values: &[f64]| with_singular_values(values, 6, 40, 7).t() * 40f64.sqrt();
    let gap = rows(&[3.0, 2.0, 1.0, 0.7, 0.4, 0.2]);
    let mut factors = Vec::new();
    for seed in 0..3 {
        let mut net = LinearAutoencoder::<f64>::new(6, 2, &mut rng(seed));
        let l = train(&mut net, &gap, 1500, 0.03, |_, net, (x,)| net.loss(x));
        let best = LinearAutoencoder::optimum(&gap, 2).unwrap();
        assert!((l - best).abs() < 1e-8, "seed {seed}: {l} is not {best}");
        let distance = net.subspace_distance(&gap).unwrap();
        assert!(distance.angle < 1e-5, "seed {seed}: {distance:?}");
        close(&net.reconstruct(&gap).t(), &truncated(&gap.t(), 2), 1e-4);
        factors.push(net.d.value().clone());
    }
    assert!(factors[0].max_abs_diff(&factors[1]) > 0.01);

    // Without the gap the loss gets there all the same, but to another subspace each time.
    let tie = rows(&[3.0, 1.0, 1.0, 0.6, 0.5, 0.4]);
    let best = LinearAutoencoder::optimum(&tie, 2).unwrap();
    let projectors = [0, 1].map(|seed| {
        let mut net = LinearAutoencoder::<f64>::new(6, 2, &mut rng(seed));
        let l = train(&mut net, &tie, 1500, 0.03, |_, net, (x,)| net.loss(x));
        assert!((l - best).abs() < 1e-6, "seed {seed}: {l} is not {best}");
        net.d.value().matmul(net.c.value())
    });
    assert!(projectors[0].max_abs_diff(&projectors[1]) > 0.05);
}

/// Row 15. Against trained competitors: descent on `‖X − BA‖_F²` over all matrices of rank `r`
/// reaches the bound and never passes it.
#[test]
fn no_trained_matrix_of_rank_r_is_nearer() {
    #[derive(Module)]
    struct Product {
        b: Param<f64>,
        a: Param<f64>,
    }

    let x = with_singular_values(&[3.0, 2.0, 1.0, 0.5], 5, 7, 8);
    for r in 1..4 {
        let best = 0.5 * tail(&x, r).powi(2);
        let [b, a] = draw([&[5, r], &[r, 7]], 9 + r as u64).map(|t| Param::new(t * 0.3));
        let mut y = Product { b, a };
        let mut last = f64::INFINITY;
        for _ in 0..3 {
            let l = train(&mut y, &x, 300, 0.02, |tape, y, (x,)| {
                loss::frobenius(tape.param(&y.b).matmul(tape.param(&y.a)), x)
            });
            assert!(l >= best - 1e-12, "rank {r}: {l} is below {best}");
            last = l;
        }
        assert!(last - best < 1e-5, "rank {r}: {last} does not reach {best}");
    }
}
