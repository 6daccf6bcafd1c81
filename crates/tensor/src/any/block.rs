//! Blocks and readers with their element type erased: what a fused group of pointwise operations
//! works on.

use std::ops::Range;

use super::{AnySlice, AnySliceMut, AnyView, each};
use crate::blocks::Reader;
use crate::buffer::Buffer;
use crate::element::{DType, Element};
use crate::kernel::Window;

/// An owned block of elements, aligned to a cache line: a vector that crosses from one line into
/// the next takes twice as long to load and to store.
#[derive(Debug)]
pub struct AnyBlock(Memory);

#[derive(Debug)]
enum Memory {
    F32(Buffer<f32>),
    F64(Buffer<f64>),
    Bool(Buffer<bool>),
    I64(Buffer<i64>),
    Usize(Buffer<usize>),
    U8(Buffer<u8>),
}

/// A block of no elements.
impl Default for AnyBlock {
    fn default() -> Self {
        AnyBlock::new(DType::U8, 0)
    }
}

impl AnyBlock {
    /// A block of `len` elements of unspecified value.
    pub fn new(dtype: DType, len: usize) -> Self {
        AnyBlock(match dtype {
            DType::F32 => Memory::F32(Buffer::scratch(len)),
            DType::F64 => Memory::F64(Buffer::scratch(len)),
            DType::Bool => Memory::Bool(Buffer::scratch(len)),
            DType::I64 => Memory::I64(Buffer::scratch(len)),
            DType::Usize => Memory::Usize(Buffer::scratch(len)),
            DType::U8 => Memory::U8(Buffer::scratch(len)),
        })
    }

    /// The first `len` elements.
    ///
    /// # Panics
    /// When there are fewer.
    #[inline]
    pub fn as_slice(&self, len: usize) -> AnySlice<'_> {
        each!(&self.0, Memory, b => Element::erase_slice(&b.as_slice()[..len]))
    }

    /// The first `len` elements, to overwrite.
    ///
    /// # Panics
    /// When there are fewer.
    #[inline]
    pub fn as_mut_slice(&mut self, len: usize) -> AnySliceMut<'_> {
        each!(&mut self.0, Memory, b => Element::erase_slice_mut(&mut b.as_mut_slice()[..len]))
    }

    /// Overwrites the first elements with `from`.
    ///
    /// # Panics
    /// When the types differ or the block is too short.
    #[inline]
    pub fn copy_from(&mut self, from: AnySlice<'_>) {
        match (self.as_mut_slice(from.len()), from) {
            (AnySliceMut::F32(v), AnySlice::F32(s)) => v.copy_from_slice(s),
            (AnySliceMut::F64(v), AnySlice::F64(s)) => v.copy_from_slice(s),
            (AnySliceMut::Bool(v), AnySlice::Bool(s)) => v.copy_from_slice(s),
            (AnySliceMut::I64(v), AnySlice::I64(s)) => v.copy_from_slice(s),
            (AnySliceMut::Usize(v), AnySlice::Usize(s)) => v.copy_from_slice(s),
            (AnySliceMut::U8(v), AnySlice::U8(s)) => v.copy_from_slice(s),
            (block, from) => panic!("a block of {block:?} cannot hold {}", from.dtype()),
        }
    }
}

