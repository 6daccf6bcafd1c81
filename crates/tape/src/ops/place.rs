//! The adjoint of views that repeat no element: the cotangent in its place among zeros.

use tensor::{AnyView, Error, Float, Layout, Shape, ShapeError, View, kernel};

use crate::op::{Op, Pullback, ViewOp};
use crate::var::Var;

/// A tensor of `shape` that is zero but where `view` looks, and there the input.
///
/// `view` must not show an element twice; every view but broadcasting is such.
#[derive(Debug)]
pub struct Place<V> {
    /// The shape of the output.
    pub shape: Shape,
    /// Where in it the input goes.
    pub view: V,
}

impl<V: ViewOp> Place<V> {
    fn window(&self) -> Result<Layout, ShapeError> {
        let whole = Layout::contiguous(&self.shape, 8)?;
        Ok(self.view.layout(&whole)?.expect("a row-major tensor has every view"))
    }
}

impl<T: Float, V: ViewOp + Clone> Op<T, 1> for Place<V> {
    fn shape(&self, _: [&[usize]; 1], _: [&[usize]; 0]) -> Result<Shape, ShapeError> {
        Ok(self.shape.clone())
    }

    fn forward(
        &self,
        [x]: [View<'_, T>; 1],
        _: [AnyView<'_>; 0],
        out: &mut [T],
    ) -> Result<(), Error> {
        out.fill(T::zero());
        kernel::assign(x, &self.window()?, out)?;
        Ok(())
    }

    fn vjp<'t>(&self, cx: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        [Some(cx.g.tape().apply(self.view.clone(), [cx.g]))]
    }
}
