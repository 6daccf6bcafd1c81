//! Decompositions, through `faer`.
