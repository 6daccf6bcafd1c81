//! Where derivatives stop on purpose.

use tensor::{Float, Layout, ShapeError};

use crate::op::{Pullback, ViewOp};
use crate::var::Var;

/// The same elements; no derivative passes.
#[derive(Debug)]
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
