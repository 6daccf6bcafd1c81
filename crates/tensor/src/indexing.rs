//! Elements at places that other tensors name.

use crate::element::{Element, Number};
use crate::error::{Error, OrPanic};
use crate::kernel;
use crate::shape;
use crate::tensor::Tensor;

impl<T: Element> Tensor<T> {
    /// Elements picked along `axis`, the other axes in step: for axis 0 of a matrix,
    /// `out[i, j] = self[index[i, j], j]`. `index` has the same rank and is no larger on the other
    /// axes; the result has its shape.
    ///
    /// # Errors
    /// [`Error::Index`] when an index is negative or not below the size of the axis.
    ///
    /// # Panics
    /// When the shapes do not fit or the axis is out of range.
    #[track_caller]
    pub fn gather(&self, axis: isize, index: &Tensor<i64>) -> Result<Tensor<T>, Error> {
        let shape = kernel::gather_shape("gather", self.shape(), axis, index.shape()).or_panic();
        let axis = shape::axis("gather", axis, self.shape()).or_panic();
        Tensor::try_build(&shape, |out| kernel::gather(self.view(), axis, index.view(), out))
    }

    /// The slices at `index` along `axis`, in that order: `out[.., i, ..] = self[.., index[i], ..]`
    /// for a vector `index`.
    ///
    /// # Errors
    /// [`Error::Index`] when an index is negative or not below the size of the axis.
    ///
    /// # Panics
    /// When `index` is not a vector or the axis is out of range.
    #[track_caller]
    pub fn index_select(&self, axis: isize, index: &Tensor<i64>) -> Result<Tensor<T>, Error> {
        let shape = kernel::index_select_shape(self.shape(), axis, index.shape()).or_panic();
        let axis = shape::axis("index_select", axis, self.shape()).or_panic();
        Tensor::try_build(&shape, |out| kernel::index_select(self.view(), axis, index.view(), out))
    }
}

impl<T: Number> Tensor<T> {
    /// This tensor plus `src` at the places that [`gather`](Self::gather) would read:
    /// for axis 0 of a matrix, `out[index[i, j], j] += src[i, j]`. Repeated places add up in the
    /// row-major order of `src`, so the bits are fixed.
    ///
    /// # Errors
    /// [`Error::Index`] when an index is negative or not below the size of the axis,
    /// [`Error::Overflow`] when an integer sum does not fit its type.
    ///
    /// # Panics
    /// When `index` does not fit as for `gather`, `src` has another shape than `index`, or the axis
    /// is out of range.
    #[track_caller]
    pub fn scatter_add(
        &self,
        axis: isize,
        index: &Tensor<i64>,
        src: &Tensor<T>,
    ) -> Result<Tensor<T>, Error> {
        kernel::scatter_add_shape(self.shape(), axis, index.shape(), src.shape()).or_panic();
        let axis = shape::axis("scatter_add", axis, self.shape()).or_panic();
        Tensor::try_build(self.shape(), |out| {
            kernel::scatter_add(self.view(), axis, index.view(), src.view(), out)
        })
    }
}

