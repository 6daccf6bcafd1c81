//! Arithmetic operators.
//!
//! One implementation serves every right operand: tensors by value and by reference, and numbers
//! ([`Operand`]). So the type of `x * y` is that of `x` whatever `y` turns out to be, and literals
//! need no suffix. On the left a number is f64 for both float types and the element type itself
//! for integers: were f32 allowed there too, the compiler could not tell what `2.0 * x` is before
//! the end of the function.

use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use crate::element::{Float, Number};
use crate::error::OrPanic;
use crate::kernel;
use crate::operand::Operand;
use crate::shape;
use crate::simd::{Isa, Kernel, dispatch};
use crate::tensor::Tensor;

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

#[cfg(test)]
mod tests {
    use crate::testing::{disguises, panic_of};
    use crate::{Tensor, tensor};

    /// Where the first element lies.
    fn place<T: crate::Element>(x: &Tensor<T>) -> *const T {
        x.as_slice().expect("contiguous").as_ptr()
    }

    #[test]
    fn operators_agree_with_the_scalar_ones_on_every_layout() {
        let x = Tensor::from_fn([3, 1, 4], |i| (i[0] * 4 + i[2]) as f64 - 5.5);
        let y = Tensor::from_fn([2, 4], |i| 1.0 / (i[0] * 4 + i[1] + 1) as f64);
        let at = |f: fn(f64, f64) -> f64| {
            Tensor::from_fn([3, 2, 4], |i| f(x[[i[0], 0, i[2]]], y[[i[1], i[2]]]))
        };
        let expected = [at(|a, b| a + b), at(|a, b| a - b), at(|a, b| a * b), at(|a, b| a / b)];
        let narrow = |x: &Tensor<f64>| x.cast::<f32>();
        for a in &disguises(&x, f64::NAN) {
            for b in &disguises(&y, f64::NAN) {
                assert_eq!([a + b, a - b, a * b, a / b], expected);
                let (a, b) = (narrow(a), narrow(b));
                assert_eq!((&a * &b).to_vec(), a.zip_map(&b, |a, b| a * b).to_vec());
                assert_eq!((&a / &b).to_vec(), a.zip_map(&b, |a, b| a / b).to_vec());
            }
        }
    }

    #[test]
    fn shapes_broadcast_as_in_numpy() {
        let shape = |a: &[usize], b: &[usize]| {
            (Tensor::<f32>::ones(a) + Tensor::<f32>::ones(b)).shape().to_vec()
        };
        assert_eq!(shape(&[0], &[1]), [0]);
        assert_eq!(shape(&[3, 1], &[0]), [3, 0]);
        assert_eq!(shape(&[4, 0], &[4, 1]), [4, 0]);
        assert_eq!(shape(&[], &[2, 3]), [2, 3]);
        assert_eq!(shape(&[], &[]), []);
        assert_eq!(
            panic_of(|| Tensor::<f32>::ones([0]) * Tensor::<f32>::ones([3])),
            "mul: shapes [0] and [3] do not broadcast: sizes 0 and 3 differ at axis 0"
        );
    }

    #[test]
    fn numbers_stand_on_both_sides_and_need_no_suffix() {
        let x = tensor![1.0, 2.0];
        assert_eq!((2.0 * &x - 1.0) / 2, tensor![0.5, 1.5]);
        assert_eq!(1.0 / x, tensor![1.0, 0.5]);
        let x: Tensor<f32> = tensor![1.0, 2.0];
        assert_eq!((1.0 - &x * 0.5) + 0.25f32, tensor![0.75, 0.25]);
        assert_eq!(x * 0.1, tensor![0.1f32, 0.2]);
        let x = tensor![1i64, -2];
        assert_eq!(10 - 3 * &x, tensor![7, 16]);
        assert_eq!((x + 1) * 2, tensor![4, -2]);
        let x: Tensor<usize> = tensor![6, 4];
        assert_eq!(12 / &x + 1, tensor![3usize, 4]);
        assert_eq!(panic_of(|| &x + (-1)), "-1 does not fit the element type usize");
    }

    #[test]
    fn an_owned_operand_gives_its_buffer_to_the_result() {
        let a = Tensor::<f32>::ones([2, 3]);
        let at = place(&a);
        let b = a + 1.0;
        assert_eq!(place(&b), at);
        let c = 1.0 - b;
        assert_eq!(place(&c), at);
        let row = tensor![[1.0f32, 2.0, 3.0]];
        let d = &row - c;
        assert_eq!((place(&d), d.to_vec()), (at, vec![2.0, 3.0, 4.0, 2.0, 3.0, 4.0]));
        let e = -d;
        assert_eq!((place(&e), e[[0, 0]]), (at, -2.0));
        let f = row / e;
        assert_eq!((place(&f), f.to_vec()[0]), (at, -0.5));
    }

    #[test]
    fn what_another_tensor_reads_is_never_overwritten() {
        let a = tensor![1.0, 2.0, 3.0, 4.0];
        let view = a.slice(crate::s![1..3]);
        let b = a + 10.0;
        assert_eq!((b[[1]], view.to_vec()), (12.0, vec![2.0, 3.0]));
        let c = view.clone() * &view;
        assert_eq!((c.to_vec(), view.to_vec()), (vec![4.0, 9.0], vec![2.0, 3.0]));
        let mut d = b.clone();
        d += 1.0;
        assert_eq!((b[[0]], d[[0]]), (11.0, 12.0));
        let wide = tensor![1.0, 2.0].broadcast_to([2, 2]) + 1.0;
        assert_eq!(wide.to_vec(), [2.0, 3.0, 2.0, 3.0]);
        let own = tensor![1.0, 2.0];
        assert_eq!((&own + &own).to_vec(), [2.0, 4.0]);
    }

