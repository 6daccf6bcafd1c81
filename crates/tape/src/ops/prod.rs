//! Products over axes.

use tensor::{Axes, AxisSet, Float, Shape};

use super::sum::{Sum, axis_set};
use crate::var::Var;

impl<'t, T: Float> Var<'t, T> {
    /// The product of all elements, of shape `[]`; 1 if there is none.
    #[track_caller]
    pub fn prod(self) -> Self {
        product(self, AxisSet::all(self.rank()), false)
    }

    /// The product over `axes`, which disappear; 1 if they hold no element.
    ///
    /// # Panics
    /// When an axis is out of range or named twice.
    #[track_caller]
    pub fn prod_axis(self, axes: impl Axes) -> Self {
        product(self, axis_set("prod_axis", self, axes), false)
    }

    /// The product over `axes`, which keep size 1; 1 if they hold no element.
    ///
    /// # Panics
    /// When an axis is out of range or named twice.
    #[track_caller]
    pub fn prod_keepdim(self, axes: impl Axes) -> Self {
        product(self, axis_set("prod_keepdim", self, axes), true)
    }
}

/// Multiplies the first half with the second until one element is left: about `log₂ n` products.
///
/// A composition, so that the derivative by one factor is the product of the others at every order,
/// zeros included. The usual rule `y / x` divides by zero there, and its repair (two cumulative
/// products) needs repairing again at the second order.
#[track_caller]
fn product<'t, T: Float>(x: Var<'t, T>, axes: AxisSet, keep: bool) -> Var<'t, T> {
    let shape = x.shape();
    let kept = (0..shape.len()).filter(|&k| !axes.contains(k));
    let order: Shape = (0..shape.len()).filter(|&k| axes.contains(k)).chain(kept).collect();
    let n = axes.count(&shape);
    let mut rows: Shape = smallvec::smallvec![n];
    rows.extend(axes.reduce(&shape, false));
    let target = axes.reduce(&shape, keep);
    if n == 0 {
        // Written so that it depends on `x`, whose derivative is there and has no element.
        return x.tape().apply(Sum { axes, keep }, [x]) + 1.0;
    }
    let mut x = x.permute(order).reshape(rows);
    let mut n = n;
    while n > 1 {
        let half = n / 2;
        let pairs = x.narrow(0, 0, half) * x.narrow(0, half, half);
        x = if n % 2 == 1 { Var::concat(&[pairs, x.narrow(0, n - 1, 1)], 0) } else { pairs };
        n = n.div_ceil(2);
    }
    x.reshape(target)
}
