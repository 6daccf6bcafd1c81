//! Reductions over all or some axes.
