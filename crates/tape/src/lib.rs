//! Reverse-mode automatic differentiation on a lazy tape.
#![forbid(unsafe_code)]

pub mod check;
mod drawing;
pub mod error;
mod eval;
mod grad;
mod gradients;
pub mod op;
pub mod ops;
mod param;
mod replay;
mod show;
mod tape;
mod transform;
mod var;

pub use check::{Gradcheck, GradcheckError, gradcheck};
pub use drawing::Drawing;
pub use error::{EvalError, Failure, NoGradient};
pub use eval::Evaluate;
pub use gradients::Gradients;
pub use op::{DataOp, DataPointwise, Op, Pointwise, Pullback, ViewOp};
pub use param::{Param, ParamId};
pub use replay::recording::{Recording, ReplayError, Spec, Specs, spec};
pub use tape::{Stats, Tape};
pub use tensor;
pub use transform::{hessian, hvp, jacobian, jvp, value_and_grad, vjp};
pub use var::{AnyVar, Operand, Var};
