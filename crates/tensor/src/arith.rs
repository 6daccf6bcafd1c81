//! Arithmetic operators.
//!
//! One implementation serves every right operand: tensors by value and by reference, and numbers
//! ([`Operand`]). So the type of `x * y` is that of `x` whatever `y` turns out to be, and literals
//! need no suffix. On the left a number is f64 for both float types and the element type itself
//! for integers: were f32 allowed there too, the compiler could not tell what `2.0 * x` is before
//! the end of the function.

use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};
use std::sync::Mutex;

use crate::element::{Float, Number};
use crate::error::OrPanic;
use crate::kernel;
use crate::operand::Operand;
use crate::owned;
use crate::shape;
use crate::simd::{Isa, Kernel, dispatch};
use crate::tensor::Tensor;

/// The operands of the first element that has no result, whichever thread comes upon its own first.
struct First<V>(Mutex<Option<(usize, V)>>);

impl<V> First<V> {
    fn none() -> Self {
        First(Mutex::new(None))
    }

    /// Notes the first operands of a block of the output.
    #[cold]
    fn note<T>(&self, block: &[T], operands: V) {
        let at = block.as_ptr().addr();
        let mut first = self.0.lock().expect("nothing panics that holds it");
        if first.as_ref().is_none_or(|&(before, _)| at < before) {
            *first = Some((at, operands));
        }
    }

    fn get(self) -> Option<V> {
        let first = self.0.into_inner().expect("nothing panics that holds it");
        first.map(|(_, operands)| operands)
    }
}

/// An operation, its sign, and what it does to two elements: `None` where there is no such integer.
#[derive(Clone, Copy)]
struct Operation<F> {
    name: &'static str,
    sign: char,
    f: F,
}

impl<F: Copy> Operation<F> {
    /// `f(a, b)` with both broadcast. An operand that is owned, has the result's shape and shares
    /// its buffer with nobody is overwritten.
    ///
    /// What does not fit is noted by the threads of the kernel, and reported here: only this frame
    /// knows the caller's line.
    #[track_caller]
    fn of<T: Number>(self, a: Tensor<T>, b: Tensor<T>) -> Tensor<T>
    where
        F: Fn(T, T) -> Option<T> + Sync,
    {
        let misfit = First::none();
        let out = owned::map2(self.name, a, b, |a, b, out| {
            if let Some(operands) = self.block(a, b, out) {
                misfit.note(out, operands);
            }
        });
        if let Some((a, b)) = misfit.get() {
            self.refuse(a, b);
        }
        out
    }

    /// `a = f(a, b)` with `b` broadcast to the shape of `a`, which is unchanged if this panics.
    #[track_caller]
    fn assign<T: Number>(self, a: &mut Tensor<T>, b: Tensor<T>)
    where
        F: Fn(T, T) -> Option<T> + Sync,
    {
        let shape = shape::assigned(self.name, a.shape(), b.shape()).or_panic();
        // Where an integer overflows, other elements have their results already: never in the
        // tensor itself.
        let exact = matches!(T::DTYPE, crate::DType::F32 | crate::DType::F64);
        match a.as_mut_slice() {
            Some(out) if exact => {
                let b = b.broadcast_to(&shape);
                kernel::update2(out, b.view(), |a, b, out| _ = self.block(a, b, out));
            }
            _ => *a = self.of(a.clone(), b),
        }
    }

    /// One block; the first operands that have no result. A loop that stops at those is not
    /// vectorised. Sums and differences gain from going on; products do not.
    fn block<T: Number>(self, a: &[T], b: &[T], out: &mut [T]) -> Option<(T, T)>
    where
        F: Fn(T, T) -> Option<T>,
    {
        let block = Loop { f: self.f, a, b, out };
        match self.sign {
            '+' | '-' => dispatch(Through(block)),
            _ => dispatch(block),
        }
    }

    #[cold]
    #[track_caller]
    fn refuse<T: Number>(self, a: T, b: T) -> ! {
        let Operation { name, sign, .. } = self;
        if sign == '/' && b == T::zero() {
            panic!("{name}: {a} / 0 is undefined");
        }
        panic!("{name}: {a} {sign} {b} does not fit {}", T::DTYPE)
    }
}

/// `out = f(a, b)` up to the first operands that have no result.
struct Loop<'a, F, T> {
    f: F,
    a: &'a [T],
    b: &'a [T],
    out: &'a mut [T],
}

impl<T: Copy, F: Fn(T, T) -> Option<T>> Kernel for Loop<'_, F, T> {
    /// The operands that have no result.
    type Output = Option<(T, T)>;
    #[inline(always)]
    fn run<I: Isa>(self) -> Option<(T, T)> {
        for ((out, &a), &b) in self.out.iter_mut().zip(self.a).zip(self.b) {
            match (self.f)(a, b) {
                Some(y) => *out = y,
                None => return Some((a, b)),
            }
        }
        None
    }
}

/// As [`Loop`], to the end: what has no result is looked for after it.
struct Through<'a, F, T>(Loop<'a, F, T>);

