//! Kernel: index.
