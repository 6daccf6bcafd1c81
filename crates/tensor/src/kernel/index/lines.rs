//! The positions of a tensor of indices, and where they point to.

use smallvec::SmallVec;

use crate::layout::Layout;
use crate::slice::Range;
use crate::view::View;

/// Walks the positions of `shape` in row-major order, line by line of the last axis that has
/// several, and keeps the sum of index times stride over all axes but one.
pub(super) struct Lines<'a> {
    shape: &'a [usize],
    strides: SmallVec<[isize; 4]>,
    index: SmallVec<[usize; 4]>,
    at: isize,
}

impl<'a> Lines<'a> {
    pub(super) fn new(shape: &'a [usize], strides: &[isize], except: usize, offset: isize) -> Self {
        let mut strides = SmallVec::from_slice(strides);
        strides[except] = 0;
        let shape = &shape[..=line_axis(shape)];
        strides.truncate(shape.len());
        Lines { shape, strides, index: smallvec::smallvec![0; shape.len()], at: offset }
    }

    /// The walk after `position` steps.
    pub(super) fn from(mut self, position: usize) -> Self {
        let mut rest = position;
        for k in (0..self.shape.len()).rev() {
            self.index[k] = rest % self.shape[k];
            self.at += self.index[k] as isize * self.strides[k];
            rest /= self.shape[k];
        }
        self
    }

    /// The present sum, and how many positions follow in the line, this one included, of at most
    /// `most`: they are walked, a stride of the line each.
    pub(super) fn take(&mut self, most: usize) -> (isize, usize) {
        let (at, mut k) = (self.at, self.shape.len() - 1);
        let count = most.min(self.shape[k] - self.index[k]);
        self.index[k] += count;
        self.at += count as isize * self.strides[k];
        while self.index[k] == self.shape[k] && k > 0 {
            self.at -= self.index[k] as isize * self.strides[k];
            self.index[k] = 0;
            k -= 1;
            self.index[k] += 1;
            self.at += self.strides[k];
        }
        (at, count)
    }

    /// A layout of the indices with one for each line.
    pub(super) fn one_each(&self, index: &Layout) -> Layout {
        let mut ranges = vec![Range::from(..); self.shape.len() - 1];
        ranges.push(Range::from(..1));
        index.slice(&ranges).expect("a line has a position")
    }

    /// The stride of a line.
    pub(super) fn step(&self) -> isize {
        self.strides[self.shape.len() - 1]
    }
}

/// The last axis that has several positions, or the first of all.
fn line_axis(shape: &[usize]) -> usize {
    shape.iter().rposition(|&size| size > 1).unwrap_or(0)
}

/// Whether the indices of a line are one number, repeated: whole lines are picked.
pub(super) fn picks_lines(index: View<'_, i64>) -> bool {
    index.layout().strides()[line_axis(index.shape())] == 0
}
