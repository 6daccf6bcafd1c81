//! Aligned memory for elements, always initialised.
//!
//! # Invariants
//!
//! 1. `data` points to `len` initialised, valid elements, aligned to [`ALIGN`] bytes, owned by this
//!    buffer alone.
//! 2. The block behind it has `pool::class_of(len * size_of::<T>())` bytes, or none if that is 0.
//!
//! A recycled block still holds the bytes of its previous owner. Every [`Element`] but `bool` takes
//! any bytes for a value, so handing them out is sound; `bool` blocks are cleared. Rejected:
//! `MaybeUninit` slices for every kernel's output, which would spread `unsafe` over all of them to
//! save nothing, since large fresh blocks come zeroed from the kernel anyway. Debug builds fill a
//! fresh buffer with a poison (NaN for floats), so that a kernel that forgets an element is seen.

use std::ptr::NonNull;

use crate::element::{DType, Element};
use crate::pool;

/// Alignment of every buffer in bytes: one cache line, and one AVX-512 register.
pub(crate) const ALIGN: usize = 64;

/// Owned elements; see the [invariants](self).
pub(crate) struct Buffer<T: Element> {
    data: NonNull<T>,
    len: usize,
}

// SAFETY: by invariant 1 the buffer owns its elements alone, and they are Send.
unsafe impl<T: Element> Send for Buffer<T> {}
// SAFETY: sharing a buffer shares only `&[T]`, and `T` is Sync.
unsafe impl<T: Element> Sync for Buffer<T> {}

impl<T: Element> Buffer<T> {
    /// `len` elements of unspecified value; `len * size_of::<T>()` must have been checked to fit.
    pub(crate) fn scratch(len: usize) -> Self {
        let bytes = len * size_of::<T>();
        if bytes == 0 {
            return Buffer { data: NonNull::<pool::Line>::dangling().cast(), len };
        }
        let block = pool::take(bytes);
        if T::DTYPE == DType::Bool || cfg!(debug_assertions) {
            let fill = if T::DTYPE == DType::Bool { 0 } else { 0xff };
            // SAFETY: the block has at least `bytes` bytes and is owned by this buffer alone.
            unsafe { block.as_ptr().write_bytes(fill, bytes) };
        }
        Buffer { data: block.cast(), len }
    }

    #[inline]
    pub(crate) fn as_slice(&self) -> &[T] {
        // SAFETY: invariant 1.
        unsafe { std::slice::from_raw_parts(self.data.as_ptr(), self.len) }
    }

    #[inline]
    pub(crate) fn as_mut_slice(&mut self) -> &mut [T] {
        // SAFETY: invariant 1, and the borrow is unique.
        unsafe { std::slice::from_raw_parts_mut(self.data.as_ptr(), self.len) }
    }
}

/// Never shows the elements: there may be many, and they may be none of this value's.
impl<T: Element> std::fmt::Debug for Buffer<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} elements of {}", self.len, T::DTYPE)
    }
}

impl<T: Element> Drop for Buffer<T> {
    fn drop(&mut self) {
        let bytes = self.len * size_of::<T>();
        if bytes > 0 {
            // SAFETY: by invariant 2 the block is of the class of `bytes`; elements have no
            // destructor, and nobody else owns the block.
            unsafe { pool::give(self.data.cast(), bytes) };
        }
    }
}
