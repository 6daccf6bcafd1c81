//! Running a recorded program: the plan, the executor, and recordings that are replayed.

pub(crate) mod plan;
pub mod recording;
pub(crate) mod run;
pub(crate) mod script;
mod stages;
