//! Functions of each element.

use crate::element::Element;
use crate::error::OrPanic;
use crate::kernel;
use crate::shape;
use crate::tensor::Tensor;

impl<T: Element> Tensor<T> {
    /// `f` of each element. It may be called from several threads and in any order.
    pub fn map<U: Element>(&self, f: impl Fn(T) -> U + Sync) -> Tensor<U> {
        Tensor::build(self.shape(), |out| {
            kernel::map(self.view(), out, |x, out| {
                for (out, &x) in out.iter_mut().zip(x) {
                    *out = f(x);
                }
            });
        })
    }

    /// `f` of the elements of both tensors at each place, which broadcast. It may be called from
    /// several threads and in any order.
    ///
    /// # Panics
    /// When the shapes do not broadcast.
    #[track_caller]
    pub fn zip_map<B: Element, U: Element>(
        &self,
        other: &Tensor<B>,
        f: impl Fn(T, B) -> U + Sync,
    ) -> Tensor<U> {
        self.zip_named("zip_map", other, f)
    }

    /// [`zip_map`](Self::zip_map) under the name of the operation that calls it.
    #[track_caller]
    pub(crate) fn zip_named<B: Element, U: Element>(
        &self,
        name: &str,
        other: &Tensor<B>,
        f: impl Fn(T, B) -> U + Sync,
    ) -> Tensor<U> {
        let shape = shape::broadcast(name, self.shape(), other.shape()).or_panic();
        let (a, b) = (self.broadcast_to(&shape), other.broadcast_to(&shape));
        Tensor::build(&shape, |out| {
            kernel::map2(a.view(), b.view(), out, |a, b, out| {
                for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
                    *out = f(a, b);
                }
            });
        })
    }
}
