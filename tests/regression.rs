//! Inputs that broke other libraries, one test each.

mod broadcasting;
mod masked_nan;
mod pow_prod_max;
mod strides;
mod zero_size;

use tape::{Tape, Var};
use tensor::{Float, Tensor};

/// The value of `f`, and the gradient of its sum.
#[track_caller]
fn with_gradient<T: Float>(
    f: impl for<'t> Fn(Var<'t, T>) -> Var<'t, T>,
    x: Tensor<T>,
) -> (Tensor<T>, Tensor<T>) {
    let tape = Tape::new();
    let x = tape.leaf(x);
    let y = f(x);
    let [g] = y.sum().grad([x]);
    tape.eval((y, g)).unwrap()
}

/// The gradient of the sum of `f`.
#[track_caller]
fn gradient<T: Float>(f: impl for<'t> Fn(Var<'t, T>) -> Var<'t, T>, x: Tensor<T>) -> Vec<T> {
    with_gradient(f, x).1.to_vec()
}
