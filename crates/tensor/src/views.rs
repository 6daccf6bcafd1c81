//! Views: other layouts of the same buffer. Nothing is copied but by [`Tensor::reshape`] where
//! strides cannot express the new shape.

use smallvec::SmallVec;

use crate::element::Element;
use crate::error::OrPanic;
use crate::shape::{Dims, Shape};
use crate::slice::Range;
use crate::tensor::Tensor;

impl<T: Element> Tensor<T> {
    /// The last two axes exchanged: the transpose of a matrix, or of each matrix of a batch.
    ///
    /// # Panics
    /// When the rank is below 2.
    #[doc(alias = "transpose")]
    #[track_caller]
    pub fn t(&self) -> Self {
        if self.rank() < 2 {
            panic!("t: shape {} has no two axes to exchange", Dims(self.shape()));
        }
        self.swap_axes(-2, -1)
    }

    /// Axes `a` and `b` exchanged; negative ones count from the end.
    ///
    /// # Panics
    /// When one is out of range.
    #[track_caller]
    pub fn swap_axes(&self, a: isize, b: isize) -> Self {
        self.viewed(self.layout().swap_axes(a, b))
    }

    /// Axis `k` of the result is axis `axes[k]` of this tensor.
    ///
    /// # Panics
    /// When `axes` is not a permutation of all axes.
    #[track_caller]
    pub fn permute(&self, axes: impl AsRef<[usize]>) -> Self {
        self.viewed(self.layout().permute(axes.as_ref()))
    }

    /// One range an axis, the remaining axes whole: `x.slice(s![1..3, ..;-1])`; see
    /// [`s!`](crate::s).
    ///
    /// # Panics
    /// When there are more ranges than axes, or one leaves its axis.
    #[track_caller]
    pub fn slice(&self, ranges: impl AsRef<[Range]>) -> Self {
        self.viewed(self.layout().slice(ranges.as_ref()))
    }

    /// Element `index` along `axis`, which disappears; both count from the end if negative.
    ///
    /// # Panics
    /// When one is out of range.
    #[track_caller]
    pub fn index_axis(&self, axis: isize, index: isize) -> Self {
        self.part("index_axis", axis, Range::Index(index))
    }

    /// Elements `start..start + len` along `axis`.
    ///
    /// # Panics
    /// When they are out of range.
    #[track_caller]
    pub fn narrow(&self, axis: isize, start: usize, len: usize) -> Self {
        self.part("narrow", axis, Range::from(start..start.saturating_add(len)))
    }

    #[track_caller]
    fn part(&self, op: &str, axis: isize, range: Range) -> Self {
        let axis = crate::shape::axis(op, axis, self.shape()).or_panic();
        range.check(op, axis, self.shape()).or_panic();
        let mut ranges: SmallVec<[Range; 4]> = smallvec::smallvec![Range::from(..); axis];
        ranges.push(range);
        self.slice(ranges)
    }

    /// `axis` walked backwards.
    ///
    /// # Panics
    /// When it is out of range.
    #[track_caller]
    pub fn flip(&self, axis: isize) -> Self {
        self.viewed(self.layout().flip(axis))
    }

    /// Axes of size 1 repeated and axes added in front to make `shape`, as NumPy does.
    ///
    /// # Panics
    /// When the shapes do not fit.
    #[track_caller]
    pub fn broadcast_to(&self, shape: impl AsRef<[usize]>) -> Self {
        self.viewed(self.layout().broadcast_to(shape.as_ref()))
    }

    /// The diagonal of the last two axes: `x[.., i, i]`.
    ///
    /// # Panics
    /// When the rank is below 2.
    #[track_caller]
    pub fn diagonal(&self) -> Self {
        self.diagonal_of(0, -2, -1)
    }

    /// The `k`-th diagonal of axes `a` and `b`, as a last axis; `k > 0` lies above the main one.
    ///
    /// # Panics
    /// When the axes are equal or out of range.
    #[track_caller]
    pub fn diagonal_of(&self, k: isize, a: isize, b: isize) -> Self {
        self.viewed(self.layout().diagonal(k, a, b))
    }

    /// A new axis of size 1 before position `axis`; -1 adds it at the end.
    ///
    /// # Panics
    /// When the position is out of range.
    #[track_caller]
    pub fn unsqueeze(&self, axis: isize) -> Self {
        self.viewed(self.layout().unsqueeze(axis))
    }

    /// `axis`, which has size 1, removed.
    ///
    /// # Panics
    /// When it has another size or is out of range.
    #[track_caller]
    pub fn squeeze(&self, axis: isize) -> Self {
        self.viewed(self.layout().squeeze(axis))
    }

    /// The elements in row-major order under another shape: a view where strides can express it,
    /// else a copy.
    ///
    /// # Panics
    /// When the numbers of elements differ.
    #[track_caller]
    pub fn reshape(&self, shape: impl AsRef<[usize]>) -> Self {
        let shape = shape.as_ref();
        match self.layout().reshape(shape).or_panic() {
            Some(layout) => self.viewed(Ok(layout)),
            None => {
                let copy = self.to_contiguous();
                let layout = copy.layout().reshape(shape).or_panic();
                copy.viewed(Ok(layout.expect("a contiguous tensor takes any shape of its length")))
            }
        }
    }

    /// Axes `first` to `last` (inclusive) joined into one.
    ///
    /// # Panics
    /// When one is out of range or they are in the wrong order.
    #[track_caller]
    pub fn flatten(&self, first: isize, last: isize) -> Self {
        // No closure, which would not pass the caller's line on.
        let first = crate::shape::axis("flatten", first, self.shape()).or_panic();
        let last = crate::shape::axis("flatten", last, self.shape()).or_panic();
        if first > last {
            panic!("flatten: axis {first} comes after axis {last}");
        }
        let mut shape = Shape::from_slice(&self.shape()[..first]);
        shape.push(self.shape()[first..=last].iter().product());
        shape.extend_from_slice(&self.shape()[last + 1..]);
        self.reshape(shape)
    }
}
