//! Joining, splitting and padding.
