//! What the crates promise together, in one binary. Each crate tests its own parts beside its code;
//! here stands what only the whole shows, and what others have stumbled over.
//!
//! | module                        | what it holds the project to                                  |
//! |-------------------------------|---------------------------------------------------------------|
//! | [`promises`]                  | what evaluation promises (`docs/design.md`), promise by promise |
//! | [`lecture`]                   | the lecture, statement by statement (`docs/lecture.md`)       |
//! | [`graph`]                     | deep, wide and tangled programs                               |
//! | [`memory`]                    | what must not grow                                            |
//! | [`threads`]                   | many threads, and as few as a program needs                   |
//! | [`training`]                  | that training arrives where the theory says                   |
//! | [`regression::masked_nan`]    | A: branches not taken, edges of domains, kinks                |
//! | [`regression::pow_prod_max`]  | B: powers, products, largest elements at zeros and ties       |
//! | [`regression::broadcasting`]  | C: gradients of what was broadcast                            |
//! | [`regression::zero_size`]     | D: tensors without elements, and of rank 0                    |
//! | [`regression::strides`]       | E: views in every position, repeated indices                  |
//! | [`docs`]                      | that the pages of documentation link to what exists           |
//! | [`tidy`]                      | the conventions of the sources, and the names in the atlas    |
//!
//! The letters and numbers in the names of regressions count the inputs that broke other libraries;
//! the issue it was found in stands beside each.

mod docs;
mod graph;
mod lecture;
mod memory;
mod promises;
mod regression;
mod support;
mod threads;
mod tidy;
mod training;
