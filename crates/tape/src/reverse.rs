//! Reverse mode: from a result back to what it was made of.
//!
//! A [`walk`] finds what a result reads, a [`sweep`] records the adjoints of it. [`grad`] leaves
//! them on the tape as variables, [`backward`] has them computed into [`gradients`], long programs
//! piece by piece ([`pieces`]).

pub(crate) mod backward;
pub(crate) mod grad;
pub(crate) mod gradients;
pub(crate) mod pieces;
pub(crate) mod sweep;
pub(crate) mod walk;
