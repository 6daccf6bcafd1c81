//! Any layout to row-major order.

use crate::element::Element;
use crate::error::ShapeError;
use crate::layout::Layout;
use crate::par;
use crate::shape::Dims;
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

/// Writes the elements of `x` in row-major order to where `at`, a layout of `out` that shows no
/// element twice, has its own. The other elements of `out` stay.
///
/// # Errors
/// When `at` leaves `out` or has another number of elements than `x`.
pub fn assign<T: Element>(x: View<'_, T>, at: &Layout, out: &mut [T]) -> Result<(), ShapeError> {
    let at = Layout::new(at.shape(), at.strides(), at.offset(), out.len(), size_of::<T>())?;
    if at.len() != x.len() {
        let (x, at) = (Dims(x.shape()), Dims(at.shape()));
        return Err(ShapeError::new(format!("assign: shape {x} does not fill {at}")));
    }
    let runs = at.merged();
    let (&(inner, stride), outer) = runs.split_last().unwrap_or((&(1, 1), &[]));
    let mut row = vec![T::default(); inner];
    let reader = x.reader();
    for k in 0..x.len().checked_div(inner).unwrap_or(0) {
        let (mut start, mut rest) = (at.offset() as isize, k);
        for &(size, s) in outer.iter().rev() {
            start += (rest % size) as isize * s;
            rest /= size;
        }
        let row = reader.block(k * inner, inner, &mut row);
        if stride == 1 {
            out[start as usize..start as usize + inner].copy_from_slice(row);
        } else {
            for (i, &v) in row.iter().enumerate() {
                out[(start + i as isize * stride) as usize] = v;
            }
        }
    }
    Ok(())
}
