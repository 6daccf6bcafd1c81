//! What can be wrong with data.

use std::path::PathBuf;

use tensor::Shape;
use tensor::shape::Dims;

/// Data that cannot be read, or does not fit together.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The inputs have no axis of samples.
    #[error("inputs of shape [] have no axis of samples")]
    NoSamples,
    /// There must be one label a sample.
    #[error("inputs of shape {} need labels of shape [{}], not {}", Dims(.inputs), .inputs[0], Dims(.labels))]
    Labels {
        /// Shape of the inputs.
        inputs: Shape,
        /// Shape of the labels.
        labels: Shape,
    },
    /// There must be one target a sample.
    #[error("inputs of shape {} need targets of shape [{}, ..], not {}", Dims(.inputs), .inputs[0], Dims(.targets))]
    Targets {
        /// Shape of the inputs.
        inputs: Shape,
        /// Shape of the targets.
        targets: Shape,
    },
    /// A file cannot be opened or read.
    #[error("{}: {reason}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: std::io::Error,
    },
    /// A file ends too early.
    #[error("{}: ends at byte {offset} (after decompression), but its header announces {expected} bytes", .path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Where it ends.
        offset: u64,
        /// How long it should be.
        expected: u64,
    },
    /// A file goes on after its end.
    #[error("{}: goes on after byte {offset} (after decompression), where its header says it ends", .path.display())]
    Trailing {
        /// The file.
        path: PathBuf,
        /// Where it should end.
        offset: u64,
    },
    /// Bytes in a file that mean something else than they should.
    #[error("{}: byte {offset}: {reason}", .path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Where the bytes stand.
        offset: u64,
        /// What was found, and what was expected.
        reason: String,
    },
}
