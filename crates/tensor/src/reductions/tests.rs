use std::cmp::Ordering;

use super::*;
use crate::kernel::fold::LEAF;
use crate::s;
use crate::shape;
use crate::slice::Range;
use crate::testing::{noise, panic_of};

mod bits;
mod to_shape;

/// Tensors of the same values in different layouts: contiguous, axes stored in the opposite order,
/// stored backwards, every other element of a larger buffer, and the middle of one.
pub(crate) fn layouts<T: Element>(data: &[T], shape: &[usize]) -> Vec<Tensor<T>> {
    let x = Tensor::from_vec(data.to_vec(), shape).unwrap();
    let axes = || 0..x.rank();
    let back: Vec<usize> = axes().rev().collect();
    let turned = x.permute(&back).to_contiguous().permute(&back);
    let flip = |x: &Tensor<T>| axes().fold(x.clone(), |x, k| x.flip(k as isize));
    let reversed = flip(&flip(&x).to_contiguous());
    let within = |picked: Range, size: fn(usize) -> usize| {
        let larger: Vec<usize> = shape.iter().map(|&d| size(d)).collect();
        let mut at = vec![T::default(); shape::len(&larger)];
        let layout = Tensor::from_vec((0..at.len() as i64).collect(), &larger).unwrap();
        let positions = layout.slice(vec![picked; x.rank()]);
        for (p, x) in positions.iter().zip(data) {
            at[p as usize] = *x;
        }
        Tensor::from_vec(at, &larger).unwrap().slice(vec![picked; x.rank()])
    };
    let strided = within(Range::from(1..).step(2), |d| 2 * d + 1);
    let middle = within(Range::Span { start: 1, end: Some(-1), step: 1 }, |d| d + 2);
    let all = vec![x, turned, reversed, strided, middle];
    let equal =
        |a: &T, b: &T| !matches!(a.partial_cmp(b), Some(Ordering::Less | Ordering::Greater));
    for t in &all {
        assert!(t.shape() == shape && t.iter().zip(data).all(|(a, b)| equal(&a, b)));
    }
    all
}

/// The elements reduced into each output, in row-major order on both sides.
fn groups<T: Element>(x: &Tensor<T>, axes: &[usize]) -> Vec<Vec<T>> {
    let kept: Vec<usize> = (0..x.rank()).filter(|k| !axes.contains(k)).collect();
    let outputs: usize = kept.iter().map(|&k| x.shape()[k]).product();
    let mut groups = vec![Vec::new(); outputs];
    for (i, value) in x.iter().enumerate() {
        let index = shape::unravel(i, x.shape());
        groups[kept.iter().fold(0, |at, &k| at * x.shape()[k] + index[k])].push(value);
    }
    groups
}

const SHAPES: [&[usize]; 11] = [
    &[],
    &[1],
    &[40],
    &[2500],
    &[7, 9],
    &[70, 33],
    &[3, 1100],
    &[1100, 9],
    &[5, 34, 12],
    &[3, 37, 130],
    &[9, 2, 150],
];

/// Every subset of the axes of `rank`.
fn subsets(rank: usize) -> impl Iterator<Item = Vec<usize>> {
    (0..1usize << rank).map(move |set| (0..rank).filter(|k| set >> k & 1 == 1).collect())
}

/// Compares a reduction with a function of the group, on every shape, layout and choice of axes.
fn check<O: Element>(
    reduce: impl Fn(&Tensor<f64>, &Vec<usize>) -> Tensor<O>,
    reference: impl Fn(&[f64]) -> O,
    close: impl Fn(O, O) -> bool,
) {
    for shape in SHAPES {
        let data = noise(shape::len(shape));
        for x in layouts(&data, shape) {
            for axes in subsets(shape.len()) {
                let y = reduce(&x, &axes);
                let kept: Vec<usize> =
                    (0..shape.len()).filter(|k| !axes.contains(k)).map(|k| shape[k]).collect();
                assert_eq!(y.shape(), kept);
                for (y, group) in y.iter().zip(groups(&x, &axes)) {
                    let expected = reference(&group);
                    let strides = x.strides();
                    assert!(
                        close(y, expected),
                        "{y} is not {expected}: {shape:?}, strides {strides:?}, axes {axes:?}"
                    );
                }
            }
        }
    }
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-13 * a.abs().max(b.abs()) + 1e-12
}

