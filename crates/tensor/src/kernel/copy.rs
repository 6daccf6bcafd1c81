//! Any layout to row-major order.

use crate::element::Element;
use crate::par;
use crate::view::View;

/// Writes the elements of `x` to `out` in row-major order.
///
/// # Panics
/// When the lengths differ.
pub fn copy<T: Element>(x: View<'_, T>, out: &mut [T]) {
    assert_eq!(x.len(), out.len(), "copy: lengths differ");
    let reader = x.reader();
    par::for_parts(out, par::GRAIN_BYTES / size_of::<T>(), |start, part| reader.copy(start, part));
}
