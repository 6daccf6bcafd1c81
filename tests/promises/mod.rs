//! What evaluation promises, promise by promise.

mod bits;
mod custom_ops;
mod evaluation;
mod failure;
mod gradients;
mod printing;
mod recording;
mod retention;
