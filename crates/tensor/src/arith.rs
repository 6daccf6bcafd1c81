//! Arithmetic operators.
//!
//! One implementation serves every right operand: tensors by value and by reference, and numbers
//! ([`Operand`]). So the type of `x * y` is that of `x` whatever `y` turns out to be, and literals
//! need no suffix. On the left a number is f64 for both float types and the element type itself
//! for integers: were f32 allowed there too, the compiler could not tell what `2.0 * x` is before
//! the end of the function.

use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use crate::element::{Element, Float, Number, Scalar};
use crate::error::OrPanic;
use crate::kernel;
use crate::shape;
use crate::simd::{Isa, Kernel, dispatch};
use crate::tensor::Tensor;

/// What may stand next to a `Tensor<T>` in an operation: a tensor of `T` by value or by reference,
/// or a number, which is taken as a tensor of rank 0.
///
/// Numbers are f32, f64 and i32 for float tensors, rounded to the element type; the element type
/// itself and i32 for integer tensors.
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

/// `f(a, b)` with both broadcast. An operand that is owned, has the result's shape and shares its
/// buffer with nobody is overwritten.
#[track_caller]
fn binary<T: Number>(
    name: &str,
    mut a: Tensor<T>,
    mut b: Tensor<T>,
    f: impl Fn(T, T) -> T + Copy + Sync,
) -> Tensor<T> {
    let shape = shape::broadcast(name, a.shape(), b.shape()).or_panic();
    if a.shape() == &shape[..]
        && let Some(out) = a.as_mut_slice()
    {
        let b = b.broadcast_to(&shape);
        kernel::update2(out, b.view(), |a, b, out| dispatch(Loop { f, a, b, out }));
        return a;
    }
    if b.shape() == &shape[..]
        && let Some(out) = b.as_mut_slice()
    {
        let a = a.broadcast_to(&shape);
        kernel::update2(out, a.view(), |b, a, out| dispatch(Loop { f, a, b, out }));
        return b;
    }
    let (a, b) = (a.broadcast_to(&shape), b.broadcast_to(&shape));
    Tensor::build(&shape, |out| {
        kernel::map2(a.view(), b.view(), out, |a, b, out| dispatch(Loop { f, a, b, out }));
    })
}

/// `a = f(a, b)` with `b` broadcast to the shape of `a`, which is unchanged if this panics.
#[track_caller]
fn assign<T: Number>(
    name: &str,
    a: &mut Tensor<T>,
    b: Tensor<T>,
    f: impl Fn(T, T) -> T + Copy + Sync,
) {
    let shape = shape::broadcast(name, a.shape(), b.shape()).or_panic();
    if a.shape() != &shape[..] {
        let (a, b) = (shape::Dims(a.shape()), shape::Dims(b.shape()));
        panic!("{name}: shape {b} does not broadcast to {a}, which an assignment cannot change");
    }
    // An integer that overflows stops the loop half-way: never in the tensor itself.
    let exact = matches!(T::DTYPE, crate::DType::F32 | crate::DType::F64);
    match a.as_mut_slice() {
        Some(out) if exact => {
            let b = b.broadcast_to(&shape);
            kernel::update2(out, b.view(), |a, b, out| dispatch(Loop { f, a, b, out }));
        }
        _ => *a = binary(name, a.clone(), b, f),
    }
}

struct Loop<'a, F, T> {
    f: F,
    a: &'a [T],
    b: &'a [T],
    out: &'a mut [T],
}

impl<T: Copy, F: Fn(T, T) -> T> Kernel for Loop<'_, F, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        for ((out, &a), &b) in self.out.iter_mut().zip(self.a).zip(self.b) {
            *out = (self.f)(a, b);
        }
    }
}

macro_rules! operator {
    ($Op:ident $op:ident, $OpAssign:ident $op_assign:ident, $f:ident) => {
        /// Elementwise, with broadcasting. Panics when the shapes do not broadcast, and for
        /// integers where the result does not fit.
        impl<T: Number, R: Operand<T>> $Op<R> for Tensor<T> {
            type Output = Tensor<T>;
            #[track_caller]
            fn $op(self, other: R) -> Tensor<T> {
                binary(stringify!($op), self, other.operand(), T::$f)
            }
        }

        /// As by value.
        impl<T: Number, R: Operand<T>> $Op<R> for &Tensor<T> {
            type Output = Tensor<T>;
            #[track_caller]
            fn $op(self, other: R) -> Tensor<T> {
                binary(stringify!($op), self.clone(), other.operand(), T::$f)
            }
        }

        /// In place where no other tensor shares the buffer; the shape stays.
        impl<T: Number, R: Operand<T>> $OpAssign<R> for Tensor<T> {
            #[track_caller]
            fn $op_assign(&mut self, other: R) {
                assign(stringify!($op_assign), self, other.operand(), T::$f);
            }
        }

        /// The number is rounded to the element type.
        impl<T: Float> $Op<Tensor<T>> for f64 {
            type Output = Tensor<T>;
            #[track_caller]
            fn $op(self, other: Tensor<T>) -> Tensor<T> {
                binary(stringify!($op), self.operand(), other, T::$f)
            }
        }

        /// The number is rounded to the element type.
        impl<T: Float> $Op<&Tensor<T>> for f64 {
            type Output = Tensor<T>;
            #[track_caller]
            fn $op(self, other: &Tensor<T>) -> Tensor<T> {
                binary(stringify!($op), self.operand(), other.clone(), T::$f)
            }
        }
    };
}
operator!(Add add, AddAssign add_assign, plus);
operator!(Sub sub, SubAssign sub_assign, minus);
operator!(Mul mul, MulAssign mul_assign, times);
operator!(Div div, DivAssign div_assign, over);

macro_rules! integer_operator {
    ($T:ty: $($Op:ident $op:ident $f:ident),*) => {$(
        impl $Op<Tensor<$T>> for $T {
            type Output = Tensor<$T>;
            #[track_caller]
            fn $op(self, other: Tensor<$T>) -> Tensor<$T> {
                binary(stringify!($op), Tensor::scalar(self), other, Number::$f)
            }
        }

        impl $Op<&Tensor<$T>> for $T {
            type Output = Tensor<$T>;
            #[track_caller]
            fn $op(self, other: &Tensor<$T>) -> Tensor<$T> {
                binary(stringify!($op), Tensor::scalar(self), other.clone(), Number::$f)
            }
        }
    )*};
}

macro_rules! integer {
    ($($T:ty),*) => {$(
        integer_operator!($T: Add add plus, Sub sub minus, Mul mul times, Div div over);

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

impl<T: Number> Neg for Tensor<T> {
    type Output = Tensor<T>;
    #[track_caller]
    fn neg(mut self) -> Tensor<T> {
        match self.as_mut_slice() {
            Some(x) => x.iter_mut().for_each(|x| *x = x.negated()),
            None => return -&self,
        }
        self
    }
}

impl<T: Number> Neg for &Tensor<T> {
    type Output = Tensor<T>;
    #[track_caller]
    fn neg(self) -> Tensor<T> {
        self.map(T::negated)
    }
}
