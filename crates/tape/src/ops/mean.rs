//! Means.

use tensor::{AnyView, Axes, AxisSet, Error, Float, Shape, ShapeError, View, kernel};

use super::sum::axis_set;
use crate::op::{Closing, Op, Pullback};
use crate::var::Var;

/// The mean over `axes`. Not the quotient of a sum, which overflows where the mean does not.
#[derive(Debug, PartialEq)]
pub struct Mean {
    /// The axes reduced.
    pub axes: AxisSet,
    /// Whether these stay, with size 1.
    pub keep: bool,
}

impl<T: Float> Op<T, 1> for Mean {
    fn shape(&self, [x]: [&[usize]; 1], _: [&[usize]; 0]) -> Result<Shape, ShapeError> {
        Ok(self.axes.reduce(x, self.keep))
    }

    fn forward(
        &self,
        [x]: [View<'_, T>; 1],
        _: [AnyView<'_>; 0],
        out: &mut [T],
    ) -> Result<(), Error> {
        kernel::mean(x, self.axes, out);
        Ok(())
    }

    fn vjp<'t>(&self, cx: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        let x = cx.x[0].shape();
        let share = cx.g / self.axes.count(&x) as f64;
        [Some(share.reshape(self.axes.reduce(&x, true)).broadcast_to(x))]
    }

    fn closing(&self, x: &[usize]) -> Option<Closing> {
        self.axes.are_last(x).then_some(Closing::Mean)
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// The mean of all elements, of shape `[]`; NaN if there is none.
    #[track_caller]
    pub fn mean(self) -> Self {
        let axes = AxisSet::all(self.rank());
        self.tape().apply(Mean { axes, keep: false }, [self])
    }

    /// The mean over `axes`, which disappear; NaN if they hold no element.
    ///
    /// # Panics
    /// When an axis is out of range or named twice.
    #[track_caller]
    pub fn mean_axis(self, axes: impl Axes) -> Self {
        let axes = axis_set("mean", self, axes);
        self.tape().apply(Mean { axes, keep: false }, [self])
    }

    /// The mean over `axes`, which keep size 1; NaN if they hold no element.
    ///
    /// # Panics
    /// When an axis is out of range or named twice.
    #[track_caller]
    pub fn mean_keepdim(self, axes: impl Axes) -> Self {
        let axes = axis_set("mean", self, axes);
        self.tape().apply(Mean { axes, keep: true }, [self])
    }
}

#[cfg(test)]
mod tests {
    use super::super::battery::*;

    use crate::Tape;
    use tensor::{Tensor, tensor};

    row!(mean: |x| x.mean(); [any([2, 3]).or([])]);
    row!(mean_axis: |x| x.mean_axis(0); [any([3, 2]).or([3, 0])]);
    row!(mean_keepdim: |x| x.mean_keepdim([0, 2]); [any([2, 2, 3])]);

    #[test]
    fn what_has_no_value_is_nan() {
        let tape = Tape::new();
        let nothing = tape.leaf(Tensor::<f64>::zeros([2, 0]));
        assert!(nothing.mean().item().is_nan());
        assert!(nothing.mean_axis(1).value().iter().all(f64::is_nan));
        assert_eq!(nothing.mean().grad([nothing])[0].value().shape(), [2, 0]);
        refuses(|[x]| x.mean_axis(2), [&[2, 3]], "mean: axis 2 is out of range for shape [2, 3]");
    }

    #[test]
    fn a_mean_does_not_overflow_where_its_sum_would() {
        let tape = Tape::new();
        let x = tape.leaf(tensor![3e38f32, 3e38]);
        let y = x.mean();
        let [g] = y.grad([x]);
        assert_eq!((y.item(), g.value()), (3e38, tensor![0.5, 0.5]));
    }
}
