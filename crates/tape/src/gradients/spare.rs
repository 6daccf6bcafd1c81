//! The memory of gradients that were dropped, for the next ones of the same program.

use std::sync::{Arc, Mutex};

use super::{Entry, Gradients};
use crate::error::NoGradient;
use crate::param::ParamId;
use crate::replay::script::Script;

/// What the script of a tiny program shares with the gradients it gave away: when they are dropped they
/// leave their list and its tensors here, and the next run writes over them. So it allocates nothing as
/// long as the gradients of one run are dropped before the next. (Rejected: tensors that the script
/// holds on to. Whoever changes a gradient in place, as clipping does, would have to copy it.)
#[derive(Clone, Debug, Default)]
pub(crate) struct Spare(Arc<Mutex<Entries>>);

type Entries = Vec<(ParamId, Entry)>;

impl Spare {
    fn take(&self) -> Entries {
        self.0.lock().map(|mut left| std::mem::take(&mut *left)).unwrap_or_default()
    }
}

impl Drop for Gradients {
    fn drop(&mut self) {
        let Some(Spare(home)) = &self.home else { return };
        if let Ok(mut left) = home.lock() {
            *left = std::mem::take(&mut self.entries);
        }
    }
}

/// Gradients in the making: `done` entries, and behind them what was left of earlier ones.
pub(crate) struct Making {
    entries: Entries,
    done: usize,
    home: Option<Spare>,
}

impl Making {
    /// Nothing made yet, in the memory that `home` has.
    pub(crate) fn new(home: Option<&Spare>) -> Self {
        Making { entries: home.map(Spare::take).unwrap_or_default(), done: 0, home: home.cloned() }
    }

    /// The gradient of `param` is output `i` of a script.
    pub(crate) fn output(&mut self, param: ParamId, script: &Script, i: usize) {
        match self.left(|entry| entry.as_ref().is_ok_and(|tensor| script.fits(i, tensor))) {
            Some((Ok(tensor), id)) => {
                script.write_output(i, tensor);
                *id = param;
            }
            _ => self.put(param, Ok(script.output(i))),
        }
    }

    /// There is none of `param`.
    pub(crate) fn none(&mut self, param: ParamId, why: &NoGradient) {
        match self.left(|entry| entry.as_ref().is_err_and(|left| left == why)) {
            Some((_, id)) => *id = param,
            None => self.put(param, Err(why.clone())),
        }
    }

    /// The next entry, if one that `fits` was left: as a rule it is the one that stands there.
    fn left(&mut self, fits: impl Fn(&Entry) -> bool) -> Option<(&mut Entry, &mut ParamId)> {
        let left = &mut self.entries[self.done..];
        let place = left.iter().position(|(_, entry)| fits(entry))?;
        left.swap(0, place);
        self.done += 1;
        let (id, entry) = &mut left[0];
        Some((entry, id))
    }

    fn put(&mut self, param: ParamId, entry: Entry) {
        self.entries.insert(self.done, (param, entry));
        self.done += 1;
    }

    pub(crate) fn finish(mut self) -> Gradients {
        self.entries.truncate(self.done);
        self.entries.sort_unstable_by_key(|&(id, _)| id);
        Gradients { entries: self.entries, inference: false, home: self.home }
    }
}
