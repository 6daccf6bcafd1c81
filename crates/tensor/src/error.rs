//! What can go wrong, as values.

use crate::element::DType;
use crate::shape::{Dims, Shape};

/// A failure that depends on data, files or resources.
///
/// Mistakes of the program itself (shapes that do not fit, an axis out of range) are panics at the
/// caller's line instead; their texts come from the same place.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Shapes do not fit the operation.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// A vector's length is not the product of the shape it should fill.
    #[error("from_vec: {len} elements cannot fill shape {}: it has {expected}", Dims(.shape))]
    Length {
        /// Elements given.
        len: usize,
        /// Elements needed.
        expected: usize,
        /// The shape.
        shape: Shape,
    },
    /// An index lies outside of its axis.
    #[error("{op}: index {index} at position {position} is out of range for {size} entries")]
    Index {
        /// The operation.
        op: &'static str,
        /// The offending value.
        index: i64,
        /// Where it stands among the indices, counted row by row.
        position: usize,
        /// Valid are 0 to `size` - 1.
        size: usize,
    },
    /// A label is not one of the classes.
    #[error("{op}: label {label} at position {position} is out of range for {classes} classes")]
    Label {
        /// The operation.
        op: &'static str,
        /// The offending value.
        label: i64,
        /// Where it stands among the labels, counted row by row.
        position: usize,
        /// Valid are 0 to `classes` - 1.
        classes: usize,
    },
    /// A result does not fit its integer type.
    #[error("{op}: the result at position {position} does not fit {dtype}")]
    Overflow {
        /// The operation.
        op: &'static str,
        /// Where the first such result stands in the output, counted row by row.
        position: usize,
        /// The type.
        dtype: DType,
    },
    /// A decomposition does not exist or did not converge.
    #[error("{op}: {reason}")]
    Numerical {
        /// The operation.
        op: &'static str,
        /// What the matrix lacks.
        reason: String,
    },
}

/// Shapes, axes or sizes that do not fit an operation.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct ShapeError(String);

impl ShapeError {
    /// An error with this text; it names the operation and all shapes.
    pub fn new(text: impl Into<String>) -> Self {
        ShapeError(text.into())
    }
}

/// Unwraps a shape rule: a violation is the programmer's error and panics at the caller's line.
///
/// A method rather than `unwrap_or_else` with a closure, because a closure cannot pass the caller's
/// line on.
pub trait OrPanic<T> {
    /// The value.
    ///
    /// # Panics
    /// With the text of the error, if there is one.
    #[track_caller]
    fn or_panic(self) -> T;
}

impl Error {
    /// An index out of range as what it is where the indices are the labels of `op`; any other
    /// error as it stands.
    pub fn of_labels(self, op: &'static str) -> Self {
        match self {
            Error::Index { index, position, size, .. } => {
                Error::Label { op, label: index, position, classes: size }
            }
            other => other,
        }
    }
}

impl<T, E: std::fmt::Display> OrPanic<T> for Result<T, E> {
    #[track_caller]
    #[inline]
    fn or_panic(self) -> T {
        match self {
            Ok(value) => value,
            Err(error) => fail(&error),
        }
    }
}

#[cold]
#[inline(never)]
#[track_caller]
fn fail(error: &dyn std::fmt::Display) -> ! {
    panic!("{error}")
}
