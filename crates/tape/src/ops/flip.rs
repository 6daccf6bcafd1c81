//! Axes walked backwards.

use tensor::{Element, Float, Layout, ShapeError};

use crate::op::{Pullback, ViewOp, record_view};
use crate::var::Var;

/// An axis walked backwards.
#[derive(Clone, Debug, PartialEq)]
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

#[cfg(test)]
mod tests {
    use super::super::battery::*;

    row!(flip: |x| x.flip(1); [any([2, 3]).or([2, 0]).or([2, 3, 2])]);
    row!(flip_first: |x| x.flip(-2); [any([3, 2])]);

    #[test]
    fn an_axis_out_of_range_is_refused() {
        refuses(
            |[x]| x.flip(-3),
            [&[2, 3]],
            "flip: axis -3 is out of range for shape [2, 3] of rank 2",
        );
        refuses(|[x]| x.flip(0), [&[]], "flip: axis 0 is out of range for shape [] of rank 0");
    }
}
