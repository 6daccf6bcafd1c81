//! The lecture, subsection by subsection; `docs/lecture.md` names the tests beside the formulas.

mod claim;
mod deep_linear_gradients;
mod gradient_dynamics;
mod matrix_derivatives;
