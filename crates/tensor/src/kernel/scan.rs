//! Kernel: scan.
