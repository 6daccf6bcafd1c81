//! The choice between two by a mask.

use tensor::{AnySlice, Float, Tensor};

use crate::op::{Pointwise, Pullback};
use crate::var::{Operand, Var};

/// `a` where the mask holds, else `b`.
#[derive(Debug)]
pub struct Select;

impl<T: Float> Pointwise<T, 2, 1> for Select {
    fn block(&self, [a, b]: [&[T]; 2], [mask]: [AnySlice<'_>; 1], out: &mut [T]) {
        let mask = mask.get::<bool>().expect("a mask is bool");
        for (((out, &a), &b), &mask) in out.iter_mut().zip(a).zip(b).zip(mask) {
            *out = if mask { a } else { b };
        }
    }

    /// The branch that was not taken gets exactly 0.
    fn vjp<'t>(&self, cx: Pullback<'t, T, 2, 1>) -> [Option<Var<'t, T>>; 2] {
        let (g, mask) = (cx.g, cx.d[0].typed::<bool>().expect("a mask is bool"));
        let zero = g.tape().constant(Tensor::scalar(T::zero()));
        [cx.when(0, || mask.select(g, zero)), cx.when(1, || mask.select(zero, g))]
    }
}

impl<'t> Var<'t, bool> {
    /// `a` where this mask holds, else `b`; all three are broadcast to one shape. A branch that is not
    /// taken gets a gradient of exactly 0, even where its own derivative is infinite or NaN. `b` may
    /// be a number.
    #[track_caller]
    pub fn select<T: Float>(self, a: Var<'t, T>, b: impl Operand<'t, T>) -> Var<'t, T> {
        self.tape().apply_with(Select, [a, b.beside(a)], [self.any()])
    }
}
