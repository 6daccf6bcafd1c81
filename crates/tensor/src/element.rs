//! What a tensor may hold.

mod wide;

use std::fmt::{Debug, Display};

use crate::any::{AnySlice, AnySliceMut, AnyTensor, AnyView};
use crate::tensor::Tensor;
use crate::view::View;
pub use wide::{Int128, Wide};

/// The types an [`Element`] may have, as values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each variant is its own name")]
pub enum DType {
    F32,
    F64,
    Bool,
    I64,
    Usize,
    U8,
}

impl DType {
    /// The bytes of an element.
    pub fn size(self) -> usize {
        match self {
            DType::F32 => size_of::<f32>(),
            DType::F64 => size_of::<f64>(),
            DType::Bool => size_of::<bool>(),
            DType::I64 => size_of::<i64>(),
            DType::Usize => size_of::<usize>(),
            DType::U8 => size_of::<u8>(),
        }
    }
}

impl Display for DType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            DType::F32 => "f32",
            DType::F64 => "f64",
            DType::Bool => "bool",
            DType::I64 => "i64",
            DType::Usize => "usize",
            DType::U8 => "u8",
        })
    }
}

mod sealed {
    pub trait Sealed {}
}

/// A type a tensor may hold: `f32`, `f64`, `bool`, `i64`, `usize`, `u8`.
///
/// Sealed: the buffer pool relies on all of these being plain bytes without a destructor.
pub trait Element:
    sealed::Sealed + Copy + Default + PartialEq + PartialOrd + Debug + Display + Send + Sync + 'static
{
    /// This type as a value.
    const DTYPE: DType;

    /// A key in the order of the values: equal values share one, and NaN has the largest.
    fn sort_key(self) -> u64;

    /// The tensor with its element type erased.
    fn erase(tensor: Tensor<Self>) -> AnyTensor;
    /// The tensor, if it holds this type.
    fn of_tensor(tensor: &AnyTensor) -> Option<&Tensor<Self>>;
    /// The tensor, if it holds this type.
    fn of_tensor_mut(tensor: &mut AnyTensor) -> Option<&mut Tensor<Self>>;
    /// The tensor, if it holds this type.
    fn take_tensor(tensor: AnyTensor) -> Option<Tensor<Self>>;
    /// The view with its element type erased.
    fn erase_view(view: View<'_, Self>) -> AnyView<'_>;
    /// The view, if it is of this type.
    fn of_view(view: AnyView<'_>) -> Option<View<'_, Self>>;
    /// The slice with its element type erased.
    fn erase_slice(slice: &[Self]) -> AnySlice<'_>;
    /// The slice, if it is of this type.
    fn of_slice(slice: AnySlice<'_>) -> Option<&[Self]>;
    /// The slice with its element type erased.
    fn erase_slice_mut(slice: &mut [Self]) -> AnySliceMut<'_>;
    /// The slice, if it is of this type.
    fn of_slice_mut(slice: AnySliceMut<'_>) -> Option<&mut [Self]>;
}

/// Implements one element type; the six differ in the variant's name and in the sort key of a value
/// `x`.
macro_rules! element {
    ($t:ty, $v:ident, $x:ident => $key:expr) => {
        impl sealed::Sealed for $t {}
        impl Element for $t {
            const DTYPE: DType = DType::$v;
            #[inline(always)]
            fn sort_key(self) -> u64 {
                let $x = self;
                $key
            }
            #[inline]
            fn erase(tensor: Tensor<Self>) -> AnyTensor {
                AnyTensor::$v(tensor)
            }
            #[inline]
            fn of_tensor(tensor: &AnyTensor) -> Option<&Tensor<Self>> {
                if let AnyTensor::$v(t) = tensor { Some(t) } else { None }
            }
            #[inline]
            fn of_tensor_mut(tensor: &mut AnyTensor) -> Option<&mut Tensor<Self>> {
                if let AnyTensor::$v(t) = tensor { Some(t) } else { None }
            }
            #[inline]
            fn take_tensor(tensor: AnyTensor) -> Option<Tensor<Self>> {
                if let AnyTensor::$v(t) = tensor { Some(t) } else { None }
            }
            #[inline]
            fn erase_view(view: View<'_, Self>) -> AnyView<'_> {
                AnyView::$v(view)
            }
            #[inline]
            fn of_view(view: AnyView<'_>) -> Option<View<'_, Self>> {
                if let AnyView::$v(v) = view { Some(v) } else { None }
            }
            #[inline]
            fn erase_slice(slice: &[Self]) -> AnySlice<'_> {
                AnySlice::$v(slice)
            }
            #[inline]
            fn of_slice(slice: AnySlice<'_>) -> Option<&[Self]> {
                if let AnySlice::$v(s) = slice { Some(s) } else { None }
            }
            #[inline]
            fn erase_slice_mut(slice: &mut [Self]) -> AnySliceMut<'_> {
                AnySliceMut::$v(slice)
            }
            #[inline]
            fn of_slice_mut(slice: AnySliceMut<'_>) -> Option<&mut [Self]> {
                if let AnySliceMut::$v(s) = slice { Some(s) } else { None }
            }
        }
    };
}
element!(f32, F32, x => {
    let bits = (x + 0.0).to_bits() as i32; // -0 becomes 0
    if x.is_nan() { u64::MAX } else { signed_key((bits ^ (bits >> 31 & i32::MAX)) as i64) }
});
element!(f64, F64, x => {
    let bits = (x + 0.0).to_bits() as i64; // -0 becomes 0
    if x.is_nan() { u64::MAX } else { signed_key(bits ^ (bits >> 63 & i64::MAX)) }
});
element!(bool, Bool, x => x as u64);
element!(i64, I64, x => signed_key(x));
element!(usize, Usize, x => x as u64);
element!(u8, U8, x => x as u64);

/// The sort key of a signed integer. Bits of floats ascend with the magnitude: as integers they are
/// in order once those below the sign of a negative one are inverted.
#[inline(always)]
fn signed_key(x: i64) -> u64 {
    x as u64 ^ 1 << 63
}

/// Numbers: every [`Element`] but `bool`.
///
/// Arithmetic is `None` where an integer has no such result, in release builds too: a wrapped sum
/// would be a silent wrong value. For floats it is always `Some`.
pub trait Number: Element + num_traits::Num + num_traits::NumCast {
    /// What sums and products of many are kept in: `f64` for the floats, so that a sum of
    /// `f32` is rounded once, and twice the bits and more for the integers, so that only a
    /// result may not fit.
    type Wide: Wide;

    /// This value, exactly.
    fn widen(self) -> Self::Wide;
    /// The nearest value of this type; `None` for an integer that does not fit.
    fn narrow(wide: Self::Wide) -> Option<Self>;
    /// `self + other`.
    fn plus(self, other: Self) -> Option<Self>;
    /// `self - other`.
    fn minus(self, other: Self) -> Option<Self>;
    /// `self * other`.
    fn times(self, other: Self) -> Option<Self>;
    /// `self / other`.
    fn over(self, other: Self) -> Option<Self>;
    /// `-self`.
    fn negated(self) -> Option<Self>;
}

macro_rules! float_number {
    ($t:ty) => {
        impl Number for $t {
            type Wide = f64;
            #[inline(always)]
            fn widen(self) -> f64 {
                self as f64
            }
            #[inline(always)]
            fn narrow(wide: f64) -> Option<Self> {
                Some(wide as $t)
            }
            #[inline(always)]
            fn plus(self, other: Self) -> Option<Self> {
                Some(self + other)
            }
            #[inline(always)]
            fn minus(self, other: Self) -> Option<Self> {
                Some(self - other)
            }
            #[inline(always)]
            fn times(self, other: Self) -> Option<Self> {
                Some(self * other)
            }
            #[inline(always)]
            fn over(self, other: Self) -> Option<Self> {
                Some(self / other)
            }
            #[inline(always)]
            fn negated(self) -> Option<Self> {
                Some(-self)
            }
        }
    };
}
float_number!(f32);
float_number!(f64);

macro_rules! integer_number {
    ($t:ty, $wide:ty) => {
        impl Number for $t {
            type Wide = $wide;
            #[inline(always)]
            fn widen(self) -> $wide {
                self.into()
            }
            #[inline(always)]
            fn narrow(wide: $wide) -> Option<Self> {
                wide.try_into().ok()
            }
            // A sum fits where it lies on the side of `self` that the sign of `other` says. The
            // flag of the processor, which `checked_add` asks for, is none that loops are
            // vectorised over.
            #[inline]
            fn plus(self, other: Self) -> Option<Self> {
                let sum = self.wrapping_add(other);
                ((sum < self) == (other < Self::default())).then_some(sum)
            }
            #[inline]
            fn minus(self, other: Self) -> Option<Self> {
                let difference = self.wrapping_sub(other);
                ((difference > self) == (other < Self::default())).then_some(difference)
            }
            #[inline]
            fn times(self, other: Self) -> Option<Self> {
                self.checked_mul(other)
            }
            #[inline]
            fn over(self, other: Self) -> Option<Self> {
                self.checked_div(other)
            }
            #[inline]
            fn negated(self) -> Option<Self> {
                self.checked_neg()
            }
        }
    };
}
integer_number!(i64, Int128);
integer_number!(usize, Int128);
integer_number!(u8, i64);

/// The floating-point types `f32` and `f64`: what derivatives are taken in.
///
/// Sealed to these two, so generic code may call any kernel:
/// [`kernel::unary`](crate::kernel::unary) and its like take a function that is implemented for
/// both.
pub trait Float: Number<Wide = f64> + num_traits::Float + Scalar {
    /// The nearest value of this type.
    fn of(x: f64) -> Self;
    /// This value, exactly.
    fn wide(self) -> f64;
}

impl Float for f32 {
    #[inline(always)]
    fn of(x: f64) -> Self {
        x as f32
    }
    #[inline(always)]
    fn wide(self) -> f64 {
        self as f64
    }
}
impl Float for f64 {
    #[inline(always)]
    fn of(x: f64) -> Self {
        x
    }
    #[inline(always)]
    fn wide(self) -> f64 {
        self
    }
}

/// A Rust number that may stand as a scalar operand next to a tensor or a variable.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither a number nor of the other operand's type",
    note = "both operands have one element type: `cast` one of them",
    note = "beside a variable a tensor is a constant: `tape.constant(&tensor)`"
)]
pub trait Scalar: Copy {
    /// Its value.
    fn to_f64(self) -> f64;
}
impl Scalar for f64 {
    fn to_f64(self) -> f64 {
        self
    }
}
impl Scalar for f32 {
    fn to_f64(self) -> f64 {
        self as f64
    }
}
impl Scalar for i32 {
    fn to_f64(self) -> f64 {
        self as f64
    }
}
