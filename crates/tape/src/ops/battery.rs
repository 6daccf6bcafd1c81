//! The battery: all that a differentiable operation promises, tested from one row.
//!
//! A row is a name, a function of variables, and the shapes and domains of its inputs:
//!
//! ```text
//! row!(tanh: |x| x.tanh(); pointwise(Domain::Any));
//! row!(matmul: |a, b| a.matmul(b); [any([2, 3]), any([3, 2])]);
//! ```
//!
//! It becomes a `#[test]` of that name, which checks, for every shape given (empty and rank 0 among
//! them, where these are legal):
//!
//! - the gradient and the gradient of the gradient against differences of the function, with each
//!   input used once, used twice, and repeated by a stride of 0;
//! - the same for every arrangement of the inputs in memory: transposed, reversed, and every second
//!   element of a larger tensor whose other elements are NaN; value, gradient and second
//!   derivatives have the same bits in each, and for every arrangement of the cotangent;
//! - `f32` against `f64`: value, gradient and second derivatives;
//! - the Jacobian-vector product against differences;
//! - that the gradient is linear in the cotangent, and exactly 0 for the cotangent 0;
//! - that no rule asks for a value or records a tensor, so that programs with it are recognised.
//!
//! What a row cannot say (special values, refused shapes) stands beside it as ordinary tests, for
//! which [`refuses`] and [`masked`] help.

mod checks;
mod inputs;

use std::panic::{AssertUnwindSafe, catch_unwind};

use tensor::{Float, Tensor};

pub(crate) use inputs::{Domain, Input, any, distinct, nonzero, pair, pointwise, positive};

use crate::{NoGradient, Tape, Var};

/// A function of `N` tensors, of either float type.
pub(crate) trait Function<const N: usize>: Copy {
    fn call<'t, T: Float>(self, x: [Var<'t, T>; N]) -> Var<'t, T>;
}

/// A test that runs the battery on a function; see the [module](self). (A macro, because a closure
/// cannot be generic in the float type.)
macro_rules! row {
    ($name:ident: |$($x:ident),+| $body:expr; $inputs:expr) => {
        #[test]
        fn $name() {
            #[derive(Clone, Copy)]
            struct Row;
            const ARITY: usize = [$(stringify!($x)),+].len();
            impl $crate::ops::battery::Function<ARITY> for Row {
                fn call<'t, T: tensor::Float>(
                    self,
                    [$($x),+]: [$crate::Var<'t, T>; ARITY],
                ) -> $crate::Var<'t, T> {
                    $body
                }
            }
            $crate::ops::battery::run(Row, $inputs);
        }
    };
}
pub(crate) use row;

/// Runs the battery at every shape of the inputs.
pub(crate) fn run<F: Function<N>, const N: usize>(f: F, inputs: [Input; N]) {
    let shapes = inputs.iter().map(Input::shapes).max().expect("a function has inputs");
    for k in 0..shapes {
        let x: [Tensor<f64>; N] = std::array::from_fn(|i| inputs[i].tensor(k, i));
        checks::derivatives(f, &x);
        checks::used_twice(f, &x);
        checks::arrangements(f, &x);
        checks::repeated(f, &x, inputs.iter().any(Input::must_differ));
        checks::single_precision(f, &x);
        checks::forward_mode(f, &x);
        checks::linear(f, &x);
    }
}

/// The message with which `f` refuses inputs of these shapes must contain `text`.
#[track_caller]
pub(crate) fn refuses<const N: usize>(
    f: impl for<'t> Fn([Var<'t, f64>; N]) -> Var<'t, f64>,
    shapes: [&[usize]; N],
    text: &str,
) {
    let tape = Tape::new();
    let x = shapes.map(|s| tape.leaf(Tensor::<f64>::ones(s)));
    let refused = catch_unwind(AssertUnwindSafe(|| f(x).shape()));
    let payload = match refused {
        Ok(shape) => panic!("{shapes:?} is not refused: it makes {shape:?}"),
        Err(payload) => payload,
    };
    let message = payload.downcast_ref::<String>().cloned();
    let message = message.or(payload.downcast_ref::<&str>().map(|s| s.to_string()));
    let message = message.expect("a panic has a message");
    assert!(message.contains(text), "the message for {shapes:?} is: {message}");
}

