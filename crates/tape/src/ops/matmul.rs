//! The matrix product.

use tensor::error::OrPanic;
use tensor::shape::Dims;
use tensor::{AnyView, Error, Float, Shape, ShapeError, View, kernel};

use crate::op::{General, Op, Pullback};
use crate::var::Var;

/// `a · b` of matrices, or of batches of matrices whose leading axes broadcast.
#[derive(Debug, PartialEq)]
pub struct Matmul;

impl<T: Float> Op<T, 2> for Matmul {
    fn shape(&self, [a, b]: [&[usize]; 2], _: [&[usize]; 0]) -> Result<Shape, ShapeError> {
        if a.len() < 2 || b.len() < 2 {
            let (a, b) = (Dims(a), Dims(b));
            let text = format!(
                "matmul: {a} x {b}: the operation takes matrices; `Var::matmul` vectors too"
            );
            return Err(ShapeError::new(text));
        }
        kernel::matmul_shape(a, b)
    }

    fn forward(
        &self,
        [a, b]: [View<'_, T>; 2],
        _: [AnyView<'_>; 0],
        out: &mut [T],
    ) -> Result<(), Error> {
        kernel::matmul(a, b, out);
        Ok(())
    }

    /// `∂tr(gᵀab)/∂a = g bᵀ` and `∂/∂b = aᵀ g`; a batch axis that was broadcast is summed over.
    fn vjp<'t>(&self, cx: Pullback<'t, T, 2>) -> [Option<Var<'t, T>>; 2] {
        let (g, [a, b]) = (cx.g, cx.x);
        [
            cx.when(0, || g.matmul(b.t()).sum_to(a.shape())),
            cx.when(1, || a.t().matmul(g).sum_to(b.shape())),
        ]
    }
}

/// The factors of a cotangent that a rule of the present sweep recorded as a matrix product, if
/// `bᵀaᵀ` has the bits of `(ab)ᵀ`: whether a sweep in pieces still sees a product here depends on
/// where a piece ends. (Batches by one matrix are one product, with more rows than each of them.)
pub(super) fn factors<T: Float>(x: Var<'_, T>) -> Option<[Var<'_, T>; 2]> {
    if x.id() < x.tape().rules_from.get() {
        return None;
    }
    let product = |_: &Matmul, inputs: &[u32]| [inputs[0], inputs[1]];
    let factors = x.recorded_as::<General<T, 2, 0>, _, _>(product)?;
    let [a, b] = factors.map(|id| Var::at(x.tape(), id));
    let lead = |v: Var<'_, T>| Shape::from_slice(&v.shape()[..v.rank() - 2]);
    (lead(a) == lead(b)).then_some([a, b])
}

impl<'t, T: Float> Var<'t, T> {
    /// The matrix product, with NumPy's rules: axes before the last two broadcast; a vector on the
    /// left is a row, on the right a column, and its axis disappears.
    ///
    /// # Panics
    /// When an operand has rank 0, the inner sizes differ, or the leading axes do not broadcast.
    #[track_caller]
    pub fn matmul(self, other: Self) -> Self {
        let (a, b) = (self.shape(), other.shape());
        let shape = kernel::matmul_shape(&a, &b).or_panic();
        let row = if a.len() == 1 { self.unsqueeze(0) } else { self };
        let column = if b.len() == 1 { other.unsqueeze(1) } else { other };
        self.tape().apply(Matmul, [row, column]).reshape(shape)
    }

    /// The inner product `Σₖ self[k] · other[k]` of two vectors, of shape `[]`.
    ///
    /// # Panics
    /// When they are not vectors of one length.
    #[track_caller]
    pub fn dot(self, other: Self) -> Self {
        let (a, b) = (self.shape(), other.shape());
        if a.len() != 1 || a != b {
            panic!("dot: {} and {} are not two vectors of one length", Dims(&a), Dims(&b));
        }
        self.matmul(other)
    }

    /// The outer product `y[i, j] = self[i] · other[j]` of two vectors.
    ///
    /// # Panics
    /// When they are not vectors.
    #[track_caller]
    pub fn outer(self, other: Self) -> Self {
        let (a, b) = (self.shape(), other.shape());
        if a.len() != 1 || b.len() != 1 {
            panic!("outer: {} and {} are not two vectors", Dims(&a), Dims(&b));
        }
        self.unsqueeze(-1).matmul(other.unsqueeze(0))
    }
}

#[cfg(test)]
mod tests {
    use super::super::battery::*;

    row!(matmul: |a, b| a.matmul(b); [any([2, 3]).or([2, 0]).or([0, 3]).or([1, 1]), any([3, 2]).or([0, 2]).or([3, 2]).or([1, 1])]);
    row!(vectors: |a, b| a.matmul(b); [any([3]).or([3]).or([2, 3]).or([0]), any([3]).or([3, 2]).or([3]).or([0])]);
    row!(batches: |a, b| a.matmul(b); [any([2, 1, 2]).or([2, 1, 1, 2]).or([2]).or([2, 2, 2]), any([2, 2, 1]).or([2, 2, 1]).or([2, 2, 1]).or([2])]);
    row!(dot: |a, b| a.dot(b); [any([3]).or([1]).or([0]), any([3]).or([1]).or([0])]);
    row!(dot_with_itself: |x| x.dot(x); [any([3]).or([0])]);
    row!(outer: |a, b| a.outer(b); [any([3]).or([1]).or([0]), any([2]).or([3]).or([2])]);
    row!(with_itself: |x| x.matmul(x.t()); [any([2, 3]).or([2, 0])]);

    #[test]
    fn shapes_that_do_not_fit_are_refused() {
        refuses(
            |[a, b]| a.matmul(b),
            [&[3, 4], &[5, 6]],
            "matmul: [3, 4] x [5, 6]: inner sizes 4 and 5 differ",
        );
        refuses(|[a, b]| a.matmul(b), [&[], &[2, 2]], "matmul: [] x [2, 2]");
        refuses(
            |[a, b]| a.dot(b),
            [&[2], &[3]],
            "dot: [2] and [3] are not two vectors of one length",
        );
        refuses(
            |[a, b]| a.dot(b),
            [&[2, 1], &[2, 1]],
            "dot: [2, 1] and [2, 1] are not two vectors",
        );
        refuses(|[a, b]| a.outer(b), [&[2], &[]], "outer: [2] and [] are not two vectors");
        refuses(
            |[a, b]| a.matmul(b),
            [&[3], &[2]],
            "matmul: [3] x [2]: inner sizes 3 and 2 differ",
        );
        refuses(
            |[a, b]| a.matmul(b),
            [&[2, 3, 4], &[3, 4, 5]],
            "matmul: [2, 3, 4] x [3, 4, 5]: leading axes [2] and [3] do not broadcast",
        );
    }
}
