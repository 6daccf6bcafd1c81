//! What can go wrong while a tape is evaluated, and why a gradient is missing.

use std::fmt;
use std::panic::Location;

/// A node could not be computed from its inputs: a failure that depends on data.
///
/// It says all there is to say itself and has no `source()`, so that a report of a chain of errors
/// says nothing twice.
#[derive(Clone, Debug, PartialEq)]
pub struct EvalError {
    /// The operation of the node.
    pub op: String,
    /// Where the program recorded the node.
    pub at: &'static Location<'static>,
    /// What was wrong with the data.
    pub reason: tensor::Error,
}

impl std::error::Error for EvalError {}

impl fmt::Display for EvalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let EvalError { op, at, reason } = self;
        let text = reason.to_string();
        // A label is the affair of whoever took labels, not of the node that looked them up.
        let named = matches!(reason, tensor::Error::Label { .. })
            || text.strip_prefix(op.as_str()).is_some_and(|rest| rest.starts_with(':'));
        match named {
            true => write!(f, "{text}, recorded at {at}"),
            false => write!(f, "{op}: {text}, recorded at {at}"),
        }
    }
}

/// The node that failed last; see [`Tape::failure`](crate::Tape::failure).
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// Its number on the tape, as printed by `println!("{tape}")`. The number of an adjoint that
    /// [`backward`](crate::Var::backward) has taken off again is past the end.
    pub node: usize,
    /// Its operation.
    pub op: String,
    /// Where the program recorded it.
    pub at: &'static Location<'static>,
}

/// Why there is no gradient: never a silent zero.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum NoGradient {
    /// The parameter was never bound on this tape.
    #[error("the parameter was not used on this tape; a clone has parameters of its own")]
    NotOnTape,
    /// The result does not depend on it.
    #[error("the result at {of} does not depend on it")]
    Unreached {
        /// Where the result was recorded.
        of: &'static Location<'static>,
    },
    /// Every path to it leads through an operation that passes no derivative on.
    #[error("the path stops at `{op}`, recorded at {at}, which passes no derivative on")]
    Stopped {
        /// The operation.
        op: String,
        /// Where it was recorded.
        at: &'static Location<'static>,
    },
    /// The parameter is frozen.
    #[error("the parameter is frozen")]
    Frozen,
    /// The tape was made by [`Tape::inference`](crate::Tape::inference).
    #[error("the tape was made for inference and tracks no derivatives")]
    Inference,
    /// It was recorded as a constant.
    #[error("it was recorded as a constant, at {at}")]
    Constant {
        /// Where.
        at: &'static Location<'static>,
    },
}