    #[test]
    fn assignment_keeps_shape_and_place() {
        let mut x = Tensor::<f64>::ones([2, 2]);
        let at = place(&x);
        x += tensor![1.0, 2.0];
        x *= 2;
        x -= &tensor![[1.0], [2.0]];
        x /= 0.5;
        assert_eq!((place(&x), x.to_vec()), (at, vec![6.0, 10.0, 4.0, 8.0]));
        let mut turned = x.t();
        turned += 1.0;
        assert_eq!((turned.to_vec(), x[[0, 0]]), (vec![7.0, 5.0, 11.0, 9.0], 6.0));
        let twice = x.clone();
        x += twice;
        assert_eq!(x.to_vec(), [12.0, 20.0, 8.0, 16.0]);
        let text = panic_of(|| x += Tensor::<f64>::ones([3, 1, 1]));
        let wanted = "add_assign: shape [3, 1, 1] does not broadcast to [2, 2], \
                      which an assignment cannot change";
        assert_eq!((text.as_str(), x.to_vec()), (wanted, vec![12.0, 20.0, 8.0, 16.0]));
    }

    #[test]
    fn integers_that_overflow_panic_and_leave_the_tensor_alone() {
        let mut x = tensor![1u8, 255, 3];
        assert_eq!(panic_of(|| &x + 1), "add: 255 + 1 does not fit u8");
        assert_eq!(panic_of(|| x += 1), "add: 255 + 1 does not fit u8");
        assert_eq!(x.to_vec(), [1, 255, 3]);
        assert_eq!(panic_of(|| &x / 0), "div: 1 / 0 is undefined");
        assert_eq!(panic_of(|| -&x), "neg: 0 - 1 does not fit u8");
        assert_eq!(
            panic_of(|| -tensor![i64::MIN]),
            format!("neg: 0 - {} does not fit i64", i64::MIN)
        );
        assert_eq!(
            panic_of(|| tensor![i64::MIN] / -1),
            format!("div: {} / -1 does not fit i64", i64::MIN)
        );
        assert_eq!(panic_of(|| tensor![3usize] - 4), "sub: 3 - 4 does not fit usize");
        assert_eq!(panic_of(|| tensor![7u8, 20] * 13), "mul: 20 * 13 does not fit u8");
        assert_eq!(panic_of(|| tensor![200u8, 56].sum()), "sum or product: 256 does not fit u8");
        assert_eq!((-tensor![1i64, -2]).to_vec(), [-1, 2]);
    }

    #[test]
    fn floats_follow_ieee_754() {
        let x = tensor![1.0f64, -1.0, 0.0] / 0.0;
        assert_eq!((x[[0]], x[[1]], x[[2]].is_nan()), (f64::INFINITY, -f64::INFINITY, true));
        assert!((-tensor![0.0f32])[[0]].is_sign_negative());
        assert!((-&tensor![0.0f32])[[0]].is_sign_negative());
    }

    #[test]
    fn long_tensors_are_computed_in_parts_that_fit() {
        let n = 100_003;
        let x = Tensor::arange(0.0f32, n as f32, 1.0);
        let y = x.flip(0) + &x;
        assert!(y.iter().all(|y| y == (n - 1) as f32));
        let mut z = x.clone();
        z -= x.flip(0).flip(0);
        assert!(z.iter().all(|z| z == 0.0));
    }

    #[test]
    fn mistakes_are_reported_at_the_line_that_makes_them() {
        use std::sync::Mutex;
        static LINES: Mutex<Vec<(String, u32)>> = Mutex::new(Vec::new());
        let lines = std::thread::spawn(|| {
            let me = std::thread::current().id();
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| match info.location() {
                Some(l) if std::thread::current().id() == me => {
                    LINES.lock().unwrap().push((l.file().into(), l.line()));
                }
                _ => before(info),
            }));
            let (x, y) = (Tensor::<f64>::ones([2]), Tensor::<f64>::ones([3]));
            let mut z = x.clone();
            let line = line!();
            panic_of(|| &x + &y);
            panic_of(|| x.clone() * y.clone());
            panic_of(|| z -= &y);
            panic_of(|| x.pow(&y));
            panic_of(|| x.lt(&y));
            panic_of(|| x.gt(0.0).select(&x, &y));
            panic_of(|| x.zip_map(&y, |a, b| a * b));
            panic_of(|| x.clamp(2, 1));
            panic_of(|| Tensor::arange(0.0, 1.0, f64::NAN));
            panic_of(|| Tensor::<f64>::zeros([usize::MAX, 2]));
            panic_of(|| x.max_abs_diff(&y));
            (line + 1..line + 12).collect::<Vec<_>>()
        });
        let lines = lines.join().unwrap();
        let seen = LINES.lock().unwrap();
        assert!(seen.iter().all(|(file, _)| file.ends_with("arith.rs")), "{seen:?}");
        assert_eq!(seen.iter().map(|s| s.1).collect::<Vec<_>>(), lines);
    }
}
