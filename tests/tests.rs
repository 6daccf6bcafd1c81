//! What the crates promise together, in one binary. Each crate tests its own parts beside its code;
//! here stands what only the whole shows, and what others have stumbled over.
//!
//! | module                        | what it holds the project to                                  |
//! |-------------------------------|---------------------------------------------------------------|
//! | [`regression::masked_nan`]    | A: branches not taken, edges of domains, kinks                |
//! | [`regression::pow_prod_max`]  | B: powers, products, largest elements at zeros and ties       |
//! | [`regression::broadcasting`]  | C: gradients of what was broadcast                            |
//! | [`regression::zero_size`]     | D: tensors without elements, and of rank 0                    |
//! | [`regression::strides`]       | E: views in every position, repeated indices                  |
//! | [`tidy`]                      | the conventions of the sources themselves                     |
//!
//! The letters and numbers in the names of regressions count the inputs that broke other libraries;
//! the issue it was found in stands beside each.

mod regression;
mod tidy;
