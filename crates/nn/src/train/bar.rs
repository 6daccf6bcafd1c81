//! The progress bar of a training run.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar on standard error; none where that is no terminal. Removed on drop, so that neither an
/// error nor the end leaves half a line.
pub(super) struct Bar {
    bar: ProgressBar,
    epochs: usize,
}

impl Bar {
    /// A bar of `epochs` times `steps` steps, of which `done` epochs are behind.
    pub(super) fn new(epochs: usize, steps: usize, done: usize, quiet: bool) -> Self {
        let target =
            if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some((epochs * steps) as u64), target);
        let style = ProgressStyle::with_template("{bar:32} {msg}  {elapsed} (left {eta})");
        bar.set_style(style.expect("the template is sound").progress_chars("━╸ "));
        bar.set_position((done * steps) as u64);
        bar.reset_eta();
        Bar { bar, epochs }
    }

    /// One more step of this epoch, counted from 1, whose mean loss so far is `loss`.
    pub(super) fn step(&self, epoch: usize, loss: f64) {
        self.bar.inc(1);
        if !self.bar.is_hidden() {
            self.bar.set_message(format!("epoch {epoch}/{}  loss {loss:.6}", self.epochs));
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
