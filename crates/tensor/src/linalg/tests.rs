//! Decompositions are checked by what defines them: the factors' product and their form.

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use crate::Tensor;
use crate::element::Float;
use crate::error::Error;
use crate::s;
use crate::tensor;
use crate::testing::in_pool;

fn rough<T: Float>(shape: &[usize], seed: usize) -> Tensor<T> {
    let len = shape.iter().product::<usize>();
    // Scrambled, not a sine of a line: a matrix of those has rank 2.
    let value = |i: usize| {
        let mixed = ((i + 1000 * seed + 1) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        T::of((mixed >> 40) as f64 / (1u64 << 23) as f64 - 1.0)
    };
    Tensor::from_vec((0..len).map(value).collect(), shape).unwrap()
}

fn eye<T: Float>(n: usize) -> Tensor<T> {
    let one = |i: usize| if i / n == i % n { T::one() } else { T::zero() };
    Tensor::from_vec((0..n * n).map(one).collect(), [n, n]).unwrap()
}

/// `x` with its columns scaled by `s`.
fn scaled<T: Float>(x: &Tensor<T>, s: &Tensor<T>) -> Tensor<T> {
    let s = s.unsqueeze(-2).broadcast_to(x.shape());
    Tensor::from_vec(x.iter().zip(s.iter()).map(|(x, s)| x * s).collect(), x.shape()).unwrap()
}

#[track_caller]
fn close<T: Float>(a: &Tensor<T>, b: &Tensor<T>) {
    assert_eq!(a.shape(), b.shape());
    let bound = T::epsilon().wide() * 200.0;
    for (a, b) in a.iter().zip(b.iter()) {
        let (a, b) = (a.wide(), b.wide());
        assert!((a - b).abs() <= bound * b.abs().max(1.0), "{a} is not {b}");
    }
}

/// Matrices of several shapes and layouts, batches among them.
fn samples<T: Float>() -> Vec<Tensor<T>> {
    vec![
        rough(&[1, 1], 1),
        rough(&[4, 4], 2),
        rough(&[7, 3], 3),
        rough(&[7, 3], 4).t(),
        rough(&[9, 10], 5).slice(s![..;-2, 1..;3]),
        rough(&[40, 25], 6),
        rough(&[1, 3], 7).broadcast_to([4, 3]),
        rough(&[3, 2, 5, 4], 8),
        rough(&[5, 3, 4], 9).permute([1, 2, 0]),
        rough(&[0, 3], 10),
        rough(&[3, 0], 11),
        rough(&[0, 0], 12),
        rough(&[0, 2, 3], 13),
    ]
}

/// Symmetric positive definite matrices from the same.
fn definite<T: Float>() -> Vec<Tensor<T>> {
    let make = |x: Tensor<T>| {
        let square = x.t().matmul(&x);
        let n = square.shape()[square.rank() - 1];
        let one = eye::<T>(n).broadcast_to(square.shape());
        let sum = square.iter().zip(one.iter()).map(|(a, b)| a + b);
        Tensor::from_vec(sum.collect(), square.shape()).unwrap()
    };
    samples().into_iter().map(make).collect()
}

fn for_both(f32s: fn(), f64s: fn()) {
    f32s();
    f64s();
}

fn svd_of_all<T: Float>() {
    for a in samples::<T>() {
        let svd = a.svd().unwrap();
        close(&scaled(&svd.u, &svd.s).matmul(&svd.vt), &a);
        let k = svd.s.shape()[svd.s.rank() - 1];
        let one = eye::<T>(k);
        let utu = svd.u.t().matmul(&svd.u);
        close(&utu, &one.broadcast_to(utu.shape()));
        let vtv = svd.vt.matmul(&svd.vt.t());
        close(&vtv, &one.broadcast_to(vtv.shape()));
        assert!(svd.s.to_vec().chunks(k.max(1)).all(|s| s.is_sorted_by(|a, b| a >= b)));
        assert!(svd.s.iter().all(|s| s >= T::zero()));
    }
}

#[test]
fn svd_rebuilds_the_matrix_from_orthonormal_factors() {
    for_both(svd_of_all::<f32>, svd_of_all::<f64>);
}

#[test]
fn signs_of_vectors_do_not_depend_on_the_layout_or_the_sign_of_the_matrix() {
    let a = rough::<f64>(&[6, 4], 1);
    let copy = Tensor::from_vec(a.t().to_vec(), [4, 6]).unwrap().t();
    let (x, y) = (a.svd().unwrap(), copy.svd().unwrap());
    assert_eq!((x.u.clone(), x.s, x.vt), (y.u, y.s, y.vt));
    let negative = Tensor::from_vec(a.iter().map(|x| -x).collect(), [6, 4]).unwrap();
    close(&negative.svd().unwrap().u, &x.u);
    for j in 0..4 {
        let column = x.u.index_axis(1, j).to_vec();
        assert!(column.iter().copied().max_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap() > 0.0);
    }
}

#[test]
fn the_best_approximation_of_lower_rank_misses_by_the_singular_values_left_out() {
    let a = rough::<f64>(&[6, 5], 3);
    let svd = a.svd().unwrap();
    for k in 0..=5 {
        let cut = |x: &Tensor<f64>| x.slice(s![.., ..k]);
        let near = scaled(&cut(&svd.u), &svd.s.slice(s![..k])).matmul(&svd.vt.slice(s![..k]));
        let error: f64 = a.iter().zip(near.iter()).map(|(a, b)| (a - b) * (a - b)).sum();
        let left_out: f64 = svd.s.iter().skip(k).map(|s| s * s).sum();
        assert!((error - left_out).abs() < 1e-12);
        // No other subspace of that size does better: here, that of the first columns.
        let (q, _) = a.slice(s![.., ..k]).qr().unwrap();
        let other = q.matmul(&q.t().matmul(&a));
        let worse: f64 = a.iter().zip(other.iter()).map(|(a, b)| (a - b) * (a - b)).sum();
        assert!(worse >= error - 1e-12);
    }
}

fn qr_of_all<T: Float>() {
    for a in samples::<T>() {
        let (q, r) = a.qr().unwrap();
        close(&q.matmul(&r), &a);
        let qtq = q.t().matmul(&q);
        close(&qtq, &eye::<T>(qtq.shape()[qtq.rank() - 1]).broadcast_to(qtq.shape()));
        let (rows, columns) = (r.shape()[r.rank() - 2], r.shape()[r.rank() - 1]);
        for (at, x) in r.iter().enumerate() {
            let (i, j) = (at / columns % rows, at % columns);
            assert!(if i > j { x == T::zero() } else { i != j || x >= T::zero() });
        }
    }
}

#[test]
fn qr_rebuilds_the_matrix_with_a_positive_diagonal() {
    for_both(qr_of_all::<f32>, qr_of_all::<f64>);
}

fn cholesky_of_all<T: Float>() {
    for a in definite::<T>() {
        let l = a.cholesky().unwrap();
        close(&l.matmul(&l.t()), &a);
        let n = a.shape()[a.rank() - 1];
        for (at, x) in l.iter().enumerate() {
            let (i, j) = (at / n % n, at % n);
            assert!(if j > i { x == T::zero() } else { i != j || x > T::zero() });
        }
    }
}

#[test]
fn cholesky_rebuilds_the_matrix_from_a_lower_triangle() {
    for_both(cholesky_of_all::<f32>, cholesky_of_all::<f64>);
}

#[test]
fn a_matrix_that_is_not_positive_definite_names_its_pivot() {
    for n in [3, 70] {
        for bad in [0, 1, n - 1] {
            let mut a = eye::<f64>(n);
            a[[bad, bad]] = -1.0;
            let reason = format!("not positive definite: pivot {bad} is not positive");
            assert_eq!(a.cholesky().unwrap_err(), Error::Numerical { op: "cholesky", reason });
        }
    }
    let good = eye::<f32>(2);
    let bad = Tensor::from_vec(vec![1.0f32, 0.0, 0.0, 0.0], [2, 2]).unwrap();
    let text = Tensor::stack(&[&good, &bad], 0).cholesky().unwrap_err().to_string();
    assert!(text.ends_with("pivot 1 is not positive (matrix 1 of 2)"), "{text}");
}

fn eigh_of_all<T: Float>() {
    for a in definite::<T>() {
        let (w, v) = a.eigh().unwrap();
        close(&scaled(&v, &w).matmul(&v.t()), &a);
        let n = a.shape()[a.rank() - 1];
        let vtv = v.t().matmul(&v);
        close(&vtv, &eye::<T>(n).broadcast_to(vtv.shape()));
        assert!(w.to_vec().chunks(n.max(1)).all(|w| w.is_sorted()));
    }
}

#[test]
fn eigh_rebuilds_the_matrix_in_ascending_order() {
    for_both(eigh_of_all::<f32>, eigh_of_all::<f64>);
    let a = Tensor::from_vec(vec![2.0f64, 9.0, -1.0, 2.0], [2, 2]).unwrap();
    let (w, v) = a.eigh().unwrap();
    close(&w, &Tensor::from_vec(vec![1.0, 3.0], [2]).unwrap());
    assert!((v[[0, 0]].abs() - v[[1, 0]].abs()).abs() < 1e-15);
}

fn solve_of_all<T: Float>() {
    for a in definite::<T>() {
        let mut shape = a.shape().to_vec();
        let n = shape.pop().unwrap();
        shape.push(3);
        let b = rough::<T>(&shape, 5);
        close(&a.matmul(&a.solve(&b).unwrap()), &b);
        let product = a.matmul(&a.inverse().unwrap());
        close(&product, &eye::<T>(n).broadcast_to(product.shape()));
    }
}

#[test]
fn solve_and_inverse_undo_the_product() {
    for_both(solve_of_all::<f32>, solve_of_all::<f64>);
    let a = rough::<f64>(&[5, 5], 1);
    let b = rough::<f64>(&[10], 2).slice(s![..;-2]);
    close(&a.t().matmul(&a.t().solve(&b).unwrap()), &b);
}

#[test]
fn a_singular_matrix_is_an_error() {
    for n in [vec![0.0; 4], vec![1.0, 2.0, 2.0, 4.0]] {
        let a = Tensor::from_vec(n, [2, 2]).unwrap();
        assert!(a.solve(&Tensor::from_vec(vec![1.0, 2.0], [2]).unwrap()).is_err());
        assert!(a.inverse().is_err());
        assert_eq!(a.det().unwrap().item(), 0.0);
    }
    let rounded = Tensor::from_vec((1..10).map(f64::from).collect(), [3, 3]).unwrap();
    let text = rounded.inverse().unwrap_err().to_string();
    assert_eq!(text, "inverse: the matrix is singular to working precision at pivot 2");
    // Small is not singular.
    let tiny = Tensor::from_vec(vec![1.0f64, 0.0, 0.0, 1e-200], [2, 2]).unwrap();
    assert_eq!(tiny.inverse().unwrap().to_vec(), [1.0, 0.0, 0.0, 1e200]);
}

#[test]
fn det_follows_row_exchanges_and_batches() {
    let swap = Tensor::from_vec(vec![0.0, 1.0, 1.0, 0.0], [2, 2]).unwrap();
    let both = Tensor::stack(&[&swap, &eye(2)], 0);
    assert_eq!(both.det().unwrap().to_vec(), [-1.0, 1.0]);
    assert_eq!(eye::<f32>(0).det().unwrap().item(), 1.0);
    let cycle =
        Tensor::from_vec(vec![0.0, 2.0, 0.0, 0.0, 0.0, 3.0, 5.0, 0.0, 0.0], [3, 3]).unwrap();
    assert!((cycle.det().unwrap().item() - 30.0f64).abs() < 1e-12);
    let (a, b) = (rough::<f64>(&[6, 6], 1), rough::<f64>(&[6, 6], 2));
    let (da, db) = (a.det().unwrap().item(), b.det().unwrap().item());
    assert!((a.matmul(&b).det().unwrap().item() - da * db).abs() < 1e-12);
}

#[test]
fn matrix_rank_counts_independent_rows() {
    let a = rough::<f64>(&[6, 3], 1).matmul(&rough(&[3, 5], 2));
    assert_eq!(a.matrix_rank(None).unwrap(), 3);
    assert_eq!(a.matrix_rank(Some(1e9)).unwrap(), 0);
    assert_eq!(eye::<f32>(4).matrix_rank(None).unwrap(), 4);
    assert_eq!(rough::<f32>(&[0, 4], 1).matrix_rank(None).unwrap(), 0);
    assert_eq!(Tensor::from_vec(vec![0f32; 6], [2, 3]).unwrap().matrix_rank(None).unwrap(), 0);
}

#[test]
fn input_that_is_not_finite_is_an_error() {
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let mut a = eye::<f64>(3);
        a[[2, 0]] = bad;
        let expected = "the input holds a value that is not finite";
        let is = |e: Error| matches!(e, Error::Numerical { reason, .. } if reason == expected);
        assert!(is(a.svd().unwrap_err()));
        assert!(is(a.qr().unwrap_err()));
        assert!(is(a.cholesky().unwrap_err()));
        assert!(is(a.eigh().unwrap_err()));
        assert!(is(a.inverse().unwrap_err()));
        assert!(is(a.det().unwrap_err()));
        assert!(is(a.matrix_rank(None).unwrap_err()));
        assert!(is(eye::<f64>(3).solve(&a).unwrap_err()));
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let a = rough::<f32>(&[120, 90], 1);
    let all = || (a.svd().unwrap().u.to_vec(), a.qr().unwrap().0.to_vec());
    let alone = in_pool(1, all);
    assert!([2, 3, 6].into_iter().all(|threads| in_pool(threads, all) == alone));
}

/// Large enough for several parts.
#[test]
fn large_decompositions_rebuild_their_matrices() {
    let (a, b) = (rough::<f64>(&[300, 250], 1), rough::<f64>(&[280, 280], 2));
    let svd = a.svd().unwrap();
    close(&scaled(&svd.u, &svd.s).matmul(&svd.vt), &a);
    close(&svd.u.t().matmul(&svd.u), &eye(250));
    close(&svd.vt.matmul(&svd.vt.t()), &eye(250));
    let (q, r) = a.qr().unwrap();
    close(&q.matmul(&r), &a);
    close(&q.t().matmul(&q), &eye(250));
    let symmetric = &b + &b.t();
    let (w, v) = symmetric.eigh().unwrap();
    close(&scaled(&v, &w).matmul(&v.t()), &symmetric);
    close(&v.t().matmul(&v), &eye(280));
    let definite = &b.matmul(&b.t()) + &(eye::<f64>(280) * 100.0);
    let l = definite.cholesky().unwrap();
    close(&l.matmul(&l.t()), &definite);
    let x = definite.solve(&b).unwrap();
    close(&definite.matmul(&x), &b);
    close(&definite.inverse().unwrap().matmul(&b), &x);
}

/// As large.
#[test]
fn any_number_of_threads_gives_the_same_bits_of_a_large_decomposition() {
    let (a, b) = (rough::<f64>(&[250, 300], 1), rough::<f64>(&[280, 280], 2));
    let all = || {
        let (svd, (w, v), (q, r)) = (a.svd().unwrap(), b.eigh().unwrap(), a.t().qr().unwrap());
        let (x, inverse) = (b.solve(&a.t().slice(s![..280])).unwrap(), b.inverse().unwrap());
        [svd.u, svd.s, svd.vt, w, v, q, r, x, inverse].map(|x| x.to_vec())
    };
    let alone = in_pool(1, all);
    assert!([2, 3, 6].into_iter().all(|threads| in_pool(threads, all) == alone));
    // In tasks that are themselves waited for, more of them than threads.
    let tasks: Vec<_> = in_pool(2, || (0..5).into_par_iter().map(|_| all()).collect());
    assert!(tasks.into_iter().all(|each| each == alone));
}

/// Large enough for as many parts as there ever are.
#[test]
fn any_number_of_threads_gives_the_same_bits_of_a_huge_decomposition() {
    let a = rough::<f32>(&[1024, 1024], 1);
    let all = || a.eigh().map(|(w, v)| [w.to_vec(), v.to_vec()]).unwrap();
    assert_eq!(in_pool(3, all), in_pool(1, all));
}

#[test]
#[should_panic(expected = "cholesky: the matrices of shape [2, 3] are not square")]
fn cholesky_of_an_oblong_matrix_is_refused() {
    let _ = rough::<f32>(&[2, 3], 1).cholesky();
}

#[test]
fn a_determinant_leaves_the_range_only_if_it_is_outside() {
    let diagonal =
        |d: [f64; 3]| Tensor::from_fn([3, 3], |i| if i[0] == i[1] { d[i[0]] } else { 0.0 });
    let near = |a: f64, b: f64| (a / b - 1.0).abs() < 1e-15;
    assert!(near(diagonal([1e-200, 1e-200, 1e300]).det().unwrap().item(), 1e-100));
    assert!(near(diagonal([1e200, -1e200, 1e-300]).det().unwrap().item(), -1e100));
    assert_eq!(diagonal([1e-200, 1e-200, 1.0]).det().unwrap().item(), 0.0);
    assert_eq!(Tensor::<f64>::zeros([0, 0]).det().unwrap().item(), 1.0);
}

#[test]
fn rows_of_different_scales_are_solved() {
    let a = tensor![[1e20, 1e20], [1.0, 2.0]];
    let x = a.solve(&tensor![2e20, 3.0]).unwrap();
    assert!(x.allclose(&tensor![1.0, 1.0], 1e-12, 0.0), "{x}");
    assert!(tensor![[1.0, 2.0], [2.0, 4.0]].solve(&tensor![1.0, 1.0]).is_err());
}
