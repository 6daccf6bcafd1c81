//! Functions of owned tensors: written over a buffer of theirs if nobody shares it.

use crate::element::Element;
use crate::error::OrPanic;
use crate::kernel;
use crate::shape;
use crate::tensor::Tensor;

/// What `run` makes of each block of `x`.
pub(crate) fn map<T: Element>(mut x: Tensor<T>, run: impl Fn(&[T], &mut [T]) + Sync) -> Tensor<T> {
    if let Some(out) = x.as_mut_slice() {
        kernel::update(out, run);
        return x;
    }
    Tensor::build(x.shape(), |out| kernel::map(x.view(), out, run))
}

/// What `run` makes of the blocks of `a` and `b`, both broadcast. Written over is an operand that
/// has the result's shape.
///
/// # Panics
/// When the shapes do not broadcast.
#[track_caller]
pub(crate) fn map2<T: Element>(
    name: &str,
    mut a: Tensor<T>,
    mut b: Tensor<T>,
    run: impl Fn(&[T], &[T], &mut [T]) + Sync,
) -> Tensor<T> {
    let shape = shape::broadcast(name, a.shape(), b.shape()).or_panic();
    if a.shape() == &shape[..]
        && let Some(out) = a.as_mut_slice()
    {
        let b = b.broadcast_to(&shape);
        kernel::update2(out, b.view(), run);
        return a;
    }
    if b.shape() == &shape[..]
        && let Some(out) = b.as_mut_slice()
    {
        let a = a.broadcast_to(&shape);
        kernel::update2(out, a.view(), |b, a, out| run(a, b, out));
        return b;
    }
    let (a, b) = (a.broadcast_to(&shape), b.broadcast_to(&shape));
    Tensor::build(&shape, |out| kernel::map2(a.view(), b.view(), out, run))
}
