//! The operations, one file each or one close family.
//!
//! A file holds the operation's type, its shape rule, its kernel call, its derivative, the method
//! on [`Var`](crate::Var), and the test row that generates its battery. Adding one is that file and
//! a line here; see `docs/adding-an-op.md`.

pub mod abs;
pub mod arithmetic;
#[cfg(test)]
mod battery;
pub mod broadcast;
pub mod cast;
pub mod clamp;
pub mod compare;
pub mod concat;
pub mod cumsum;
pub mod detach;
pub mod diagonal;
pub mod erf;
pub mod exp;
pub mod extremum;
pub mod flip;
pub mod gather;
pub mod ln;
pub mod logic;
pub mod logsumexp;
pub mod matmul;
pub mod maximum;
pub mod mean;
pub mod norm;
pub mod one_hot;
pub mod order;
pub mod pad;
pub mod permute;
pub mod place;
pub mod pow;
pub mod prod;
pub mod relu;
pub mod reshape;
pub mod select;
pub mod sigmoid;
pub mod slice;
pub mod softmax;
pub mod sqrt;
pub mod square;
pub mod steps;
pub mod sum;
pub mod tanh;
pub mod trig;
pub mod variance;
