//! Repeating axes: the one place where broadcasting is recorded. Operators insert it.

use tensor::{Float, Layout, Shape, ShapeError};

use crate::op::{Pullback, ViewOp};
use crate::var::Var;

/// Axes of size 1 repeated and axes added in front, to make `shape`.
#[derive(Debug)]
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
