//! Kernel: join.
