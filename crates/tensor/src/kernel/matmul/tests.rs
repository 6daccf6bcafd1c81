//! Against a triple loop, in all layouts.

use super::*;
use crate::s;
use crate::simd::{Level, dispatch_at};
use crate::tensor::Tensor;

/// Numbers of mixed sign that are exact in f32, so that products and short sums are exact too.
fn ramp<T: Float>(shape: &[usize], seed: usize) -> Tensor<T> {
    let len = shape::len(shape);
    let values = (0..len).map(|i| T::of(((i * 37 + seed * 11) % 23) as f64 - 11.0));
    Tensor::from_vec(values.collect(), shape).unwrap()
}

/// Numbers whose products round.
fn rough<T: Float>(shape: &[usize], seed: usize) -> Tensor<T> {
    let len = shape::len(shape);
    let values = (0..len).map(|i| T::of(((i * 7919 + seed * 31) as f64 * 0.618).sin()));
    Tensor::from_vec(values.collect(), shape).unwrap()
}

/// `[rows, columns]` in every layout the kernels may meet.
fn layouts<T: Float>(
    rows: usize,
    columns: usize,
    make: fn(&[usize], usize) -> Tensor<T>,
) -> Vec<Tensor<T>> {
    vec![
        make(&[rows, columns], 1),
        make(&[columns, rows], 2).t(),
        make(&[rows * 2 + 1, columns * 3 + 1], 3).slice(s![1..;2, 1..;3]),
        make(&[rows, columns], 4).slice(s![..;-1, ..;-1]),
        make(&[columns, rows], 5).slice(s![..;-1, ..]).t(),
        make(&[1, columns], 6).broadcast_to([rows, columns]),
        make(&[rows, 1], 7).broadcast_to([rows, columns]),
    ]
}

fn naive<T: Float>(a: &Tensor<T>, b: &Tensor<T>) -> Vec<T> {
    let (&[m, k], &[_, n]) = (a.shape(), b.shape()) else { panic!("two matrices") };
    let at = |i: usize, j: usize| (0..k).map(|l| a[[i, l]].wide() * b[[l, j]].wide()).sum();
    (0..m * n).map(|i| T::of(at(i / n, i % n))).collect()
}

fn sweep<T: Float>() {
    for (m, k, n) in (0..512).map(|i| (i / 64 + 1, i / 8 % 8 + 1, i % 8 + 1)) {
        for a in layouts::<T>(m, k, ramp) {
            for b in layouts::<T>(k, n, ramp) {
                let layouts = (a.layout(), b.layout());
                assert_eq!(a.matmul(&b).to_vec(), naive(&a, &b), "{layouts:?}");
            }
        }
    }
}

// E2, burn#5304
#[test]
fn small_products_of_all_layouts_match_a_triple_loop() {
    sweep::<f32>();
    sweep::<f64>();
}

#[test]
fn every_kernel_matches_a_triple_loop_in_all_layouts() {
    for (m, k, n) in
        [(20, 9, 17), (1, 50, 300), (70, 33, 1), (1, 7, 90), (65, 3, 66), (9, 2, 40), (1, 40, 1)]
    {
        for a in layouts::<f64>(m, k, ramp) {
            for b in layouts::<f64>(k, n, ramp) {
                let layouts = (a.layout(), b.layout());
                assert_eq!(a.matmul(&b).to_vec(), naive(&a, &b), "{layouts:?}");
            }
        }
    }
}

fn layouts_agree<T: Float>() {
    for (m, k, n) in [
        (5, 6, 7),
        (7, 30, 9),
        (16, 40, 16),
        (40, 600, 3),
        (1, 100, 300),
        (90, 70, 1),
        (13, 2, 70),
        (66, 530, 67),
        (66, 130, 96), // whole vectors, which are read where they lie
    ] {
        for a in layouts::<T>(m, k, rough) {
            for b in layouts::<T>(k, n, rough) {
                let (x, y) =
                    (Tensor::from_vec(a.to_vec(), [m, k]), Tensor::from_vec(b.to_vec(), [k, n]));
                let copied = x.unwrap().matmul(&y.unwrap());
                assert_eq!(a.matmul(&b), copied, "{:?} {:?}", a.layout(), b.layout());
            }
        }
    }
}

