//! Kernel: sort.
