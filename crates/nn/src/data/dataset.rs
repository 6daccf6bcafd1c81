//! Samples with their targets, and batches of them.

use rand::Rng;
use tensor::{AnySlice, Element, Float, Shape, Tensor};

use super::DataError;

/// Samples with a target each: the label of a class, an i64, if `Y` is not given, or real numbers,
/// as in `Dataset<f64, f64>`. Cloning copies no elements.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset<T: Float, Y: Element = i64> {
    inputs: Tensor<T>,
    targets: Tensor<Y>,
}

/// Some samples of a [`Dataset`].
#[derive(Clone, Debug, PartialEq)]
pub struct Batch<T: Float, Y: Element = i64> {
    /// `[batch, ..]`: the samples, one a row.
    pub inputs: Tensor<T>,
    /// What to learn of them: `[batch]`, their labels, or `[batch, ..]`, real numbers.
    pub targets: Tensor<Y>,
}

impl<T: Float> Dataset<T> {
    /// Samples `[n, ..]` and the labels `[n]` of their classes.
    ///
    /// # Errors
    /// When there is not one label a sample.
    pub fn new(inputs: Tensor<T>, labels: Tensor<i64>) -> Result<Self, DataError> {
        let &[n, ..] = inputs.shape() else { return Err(DataError::NoSamples) };
        if labels.shape() != [n] {
            let shape = |s: &[usize]| Shape::from_slice(s);
            let (inputs, labels) = (shape(inputs.shape()), shape(labels.shape()));
            return Err(DataError::Labels { inputs, labels });
        }
        Ok(Dataset { inputs: inputs.to_contiguous(), targets: labels.to_contiguous() })
    }

    /// The same samples in another float type.
    pub fn cast<U: Float>(&self) -> Dataset<U> {
        Dataset { inputs: self.inputs.cast(), targets: self.targets.clone() }
    }
}

impl<T: Float> Dataset<T, T> {
    /// Samples `[n, ..]` and their targets `[n, ..]`: one number each, `[n, 1]` beside the output
    /// of a layer, or several.
    ///
    /// ```
    /// use nn::prelude::*;
    ///
    /// let x = Tensor::<f64>::uniform([200, 2], -1.0, 1.0, &mut nn::rng(1));
    /// let y = x.matmul(&tensor![[2.0], [-3.0]]) + 0.5;
    /// let (train, test) = Dataset::regression(x, y)?.split(0.8, &mut nn::rng(2));
    /// let mut model = Linear::new(2, 1, &mut nn::rng(3));
    /// nn::fit(&mut model, &mut Sgd::new(0.2), &train).epochs(50).validation(&test).run(
    ///     |tape, model, batch| {
    ///         let y = model.forward(tape.constant(&batch.inputs));
    ///         loss::mse(y, tape.constant(&batch.targets))
    ///     },
    /// )?;
    /// assert!(model.weight.value().allclose(&tensor![[2.0, -3.0]], 1e-6, 0.0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When there is not one target a sample.
    pub fn regression(inputs: Tensor<T>, targets: Tensor<T>) -> Result<Self, DataError> {
        let &[n, ..] = inputs.shape() else { return Err(DataError::NoSamples) };
        if targets.shape().first() != Some(&n) {
            let shape = |s: &[usize]| Shape::from_slice(s);
            let (inputs, targets) = (shape(inputs.shape()), shape(targets.shape()));
            return Err(DataError::Targets { inputs, targets });
        }
        Ok(Dataset { inputs: inputs.to_contiguous(), targets: targets.to_contiguous() })
    }
}

impl<T: Float, Y: Element> Dataset<T, Y> {
    /// All samples, `[n, ..]`.
    pub fn inputs(&self) -> &Tensor<T> {
        &self.inputs
    }

    /// What to learn of them: `[n]`, all labels, or `[n, ..]`, real numbers.
    pub fn targets(&self) -> &Tensor<Y> {
        &self.targets
    }

