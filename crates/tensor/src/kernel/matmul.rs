//! Kernel: matmul.
