//! Training: the loop over epochs and batches, with what a person expects of it.

mod bar;
mod error;
mod resume;

pub use error::TrainError;

use std::path::{Path, PathBuf};

use tape::{EvalError, Tape, Var};
use tensor::{Element, Float};

use crate::Module;
use crate::data::{Batch, Batches, Dataset};
use crate::optim::Optimizer;

/// Trains a model: says what to train, with what, on what; the methods of [`Fit`] say how, and
/// [`Fit::run`] does it.
///
/// ```
/// use nn::prelude::*;
///
/// let data = nn::data::digits().take(200);
/// let mut model = Linear::new(64, 10, &mut nn::rng(7));
/// let mut adam = Adam::new(1e-2);
/// let history = nn::fit(&mut model, &mut adam, &data).epochs(3).batch_size(50).run(
///     |tape, model, batch| {
///         let logits = model.forward(tape.constant(&batch.inputs));
///         loss::cross_entropy(logits, tape.constant(&batch.targets))
///     },
/// )?;
/// assert_eq!((history.losses.len(), history.steps), (3, 12));
/// assert!(history.losses[2] < history.losses[0]);
/// # Ok::<(), nn::TrainError>(())
/// ```
pub fn fit<'a, M: Module, O: Optimizer, T: Float, Y: Element>(
    model: &'a mut M,
    optimizer: &'a mut O,
    data: &'a Dataset<T, Y>,
) -> Fit<'a, M, O, T, Y> {
    Fit {
        model,
        optimizer,
        data,
        validation: None,
        epochs: 1,
        batch_size: 32,
        seed: 0,
        shuffle: true,
        rate: None,
        patience: None,
        checkpoint: None,
        every: 1,
        resume: None,
        quiet: false,
    }
}

/// How a model is trained; see [`fit`].
#[must_use = "nothing is trained before `run`"]
pub struct Fit<'a, M, O, T: Float, Y: Element = i64> {
    model: &'a mut M,
    optimizer: &'a mut O,
    data: &'a Dataset<T, Y>,
    validation: Option<&'a Dataset<T, Y>>,
    epochs: usize,
    batch_size: usize,
    seed: u64,
    shuffle: bool,
    rate: Option<Box<dyn Fn(usize) -> f64 + 'a>>,
    patience: Option<usize>,
    checkpoint: Option<PathBuf>,
    every: usize,
    resume: Option<bool>,
    quiet: bool,
}

/// What a training run has seen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// For each epoch the mean of the losses of its batches, each weighted by its number of samples
    /// and taken before the step it led to.
    pub losses: Vec<f64>,
    /// For each epoch the mean loss over the validation data after it; empty without such data.
    pub validation: Vec<f64>,
    /// Steps of the optimiser.
    pub steps: u64,
    /// Whether the run ended early, because the loss had stopped falling.
    pub stopped_early: bool,
}

impl<'a, M: Module, O: Optimizer, T: Float, Y: Element> Fit<'a, M, O, T, Y> {
    /// How often to go over the data: once by default. A run that is resumed counts the epochs
    /// before.
    pub fn epochs(mut self, epochs: usize) -> Self {
        self.epochs = epochs;
        self
    }

    /// Samples in a batch: 32 by default. The last batch of an epoch has what is left; its step is
    /// as long as the others, so a size that leaves a handful of samples over makes a noisy step.
    ///
    /// # Panics
    /// When it is 0.
    #[track_caller]
    pub fn batch_size(mut self, size: usize) -> Self {
        assert!(size > 0, "fit: a batch size of 0");
        self.batch_size = size;
        self
    }

    /// Fixes the order of the samples: 0 by default. Each epoch has an order of its own, which
    /// depends on the seed and the epoch alone.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Whether each epoch has the samples in another random order: true by default.
    pub fn shuffle(mut self, shuffle: bool) -> Self {
        self.shuffle = shuffle;
        self
    }

    /// Sets the learning rate at the beginning of each epoch, to a function of the number of epochs
    /// before it.
    pub fn learning_rate(mut self, rate: impl Fn(usize) -> f64 + 'a) -> Self {
        self.rate = Some(Box::new(rate));
        self
    }

    /// Computes the loss of these samples too, after each epoch and without learning from them.
    pub fn validation(mut self, data: &'a Dataset<T, Y>) -> Self {
        self.validation = Some(data);
        self
    }

