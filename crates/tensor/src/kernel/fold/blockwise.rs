//! Sums and means of rows that are made block by block, and need not stay: what closes a
//! fused group.
//!
//! The tree over a row begins with leaves, and leaves are what a block is cut into: each is folded
//! while the block is at hand, and only numbers remain. Of a row that is one leaf it is the result.

use std::ops::Range;

use super::leaf::leaf_of;
use super::rows::RowLeaves;
use super::{LEAF, Sum};
use crate::any::{AnySlice, AnySliceMut};
use crate::element::Float;
use crate::simd::dispatch;

/// The last element up to `at` with which a leaf begins, where rows of `row` elements follow each
/// other. (What comes behind the last row counts as one.)
#[inline]
pub fn leaf_start(at: usize, row: usize) -> usize {
    at - at % row % LEAF
}

/// The sums, or the means, of all rows of `row` elements each, with the bits of
/// [`sum`](crate::kernel::sum) and [`mean`](crate::kernel::mean) over the last axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RowSums {
    row: usize,
    mean: bool,
}

impl RowSums {
    /// The sums of rows that have an element.
    ///
    /// # Panics
    /// When they have none.
    pub fn sums(row: usize) -> Self {
        assert!(row > 0, "a row has an element");
        RowSums { row, mean: false }
    }

    /// The means of rows that have an element.
    ///
    /// # Panics
    /// When they have none.
    pub fn means(row: usize) -> Self {
        RowSums { mean: true, ..RowSums::sums(row) }
    }

    /// Elements of a row.
    pub fn row(self) -> usize {
        self.row
    }

    /// Whether wherever a leaf of the longer rows begins, one of the shorter rows does, so that
    /// blocks can be cut for both. This holds among all if it holds between each and the longest.
    pub fn agrees(self, row: usize) -> bool {
        let (short, long) = (self.row.min(row), self.row.max(row));
        let leaves = long <= LEAF || LEAF.is_multiple_of(short) || short.is_multiple_of(LEAF);
        short == long || (long.is_multiple_of(short) && leaves)
    }

    /// Whether every row is one leaf, so that the numbers of leaves are the results.
    #[inline]
    pub fn rows_are_leaves(self) -> bool {
        self.row <= LEAF
    }

    /// How many leaves stand from an element to another, with both of which one begins.
    #[inline]
    pub fn leaves(self, range: Range<usize>) -> usize {
        let before = |at| at / self.row * self.row.div_ceil(LEAF) + at % self.row / LEAF;
        before(range.end) - before(range.start)
    }

    /// Folds leaves, of which the first begins with element `at`, each to a number: to the results
    /// where [`rows_are_leaves`](Self::rows_are_leaves), else to `f64`, for
    /// [`finish`](Self::finish).
    ///
    /// # Panics
    /// When `x` has not the leaves that `out` has numbers, or these are of another type.
    #[inline]
    pub fn fold(self, x: AnySlice<'_>, at: usize, out: AnySliceMut<'_>) {
        match (x, out) {
            (AnySlice::F32(x), AnySliceMut::F32(out)) if self.rows_are_leaves() => {
                self.rows(x, out);
            }
            (AnySlice::F64(x), AnySliceMut::F64(out)) if self.rows_are_leaves() => {
                self.rows(x, out);
            }
            (AnySlice::F32(x), AnySliceMut::F64(out)) => self.parts(x, at, out),
            (AnySlice::F64(x), AnySliceMut::F64(out)) => self.parts(x, at, out),
            (x, out) => panic!("{} has no sums in {out:?}", x.dtype()),
        }
    }

    fn rows<T: Float>(self, x: &[T], out: &mut [T]) {
        let n = self.row;
        assert_eq!(x.len(), n * out.len(), "as many rows as results");
        let (params, ask) = (&vec![(); out.len()][..], false);
        if self.mean {
            let finish = &|sum: f64| T::of(sum / n as f64);
            dispatch(RowLeaves { f: Sum, x, n, first: 0, params, ask, out, finish });
        } else {
            dispatch(RowLeaves { f: Sum, x, n, first: 0, params, ask, out, finish: &T::of });
        }
    }

    fn parts<T: Float>(self, x: &[T], at: usize, out: &mut [f64]) {
        let (mut rest, mut within) = (x, at % self.row);
        for out in out {
            let (leaf, behind) = rest.split_at(LEAF.min(self.row - within));
            *out = leaf_of(Sum, leaf, 0, (), false);
            (rest, within) = (behind, (within + leaf.len()) % self.row);
        }
        assert!(rest.is_empty(), "as many leaves as numbers");
    }

