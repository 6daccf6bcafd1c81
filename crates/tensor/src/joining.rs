//! Joining, splitting and padding.

use crate::element::Element;
use crate::error::OrPanic;
use crate::kernel;
use crate::shape::{self, Dims};
use crate::tensor::Tensor;
use crate::view::View;

impl<T: Element> Tensor<T> {
    /// The tensors one after the other along `axis`, whose size is the sum of theirs.
    ///
    /// # Panics
    /// When there is none, they differ in rank or on another axis, or the axis is out of range.
    #[doc(alias = "cat")]
    #[track_caller]
    pub fn concat(parts: &[&Tensor<T>], axis: isize) -> Tensor<T> {
        let shapes: Vec<&[usize]> = parts.iter().map(|t| t.shape()).collect();
        let shape = kernel::concat_shape(&shapes, axis).or_panic();
        let axis = shape::axis("concat", axis, &shape).or_panic();
        let views: Vec<View<'_, T>> = parts.iter().map(|t| t.view()).collect();
        Tensor::build(&shape, |out| kernel::concat(&views, axis, out))
    }

    /// The tensors, of one shape, along a new axis before position `axis`; -1 adds it at the end.
    ///
    /// # Panics
    /// When there is none, their shapes differ, or the position is out of range.
    #[track_caller]
    pub fn stack(parts: &[&Tensor<T>], axis: isize) -> Tensor<T> {
        let Some(first) = parts.first() else { panic!("stack: there is nothing to join") };
        if let Some(other) = parts.iter().find(|t| t.shape() != first.shape()) {
            panic!("stack: shapes {} and {} differ", Dims(first.shape()), Dims(other.shape()));
        }
        // Written without a closure, so that a bad position is reported at the caller's line.
        let mut raised = Vec::with_capacity(parts.len());
        for part in parts {
            raised.push(part.unsqueeze(axis));
        }
        let raised: Vec<&Tensor<T>> = raised.iter().collect();
        Tensor::concat(&raised, axis)
    }

    /// Views of consecutive stretches of `axis`, which `sizes` add up to.
    ///
    /// # Panics
    /// When they do not, or the axis is out of range.
    #[track_caller]
    pub fn split(&self, axis: isize, sizes: &[usize]) -> Vec<Tensor<T>> {
        let axis = shape::axis("split", axis, self.shape()).or_panic();
        let total = sizes.iter().try_fold(0usize, |sum, &size| sum.checked_add(size));
        if total != Some(self.shape()[axis]) {
            let shape = Dims(self.shape());
            panic!("split: sizes {} do not add up to axis {axis} of shape {shape}", Dims(sizes));
        }
        let mut start = 0;
        let mut parts = Vec::with_capacity(sizes.len());
        for &size in sizes {
            parts.push(self.narrow(axis as isize, start, size));
            start += size;
        }
        parts
    }