    /// Ends the run when the loss (of the validation data, if there is any) has not become less
    /// than the least so far for this many epochs in a row.
    ///
    /// # Panics
    /// When it is 0.
    #[track_caller]
    pub fn early_stop(mut self, patience: usize) -> Self {
        assert!(patience > 0, "fit: an early stop after 0 epochs");
        self.patience = Some(patience);
        self
    }

    /// Saves the run to this file after each epoch: model, optimiser and history.
    /// [`checkpoint::load`](crate::checkpoint::load) reads the model from it.
    ///
    /// A file that exists may be hours of work, so [`resume`](Self::resume) has to say what becomes
    /// of it; without, [`run`](Self::run) refuses to begin.
    pub fn checkpoint(mut self, path: impl AsRef<Path>) -> Self {
        self.checkpoint = Some(path.as_ref().into());
        self
    }

    /// Saves after every `epochs` epochs only, and after the last.
    ///
    /// # Panics
    /// When it is 0.
    #[track_caller]
    pub fn checkpoint_every(mut self, epochs: usize) -> Self {
        assert!(epochs > 0, "fit: a checkpoint every 0 epochs");
        self.every = epochs;
        self
    }

    /// Whether to go on with the run in the checkpoint file. With `true` the run goes on if the
    /// file exists, else begins anew; the outcome has the same bits as that of a run that was never
    /// interrupted. With `false` it begins anew, and the file is overwritten.
    ///
    /// All that model and optimiser have learned is taken from the file, the learning rate
    /// included. The rest must be as in the run that was saved. Optimiser, batch size, order,
    /// training and validation data are compared, and a difference is an error. The loss and the
    /// schedule of the learning rate are functions, which cannot be compared: that they are the
    /// same is up to the caller. The number of epochs and the patience may differ.
    ///
    /// ```
    /// use nn::prelude::*;
    /// # let dir = std::env::temp_dir().join(format!("rewind-resume-doc-{}", std::process::id()));
    /// # std::fs::create_dir_all(&dir)?;
    /// # let path = dir.join("run.safetensors");
    ///
    /// let (train, test) = nn::data::digits().take(300).split(0.8, &mut nn::rng(1));
    /// let run = |epochs| {
    ///     let mut model = Linear::new(64, 10, &mut nn::rng(7));
    ///     let mut adam = Adam::new(1e-2);
    ///     nn::fit(&mut model, &mut adam, &train)
    ///         .epochs(epochs)
    ///         .validation(&test)
    ///         .early_stop(3)
    ///         .checkpoint(&path)
    ///         .resume(true)
    ///         .run(|tape, model, batch| {
    ///             let logits = model.forward(tape.constant(&batch.inputs));
    ///             loss::cross_entropy(logits, tape.constant(&batch.targets))
    ///         })
    /// };
    /// let first = run(2)?;
    /// let all = run(5)?; // as if the program had been started again
    /// assert_eq!(all.losses[..2], first.losses[..]);
    /// assert_eq!((all.losses.len(), all.validation.len()), (5, 5));
    /// assert!(all.validation[4] < all.validation[0]);
    /// # std::fs::remove_dir_all(&dir)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// [`run`](Self::run) does after `resume(true)` without a [`checkpoint`](Self::checkpoint).
    pub fn resume(mut self, resume: bool) -> Self {
        self.resume = Some(resume);
        self
    }

    /// Shows no progress bar. (Nor is one shown where standard error is no terminal.)
    pub fn quiet(mut self) -> Self {
        self.quiet = true;
        self
    }

