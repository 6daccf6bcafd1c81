//! The same elements in row-major order under another shape.

use tensor::error::OrPanic;
use tensor::{Element, Float, Layout, Shape, ShapeError};

use crate::op::{Pullback, ViewOp, record_view};
use crate::var::Var;

/// Another shape of as many elements.
#[derive(Debug, PartialEq)]
pub struct Reshape {
    /// The shape of the output.
    pub shape: Shape,
}

impl ViewOp for Reshape {
    fn layout(&self, x: &Layout) -> Result<Option<Layout>, ShapeError> {
        x.reshape(&self.shape)
    }

    fn vjp<'t, T: Float>(&self, cx: Pullback<'t, T, 1>) -> Option<Var<'t, T>> {
        Some(cx.g.reshape(cx.x[0].shape()))
    }
}

impl<'t, E: Element> Var<'t, E> {
    /// The elements in row-major order under another shape. Records nothing if it is that already.
    ///
    /// # Panics
    /// When the numbers of elements differ.
    #[track_caller]
    pub fn reshape(self, shape: impl AsRef<[usize]>) -> Self {
        let shape = shape.as_ref();
        if self.shape()[..] == *shape {
            return self;
        }
        record_view(Reshape { shape: shape.into() }, self)
    }
}

impl<'t, E: Element> Var<'t, E> {
    /// A new axis of size 1 before position `axis`; -1 adds it at the end.
    ///
    /// # Panics
    /// When the position is out of range.
    #[track_caller]
    pub fn unsqueeze(self, axis: isize) -> Self {
        self.reshaped(|x| x.unsqueeze(axis))
    }

    /// `axis`, which has size 1, removed.
    ///
    /// # Panics
    /// When it has another size or is out of range.
    #[track_caller]
    pub fn squeeze(self, axis: isize) -> Self {
        self.reshaped(|x| x.squeeze(axis))
    }

    /// Axes `first` to `last` (inclusive) joined into one.
    ///
    /// # Panics
    /// When one is out of range or they are in the wrong order.
    #[track_caller]
    pub fn flatten(self, first: isize, last: isize) -> Self {
        let shape = self.shape();
        let first = tensor::shape::axis("flatten", first, &shape).or_panic();
        let last = tensor::shape::axis("flatten", last, &shape).or_panic();
        assert!(first <= last, "flatten: axis {first} comes after axis {last}");
        let mut joined = Shape::from_slice(&shape[..first]);
        joined.push(shape[first..=last].iter().product());
        joined.extend_from_slice(&shape[last + 1..]);
        self.reshape(joined)
    }

    /// The shape that `rule` makes of this one by adding or removing axes of size 1.
    #[track_caller]
    fn reshaped(self, rule: impl FnOnce(&Layout) -> Result<Layout, ShapeError>) -> Self {
        let whole = Layout::contiguous(&self.shape(), 8);
        let layout = whole.and_then(|x| rule(&x)).or_panic();
        self.reshape(layout.shape())
    }
}

#[cfg(test)]
mod tests {
    use super::super::battery::*;

    row!(reshape: |x| x.reshape([3, 2]); [any([2, 3]).or([6]).or([1, 6, 1])]);
    row!(reshape_nothing: |x| x.reshape([0, 5]); [any([2, 0]).or([0])]);
    row!(reshape_one: |x| x.reshape([1, 1]); [any([]).or([1])]);
    row!(unsqueeze: |x| x.unsqueeze(-1); [any([2, 3]).or([]).or([0])]);
    row!(squeeze: |x| x.squeeze(1); [any([2, 1, 3]).or([0, 1])]);
    row!(flatten: |x| x.flatten(0, -2); [any([2, 1, 3]).or([2, 0, 3])]);

    #[test]
    fn what_has_another_number_of_elements_is_refused() {
        refuses(|[x]| x.reshape([4]), [&[2, 3]], "reshape: shape [2, 3] has 6 elements, [4] has 4");
        refuses(|[x]| x.reshape([usize::MAX, 2]), [&[2, 3]], "overflow");
        refuses(|[x]| x.squeeze(0), [&[2, 3]], "squeeze: axis 0 of shape [2, 3] has size 2, not 1");
        refuses(|[x]| x.unsqueeze(4), [&[2, 3]], "unsqueeze");
        refuses(|[x]| x.flatten(1, 0), [&[2, 3]], "flatten: axis 1 comes after axis 0");
        refuses(
            |[x]| x.flatten(0, 2),
            [&[2, 3]],
            "flatten: axis 2 is out of range for shape [2, 3]",
        );
    }
}
