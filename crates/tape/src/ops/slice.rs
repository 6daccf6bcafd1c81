//! Parts of axes.

use smallvec::SmallVec;
use tensor::error::OrPanic;
use tensor::slice::Range;
use tensor::{Element, Float, Layout, ShapeError};

use crate::op::{Pullback, ViewOp, record_view};
use crate::ops::place::Place;
use crate::var::Var;

/// One range an axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Slice {
    /// The ranges; axes without one are taken whole.
    pub ranges: SmallVec<[Range; 4]>,
}

impl ViewOp for Slice {
    fn layout(&self, x: &Layout) -> Result<Option<Layout>, ShapeError> {
        x.slice(&self.ranges).map(Some)
    }

    /// The cotangent in its place among zeros.
    fn vjp<'t, T: Float>(&self, cx: Pullback<'t, T, 1>) -> Option<Var<'t, T>> {
        let place = Place { shape: cx.x[0].shape(), view: self.clone() };
        Some(cx.g.tape().apply(place, [cx.g]))
    }
}

impl<'t, E: Element> Var<'t, E> {
    /// One range an axis, the remaining axes whole: `x.slice(s![1..3, ..;-1])`; see
    /// [`tensor::s!`].
    ///
    /// # Panics
    /// When there are more ranges than axes, or one leaves its axis.
    #[track_caller]
    pub fn slice(self, ranges: impl AsRef<[Range]>) -> Self {
        record_view(Slice { ranges: ranges.as_ref().into() }, self)
    }

    /// Element `index` along `axis`, which disappears; both count from the end if negative.
    ///
    /// # Panics
    /// When one is out of range.
    #[track_caller]
    pub fn index_axis(self, axis: isize, index: isize) -> Self {
        self.part("index_axis", axis, Range::Index(index))
    }

    /// Elements `start..start + len` along `axis`.
    ///
    /// # Panics
    /// When they are out of range.
    #[track_caller]
    pub fn narrow(self, axis: isize, start: usize, len: usize) -> Self {
        self.part("narrow", axis, Range::from(start..start.saturating_add(len)))
    }

    #[track_caller]
    fn part(self, op: &str, axis: isize, range: Range) -> Self {
        let shape = self.shape();
        let axis = tensor::shape::axis(op, axis, &shape).or_panic();
        range.check(op, axis, &shape).or_panic();
        let mut ranges: SmallVec<[Range; 4]> = smallvec::smallvec![Range::from(..); axis];
        ranges.push(range);
        self.slice(ranges)
    }
}

#[cfg(test)]
mod tests {
    use super::super::battery::*;
    use tensor::s;

    row!(slice: |x| x.slice(s![1.., ..;-1]); [any([2, 3]).or([3, 0])]);
    row!(slice_steps: |x| x.slice(s![..;2, 0]); [any([3, 2])]);
    row!(slice_nothing: |x| x.slice(s![1..1]); [any([2, 3])]);
    row!(index_axis: |x| x.index_axis(-1, -2); [any([2, 3]).or([0, 2]).or([2])]);
    row!(narrow: |x| x.narrow(1, 1, 2); [any([2, 3]).or([0, 3])]);
    row!(overlapping: |x| x.narrow(0, 0, 2) * x.narrow(0, 1, 2); [any([3, 2])]);

    #[test]
    fn what_leaves_the_axis_is_refused() {
        refuses(
            |[x]| x.slice(s![1..4]),
            [&[3]],
            "slice: axis 0 of shape [3]: range 1..4 leaves size 3",
        );
        refuses(|[x]| x.slice(s![.., 0]), [&[3]], "slice: 2 ranges for shape [3] of rank 1");
        refuses(|[x]| x.slice(s![..;0]), [&[3]], "a step of 0");
        refuses(
            |[x]| x.index_axis(0, 3),
            [&[3]],
            "index_axis: axis 0 of shape [3]: index 3 is out of range for size 3",
        );
        refuses(
            |[x]| x.index_axis(1, 0),
            [&[3]],
            "index_axis: axis 1 is out of range for shape [3]",
        );
        refuses(
            |[x]| x.narrow(0, 2, 2),
            [&[3]],
            "narrow: axis 0 of shape [3]: range 2..4 leaves size 3",
        );
        refuses(|[x]| x.narrow(2, 0, 0), [&[3]], "narrow: axis 2 is out of range for shape [3]");
    }
}