fn same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits()
}

/// The documented tree, by recursion over a list.
fn tree(x: &[f64]) -> f64 {
    if x.len() > LEAF {
        let leaves = x.len().div_ceil(LEAF);
        let (a, b) = x.split_at(leaves.next_power_of_two() / 2 * LEAF);
        return tree(a) + tree(b);
    }
    let lanes: Vec<f64> = (0..x.len().min(32))
        .map(|j| x.iter().skip(j).step_by(32).copied().reduce(|a, b| a + b).unwrap())
        .collect();
    fn halves(lanes: &[f64], width: usize) -> f64 {
        match width {
            1 => lanes[0],
            _ => {
                let half = width / 2;
                let folded: Vec<f64> = (0..half.min(lanes.len()))
                    .map(|j| lanes.get(j + half).map_or(lanes[j], |b| lanes[j] + b))
                    .collect();
                halves(&folded, half)
            }
        }
    }
    halves(&lanes, 32)
}

#[test]
fn sums_follow_the_documented_tree_in_every_layout() {
    check(|x, axes| x.sum_axis(axes.clone()), tree, same);
}

#[test]
fn sums_of_any_number_of_rows_of_any_width_follow_the_tree() {
    // Where lanes, groups of them, chunks and leaves begin and end.
    for n in (1..70).chain([95, 97, 127, 129, 255, 257, 300, 1023, 1025, 1057, 2100]) {
        for width in [1, 2, 3, 5, 17, 31, 33, 63, 64, 65, 100] {
            let x = Tensor::from_vec(noise(n * width), [n, width]).unwrap();
            let turned = x.t().to_contiguous();
            let expected = (0..width).map(|k| tree(&turned.slice(s![k]).to_vec()));
            let sums = x.sum_axis(0).to_vec().into_iter().zip(turned.sum_axis(1).to_vec());
            assert!(
                expected.zip(sums).all(|(e, (a, b))| same(a, e) && same(b, e)),
                "{n} x {width}"
            );
        }
    }
}

#[test]
fn a_block_of_rows_is_folded_as_if_it_stood_alone() {
    for (n, width) in [(1, 70), (7, 64), (33, 100), (40, 300), (129, 65), (1100, 70), (2100, 520)] {
        let x = Tensor::from_vec(noise(3 * n * width), [3, n, width]).unwrap();
        let sums = x.sum_axis(1);
        for k in 0..3 {
            let alone = x.slice(s![k]).to_contiguous().sum_axis(0).to_vec();
            let block = sums.slice(s![k]).to_vec();
            assert!(alone.iter().zip(block).all(|(&a, b)| same(a, b)), "{n} x {width}");
        }
    }
}

#[test]
fn reductions_agree_with_their_formulas_in_every_layout() {
    let mean = |g: &[f64]| g.iter().sum::<f64>() / g.len() as f64;
    let var = |g: &[f64], c: usize| {
        let m = mean(g);
        let squares: f64 = g.iter().map(|x| (x - m).powi(2)).sum();
        if g.len() <= c { f64::NAN } else { squares / (g.len() - c) as f64 }
    };
    let same_or_near = |a: f64, b: f64| near(a, b) || a.is_nan() && b.is_nan();
    check(|x, axes| x.mean_axis(axes.clone()), mean, near);
    check(|x, axes| x.var_axis(axes.clone(), 1), |g| var(g, 1), same_or_near);
    check(|x, axes| x.std_axis(axes.clone(), 0), |g| var(g, 0).sqrt(), near);
    let norm = |g: &[f64]| g.iter().map(|x| x * x).sum::<f64>().sqrt();
    check(|x, axes| x.norm_axis(axes.clone()), norm, near);
    let logsumexp = |g: &[f64]| g.iter().map(|x| x.exp()).sum::<f64>().ln();
    check(|x, axes| x.logsumexp_axis(axes.clone()), logsumexp, near);
    let close = |a: f64, b: f64| a == b || (a / b - 1.0).abs() < 1e-11;
    check(|x, axes| x.prod_axis(axes.clone()), |g| g.iter().product(), close);
}

