//! Integer results that do not fit their type.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::fold::Fold;
use super::reduce::plain;
use crate::element::Number;
use crate::error::Error;
use crate::shape::AxisSet;
use crate::view::View;

/// The first position of an output whose result does not fit.
///
/// The threads of a kernel do not know the user's line, and which of them comes first is chance:
/// they note what they meet and go on, and whoever was called reports it.
pub(super) struct Misfit(AtomicUsize);

impl Misfit {
    pub(super) fn none() -> Self {
        Misfit(AtomicUsize::new(usize::MAX))
    }

    /// The result for `position`; where there is none, 0 and a note.
    #[inline(always)]
    pub(super) fn or_note<T: Number>(&self, result: Option<T>, position: usize) -> T {
        result.unwrap_or_else(|| {
            self.note(position);
            T::zero()
        })
    }

    #[cold]
    fn note(&self, position: usize) {
        self.0.fetch_min(position, Ordering::Relaxed);
    }

    /// What the caller of `op` reports.
    pub(super) fn outcome<T: Number>(self, op: &'static str) -> Result<(), Error> {
        match self.0.into_inner() {
            usize::MAX => Ok(()),
            position => Err(Error::Overflow { op, position, dtype: T::DTYPE }),
        }
    }
}

/// A fold in [`Number::Wide`] whose results are narrowed; `nothing` where none is reduced.
pub(super) fn narrowed<T: Number, F: Fold<T, Param = (), Acc = T::Wide>>(
    op: &'static str,
    f: F,
    nothing: T,
    x: View<'_, T>,
    axes: AxisSet,
    out: &mut [T],
) -> Result<(), Error> {
    let narrow = |acc: Option<T::Wide>| acc.map_or(Some(nothing), T::narrow);
    let misfit = Misfit::none();
    plain(f, x, axes, out, |acc| misfit.or_note(narrow(acc), 0));
    misfit.outcome::<T>(op).map_err(|_| {
        // A fold does not know which output it ends: once more, for where there is none.
        let mut missing = vec![false; out.len()];
        plain(f, x, axes, &mut missing, |acc| narrow(acc).is_none());
        let position = missing.iter().position(|&missing| missing);
        Error::Overflow { op, position: position.unwrap_or(0), dtype: T::DTYPE }
    })
}

#[cfg(test)]
mod tests;
