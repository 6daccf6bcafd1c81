//! Why a training run can stop.

use std::path::PathBuf;

use tape::EvalError;

use crate::checkpoint::CheckpointError;
use crate::optim::OptimError;

/// Why a run has stopped. The parameters are as they were before the step that failed. Epochs, and
/// steps within an epoch, are counted from 1, as the progress bar counts them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// There is nothing to learn from, or nothing to validate with.
    #[error("the data has no samples")]
    NoSamples,
    /// The loss of a batch is infinite or not a number.
    #[error("the loss is {loss} in epoch {epoch}, step {step}")]
    NonFiniteLoss {
        /// Epoch.
        epoch: usize,
        /// Step within the epoch.
        step: usize,
        /// The loss.
        loss: f64,
    },
    /// The loss of a batch cannot be computed from its data.
    #[error("epoch {epoch}, step {step}: {reason}")]
    Loss {
        /// Epoch.
        epoch: usize,
        /// Step within the epoch.
        step: usize,
        /// The operation that failed.
        reason: EvalError,
    },
    /// The optimiser has refused the gradients.
    #[error("epoch {epoch}, step {step}: {reason}")]
    Step {
        /// Epoch.
        epoch: usize,
        /// Step within the epoch.
        step: usize,
        /// Its reason.
        reason: OptimError,
    },
    /// The loss of the validation data cannot be computed. The parameters are those after the
    /// epoch.
    #[error("validation after epoch {epoch}: {reason}")]
    Validation {
        /// Epoch.
        epoch: usize,
        /// The operation that failed.
        reason: EvalError,
    },
    /// The loss of the validation data is infinite or not a number. The parameters are those after
    /// the epoch.
    #[error("the validation loss is {loss} after epoch {epoch}")]
    NonFiniteValidation {
        /// Epoch.
        epoch: usize,
        /// The loss.
        loss: f64,
    },
    /// The checkpoint cannot be written, or not be read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The checkpoint file exists, and nothing says whether it may be overwritten.
    #[error(
        "{}: the file exists; `.resume(true)` goes on with the run in it, `.resume(false)` \
         overwrites it",
        .path.display()
    )]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The checkpoint is of a run with other settings, and to go on would give neither run.
    #[error("{}: the run was saved with {saved}, not with {given}", .path.display())]
    Resume {
        /// The file.
        path: PathBuf,
        /// The settings in the file.
        saved: String,
        /// The present settings.
        given: String,
    },
}
