//! Loops over elements. Every kernel reads [views](crate::view::View) of any strides and writes a
//! contiguous `out` that the caller owns; none allocates its result.

mod arg;
mod copy;
pub mod fold;
mod index;
mod join;
mod matmul;
mod misfit;
mod place;
mod pointwise;
mod reduce;
mod scan;
mod sort;
mod square;

pub use crate::cast::cast_block;
pub use arg::{argmax, argmin};
pub(crate) use copy::crosses;
pub use copy::{assign, copy};
pub use fold::RowSums;
pub use index::{
    gather, gather_shape, index_select, index_select_shape, one_hot, scatter_add, scatter_add_shape,
};
pub use join::{concat, concat_shape, pad, pad_shape};
pub use matmul::{matmul, matmul_shape};
pub use place::{Window, place};
pub use pointwise::{
    binary, binary_block, binary_update, check_exponent, fill, map, map_block, map2, map2_block,
    map3, select_block, sequence, unary, unary_block, unary_update, update, update2,
};
pub use reduce::{all, any, extremum_shape, logsumexp, max, mean, min, norm, prod, std, sum, var};
pub use scan::cumsum;
pub use sort::{argsort, sort};
