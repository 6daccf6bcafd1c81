//! Inputs that broke other libraries, one test each.

mod broadcasting;
mod masked_nan;
mod pow_prod_max;
mod strides;
mod zero_size;

use tape::{Tape, Var};
use tensor::{Element, Float, Tensor};

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

fn bits<T: Element + Into<f64>>(x: &Tensor<T>) -> Vec<u64> {
    x.iter().map(|x| x.into().to_bits()).collect()
}

/// The message of the panic that `f` ends in.
#[track_caller]
fn panics<R>(f: impl FnOnce() -> R) -> String {
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f));
    let payload = outcome.err().expect("it should panic");
    let text = payload.downcast_ref::<String>().cloned();
    text.or(payload.downcast_ref::<&str>().map(|s| s.to_string())).unwrap()
}