    /// The number of samples.
    pub fn len(&self) -> usize {
        self.inputs.shape()[0]
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first `n` samples, or all if there are fewer.
    pub fn take(&self, n: usize) -> Self {
        self.select(&(0..n.min(self.len())).collect::<Vec<_>>())
    }

    /// The samples at these positions, in this order.
    ///
    /// # Panics
    /// When a position is not below [`len`](Self::len).
    #[track_caller]
    pub fn select(&self, positions: &[usize]) -> Self {
        Dataset { inputs: rows(&self.inputs, positions), targets: rows(&self.targets, positions) }
    }

    /// Divides the samples at random: a fraction of them (rounded to the nearest number), and the
    /// others.
    ///
    /// # Panics
    /// Unless the fraction is between 0 and 1.
    #[track_caller]
    pub fn split(&self, fraction: f64, rng: &mut (impl Rng + ?Sized)) -> (Self, Self) {
        assert!((0.0..=1.0).contains(&fraction), "split: a fraction of {fraction}");
        let order = tensor::permutation(self.len(), rng);
        let (a, b) = order.split_at((fraction * self.len() as f64).round() as usize);
        (self.select(a), self.select(b))
    }

    /// All samples in random order, `size` at a time; the last batch has what is left.
    ///
    /// # Panics
    /// When `size` is 0.
    #[track_caller]
    pub fn batches(&self, size: usize, rng: &mut (impl Rng + ?Sized)) -> Batches<T, Y> {
        Batches::new(self, tensor::permutation(self.len(), rng), size)
    }

    /// All samples in their order, `size` at a time; the last batch has what is left.
    ///
    /// # Panics
    /// When `size` is 0.
    #[track_caller]
    pub fn ordered_batches(&self, size: usize) -> Batches<T, Y> {
        Batches::new(self, (0..self.len()).collect(), size)
    }

    /// CRC-32 of shapes, samples and targets: as good as different for different data.
    pub(crate) fn checksum(&self) -> u32 {
        let mut sum = crc32fast::Hasher::new();
        let mut add = |bits: &mut dyn Iterator<Item = u64>| {
            bits.for_each(|bits| sum.update(&bits.to_le_bytes()));
        };
        add(&mut self.inputs.shape().iter().map(|&size| size as u64));
        add(&mut self.inputs.iter().map(|x| x.wide().to_bits()));
        // The number of targets is that of the samples.
        add(&mut self.targets.shape()[1..].iter().map(|&size| size as u64));
        match Y::erase_slice(self.targets.as_slice().expect("a dataset keeps contiguous tensors")) {
            AnySlice::F32(y) => add(&mut y.iter().map(|y| u64::from(y.to_bits()))),
            AnySlice::F64(y) => add(&mut y.iter().map(|y| y.to_bits())),
            AnySlice::Bool(y) => add(&mut y.iter().map(|&y| u64::from(y))),
            AnySlice::I64(y) => add(&mut y.iter().map(|&y| y as u64)),
            AnySlice::Usize(y) => add(&mut y.iter().map(|&y| y as u64)),
            AnySlice::U8(y) => add(&mut y.iter().map(|&y| u64::from(y))),
        }
        sum.finalize()
    }

    /// All samples as one batch.
    pub fn batch(&self) -> Batch<T, Y> {
        Batch { inputs: self.inputs.clone(), targets: self.targets.clone() }
    }
}

/// The batches of one pass over a [`Dataset`].
#[derive(Clone, Debug)]
pub struct Batches<T: Float, Y: Element = i64> {
    data: Dataset<T, Y>,
    order: Vec<usize>,
    size: usize,
    done: usize,
}

impl<T: Float, Y: Element> Batches<T, Y> {
    #[track_caller]
    fn new(data: &Dataset<T, Y>, order: Vec<usize>, size: usize) -> Self {
        assert!(size > 0, "batches: a batch size of 0");
        Batches { data: data.clone(), order, size, done: 0 }
    }
}

impl<T: Float, Y: Element> Iterator for Batches<T, Y> {
    type Item = Batch<T, Y>;

