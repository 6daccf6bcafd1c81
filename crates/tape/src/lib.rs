//! Reverse-mode automatic differentiation on a lazy tape.
//!
//! An operation on variables checks shapes and records a node; it computes nothing. Values are
//! computed when somebody asks for them. Derivatives are recorded on the same tape, so they have
//! derivatives of their own.
//!
//! ```
//! use tape::{Param, Tape, Var};
//! use tensor::{Tensor, tensor};
//!
//! let tape = Tape::new(); // one tape, any element types
//! let x = tape.constant(tensor![[1.0, 2.0], [3.0, 4.0]]);
//! let w = tape.leaf(tensor![[0.5], [-0.25]]);
//! let loss = (x.matmul(w).tanh() - 1.0).square().sum();
//! let [dw] = loss.grad([w]); // a variable on the same tape
//! let [ddw] = dw.sum().grad([w]); // again
//! let (loss, ddw) = tape.eval((loss, ddw))?; // evaluated together
//! println!("{tape}"); // the program
//! let y = x.gt(1.5).select(x, 0.0 * x); // masks and indices are nodes too: lazy, replayable
//! assert_eq!(y.value(), tensor![[0.0, 2.0], [3.0, 4.0]]);
//!
//! // Parameters live off the tape, in ordinary structs.
//! let p: Param<f64> = Param::new(Tensor::ones([2]));
//! let square: Var<'_, f64> = tape.param(&p).square().sum();
//! assert_eq!(square.backward()[&p], tensor![2.0, 2.0]);
//! # let _ = (loss, ddw);
//! # Ok::<(), tape::EvalError>(())
//! ```
//!
//! # Which derivative
//!
//! Of a variable `y`, by variables of its tape. What is returned is recorded, so it can be
//! differentiated again:
//!
//! | | of | by | where there is none |
//! |---|---|---|---|
//! | [`y.grad([a, b])`](Var::grad) | a scalar | an array | panics with the reason |
//! | [`y.grad_with(g, [a, b])`](Var::grad_with) | any shape, with a cotangent `g` | an array | panics with the reason |
//! | [`y.gradient(a)`](Var::gradient) | a scalar | one variable | the reason, as an error |
//! | [`y.pull(g, &list)`](Var::pull) | any shape, with a cotangent `g` | a slice | the reason, for each |
//!
//! Of a scalar loss, by all parameters that were bound on its tape. What is returned are numbers,
//! as [`Gradients`]:
//!
//! | | where the data is at fault |
//! |---|---|
//! | [`loss.backward()`](Var::backward) | panics with the line |
//! | [`tape.gradients(loss)`](Tape::gradients) | an [`EvalError`] |
//!
//! Of a Rust function `f` at tensors, which needs no tape. With the Jacobian `J = ∂f/∂x`:
//!
//! | | is | of |
//! |---|---|---|
//! | [`value_and_grad`] | `f(x)` and its gradients | a scalar function of several tensors |
//! | [`vjp`] | `f(x)` and `uᵀ J` | any function of several tensors |
//! | [`jvp`] | `f(x)` and `J t` | any function of several tensors |
//! | [`jacobian`] | `J`, of shape `[y.., x..]` | any function of one tensor |
//! | [`hessian`] | `∂²f/∂xᵢ∂xⱼ`, of shape `[x.., x..]` | a scalar function of one tensor |
//! | [`hvp`] | the gradient, and the Hessian times `v` | a scalar function of one tensor |
#![forbid(unsafe_code)]

pub mod check;
mod drawing;
mod error;
mod evaluate;
mod node;
pub mod op;
pub mod ops;
mod param;
mod replay;
mod reverse;
mod show;
mod tape;
mod transform;
mod var;
mod walk;

pub use check::{Gradcheck, GradcheckError, gradcheck};
pub use drawing::Drawing;
pub use error::{EvalError, Failure, NoGradient};
pub use evaluate::Evaluate;
pub use op::{Closing, DataOp, DataPointwise, Op, Pointwise, Pullback, ViewOp};
pub use param::{Param, ParamId};
pub use replay::known::forget_programs;
pub use replay::recording::{Recording, ReplayError, Spec, Specs, spec};
pub use replay::script::Lend;
pub use reverse::gradients::Gradients;
pub use tape::{Stats, Tape};
pub use tensor;
pub use transform::{hessian, hvp, jacobian, jvp, value_and_grad, vjp};
pub use var::{AnyVar, Operand, Var};
