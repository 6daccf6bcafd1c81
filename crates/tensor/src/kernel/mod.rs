//! Loops over elements. Every kernel reads [views](crate::view::View) of any strides and writes a
//! contiguous `out` that the caller owns; none allocates its result.

mod arg;
mod copy;
mod index;
mod join;
mod matmul;
mod pointwise;
mod reduce;
mod scan;
mod sort;

pub use copy::copy;
pub use index::{gather, gather_shape, index_select, index_select_shape, one_hot, scatter_add};
pub use join::{concat, concat_shape, pad, pad_shape};
pub use matmul::{matmul, matmul_shape};
pub use pointwise::{
    binary, binary_block, binary_update, map, map2, map3, unary, unary_block, unary_update,
};
