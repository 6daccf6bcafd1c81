//! The same elements in row-major order under another shape.

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