    fn next(&mut self) -> Option<Batch<T, Y>> {
        let rest = &self.order[self.done..];
        if rest.is_empty() {
            return None;
        }
        let positions = &rest[..self.size.min(rest.len())];
        self.done += positions.len();
        Some(self.data.select(positions).batch())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = (self.order.len() - self.done).div_ceil(self.size);
        (left, Some(left))
    }
}

impl<T: Float, Y: Element> ExactSizeIterator for Batches<T, Y> {}

/// The rows of a contiguous tensor at these positions.
#[track_caller]
fn rows<E: Element>(x: &Tensor<E>, positions: &[usize]) -> Tensor<E> {
    let mut shape = Shape::from_slice(x.shape());
    shape[0] = positions.len();
    let mut out = Tensor::scratch(&shape);
    let width = x.shape()[1..].iter().product::<usize>();
    let n = x.shape()[0];
    let from = x.as_slice().expect("a dataset keeps contiguous tensors");
    let to = out.as_mut_slice().expect("a fresh tensor is contiguous and has one owner");
    for (i, &at) in positions.iter().enumerate() {
        assert!(at < n, "select: position {at} of {n} samples");
        to[i * width..][..width].copy_from_slice(&from[at * width..][..width]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sample `i` is `[i, i + 0.5]` with label `10 i`.
    fn counted(n: usize) -> Dataset<f64> {
        let inputs = (0..n).flat_map(|i| [i as f64, i as f64 + 0.5]).collect();
        let labels = (0..n).map(|i| 10 * i as i64).collect();
        let inputs = Tensor::from_vec(inputs, [n, 2]).unwrap();
        Dataset::new(inputs, Tensor::from_vec(labels, [n]).unwrap()).unwrap()
    }

    fn labels(data: impl Iterator<Item = Batch<f64>>) -> Vec<Vec<i64>> {
        data.map(|b| b.targets.to_vec()).collect()
    }

    #[test]
    fn a_label_for_each_sample_is_required() {
        let x = |shape: &[usize]| Tensor::full(shape, 0.0);
        let error = |inputs, n| Dataset::new(inputs, Tensor::full([n], 0)).unwrap_err().to_string();
        assert_eq!(
            error(x(&[3, 2]), 2),
            "inputs of shape [3, 2] need labels of shape [3], not [2]"
        );
        assert_eq!(error(x(&[]), 1), "inputs of shape [] have no axis of samples");
        assert!(Dataset::new(x(&[2, 2]), Tensor::full([2, 1], 0)).is_err());
        assert!(Dataset::new(x(&[0, 2]), Tensor::full([0], 0)).unwrap().is_empty());
    }

    #[test]
    fn targets_are_real_numbers_and_follow_their_samples() {
        let x = Tensor::from_fn([6, 2], |at| (2 * at[0] + at[1]) as f64);
        let y = Tensor::from_fn([6, 3], |at| at[0] as f64 + 0.25 * at[1] as f64);
        let data = Dataset::regression(x.clone(), y.clone()).unwrap();
        for batch in data.batches(4, &mut tensor::rng(1)) {
            let n = batch.inputs.shape()[0];
            assert_eq!(batch.targets.shape(), [n, 3]);
            for i in 0..n {
                let target = batch.inputs[[i, 0]] / 2.0;
                assert_eq!((batch.targets[[i, 0]], batch.targets[[i, 2]]), (target, target + 0.5));
            }
        }
        assert_eq!((data.len(), data.take(2).targets().shape()), (6, &[2, 3][..]));
        let sum = |y: Tensor<f64>| Dataset::regression(x.clone(), y).unwrap().checksum();
        assert_eq!(sum(y.clone()), data.checksum());
        assert_ne!(sum(y.flip(0)), data.checksum());
        assert_ne!(sum(y.reshape([6, 3, 1])), data.checksum());
        for y in [Tensor::full([5, 1], 0.0), Tensor::scalar(0.0)] {
            let (shape, error) =
                (y.shape().to_vec(), Dataset::regression(x.clone(), y).unwrap_err());
            let expected =
                format!("inputs of shape [6, 2] need targets of shape [6, ..], not {shape:?}");
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn samples_of_a_transposed_tensor_are_its_rows() {
        let x = Tensor::from_vec(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [3, 2]).unwrap().t();
        let data = Dataset::new(x, Tensor::from_vec(vec![0, 1], [2]).unwrap()).unwrap();
        assert_eq!(data.select(&[1]).inputs().to_vec(), [2.0, 4.0, 6.0]);
    }

    #[test]
    fn ordered_batches_keep_the_order_and_the_rest() {
        let batches = counted(7).ordered_batches(3);
        assert_eq!(batches.len(), 3);
        let last = batches.clone().last().unwrap();
        assert_eq!((last.inputs.shape(), last.inputs.to_vec()), (&[1, 2][..], vec![6.0, 6.5]));
        assert_eq!(labels(batches), [vec![0, 10, 20], vec![30, 40, 50], vec![60]]);
        assert_eq!(labels(counted(4).ordered_batches(9)), [[0, 10, 20, 30]]);
        assert_eq!(counted(0).ordered_batches(2).count(), 0);
    }

    #[test]
    fn shuffled_batches_hold_every_sample_once_with_its_label() {
        let data = counted(50);
        let batches: Vec<_> = data.batches(8, &mut tensor::rng(1)).collect();
        let mut seen = Vec::new();
        for b in &batches {
            for (i, label) in b.targets.iter().enumerate() {
                assert_eq!(b.inputs[[i, 0]], label as f64 / 10.0);
                assert_eq!(b.inputs[[i, 1]], label as f64 / 10.0 + 0.5);
                seen.push(label);
            }
        }
        assert_ne!(seen, data.targets().to_vec());
        seen.sort_unstable();
        assert_eq!(seen, data.targets().to_vec());
    }

    #[test]
    fn the_order_depends_on_the_generator_alone() {
        let data = counted(20);
        let order = |seed| labels(data.batches(6, &mut tensor::rng(seed)));
        assert_eq!(order(3), order(3));
        assert_ne!(order(3), order(4));
        let mut rng = tensor::rng(3);
        assert_ne!(labels(data.batches(6, &mut rng)), labels(data.batches(6, &mut rng)));
    }

    #[test]
    fn a_split_divides_all_samples() {
        let data = counted(10);
        let (train, test) = data.split(0.75, &mut tensor::rng(2));
        assert_eq!((train.len(), test.len()), (8, 2));
        let mut all: Vec<_> = train.targets().iter().chain(test.targets().iter()).collect();
        all.sort_unstable();
        assert_eq!(all, data.targets().to_vec());
        assert_eq!(data.split(0.0, &mut tensor::rng(2)).0.len(), 0);
        assert_eq!(data.split(1.0, &mut tensor::rng(2)).1.len(), 0);
    }

    #[test]
    fn take_and_cast_keep_the_samples() {
        let data = counted(5);
        assert_eq!(data.take(2).targets().to_vec(), [0, 10]);
        assert_eq!(data.take(9), data);
        assert_eq!(data.cast::<f32>().inputs().to_vec()[3], 1.5f32);
    }

    #[test]
    fn every_number_and_the_shape_are_in_the_checksum() {
        let data = |x: [f64; 4], shape: [usize; 2], labels: Vec<i64>| {
            let inputs = Tensor::from_vec(x.to_vec(), shape).unwrap();
            Dataset::new(inputs, labels.into_iter().collect()).unwrap().checksum()
        };
        let x = [0.0, 1.0, 2.0, 3.0];
        let sums = [
            data(x, [2, 2], vec![0, 1]),
            data([0.0, 1.0, 3.0, 2.0], [2, 2], vec![0, 1]),
            data([-0.0, 1.0, 2.0, 3.0], [2, 2], vec![0, 1]),
            data(x, [2, 2], vec![1, 0]),
            data(x, [1, 4], vec![0]),
        ];
        for (i, a) in sums.iter().enumerate() {
            assert!(sums[..i].iter().all(|b| a != b), "{sums:?}");
        }
        assert_eq!(sums[0], data(x, [2, 2], vec![0, 1]));
    }

    #[test]
    #[should_panic(expected = "batches: a batch size of 0")]
    fn an_empty_batch_panics() {
        counted(3).ordered_batches(0);
    }

    #[test]
    #[should_panic(expected = "select: position 3 of 3 samples")]
    fn a_position_beyond_the_end_panics() {
        counted(3).select(&[3]);
    }
}