    /// The results from the numbers of all leaves, where a row has several.
    ///
    /// # Panics
    /// When `out` has not as many elements as there are rows, or no floats.
    pub fn finish(self, leaves: &[f64], out: AnySliceMut<'_>) {
        fn each<T: Float>(leaves: &[f64], of_row: usize, divisor: f64, out: &mut [T]) {
            let rows = leaves.chunks_exact(of_row);
            assert_eq!(rows.len(), out.len(), "as many rows as results");
            out.iter_mut().zip(rows).for_each(|(out, row)| *out = T::of(tree(row) / divisor));
        }
        let divisor = if self.mean { self.row as f64 } else { 1.0 };
        let of_row = self.row.div_ceil(LEAF);
        match out {
            AnySliceMut::F32(out) => each(leaves, of_row, divisor, out),
            AnySliceMut::F64(out) => each(leaves, of_row, divisor, out),
            out => panic!("sums are floats, not {out:?}"),
        }
    }
}

/// The sum of the numbers of leaves, along the tree above them.
fn tree(leaves: &[f64]) -> f64 {
    match leaves {
        [one] => *one,
        many => {
            let (left, right) = many.split_at(many.len().next_power_of_two() / 2);
            tree(left) + tree(right)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocks::BLOCK;
    use crate::tensor::Tensor;

    /// Sums of rows from blocks cut for rows of `cut` elements.
    fn blockwise<T: Float>(sums: RowSums, cut: usize, x: &Tensor<T>) -> Vec<T> {
        let all = x.as_slice().expect("it is contiguous");
        let mut out = vec![T::nan(); all.len() / sums.row()];
        let mut leaves = vec![f64::NAN; sums.leaves(0..all.len())];
        let mut at = 0;
        while at < all.len() {
            let end = leaf_start(all.len().min(at + BLOCK), cut);
            let own = sums.leaves(0..at)..sums.leaves(0..end);
            let numbers = match sums.rows_are_leaves() {
                true => T::erase_slice_mut(&mut out[own]),
                false => AnySliceMut::F64(&mut leaves[own]),
            };
            sums.fold(T::erase_slice(&all[at..end]), at, numbers);
            at = end;
        }
        if !sums.rows_are_leaves() {
            sums.finish(&leaves, T::erase_slice_mut(&mut out));
        }
        out
    }

    fn same_bits<T: Float>() {
        for n in [1, 2, 3, 10, 31, 32, 33, 64, 1000, 1023, 1024, 1025, 2049, 4096, 5000, 70_001] {
            for rows in [1, 2, 7, 3000_usize.div_ceil(n)] {
                let mut rng = crate::rng((n + rows) as u64);
                let x = Tensor::<T>::normal([rows, n], T::of(1.0), T::of(1.0), &mut rng);
                let (sums, means) = (RowSums::sums(n), RowSums::means(n));
                let all = rows * n;
                for cut in [n, all].into_iter().filter(|&cut| sums.agrees(cut)) {
                    assert!(blockwise(sums, cut, &x) == x.sum_axis(1).to_vec(), "{rows} of {n}");
                    assert!(blockwise(means, cut, &x) == x.mean_axis(1).to_vec(), "{rows} of {n}");
                }
            }
        }
    }

    #[test]
    fn rows_in_blocks_add_up_to_the_bits_of_the_sums() {
        same_bits::<f32>();
        same_bits::<f64>();
    }

    #[test]
    fn rows_agree_where_leaves_of_the_longer_end_those_of_the_shorter() {
        let rows = [1, 3, 6, 10, 64, 640, 1000, 1024, 2000, 2048, 3072, 5000, 10_000, 20_480];
        for (short, long) in rows.iter().flat_map(|&a| rows.map(|b| (a, b))) {
            let within = |at| leaf_start(at, long) != at || leaf_start(at, short) == at;
            let fits = long.is_multiple_of(short) && (0..=2 * long).all(within);
            if short <= long {
                assert_eq!(RowSums::sums(short).agrees(long), fits, "{short} and {long}");
                assert_eq!(RowSums::sums(long).agrees(short), fits, "{long} and {short}");
            }
        }
    }
}
