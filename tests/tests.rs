//! What the crates promise together, in one binary. Each crate tests its own parts beside its code;
//! here stands what only the whole shows, and what others have stumbled over.
//!
//! | module                       | what it holds the project to                               |
//! |------------------------------|------------------------------------------------------------|
//! | [`promises`]                 | what evaluation promises (`docs/design.md`), one by one    |
//! | [`lecture`]                  | the lecture, statement by statement (`docs/lecture.md`)    |
//! | [`graph`]                    | deep, wide and tangled programs                            |
//! | [`memory`]                   | what must not grow                                         |
//! | [`threads`]                  | many threads, and as few as a program needs                |
//! | [`training`]                 | that training arrives where the theory says                |
//! | [`regression::masked_nan`]   | branches not taken, edges of domains, kinks                |
//! | [`regression::pow_prod_max`] | powers, products, largest elements at zeros and ties       |
//! | [`regression::broadcasting`] | gradients of what was broadcast                            |
//! | [`regression::zero_size`]    | tensors without elements, and of rank 0                    |
//! | [`regression::strides`]      | views in every position, repeated indices                  |
//! | [`docs`]                     | that the pages of documentation link to what exists        |
//! | [`tidy`]                     | the conventions of the sources, the names in the atlas     |
//!
//! # The inputs that broke other libraries
//!
//! The test of one stands below a line `// As in pytorch#5534.`, which names the reports that it
//! comes from, here and beside the code of each crate. Sizes in memory are those that Linux
//! reports, and are measured there alone.
//!
//! Without a test, for there is nothing to test:
//!
//! | input | why |
//! |---|---|
//! | every label ignored | no loss has a label that it ignores; one out of range is an error |
//! | batch normalisation of no samples | there is no batch normalisation |
//! | softmax in parallel against serial | no test asserts a time; see `benches/kernels.rs` |

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