#[test]
fn a_view_gives_the_bits_of_its_copy() {
    layouts_agree::<f32>();
    layouts_agree::<f64>();
}

#[test]
fn a_part_of_a_small_product_has_the_bits_of_the_whole() {
    fn parts<T: Float>() {
        for k in 1..=8 {
            let (a, b) = (rough::<T>(&[8, k], 1), rough::<T>(&[k, 8], 2));
            let whole = a.matmul(&b);
            for (m, n) in (0..64).map(|i| (i / 8 + 1, i % 8 + 1)) {
                let part = a.slice(s![..m, ..]).matmul(&b.slice(s![.., ..n]));
                assert_eq!(part, whole.slice(s![..m, ..n]), "{m} {k} {n}");
            }
        }
    }
    parts::<f32>();
    parts::<f64>();
}

#[test]
fn every_tile_of_a_small_product_matches_a_triple_loop() {
    fn tiles<T: Float>() {
        for (m, n) in [1, 3, 4, 7, 9].into_iter().flat_map(|m| [(m, 15), (m, 33), (m, 70)]) {
            let k = SMALL * m.min(TALL) / (m * n);
            for a in layouts::<T>(m, k, ramp) {
                for b in layouts::<T>(k, n, ramp) {
                    let expected = naive(&a, &b);
                    for at in [Level::Baseline, Level::Avx2, Level::Avx512] {
                        let of = |x: &Tensor<T>| x.layout().offset() as isize;
                        let (x, y) = (Matrix::of(a.view(), of(&a)), Matrix::of(b.view(), of(&b)));
                        let mut out = vec![T::nan(); m * n];
                        dispatch_at(at, Small { k, n, a: x, b: y, out: &mut out });
                        assert_eq!(out, expected, "{at:?} {:?} {:?}", a.layout(), b.layout());
                        let mut turned = vec![T::nan(); m * n];
                        dispatch_at(at, Small { k, n: m, a: y.t(), b: x.t(), out: &mut turned });
                        let at = |i: usize| turned[i % n * m + i / n];
                        assert!((0..m * n).all(|i| at(i) == expected[i]));
                    }
                }
            }
        }
    }
    tiles::<f32>();
    tiles::<f64>();
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let products: Vec<(Tensor<f32>, Tensor<f32>)> = vec![
        (rough(&[1, 56], 1), rough(&[444, 56], 2).t()),
        (rough(&[130, 70], 3), rough(&[70, 90], 4)),
        (rough(&[130, 70], 3), rough(&[70, 128], 4)),
        (rough(&[70, 600], 5), rough(&[600, 80], 6)),
        (rough(&[1, 600], 7), rough(&[600, 1000], 8)),
        (rough(&[700, 900], 9), rough(&[900], 10)),
        (rough(&[300, 6, 8], 11), rough(&[300, 8, 20], 12)),
    ];
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| products.iter().map(|(a, b)| a.matmul(b).to_vec()).collect::<Vec<_>>())
    };
    let alone = run(1);
    for threads in [2, 3, 6] {
        assert!(run(threads) == alone, "{threads} threads");
    }
}

#[test]
fn a_transpose_times_ones_sums_columns() {
    let a = Tensor::from_vec(vec![0.7f32, -1.3, 2.1, -0.4, 1.9, -3.2], [2, 3]).unwrap();
    let ones = Tensor::from_vec(vec![1f32], [1, 1]).unwrap().broadcast_to([2, 2]);
    for (y, expected) in a.t().matmul(&ones).iter().zip([0.3, 0.3, 0.6, 0.6, -1.1, -1.1]) {
        assert!((y - expected).abs() < 1e-6);
    }
}

