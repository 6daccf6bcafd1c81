//! Sorting and running sums: along one axis, the shape stays.

use crate::element::{Element, Number};
use crate::error::OrPanic;
use crate::kernel;
use crate::shape;
use crate::tensor::Tensor;
use crate::view::View;

impl<T: Element> Tensor<T> {
    /// One kernel along `axis`.
    #[track_caller]
    fn lines<O: Element>(
        &self,
        op: &str,
        axis: isize,
        f: impl FnOnce(View<'_, T>, usize, &mut [O]),
    ) -> Tensor<O> {
        let axis = shape::axis(op, axis, self.shape()).or_panic();
        Tensor::build(self.shape(), |out| f(self.view(), axis, out))
    }

    /// Each line along `axis` in ascending order, NaN last.
    ///
    /// # Panics
    /// When `axis` is out of range.
    #[track_caller]
    pub fn sort(&self, axis: isize) -> Self {
        self.lines("sort", axis, |x, axis, out| kernel::sort(x, axis, false, out))
    }

    /// Each line along `axis` in descending order, NaN last.
    ///
    /// # Panics
    /// When `axis` is out of range.
    #[track_caller]
    pub fn sort_descending(&self, axis: isize) -> Self {
        self.lines("sort_descending", axis, |x, axis, out| kernel::sort(x, axis, true, out))
    }

    /// The positions along `axis` that put each line in ascending order, NaN last; equal elements
    /// keep their order.
    ///
    /// # Panics
    /// When `axis` is out of range.
    #[track_caller]
    pub fn argsort(&self, axis: isize) -> Tensor<i64> {
        self.lines("argsort", axis, |x, axis, out| kernel::argsort(x, axis, false, out))
    }

    /// The positions along `axis` that put each line in descending order, NaN last; equal elements
    /// keep their order.
    ///
    /// # Panics
    /// When `axis` is out of range.
    #[track_caller]
    pub fn argsort_descending(&self, axis: isize) -> Tensor<i64> {
        self.lines("argsort_descending", axis, |x, axis, out| kernel::argsort(x, axis, true, out))
    }
}

impl<T: Number> Tensor<T> {
    /// Running sums: `y[i] = x[0] + .. + x[i]` along `axis`.
    ///
    /// # Panics
    /// When `axis` is out of range, or an integer sum does not fit its type.
    #[track_caller]
    pub fn cumsum(&self, axis: isize) -> Self {
        let axis = shape::axis("cumsum", axis, self.shape()).or_panic();
        Tensor::try_build(self.shape(), |out| kernel::cumsum(self.view(), axis, out)).or_panic()
    }
}

#[cfg(test)]
mod tests {
    use crate::reductions::tests::layouts;
    use crate::testing::{noise, panic_of};
    use crate::{Tensor, shape};

    const SHAPES: [&[usize]; 7] =
        [&[1], &[50], &[3000], &[7, 9], &[3, 1100], &[40, 2, 30], &[3, 0, 2]];

    /// Compares a function of lines with one of a list, on every shape, layout and axis.
    fn check<O: crate::Element>(
        lines: impl Fn(&Tensor<f64>, isize) -> Tensor<O>,
        list: impl Fn(&[f64]) -> Vec<O>,
    ) {
        for shape in SHAPES {
            // Few different values, so that there are ties, and some NaN.
            let coarse = |x: f64| if x > 9.0 { f64::NAN } else { (x * 4.0).round() / 4.0 };
            let data: Vec<f64> = noise(shape::len(shape)).into_iter().map(coarse).collect();
            for x in layouts(&data, shape) {
                for axis in 0..shape.len() as isize {
                    let y = lines(&x, axis);
                    assert_eq!(y.shape(), shape);
                    let ends = |t: &Tensor<f64>| t.swap_axes(axis, -1).to_vec();
                    let n = shape[axis as usize].max(1);
                    let expected: Vec<O> = ends(&x).chunks(n).flat_map(&list).collect();
                    let found = format!("{:?}", y.swap_axes(axis, -1).to_vec());
                    assert_eq!(found, format!("{expected:?}"), "{shape:?}, axis {axis}");
                }
            }
        }
    }

