//! The Euclidean norm.

use tensor::{AnyView, Axes, AxisSet, Error, Float, Shape, ShapeError, View, kernel};

use super::sum::axis_set;
use crate::op::{Op, Pullback};
use crate::var::Var;

/// `√(Σ x²)` over `axes`, without overflow or underflow on the way.
#[derive(Debug, PartialEq)]
pub struct Norm {
    /// The axes reduced.
    pub axes: AxisSet,
    /// Whether these stay, with size 1.
    pub keep: bool,
}

impl<T: Float> Op<T, 1> for Norm {
    fn shape(&self, [x]: [&[usize]; 1], _: [&[usize]; 0]) -> Result<Shape, ShapeError> {
        Ok(self.axes.reduce(x, self.keep))
    }

    fn forward(
        &self,
        [x]: [View<'_, T>; 1],
        _: [AnyView<'_>; 0],
        out: &mut [T],
    ) -> Result<(), Error> {
        kernel::norm(x, self.axes, out);
        Ok(())
    }

    /// `x / ‖x‖`, and 0 at `x = 0`: the subgradient of least norm. The quotient first: `g / ‖x‖`
    /// overflows for the smallest `x`.
    fn vjp<'t>(&self, cx: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        let (x, y) = (cx.x[0], cx.y);
        let kept = self.axes.reduce(&x.shape(), true);
        let (g, y) = (cx.g.reshape(&kept), y.reshape(&kept));
        // 0/∞ is 0, and so are its derivatives times what is finite; and one number an output is
        // looked at, not one an element.
        let length = y.eq_to(0.0).select(y.full_like(f64::INFINITY), y);
        [Some(g.mul0(x / length))]
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// The Euclidean norm `√(Σ x²)` of all elements, of shape `[]`; 0 if there is none. Its
    /// derivative at 0 is 0.
    #[track_caller]
    pub fn norm(self) -> Self {
        let axes = AxisSet::all(self.rank());
        self.tape().apply(Norm { axes, keep: false }, [self])
    }

    /// The Euclidean norm `√(Σ x²)` over `axes`, which disappear; 0 if there is none. Its
    /// derivative at 0 is 0.
    ///
    /// # Panics
    /// When an axis is out of range or named twice.
    #[track_caller]
    pub fn norm_axis(self, axes: impl Axes) -> Self {
        let axes = axis_set("norm", self, axes);
        self.tape().apply(Norm { axes, keep: false }, [self])
    }

    /// The Euclidean norm `√(Σ x²)` over `axes`, which keep size 1; 0 if there is none. Its
    /// derivative at 0 is 0.
    ///
    /// # Panics
    /// When an axis is out of range or named twice.
    #[track_caller]
    pub fn norm_keepdim(self, axes: impl Axes) -> Self {
        let axes = axis_set("norm", self, axes);
        self.tape().apply(Norm { axes, keep: true }, [self])
    }
}

#[cfg(test)]
mod tests {
    use super::super::battery::*;
    use crate::{Tape, hessian};
    use tensor::{Tensor, tensor};

    row!(norm: |x| x.norm(); [nonzero([2, 3]).or([1]).or([])]);
    row!(norm_axis: |x| x.norm_axis(0); [nonzero([3, 2]).or([3, 0])]);
    row!(norm_keepdim: |x| x.norm_keepdim([0, -1]); [nonzero([2, 2, 3])]);

    #[test]
    fn at_zero_all_derivatives_are_zero() {
        let zero = Tensor::<f64>::zeros([3]);
        assert_eq!(slope(|x| x.norm(), &zero), [0.0; 3]);
        assert_eq!(slope(|x| x.norm().square(), &zero), [0.0; 3]);
        assert_eq!(hessian(|x| x.norm(), zero).unwrap().to_vec(), [0.0; 9]);
        assert_eq!(
            slope(|x| x.norm_axis(1), tensor![[0.0, 0.0], [3.0, 4.0]]),
            [0.0, 0.0, 0.6, 0.8]
        );
        masked(|[x]| x.norm());
        masked(|[x]| x.norm_axis(0));
    }

    #[test]
    fn the_smallest_and_the_largest_have_a_direction() {
        for size in [1e-310, 1e-200, 1e200, 1e308] {
            let g = slope(|x| x.norm(), tensor![0.6 * size, -0.8 * size]);
            assert!((g[0] - 0.6).abs() < 1e-9 && (g[1] + 0.8).abs() < 1e-9, "{size:e}: {g:?}");
        }
        let tape = Tape::new();
        let nothing = tape.leaf(Tensor::<f64>::zeros([2, 0]));
        assert_eq!(nothing.norm().item(), 0.0);
        assert_eq!(nothing.norm_axis(1).sum().grad([nothing])[0].value().shape(), [2, 0]);
        refuses(|[x]| x.norm_axis(2), [&[2, 3]], "norm: axis 2 is out of range for shape [2, 3]");
    }
}
