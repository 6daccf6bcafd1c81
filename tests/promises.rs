//! What evaluation promises, promise by promise.

mod alike;
mod bits;
mod custom_ops;
mod evaluation;
mod failure;
mod fusion;
mod gradients;
mod known;
mod loops;
mod pieces;
mod printing;
mod recording;
mod retention;
