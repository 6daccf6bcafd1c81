//! The lecture, one file a subsection; `docs/lecture.md` names the test that proves each statement.

mod backpropagation;
mod convergence;
mod mlp;
mod mlp3_fixture;
mod ridge;
mod section4;
mod sigmoid;
mod softmax;
mod threshold;
