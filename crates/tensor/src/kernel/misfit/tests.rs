use crate::element::{DType, Number};
use crate::reductions::tests::layouts;
use crate::testing::in_pool;
use crate::{AxisSet, Error, Tensor, kernel, tensor};

/// Whole numbers of any size up to the limits of the type, so that sums of few of them fit or do
/// not.
fn integers(n: usize, seed: u64) -> Vec<i64> {
    let mut state = 0x9e37_79b9_7f4a_7c15 ^ seed << 32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as i64
    };
    (0..n).map(|_| next() >> (next() & 7)).collect()
}

/// What a kernel gives, and what it should: the exact results, or the first that does not fit.
fn compare<T: Number + TryFrom<i128>>(
    op: &'static str,
    exact: &[i128],
    run: impl FnOnce(&mut [T]) -> Result<(), Error>,
) {
    let mut out = vec![T::zero(); exact.len()];
    let outcome = run(&mut out);
    match exact.iter().position(|&y| T::try_from(y).is_err()) {
        Some(position) => {
            assert_eq!(outcome, Err(Error::Overflow { op, position, dtype: T::DTYPE }));
        }
        None => {
            assert_eq!(outcome, Ok(()));
            assert!(out.iter().zip(exact).all(|(&y, &exact)| T::try_from(exact).ok() == Some(y)));
        }
    }
}

#[test]
fn integer_sums_are_exact_and_the_first_that_does_not_fit_is_named() {
    for (seed, shape) in (0..).zip([
        [1, 1],
        [3, 2],
        [2, 3],
        [40, 20],
        [20, 40],
        [700, 33],
        [5, 5000],
        [5000, 5],
        [3, 3],
        [4, 2],
    ]) {
        for shift in [0, 16] {
            let data: Vec<i64> =
                integers(shape[0] * shape[1], seed).iter().map(|x| x >> shift).collect();
            let (mut all, mut rows, mut columns) = (0, vec![0; shape[0]], vec![0; shape[1]]);
            for (i, &x) in data.iter().enumerate() {
                let x = i128::from(x);
                all += x;
                rows[i / shape[1]] += x;
                columns[i % shape[1]] += x;
            }
            for x in layouts(&data, &shape) {
                let sum = |axes, out: &mut [i64]| kernel::sum(x.view(), axes, out);
                compare("sum", &[all], |out| sum(AxisSet::all(2), out));
                compare("sum", &rows, |out| sum(AxisSet::of("", &1, &shape).unwrap(), out));
                compare("sum", &columns, |out| sum(AxisSet::of("", &0, &shape).unwrap(), out));
            }
        }
    }
}

#[test]
fn other_integers_are_summed_exactly_too() {
    let wide = usize::MAX as i128;
    for (data, sum) in [(vec![usize::MAX - 7, 7], wide), (vec![usize::MAX, 1], wide + 1)] {
        let x = Tensor::from_vec(data, [2]).unwrap();
        compare("sum", &[sum], |out| kernel::sum(x.view(), AxisSet::all(1), out));
    }
    for (value, n) in [(1u8, 255), (1, 256), (255, 1), (0, 70_000), (255, 70_000)] {
        let x = Tensor::full([n], value);
        let sum = n as i128 * i128::from(value);
        compare("sum", &[sum], |out: &mut [u8]| kernel::sum(x.view(), AxisSet::all(1), out));
    }
}

#[test]
fn a_product_fits_where_its_exact_value_does_whatever_its_parts_are() {
    let product = |factors: &[i64]| {
        let x = Tensor::from_vec(factors.to_vec(), [factors.len()]).unwrap();
        let mut out = [1];
        kernel::prod(x.view(), AxisSet::all(1), &mut out).map(|()| out[0])
    };
    let refused = Err(Error::Overflow { op: "prod", position: 0, dtype: DType::I64 });
    assert_eq!(product(&[i64::MIN, -1]), refused);
    assert_eq!(product(&[1 << 31, -(1 << 31), 2]), Ok(i64::MIN));
    // Beyond 128 bits on the way.
    let long = [i64::MIN; 50];
    assert_eq!(product(&long), refused);
    assert_eq!(product(&[&long[..], &[0]].concat()), Ok(0));
    assert_eq!(product(&[&[0], &long[..], &[-1; 60]].concat()), Ok(0));
    assert_eq!(product(&[&long[..], &[-1; 60], &long[..]].concat()), refused);
}

#[test]
fn running_and_scattered_sums_name_their_first_on_any_number_of_threads() {
    let (rows, columns) = (60, 3000);
    let x = Tensor::from_fn([rows, columns], |i| if i[0] > 40 && i[1] > 7 { 100u8 } else { 1 });
    let mut out = vec![0; x.len()];
    let place = Tensor::from_fn([rows, columns], |i| (i[0] % 20) as i64);
    for threads in [1, 2, 3] {
        in_pool(threads, || {
            let refused = |op, position| Err(Error::Overflow { op, position, dtype: DType::U8 });
            let down = kernel::cumsum(x.view(), 0, &mut out);
            assert_eq!(down, refused("cumsum", 43 * columns + 8));
            let across = kernel::cumsum(x.view(), 1, &mut out);
            assert_eq!(across, refused("cumsum", 255));
            let onto = Tensor::full([20, columns], 100u8);
            for place in [place.clone(), place.slice(crate::s![.., ..1]).broadcast_to(x.shape())] {
                let mut out = vec![0; onto.len()];
                let added = kernel::scatter_add(onto.view(), 0, place.view(), x.view(), &mut out);
                // 100, and once or twice 1, and 100.
                assert_eq!(added, Ok(()));
                let twice = Tensor::full([20, columns], 154u8);
                let added = kernel::scatter_add(twice.view(), 0, place.view(), x.view(), &mut out);
                assert_eq!(added, refused("scatter_add", columns + 8));
            }
        });
    }
    // An index out of range comes first.
    let wrong = tensor![0i64, 5];
    let added = tensor![255u8].scatter_add(0, &wrong, &tensor![1u8, 1]);
    assert_eq!(added, Err(Error::Index { op: "scatter_add", index: 5, position: 1, size: 1 }));
}
