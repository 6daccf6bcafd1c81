//! Running sums.

use tensor::error::OrPanic;
use tensor::{AnyView, Error, Float, Shape, ShapeError, View, kernel};

use crate::op::{Op, Pullback};
use crate::var::Var;

/// `yᵢ = x₀ + .. + xᵢ` along an axis.
#[derive(Debug, PartialEq)]
pub struct Cumsum {
    /// The axis.
    pub axis: usize,
}

impl<T: Float> Op<T, 1> for Cumsum {
    fn shape(&self, [x]: [&[usize]; 1], _: [&[usize]; 0]) -> Result<Shape, ShapeError> {
        Ok(x.into())
    }

    fn forward(
        &self,
        [x]: [View<'_, T>; 1],
        _: [AnyView<'_>; 0],
        out: &mut [T],
    ) -> Result<(), Error> {
        kernel::cumsum(x, self.axis, out)
    }

    /// The running sum from the other end.
    fn vjp<'t>(&self, cx: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        let axis = self.axis as isize;
        [Some(cx.g.flip(axis).cumsum(axis).flip(axis))]
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// The running sum `yᵢ = x₀ + .. + xᵢ` along `axis`.
    ///
    /// # Panics
    /// When the axis is out of range.
    #[track_caller]
    pub fn cumsum(self, axis: isize) -> Self {
        let axis = tensor::shape::axis("cumsum", axis, &self.shape());
        self.tape().apply(Cumsum { axis: axis.or_panic() }, [self])
    }
}

#[cfg(test)]
mod tests {
    use super::super::battery::*;

    row!(cumsum: |x| x.cumsum(1); [any([2, 3]).or([2, 0]).or([0, 3])]);
    row!(cumsum_outer: |x| x.cumsum(-2); [any([3, 2]).or([1, 2])]);
    row!(cumsum_of_one: |x| x.cumsum(0); [any([4]).or([0])]);

    #[test]
    fn an_axis_out_of_range_is_refused() {
        refuses(
            |[x]| x.cumsum(2),
            [&[2, 3]],
            "cumsum: axis 2 is out of range for shape [2, 3] of rank 2",
        );
        refuses(|[x]| x.cumsum(0), [&[]], "cumsum: axis 0 is out of range for shape [] of rank 0");
    }
}
