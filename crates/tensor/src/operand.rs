//! What stands next to a tensor: another one, or a number.

use crate::element::{Element, Float, Scalar};
use crate::tensor::Tensor;

/// What may stand next to a `Tensor<T>` in an operation: a tensor of `T` by value or by reference,
/// or a number, which is taken as a tensor of rank 0.
///
/// Numbers are f32, f64 and i32 for float tensors, rounded to the element type; the element type
/// itself and i32 for integer tensors; a bool beside a mask.
pub trait Operand<T: Element> {
    /// The operand as a tensor; one that is given by reference shares its buffer.
    fn operand(self) -> Tensor<T>;
}

impl<T: Element> Operand<T> for Tensor<T> {
    fn operand(self) -> Tensor<T> {
        self
    }
}

impl<T: Element> Operand<T> for &Tensor<T> {
    fn operand(self) -> Tensor<T> {
        self.clone()
    }
}

impl<T: Float, S: Scalar> Operand<T> for S {
    fn operand(self) -> Tensor<T> {
        Tensor::scalar(T::of(self.to_f64()))
    }
}

impl Operand<bool> for bool {
    fn operand(self) -> Tensor<bool> {
        Tensor::scalar(self)
    }
}

macro_rules! integer {
    ($($T:ty),*) => {$(
        impl Operand<$T> for $T {
            fn operand(self) -> Tensor<$T> {
                Tensor::scalar(self)
            }
        }

        /// A literal without a suffix; panics where the element type cannot hold it.
        impl Operand<$T> for i32 {
            #[track_caller]
            fn operand(self) -> Tensor<$T> {
                match self.try_into() {
                    Ok(x) => Tensor::scalar(x),
                    Err(_) => panic!("{self} does not fit the element type {}", <$T>::DTYPE),
                }
            }
        }
    )*};
}
integer!(i64, usize, u8);
