//! Reductions over all or some axes.
//!
//! Each comes three times: `sum()` over everything, to rank 0; `sum_axis(axes)`, which removes the
//! axes; `sum_keepdim(axes)`, which keeps them with size 1, ready to broadcast. Axes are one number
//! or several (`1`, `-1`, `[0, 2]`), negative ones counted from the end.
//!
//! The bits depend on the values and the shape alone, not on strides or threads; see
//! [`kernel::fold`](crate::kernel::fold).

mod float;

use crate::element::{Element, Number};
use crate::error::{Error, OrPanic, ShapeError};
use crate::kernel;
use crate::shape::{Axes, AxisSet, Dims, Shape};
use crate::tensor::Tensor;
use crate::view::View;

/// Whether reduced axes stay, with size 1.
#[derive(Clone, Copy, PartialEq)]
enum Reduced {
    Gone,
    Kept,
}
use Reduced::{Gone, Kept};

/// The shape of a reduction; see [`kernel::extremum_shape`] for one that may fail.
type Rule = fn(&str, &[usize], AxisSet, bool) -> Result<Shape, ShapeError>;
const ANY: Rule = |_, shape, axes, keep| Ok(axes.reduce(shape, keep));
const SOME: Rule = kernel::extremum_shape;

impl<T: Element> Tensor<T> {
    /// One kernel over all axes.
    #[track_caller]
    fn whole<O: Element>(
        &self,
        op: &str,
        rule: Rule,
        f: impl FnOnce(View<'_, T>, AxisSet, &mut [O]),
    ) -> Tensor<O> {
        let f = |x: View<'_, T>, axes, out: &mut [O]| {
            f(x, axes, out);
            Ok(())
        };
        self.try_whole(op, rule, f).or_panic()
    }

