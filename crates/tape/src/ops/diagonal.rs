//! Diagonals and traces.

use tensor::{Element, Float, Layout, ShapeError};

use crate::op::{Pullback, ViewOp, record_view};
use crate::ops::place::Place;
use crate::var::Var;

/// The `k`-th diagonal of two axes, as a last axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagonal {
    /// Which diagonal: above the main one if positive.
    pub k: isize,
    /// The axis of the rows.
    pub a: isize,
    /// The axis of the columns.
    pub b: isize,
}

impl ViewOp for Diagonal {
    fn layout(&self, x: &Layout) -> Result<Option<Layout>, ShapeError> {
        x.diagonal(self.k, self.a, self.b).map(Some)
    }

    /// The cotangent on the diagonal, zeros beside it.
    fn vjp<'t, T: Float>(&self, cx: Pullback<'t, T, 1>) -> Option<Var<'t, T>> {
        let place = Place { shape: cx.x[0].shape(), view: self.clone() };
        Some(cx.g.tape().apply(place, [cx.g]))
    }
}

impl<'t, E: Element> Var<'t, E> {
    /// The diagonal of the last two axes: `x[.., i, i]`.
    ///
    /// # Panics
    /// When the rank is below 2.
    #[track_caller]
    pub fn diagonal(self) -> Self {
        self.diagonal_of(0, -2, -1)
    }

    /// The `k`-th diagonal of axes `a` and `b`, as a last axis; `k > 0` lies above the main one.
    ///
    /// # Panics
    /// When the axes are equal or out of range.
    #[track_caller]
    pub fn diagonal_of(self, k: isize, a: isize, b: isize) -> Self {
        record_view(Diagonal { k, a, b }, self)
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// The trace `Σᵢ x[.., i, i]` of a matrix, or of each matrix of a batch.
    ///
    /// # Panics
    /// When the rank is below 2, or the matrices are not square.
    #[track_caller]
    pub fn trace(self) -> Self {
        let shape = self.shape();
        if shape.len() < 2 || shape[shape.len() - 1] != shape[shape.len() - 2] {
            panic!("trace: shape {} is not square", tensor::shape::Dims(&shape));
        }
        self.diagonal().sum_axis(-1)
    }
}

#[cfg(test)]
mod tests {
    use super::super::battery::*;

    row!(diagonal: |x| x.diagonal(); [any([3, 3]).or([2, 3]).or([0, 3]).or([2, 2, 2])]);
    row!(diagonal_above: |x| x.diagonal_of(1, 0, 1); [any([2, 3]).or([1, 1])]);
    row!(diagonal_below: |x| x.diagonal_of(-1, 1, 0); [any([3, 2])]);
    row!(trace: |x| x.trace(); [any([3, 3]).or([0, 0]).or([2, 2, 2])]);

    #[test]
    fn what_has_no_diagonal_is_refused() {
        refuses(
            |[x]| x.diagonal(),
            [&[3]],
            "diagonal: axis -2 is out of range for shape [3] of rank 1",
        );
        refuses(|[x]| x.diagonal_of(0, 1, 1), [&[3, 3]], "diagonal: axis 1 is named twice");
        refuses(|[x]| x.trace(), [&[2, 3]], "trace: shape [2, 3] is not square");
        refuses(|[x]| x.trace(), [&[]], "trace: shape [] is not square");
    }
}
