//! Any layout to row-major order.

mod tiles;

use crate::element::Element;
use crate::error::ShapeError;
use crate::layout::Layout;
use crate::par;
use crate::shape::{Dims, distance};
use crate::stream::{LARGE, Sink};
use crate::view::View;
use tiles::Tiles;

/// Elements that are staged before they are written past the caches.
const STAGE: usize = 1 << 11;

/// Writes the elements of `x` to `out` in row-major order.
///
/// # Panics
/// When the lengths differ.
pub fn copy<T: Element>(x: View<'_, T>, out: &mut [T]) {
    assert_eq!(x.len(), out.len(), "copy: lengths differ");
    let grain = par::GRAIN_BYTES / size_of::<T>();
    if let Some(tiles) = Tiles::of(x) {
        if tiles.long(grain) {
            return tiles.write_long(out, grain);
        }
        return par::for_units(out, tiles.unit(), grain, |start, part| tiles.write(start, part));
    }
    let (reader, bytes) = (x.reader(), size_of_val(out));
    par::for_parts(out, grain, |start, part| {
        if bytes < LARGE {
            return reader.copy(start, part);
        }
        let (sink, mut stage) = (Sink::new(bytes), vec![T::default(); STAGE]);
        for (k, part) in part.chunks_mut(STAGE).enumerate() {
            sink.put(reader.block(start + k * STAGE, part.len(), &mut stage), part);
        }
    });
}

/// Whether neighbours in row-major order lie so far apart, in so large a view, that each is read
/// from another line of the cache, of which [`copy`] reads all elements at once.
pub(crate) fn crosses<T: Element>(x: View<'_, T>) -> bool {
    let (shape, strides) = (x.shape(), x.layout().strides());
    // Most views are seen not to without merging their axes.
    let innermost = (0..shape.len()).rev().find(|&k| shape[k] > 1);
    innermost.is_some_and(|k| strides[k].unsigned_abs() >= 8)
        && Tiles::of(x).is_some_and(|tiles| tiles.cross())
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
        let start = at.offset() as isize + distance(outer.iter().copied(), k);
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