#[test]
fn extrema_and_truth_agree_with_their_definitions_in_every_layout() {
    let max = |g: &[f64]| g.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let min = |g: &[f64]| g.iter().copied().fold(f64::INFINITY, f64::min);
    check(|x, axes| x.max_axis(axes.clone()), max, same);
    check(|x, axes| x.min_axis(axes.clone()), min, same);
    for shape in SHAPES.into_iter().filter(|s| !s.is_empty()) {
        let data: Vec<i64> = noise(shape::len(shape)).iter().map(|x| (x * 9.0) as i64).collect();
        let rare: Vec<bool> = data.iter().map(|&x| x > 50).collect();
        for (x, b) in layouts(&data, shape).iter().zip(layouts(&rare, shape)) {
            for k in 0..shape.len() {
                let first = |g: Vec<i64>, m: Option<&i64>| g.iter().position(|x| Some(x) == m);
                let at = |g: &Vec<i64>| first(g.clone(), g.iter().max()).unwrap() as i64;
                let expected: Vec<i64> = groups(x, &[k]).iter().map(at).collect();
                assert_eq!(x.argmax_axis(k as isize).to_vec(), expected);
                let at = |g: &Vec<i64>| first(g.clone(), g.iter().min()).unwrap() as i64;
                let expected: Vec<i64> = groups(x, &[k]).iter().map(at).collect();
                assert_eq!(x.argmin_keepdim(k as isize).to_vec(), expected);
                let sums: Vec<i64> = groups(x, &[k]).iter().map(|g| g.iter().sum()).collect();
                assert_eq!(x.sum_axis(k).to_vec(), sums);
                let any: Vec<bool> = groups(&b, &[k]).iter().map(|g| g.contains(&true)).collect();
                assert_eq!(b.any_axis(k).to_vec(), any);
                let all: Vec<bool> = groups(&b, &[k]).iter().map(|g| !g.contains(&false)).collect();
                assert_eq!(b.all_axis(k).to_vec(), all);
            }
        }
    }
}

/// All float reductions of `x` over `axes`, as bits.
fn bits(x: &Tensor<f32>, axes: &[usize]) -> Vec<u32> {
    let all = [
        x.sum_axis(axes),
        x.prod_axis(axes),
        x.max_axis(axes),
        x.mean_axis(axes),
        x.var_axis(axes, 1),
        x.std_axis(axes, 0),
        x.norm_axis(axes),
        x.logsumexp_axis(axes),
    ];
    all.iter().flat_map(|y| y.iter().map(f32::to_bits).collect::<Vec<_>>()).collect()
}

#[test]
fn f32_sums_are_exact_but_for_the_last_rounding() {
    let data: Vec<f32> = noise(100_000).iter().map(|&x| x as f32).collect();
    // Multiples of 2^-60 below 2^60: exact in i128.
    let exact: i128 = data.iter().map(|&x| (x as f64 * (1u64 << 60) as f64) as i128).sum();
    let exact = (exact as f64 / (1u64 << 60) as f64) as f32;
    for x in layouts(&data, &[100, 1000]) {
        assert_eq!(x.sum().item(), exact);
    }
}

#[test]
fn f64_sums_err_like_pairwise_ones() {
    let data = noise(200_000);
    let scale = (1u64 << 60) as f64;
    let exact: i128 = data.iter().map(|&x| (x * scale) as i128).sum();
    let size: f64 = data.iter().map(|x| x.abs()).sum();
    let sum = Tensor::from_vec(data, [200_000]).unwrap().sum().item();
    // 31 additions in a lane, 5 of lanes, 8 of leaves; errors are far from all at their bound.
    assert!((sum - exact as f64 / scale).abs() <= 4.0 * f64::EPSILON * size);
}

