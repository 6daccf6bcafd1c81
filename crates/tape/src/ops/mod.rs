//! The operations, one file each or one close family.
//!
//! A file holds the operation's type, its shape rule, its kernel call, its derivative, the method on
//! [`Var`](crate::Var), and the test row that generates its battery. Adding one is that file and a
//! line here; see `docs/adding-an-op.md`.

pub mod arithmetic;
pub mod broadcast;
pub mod permute;
pub mod reshape;
pub mod sum;
pub mod tanh;