/// A cotangent of exactly 0 must give a gradient of exactly 0, whatever the inputs are: what was
/// computed on a branch that is not taken cannot reach the one that is.
#[track_caller]
pub(crate) fn masked<const N: usize>(f: impl for<'t> Fn([Var<'t, f64>; N]) -> Var<'t, f64>) {
    let nasty = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, -1.0, 1.0, 1e308, 1e-310];
    for shift in 0..if N == 1 { 1 } else { nasty.len() } {
        let tape = Tape::new();
        let x: [Var<'_, f64>; N] = std::array::from_fn(|i| {
            let shifted = |at: &[usize]| nasty[(at[0] + i * shift) % nasty.len()];
            tape.leaf(Tensor::from_fn([nasty.len()], shifted))
        });
        let y = f(x);
        let zero = tape.constant(Tensor::<f64>::zeros(y.shape()));
        for (i, gradient) in y.pull(zero, &x).into_iter().enumerate() {
            let gradient = gradient.unwrap().value();
            let clean = gradient.iter().all(|g| g == 0.0);
            assert!(
                clean,
                "input {i} = {:?}: {gradient:?} {:?}",
                x[i].value().to_vec(),
                gradient.to_vec()
            );
        }
    }
}

/// The gradient of the sum of `f` by its one input.
#[track_caller]
pub(crate) fn slope(
    f: impl for<'t> Fn(Var<'t, f64>) -> Var<'t, f64>,
    x: impl tensor::IntoTensor<Elem = f64>,
) -> Vec<f64> {
    let tape = Tape::new();
    let x = tape.leaf(x);
    let [g] = f(x).sum().grad([x]);
    g.value().to_vec()
}

/// Why `f` passes no derivative on.
pub(crate) fn stopped(f: impl for<'t> Fn(Var<'t, f64>) -> Var<'t, f64>) -> NoGradient {
    let tape = Tape::new();
    let x = tape.leaf(tensor::tensor![0.3, -1.2]);
    f(x).sum().gradient(x).unwrap_err()
}

mod tests {
    use super::*;

    /// Functions whose gradient on the tape is wrong.
    #[derive(Clone, Copy)]
    enum Wrong {
        First,
        Second,
    }

    impl Function<1> for Wrong {
        fn call<'t, T: Float>(self, [x]: [Var<'t, T>; 1]) -> Var<'t, T> {
            let c = x.detach();
            match self {
                // x² with the gradient x.
                Wrong::First => x * c,
                // x² with the gradient 2x, whose own gradient is 0.
                Wrong::Second => 2.0 * x * c - c * c,
            }
        }
    }

    #[test]
    #[should_panic(expected = "of order 1 are wrong")]
    fn a_wrong_gradient_is_found() {
        run(Wrong::First, pointwise(Domain::Nonzero));
    }

    #[test]
    #[should_panic(expected = "of order 2 are wrong")]
    fn a_wrong_second_derivative_is_found() {
        run(Wrong::Second, pointwise(Domain::Nonzero));
    }

    #[test]
    fn refusals_and_masks_are_found_missing() {
        let missed = |f: &dyn Fn()| catch_unwind(AssertUnwindSafe(f)).is_err();
        assert!(missed(&|| refuses(|[x]| x + 1.0, [&[2]], "add")));
        assert!(missed(&|| refuses(|[a, b]| a + b, [&[2], &[3]], "no such text")));
        assert!(missed(&|| masked(|[x]| x * x)));
    }
}
