//! Making tensors from numbers.

use std::fmt::Display;

use num_traits::NumCast;

use crate::any::AnySliceMut;
use crate::element::{DType, Element, Float, Number};
use crate::error::OrPanic;
use crate::kernel;
use crate::shape::Shape;
use crate::tensor::Tensor;

impl<T: Element> Tensor<T> {
    /// The tensor of rank 0 that holds `x`.
    pub fn scalar(x: T) -> Self {
        Tensor::full([], x)
    }

    /// Every element is `x`.
    ///
    /// # Panics
    /// When the size overflows the address space.
    #[track_caller]
    pub fn full(shape: impl AsRef<[usize]>, x: T) -> Self {
        Tensor::build(shape.as_ref(), |out| kernel::fill(x, out))
    }

    /// The element at each index is `f(index)`; `f` is called in row-major order.
    ///
    /// # Panics
    /// When the size overflows the address space.
    #[track_caller]
    pub fn from_fn(shape: impl AsRef<[usize]>, mut f: impl FnMut(&[usize]) -> T) -> Self {
        let shape = shape.as_ref();
        let mut index: Shape = smallvec::smallvec![0; shape.len()];
        Tensor::build(shape, |out| {
            for x in out {
                *x = f(&index);
                for (i, &size) in index.iter_mut().zip(shape).rev() {
                    *i += 1;
                    if *i < size {
                        break;
                    }
                    *i = 0;
                }
            }
        })
    }

    /// The tensor that nested arrays spell out; [`tensor!`](crate::tensor!) calls it.
    ///
    /// # Panics
    /// When the arrays are nested more than [`MAX_RANK`](crate::shape::MAX_RANK) deep.
    #[track_caller]
    pub fn literal<L: Literal<T>>(arrays: L) -> Self {
        let mut shape = Shape::new();
        L::sizes(&mut shape);
        let mut data = Vec::new();
        arrays.collect(&mut data);
        Tensor::from_vec(data, shape).or_panic()
    }
}

impl<T: Number> Tensor<T> {
    /// Every element is 0.
    ///
    /// # Panics
    /// When the size overflows the address space.
    #[track_caller]
    pub fn zeros(shape: impl AsRef<[usize]>) -> Self {
        Tensor::full(shape, T::zero())
    }

    /// Every element is 1.
    ///
    /// # Panics
    /// When the size overflows the address space.
    #[track_caller]
    pub fn ones(shape: impl AsRef<[usize]>) -> Self {
        Tensor::full(shape, T::one())
    }

    /// The identity matrix: `[n, n]`, 1 on the diagonal and 0 elsewhere.
    ///
    /// # Panics
    /// When the size overflows the address space.
    #[track_caller]
    pub fn eye(n: usize) -> Self {
        Tensor::build(&[n, n], |out| {
            kernel::fill(T::zero(), out);
            out.iter_mut().step_by(n + 1).for_each(|x| *x = T::one());
        })
    }

    /// `start`, `start + step`, `start + 2·step`, .. as long as `end` is not reached: the
    /// `⌈(end - start) / step⌉` numbers of `[start, end)`, none if `step` leads away from `end`.
    ///
    /// Each is computed by itself, in f64 for floats, so that errors do not add up. With a
    /// fractional step rounding decides whether the last one still lies before `end`;
    /// [`linspace`](Self::linspace) fixes their number instead.
    ///
    /// # Panics
    /// When `step` is 0, a float is not finite, or the size overflows the address space.
    #[track_caller]
    pub fn arange(start: T, end: T, step: T) -> Self {
        if step == T::zero() {
            panic!("arange: the step from {start} to {end} is 0");
        }
        if matches!(T::DTYPE, DType::F32 | DType::F64) {
            let wide = |x: T| x.to_f64().unwrap_or(f64::NAN);
            let (start, end, step) = (wide(start), wide(end), wide(step));
            let len = ((end - start) / step).ceil().max(0.0);
            // A NaN bound fails this test like an infinite one: `max` would have hidden it.
            if !(start.is_finite() && end.is_finite() && step.is_finite() && len < 1e19) {
                endless(start, end, step);
            }
            Tensor::build(&[len as usize], |out| {
                kernel::sequence(out, |i| {
                    let x = NumCast::from(start + i as f64 * step);
                    x.expect("every f64 has a nearest float")
                });
            })
        } else {
            let wide = |x: T| x.to_i128().expect("an integer element fits i128");
            let (start, end, step) = (wide(start), wide(end), wide(step));
            let span = if step > 0 { end - start } else { start - end };
            let len = (span.max(0) as u128).div_ceil(step.unsigned_abs());
            let Ok(len) = usize::try_from(len) else { endless(start, end, step) };
            // All of them fit, so that they are what is left of them modulo 2⁶⁴.
            let term =
                move |i: usize| (i as u64).wrapping_mul(step as u64).wrapping_add(start as u64);
            Tensor::build(&[len], |out| match T::erase_slice_mut(out) {
                AnySliceMut::I64(out) => kernel::sequence(out, |i| term(i) as i64),
                AnySliceMut::Usize(out) => kernel::sequence(out, |i| term(i) as usize),
                AnySliceMut::U8(out) => kernel::sequence(out, |i| term(i) as u8),
                _ => unreachable!("a Number is a float or an integer"),
            })
        }
    }
}

