//! Arithmetic operators.
