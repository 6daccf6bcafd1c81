//! The order of the axes.

use tensor::error::OrPanic;
use tensor::{Element, Float, Layout, Shape, ShapeError};

use super::matmul::factors;
use crate::op::{Pullback, ViewOp, Views, record_view};
use crate::var::Var;

/// Axis `k` of the output is axis `axes[k]` of the input.
#[derive(Debug, PartialEq)]
pub struct Permute {
    /// A permutation of all axes.
    pub axes: Shape,
}

impl ViewOp for Permute {
    fn layout(&self, x: &Layout) -> Result<Option<Layout>, ShapeError> {
        x.permute(&self.axes).map(Some)
    }

    /// The inverse permutation.
    ///
    /// The cotangent of a transposed matrix is as a rule a product, and `(ab)ᵀ = bᵀaᵀ` lies in
    /// memory as the matrix itself does, while everybody who reads the gradient would stride
    /// through a view of `ab`. (That is recorded already by this sweep, but what nobody asks for is
    /// not computed.)
    fn vjp<'t, T: Float>(&self, cx: Pullback<'t, T, 1>) -> Option<Var<'t, T>> {
        let inverse = inverse(&self.axes);
        Some(match factors(cx.g) {
            Some([a, b]) if transposes(&inverse) => b.t().matmul(a.t()),
            _ => cx.g.permute(inverse),
        })
    }
}

fn inverse(axes: &[usize]) -> Shape {
    let mut inverse: Shape = smallvec::smallvec![0; axes.len()];
    for (k, &a) in axes.iter().enumerate() {
        inverse[a] = k;
    }
    inverse
}

/// Whether `axes` exchanges the last two and nothing else.
fn transposes(axes: &[usize]) -> bool {
    let n = axes.len();
    n >= 2
        && axes[n - 2..] == [n - 1, n - 2]
        && axes[..n - 2].iter().enumerate().all(|(k, &a)| k == a)
}

impl<'t, E: Element> Var<'t, E> {
    /// Axis `k` of the result is axis `axes[k]` of this variable.
    ///
    /// # Panics
    /// When `axes` is not a permutation of all axes.
    #[track_caller]
    pub fn permute(self, axes: impl AsRef<[usize]>) -> Self {
        let axes = axes.as_ref();
        // Rules transpose what layers have transposed: turned back, it is what it was. Not for the
        // user, whose variable has gradients and marks of its own.
        let back = || {
            self.recorded_as::<Views, _, _>(|Permute { axes: before }, inputs| {
                (inverse(before)[..] == *axes).then(|| Var::at(self.tape(), inputs[0]))
            })
        };
        let in_a_rule = self.tape().origin.get().is_some();
        match in_a_rule.then(back).flatten().flatten() {
            Some(base) => base,
            None => record_view(Permute { axes: axes.into() }, self),
        }
    }

    /// Axes `a` and `b` exchanged; negative ones count from the end.
    ///
    /// # Panics
    /// When one is out of range.
    #[track_caller]
    pub fn swap_axes(self, a: isize, b: isize) -> Self {
        let shape = self.shape();
        let a = tensor::shape::axis("swap_axes", a, &shape).or_panic();
        let b = tensor::shape::axis("swap_axes", b, &shape).or_panic();
        let mut axes: Shape = (0..shape.len()).collect();
        axes.swap(a, b);
        self.permute(axes)
    }

    /// The last two axes exchanged: the transpose of a matrix, or of each matrix of a batch.
    ///
    /// # Panics
    /// When the rank is below 2.
    #[doc(alias = "transpose")]
    #[track_caller]
    pub fn t(self) -> Self {
        if self.rank() < 2 {
            panic!("t: shape {} has no two axes to exchange", tensor::shape::Dims(&self.shape()));
        }
        self.swap_axes(-2, -1)
    }
}

#[cfg(test)]
mod tests {
    use super::super::battery::*;

    row!(permute: |x| x.permute([2, 0, 1]); [any([2, 3, 2]).or([0, 1, 2])]);
    row!(swap_axes: |x| x.swap_axes(0, -1); [any([2, 1, 3]).or([2, 3]).or([3])]);
    row!(t: |x| x.t(); [any([2, 3]).or([2, 0]).or([2, 2, 2])]);
    row!(permute_nothing: |x| x.permute([]); [any([])]);

    #[test]
    fn what_is_no_order_of_the_axes_is_refused() {
        refuses(
            |[x]| x.permute([0, 0]),
            [&[2, 3]],
            "permute: [0, 0] is no order of the axes of shape [2, 3]",
        );
        refuses(
            |[x]| x.permute([0]),
            [&[2, 3]],
            "permute: [0] is no order of the axes of shape [2, 3]",
        );
        refuses(
            |[x]| x.swap_axes(0, 2),
            [&[2, 3]],
            "swap_axes: axis 2 is out of range for shape [2, 3]",
        );
        refuses(|[x]| x.t(), [&[3]], "t: shape [3] has no two axes to exchange");
    }
}