#[track_caller]
fn endless(start: impl Display, end: impl Display, step: impl Display) -> ! {
    panic!("arange: {start} to {end} by {step} is not a finite range")
}

impl<T: Float> Tensor<T> {
    /// `n` numbers evenly spaced from `start` to `end`, both exactly included; one is `start`.
    ///
    /// # Panics
    /// When `end - start` is not finite, or the size overflows the address space.
    #[track_caller]
    pub fn linspace(start: T, end: T, n: usize) -> Self {
        let (a, b) = (start.wide(), end.wide());
        if !(b - a).is_finite() {
            panic!("linspace: {start} to {end} is not a finite range");
        }
        let step = (b - a) / n.saturating_sub(1).max(1) as f64;
        Tensor::build(&[n], |out| {
            kernel::sequence(out, |i| T::of(a + i as f64 * step));
            if let [_, .., last] = out {
                *last = end;
            }
        })
    }
}

/// Rank 1.
impl<T: Element> From<Vec<T>> for Tensor<T> {
    fn from(data: Vec<T>) -> Self {
        Tensor::build(&[data.len()], |out| out.copy_from_slice(&data))
    }
}

/// Rank 1.
impl<T: Element> FromIterator<T> for Tensor<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Tensor::from(items.into_iter().collect::<Vec<T>>())
    }
}

/// A tensor spelled out as nested arrays, or one number of it.
///
/// Arrays of one type have one length, so that a ragged literal does not compile. The trait has
/// its element as a parameter, though each type has one only: thus `let x: Tensor<f32> =
/// tensor![1.0]` finds that the literal is f32, which an associated type could not tell it.
pub trait Literal<T: Element> {
    /// Appends the sizes of the axes, outermost first.
    fn sizes(shape: &mut Shape);
    /// Appends the elements in row-major order.
    fn collect(self, data: &mut Vec<T>);
}

macro_rules! literal {
    ($($from:ty => $to:ty),*) => {$(
        impl Literal<$to> for $from {
            fn sizes(_: &mut Shape) {}
            fn collect(self, data: &mut Vec<$to>) {
                data.push(self.into());
            }
        }
    )*};
}
// An integer whose type nothing tells is an i32 to the compiler, and an i64 here.
literal!(f32 => f32, f64 => f64, bool => bool, i64 => i64, usize => usize, u8 => u8, i32 => i64);

impl<T: Element, L: Literal<T>, const N: usize> Literal<T> for [L; N] {
    fn sizes(shape: &mut Shape) {
        shape.push(N);
        L::sizes(shape);
    }

    fn collect(self, data: &mut Vec<T>) {
        self.into_iter().for_each(|x| x.collect(data));
    }
}

/// A tensor from nested lists of any depth: `tensor![1.0, 2.0]` has shape `[2]`,
/// `tensor![[1, 2, 3], [4, 5, 6]]` has shape `[2, 3]` and elements i64.
///
/// The elements are of any [`Element`](crate::Element) type; numbers of a type that nothing else
/// tells are f64, or i64 without a point. `tensor![x]` has shape `[1]`, as `vec![x]` has one
/// element; rank 0 is [`Tensor::scalar`](crate::Tensor::scalar). `tensor![]` has shape `[0]`.
/// Rows of different lengths do not compile:
///
/// ```compile_fail
/// let ragged = tensor::tensor![[1.0, 2.0], [3.0]];
/// ```
#[macro_export]
macro_rules! tensor {
    () => { $crate::Tensor::from(::std::vec::Vec::new()) };
    ($($x:expr),+ $(,)?) => { $crate::Tensor::literal([$($x),+]) };
}

