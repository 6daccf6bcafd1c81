//! Running a recorded program: the plan, the executor, and recordings that are replayed.

pub(crate) mod common;
pub(crate) mod known;
mod pass;
pub(crate) mod plan;
mod postpone;
pub mod recording;
pub(crate) mod run;
pub(crate) mod script;
pub(crate) mod signature;
mod stages;
pub(crate) mod straight;

/// Calls `f` with `get` of each operand; without a heap block for as many as operations have as a
/// rule.
#[inline]
fn gathered<O, X, R>(operands: &[O], get: impl Fn(&O) -> X, f: impl FnOnce(&[X]) -> R) -> R {
    match operands {
        [a] => f(&[get(a)]),
        [a, b] => f(&[get(a), get(b)]),
        [a, b, c] => f(&[get(a), get(b), get(c)]),
        many => f(&many.iter().map(get).collect::<Vec<X>>()),
    }
}