    /// As [`whole`](Self::whole), of a kernel that may fail.
    #[track_caller]
    fn try_whole<O: Element>(
        &self,
        op: &str,
        rule: Rule,
        f: impl FnOnce(View<'_, T>, AxisSet, &mut [O]) -> Result<(), Error>,
    ) -> Result<Tensor<O>, Error> {
        let axes = AxisSet::all(self.rank());
        let shape = rule(op, self.shape(), axes, false).or_panic();
        Tensor::try_build(&shape, |out| f(self.view(), axes, out))
    }

    /// One kernel over some axes.
    #[track_caller]
    fn along<O: Element>(
        &self,
        op: &str,
        rule: Rule,
        axes: impl Axes,
        reduced: Reduced,
        f: impl FnOnce(View<'_, T>, AxisSet, &mut [O]),
    ) -> Tensor<O> {
        let f = |x: View<'_, T>, axes, out: &mut [O]| {
            f(x, axes, out);
            Ok(())
        };
        self.try_along(op, rule, axes, reduced, f).or_panic()
    }

    /// As [`along`](Self::along), of a kernel that may fail.
    #[track_caller]
    fn try_along<O: Element>(
        &self,
        op: &str,
        rule: Rule,
        axes: impl Axes,
        reduced: Reduced,
        f: impl FnOnce(View<'_, T>, AxisSet, &mut [O]) -> Result<(), Error>,
    ) -> Result<Tensor<O>, Error> {
        let axes = AxisSet::of(op, &axes, self.shape()).or_panic();
        let shape = rule(op, self.shape(), axes, reduced == Kept).or_panic();
        Tensor::try_build(&shape, |out| f(self.view(), axes, out))
    }
}

impl<T: Number> Tensor<T> {
    /// `Σ x`; the sum of nothing is 0.
    ///
    /// # Panics
    /// When an integer result does not fit its type.
    #[track_caller]
    pub fn sum(&self) -> Tensor<T> {
        self.try_whole("sum", ANY, kernel::sum).or_panic()
    }

    /// As [`sum`](Self::sum), over `axes`, which disappear.
    ///
    /// # Panics
    /// When an axis is out of range or named twice, or an integer result does not fit its type.
    #[track_caller]
    pub fn sum_axis(&self, axes: impl Axes) -> Tensor<T> {
        self.try_along("sum", ANY, axes, Gone, kernel::sum).or_panic()
    }

    /// As [`sum`](Self::sum), over `axes`, which stay with size 1.
    ///
    /// # Panics
    /// When an axis is out of range or named twice, or an integer result does not fit its type.
    #[track_caller]
    pub fn sum_keepdim(&self, axes: impl Axes) -> Tensor<T> {
        self.try_along("sum", ANY, axes, Kept, kernel::sum).or_panic()
    }

    /// The sum over what broadcasting to this tensor's shape has repeated of `shape`: the adjoint
    /// of [`broadcast_to`](Self::broadcast_to).
    ///
    /// # Panics
    /// When `shape` does not broadcast to this tensor's shape, or an integer result does not
    /// fit its type.
    #[track_caller]
    pub fn sum_to(&self, shape: impl AsRef<[usize]>) -> Tensor<T> {
        let to = shape.as_ref();
        if self.shape() == to {
            return self.clone();
        }
        let axes = AxisSet::repeated("sum_to", to, self.shape()).or_panic();
        Tensor::try_build(to, |out| kernel::sum(self.view(), axes, out)).or_panic()
    }

    /// The trace `Σᵢ x[.., i, i]` of a matrix, or of each matrix of a batch.
    ///
    /// # Panics
    /// When the rank is below 2, the matrices are not square, or an integer result does not fit its
    /// type.
    #[track_caller]
    pub fn trace(&self) -> Tensor<T> {
        match self.shape() {
            [.., m, n] if m == n => self.diagonal().sum_axis(-1),
            shape => panic!("trace: shape {} is not square", Dims(shape)),
        }
    }

    /// `Π x`; the product of nothing is 1.
    ///
    /// # Panics
    /// When an integer result does not fit its type.
    #[track_caller]
    pub fn prod(&self) -> Tensor<T> {
        self.try_whole("prod", ANY, kernel::prod).or_panic()
    }

    /// As [`prod`](Self::prod), over `axes`, which disappear.
    ///
    /// # Panics
    /// When an axis is out of range or named twice, or an integer result does not fit its type.
    #[track_caller]
    pub fn prod_axis(&self, axes: impl Axes) -> Tensor<T> {
        self.try_along("prod", ANY, axes, Gone, kernel::prod).or_panic()
    }

    /// As [`prod`](Self::prod), over `axes`, which stay with size 1.
    ///
    /// # Panics
    /// When an axis is out of range or named twice, or an integer result does not fit its type.
    #[track_caller]
    pub fn prod_keepdim(&self, axes: impl Axes) -> Tensor<T> {
        self.try_along("prod", ANY, axes, Kept, kernel::prod).or_panic()
    }

    /// The largest element; NaN if there is one.
    ///
    /// # Panics
    /// When there is no element.
    #[track_caller]
    pub fn max(&self) -> Tensor<T> {
        self.whole("max", SOME, kernel::max)
    }

    /// As [`max`](Self::max), over `axes`, which disappear.
    ///
    /// # Panics
    /// When an axis is out of range or named twice, or there is no element along them.
    #[track_caller]
    pub fn max_axis(&self, axes: impl Axes) -> Tensor<T> {
        self.along("max", SOME, axes, Gone, kernel::max)
    }

    /// As [`max`](Self::max), over `axes`, which stay with size 1.
    ///
    /// # Panics
    /// When an axis is out of range or named twice, or there is no element along them.
    #[track_caller]
    pub fn max_keepdim(&self, axes: impl Axes) -> Tensor<T> {
        self.along("max", SOME, axes, Kept, kernel::max)
    }

    /// The smallest element; NaN if there is one.
    ///
    /// # Panics
    /// When there is no element.
    #[track_caller]
    pub fn min(&self) -> Tensor<T> {
        self.whole("min", SOME, kernel::min)
    }

    /// As [`min`](Self::min), over `axes`, which disappear.
    ///
    /// # Panics
    /// When an axis is out of range or named twice, or there is no element along them.
    #[track_caller]
    pub fn min_axis(&self, axes: impl Axes) -> Tensor<T> {
        self.along("min", SOME, axes, Gone, kernel::min)
    }

    /// As [`min`](Self::min), over `axes`, which stay with size 1.
    ///
    /// # Panics
    /// When an axis is out of range or named twice, or there is no element along them.
    #[track_caller]
    pub fn min_keepdim(&self, axes: impl Axes) -> Tensor<T> {
        self.along("min", SOME, axes, Kept, kernel::min)
    }

    /// The position of the first largest element in row-major order; of the first NaN if there
    /// is one.
    ///
    /// # Panics
    /// When there is no element.
    #[track_caller]
    pub fn argmax(&self) -> Tensor<i64> {
        self.whole("argmax", SOME, kernel::argmax)
    }

    /// As [`argmax`](Self::argmax), counted along `axis`, which disappears.
    ///
    /// # Panics
    /// When the axis is out of range or empty.
    #[track_caller]
    pub fn argmax_axis(&self, axis: isize) -> Tensor<i64> {
        self.along("argmax", SOME, axis, Gone, kernel::argmax)
    }

    /// As [`argmax`](Self::argmax), counted along `axis`, which stays with size 1.
    ///
    /// # Panics
    /// When the axis is out of range or empty.
    #[track_caller]
    pub fn argmax_keepdim(&self, axis: isize) -> Tensor<i64> {
        self.along("argmax", SOME, axis, Kept, kernel::argmax)
    }

    /// The position of the first smallest element in row-major order; of the first NaN if there
    /// is one.
    ///
    /// # Panics
    /// When there is no element.
    #[track_caller]
    pub fn argmin(&self) -> Tensor<i64> {
        self.whole("argmin", SOME, kernel::argmin)
    }

    /// As [`argmin`](Self::argmin), counted along `axis`, which disappears.
    ///
    /// # Panics
    /// When the axis is out of range or empty.
    #[track_caller]
    pub fn argmin_axis(&self, axis: isize) -> Tensor<i64> {
        self.along("argmin", SOME, axis, Gone, kernel::argmin)
    }

    /// As [`argmin`](Self::argmin), counted along `axis`, which stays with size 1.
    ///
    /// # Panics
    /// When the axis is out of range or empty.
    #[track_caller]
    pub fn argmin_keepdim(&self, axis: isize) -> Tensor<i64> {
        self.along("argmin", SOME, axis, Kept, kernel::argmin)
    }
}

impl Tensor<bool> {
    /// Whether an element is true; false for nothing.
    #[track_caller]
    pub fn any(&self) -> Tensor<bool> {
        self.whole("any", ANY, kernel::any)
    }

    /// As [`any`](Self::any), over `axes`, which disappear.
    ///
    /// # Panics
    /// When an axis is out of range or named twice.
    #[track_caller]
    pub fn any_axis(&self, axes: impl Axes) -> Tensor<bool> {
        self.along("any", ANY, axes, Gone, kernel::any)
    }

    /// As [`any`](Self::any), over `axes`, which stay with size 1.
    ///
    /// # Panics
    /// When an axis is out of range or named twice.
    #[track_caller]
    pub fn any_keepdim(&self, axes: impl Axes) -> Tensor<bool> {
        self.along("any", ANY, axes, Kept, kernel::any)
    }

    /// Whether all elements are true; true for nothing.
    #[track_caller]
    pub fn all(&self) -> Tensor<bool> {
        self.whole("all", ANY, kernel::all)
    }

    /// As [`all`](Self::all), over `axes`, which disappear.
    ///
    /// # Panics
    /// When an axis is out of range or named twice.
    #[track_caller]
    pub fn all_axis(&self, axes: impl Axes) -> Tensor<bool> {
        self.along("all", ANY, axes, Gone, kernel::all)
    }

    /// As [`all`](Self::all), over `axes`, which stay with size 1.
    ///
    /// # Panics
    /// When an axis is out of range or named twice.
    #[track_caller]
    pub fn all_keepdim(&self, axes: impl Axes) -> Tensor<bool> {
        self.along("all", ANY, axes, Kept, kernel::all)
    }
}

#[cfg(test)]
pub(crate) mod tests;
