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
        kernel::map_block(x, out, |x| x.convert());
    }));
}

/// `as` between element types.
trait Convert<U> {
    fn convert(self) -> U;
}

/// From floats to integers: `as`, in steps that loops are vectorised over.
macro_rules! truncate {
    ($from:ty => $($to:ty),*) => {$(
        impl Convert<$to> for $from {
            #[inline(always)]
            fn convert(self) -> $to {
                // The largest integer, or the next larger number, which is the least that is too
                // large.
                let (low, high) = (<$to>::MIN as $from, <$to>::MAX as $from);
                let within = if (self > low) & (self < high) { self } else { 0.0 };
                // SAFETY: it lies between the least and the largest integer.
                let truncated: $to = unsafe { within.to_int_unchecked() };
                let least = if self <= low { <$to>::MIN } else { truncated };
                if self >= high { <$to>::MAX } else { least }
            }
        }
    )*};
}
truncate!(f32 => i64, usize, u8);
truncate!(f64 => i64, usize, u8);

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
convert!(f32 => f32, f64);
convert!(f64 => f32, f64);
convert!(i64 => f32, f64, i64, usize, u8);
convert!(usize => f32, f64, i64, usize, u8);
convert!(u8 => f32, f64, i64, usize, u8);

impl Convert<bool> for bool {
    #[inline(always)]
    fn convert(self) -> bool {
        self
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::disguises;
    use crate::{Element, Float, Tensor, tensor};

    #[test]
    fn the_same_type_is_the_same_buffer() {
        let x = tensor![[1.0f32, 2.0]].t();
        let y = x.cast::<f32>();
        assert!(x.shares_buffer(&y));
        assert_eq!(x.layout(), y.layout());
    }

    #[test]
    fn floats_become_integers_towards_zero_and_saturate() {
        let x = tensor![1.9, -1.9, f64::NAN, f64::INFINITY, -f64::INFINITY, 300.0];
        assert_eq!(x.cast::<i64>().to_vec(), [1, -1, 0, i64::MAX, i64::MIN, 300]);
        assert_eq!(x.cast::<usize>().to_vec(), [1, 0, 0, usize::MAX, 0, 300]);
        assert_eq!(x.cast::<f32>().cast::<u8>().to_vec(), [1, 0, 0, 255, 0, 255]);
    }

    #[test]
    fn floats_of_any_size_become_what_as_makes_of_them() {
        fn check<F: Float, I: Element>(x: &Tensor<F>, as_is: fn(F) -> I) {
            let expected: Vec<I> = x.iter().map(as_is).collect();
            assert_eq!(x.cast::<I>().to_vec(), expected);
        }
        let edges = [0.0, 1.0, 127.0, 255.0, 256.0, 2f64.powi(63), 2f64.powi(64)];
        let near = |x: f64| [x.next_down(), x, x.next_up(), x - 0.5, x + 0.5, x - 1.0, x * 1.001];
        let both = edges.into_iter().flat_map(near).flat_map(|x| [x, -x]);
        let odd = [f64::NAN, f64::INFINITY, f64::MIN, f64::MAX, f64::MIN_POSITIVE, -0.0];
        let x: Tensor<f64> = both.chain(odd).collect();
        check(&x, |x| x as i64);
        check(&x, |x| x as usize);
        check(&x, |x| x as u8);
        let edges = [0.0f32, 255.0, 256.0, 2f32.powi(63), 2f32.powi(64)];
        let near = edges.into_iter().flat_map(|x| [x.next_down(), x, x.next_up(), x + 0.5]);
        let x: Tensor<f32> = near.flat_map(|x| [x, -x]).chain([f32::NAN, f32::MAX]).collect();
        check(&x, |x| x as i64);
        check(&x, |x| x as usize);
        check(&x, |x| x as u8);
    }

    #[test]
    fn integers_keep_their_low_bits() {
        assert_eq!(tensor![256, -1].cast::<u8>().to_vec(), [0, 255]);
        assert_eq!(tensor![usize::MAX].cast::<i64>().to_vec(), [-1]);
        assert_eq!(tensor![255u8].cast::<i64>().to_vec(), [255]);
        assert_eq!(tensor![(1i64 << 53) + 1].cast::<f64>().to_vec(), [(1i64 << 53) as f64]);
    }

    #[test]
    fn bool_is_whether_it_is_not_zero() {
        assert_eq!(
            tensor![0.0, -0.0, 0.5, f64::NAN].cast::<bool>().to_vec(),
            [false, false, true, true]
        );
        assert_eq!(tensor![0, -7].cast::<bool>().to_vec(), [false, true]);
        assert_eq!(tensor![true, false].cast::<f32>().to_vec(), [1.0, 0.0]);
        assert_eq!(tensor![true, false].cast::<usize>().to_vec(), [1, 0]);
    }

    #[test]
    fn floats_are_rounded_to_the_nearest() {
        assert_eq!(
            tensor![0.1, 1e300, -1e-300].cast::<f32>().to_vec(),
            [0.1f32, f32::INFINITY, -0.0]
        );
    }

    #[test]
    fn every_layout_is_cast_alike() {
        let x = Tensor::from_fn([2, 3], |i| i[0] as f64 * 3.7 - i[1] as f64);
        for y in disguises(&x, f64::NAN) {
            assert_eq!(y.cast::<i64>().to_vec(), [0, -1, -2, 3, 2, 1]);
        }
        assert_eq!(tensor![7].broadcast_to([2, 2]).cast::<f32>().to_vec(), [7.0; 4]);
        assert_eq!(Tensor::<f32>::zeros([2, 0]).cast::<bool>().shape(), [2, 0]);
        assert_eq!(Tensor::scalar(2.5).cast::<u8>().item(), 2);
    }
}
