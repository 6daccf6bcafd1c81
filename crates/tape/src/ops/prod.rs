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
        product(self, axis_set("prod", self, axes), false)
    }

    /// The product over `axes`, which keep size 1; 1 if they hold no element.
    ///
    /// # Panics
    /// When an axis is out of range or named twice.
    #[track_caller]
    pub fn prod_keepdim(self, axes: impl Axes) -> Self {
        product(self, axis_set("prod", self, axes), true)
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
    x.reshape(axes.reduce(&shape, keep))
}

#[cfg(test)]
mod tests {
    use super::super::battery::*;
    use crate::Tape;
    use tensor::{Tensor, tensor};

    row!(prod: |x| x.prod(); [any([2, 3]).or([1]).or([]).or([0])]);
    row!(prod_axis: |x| x.prod_axis(0); [any([3, 2]).or([0, 2]).or([3, 0])]);
    row!(prod_axes: |x| x.prod_axis([0, -1]); [any([2, 2, 3]).or([2, 2, 0])]);
    row!(prod_keepdim: |x| x.prod_keepdim([1]); [any([2, 3]).or([2, 0])]);
    row!(prod_keepdims: |x| x.prod_keepdim([2, 0]); [any([2, 1, 3])]);

    #[test]
    fn zeros_leave_the_product_of_the_others() {
        assert_eq!(slope(|x| x.prod(), tensor![2.0, 0.0, 3.0, 4.0]), [0.0, 24.0, 0.0, 0.0]);
        assert_eq!(slope(|x| x.prod(), tensor![2.0, 0.0, 0.0, 4.0]), [0.0; 4]);
        let rows = tensor![[0.0, 5.0], [2.0, 3.0]];
        assert_eq!(slope(|x| x.prod_axis(1), &rows), [5.0, 0.0, 3.0, 2.0]);
        let h = crate::hessian(|x| x.prod(), tensor![0.0, 0.0, 5.0]).unwrap();
        assert_eq!(h.to_vec(), [0.0, 5.0, 0.0, 5.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn the_shape_is_that_of_a_sum() {
        let tape = Tape::new();
        let x = tape.leaf(Tensor::<f64>::full([2, 3, 2], 2.0));
        assert_eq!(x.prod_axis([0, 2]).value(), Tensor::full([3], 16.0));
        assert_eq!(x.prod_keepdim([0, 2]).value(), Tensor::full([1, 3, 1], 16.0));
        let nothing = tape.leaf(Tensor::<f64>::zeros([2, 0]));
        assert_eq!(nothing.prod_axis(1).value().to_vec(), [1.0, 1.0]);
        refuses(|[x]| x.prod_axis([0, 0]), [&[2, 3]], "prod: axis 0 is named twice");
    }
}
