//! Tensors, views and slices with their element type erased: what the nodes of a tape hold.

mod block;
mod slab;

pub use block::{AnyBlock, AnyReader};
pub use slab::{Earlier, Slab};

use crate::element::{DType, Element};
use crate::kernel::crosses;
use crate::tensor::Tensor;
use crate::view::View;

/// A tensor of any element type.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "each variant is named by its element type")]
pub enum AnyTensor {
    F32(Tensor<f32>),
    F64(Tensor<f64>),
    Bool(Tensor<bool>),
    I64(Tensor<i64>),
    Usize(Tensor<usize>),
    U8(Tensor<u8>),
}

/// A view of any element type.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "each variant is named by its element type")]
pub enum AnyView<'a> {
    F32(View<'a, f32>),
    F64(View<'a, f64>),
    Bool(View<'a, bool>),
    I64(View<'a, i64>),
    Usize(View<'a, usize>),
    U8(View<'a, u8>),
}

/// A slice of any element type.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "each variant is named by its element type")]
pub enum AnySlice<'a> {
    F32(&'a [f32]),
    F64(&'a [f64]),
    Bool(&'a [bool]),
    I64(&'a [i64]),
    Usize(&'a [usize]),
    U8(&'a [u8]),
}

/// A mutable slice of any element type.
#[derive(Debug)]
#[allow(missing_docs, reason = "each variant is named by its element type")]
pub enum AnySliceMut<'a> {
    F32(&'a mut [f32]),
    F64(&'a mut [f64]),
    Bool(&'a mut [bool]),
    I64(&'a mut [i64]),
    Usize(&'a mut [usize]),
    U8(&'a mut [u8]),
}

/// Runs `$body` with `$x` bound to what any variant of `$any` holds.
macro_rules! each {
    ($any:expr, $enum:ident, $x:ident => $body:expr) => {
        match $any {
            $enum::F32($x) => $body,
            $enum::F64($x) => $body,
            $enum::Bool($x) => $body,
            $enum::I64($x) => $body,
            $enum::Usize($x) => $body,
            $enum::U8($x) => $body,
        }
    };
}
pub(crate) use each;

impl AnyTensor {
    /// An uninitialised-looking (but initialised) tensor of this type to be overwritten whole;
    /// see [`Tensor::scratch`].
    #[track_caller]
    pub fn scratch(dtype: DType, shape: &[usize]) -> Self {
        match dtype {
            DType::F32 => AnyTensor::F32(Tensor::scratch(shape)),
            DType::F64 => AnyTensor::F64(Tensor::scratch(shape)),
            DType::Bool => AnyTensor::Bool(Tensor::scratch(shape)),
            DType::I64 => AnyTensor::I64(Tensor::scratch(shape)),
            DType::Usize => AnyTensor::Usize(Tensor::scratch(shape)),
            DType::U8 => AnyTensor::U8(Tensor::scratch(shape)),
        }
    }

    /// A number, rounded to the type, repeated without memory to make `shape`.
    ///
    /// # Panics
    /// When the type is not a float.
    #[track_caller]
    pub fn number(dtype: DType, shape: &[usize], x: f64) -> Self {
        match dtype {
            DType::F32 => AnyTensor::F32(Tensor::scalar(x as f32).broadcast_to(shape)),
            DType::F64 => AnyTensor::F64(Tensor::scalar(x).broadcast_to(shape)),
            other => panic!("a number is a float, not {other}"),
        }
    }

    /// The element type.
    #[inline]
    pub fn dtype(&self) -> DType {
        match self {
            AnyTensor::F32(_) => DType::F32,
            AnyTensor::F64(_) => DType::F64,
            AnyTensor::Bool(_) => DType::Bool,
            AnyTensor::I64(_) => DType::I64,
            AnyTensor::Usize(_) => DType::Usize,
            AnyTensor::U8(_) => DType::U8,
        }
    }

    /// Sizes of the axes.
    #[inline]
    pub fn shape(&self) -> &[usize] {
        each!(self, AnyTensor, t => t.shape())
    }

    /// Shape, strides and offset.
    #[inline]
    pub fn layout(&self) -> &crate::layout::Layout {
        each!(self, AnyTensor, t => t.layout())
    }

    /// The number of elements.
    #[inline]
    pub fn len(&self) -> usize {
        each!(self, AnyTensor, t => t.len())
    }

    /// Whether there is no element.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The tensor, borrowed as a view.
    #[inline]
    pub fn view(&self) -> AnyView<'_> {
        each!(self, AnyTensor, t => Element::erase_view(t.view()))
    }

    /// The same buffer under another layout.
    ///
    /// # Panics
    /// When the layout leaves the buffer.
    #[track_caller]
    pub fn with_layout(&self, layout: crate::layout::Layout) -> Self {
        each!(self, AnyTensor, t => Element::erase(t.with_layout(layout)))
    }

    /// Whether the elements are all of its buffer.
    #[inline]
    pub fn fills_buffer(&self) -> bool {
        each!(self, AnyTensor, t => t.fills_buffer())
    }

    /// The elements in row-major order, side by side: the tensor itself if they are.
    pub fn to_contiguous(&self) -> Self {
        each!(self, AnyTensor, t => Element::erase(t.to_contiguous()))
    }

    /// The elements side by side, if neighbours lie so far apart, in so large a tensor, that to
    /// copy them takes less time than to read them where they lie: those of a transpose.
    pub fn settled(&self) -> Option<Self> {
        each!(self, AnyTensor, t => crosses(t.view()).then(|| Element::erase(t.to_contiguous())))
    }

    /// The elements to overwrite, if no other tensor shares them and they lie side by side.
    #[inline]
    pub fn as_mut_slice(&mut self) -> Option<AnySliceMut<'_>> {
        each!(self, AnyTensor, t => t.as_mut_slice().map(Element::erase_slice_mut))
    }

    /// The elements, if they lie side by side in row-major order.
    #[inline]
    pub fn as_slice(&self) -> Option<AnySlice<'_>> {
        each!(self, AnyTensor, t => t.as_slice().map(Element::erase_slice))
    }
}

impl<'a> AnyView<'a> {
    /// The view, if its elements are `E`.
    #[inline]
    pub fn get<E: Element>(self) -> Option<View<'a, E>> {
        E::of_view(self)
    }

    /// The element type.
    #[inline]
    pub fn dtype(&self) -> DType {
        match self {
            AnyView::F32(_) => DType::F32,
            AnyView::F64(_) => DType::F64,
            AnyView::Bool(_) => DType::Bool,
            AnyView::I64(_) => DType::I64,
            AnyView::Usize(_) => DType::Usize,
            AnyView::U8(_) => DType::U8,
        }
    }

    /// Sizes of the axes.
    #[inline]
    pub fn shape(&self) -> &'a [usize] {
        each!(self, AnyView, v => v.shape())
    }
}

impl<'a> AnySlice<'a> {
    /// The element type.
    #[inline]
    pub fn dtype(&self) -> DType {
        match self {
            AnySlice::F32(_) => DType::F32,
            AnySlice::F64(_) => DType::F64,
            AnySlice::Bool(_) => DType::Bool,
            AnySlice::I64(_) => DType::I64,
            AnySlice::Usize(_) => DType::Usize,
            AnySlice::U8(_) => DType::U8,
        }
    }

    /// The slice, if its elements are `E`.
    #[inline]
    pub fn get<E: Element>(self) -> Option<&'a [E]> {
        E::of_slice(self)
    }

    /// The number of elements.
    #[inline]
    pub fn len(&self) -> usize {
        each!(self, AnySlice, s => s.len())
    }

    /// Whether there is no element.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<'a> AnySliceMut<'a> {
    /// The slice, if its elements are `E`.
    #[inline]
    pub fn get<E: Element>(self) -> Option<&'a mut [E]> {
        E::of_slice_mut(self)
    }

    /// The number of elements.
    #[inline]
    pub fn len(&self) -> usize {
        each!(self, AnySliceMut, s => s.len())
    }

    /// Whether there is no element.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first `mid` elements and the others.
    pub fn split_at(self, mid: usize) -> (Self, Self) {
        each!(self, AnySliceMut, s => {
            let (a, b) = s.split_at_mut(mid);
            (Element::erase_slice_mut(a), Element::erase_slice_mut(b))
        })
    }

    /// The same slice, borrowed for a shorter time.
    #[inline]
    pub fn reborrow(&mut self) -> AnySliceMut<'_> {
        each!(self, AnySliceMut, s => Element::erase_slice_mut(s))
    }

    /// The same slice, to read.
    #[inline]
    pub fn as_slice(&self) -> AnySlice<'_> {
        each!(self, AnySliceMut, s => Element::erase_slice(s))
    }
}
