//! Repeating axes: the one place where broadcasting is recorded. Operators insert it.

use tensor::{Element, Float, Layout, Shape, ShapeError, shape};

use crate::op::{Pullback, ViewOp, record_view};
use crate::var::Var;

/// Axes of size 1 repeated and axes added in front, to make `shape`.
#[derive(Debug, PartialEq)]
pub struct Broadcast {
    /// The shape of the output.
    pub shape: Shape,
}

impl ViewOp for Broadcast {
    fn layout(&self, x: &Layout) -> Result<Option<Layout>, ShapeError> {
        x.broadcast_to(&self.shape).map(Some)
    }

    /// The sum over the repetitions.
    fn vjp<'t, T: Float>(&self, cx: Pullback<'t, T, 1>) -> Option<Var<'t, T>> {
        Some(cx.g.sum_to(cx.x[0].shape()))
    }
}

impl<E: Element> Var<'_, E> {
    /// Axes of size 1 repeated and axes added in front to make `shape`, as NumPy does. Records
    /// nothing if the shape is already that.
    ///
    /// # Panics
    /// When the shapes do not fit.
    #[track_caller]
    pub fn broadcast_to(self, shape: impl AsRef<[usize]>) -> Self {
        let shape = shape.as_ref();
        if shape::same(self.tape().nodes.borrow().shape(self.id()), shape) {
            return self;
        }
        record_view(Broadcast { shape: shape.into() }, self)
    }
}

#[cfg(test)]
mod tests {
    use super::super::battery::*;

    row!(broadcast_to: |x| x.broadcast_to([2, 3]); [any([2, 1]).or([3]).or([1, 1]).or([2, 3]).or([])]);
    row!(broadcast_to_nothing: |x| x.broadcast_to([2, 0, 3]); [any([1, 3]).or([0, 1]).or([])]);

    #[test]
    fn only_axes_of_size_one_are_repeated() {
        refuses(
            |[x]| x.broadcast_to([4, 3]),
            [&[2, 3]],
            "broadcast_to: shape [2, 3] cannot become [4, 3]",
        );
        refuses(
            |[x]| x.broadcast_to([3]),
            [&[2, 3]],
            "broadcast_to: shape [2, 3] cannot become [3]",
        );
    }
}