impl Tensor<i64> {
    /// One row for each label: 1 at the label, 0 at the other classes. The classes are a new last
    /// axis.
    ///
    /// # Errors
    /// [`Error::Label`] when a label is negative or not below `classes`.
    ///
    /// # Panics
    /// When the size overflows the address space.
    #[track_caller]
    pub fn one_hot<T: Number>(&self, classes: usize) -> Result<Tensor<T>, Error> {
        let mut shape = shape::Shape::from_slice(self.shape());
        shape.push(classes);
        Tensor::try_build(&shape, |out| kernel::one_hot(self.view(), classes, out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s;
    use crate::testing::in_pool;

    fn tensor<T: Element>(data: impl IntoIterator<Item = T>, shape: &[usize]) -> Tensor<T> {
        Tensor::from_vec(data.into_iter().collect(), shape).unwrap()
    }

    /// `[4, 5]` in every layout.
    fn matrices() -> Vec<Tensor<f64>> {
        let ramp = |n: usize| (0..n).map(|i| i as f64);
        vec![
            tensor(ramp(20), &[4, 5]),
            tensor(ramp(20), &[5, 4]).t(),
            tensor(ramp(20), &[4, 5]).slice(s![..;-1, ..;-1]),
            tensor(ramp(110), &[10, 11]).slice(s![1..9;2, 1..;2]),
            tensor(ramp(5), &[5]).broadcast_to([4, 5]),
        ]
    }

    fn places(shape: &[usize]) -> impl Iterator<Item = [usize; 3]> {
        let (b, c) = (shape[1], shape[2]);
        (0..shape.iter().product()).map(move |i| [i / (b * c), i / c % b, i % c])
    }

    /// Two layouts of the same indices below 4, with repetitions.
    fn indices() -> Vec<Tensor<i64>> {
        let values = |n: i64| (0..n).map(|i| i * 7 % 11 % 4);
        let plain = tensor(values(18), &[6, 3]);
        vec![plain.clone(), tensor(plain.t().to_vec(), &[3, 6]).t(), plain.flip(0), plain.flip(1)]
    }

    #[test]
    fn gather_matches_a_loop_over_indices() {
        for x in matrices() {
            for index in indices() {
                let y = x.gather(0, &index).unwrap();
                let z = x.t().gather(1, &index.t()).unwrap();
                assert_eq!(y.shape(), [6, 3]);
                for (i, j) in (0..18).map(|p| (p / 3, p % 3)) {
                    assert_eq!(y[[i, j]], x[[index[[i, j]] as usize, j]]);
                    assert_eq!(z[[j, i]], y[[i, j]]);
                }
            }
        }
    }

    #[test]
    fn short_slices_are_picked_whole_up_to_the_end_of_the_buffer() {
        for width in 1..=20 {
            let x = Tensor::from_fn([3, 7, width], |i| (i[0] * 1000 + i[1] * 100 + i[2]) as i64);
            let index = tensor([6i64, 0, 6, 3, 6], &[5]);
            for (part, first) in [(x.clone(), 0), (x.slice(s![1..]), 1)] {
                let y = part.index_select(1, &index).unwrap();
                let picked = |i: &[usize]| x[[i[0] + first, index[[i[1]]] as usize, i[2]]];
                assert_eq!(y, Tensor::from_fn(y.shape(), picked), "{width}");
            }
        }
    }

    #[test]
    fn index_select_matches_a_loop_over_indices() {
        let plain = tensor([3i64, 0, 3, 1, 2], &[5]);
        for x in matrices() {
            for index in [plain.clone(), plain.flip(0), plain.slice(s![1..;2])] {
                let rows = x.index_select(0, &index).unwrap();
                let columns = x.index_select(-1, &index).unwrap();
                for (k, from) in index.iter().enumerate() {
                    assert_eq!(rows.index_axis(0, k as isize), x.index_axis(0, from as isize));
                    assert_eq!(columns.index_axis(1, k as isize), x.index_axis(1, from as isize));
                }
            }
        }
        let cube = tensor((0..24).map(|i| i as f32), &[2, 3, 4]).permute([2, 0, 1]);
        let y = cube.index_select(1, &tensor([1i64, 1, 0], &[3])).unwrap();
        assert_eq!(y.shape(), [4, 3, 3]);
        assert_eq!(y[[3, 0, 2]], cube[[3, 1, 2]]);
        assert_eq!(y[[2, 2, 1]], cube[[2, 0, 1]]);
    }

    #[test]
    fn an_index_without_a_position_adds_nothing() {
        let (x, index) = (Tensor::<f64>::ones([3, 1]), tensor([0i64], &[1, 1]));
        for rows in [0, 1] {
            let index = index.broadcast_to([rows, 1]);
            let sum = x.scatter_add(1, &index, &Tensor::ones([rows, 1])).unwrap();
            assert_eq!(sum.sum().item(), 3.0 + rows as f64);
            assert_eq!(x.gather(1, &index).unwrap().shape(), [rows, 1]);
        }
    }

    #[test]
    fn scatter_add_matches_a_loop_over_indices() {
        for x in matrices() {
            for index in indices() {
                let src = tensor((0..18).map(|i| i as f64 / 4.0), &[3, 6]).t();
                let y = x.scatter_add(0, &index, &src).unwrap();
                let mut expected = x.to_contiguous();
                for (i, j) in (0..18).map(|p| (p / 3, p % 3)) {
                    expected[[index[[i, j]] as usize, j]] += src[[i, j]];
                }
                assert_eq!(y, expected);
                assert_eq!(x.t().scatter_add(1, &index.t(), &src.t()).unwrap(), expected.t());
            }
        }
    }

    #[test]
    fn repeated_indices_add_up() {
        let zero = tensor([0f32], &[1]);
        let sum = zero.scatter_add(0, &tensor([0, 0], &[2]), &tensor([0.2, 0.3], &[2])).unwrap();
        assert_eq!(sum.to_vec(), [0.5]);
        // The cotangent of data[[1, 1, 0], [1, 1, 0]], its places counted in the flat matrix.
        let flat = tensor([0f32; 4], &[4]);
        let ones = tensor([1f32; 3], &[3]);
        let counts = flat.scatter_add(0, &tensor([3, 3, 0], &[3]), &ones).unwrap();
        assert_eq!(counts.reshape([2, 2]).to_vec(), [1.0, 0.0, 0.0, 2.0]);
    }

    #[test]
    fn repeated_indices_add_in_one_order_on_any_number_of_threads() {
        let n = 200_000;
        let index = tensor((0..n).map(|i| i as i64 * 7919 % 13), &[n]);
        let src = tensor((0..n).map(|i| (i as f32).sin()), &[n]);
        let zeros = tensor([0f32; 13], &[13]);
        let all = || {
            let sums = zeros.scatter_add(0, &index, &src).unwrap();
            (sums.to_vec(), sums.gather(0, &index).unwrap().to_vec())
        };
        let alone = in_pool(1, all);
        assert!([2, 3, 6].into_iter().all(|threads| in_pool(threads, all) == alone));
    }

    #[test]
    fn threads_that_share_the_other_axes_add_in_the_order_of_the_source() {
        let rough = |i: usize| (i as f32 * 0.618).sin();
        for (shape, axis) in [([5, 9, 7000], 1), ([300, 40, 30], 0), ([40, 300, 33], 1)]
            .into_iter()
            .chain([([40, 33, 300], 2), ([2, 5, 60_000], 2), ([300_000, 2, 1], 1)])
        {
            let size = shape[axis];
            let x = Tensor::<f32>::from_fn(shape, |i| rough(i[0] + i[1] * 7 + i[2] * 3));
            let index = Tensor::from_fn(shape, |i| ((i[0] * 3 + i[1] * 5 + i[2]) % size) as i64);
            let src = Tensor::from_fn(shape, |i| rough(i[0] * 11 + i[1] * 5 + i[2] * 2));
            // All of it, lines of one index, and a part of what is added to.
            let line = index.slice(s![.., .., ..1]).broadcast_to(shape);
            let part = s![..shape[0] - 1, 1.., ..];
            for (index, src) in [
                (index.clone(), src.clone()),
                (line.clone(), src.flip(2)),
                (index.slice(part), src.slice(part)),
                (line.slice(part), src.slice(part)),
            ] {
                let mut expected = x.to_vec();
                for at in places(index.shape()) {
                    let mut to = at;
                    to[axis] = index[at] as usize;
                    expected[(to[0] * shape[1] + to[1]) * shape[2] + to[2]] += src[at];
                }
                for threads in [1, 2, 3] {
                    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
                    let add = || x.scatter_add(axis as isize, &index, &src).unwrap().to_vec();
                    assert!(pool.unwrap().install(add) == expected, "{shape:?} {axis} {threads}");
                }
            }
        }
    }

    #[test]
    fn one_hot_marks_the_label() {
        let y = tensor([2i64, 0], &[2]).flip(0).one_hot::<f32>(3).unwrap();
        assert_eq!((y.shape(), y.to_vec()), (&[2, 3][..], vec![1.0, 0.0, 0.0, 0.0, 0.0, 1.0]));
        assert_eq!(tensor([1i64], &[]).one_hot::<f64>(2).unwrap().to_vec(), [0.0, 1.0]);
        assert_eq!(tensor([0i64; 0], &[0]).one_hot::<f64>(3).unwrap().shape(), [0, 3]);
    }

    #[test]
    fn many_indices_are_those_of_each_line() {
        let x = tensor((0..90_000).map(|i| i as f32), &[300, 300]);
        let index = tensor((0..90_000).map(|i| i * 7 % 299 + i % 2), &[300, 300]);
        let picked = tensor((0..500).map(|i| i * 7 % 300), &[500]);
        for x in [x.clone(), x.t(), x.flip(1)] {
            let (rows, columns) = (x.gather(0, &index).unwrap(), x.gather(1, &index.t()).unwrap());
            let of_columns = x.index_select(1, &picked).unwrap();
            let one = index.slice(s![.., ..1]);
            let of_rows = x.gather(1, &one).unwrap();
            let added = x.scatter_add(1, &one, &Tensor::ones([300, 1])).unwrap();
            for i in 0..300 {
                let j = one[[i, 0]] as usize;
                assert_eq!((of_rows[[i, 0]], added[[i, j]]), (x[[i, j]], x[[i, j]] + 1.0));
            }
            let cube = x.reshape([100, 300, 3]).index_select(1, &picked).unwrap();
            for (i, j) in (0..3000).map(|p| (p * 31 % 300, p * 17 % 300)) {
                assert_eq!(rows[[i, j]], x[[index[[i, j]] as usize, j]]);
                assert_eq!(columns[[i, j]], x[[i, index[[j, i]] as usize]]);
                assert_eq!(of_columns[[i, j]], x[[i, picked[[j]] as usize]]);
                let flat = (i / 3 * 300 + picked[[j]] as usize) * 3 + i % 3;
                assert_eq!(cube[[i / 3, j, i % 3]], x[[flat / 300, flat % 300]]);
            }
        }
    }

    #[test]
    fn slices_of_any_length_are_picked_whole() {
        let x = tensor((0..90_000).map(|i| i as f32), &[300, 300]);
        for (x, len) in
            [(x.clone(), 1), (x.t(), 3), (x.clone(), 8), (x.flip(0), 15), (x.t(), 30), (x, 300)]
        {
            let rows = 90_000 / len;
            let x = x.reshape([rows, len]);
            let picked = tensor((0..700).map(|i| (i * 7919 % rows) as i64), &[700]);
            let y = x.index_select(0, &picked).unwrap();
            let turned = x.t().index_select(1, &picked.flip(0)).unwrap();
            for (i, j) in (0..700).flat_map(|i| (0..len).map(move |j| (i, j))) {
                let expected = x[[picked[[i]] as usize, j]];
                assert_eq!((y[[i, j]], turned[[j, 699 - i]]), (expected, expected));
            }
        }
    }

    #[test]
    fn of_many_indices_out_of_range_the_first_is_named() {
        let x = tensor((0..300).map(|i| i as f32), &[300, 1]).broadcast_to([300, 300]);
        for first in [0, 2047, 2048, 50_000, 89_990] {
            let wrong = move |i: i64| i >= first && (i - first) % 9 == 0;
            let index =
                tensor((0..90_000).map(|i| if wrong(i) { 300 + i } else { 299 }), &[300, 300]);
            let position = first as usize;
            let is = |op| Error::Index { op, index: 300 + first, position, size: 300 };
            assert_eq!(x.gather(0, &index).unwrap_err(), is("gather"));
            let added = x.scatter_add(0, &index, &Tensor::ones([300, 300]));
            assert_eq!(added.unwrap_err(), is("scatter_add"));
        }
    }

    #[test]
    fn an_index_out_of_range_is_an_error_that_names_it() {
        let x = tensor([1f32, 2.0, 3.0], &[3]);
        for (index, position) in [(vec![0, 3], 1), (vec![-1, 0], 0)] {
            let bad = index[position];
            let at = tensor(index.clone(), &[2]);
            let is = |op| Error::Index { op, index: bad, position, size: 3 };
            assert_eq!(x.gather(0, &at).unwrap_err(), is("gather"));
            assert_eq!(x.index_select(0, &at).unwrap_err(), is("index_select"));
            assert_eq!(at.one_hot::<f32>(3).unwrap_err(), is("").of_labels("one_hot"));
            let src = tensor([1f32, 1.0], &[2]);
            assert_eq!(x.scatter_add(0, &at, &src).unwrap_err(), is("scatter_add"));
        }
        let none = tensor([0f32; 0], &[0, 3]);
        assert!(none.index_select(0, &tensor([0i64], &[1])).is_err());
    }

    #[test]
    fn empty_indices_give_empty_results() {
        let x = tensor([1f32, 2.0, 3.0, 4.0], &[2, 2]);
        let none = tensor([0i64; 0], &[0, 2]);
        assert_eq!(x.gather(0, &none).unwrap().shape(), [0, 2]);
        assert_eq!(x.scatter_add(0, &none, &tensor([0f32; 0], &[0, 2])).unwrap(), x);
        assert_eq!(x.index_select(1, &tensor([0i64; 0], &[0])).unwrap().shape(), [2, 0]);
        let flat = tensor([0f32; 0], &[2, 0]);
        assert_eq!(flat.index_select(0, &tensor([1i64, 1, 0], &[3])).unwrap().shape(), [3, 0]);
    }

    #[test]
    #[should_panic(expected = "gather: indices of shape [2, 3] do not lie within shape [2, 2]")]
    fn indices_wider_than_the_tensor_are_refused() {
        let x = tensor([1f32, 2.0, 3.0, 4.0], &[2, 2]);
        let _ = x.gather(0, &tensor([0i64; 6], &[2, 3]));
    }
}