fn full(value: f32, shape: &[usize]) -> Tensor<f32> {
    Tensor::from_vec(vec![value], []).unwrap().broadcast_to(shape)
}

// I1, pytorch#18277, pytorch#15837, TF#6039, pytorch#36582
#[test]
fn large_means_and_sums_of_constants_are_right() {
    for x in [full(9991.0, &[1000, 1000]), full(9991.0, &[1000, 1000]).to_contiguous()] {
        assert!((x.mean().item() - 9991.0).abs() < 0.01);
        assert_eq!(x.mean().item().to_bits(), x.t().mean().item().to_bits());
    }
    assert_eq!(full(1.0, &[1 << 25]).mean().item(), 1.0);
    assert!((full(1.23456, &[250, 250]).sum().item() - 77160.0).abs() < 1.0);
    assert_eq!(full(1.0, &[2, 3]).sum_axis(0).to_vec(), [2.0; 3]);
}

#[test]
fn a_keepdim_reduction_broadcasts_against_its_input() {
    let x = full(1.0, &[2, 3, 4]);
    assert_eq!(x.sum_keepdim([0, -1]).shape(), [1, 3, 1]);
    assert_eq!(x.sum_axis([0, -1]).shape(), [3]);
    assert_eq!(x.argmax_keepdim(1).shape(), [2, 1, 4]);
    assert_eq!(x.var_keepdim(1, 1).shape(), [2, 1, 4]);
    assert_eq!(x.sum().shape(), [0; 0]);
    assert_eq!(x.sum_axis([0usize; 0]).to_vec(), x.to_vec());
}

#[test]
fn nothing_has_the_documented_reductions() {
    let x = Tensor::<f32>::from_vec(vec![], [0, 3]).unwrap();
    assert_eq!(x.sum_axis(0).iter().map(f32::to_bits).collect::<Vec<_>>(), [0; 3]);
    assert_eq!(x.prod_axis(0).to_vec(), [1.0; 3]);
    assert_eq!(x.norm_axis(0).to_vec(), [0.0; 3]);
    assert_eq!(x.logsumexp_axis(0).to_vec(), [f32::NEG_INFINITY; 3]);
    assert!(x.mean_axis(0).iter().all(f32::is_nan));
    assert!(x.var_axis(0, 0).iter().chain(x.std_axis(0, 1).iter()).all(f32::is_nan));
    assert_eq!((x.sum().item(), x.prod().item()), (0.0, 1.0));
    assert!(x.mean().item().is_nan());
    for empty in [x.sum_axis(1), x.mean_axis(1), x.max_axis(1), x.var_axis(1, 1)] {
        assert_eq!(empty.shape(), [0]);
    }
    assert_eq!(x.argmax_axis(1).shape(), [0]);
    assert_eq!(Tensor::<f64>::zeros([5, 0, 3]).sum_axis(0).shape(), [0, 3]);
    let none = Tensor::<bool>::from_vec(vec![], [0]).unwrap();
    assert_eq!((none.any().item(), none.all().item()), (false, true));
}

#[test]
fn a_variance_without_degrees_of_freedom_is_nan() {
    let x = full(1.0, &[1, 1]);
    assert!(x.var(1).item().is_nan() && x.var_keepdim(0, 3).item().is_nan());
    assert_eq!(full(3.0, &[16]).std(1).item(), 0.0);
}

#[test]
#[should_panic(expected = "max: shape [0, 3] has no elements along axes [0]")]
fn the_maximum_of_nothing_is_refused() {
    Tensor::<f32>::from_vec(vec![], [0, 3]).unwrap().max_axis(0);
}

#[test]
#[should_panic(expected = "argmin: shape [2, 0] has no elements along axes [0, 1]")]
fn the_position_of_nothing_is_refused() {
    Tensor::<f32>::from_vec(vec![], [2, 0]).unwrap().argmin();
}

#[test]
#[should_panic(expected = "sum: axis 2 is out of range for shape [2, 3]")]
fn an_axis_out_of_range_is_refused() {
    full(1.0, &[2, 3]).sum_axis(2);
}

