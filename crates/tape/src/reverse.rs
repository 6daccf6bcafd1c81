//! Reverse mode: from a result back to what it was made of.
//!
//! A [`sweep`] records the adjoints of what a result reads. [`grad`] leaves them on the tape as
//! variables, [`backward`] has them computed into [`gradients`], long programs piece by piece
//! ([`pieces`]).

pub(crate) mod backward;
pub(crate) mod grad;
pub(crate) mod gradients;
pub(crate) mod pieces;
pub(crate) mod sweep;
