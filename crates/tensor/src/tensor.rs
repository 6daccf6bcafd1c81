//! The tensor: a shared buffer and a layout.

use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use crate::blocks::Reader;
use crate::buffer::Buffer;
use crate::element::Element;
use crate::error::{Error, OrPanic, ShapeError};
use crate::kernel;
use crate::layout::Layout;
use crate::shape::{self, Shape};
use crate::view::View;

/// An n-dimensional array of `T`: a shared buffer, and where in it the elements lie.
///
/// Cloning and viewing copy nothing; writing needs `&mut` and copies first if the buffer is shared,
/// so a tensor never changes under another one.
///
/// # Invariants
/// The layout fits the buffer; see [`layout`](crate::layout).
#[derive(Clone)]
pub struct Tensor<T: Element> {
    buffer: Arc<Buffer<T>>,
    layout: Layout,
}

impl<T: Element> Tensor<T> {
    /// A contiguous tensor of unspecified (but valid) values, to be overwritten whole.
    ///
    /// # Panics
    /// When the size overflows the address space.
    #[doc(alias = "empty")]
    #[track_caller]
    pub fn scratch(shape: &[usize]) -> Self {
        let layout = Layout::contiguous(shape, size_of::<T>()).or_panic();
        Tensor { buffer: Arc::new(Buffer::scratch(layout.len())), layout }
    }

    /// A contiguous tensor whose elements `fill` writes.
    #[track_caller]
    pub(crate) fn build(shape: &[usize], fill: impl FnOnce(&mut [T])) -> Self {
        let mut out = Tensor::scratch(shape);
        fill(out.fresh());
        out
    }

    /// As [`build`](Self::build), for kernels that may fail.
    #[track_caller]
    pub(crate) fn try_build(
        shape: &[usize],
        fill: impl FnOnce(&mut [T]) -> Result<(), Error>,
    ) -> Result<Self, Error> {
        let mut out = Tensor::scratch(shape);
        fill(out.fresh())?;
        Ok(out)
    }

    /// The elements of a tensor that has just been made by `scratch`.
    fn fresh(&mut self) -> &mut [T] {
        self.buffer_mut().expect("a fresh buffer has one owner").as_mut_slice()
    }

    /// A tensor of `shape` from its elements in row-major order.
    ///
    /// # Errors
    /// [`Error::Length`] when the number of elements differs from the product of `shape`,
    /// [`Error::Shape`] when that product overflows.
    pub fn from_vec(data: Vec<T>, shape: impl AsRef<[usize]>) -> Result<Self, Error> {
        let shape = shape.as_ref();
        let expected = shape::checked_len(shape, size_of::<T>())?;
        if data.len() != expected {
            let shape = Shape::from_slice(shape);
            return Err(Error::Length { len: data.len(), expected, shape });
        }
        Ok(Tensor::build(shape, |out| out.copy_from_slice(&data)))
    }

    /// Sizes of the axes, outermost first.
    #[inline]
    pub fn shape(&self) -> &[usize] {
        self.layout.shape()
    }

    /// Shape, strides and offset.
    #[inline]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Signed distances between neighbours along each axis, in elements.
    #[inline]
    pub fn strides(&self) -> &[isize] {
        self.layout.strides()
    }

    /// The number of axes.
    #[inline]
    pub fn rank(&self) -> usize {
        self.layout.rank()
    }

    /// The number of elements.
    #[inline]
    pub fn len(&self) -> usize {
        self.layout.len()
    }

