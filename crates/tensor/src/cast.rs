//! Elements of another type.

use crate::any::{AnySliceMut, AnyView, each};
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
        let any = T::erase(self.clone());
        if T::DTYPE == U::DTYPE {
            return U::take_tensor(any).expect("both have the type that DTYPE names");
        }
        Tensor::build(self.shape(), |out| convert(any.view(), U::erase_slice_mut(out)))
    }
}

fn convert(x: AnyView<'_>, out: AnySliceMut<'_>) {
    each!(x, AnyView, x => each!(out, AnySliceMut, out => {
        kernel::map(x, out, |x, out| {
            for (out, &x) in out.iter_mut().zip(x) {
                *out = x.convert();
            }
        });
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
