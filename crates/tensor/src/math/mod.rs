//! stub
use crate::simd::Isa;
/// A function of one element, compiled for every instruction set.
pub trait Unary<T>: Copy + Send + Sync + 'static {
    /// f
    fn call<I: Isa>(self, x: T) -> T;
    /// block
    #[inline(always)]
    fn block<I: Isa>(self, x: &[T], out: &mut [T])
    where
        T: Copy,
    {
        for (o, &x) in out.iter_mut().zip(x) {
            *o = self.call::<I>(x)
        }
    }
}
/// A function of two elements.
pub trait Binary<T>: Copy + Send + Sync + 'static {
    /// f
    fn call<I: Isa>(self, a: T, b: T) -> T;
}
