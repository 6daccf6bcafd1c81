//! The logarithm of a sum of exponentials.

use tensor::{AnyView, Axes, AxisSet, Error, Float, Shape, ShapeError, View, kernel};

use super::sum::axis_set;
use crate::op::{Op, Pullback};
use crate::var::Var;

/// `ln Σ eˣ` over `axes`, without overflow.
#[derive(Debug, PartialEq)]
pub struct Logsumexp {
    /// The axes reduced.
    pub axes: AxisSet,
    /// Whether these stay, with size 1.
    pub keep: bool,
}

impl<T: Float> Op<T, 1> for Logsumexp {
    fn shape(&self, [x]: [&[usize]; 1], _: [&[usize]; 0]) -> Result<Shape, ShapeError> {
        Ok(self.axes.reduce(x, self.keep))
    }

    fn forward(
        &self,
        [x]: [View<'_, T>; 1],
        _: [AnyView<'_>; 0],
        out: &mut [T],
    ) -> Result<(), Error> {
        kernel::logsumexp(x, self.axes, out);
        Ok(())
    }

    /// `e^(x - y)`, the softmax. Where every `x` is -∞, so is `y`, and the derivative is 0.
    fn vjp<'t>(&self, cx: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        let (x, y) = (cx.x[0], cx.y);
        let kept = self.axes.reduce(&x.shape(), true);
        let (g, y) = (cx.g.reshape(&kept), y.reshape(&kept));
        let finite = y.eq_to(f64::NEG_INFINITY).select(y.full_like(0.0), y);
        [Some(g.mul0((x - finite).exp()))]
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// `ln Σ eˣ` of all elements, of shape `[]`; -∞ if there is none.
    #[track_caller]
    pub fn logsumexp(self) -> Self {
        let axes = AxisSet::all(self.rank());
        self.tape().apply(Logsumexp { axes, keep: false }, [self])
    }

    /// `ln Σ eˣ` over `axes`, which disappear; -∞ if there is none.
    ///
    /// # Panics
    /// When an axis is out of range or named twice.
    #[track_caller]
    pub fn logsumexp_axis(self, axes: impl Axes) -> Self {
        let axes = axis_set("logsumexp", self, axes);
        self.tape().apply(Logsumexp { axes, keep: false }, [self])
    }

    /// `ln Σ eˣ` over `axes`, which keep size 1; -∞ if there is none.
    ///
    /// # Panics
    /// When an axis is out of range or named twice.
    #[track_caller]
    pub fn logsumexp_keepdim(self, axes: impl Axes) -> Self {
        let axes = axis_set("logsumexp", self, axes);
        self.tape().apply(Logsumexp { axes, keep: true }, [self])
    }
}

#[cfg(test)]
mod tests {
    use super::super::battery::*;
    use crate::Tape;
    use tensor::{Tensor, tensor};

    row!(logsumexp: |x| x.logsumexp(); [any([2, 3]).or([1]).or([])]);
    row!(logsumexp_axis: |x| x.logsumexp_axis(0); [any([3, 2]).or([3, 0])]);
    row!(logsumexp_axes: |x| x.logsumexp_axis([-1, 0]); [any([2, 2, 3])]);
    row!(logsumexp_keepdim: |x| x.logsumexp_keepdim(1); [any([2, 3]).or([0, 3])]);

    #[test]
    fn a_row_of_minus_infinity_has_the_gradient_zero() {
        let inf = f64::NEG_INFINITY;
        let x = tensor![[inf, inf], [inf, 1.0], [1e4, 1e4]];
        let tape = Tape::new();
        let y = tape.constant(&x).logsumexp_axis(1).value().to_vec();
        assert_eq!(y, [inf, 1.0, 1e4 + 2f64.ln()]);
        let g = slope(|x| x.logsumexp_axis(1), &x);
        assert_eq!(g[..4], [0.0, 0.0, 0.0, 1.0]);
        // `x - y` is as exact as `y`, which is 1e4 and a bit.
        assert!(g[4..].iter().all(|g| (g - 0.5).abs() < 1e-12), "{g:?}");
        masked(|[x]| x.logsumexp());
    }

    #[test]
    fn of_nothing_it_is_minus_infinity() {
        let tape = Tape::new();
        let x = tape.leaf(Tensor::<f64>::zeros([2, 0]));
        let y = x.logsumexp_axis(1);
        assert_eq!(y.value().to_vec(), [f64::NEG_INFINITY; 2]);
        assert_eq!(y.sum().grad([x])[0].value().shape(), [2, 0]);
        refuses(|[x]| x.logsumexp_axis(2), [&[2, 3]], "logsumexp: axis 2 is out of range");
    }
}