#[test]
fn nan_wins_and_its_first_position_is_found() {
    for n in [3, 40, 2500] {
        for at in [0, 1, n / 2, n - 1] {
            let mut data = noise(n);
            data[at] = f64::NAN;
            data[n - 1] = f64::NAN;
            let x = Tensor::from_vec(data, [n]).unwrap();
            let spread = x.unsqueeze(1).broadcast_to([n, 20]);
            assert!(x.max().item().is_nan() && x.min().item().is_nan());
            assert!(spread.max_axis(0).iter().all(f64::is_nan));
            assert_eq!((x.argmax().item(), x.argmin().item()), (at as i64, at as i64));
            assert!(spread.to_contiguous().argmax_axis(0).iter().all(|i| i == at as i64));
            assert!(x.logsumexp().item().is_nan() && x.norm().item().is_nan());
        }
    }
    assert_eq!(full(7.0, &[70, 1000]).argmax().item(), 0);
    let low = Tensor::from_vec(vec![f32::NEG_INFINITY; 3], [3]).unwrap();
    assert_eq!((low.max().item(), low.argmax().item()), (f32::NEG_INFINITY, 0));
}

#[test]
fn zeros_keep_their_sign_in_sums() {
    for n in [1, 2, 40, 3000] {
        let x = Tensor::from_vec(vec![-0.0f32; n], [n]).unwrap();
        assert!(x.sum().item().is_sign_negative());
    }
}

#[test]
fn logsumexp_takes_infinities_and_large_numbers() {
    let of =
        |data: &[f32]| Tensor::from_vec(data.to_vec(), [data.len()]).unwrap().logsumexp().item();
    let inf = f32::INFINITY;
    assert_eq!(of(&[-inf, -inf]), -inf);
    assert_eq!(of(&[-inf, 1.0]), 1.0);
    assert_eq!(of(&[inf, 1.0, -inf]), inf);
    assert_eq!(of(&[1000.0, 1000.0]), 1000.0 + 2f32.ln());
    assert_eq!(of(&[-1e30, -1e30]), -1e30);
    assert!(of(&[f32::NAN, inf]).is_nan());
}

#[test]
fn norms_neither_overflow_nor_underflow() {
    let of = |data: &[f64]| Tensor::from_vec(data.to_vec(), [data.len()]).unwrap().norm().item();
    for scale in [1e200, 1e-200, 1e-300, 1e307] {
        assert!((of(&[3.0 * scale, -4.0 * scale]) / (5.0 * scale) - 1.0).abs() < 1e-15);
    }
    assert_eq!(of(&[5e-324; 4]), 1e-323);
    assert_eq!(of(&[0.0, -0.0]), 0.0);
    assert_eq!(of(&[f64::INFINITY, 1.0]), f64::INFINITY);
    assert!(of(&[f64::INFINITY, f64::NAN]).is_nan());
    let rows = Tensor::from_vec(vec![3e200, 0.0, 3.0, 4.0, 0.0, 0.0], [3, 2]).unwrap();
    assert_eq!(rows.norm_axis(1).to_vec(), [3e200, 5.0, 0.0]);
    assert_eq!(full(3e38, &[4]).slice(s![..1]).norm().item(), 3e38);
    assert!((full(1e30, &[2, 8]).std(0).item()).abs() == 0.0);
}

#[test]
fn integer_sums_panic_only_where_the_result_does_not_fit() {
    let x = Tensor::from_vec(vec![i64::MAX, i64::MAX, -i64::MAX], [3]).unwrap();
    assert_eq!(x.sum().item(), i64::MAX);
    let bytes = Tensor::from_vec(vec![200u8, 100], [2]).unwrap();
    assert_eq!(panic_of(|| bytes.sum()), "sum: the result at position 0 does not fit u8");
    assert_eq!(panic_of(|| bytes.prod()), "prod: the result at position 0 does not fit u8");
    assert_eq!(bytes.max().item(), 200);
}
