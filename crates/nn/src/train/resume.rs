//! What a training run keeps in its file besides the model, and going on from it.
//!
//! All numbers are tensors, so that they have checksums and every bit: the losses, the learning
//! rate, and for each parameter the running averages (`@optimizer/m/encoder.weight`) and the number
//! of its steps (`@optimizer/steps/encoder.weight`). Text are the settings that must not differ.

use std::collections::BTreeMap;
use std::path::Path;

use tensor::{AnyTensor, DType, Element, Float, Tensor};

use super::{Fit, History, TrainError};
use crate::Module;
use crate::checkpoint::{Checkpoint, CheckpointError, Damage};
use crate::data::Dataset;
use crate::optim::{Kept, Optimizer};

const OPTIMIZER: &str = "@optimizer/";
const STEPS: &str = "steps";

/// The settings a run must be resumed with, as text by keys.
pub(super) type Settings = BTreeMap<String, String>;

impl<M: Module, O: Optimizer, T: Float, Y: Element> Fit<'_, M, O, T, Y> {
    /// The settings of this run; none, and no sample is read, where nothing is saved.
    pub(super) fn settings(&self) -> Settings {
        if self.checkpoint.is_none() {
            return Settings::new();
        }
        let order = if self.shuffle {
            format!("shuffled by seed {}", self.seed)
        } else {
            "in order".into()
        };
        let data = |data: &Dataset<T, Y>, what| {
            format!("{} {what} (checksum {:08x})", data.len(), data.checksum())
        };
        let training = data(self.data, "samples");
        let validation = self.validation.map(|d| data(d, "validation samples"));
        [
            ("fit.optimizer".into(), self.optimizer.settings()),
            ("fit.data".into(), format!("{training}, {} a batch, {order}", self.batch_size)),
            ("fit.validation".into(), validation.unwrap_or_else(|| "no validation".into())),
        ]
        .into()
    }

    /// Writes the checkpoint, if there is to be one.
    pub(super) fn save(&self, settings: &Settings, history: &History) -> Result<(), TrainError> {
        let Some(path) = &self.checkpoint else { return Ok(()) };
        let mut file = self.parameters(path)?;
        file.metadata = settings.clone();
        let state = self.optimizer.state();
        let mut put = |name: String, tensor| file.tensors.insert(name, tensor);
        for (path, kept) in state.kept() {
            let steps = AnyTensor::Usize(Tensor::full([], kept.steps as usize));
            put(format!("{OPTIMIZER}{STEPS}/{path}"), steps);
            for (name, tensor) in &kept.tensors {
                put(format!("{OPTIMIZER}{name}/{path}"), tensor.clone());
            }
        }
        let list = |x: &[f64]| AnyTensor::F64(x.iter().copied().collect());
        put("@learning_rate".into(), list(&[state.learning_rate()]));
        put("@losses".into(), list(&history.losses));
        put("@validation".into(), list(&history.validation));
        let counts = [history.steps as usize, usize::from(history.stopped_early)];
        put("@progress".into(), AnyTensor::Usize(counts.into_iter().collect()));
        Ok(file.write(path)?)
    }

    fn parameters(&self, path: &Path) -> Result<Checkpoint, CheckpointError> {
        let refused = |refusal| CheckpointError::Refused { path: path.into(), refusal };
        Checkpoint::of(self.model).map_err(refused)
    }

    /// The history so far: that of the file, if there is one to resume, else an empty one.
    #[track_caller]
    pub(super) fn begin(&mut self, settings: &Settings) -> Result<History, TrainError> {
        let Some(path) = self.checkpoint.clone() else {
            assert!(self.resume != Some(true), "fit: `resume` needs a `checkpoint` file");
            return Ok(History::default());
        };
        // What cannot be saved is refused now, not after an epoch.
        self.parameters(&path)?;
        let io = |reason| CheckpointError::Io { path: path.clone(), reason };
        match self.resume {
            None if path.try_exists().map_err(io)? => Err(TrainError::Exists { path }),
            None | Some(false) => Ok(History::default()),
            Some(true) => match Checkpoint::read(&path) {
                Err(CheckpointError::Io { reason, .. })
                    if reason.kind() == std::io::ErrorKind::NotFound =>
                {
                    Ok(History::default())
                }
                file => self.resume_from(&file?, settings, &path),
            },
        }
    }

    fn resume_from(
        &mut self,
        file: &Checkpoint,
        settings: &Settings,
        path: &Path,
    ) -> Result<History, TrainError> {
        for (key, given) in settings {
            let saved = file.metadata.get(key).map_or("no such settings", |s| s);
            if saved != given {
                let (path, saved, given) = (path.into(), saved.to_owned(), given.clone());
                return Err(TrainError::Resume { path, saved, given });
            }
        }
        let broken = |damage| CheckpointError::Damaged { path: path.into(), damage };
        let rate = list::<f64>(file, "@learning_rate", Some(1)).map_err(broken)?[0];
        let losses = list::<f64>(file, "@losses", None).map_err(broken)?;
        let validation = list::<f64>(file, "@validation", None).map_err(broken)?;
        let progress = list::<usize>(file, "@progress", Some(2)).map_err(broken)?;
        let kept = kept(file).map_err(broken)?;
        let mismatch = |list| CheckpointError::Mismatch { path: path.into(), list };
        file.restore(self.model).map_err(mismatch)?;
        self.optimizer.state_mut().set_kept(kept);
        self.optimizer.set_learning_rate(rate);
        let steps = progress[0] as u64;
        let mut history = History { losses, validation, steps, stopped_early: false };
        // Not as the file has it: with more patience, or none, the run goes on.
        history.stopped_early = self.patience.is_some_and(|patience| history.stalled(patience));
        Ok(history)
    }
}

fn list<E: Element>(file: &Checkpoint, name: &str, len: Option<usize>) -> Result<Vec<E>, Damage> {
    let found = file.tensors.get(name).and_then(E::of_tensor);
    found.filter(|t| len.is_none_or(|len| t.len() == len)).map(Tensor::to_vec).ok_or_else(|| {
        let reason = "missing, or not what a training run has saved".to_owned();
        Damage::Tensor { name: name.to_owned(), reason }
    })
}

/// What the optimiser keeps, by the parameters' paths.
fn kept(file: &Checkpoint) -> Result<BTreeMap<String, Kept>, Damage> {
    let mut all = BTreeMap::<String, Kept>::new();
    for (full, tensor) in &file.tensors {
        let Some(rest) = full.strip_prefix(OPTIMIZER) else { continue };
        let (name, path) = rest.split_once('/').unwrap_or((rest, ""));
        let kept = all
            .entry(path.to_owned())
            .or_insert_with(|| Kept { steps: 0, tensors: BTreeMap::new() });
        if name == STEPS && tensor.dtype() == DType::Usize {
            kept.steps = list::<usize>(file, full, Some(1))?[0] as u64;
        } else {
            kept.tensors.insert(name.to_owned(), tensor.clone());
        }
    }
    Ok(all)
}
