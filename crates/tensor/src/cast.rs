//! Between element types.
