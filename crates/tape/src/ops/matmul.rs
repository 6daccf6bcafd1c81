//! The matrix product.

use tensor::error::OrPanic;
use tensor::{AnyView, Error, Float, Shape, ShapeError, View, kernel};

use crate::op::{Op, Pullback};
use crate::var::Var;

/// `a · b` of matrices, or of batches of matrices whose leading axes broadcast.
#[derive(Debug)]
pub struct Matmul;

impl<T: Float> Op<T, 2> for Matmul {
    fn shape(&self, [a, b]: [&[usize]; 2], _: [&[usize]; 0]) -> Result<Shape, ShapeError> {
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

impl<'t, T: Float> Var<'t, T> {
    /// The matrix product, with NumPy's rules: axes before the last two broadcast; a vector on the left
    /// is a row, on the right a column, and its axis disappears.
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
}
