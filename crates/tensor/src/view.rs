//! A borrowed tensor: what every kernel reads.

use crate::blocks::Reader;
use crate::element::Element;
use crate::error::{OrPanic, ShapeError};
use crate::layout::Layout;

/// Elements and where they lie; the layout fits the slice (its [invariants](crate::layout)).
#[derive(Clone, Copy)]
pub struct View<'a, T> {
    data: &'a [T],
    layout: &'a Layout,
}

impl<'a, T: Element> View<'a, T> {
    /// A view of `data`.
    ///
    /// # Errors
    /// When the layout reaches outside of `data`.
    pub fn new(data: &'a [T], layout: &'a Layout) -> Result<Self, ShapeError> {
        let l = layout;
        Layout::new(l.shape(), l.strides(), l.offset(), data.len(), size_of::<T>())?;
        Ok(View { data, layout })
    }

    /// A view of `data` whose layout is known to fit it.
    #[inline]
    pub(crate) fn fitting(data: &'a [T], layout: &'a Layout) -> Self {
        debug_assert!(View::new(data, layout).is_ok(), "{layout:?} leaves {}", data.len());
        View { data, layout }
    }

    /// Sizes of the axes.
    #[inline]
    pub fn shape(&self) -> &'a [usize] {
        self.layout.shape()
    }

    /// Shape, strides and offset.
    #[inline]
    pub fn layout(&self) -> &'a Layout {
        self.layout
    }

    /// The number of elements.
    #[inline]
    pub fn len(&self) -> usize {
        self.layout.len()
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.layout.is_empty()
    }

    /// The buffer the view lies in; element `[0, .., 0]` is at [`Layout::offset`].
    #[inline]
    pub fn buffer(&self) -> &'a [T] {
        self.data
    }

    /// The elements, if they lie side by side in row-major order.
    #[inline]
    pub fn as_slice(&self) -> Option<&'a [T]> {
        Some(&self.data[self.layout.side_by_side()?])
    }

    /// The same elements under another layout of the same buffer.
    ///
    /// # Panics
    /// When `layout` reaches outside of the buffer.
    #[track_caller]
    pub fn with_layout<'b>(&self, layout: &'b Layout) -> View<'b, T>
    where
        'a: 'b,
    {
        View::new(self.data, layout).or_panic()
    }

    /// Reads the elements in row-major order, block by block.
    pub fn reader(&self) -> Reader<'a, T> {
        Reader::new(self.data, self.layout)
    }

    /// The elements in row-major order.
    pub fn iter(self) -> impl Iterator<Item = T> + 'a {
        let reader = self.reader();
        (0..self.len()).map(move |i| reader.at(i))
    }

    /// The elements in row-major order.
    pub fn to_vec(&self) -> Vec<T> {
        if let Some(slice) = self.as_slice() {
            return slice.to_vec();
        }
        let mut out = vec![T::default(); self.len()];
        crate::kernel::copy(*self, &mut out);
        out
    }
}

impl<T: Element> std::fmt::Debug for View<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "View<{}>{}", T::DTYPE, crate::shape::Dims(self.shape()))
    }
}