    /// Trains. `loss` records the loss of a batch: a scalar, as a rule a mean over the samples.
    ///
    /// # Errors
    /// See [`TrainError`]. The model stays as it was before the step that failed.
    ///
    /// # Panics
    /// When the loss has more than one element, or when it is to [`resume`](Self::resume) and there
    /// is no [`checkpoint`](Self::checkpoint).
    #[track_caller]
    pub fn run<F>(mut self, loss: F) -> Result<History, TrainError>
    where
        F: for<'t> Fn(&'t Tape, &M, &Batch<T, Y>) -> Var<'t, T>,
    {
        if self.data.is_empty() || self.validation.is_some_and(Dataset::is_empty) {
            return Err(TrainError::NoSamples);
        }
        let settings = self.settings();
        let mut history = self.begin(&settings)?;
        let per_epoch = self.data.len().div_ceil(self.batch_size);
        let bar = bar::Bar::new(self.epochs, per_epoch, history.losses.len(), self.quiet);
        while history.losses.len() < self.epochs && !history.stopped_early {
            let epoch = history.losses.len();
            if let Some(rate) = &self.rate {
                self.optimizer.set_learning_rate(rate(epoch));
            }
            let mean = self.epoch(epoch, &loss, &bar)?;
            history.losses.push(mean);
            history.steps += per_epoch as u64;
            if let Some(data) = self.validation {
                let epoch = epoch + 1;
                let mean = self
                    .validate(data, &loss)
                    .map_err(|reason| TrainError::Validation { epoch, reason })?;
                if !mean.is_finite() {
                    return Err(TrainError::NonFiniteValidation { epoch, loss: mean });
                }
                history.validation.push(mean);
            }
            history.stopped_early = self.patience.is_some_and(|patience| history.stalled(patience));
            let last = history.losses.len() == self.epochs || history.stopped_early;
            if last || history.losses.len().is_multiple_of(self.every) {
                self.save(&settings, &history)?;
            }
        }
        Ok(history)
    }

    /// One pass over the data, after `epoch` others; returns the mean loss.
    #[track_caller]
    fn epoch<F>(&mut self, epoch: usize, loss: &F, bar: &bar::Bar) -> Result<f64, TrainError>
    where
        F: for<'t> Fn(&'t Tape, &M, &Batch<T, Y>) -> Var<'t, T>,
    {
        let mut tape = Tape::new();
        let mut mean = Mean::default();
        let batches = self.batches(epoch);
        let epoch = epoch + 1;
        for (step, batch) in (1..).zip(batches) {
            let loss = loss(&tape, self.model, &batch);
            let grads =
                tape.gradients(loss).map_err(|reason| TrainError::Loss { epoch, step, reason })?;
            let loss = loss.item().wide();
            if !loss.is_finite() {
                return Err(TrainError::NonFiniteLoss { epoch, step, loss });
            }
            // The tape shares the parameters' buffers: forgotten now, it lets the step work in
            // place.
            tape.reset();
            self.optimizer.step(self.model, &grads).map_err(|reason| TrainError::Step {
                epoch,
                step,
                reason,
            })?;
            mean.add(loss, batch.inputs.shape()[0]);
            bar.step(epoch, mean.value());
        }
        Ok(mean.value())
    }

    fn batches(&self, epoch: usize) -> Batches<T, Y> {
        if !self.shuffle {
            return self.data.ordered_batches(self.batch_size);
        }
        // Each epoch reads a stream of its own, so that a resumed run needs no generator's state.
        let mut rng = tensor::rng(self.seed);
        rng.set_stream(epoch as u64);
        self.data.batches(self.batch_size, &mut rng)
    }

    fn validate<F>(&self, data: &Dataset<T, Y>, loss: &F) -> Result<f64, EvalError>
    where
        F: for<'t> Fn(&'t Tape, &M, &Batch<T, Y>) -> Var<'t, T>,
    {
        let mut tape = Tape::inference();
        let mut mean = Mean::default();
        for batch in data.ordered_batches(self.batch_size) {
            let value = tape.eval(loss(&tape, self.model, &batch))?;
            mean.add(value.item().wide(), batch.inputs.shape()[0]);
            tape.reset();
        }
        Ok(mean.value())
    }
}

impl History {
    /// Whether the last `patience` epochs have brought no loss below the least before them.
    fn stalled(&self, patience: usize) -> bool {
        let losses = if self.validation.is_empty() { &self.losses } else { &self.validation };
        let mut least = f64::INFINITY;
        let mut since = 0;
        for &loss in losses {
            since = if loss < least { 0 } else { since + 1 };
            least = least.min(loss);
        }
        since >= patience
    }
}

/// A mean over samples, from means over batches.
#[derive(Default)]
struct Mean {
    sum: f64,
    samples: usize,
}

impl Mean {
    fn add(&mut self, mean: f64, samples: usize) {
        self.sum += mean * samples as f64;
        self.samples += samples;
    }

    fn value(&self) -> f64 {
        self.sum / self.samples as f64
    }
}

#[cfg(test)]
mod tests;
