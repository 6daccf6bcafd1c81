//! How tensors print, and when two are equal.

use std::fmt;

use crate::element::Element;
use crate::shape::Dims;
use crate::tensor::Tensor;

/// Short: element type and shape.
impl<T: Element> fmt::Debug for Tensor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tensor<{}>{}", T::DTYPE, Dims(self.shape()))
    }
}

/// Equal shapes and exactly equal elements; as for floats, NaN equals nothing and 0 equals -0.
impl<T: Element> PartialEq for Tensor<T> {
    fn eq(&self, other: &Self) -> bool {
        self.shape() == other.shape() && self.iter().eq(other.iter())
    }
}
