//! Axes walked backwards.

use tensor::{Element, Float, Layout, ShapeError};

use crate::op::{Pullback, ViewOp, record_view};
use crate::var::Var;

/// An axis walked backwards.
#[derive(Clone, Debug)]
pub struct Flip {
    /// The axis.
    pub axis: isize,
}

impl ViewOp for Flip {
    fn layout(&self, x: &Layout) -> Result<Option<Layout>, ShapeError> {
        x.flip(self.axis).map(Some)
    }

    /// Back again.
    fn vjp<'t, T: Float>(&self, cx: Pullback<'t, T, 1>) -> Option<Var<'t, T>> {
        Some(cx.g.flip(self.axis))
    }
}

impl<'t, E: Element> Var<'t, E> {
    /// `axis` walked backwards.
    ///
    /// # Panics
    /// When it is out of range.
    #[track_caller]
    pub fn flip(self, axis: isize) -> Self {
        record_view(Flip { axis }, self)
    }
}