    /// Positions by insertion: stable, NaN last.
    fn order(x: &[f64], before: fn(f64, f64) -> bool) -> Vec<i64> {
        let mut order: Vec<i64> = Vec::new();
        for (i, &x_i) in x.iter().enumerate() {
            let goes_before = |&j: &i64| before(x_i, x[j as usize]) || x[j as usize].is_nan();
            let at = if x_i.is_nan() { None } else { order.iter().position(goes_before) };
            order.insert(at.unwrap_or(order.len()), i as i64);
        }
        order
    }

    #[test]
    fn sorting_is_stable_with_nan_last_in_both_directions() {
        let up = |x: &[f64]| order(x, |a, b| a < b);
        let down = |x: &[f64]| order(x, |a, b| a > b);
        let take = |x: &[f64], at: Vec<i64>| at.iter().map(|&i| x[i as usize]).collect();
        check(|x, axis| x.argsort(axis), up);
        check(|x, axis| x.argsort_descending(axis), down);
        check(|x, axis| x.sort(axis), |x| take(x, up(x)));
        check(|x, axis| x.sort_descending(axis - x.rank() as isize), |x| take(x, down(x)));
    }

    /// Compares lines with what the sort of the standard library makes of them.
    fn check_lines<T: crate::Element>(
        x: &Tensor<T>,
        before: impl Fn(&T, &T) -> std::cmp::Ordering,
    ) {
        let same = |found: Tensor<T>, expected: &Tensor<T>| {
            // As text, in which -0 is not 0 and NaN is NaN.
            assert_eq!(format!("{:?}", found.to_vec()), format!("{:?}", expected.to_vec()));
        };
        let n = x.shape()[1];
        for descending in [false, true] {
            let lines = x.to_vec();
            let order = lines.chunks(n).flat_map(|line| {
                let mut order: Vec<i64> = (0..n as i64).collect();
                let nan = |i: i64| line[i as usize].partial_cmp(&line[i as usize]).is_none();
                order.sort_by(|&i, &j| {
                    let both = before(&line[i as usize], &line[j as usize]);
                    nan(i).cmp(&nan(j)).then(if descending { both.reverse() } else { both })
                });
                order
            });
            let order = Tensor::from_vec(order.collect(), x.shape()).unwrap();
            let sorted = x.gather(1, &order).unwrap();
            for y in [x.clone(), x.t().to_contiguous().t()] {
                let turned = y.t();
                let (all, places, columns) = match descending {
                    false => (y.sort(1), y.argsort(1), turned.sort(0)),
                    true => {
                        (y.sort_descending(1), y.argsort_descending(1), turned.sort_descending(0))
                    }
                };
                same(all, &sorted);
                same(columns.t(), &sorted);
                assert_eq!(places, order);
            }
        }
    }

    #[test]
    fn lines_of_every_type_and_length_are_sorted_stably_with_nan_last() {
        use std::cmp::Ordering::Equal;
        for n in [1, 2, 3, 8, 9, 64, 127, 128, 129, 3000, 20_000] {
            let noise = noise(3 * n);
            let data = |f: &dyn Fn(f64) -> f64| {
                Tensor::from_vec(noise.iter().map(|&x| f(x)).collect(), [3, n]).unwrap()
            };
            let odd =
                [f64::NAN, -f64::NAN, 0.0, -0.0, f64::INFINITY, -f64::INFINITY, 1e-310, f64::MIN];
            let coarse = |x: f64| (x * 9.0).round() / 9.0;
            let strange = |x: f64| if x > 2.0 { odd[(x * 1e6) as usize % 8] } else { coarse(x) };
            let fine = data(&|x| x);
            let ordered = [fine.sort(1), fine.sort_descending(1), data(&coarse).sort_descending(1)];
            let mixed = [fine, data(&coarse), data(&strange), data(&|x| x.abs().floor())];
            for x in mixed.into_iter().chain(ordered) {
                let floats = |a: &f64, b: &f64| a.partial_cmp(b).unwrap_or(Equal);
                check_lines(&x, floats);
                check_lines(&x.cast::<f32>(), |a, b| a.partial_cmp(b).unwrap_or(Equal));
                let wide = |x: f64| (x * 1e18) as i64;
                let ints = Tensor::from_vec(x.to_vec().into_iter().map(wide).collect(), [3, n]);
                check_lines(&ints.unwrap(), i64::cmp);
                check_lines(&x.cast::<i64>(), i64::cmp);
                check_lines(&x.cast::<u8>(), u8::cmp);
                check_lines(&x.cast::<bool>(), bool::cmp);
                check_lines(&x.cast::<i64>().cast::<usize>(), usize::cmp);
            }
        }
    }

