//! Elements of another type.

use crate::any::{AnySlice, AnySliceMut, each};
use crate::element::Element;
use crate::kernel;
use crate::tensor::Tensor;

impl<T: Element> Tensor<T> {
    /// The elements as another type, by the rules of `as`; the tensor itself if the type is the
    /// same.
    ///
    /// - To a float: the nearest value. To f32, what is too large becomes infinite.
    /// - Float to integer: towards zero; what is too small or large becomes the smallest or largest
    ///   value, NaN becomes 0.
    /// - Integer to integer: the low bits, so 256 becomes 0 as u8 and -1 becomes 255.
    /// - To bool: whether it is not 0 (NaN is not). From bool: 0 or 1.
    pub fn cast<U: Element>(&self) -> Tensor<U> {
        if T::DTYPE == U::DTYPE {
            let same = U::take_tensor(T::erase(self.clone()));
            return same.expect("both have the type that DTYPE names");
        }
        Tensor::build(self.shape(), |out| kernel::map(self.view(), out, cast_block))
    }
}

/// One block of [`Tensor::cast`]: `out[i] = x[i] as U`.
pub fn cast_block<T: Element, U: Element>(x: &[T], out: &mut [U]) {
    each!(T::erase_slice(x), AnySlice, x => each!(U::erase_slice_mut(out), AnySliceMut, out => {
        for (out, &x) in out.iter_mut().zip(x) {
            *out = x.convert();
        }
    }));
}

/// `as` between element types.
trait Convert<U> {
    fn convert(self) -> U;
}

macro_rules! convert {
    ($from:ty => $($to:ty),*) => {
        $(impl Convert<$to> for $from {
            #[inline(always)]
            fn convert(self) -> $to {
                self as $to
            }
        })*
        impl Convert<bool> for $from {
            #[inline(always)]
            fn convert(self) -> bool {
                self != 0 as $from
            }
        }
        impl Convert<$from> for bool {
            #[inline(always)]
            fn convert(self) -> $from {
                u8::from(self) as $from
            }
        }
    };
}
convert!(f32 => f32, f64, i64, usize, u8);
convert!(f64 => f32, f64, i64, usize, u8);
convert!(i64 => f32, f64, i64, usize, u8);
convert!(usize => f32, f64, i64, usize, u8);
convert!(u8 => f32, f64, i64, usize, u8);

impl Convert<bool> for bool {
    #[inline(always)]
    fn convert(self) -> bool {
        self
    }
}