    /// Whether there is no element.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.layout.is_empty()
    }

    /// Whether the elements lie side by side in row-major order.
    #[inline]
    pub fn is_contiguous(&self) -> bool {
        self.layout.is_contiguous()
    }

    /// Whether both tensors read the same buffer.
    pub fn shares_buffer(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.buffer, &other.buffer)
    }

    /// Whether the elements are all of the buffer, and not a part of it.
    pub fn fills_buffer(&self) -> bool {
        self.len() == self.buffer.as_slice().len()
    }

    /// The tensor, borrowed for a kernel to read.
    #[inline]
    pub fn view(&self) -> View<'_, T> {
        View::fitting(self.buffer.as_slice(), &self.layout)
    }

    /// Reads the elements in row-major order, block by block.
    pub fn reader(&self) -> Reader<'_, T> {
        self.view().reader()
    }

    /// The elements, if they lie side by side in row-major order.
    #[inline]
    pub fn as_slice(&self) -> Option<&[T]> {
        self.view().as_slice()
    }

    /// The elements to overwrite, if no other tensor shares the buffer and they lie side by side.
    #[inline]
    pub fn as_mut_slice(&mut self) -> Option<&mut [T]> {
        let place = self.layout.side_by_side()?;
        Some(&mut self.buffer_mut()?.as_mut_slice()[place])
    }

    /// The elements to overwrite; copied first if another tensor shares them.
    pub fn make_mut(&mut self) -> &mut [T] {
        let place = match (self.layout.side_by_side(), self.buffer_mut()) {
            (Some(place), Some(_)) => place,
            _ => {
                *self = Tensor::build(self.shape(), |out| kernel::copy(self.view(), out));
                0..self.len()
            }
        };
        &mut self.buffer_mut().expect("it has one owner").as_mut_slice()[place]
    }

    /// The buffer, if no other tensor shares it.
    ///
    /// (As [`Arc::get_mut`], which has to lock out weak references: two atomic exchanges, which
    /// cost more than an update of a few numbers.)
    #[inline]
    fn buffer_mut(&mut self) -> Option<&mut Buffer<T>> {
        if Arc::strong_count(&self.buffer) > 1 {
            return None;
        }
        // What other owners did before they let go, they did before what is done now.
        fence(Ordering::Acquire);
        // SAFETY: this is the one owner, for nobody makes weak references: the field is private,
        // and this file does not. It is borrowed uniquely, so that nobody else becomes one
        // meanwhile. The pointer is the one that the memory was allocated with, and may be
        // written through.
        Some(unsafe { &mut *Arc::as_ptr(&self.buffer).cast_mut() })
    }

    /// The elements in row-major order, side by side: the tensor itself if they are, else a copy.
    #[track_caller]
    pub fn to_contiguous(&self) -> Self {
        if self.is_contiguous() {
            return self.clone();
        }
        Tensor::build(self.shape(), |out| kernel::copy(self.view(), out))
    }

    /// The elements in row-major order.
    pub fn to_vec(&self) -> Vec<T> {
        self.view().to_vec()
    }

    /// The elements in row-major order.
    pub fn iter(&self) -> impl Iterator<Item = T> + '_ {
        let reader = self.reader();
        (0..self.len()).map(move |i| reader.at(i))
    }

    /// The only element.
    ///
    /// # Panics
    /// When there is not exactly one.
    #[track_caller]
    pub fn item(&self) -> T {
        if self.len() != 1 {
            let shape = shape::Dims(self.shape());
            panic!("item: shape {shape} has {} elements, not one", self.len());
        }
        self.reader().at(0)
    }

    /// The same buffer under another layout.
    ///
    /// # Panics
    /// When the layout leaves the buffer.
    #[track_caller]
    pub fn with_layout(&self, layout: Layout) -> Self {
        let len = self.buffer.as_slice().len();
        let (shape, strides, offset) = (layout.shape(), layout.strides(), layout.offset());
        let layout = Layout::new(shape, strides, offset, len, size_of::<T>()).or_panic();
        Tensor { buffer: self.buffer.clone(), layout }
    }

    /// The same buffer under a layout that is a view of the present one, so that it fits.
    #[track_caller]
    pub(crate) fn viewed(&self, layout: Result<Layout, ShapeError>) -> Self {
        let layout = layout.or_panic();
        debug_assert!(View::new(self.buffer.as_slice(), &layout).is_ok());
        Tensor { buffer: self.buffer.clone(), layout }
    }

    /// Where the element at `index`, one number an axis, lies in the buffer, if there is one.
    fn position(&self, index: &[usize]) -> Option<usize> {
        let inside =
            index.len() == self.rank() && index.iter().zip(self.shape()).all(|(i, d)| i < d);
        inside.then(|| {
            let steps = index.iter().zip(self.strides()).map(|(&i, &s)| i as isize * s);
            (self.layout.offset() as isize + steps.sum::<isize>()) as usize
        })
    }
}

/// `x[[i, j]]`: one index an axis.
impl<T: Element, const N: usize> std::ops::Index<[usize; N]> for Tensor<T> {
    type Output = T;

    #[track_caller]
    fn index(&self, index: [usize; N]) -> &T {
        match self.position(&index) {
            Some(at) => &self.buffer.as_slice()[at],
            None => panic!("index {index:?} is outside of shape {}", shape::Dims(self.shape())),
        }
    }
}

/// `x[[i, j]] = v`: copies the tensor first if its buffer is shared or strided.
impl<T: Element, const N: usize> std::ops::IndexMut<[usize; N]> for Tensor<T> {
    #[track_caller]
    fn index_mut(&mut self, index: [usize; N]) -> &mut T {
        self.make_mut();
        match self.position(&index) {
            Some(at) => {
                let start = self.layout.offset();
                &mut self.make_mut()[at - start]
            }
            None => panic!("index {index:?} is outside of shape {}", shape::Dims(self.shape())),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Tensor, tensor};

    #[test]
    fn elements_are_written_in_place_by_the_one_owner_and_copied_by_one_of_several() {
        let mut x = tensor![1.0, 2.0, 3.0];
        let at = x.as_slice().expect("side by side").as_ptr();
        let shared = x.clone();
        assert!(x.as_mut_slice().is_none());
        let sum = std::thread::spawn(move || shared.iter().sum::<f64>()).join();
        assert_eq!(sum.expect("it adds"), 6.0);
        x.make_mut()[0] = 4.0;
        assert_eq!(x.as_slice().expect("side by side").as_ptr(), at, "the other owner is gone");
        let other = x.clone();
        x.make_mut()[1] = 5.0;
        assert_eq!((x, other), (tensor![4.0, 5.0, 3.0], tensor![4.0, 2.0, 3.0]));
        let mut turned = Tensor::<f64>::zeros([2, 3]).t();
        assert!(turned.as_mut_slice().is_none());
        assert_eq!(turned.make_mut().len(), 6);
    }
}