    #[test]
    fn running_sums_add_from_the_front_in_every_layout() {
        let list = |x: &[f64]| {
            let mut sums = x.to_vec();
            (1..x.len()).for_each(|i| sums[i] += sums[i - 1]);
            sums
        };
        check(|x, axis| x.cumsum(axis), list);
    }

    #[test]
    fn running_sums_do_not_depend_on_threads() {
        let data: Vec<f32> = noise(200 * 1500).iter().map(|&x| x as f32).collect();
        let x = Tensor::from_vec(data, [200, 1500]).unwrap();
        let run = || (x.cumsum(0), x.cumsum(1), x.t().cumsum(0), x.argsort(1), x.t().sort(0));
        let expected = run();
        for threads in [1, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            assert!(pool.install(run) == expected);
        }
        assert_eq!(x.cumsum(0).to_vec(), x.t().cumsum(1).t().to_vec());
        for n in [1, 2, 3, 4, 10, 1500] {
            let (lines, cube) = (x.reshape([300_000 / n, n]), x.reshape([100, n, 3000 / n]));
            assert_eq!(lines.cumsum(1).to_vec(), lines.t().cumsum(0).t().to_vec());
            let last = cube.swap_axes(1, 2).to_contiguous().cumsum(2);
            assert_eq!(cube.cumsum(1).to_vec(), last.swap_axes(1, 2).to_vec());
        }
    }

    #[test]
    fn running_sums_are_kept_wide_and_integers_are_checked() {
        let x = Tensor::from_vec(vec![1.0f32, 2f32.powi(-24), 2f32.powi(-24)], [3]).unwrap();
        assert_eq!(x.cumsum(0)[[2]], 1.0 + 2f32.powi(-23));
        assert!(Tensor::from_vec(vec![-0.0f32], [1]).unwrap().cumsum(0)[[0]].is_sign_negative());
        let bytes = Tensor::from_vec(vec![200u8, 100], [2]).unwrap();
        let text = "cumsum: the result at position 1 does not fit u8";
        assert_eq!(panic_of(|| bytes.cumsum(0)), text);
    }

    #[test]
    fn running_sums_of_few_long_rows_reach_the_last_column() {
        for (n, width) in [(2, 2049), (3, 2049), (4, 2049), (5, 2049), (3, 4097), (2, 6000)] {
            let x = Tensor::<f32>::from_fn([n, width], |i| (i[0] * 3 + i[1] % 7) as f32);
            let expected = Tensor::from_fn([n, width], |i| (0..=i[0]).map(|k| x[[k, i[1]]]).sum());
            assert!(x.cumsum(0) == expected, "{n}, {width}");
            let last = |i: &[usize]| if i[1] + 1 == width { i64::MAX } else { 0 };
            let text = panic_of(|| Tensor::from_fn([n, width], last).cumsum(0));
            let position = 2 * width - 1;
            assert_eq!(text, format!("cumsum: the result at position {position} does not fit i64"));
        }
    }

    #[test]
    #[should_panic(expected = "argsort: axis 0 is out of range for shape [] of rank 0")]
    fn a_single_number_has_no_axis_to_sort_along() {
        Tensor::from_vec(vec![1.0], []).unwrap().argsort(0);
    }
}
