//! Comparisons, masks and choices.
