//! All integration tests, in one binary.

mod support;

/// What evaluation promises (`docs/design.md`), promise by promise.
mod promises {
    mod bits;
    mod custom_ops;
    mod evaluation;
    mod failure;
    mod gradients;
    mod printing;
    mod recording;
    mod retention;
}
/// Deep, wide and tangled programs.
mod graph;
/// What must not grow.
mod memory;
/// Many threads, and as few as a program needs.
mod threads;
