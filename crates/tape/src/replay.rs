//! Programs that run again with other values: recordings, and what `backward` recognises.

pub(crate) mod known;
pub(crate) mod recording;
pub(crate) mod script;
pub(crate) mod signature;
