//! What the crates promise together, in one binary: the other files of this folder are its modules,
//! but for `allocation.rs`, which counts what it allocates and so is a binary of its own. Each crate
//! tests its own parts beside its code; here stands what only the whole shows, and what others have
//! stumbled over.
//!
//! | module                       | what it holds the project to                            |
//! |------------------------------|---------------------------------------------------------|
//! | [`promises`]                 | what evaluation promises (`docs/design.md`), one by one |
//! | [`lecture`]                  | the lecture, statement by statement (`docs/lecture.md`) |
//! | [`graph`]                    | F: deep, wide and tangled programs                      |
//! | [`memory`]                   | F: what must not grow                                   |
//! | [`threads`]                  | G: many threads, and as few as a program needs          |
//! | [`training`]                 | that training arrives where the theory says             |
//! | [`regression::masked_nan`]   | A: branches not taken, edges of domains, kinks          |
//! | [`regression::pow_prod_max`] | B: powers, products, largest elements at zeros and ties |
//! | [`regression::broadcasting`] | C: gradients of what was broadcast                      |
//! | [`regression::zero_size`]    | D: tensors without elements, and of rank 0              |
//! | [`regression::strides`]      | E: views in every position, repeated indices            |
//! | [`docs`]                     | that the pages of documentation link to what exists     |
//! | [`tidy`]                     | the conventions of the sources, the names in the atlas  |
//!
//! # The inputs that broke other libraries
//!
//! Each has a letter for its kind and a number; a gap in the numbers is an input that another one
//! covers. The test of an input stands below a line `// F1, pytorch#5534`, which names the reports
//! it comes from. The sizes in memory (F4 to F6) are those that Linux reports, and are measured
//! there alone.
//!
//! | inputs | tests in |
//! |---|---|
//! | A1, A2, A4, A5, A6, A7, A9, A10, A11, A12, A14, A15, A16, A18, A19 | `tests/regression/masked_nan.rs` |
//! | B1, B3, B4, B6, B8, B9, B10 | `tests/regression/pow_prod_max.rs` |
//! | C1, C3, C4, C6 | `tests/regression/broadcasting.rs` |
//! | D1, D2, D6, D7, D8 | `tests/regression/zero_size.rs` |
//! | D7, D8 | `crates/tensor/src/layout/tests/regressions.rs` |
//! | E1, E7, E8, E9 | `tests/regression/strides.rs` |
//! | E2 | `crates/tensor/src/kernel/matmul/tests.rs` |
//! | E6 | `crates/tensor/src/layout/tests/regressions.rs` |
//! | F1, F2 | `tests/graph.rs` |
//! | F4, F5, F6 | `tests/memory.rs` |
//! | F8 | `tests/promises/retention.rs` |
//! | F10 | `tests/promises/custom_ops.rs` |
//! | F11 | `tests/promises/gradients.rs` |
//! | G1, G2, G3, G4, G5 | `tests/threads.rs` |
//! | H1, H5 | `crates/tensor/src/layout/tests/regressions.rs` |
//! | H2 | `crates/tensor/src/make.rs` |
//! | H2 | `crates/tensor/src/joining.rs` |
//! | H2 | `crates/tape/src/ops/pad.rs` |
//! | H3 | `crates/nn/src/checkpoint/tests.rs` |
//! | I1 | `crates/tensor/src/reductions/tests.rs` |
//! | I3 | `tests/training/resume.rs` |
//! | I5 | `crates/tape/src/reverse/gradients/clip.rs` |
//! | I7 | `crates/nn/src/optim/tests.rs` |
//! | I8 | `crates/nn/src/gradcheck.rs` |
//!
//! Without a test, for there is nothing to test:
//!
//! | input | why |
//! |---|---|
//! | A18, in part | every label ignored: no loss has a label that it ignores; one out of range is an error |
//! | D5 | batch normalisation of no samples: there is no batch normalisation |
//! | G5, in part | no test asserts that softmax is faster in parallel; see `benches/kernels.rs` |

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