/// The row-major sequence of a view of any element type.
#[allow(missing_docs, reason = "each variant is named by its element type")]
pub enum AnyReader<'a> {
    F32(Reader<'a, f32>),
    F64(Reader<'a, f64>),
    Bool(Reader<'a, bool>),
    I64(Reader<'a, i64>),
    Usize(Reader<'a, usize>),
    U8(Reader<'a, u8>),
}

impl<'a> AnyView<'a> {
    /// Reads the elements in row-major order, block by block.
    pub fn reader(self) -> AnyReader<'a> {
        match self {
            AnyView::F32(v) => AnyReader::F32(v.reader()),
            AnyView::F64(v) => AnyReader::F64(v.reader()),
            AnyView::Bool(v) => AnyReader::Bool(v.reader()),
            AnyView::I64(v) => AnyReader::I64(v.reader()),
            AnyView::Usize(v) => AnyReader::Usize(v.reader()),
            AnyView::U8(v) => AnyReader::U8(v.reader()),
        }
    }
}

impl<'a> AnyReader<'a> {
    /// The element type.
    pub fn dtype(&self) -> DType {
        match self {
            AnyReader::F32(_) => DType::F32,
            AnyReader::F64(_) => DType::F64,
            AnyReader::Bool(_) => DType::Bool,
            AnyReader::I64(_) => DType::I64,
            AnyReader::Usize(_) => DType::Usize,
            AnyReader::U8(_) => DType::U8,
        }
    }

    /// Whether the elements lie side by side, so that [`slice`](Self::slice) gives them.
    pub fn is_direct(&self) -> bool {
        each!(self, AnyReader, r => r.is_direct())
    }

    /// After how many elements the sequence begins anew, if it does.
    pub fn period(&self) -> Option<usize> {
        each!(self, AnyReader, r => r.period())
    }

    /// Elements `start..start + len` of a [direct](Self::is_direct) reader.
    ///
    /// # Panics
    /// When it is not direct.
    #[inline]
    pub fn slice(&self, start: usize, len: usize) -> AnySlice<'a> {
        each!(self, AnyReader, r => Element::erase_slice(r.slice(start, len)))
    }

    /// Copies elements from `start` on to `out`; after the last comes the first again.
    ///
    /// # Panics
    /// When the types differ.
    #[inline]
    pub fn copy(&self, start: usize, out: AnySliceMut<'_>) {
        match (self, out) {
            (AnyReader::F32(r), AnySliceMut::F32(out)) => r.copy(start, out),
            (AnyReader::F64(r), AnySliceMut::F64(out)) => r.copy(start, out),
            (AnyReader::Bool(r), AnySliceMut::Bool(out)) => r.copy(start, out),
            (AnyReader::I64(r), AnySliceMut::I64(out)) => r.copy(start, out),
            (AnyReader::Usize(r), AnySliceMut::Usize(out)) => r.copy(start, out),
            (AnyReader::U8(r), AnySliceMut::U8(out)) => r.copy(start, out),
            (reader, out) => panic!("{} cannot be copied to {out:?}", reader.dtype()),
        }
    }

    /// Writes a stretch of the whole that the elements have their place in, from element `start`
    /// on.
    ///
    /// # Panics
    /// When the types differ, or are not floats.
    pub fn place(&self, window: &Window, start: usize, out: AnySliceMut<'_>) {
        match (self, out) {
            (AnyReader::F32(part), AnySliceMut::F32(out)) => window.write(part, 0.0, start, out),
            (AnyReader::F64(part), AnySliceMut::F64(out)) => window.write(part, 0.0, start, out),
            (reader, out) => panic!("{} has no place in {out:?}", reader.dtype()),
        }
    }
}

impl<'a> AnySlice<'a> {
    /// Elements `range` of the slice.
    ///
    /// # Panics
    /// When the range leaves the slice.
    #[inline]
    pub fn range(self, range: Range<usize>) -> AnySlice<'a> {
        each!(self, AnySlice, s => Element::erase_slice(&s[range]))
    }
}

impl AnySliceMut<'_> {
    /// Elements `range` of the slice, to overwrite.
    ///
    /// # Panics
    /// When the range leaves the slice.
    #[inline]
    pub fn range_mut(&mut self, range: Range<usize>) -> AnySliceMut<'_> {
        each!(self, AnySliceMut, s => Element::erase_slice_mut(&mut s[range]))
    }
}

/// A slice of no elements.
impl Default for AnySliceMut<'_> {
    fn default() -> Self {
        AnySliceMut::U8(&mut [])
    }
}
