//! The larger and the smaller of two.

use tensor::kernel::binary_block;
use tensor::{AnySlice, Float, math};

use crate::op::{DataPointwise, Pointwise, Pullback};
use crate::var::{Operand, Var};

/// `max(a, b)`; NaN if one is.
#[derive(Debug, PartialEq)]
pub struct Maximum;
/// `min(a, b)`; NaN if one is.
#[derive(Debug, PartialEq)]
pub struct Minimum;
/// 1 where `a > b`, ½ where `a = b`, 0 where `a < b`, NaN where one is: `∂max(a, b)/∂a`.
#[derive(Debug, PartialEq)]
pub struct Larger;

impl<T: Float> Pointwise<T, 2> for Maximum {
    fn block(&self, [a, b]: [&[T]; 2], _: [AnySlice<'_>; 0], out: &mut [T]) {
        binary_block(math::Maximum, a, b, out);
    }

    /// A tie shares evenly.
    fn vjp<'t>(&self, cx: Pullback<'t, T, 2>) -> [Option<Var<'t, T>>; 2] {
        let (g, [a, b]) = (cx.g, cx.x);
        [cx.when(0, || g.mul0(larger(a, b))), cx.when(1, || g.mul0(larger(b, a)))]
    }
}

impl<T: Float> Pointwise<T, 2> for Minimum {
    fn block(&self, [a, b]: [&[T]; 2], _: [AnySlice<'_>; 0], out: &mut [T]) {
        binary_block(math::Minimum, a, b, out);
    }

    /// A tie shares evenly.
    fn vjp<'t>(&self, cx: Pullback<'t, T, 2>) -> [Option<Var<'t, T>>; 2] {
        let (g, [a, b]) = (cx.g, cx.x);
        [cx.when(0, || g.mul0(larger(b, a))), cx.when(1, || g.mul0(larger(a, b)))]
    }
}

impl<T: Float> DataPointwise<T, T, 2> for Larger {
    fn block(&self, [a, b]: [&[T]; 2], out: &mut [T]) {
        for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
            let order = if a > b { T::one() } else { T::zero() };
            let order = if a == b { T::of(0.5) } else { order };
            *out = if a.is_nan() || b.is_nan() { T::nan() } else { order };
        }
    }
}

fn larger<'t, T: Float>(a: Var<'t, T>, b: Var<'t, T>) -> Var<'t, T> {
    a.tape().apply_data(Larger, [a, b])
}

impl<'t, T: Float> Var<'t, T> {
    /// The larger of `self` and `other` (a variable or a number), NaN if one is; at a tie the
    /// derivative is ½ for each.
    #[track_caller]
    pub fn maximum(self, other: impl Operand<'t, T>) -> Self {
        self.tape().apply(Maximum, [self, other.on(self.tape())])
    }

    /// The smaller of `self` and `other` (a variable or a number), NaN if one is; at a tie the
    /// derivative is ½ for each.
    #[track_caller]
    pub fn minimum(self, other: impl Operand<'t, T>) -> Self {
        self.tape().apply(Minimum, [self, other.on(self.tape())])
    }
}

#[cfg(test)]
mod tests {
    use super::super::battery::*;
    use tensor::tensor;

    row!(maximum: |a, b| a.maximum(b); pair(Domain::Distinct, Domain::Distinct));
    row!(minimum: |a, b| a.minimum(b); pair(Domain::Distinct, Domain::Distinct));
    // No number of the domain is a multiple of 1/10 but 0.
    row!(beside_a_number: |x| x.maximum(-0.7).minimum(0.9); pointwise(Domain::Distinct));

    #[test]
    fn a_tie_shares_evenly_and_nan_stays() {
        assert_eq!(slope(|x| x.maximum(0.0), tensor![-1.0, 0.0, 2.0]), [0.0, 0.5, 1.0]);
        assert_eq!(slope(|x| x.minimum(0.0), tensor![-1.0, 0.0, 2.0]), [1.0, 0.5, 0.0]);
        assert_eq!(slope(|x| x.maximum(x), tensor![3.0]), [1.0]);
        assert!(slope(|x| x.maximum(0.0), tensor![f64::NAN])[0].is_nan());
        masked(|[a, b]| a.maximum(b));
        masked(|[a, b]| a.minimum(b));
    }

    #[test]
    fn shapes_that_do_not_broadcast_are_refused() {
        refuses(
            |[a, b]| a.maximum(b),
            [&[2], &[3]],
            "maximum: shapes [2] and [3] do not broadcast",
        );
        refuses(
            |[a, b]| a.minimum(b),
            [&[2], &[3]],
            "minimum: shapes [2] and [3] do not broadcast",
        );
    }
}
