//! The memory of gradients that were dropped, for the next ones of the same program.

use std::sync::{Arc, Mutex};

use super::{Entry, Gradients};
use crate::error::NoGradient;
use crate::param::ParamId;
use crate::replay::script::Script;

/// What the script of a tiny program shares with the gradients it gave away: when they are dropped
/// they leave their list and its tensors here, and the next run writes over them. So it allocates
/// nothing as long as the gradients of one run are dropped before the next. (Rejected: tensors
/// that the script holds on to. Whoever changes a gradient in place, as clipping does, would have
/// to copy it.)
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

/// Puts gradients together: the first `done` entries, and behind them what was left of
/// earlier ones.
pub(crate) struct Builder {
    entries: Entries,
    done: usize,
    home: Option<Spare>,
}

impl Builder {
    /// Nothing made yet, in the memory that `home` has.
    pub(crate) fn new(home: Option<&Spare>) -> Self {
        Builder { entries: home.map(Spare::take).unwrap_or_default(), done: 0, home: home.cloned() }
    }

    /// The gradient of `param` is output `i` of a script.
    pub(crate) fn output(&mut self, param: ParamId, script: &Script, i: usize) {
        let written = |entry: &mut Entry| match entry {
            Ok(tensor) => script.write_output(i, tensor),
            Err(_) => false,
        };
        if !self.reuse(param, written) {
            self.put(param, Ok(script.output(i)));
        }
    }

    /// There is none of `param`.
    pub(crate) fn none(&mut self, param: ParamId, why: &NoGradient) {
        if !self.reuse(param, |entry| matches!(entry, Err(left) if left == why)) {
            self.put(param, Err(why.clone()));
        }
    }

    /// Gives `param` the first entry left over that `fits`, which may be made to: as a rule the one
    /// that stands next. Tells whether there was one.
    fn reuse(&mut self, param: ParamId, fits: impl Fn(&mut Entry) -> bool) -> bool {
        let left = &mut self.entries[self.done..];
        let Some(place) = left.iter_mut().position(|(_, entry)| fits(entry)) else { return false };
        if place > 0 {
            left.swap(0, place); // which would copy an entry that stands there already
        }
        left[0].0 = param;
        self.done += 1;
        true
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

#[cfg(test)]
mod tests {
    use crate::{Param, Recording, spec};
    use tensor::{Tensor, tensor};

    #[test]
    fn gradients_that_are_held_are_not_written_over() {
        let (p, q) = (Param::new(tensor![1.0, 2.0]), Param::new(tensor![3.0]));
        let mut step = Recording::new(spec::<f64>([2]), |tape, x| {
            (tape.param(&p) * x).sum() + tape.param(&q).sum() * x.sum()
        });
        let mut replay = |x: Tensor<f64>| step.replay(&[&p, &q], x).unwrap().1;
        let first = replay(tensor![1.0, 2.0]);
        let (second, taken) = (replay(tensor![3.0, 4.0]), first[&p].clone());
        drop(first);
        let mut third = replay(tensor![5.0, 6.0]);
        assert_eq!((&taken, &second[&p]), (&tensor![1.0, 2.0], &tensor![3.0, 4.0]));
        // What was changed, put or renamed before it was dropped leaves no trace.
        third.clip_norm(1.0);
        third.set(&Param::new(tensor![7.0]), tensor![8.0]);
        let (other, id) = (Param::new(tensor![0.0, 0.0]), p.id());
        third.rename(|of| if of == id { other.id() } else { of });
        assert!(third.get(&p).is_err() && third.len() == 3);
        let copy = third.clone();
        drop(third);
        let fourth = replay(tensor![9.0, 1.0]);
        assert_eq!((&fourth[&p], &fourth[&q]), (&tensor![9.0, 1.0], &tensor![10.0]));
        assert!(fourth.len() == 2 && fourth.get(&other).is_err());
        assert!((copy.norm() - 1f64.hypot(8.0)).abs() < 1e-12);
    }
}