/// What may be taken as a tensor: a tensor, by value or by reference, or a single `f32`, `f64`,
/// `i64` or `bool`, which has rank 0.
///
/// The element type is associated, so that it is known from the argument alone.
#[diagnostic::on_unimplemented(note = "`tensor![..]` and `Tensor::from(vec)` make a tensor")]
pub trait IntoTensor {
    /// The type of the elements.
    type Elem: Element;
    /// The tensor; one that is given by reference shares its buffer.
    fn into_tensor(self) -> Tensor<Self::Elem>;
}

impl<T: Element> IntoTensor for Tensor<T> {
    type Elem = T;
    fn into_tensor(self) -> Tensor<T> {
        self
    }
}

impl<T: Element> IntoTensor for &Tensor<T> {
    type Elem = T;
    fn into_tensor(self) -> Tensor<T> {
        self.clone()
    }
}

/// Single numbers. Of the integers `i64` alone, so that a literal without a suffix is one.
macro_rules! single {
    ($($T:ty),*) => {$(
        impl IntoTensor for $T {
            type Elem = $T;
            fn into_tensor(self) -> Tensor<$T> {
                Tensor::scalar(self)
            }
        }
    )*};
}
single!(f32, f64, i64, bool);

#[cfg(test)]
mod tests {
    use crate::testing::panic_of;

    use super::*;

