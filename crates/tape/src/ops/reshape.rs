//! The same elements in row-major order under another shape.

use tensor::error::OrPanic;
use tensor::{Element, Float, Layout, Shape, ShapeError};

use crate::op::{Pullback, ViewOp, record_view};
use crate::var::Var;

/// Another shape of as many elements.
#[derive(Debug)]
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