#[test]
fn an_empty_sum_is_zero_and_empty_axes_stay_empty() {
    let of = |shape: &[usize]| ramp::<f32>(shape, 1);
    assert_eq!(of(&[3, 0]).matmul(&of(&[0, 4])).to_vec(), [0.0; 12]);
    assert_eq!(of(&[0]).matmul(&of(&[0])).item(), 0.0);
    assert_eq!(of(&[0, 5]).matmul(&of(&[5, 4])).shape(), [0, 4]);
    assert_eq!(of(&[2, 5]).matmul(&of(&[5, 0])).shape(), [2, 0]);
    assert_eq!(of(&[0, 2, 5]).matmul(&of(&[5, 3])).shape(), [0, 2, 3]);
    assert_eq!(of(&[0, 2, 5]).matmul(&of(&[1, 5, 3])).shape(), [0, 2, 3]);
    assert_eq!(of(&[4, 2, 0]).matmul(&of(&[4, 0, 3])).to_vec(), [0.0; 24]);
    assert_eq!(of(&[4, 0, 3]).matmul(&of(&[4, 3, 2])).shape(), [4, 0, 2]);
    assert_eq!(of(&[0, 3]).matmul(&of(&[3])).shape(), [0]);
}

#[test]
fn nothing_is_skipped_because_it_is_zero() {
    for (m, k, n) in [(2, 3, 2), (20, 30, 20), (1, 40, 5), (5, 40, 1)] {
        let zeros = Tensor::from_vec(vec![0f64; m * k], [m, k]).unwrap();
        let nan = Tensor::from_vec(vec![f64::NAN; k * n], [k, n]).unwrap();
        assert!(zeros.matmul(&nan).iter().all(f64::is_nan));
    }
}

#[test]
fn vectors_and_batches_follow_numpy() {
    // Every pair of shapes against the product of its matrices, one by one.
    let cases: [(&[usize], &[usize], &[usize]); 9] = [
        (&[4], &[4], &[]),
        (&[4], &[4, 3], &[3]),
        (&[2, 4], &[4], &[2]),
        (&[4], &[5, 4, 3], &[5, 3]),
        (&[5, 2, 4], &[4], &[5, 2]),
        (&[5, 2, 4], &[4, 3], &[5, 2, 3]),
        (&[2, 4], &[5, 4, 3], &[5, 2, 3]),
        (&[6, 1, 2, 4], &[5, 4, 3], &[6, 5, 2, 3]),
        (&[1, 5, 2, 4], &[6, 1, 4, 3], &[6, 5, 2, 3]),
    ];
    for (sa, sb, expected) in cases {
        let (a, b) = (ramp::<f64>(sa, 1), ramp::<f64>(sb, 2));
        let y = a.matmul(&b);
        assert_eq!(y.shape(), expected);
        let a = if sa.len() == 1 { a.unsqueeze(0) } else { a };
        let b = if sb.len() == 1 { b.unsqueeze(-1) } else { b };
        let whole = |x: &Tensor<f64>, i: usize| {
            let (r, c) = (x.shape()[x.rank() - 2], x.shape()[x.rank() - 1]);
            let mut to =
                shape::broadcast("", &a.shape()[..a.rank() - 2], &b.shape()[..b.rank() - 2])
                    .unwrap();
            to.extend([r, c]);
            let all = x.broadcast_to(&to).to_vec();
            Tensor::from_vec(all[i * r * c..(i + 1) * r * c].to_vec(), [r, c]).unwrap()
        };
        let per = a.shape()[a.rank() - 2] * b.shape()[b.rank() - 1];
        let one_by_one: Vec<f64> =
            (0..y.len() / per).flat_map(|i| naive(&whole(&a, i), &whole(&b, i))).collect();
        assert_eq!(y.to_vec(), one_by_one, "{sa:?} x {sb:?}");
    }
}

#[test]
fn rows_that_do_not_merge_give_the_bits_of_their_copy() {
    let a = rough::<f32>(&[7, 30, 40], 1).swap_axes(0, 1);
    let b = rough::<f32>(&[40, 50], 2);
    let copy = Tensor::from_vec(a.to_vec(), [30, 7, 40]).unwrap();
    assert_eq!(a.matmul(&b), copy.matmul(&b));
}