impl<T: Copy + Default, F: Fn(T, T) -> Option<T>> Kernel for Through<'_, F, T> {
    type Output = Option<(T, T)>;
    #[inline(always)]
    fn run<I: Isa>(self) -> Option<(T, T)> {
        let Loop { f, a, b, out } = self.0;
        let mut fits = true;
        for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
            let y = f(a, b);
            fits &= y.is_some();
            *out = y.unwrap_or_default();
        }
        let mut pairs = a.iter().copied().zip(b.iter().copied());
        if fits { None } else { pairs.find(|&(a, b)| f(a, b).is_none()) }
    }
}

/// `out = -x`.
struct Negation<'a, T> {
    x: &'a [T],
    out: &'a mut [T],
}

impl<T: Number> Kernel for Negation<'_, T> {
    /// The first element that has no result.
    type Output = Option<T>;
    #[inline(always)]
    fn run<I: Isa>(self) -> Option<T> {
        let mut fits = true;
        for (out, &x) in self.out.iter_mut().zip(self.x) {
            let y = x.negated();
            fits &= y.is_some();
            *out = y.unwrap_or_default();
        }
        if fits { None } else { self.x.iter().copied().find(|x| x.negated().is_none()) }
    }
}

macro_rules! operator {
    ($Op:ident $op:ident, $OpAssign:ident $op_assign:ident, $sign:literal $f:ident) => {
        /// Elementwise, with broadcasting. Panics when the shapes do not broadcast, and for
        /// integers where the result does not fit.
        impl<T: Number, R: Operand<T>> $Op<R> for Tensor<T> {
            type Output = Tensor<T>;
            #[track_caller]
            fn $op(self, other: R) -> Tensor<T> {
                Operation { name: stringify!($op), sign: $sign, f: T::$f }.of(self, other.operand())
            }
        }

        /// As by value.
        impl<T: Number, R: Operand<T>> $Op<R> for &Tensor<T> {
            type Output = Tensor<T>;
            #[track_caller]
            fn $op(self, other: R) -> Tensor<T> {
                Operation { name: stringify!($op), sign: $sign, f: T::$f }
                    .of(self.clone(), other.operand())
            }
        }

        /// In place where no other tensor shares the buffer; the shape stays.
        impl<T: Number, R: Operand<T>> $OpAssign<R> for Tensor<T> {
            #[track_caller]
            fn $op_assign(&mut self, other: R) {
                Operation { name: stringify!($op_assign), sign: $sign, f: T::$f }
                    .assign(self, other.operand());
            }
        }

        /// The number is rounded to the element type.
        impl<T: Float> $Op<Tensor<T>> for f64 {
            type Output = Tensor<T>;
            #[track_caller]
            fn $op(self, other: Tensor<T>) -> Tensor<T> {
                Operation { name: stringify!($op), sign: $sign, f: T::$f }.of(self.operand(), other)
            }
        }

        /// The number is rounded to the element type.
        impl<T: Float> $Op<&Tensor<T>> for f64 {
            type Output = Tensor<T>;
            #[track_caller]
            fn $op(self, other: &Tensor<T>) -> Tensor<T> {
                Operation { name: stringify!($op), sign: $sign, f: T::$f }
                    .of(self.operand(), other.clone())
            }
        }
    };
}
operator!(Add add, AddAssign add_assign, '+' plus);
operator!(Sub sub, SubAssign sub_assign, '-' minus);
operator!(Mul mul, MulAssign mul_assign, '*' times);
operator!(Div div, DivAssign div_assign, '/' over);

macro_rules! integer_operator {
    ($T:ty: $($Op:ident $op:ident $sign:literal $f:ident),*) => {$(
        impl $Op<Tensor<$T>> for $T {
            type Output = Tensor<$T>;
            #[track_caller]
            fn $op(self, other: Tensor<$T>) -> Tensor<$T> {
                Operation { name: stringify!($op), sign: $sign, f: Number::$f }.of(Tensor::scalar(self), other)
            }
        }

        impl $Op<&Tensor<$T>> for $T {
            type Output = Tensor<$T>;
            #[track_caller]
            fn $op(self, other: &Tensor<$T>) -> Tensor<$T> {
                Operation { name: stringify!($op), sign: $sign, f: Number::$f }.of(Tensor::scalar(self), other.clone())
            }
        }
    )*};
}

macro_rules! integer {
    ($($T:ty),*) => {$(
        integer_operator!($T: Add add '+' plus, Sub sub '-' minus, Mul mul '*' times, Div div '/' over);
    )*};
}
integer!(i64, usize, u8);

/// In place where no other tensor shares the buffer. Panics for integers where the result does not
/// fit.
impl<T: Number> Neg for Tensor<T> {
    type Output = Tensor<T>;
    #[track_caller]
    fn neg(self) -> Tensor<T> {
        let misfit = First::none();
        let out = owned::map(self, |x, out| {
            if let Some(x) = dispatch(Negation { x, out }) {
                misfit.note(out, x);
            }
        });
        if let Some(x) = misfit.get() {
            NEG.refuse(T::zero(), x);
        }
        out
    }
}

/// As by value.
impl<T: Number> Neg for &Tensor<T> {
    type Output = Tensor<T>;
    #[track_caller]
    fn neg(self) -> Tensor<T> {
        -self.clone()
    }
}

const NEG: Operation<()> = Operation { name: "neg", sign: '-', f: () };

#[cfg(test)]
mod tests;
