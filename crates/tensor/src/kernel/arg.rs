//! Where the extrema lie.

use super::fold::{Fold, fold, in_slabs};
use super::reduce;
use crate::element::Number;
use crate::shape::AxisSet;
use crate::simd::Isa;
use crate::view::View;

/// `out`: the position of the first maximum among the reduced elements, counted in row-major order
/// of the reduced axes; of the first NaN if there is one.
///
/// # Panics
/// When `out` has the wrong length or [`extremum_shape`](super::extremum_shape) does not hold.
pub fn argmax<T: Number>(x: View<'_, T>, axes: AxisSet, out: &mut [i64]) {
    first(reduce::max, x, axes, out);
}

/// `out`: the position of the first minimum, as in [`argmax`].
///
/// # Panics
/// As [`argmax`].
pub fn argmin<T: Number>(x: View<'_, T>, axes: AxisSet, out: &mut [i64]) {
    first(reduce::min, x, axes, out);
}

/// Finds the extrema, and then finds them again. Rejected: pairs of value and position in one pass,
/// which do not vectorise for types of unequal width and are slower than two passes.
fn first<T: Number>(
    extremum: impl Fn(View<'_, T>, AxisSet, &mut [T]) + Sync,
    x: View<'_, T>,
    axes: AxisSet,
    out: &mut [i64],
) {
    in_slabs(x, axes, out, |x, out| {
        let mut extrema = vec![T::zero(); out.len()];
        extremum(x, axes, &mut extrema);
        fold(First, x, axes, &extrema, out, |at| {
            at.expect("the shape rule refuses axes without elements")
        });
    });
}

/// The smallest position of an element equal to the parameter, NaN being equal to NaN.
#[derive(Clone, Copy)]
struct First;
impl<T: Number> Fold<T> for First {
    const EXACT: bool = true;
    type Param = T;
    type Acc = i64;
    #[inline(always)]
    #[allow(clippy::eq_op, reason = "asks for NaN")]
    fn lift<I: Isa>(self, x: T, i: usize, extremum: T) -> i64 {
        if (x == extremum) | (x != x) { i as i64 } else { i64::MAX }
    }
    #[inline(always)]
    fn merge(self, a: i64, b: i64) -> i64 {
        a.min(b)
    }
}
