//! Checkpoints: the parameters of a module in a file, in the safetensors format.
//!
//! A file that was written is whole: it replaces the one before in one step, after its bytes have
//! reached the disk. A file that was read is whole too: every tensor and the header carry a
//! CRC-32, so that neither a lost tail nor a flipped bit goes unnoticed. The checksums stand in
//! the file's metadata, where other tools ignore them; files of other tools, which have none, are
//! read as well.
//!
//! ```
//! use nn::prelude::*;
//! # let dir = std::env::temp_dir().join(format!("rewind-checkpoint-doc-{}", std::process::id()));
//! # std::fs::create_dir_all(&dir)?;
//! # let path = dir.join("model.safetensors");
//!
//! let mut rng = nn::rng(0);
//! let model = Linear::<f32>::new(3, 2, &mut rng);
//! nn::checkpoint::save(&path, &model)?;
//!
//! let mut other = Linear::<f32>::new(3, 2, &mut rng);
//! nn::checkpoint::load(&path, &mut other)?;
//! assert_eq!(other.weight.value(), model.weight.value());
//! # std::fs::remove_dir_all(&dir)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod file;
mod format;
mod header;

pub use error::{CheckpointError, Damage, Mismatch, Refusal};

use std::collections::BTreeMap;
use std::path::Path;

use tensor::{AnyTensor, Float, Tensor};

use crate::{Module, ParamMut};

/// Writes the parameters of a module to a file, each under its path. The file is replaced whole or
/// not at all, and has reached the disk when this returns.
///
/// # Errors
/// When the file cannot be written, or could not be read back; a file that was there before is
/// still there then.
pub fn save<M: Module + ?Sized>(path: impl AsRef<Path>, model: &M) -> Result<(), CheckpointError> {
    let path = path.as_ref();
    let refused = |refusal| CheckpointError::Refused { path: path.into(), refusal };
    Checkpoint::of(model).map_err(refused)?.write(path)
}

/// Reads the parameters of a module from a file. Which of them are frozen stays as it is.
///
/// # Errors
/// When the file cannot be read, is damaged, or does not hold exactly the parameters of the module:
/// the same paths, shapes and element types. Then nothing has changed.
pub fn load<M: Module + ?Sized>(
    path: impl AsRef<Path>,
    model: &mut M,
) -> Result<(), CheckpointError> {
    let path = path.as_ref();
    let read = Checkpoint::read(path)?;
    read.restore(model).map_err(|list| CheckpointError::Mismatch { path: path.into(), list })
}

/// What a file holds: named tensors, and text by keys.
///
/// Names that begin with `@` are not those of parameters: [`fit`](crate::fit) keeps there what a
/// run needs besides the model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checkpoint {
    /// The tensors.
    pub tensors: BTreeMap<String, AnyTensor>,
    /// The text. The keys `rewind.format`, `rewind.crc32` and those that begin with `rewind.crc32.`
    /// are the format's own.
    pub metadata: BTreeMap<String, String>,
}

impl Checkpoint {
    /// The parameters of a module, each under its path.
    ///
    /// # Errors
    /// When two parameters have one path, or one has a path that begins with `@`: they could not be
    /// [restored](Self::restore).
    pub fn of<M: Module + ?Sized>(model: &M) -> Result<Self, Refusal> {
        let (mut all, mut refusal) = (Checkpoint::default(), None);
        model.for_each_param(&mut |path, param| {
            let own = || path.to_owned();
            if path.starts_with('@') {
                refusal.get_or_insert(Refusal::Path { path: own() });
            }
            if all.tensors.insert(own(), param.value()).is_some() {
                refusal.get_or_insert(Refusal::Twice { path: own() });
            }
        });
        refusal.map_or(Ok(all), Err)
    }

    /// Puts the parameters into a module. Tensors whose names begin with `@` are left alone.
    ///
    /// # Errors
    /// Everything that does not fit, at once; then nothing has changed.
    pub fn restore<M: Module + ?Sized>(&self, model: &mut M) -> Result<(), Vec<Mismatch>> {
        let mut unknown: BTreeMap<_, _> =
            self.tensors.iter().filter(|(name, _)| !name.starts_with('@')).collect();
        let mut list = Vec::new();
        model.for_each_param(&mut |path, param| {
            let path = path.to_owned();
            match unknown.remove(&path) {
                None => list.push(Mismatch::Missing { path }),
                Some(tensor) if tensor.dtype() != param.dtype() => {
                    let (file, model) = (tensor.dtype(), param.dtype());
                    list.push(Mismatch::DType { path, file, model });
                }
                Some(tensor) if tensor.shape() != param.shape() => {
                    let (file, model) = (tensor.shape().into(), param.shape().into());
                    list.push(Mismatch::Shape { path, file, model });
                }
                Some(_) => {}
            }
        });
        list.extend(unknown.into_keys().map(|path| Mismatch::Unexpected { path: path.clone() }));
        if !list.is_empty() {
            return Err(list);
        }
        model.for_each_param_mut(&mut |path, param| match param {
            ParamMut::F32(p) => p.set(self.tensor(path)),
            ParamMut::F64(p) => p.set(self.tensor(path)),
        });
        Ok(())
    }

    /// The tensor of this name, which is known to be there and of this type.
    fn tensor<T: Float>(&self, name: &str) -> Tensor<T> {
        T::of_tensor(&self.tensors[name]).expect("the type has been compared").clone()
    }

    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read or is damaged.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, CheckpointError> {
        let path = path.as_ref();
        let io = |reason| CheckpointError::Io { path: path.into(), reason };
        let bytes = std::fs::read(path).map_err(io)?;
        format::decode(&bytes)
            .map_err(|damage| CheckpointError::Damaged { path: path.into(), damage })
    }

    /// Replaces a file, as [`save`] does.
    ///
    /// # Errors
    /// When it cannot be written, or could not be read back; a file that was there before is still
    /// there then.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), CheckpointError> {
        let path = path.as_ref();
        let bytes = format::encode(self)
            .map_err(|refusal| CheckpointError::Refused { path: path.into(), refusal })?;
        file::replace(path, &bytes)
            .map_err(|reason| CheckpointError::Io { path: path.into(), reason })
    }
}

#[cfg(test)]
mod tests;
