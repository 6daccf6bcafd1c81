//! Where derivatives stop on purpose.

use tensor::{Element, Float, Layout, ShapeError};

use crate::op::{Pullback, ViewOp, record_view};
use crate::var::Var;

/// The same elements; no derivative passes.
#[derive(Debug, PartialEq)]
pub struct Detach;

impl ViewOp for Detach {
    const TRACKS: bool = false;

    fn layout(&self, x: &Layout) -> Result<Option<Layout>, ShapeError> {
        Ok(Some(x.clone()))
    }

    fn vjp<'t, T: Float>(&self, _: Pullback<'t, T, 1>) -> Option<Var<'t, T>> {
        None
    }
}

impl<'t, E: Element> Var<'t, E> {
    /// The same value, as a constant: no derivative passes.
    #[doc(alias = "stop_gradient")]
    #[track_caller]
    pub fn detach(self) -> Self {
        record_view(Detach, self)
    }
}

#[cfg(test)]
mod tests {
    use super::super::battery::*;
    use crate::NoGradient;
    use tensor::tensor;

    row!(detach: |x| x + (x - x).detach(); pointwise(Domain::Any));

    #[test]
    fn the_value_passes_and_no_derivative_does() {
        assert_eq!(slope(|x| x * x.detach(), tensor![3.0, -2.0]), [3.0, -2.0]);
        let why = stopped(|x| x.detach().square());
        assert!(matches!(why, NoGradient::Stopped { .. }), "{why}");
    }
}
