//! What can be wrong with a checkpoint.

use std::fmt;
use std::path::PathBuf;

use tensor::shape::Dims;
use tensor::{DType, Shape};

/// A checkpoint that cannot be written, read, or put into a model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The system refused.
    #[error("{}: {reason}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Its reason.
        reason: std::io::Error,
    },
    /// The file is not what was written, or never was a checkpoint.
    #[error("{}: {damage}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        damage: Damage,
    },
    /// There would be no reading what was to be written. Nothing was written.
    #[error("{}: {refusal}", .path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// What could not be read back.
        refusal: Refusal,
    },
    /// The file is sound, but of another model.
    #[error("{} does not fit the model: {}", .path.display(), Lines(.list))]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// Everything that does not fit.
        list: Vec<Mismatch>,
    },
}

/// What no file can hold. What is not refused is read back as it was.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A name that means something else in a file.
    #[error("no tensor can be named `{name}`")]
    Name {
        /// The name.
        name: String,
    },
    /// A path that would not be taken for one of a parameter.
    #[error("no parameter can have the path `{path}`: `@` marks what belongs to no model")]
    Path {
        /// The path.
        path: String,
    },
    /// A module shows two parameters under one path.
    #[error("two parameters have the path `{path}`")]
    Twice {
        /// The path.
        path: String,
    },
    /// A key of the metadata that is the format's own.
    #[error("the key `{key}` is the format's own")]
    Key {
        /// The key.
        key: String,
    },
    /// Names, shapes and text together are too long.
    #[error("a header of {len} bytes; the limit is {}", super::header::LIMIT)]
    HeaderLength {
        /// Bytes the header would have.
        len: u64,
    },
}

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// It ends too early.
    #[error("truncated: {found} bytes of {expected}")]
    Truncated {
        /// Bytes there should be (at least, if even the header is not whole).
        expected: u64,
        /// Bytes there are.
        found: u64,
    },
    /// It goes on after its last tensor.
    #[error("{found} bytes, but the last tensor ends at byte {expected}")]
    Trailing {
        /// Bytes there should be.
        expected: u64,
        /// Bytes there are.
        found: u64,
    },
    /// The header's length is beyond any sensible one.
    #[error("a header of {len} bytes; the limit is {}", super::header::LIMIT)]
    HeaderLength {
        /// The length.
        len: u64,
    },
    /// The header cannot be understood.
    #[error("header: {0}")]
    Header(String),
    /// What the header says of a tensor makes no sense.
    #[error("tensor `{name}`: {reason}")]
    Tensor {
        /// Its name.
        name: String,
        /// What makes no sense.
        reason: String,
    },
    /// Bytes differ from those that were written.
    #[error("the checksum of {what} is {found:08x}, not {expected:08x}")]
    Checksum {
        /// The header, or a tensor's name.
        what: String,
        /// The checksum in the file.
        expected: u32,
        /// That of the bytes.
        found: u32,
    },
}

/// One way in which a file does not fit a model.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[allow(missing_docs, reason = "the texts say what the fields are")]
pub enum Mismatch {
    /// A parameter that the file does not have.
    #[error("`{path}` is not in the file")]
    Missing { path: String },
    /// A tensor that the model has no place for.
    #[error("`{path}` is not in the model")]
    Unexpected { path: String },
    /// Another shape.
    #[error("`{path}` is {} in the file and {} in the model", Dims(.file), Dims(.model))]
    Shape { path: String, file: Shape, model: Shape },
    /// Another element type.
    #[error("`{path}` is {file} in the file and {model} in the model")]
    DType { path: String, file: DType, model: DType },
}

/// One mismatch after the other.
struct Lines<'a>(&'a [Mismatch]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, mismatch) in self.0.iter().enumerate() {
            write!(f, "{}{mismatch}", if i == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}
