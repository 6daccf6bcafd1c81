//! Elements as another type.

use std::marker::PhantomData;

use tensor::{Element, kernel};

use crate::op::DataPointwise;
use crate::var::Var;

/// Another element type.
#[derive(PartialEq)]
pub struct CastTo<U>(PhantomData<U>);

impl<U: Element> std::fmt::Debug for CastTo<U> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cast({})", U::DTYPE)
    }
}

impl<E: Element, U: Element> DataPointwise<E, U, 1> for CastTo<U> {
    fn block(&self, [x]: [&[E]; 1], out: &mut [U]) {
        kernel::cast_block(x, out);
    }
}

impl<'t, E: Element> Var<'t, E> {
    /// The elements as another type, as Rust's `as` does it. No derivative passes.
    #[track_caller]
    pub fn cast<U: Element>(self) -> Var<'t, U> {
        self.tape().apply_data(CastTo::<U>(PhantomData), [self])
    }
}

#[cfg(test)]
mod tests {
    use super::super::battery::*;
    use crate::NoGradient;

    // What has no derivative has a row of what it decides.
    row!(cast: |x| x + (x.detach() - x.detach().cast::<T>()); pointwise(Domain::Any));

    #[test]
    fn no_derivative_passes_and_asking_for_it_says_so() {
        let why = stopped(|x| x.cast::<f32>().cast::<f64>());
        assert!(matches!(why, NoGradient::Stopped { .. }), "{why}");
    }
}
