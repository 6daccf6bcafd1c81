//! Blocks and readers with their element type erased: what a fused group of pointwise operations
//! works on.

use std::ops::Range;

use super::{AnySlice, AnySliceMut, AnyView};
use crate::blocks::Reader;
use crate::element::DType;

/// An owned block of elements.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // each variant is named by its element type
pub enum AnyBlock {
    F32(Vec<f32>),
    F64(Vec<f64>),
    Bool(Vec<bool>),
    I64(Vec<i64>),
    Usize(Vec<usize>),
    U8(Vec<u8>),
}

/// A block of no elements.
impl Default for AnyBlock {
    fn default() -> Self {
        AnyBlock::U8(Vec::new())
    }
}

impl AnyBlock {
    /// A block of `len` zeros.
    pub fn new(dtype: DType, len: usize) -> Self {
        match dtype {
            DType::F32 => AnyBlock::F32(vec![0.0; len]),
            DType::F64 => AnyBlock::F64(vec![0.0; len]),
            DType::Bool => AnyBlock::Bool(vec![false; len]),
            DType::I64 => AnyBlock::I64(vec![0; len]),
            DType::Usize => AnyBlock::Usize(vec![0; len]),
            DType::U8 => AnyBlock::U8(vec![0; len]),
        }
    }

    /// The first `len` elements.
    ///
    /// # Panics
    /// When there are fewer.
    #[inline]
    pub fn as_slice(&self, len: usize) -> AnySlice<'_> {
        match self {
            AnyBlock::F32(v) => AnySlice::F32(&v[..len]),
            AnyBlock::F64(v) => AnySlice::F64(&v[..len]),
            AnyBlock::Bool(v) => AnySlice::Bool(&v[..len]),
            AnyBlock::I64(v) => AnySlice::I64(&v[..len]),
            AnyBlock::Usize(v) => AnySlice::Usize(&v[..len]),
            AnyBlock::U8(v) => AnySlice::U8(&v[..len]),
        }
    }

    /// The first `len` elements, to overwrite.
    ///
    /// # Panics
    /// When there are fewer.
    #[inline]
    pub fn as_mut_slice(&mut self, len: usize) -> AnySliceMut<'_> {
        match self {
            AnyBlock::F32(v) => AnySliceMut::F32(&mut v[..len]),
            AnyBlock::F64(v) => AnySliceMut::F64(&mut v[..len]),
            AnyBlock::Bool(v) => AnySliceMut::Bool(&mut v[..len]),
            AnyBlock::I64(v) => AnySliceMut::I64(&mut v[..len]),
            AnyBlock::Usize(v) => AnySliceMut::Usize(&mut v[..len]),
            AnyBlock::U8(v) => AnySliceMut::U8(&mut v[..len]),
        }
    }

    /// Overwrites the first elements with `from` and returns them.
    ///
    /// # Panics
    /// When the types differ or the block is too short.
    #[inline]
    pub fn copy_from(&mut self, from: AnySlice<'_>) -> AnySlice<'_> {
        let len = from.len();
        match (&mut *self, from) {
            (AnyBlock::F32(v), AnySlice::F32(s)) => v[..len].copy_from_slice(s),
            (AnyBlock::F64(v), AnySlice::F64(s)) => v[..len].copy_from_slice(s),
            (AnyBlock::Bool(v), AnySlice::Bool(s)) => v[..len].copy_from_slice(s),
            (AnyBlock::I64(v), AnySlice::I64(s)) => v[..len].copy_from_slice(s),
            (AnyBlock::Usize(v), AnySlice::Usize(s)) => v[..len].copy_from_slice(s),
            (AnyBlock::U8(v), AnySlice::U8(s)) => v[..len].copy_from_slice(s),
            (block, from) => panic!("a block of {:?} cannot hold {}", block, from.dtype()),
        }
        self.as_slice(len)
    }
}

/// The row-major sequence of a view of any element type.
#[allow(missing_docs)] // as above
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

    /// Whether [`block`](Self::block) gives slices of the buffer and needs no scratch.
    pub fn is_direct(&self) -> bool {
        match self {
            AnyReader::F32(r) => r.is_direct(),
            AnyReader::F64(r) => r.is_direct(),
            AnyReader::Bool(r) => r.is_direct(),
            AnyReader::I64(r) => r.is_direct(),
            AnyReader::Usize(r) => r.is_direct(),
            AnyReader::U8(r) => r.is_direct(),
        }
    }

    /// Elements `start..start + len`: a slice of the buffer, or a copy in `scratch`.
    ///
    /// # Panics
    /// When a copy is needed and `scratch` is of another type or too short.
    #[inline]
    pub fn block<'b>(&self, start: usize, len: usize, scratch: &'b mut AnyBlock) -> AnySlice<'b>
    where
        'a: 'b,
    {
        macro_rules! read {
            ($v:ident, $r:expr) => {
                match scratch {
                    AnyBlock::$v(scratch) => AnySlice::$v($r.block(start, len, scratch)),
                    _ => AnySlice::$v($r.block(start, len, &mut [])),
                }
            };
        }
        match self {
            AnyReader::F32(r) => read!(F32, r),
            AnyReader::F64(r) => read!(F64, r),
            AnyReader::Bool(r) => read!(Bool, r),
            AnyReader::I64(r) => read!(I64, r),
            AnyReader::Usize(r) => read!(Usize, r),
            AnyReader::U8(r) => read!(U8, r),
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
        match self {
            AnySlice::F32(s) => AnySlice::F32(&s[range]),
            AnySlice::F64(s) => AnySlice::F64(&s[range]),
            AnySlice::Bool(s) => AnySlice::Bool(&s[range]),
            AnySlice::I64(s) => AnySlice::I64(&s[range]),
            AnySlice::Usize(s) => AnySlice::Usize(&s[range]),
            AnySlice::U8(s) => AnySlice::U8(&s[range]),
        }
    }
}

impl AnySliceMut<'_> {
    /// Elements `range` of the slice, to overwrite.
    ///
    /// # Panics
    /// When the range leaves the slice.
    #[inline]
    pub fn range_mut(&mut self, range: Range<usize>) -> AnySliceMut<'_> {
        match self {
            AnySliceMut::F32(s) => AnySliceMut::F32(&mut s[range]),
            AnySliceMut::F64(s) => AnySliceMut::F64(&mut s[range]),
            AnySliceMut::Bool(s) => AnySliceMut::Bool(&mut s[range]),
            AnySliceMut::I64(s) => AnySliceMut::I64(&mut s[range]),
            AnySliceMut::Usize(s) => AnySliceMut::Usize(&mut s[range]),
            AnySliceMut::U8(s) => AnySliceMut::U8(&mut s[range]),
        }
    }
}

/// A slice of no elements.
impl Default for AnySliceMut<'_> {
    fn default() -> Self {
        AnySliceMut::U8(&mut [])
    }
}