    #[test]
    fn literals_have_the_nesting_as_their_shape() {
        assert_eq!(tensor![[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]].shape(), [3, 2]);
        assert_eq!(tensor![[[1, 2]], [[3, 4]]].shape(), [2, 1, 2]);
        assert_eq!(tensor![[1.0f32, 2.0,], [3.0, 4.0],].to_vec(), [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(tensor![7u8].shape(), [1]);
        assert_eq!(tensor![[true], [false]].to_vec(), [true, false]);
        let empty: Tensor<f32> = tensor![];
        assert_eq!(empty.shape(), [0]);
        assert_eq!(Tensor::literal([[0.5f64; 3]; 0]).shape(), [0, 3]);
    }

    #[test]
    fn literals_take_the_type_that_is_asked_for() {
        let f: Tensor<f32> = tensor![[1.0, 2.0]];
        let u: Tensor<usize> = tensor![1, 2];
        let b: Tensor<u8> = tensor![1, 2];
        let i: Tensor<i64> = tensor![1, -2];
        assert_eq!((f.len(), u.len(), b.len(), i.to_vec()), (2, 2, 2, vec![1, -2]));
        fn f64s(x: Tensor<f64>) -> usize {
            x.len()
        }
        let x = tensor![1.0, 2.0];
        let y = (&x * 2.0 + 1.0).reshape([2, 1]);
        assert_eq!(f64s(x) + f64s(y), 4);
    }

    #[test]
    fn filled_tensors() {
        assert_eq!(Tensor::<f32>::zeros([2, 3]).to_vec(), [0.0; 6]);
        assert_eq!(Tensor::<u8>::ones(vec![2]).to_vec(), [1, 1]);
        assert_eq!(Tensor::full([2, 0], true).to_vec(), []);
        assert_eq!(Tensor::scalar(2.0).shape(), []);
        assert_eq!(Tensor::<i64>::eye(3).to_vec(), [1, 0, 0, 0, 1, 0, 0, 0, 1]);
        assert_eq!(Tensor::<f64>::eye(0).shape(), [0, 0]);
        assert_eq!(Tensor::from(vec![1.0, 2.0]), [1.0, 2.0].into_iter().collect());
    }

    #[test]
    fn from_fn_counts_in_row_major_order() {
        let x = Tensor::from_fn([2, 1, 3], |i| (100 * i[0] + 10 * i[1] + i[2]) as i64);
        assert_eq!(x.to_vec(), [0, 1, 2, 100, 101, 102]);
        assert_eq!(Tensor::from_fn([], |i| i.len()).item(), 0);
        assert!(Tensor::from_fn([2, 0], |_| -> u8 { unreachable!() }).is_empty());
    }

    #[test]
    fn arange_is_half_open_in_both_directions() {
        assert_eq!(Tensor::arange(0, 5, 2i64).to_vec(), [0, 2, 4]);
        assert_eq!(Tensor::arange(5, 0, -2i64).to_vec(), [5, 3, 1]);
        assert_eq!(Tensor::arange(5, 0, 1i64).len(), 0);
        assert_eq!(Tensor::arange(0.0, 1.0, -0.5).len(), 0);
        assert_eq!(Tensor::arange(3.0, 3.0, 1.0).len(), 0);
        assert_eq!(Tensor::arange(250u8, 255, 2).to_vec(), [250, 252, 254]);
        assert_eq!(Tensor::arange(0.0, 1.0, 0.25).to_vec(), [0.0, 0.25, 0.5, 0.75]);
        assert_eq!(Tensor::arange(0.0f32, 1.0, 0.1).len(), 10);
        let long = Tensor::arange(0.0f32, 1e6, 0.1);
        assert_eq!(long[[999_999]], (999_999.0 * 0.1f32 as f64) as f32);
        let ends = Tensor::arange(i64::MIN, i64::MAX, i64::MAX);
        assert_eq!(ends.to_vec(), [i64::MIN, -1, i64::MAX - 1]);
        let down = Tensor::arange(1_000_000, -1_000_000i64, -7);
        assert!(down.iter().enumerate().all(|(i, x)| x == 1_000_000 - 7 * i as i64));
        let high = Tensor::arange(usize::MAX - 3, usize::MAX, 2).to_vec();
        assert_eq!(high, [usize::MAX - 3, usize::MAX - 1]);
    }

    #[test]
    fn linspace_meets_both_ends_exactly() {
        for n in 2..50 {
            let x = Tensor::linspace(0.1f32, 0.7, n);
            assert_eq!((x[[0]], x[[n - 1]], x.len()), (0.1, 0.7, n));
        }
        assert_eq!(Tensor::linspace(1.0, -1.0, 5).to_vec(), [1.0, 0.5, 0.0, -0.5, -1.0]);
        assert_eq!(Tensor::linspace(1.0, 2.0, 1).to_vec(), [1.0]);
        assert_eq!(Tensor::linspace(1.0, 2.0, 0).len(), 0);
    }

    // H2, tenferro#1066
    #[test]
    fn impossible_ranges_and_sizes_panic_before_anything_is_allocated() {
        assert_eq!(panic_of(|| Tensor::arange(0, 5, 0i64)), "arange: the step from 0 to 5 is 0");
        for (start, end, step) in [
            (0.0, f64::INFINITY, 1.0),
            (f64::NAN, 1.0, 1.0),
            (0.0, f64::NAN, 1.0),
            (0.0, 1.0, f64::NAN),
            (0.0, 1.0, 1e-300),
        ] {
            let text = panic_of(move || Tensor::arange(start, end, step));
            assert!(text.contains("not a finite range"), "{text}");
        }
        let overflow = "its number of elements overflows the address space";
        assert!(panic_of(|| Tensor::arange(0.0, 1e18, 0.2)).contains(overflow));
        assert!(panic_of(|| Tensor::arange(i64::MIN, i64::MAX, 1)).contains(overflow));
        assert!(panic_of(|| Tensor::linspace(0.0, 1.0, usize::MAX)).contains(overflow));
        assert!(panic_of(|| Tensor::<f32>::zeros([1 << 32, 1 << 32])).contains(overflow));
        assert!(panic_of(|| Tensor::<u8>::eye(1 << 32)).contains(overflow));
        assert!(panic_of(|| Tensor::from_fn([usize::MAX, 2], |_| 0u8)).contains(overflow));
        assert!(panic_of(|| Tensor::linspace(0.0, f64::NAN, 3)).contains("not a finite range"));
    }

    #[test]
    fn floats_and_tensors_are_taken_as_tensors() {
        let x = tensor![1.0f32];
        assert!((&x).into_tensor().shares_buffer(&x));
        assert_eq!(2.0f64.into_tensor(), Tensor::scalar(2.0));
        assert_eq!(2.0f32.into_tensor().rank(), 0);
        assert_eq!(x.into_tensor().len(), 1);
    }
}
