//! The choice between two by a mask.

use tensor::{AnySlice, Float, kernel};

use crate::op::{Pointwise, Pullback};
use crate::var::{Operand, Var};

/// `a` where the mask holds, else `b`.
#[derive(Debug, PartialEq)]
pub struct Select;

impl<T: Float> Pointwise<T, 2, 1> for Select {
    fn block(&self, [a, b]: [&[T]; 2], [mask]: [AnySlice<'_>; 1], out: &mut [T]) {
        let mask = mask.get::<bool>().expect("a mask is bool");
        kernel::select_block(mask, a, b, out);
    }

    /// The branch that was not taken gets exactly 0.
    fn vjp<'t>(&self, cx: Pullback<'t, T, 2, 1>) -> [Option<Var<'t, T>>; 2] {
        let (g, mask) = (cx.g, cx.d[0].typed::<bool>().expect("a mask is bool"));
        let zero = g.scalar(0.0);
        [cx.when(0, || mask.select(g, zero)), cx.when(1, || mask.select(zero, g))]
    }
}

impl<'t> Var<'t, bool> {
    /// `a` where this mask holds, else `b`; all three are broadcast to one shape. A branch that is
    /// not taken gets a gradient of exactly 0, even where its own derivative is infinite or NaN.
    /// Either may be a number.
    #[doc(alias = "where")]
    #[track_caller]
    pub fn select<T: Float>(self, a: impl Operand<'t, T>, b: impl Operand<'t, T>) -> Var<'t, T> {
        let tape = self.tape();
        tape.apply_with(Select, [a.on(tape), b.on(tape)], [self.erase()])
    }
}

#[cfg(test)]
mod tests {
    use super::super::battery::*;
    use crate::Tape;
    use tensor::tensor;

    row!(select: |a, b| a.gt(0.25).select(a, b); pair(Domain::Distinct, Domain::Distinct));
    row!(select_or_number: |x| x.lt(0.0).select(x * x, 0.5); pointwise(Domain::Nonzero));
    row!(number_or_select: |x| x.lt(0.0).select(0.5, x * x) * x.gt(1).select(2, 1.0); pointwise(Domain::Nonzero));
    row!(larger_mask: |a, b| a.tape().constant(tensor![[true], [false]]).select(a, b); [any([3]).or([]).or([2, 3]), any([1]).or([3]).or([])]);

    #[test]
    fn the_branch_that_is_not_taken_gets_exactly_zero() {
        let tape = Tape::new();
        let (a, b) = (tape.leaf(tensor![f64::NAN, 1.0]), tape.leaf(tensor![2.0, f64::INFINITY]));
        let y = tape.constant(tensor![false, true]).select(a.sqrt(), b.sqrt());
        assert_eq!(y.value().to_vec(), [2f64.sqrt(), 1.0]);
        let g = y.sum().grad([a, b]);
        assert_eq!(g[0].value().to_vec(), [0.0, 0.5]);
        assert_eq!(g[1].value().to_vec(), [0.5 / 2f64.sqrt(), 0.0]);
        masked(|[a, b]| a.gt(b).select(a, b));
    }

    #[test]
    fn shapes_that_do_not_broadcast_are_refused() {
        refuses(
            |[a, b]| a.gt(0.0).select(b, 1.0),
            [&[2], &[3]],
            "select: shapes [3] and [2] do not broadcast",
        );
    }
}