    /// `before` and `after` elements of `value` around each axis, one pair an axis.
    ///
    /// # Panics
    /// When there is not one pair an axis, or the size overflows the address space.
    #[track_caller]
    pub fn pad(&self, margins: impl AsRef<[(usize, usize)]>, value: T) -> Tensor<T> {
        let margins = margins.as_ref();
        let shape = kernel::pad_shape(self.shape(), margins).or_panic();
        Tensor::build(&shape, |out| kernel::pad(self.view(), margins, value, out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s;

    fn tensor<T: Element>(data: impl IntoIterator<Item = T>, shape: &[usize]) -> Tensor<T> {
        Tensor::from_vec(data.into_iter().collect(), shape).unwrap()
    }

    /// `[2, 3, 4]` in every layout.
    fn cubes() -> Vec<Tensor<f32>> {
        let ramp = |n: usize| (1..=n).map(|i| i as f32);
        vec![
            tensor(ramp(24), &[2, 3, 4]),
            tensor(ramp(24), &[4, 3, 2]).permute([2, 1, 0]),
            tensor(ramp(24), &[2, 3, 4]).slice(s![..;-1, ..;-1, ..;-1]),
            tensor(ramp(280), &[5, 7, 8]).slice(s![1..;2, ..6;2, ..;-2]),
            tensor(ramp(4), &[4]).broadcast_to([2, 3, 4]),
            tensor(ramp(3), &[3, 1]).broadcast_to([2, 3, 4]),
        ]
    }

    fn places(shape: &[usize]) -> impl Iterator<Item = [usize; 3]> {
        let (b, c) = (shape[1], shape[2]);
        (0..shape.iter().product()).map(move |i| [i / (b * c), i / c % b, i % c])
    }

    #[test]
    fn concat_matches_a_loop_over_indices() {
        for a in cubes() {
            for b in cubes() {
                for axis in 0..3 {
                    let y = Tensor::concat(&[&a, &b, &a], axis as isize - 3);
                    let size = a.shape()[axis];
                    assert_eq!(y.shape()[axis], 3 * size);
                    for mut at in places(y.shape()) {
                        let value = y[at];
                        let from = if at[axis] / size == 1 { &b } else { &a };
                        at[axis] %= size;
                        assert_eq!(value, from[at]);
                    }
                }
            }
        }
    }

    #[test]
    fn parts_of_different_sizes_and_types_join() {
        let (a, b) = (tensor([1i64, 2], &[2, 1]), tensor([3i64, 4, 5, 6], &[2, 2]));
        assert_eq!(Tensor::concat(&[&a, &b], 1).to_vec(), [1, 3, 4, 2, 5, 6]);
        let none = tensor([0i64; 0], &[2, 0]);
        assert_eq!(Tensor::concat(&[&none, &b, &none], 1), b);
        assert_eq!(Tensor::concat(&[&none, &none], 0).shape(), [4, 0]);
        let (t, f) = (tensor([true], &[1]), tensor([false], &[1]));
        assert_eq!(Tensor::concat(&[&t, &f], 0).to_vec(), [true, false]);
    }

    #[test]
    fn long_joins_match_short_ones() {
        let a = tensor((0..90_000).map(|i| i as f64), &[300, 300]);
        let y = Tensor::concat(&[&a.t(), &a], 1);
        let (left, right) = (y.slice(s![.., ..300]), y.slice(s![.., 300..]));
        assert!(left == a.t() && right == a);
        for (a, b) in [(a.clone(), a.flip(1)), (a.t(), a.clone())] {
            for len in [1, 2, 9, 15, 16, 300] {
                let (a, b) = (a.reshape([90_000 / len, len]), b.reshape([90_000 / len, len]));
                let y = Tensor::concat(&[&a, &b, &a], 1);
                assert!(y.slice(s![.., ..len]) == a && y.slice(s![.., len..2 * len]) == b);
                assert!(y.slice(s![.., 2 * len..]) == a);
            }
        }
        let padded = a.pad([(1, 2), (3, 4)], -1.0);
        assert!(padded.slice(s![1..301, 3..303]) == a);
        assert_eq!(padded.iter().filter(|&x| x == -1.0).count(), 303 * 307 - 90_000);
    }

    #[test]
    fn stack_adds_an_axis() {
        for a in cubes() {
            let b = a.flip(0);
            for axis in [0, 1, 3, -1] {
                let y = Tensor::stack(&[&a, &b], axis);
                assert_eq!(y.index_axis(axis, 0), a);
                assert_eq!(y.index_axis(axis, 1), b);
            }
        }
        let (one, two) = (tensor([1f32], &[]), tensor([2f32], &[]));
        assert_eq!(Tensor::stack(&[&one, &two], 0).to_vec(), [1.0, 2.0]);
    }

    #[test]
    fn split_undoes_concat_without_copying() {
        for a in cubes() {
            for (axis, sizes) in [(0, [0, 2]), (1, [2, 1]), (-1, [1, 3])] {
                let parts = a.split(axis, &sizes);
                assert!(parts.iter().all(|p| p.shares_buffer(&a)));
                assert_eq!(Tensor::concat(&parts.iter().collect::<Vec<_>>(), axis), a);
            }
        }
    }

    #[test]
    fn pad_matches_a_loop_over_indices() {
        let margins = [(1, 0), (0, 2), (2, 1)];
        for a in cubes() {
            let y = a.pad(margins, 0.5);
            assert_eq!(y.shape(), [3, 5, 7]);
            for at in places(&[3, 5, 7]) {
                let inner: [usize; 3] = std::array::from_fn(|k| at[k].wrapping_sub(margins[k].0));
                let inside = (0..3).all(|k| inner[k] < a.shape()[k]);
                assert_eq!(y[at], if inside { a[inner] } else { 0.5 }, "{at:?}");
            }
        }
    }

    #[test]
    fn pad_of_nothing_and_by_nothing() {
        let scalar = tensor([7u8], &[]);
        assert_eq!(scalar.pad([], 0), scalar);
        let none = tensor([0f32; 0], &[0, 2]);
        assert_eq!(none.pad([(1, 1), (0, 1)], 3.0).to_vec(), [3.0; 6]);
        assert_eq!(none.pad([(0, 0), (1, 1)], 3.0).shape(), [0, 4]);
    }

    // H2, tenferro#1066
    #[test]
    #[should_panic(expected = "pad: shape [2] padded by [(0, 18446744073709551615)] overflows")]
    fn a_pad_that_overflows_is_refused_before_it_allocates() {
        tensor([1f32, 2.0], &[2]).pad([(0, usize::MAX)], 0.0);
    }

    #[test]
    #[should_panic(expected = "concat: there is nothing to join")]
    fn joining_nothing_is_refused() {
        Tensor::<f32>::concat(&[], 0);
    }

    #[test]
    #[should_panic(expected = "concat: shapes [2, 2] and [2, 1] (tensors 0 and 1) differ")]
    fn joining_misfits_is_refused() {
        let (a, b) = (tensor([1f32; 4], &[2, 2]), tensor([1f32; 2], &[2, 1]));
        Tensor::concat(&[&a, &b], 0);
    }

    #[test]
    #[should_panic(expected = "split: sizes [1, 2] do not add up to axis 0 of shape [2]")]
    fn a_split_must_add_up() {
        tensor([1f32; 2], &[2]).split(0, &[1, 2]);
    }
}
