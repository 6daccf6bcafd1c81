//! Kernel: arg.
