//! The adjoint of views that repeat no element: the cotangent in its place among zeros.

use tensor::shape::Dims;
use tensor::{AnyView, Error, Float, Layout, Shape, ShapeError, View, kernel};

use crate::op::{Op, Pullback, ViewOp};
use crate::var::Var;

/// A tensor of `shape` that is zero but where `view` looks, and there the input.
///
/// `view` must not show an element twice; every view but broadcasting is such.
#[derive(Debug, PartialEq)]
pub struct Place<V> {
    /// The shape of the output.
    pub shape: Shape,
    /// Where in it the input goes.
    pub view: V,
}

impl<V: ViewOp> Place<V> {
    fn layout(&self) -> Result<Layout, ShapeError> {
        let whole = Layout::contiguous(&self.shape, 8)?;
        Ok(self.view.layout(&whole)?.expect("a row-major tensor has every view"))
    }
}

impl<T: Float, V: ViewOp + Clone> Op<T, 1> for Place<V> {
    fn shape(&self, [x]: [&[usize]; 1], _: [&[usize]; 0]) -> Result<Shape, ShapeError> {
        let window = self.layout()?;
        if window.shape() != x {
            let (x, window) = (Dims(x), Dims(window.shape()));
            return Err(ShapeError::new(format!("place: shape {x} does not fill {window}")));
        }
        Ok(self.shape.clone())
    }

    fn forward(
        &self,
        [x]: [View<'_, T>; 1],
        _: [AnyView<'_>; 0],
        out: &mut [T],
    ) -> Result<(), Error> {
        kernel::place(x, &self.layout()?, T::zero(), out)?;
        Ok(())
    }

    fn window(&self) -> Option<kernel::Window> {
        kernel::Window::of(&self.layout().ok()?)
    }

    fn vjp<'t>(&self, cx: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        [Some(cx.g.tape().apply(self.view.clone(), [cx.g]))]
    }
}

#[cfg(test)]
mod tests {
    use super::super::battery::*;
    use super::Place;
    use crate::ops::diagonal::Diagonal;
    use crate::ops::flip::Flip;

    row!(place: |x| {
        let view = Diagonal { k: 1, a: 0, b: 1 };
        x.tape().apply(Place { shape: [2, 3].as_slice().into(), view }, [x])
    }; [any([2])]);
    row!(place_everywhere: |x| {
        x.tape().apply(Place { shape: x.shape(), view: Flip { axis: 0 } }, [x])
    }; [any([2, 3]).or([0, 3])]);

    #[test]
    fn what_does_not_fill_the_place_is_refused() {
        refuses(
            |[x]| {
                let place = Place { shape: [2, 3].as_slice().into(), view: Flip { axis: 0 } };
                x.tape().apply(place, [x])
            },
            [&[3, 2]],
            "place: shape [3, 2] does not fill [2, 3]",
        );
    }
}