#[test]
fn large_batches_match_their_matrices() {
    let (a, b) = (ramp::<f32>(&[600, 4, 6], 1), ramp::<f32>(&[600, 6, 5], 2));
    let y = a.matmul(&b);
    for i in [0, 1, 299, 598, 599] {
        let (a, b) = (a.index_axis(0, i), b.index_axis(0, i));
        assert_eq!(y.index_axis(0, i).to_vec(), naive(&a, &b));
    }
    let (a, b) = (ramp::<f64>(&[2, 66, 64], 1), ramp::<f64>(&[2, 64, 65], 2));
    let y = a.matmul(&b).index_axis(0, 1);
    assert_eq!(y.to_vec(), naive(&a.index_axis(0, 1), &b.index_axis(0, 1)));
}

#[test]
fn long_vectors_have_the_bits_of_their_transposes_on_any_number_of_threads() {
    fn sweep<T: Float>(tolerance: f64) {
        for (k, n) in [
            (1025, 1),
            (5000, 3),
            (210_003, 20),
            (200_000, 1),
            (2048, 700),
            (3000, 64),
            (600, 1300),
        ] {
            let (x, b) = (rough::<T>(&[k], 1), rough::<T>(&[k, n], 2));
            let turned = Tensor::from_vec(b.t().to_vec(), [n, k]).unwrap();
            let y = x.matmul(&b);
            let exact = naive(&x.cast::<f64>().unsqueeze(0), &b.cast::<f64>());
            let close = |(y, exact): (T, f64)| (y.wide() - exact).abs() < k as f64 * tolerance;
            assert!(y.iter().zip(exact).all(close), "{k} {n}");
            for threads in [1, 3] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| {
                    assert_eq!(x.matmul(&b), y, "{k} {n}");
                    assert_eq!(turned.matmul(&x), y, "{k} {n}");
                    assert_eq!(x.matmul(&turned.t()), y, "{k} {n}");
                });
            }
        }
    }
    sweep::<f32>(1e-7);
    // What a sum of one term after the other is off itself.
    sweep::<f64>(1e-14);
}

#[test]
fn outer_products_of_all_layouts_have_the_bits_of_one_product_each() {
    for (m, n) in [(2, 16), (500, 17), (131, 300), (300, 784)] {
        let (column, row) = (rough::<f32>(&[m, 1], 1), rough::<f32>(&[n, 1], 2).t());
        let (strided, wide) = (rough::<f32>(&[m, 3], 3), rough::<f32>(&[2, n], 4).t());
        let columns = [column.clone(), column.flip(0), strided.index_axis(1, 1).unsqueeze(1)];
        for a in &columns {
            for b in [row.clone(), row.flip(1), wide.index_axis(1, 1).unsqueeze(0)] {
                let product = |i: usize, j: usize| a[[i, 0]].mul_add(b[[0, j]], 0.0).to_bits();
                let expected = (0..m * n).map(|at| product(at / n, at % n));
                for threads in [1, 3] {
                    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
                    let y = pool.expect("a pool of threads").install(|| a.matmul(&b));
                    assert!(y.iter().map(f32::to_bits).eq(expected.clone()), "{m} {n}");
                }
            }
        }
    }
    let zeros = Tensor::<f64>::full([100, 1], -0.0).matmul(&Tensor::full([1, 100], 1.0));
    assert!(zeros.iter().all(|x| x.is_sign_positive()), "as a sum of more terms");
}

#[test]
fn misfits_name_both_shapes() {
    let why = |a: &[usize], b: &[usize]| matmul_shape(a, b).unwrap_err().to_string();
    assert_eq!(why(&[3, 4], &[5, 6]), "matmul: [3, 4] x [5, 6]: inner sizes 4 and 5 differ");
    assert_eq!(why(&[3], &[]), "matmul: [3] x []: an operand has rank 0");
    assert_eq!(
        why(&[2, 3, 4], &[3, 4, 5]),
        "matmul: [2, 3, 4] x [3, 4, 5]: leading axes [2] and [3] do not broadcast"
    );
}
