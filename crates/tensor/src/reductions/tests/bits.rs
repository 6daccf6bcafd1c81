//! The bits of a reduction depend on its elements alone.

use super::*;
use crate::element::Float;

#[test]
fn bits_do_not_depend_on_threads_or_layout() {
    let cases: [(&[usize], &[usize]); 6] = [
        (&[300_001], &[0]),
        (&[311, 517], &[0]),
        (&[311, 517], &[1]),
        (&[70_001, 3], &[0]),
        (&[9001, 20], &[0]),
        (&[20, 30, 210], &[0, 2]),
    ];
    for (shape, axes) in cases {
        let data: Vec<f32> = noise(shape::len(shape)).iter().map(|&x| x as f32).collect();
        let tensors = layouts(&data, shape);
        let expected = bits(&tensors[0], axes);
        for threads in [1, 2, 3, 6] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            for x in &tensors {
                let strides = x.strides();
                let found = pool.install(|| bits(x, axes));
                assert!(found == expected, "{shape:?}, {strides:?}, {threads} threads");
            }
        }
    }
}

#[test]
fn extrema_of_equals_and_nan_are_the_same_bits_along_rows_and_columns() {
    // Zeros of both signs and NaN of both, so that it shows which one of several was taken.
    let pick = |x: f64| [-0.0, 0.0, -0.0, 0.0, f64::NAN, -f64::NAN][(x.abs() * 1e6) as usize % 6];
    for kinds in [4, 6] {
        for n in [2, 31, 33, 64, 100, 129, 255, 300, 1025] {
            let data = noise(3 * n).into_iter().map(|x| match pick(x) {
                nan if nan.is_nan() && kinds == 4 => 0.0,
                value => value,
            });
            let x = Tensor::from_vec(data.collect(), [3, n]).unwrap();
            let y = x.t().to_contiguous();
            let bits = |t: Tensor<f64>| t.map(|x| x.to_bits() as i64);
            assert_eq!(bits(x.max_axis(1)), bits(y.max_axis(0)), "{n}");
            assert_eq!(bits(x.min_axis(1)), bits(y.min_axis(0)), "{n}");
        }
    }
}

#[test]
fn a_logsumexp_of_many_rows_is_that_of_each() {
    for (rows, n) in [(700, 90), (20_000, 3), (3, 70_000)] {
        let x = Tensor::from_vec(noise(rows * n), [rows, n]).unwrap();
        let (all, turned) = (x.logsumexp_axis(1), x.t().to_contiguous().logsumexp_axis(0));
        for k in (0..rows).step_by(rows / 3) {
            let own = x.index_axis(0, k as isize);
            assert!(same(all[[k]], own.logsumexp().item()), "row {k} of {rows}");
            assert!(near(all[[k]], own.exp().sum().item().ln()), "row {k} of {rows}");
        }
        assert!(all.iter().zip(turned.iter()).all(|(a, b)| same(a, b)), "{rows} rows of {n}");
    }
}

/// Tiles of columns follow each other in one scratch: none may see what another left there.
#[test]
fn every_tile_of_many_columns_has_its_own_means_and_extrema() {
    for n in [2, 5, 40] {
        let x = Tensor::<f64>::uniform([n, 3000], -1.0, 1.0, &mut crate::rng(n as u64));
        let rows = x.t().to_contiguous();
        assert_eq!(x.var_axis(0, 1).to_vec(), rows.var_axis(1, 1).to_vec());
        assert_eq!(x.argmax_axis(0), rows.argmax_axis(1));
        assert_eq!(x.max_axis(0), rows.max_axis(1));
        let part = x.slice(s![.., 7..2900;2]);
        let rows = part.t().to_contiguous();
        assert_eq!(part.var_axis(0, 1).to_vec(), rows.var_axis(1, 1).to_vec());
        assert_eq!(part.argmax_axis(0), rows.argmax_axis(1));
    }
}

/// Up to as many as there are lanes, columns go through a loop of their own.
#[test]
fn a_few_rows_are_folded_as_their_transpose_is() {
    for n in 1..=33 {
        for outputs in [1, 7, 63, 64, 72, 300, 1100] {
            let data = noise(n * outputs).into_iter().map(|x| x as f32).collect();
            let whole = Tensor::<f32>::from_vec(data, [n, outputs]).unwrap();
            // Rows of a part lie apart; those of a repeated row on each other.
            let spread = whole.slice(s![..1]).broadcast_to([n, outputs]);
            for x in [whole.slice(s![.., outputs / 3..]), whole.flip(0), spread, whole] {
                let rows = x.t().to_contiguous();
                let bits = |y: Tensor<f32>| y.iter().map(|y| y.to_bits()).collect::<Vec<_>>();
                let same = |a, b| assert_eq!(bits(a), bits(b), "{n} rows of {outputs}");
                same(x.sum_axis(0), rows.sum_axis(1));
                same(x.prod_axis(0), rows.prod_axis(1));
                same(x.min_axis(0), rows.min_axis(1));
                same(x.std_axis(0, 0), rows.std_axis(1, 0));
                assert_eq!(x.argmax_axis(0), rows.argmax_axis(1), "{n} rows of {outputs}");
            }
        }
    }
}

/// Stretches of outputs that are short and long, read in place and copied, from a cache and from
/// memory, beside their rows.
#[test]
fn folds_over_a_middle_axis_have_the_bits_of_rows() {
    for (outer, n, inner) in
        [(40, 33, 3), (9, 1030, 17), (5, 64, 784), (3, 70, 300), (3, 100, 300), (2, 100, 3300)]
    {
        let noise = noise(outer * n * inner);
        let x = Tensor::<f64>::from_vec(noise, [outer, n, inner]).unwrap();
        for x in [x.slice(s![.., .., ..;2]), x.slice(s![.., 1.., 1..]), x.flip(1), x] {
            over_the_middle(&x);
            over_the_middle(&x.cast::<f32>());
        }
    }
}

#[test]
fn rows_from_memory_have_the_bits_of_their_transposes() {
    fn far<T: Float>(shape: [usize; 2]) {
        let noise = noise(shape[0] * shape[1]).into_iter().map(T::of).collect();
        let x = Tensor::<T>::from_vec(noise, shape).unwrap();
        for x in [x.flip(0), x] {
            let rows = x.t().to_contiguous();
            assert_eq!(x.sum_axis(0), rows.sum_axis(1), "{shape:?}");
            assert_eq!(x.max_axis(0), rows.max_axis(1), "{shape:?}");
            assert_eq!(x.argmax_axis(0), rows.argmax_axis(1), "{shape:?}");
        }
    }
    far::<f32>([1100, 3900]);
    far::<f32>([500_000, 9]);
    far::<f64>([70, 30_100]);
}

fn over_the_middle<T: Float>(x: &Tensor<T>) {
    let rows = x.permute([0, 2, 1]).to_contiguous();
    let shape = x.shape();
    assert_eq!(x.sum_axis(1), rows.sum_axis(2), "{shape:?}");
    assert_eq!(x.max_axis(1), rows.max_axis(2), "{shape:?}");
    assert_eq!(x.var_axis(1, 1), rows.var_axis(2, 1), "{shape:?}");
    assert_eq!(x.argmax_axis(1), rows.argmax_axis(2), "{shape:?}");
    let (uneven, rows) = (x.sum_axis([0, 1]), x.permute([2, 0, 1]).to_contiguous());
    assert_eq!(uneven, rows.sum_axis([1, 2]), "{shape:?}");
}
