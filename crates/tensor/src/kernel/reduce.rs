//! Kernel: reduce.
