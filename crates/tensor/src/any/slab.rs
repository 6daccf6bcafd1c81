//! Many tiny values in one piece of memory.
//!
//! A value of a few numbers that has a buffer, a counter and a layout of its own costs a hundred
//! nanoseconds to make, twenty times what it takes to compute it. In a slab it costs its bytes.
//!
//! The memory is one, for all element types: with a piece for each, writing a value would have to
//! part every one of them into what was made before and what is written.
//!
//! # Invariants
//!
//! 1. The elements of a slot that is no view lie inside of the memory, aligned, and behind those of
//!    all such slots made before; they are initialised, and valid for its type.
//! 2. The `base` of a view is a slot made before it that is no view, and has its type.
//! 3. The layout of a slot fits the elements of its base, or its own if it is no view. `at` and
//!    `len` of a contiguous slot are inside of these.

use std::marker::PhantomData;
use std::slice;

use super::{AnySlice, AnySliceMut, AnyTensor, AnyView, each};
use crate::element::{DType, Element};
use crate::error::ShapeError;
use crate::layout::Layout;
use crate::pool;
use crate::shape::{self, Dims, Shape};
use crate::tensor::Tensor;
use crate::view::View;

/// Memory for values of all element types.
#[derive(Debug, Default)]
pub struct Slab {
    /// Words, so that elements of every type are aligned in it. Fresh ones are 0, which is a value
    /// of every type.
    memory: Vec<u64>,
    slots: Vec<Slot>,
    /// Layouts of slots; neighbours of one shape share theirs.
    layouts: Vec<Layout>,
    /// The row-major layout made last.
    recent: Option<u32>,
}

#[derive(Debug)]
struct Slot {
    /// Where its first element lies, in bytes.
    at: u32,
    len: u32,
    /// The slot whose elements it views; its own number if it is no view.
    base: u32,
    /// Which of the slab's layouts.
    layout: u32,
    dtype: DType,
    /// Whether the layout is row-major.
    contiguous: bool,
}

/// The values made before the one that is being written.
pub struct Earlier<'a> {
    /// Of the slab's memory, whose elements of `slots` nobody writes for `'a`.
    memory: *const u64,
    slots: &'a [Slot],
    layouts: &'a [Layout],
    borrowed: PhantomData<&'a [u64]>,
}

impl Slab {
    /// A slab without values.
    pub const EMPTY: Slab =
        Slab { memory: Vec::new(), slots: Vec::new(), layouts: Vec::new(), recent: None };

    /// How many bytes the values take, and what tells where they lie.
    pub fn bytes(&self) -> usize {
        size_of_val(&self.memory[..])
            + size_of_val(&self.slots[..])
            + size_of_val(&self.layouts[..])
    }

    /// Makes room for a value and returns its number: they count from 0.
    ///
    /// # Errors
    /// When the size overflows, or the slab would hold more than 2³² bytes.
    pub fn push(&mut self, dtype: DType, shape: &[usize]) -> Result<usize, ShapeError> {
        let layout = self.row_major(shape)?;
        let len = self.layouts[layout as usize].len();
        self.push_row_major(dtype, layout, len)
    }

    /// As [`push`](Self::push), with the shape of value `of`.
    ///
    /// # Errors
    /// As `push`.
    #[inline]
    pub fn push_beside(&mut self, dtype: DType, of: usize) -> Result<usize, ShapeError> {
        match self.slots[of] {
            Slot { base, layout, len, .. } if base as usize == of => {
                self.push_row_major(dtype, layout, len as usize)
            }
            _ => self.push(dtype, &Shape::from_slice(self.layout(of).shape())),
        }
    }

    #[inline]
    fn push_row_major(
        &mut self,
        dtype: DType,
        layout: u32,
        len: usize,
    ) -> Result<usize, ShapeError> {
        let (start, words) = (self.memory.len(), (len * dtype.size()).div_ceil(8));
        let (Ok(_), Ok(base)) =
            (u32::try_from(8 * (start + words)), u32::try_from(self.slots.len()))
        else {
            let shape = self.layouts[layout as usize].shape();
            return Err(ShapeError::new(format!("slab: no room for shape {}", Dims(shape))));
        };
        self.memory.resize(start + words, 0);
        let (at, len) = (8 * start as u32, len as u32);
        self.slots.push(Slot { at, len, base, layout, dtype, contiguous: true });
        Ok(base as usize)
    }

    /// Which layout is the row-major one of `shape`.
    fn row_major(&mut self, shape: &[usize]) -> Result<u32, ShapeError> {
        if let Some(recent) = self.recent
            && shape::same(self.layouts[recent as usize].shape(), shape)
        {
            return Ok(recent);
        }
        self.layouts.push(Layout::contiguous(shape, 8)?);
        let layout = self.layouts.len() as u32 - 1;
        self.recent = Some(layout);
        Ok(layout)
    }

    /// A view of value `of`, with a layout that [`layout`](Self::layout) was turned into.
    ///
    /// # Errors
    /// When the layout leaves the elements that value lies in.
    pub fn push_view(&mut self, of: usize, layout: &Layout) -> Result<usize, ShapeError> {
        let base = self.slots[of].base;
        let &Slot { dtype, at, len, .. } = &self.slots[base as usize];
        let (shape, strides, offset) = (layout.shape(), layout.strides(), layout.offset());
        let layout = Layout::new(shape, strides, offset, len as usize, 8)?;
        let contiguous = layout.is_contiguous();
        // Only of a contiguous view: another may have more elements than its base, or than fit.
        let len = if contiguous { layout.len() as u32 } else { 0 };
        let at = at + (offset * dtype.size()) as u32;
        self.layouts.push(layout);
        let layout = self.layouts.len() as u32 - 1;
        self.slots.push(Slot { at, len, base, layout, dtype, contiguous });
        Ok(self.slots.len() - 1)
    }

    /// The layout of a value in the elements it lies in.
    #[inline]
    pub fn layout(&self, slot: usize) -> &Layout {
        &self.layouts[self.slots[slot].layout as usize]
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The value whose elements a value views: itself if it is no view.
    pub fn base(&self, slot: usize) -> usize {
        self.slots[slot].base as usize
    }

    /// The element type of a value.
    pub fn dtype(&self, slot: usize) -> DType {
        self.slots[slot].dtype
    }

    /// Whether the elements of a value lie side by side in row-major order.
    #[inline]
    pub fn is_contiguous(&self, slot: usize) -> bool {
        self.slots[slot].contiguous
    }

    /// Forgets all values and keeps the memory for others; see [`pool::reuse`].
    pub fn reuse(&mut self) {
        pool::reuse(&mut self.memory);
        pool::reuse(&mut self.slots);
        pool::reuse(&mut self.layouts);
        self.recent = None;
    }

    /// Writes value `out` by `f`, which is given the values before it.
    ///
    /// # Panics
    /// When `out` is a view.
    #[inline]
    pub fn write<R>(
        &mut self,
        out: usize,
        f: impl FnOnce(&Earlier<'_>, AnySliceMut<'_>) -> R,
    ) -> R {
        let (slots, rest) = self.slots.split_at(out);
        let slot = &rest[0];
        assert!(slot.base as usize == out, "a view is written where it came from");
        let memory = self.memory.as_mut_ptr();
        // SAFETY: the slab is borrowed, and `slot` is no view. By invariant 1 its elements are
        // in the memory and behind those of `slots`, which is all that `Earlier` reads
        // (invariants 2 and 3).
        let mut out = unsafe { elements_mut(memory, slot) };
        if cfg!(debug_assertions) {
            poison(out.reborrow());
        }
        f(&Earlier { memory, slots, layouts: &self.layouts, borrowed: PhantomData }, out)
    }

    /// Writes value `out` with the elements of `x`.
    ///
    /// # Panics
    /// When the types or the lengths differ.
    #[inline]
    pub fn set(&mut self, out: usize, x: AnyView<'_>) {
        self.write(out, |_, out| copy(x, out));
    }

    /// Fills value `out` with a number, rounded to its type.
    ///
    /// # Panics
    /// When the value does not hold floats.
    #[inline]
    pub fn set_number(&mut self, out: usize, x: f64) {
        self.write(out, |_, out| match out {
            AnySliceMut::F32(out) => out.fill(x as f32),
            AnySliceMut::F64(out) => out.fill(x),
            _ => panic!("a number is a float"),
        });
    }

    /// Writes value `out` with those of value `from`, which was made before.
    ///
    /// # Panics
    /// When the types or the lengths differ.
    pub fn copy(&mut self, out: usize, from: usize) {
        self.write(out, |earlier, out| copy(earlier.view(from), out));
    }

    /// A value, to read.
    #[inline]
    pub fn view(&self, slot: usize) -> AnyView<'_> {
        self.all().view(slot)
    }

    #[inline]
    fn all(&self) -> Earlier<'_> {
        let (memory, slots, layouts) = (self.memory.as_ptr(), &self.slots, &self.layouts);
        Earlier { memory, slots, layouts, borrowed: PhantomData }
    }

    /// A tensor with the elements of a value.
    pub fn tensor(&self, slot: usize) -> AnyTensor {
        fn owned<T: Element>(v: View<'_, T>) -> AnyTensor {
            T::erase(Tensor::build(v.shape(), |out| copy_elements(v, out)))
        }
        each!(self.view(slot), AnyView, v => owned(v))
    }

    /// Writes the elements of a value to `tensor`, if that has the value's type and shape, and
    /// nobody shares its buffer; tells whether it did.
    pub fn write_to(&self, slot: usize, tensor: &mut AnyTensor) -> bool {
        fn same<T: Element>(x: View<'_, T>, tensor: &mut AnyTensor) -> bool {
            let alike = |tensor: &&mut Tensor<T>| shape::same(tensor.shape(), x.shape());
            let tensor = T::of_tensor_mut(tensor).filter(alike);
            let out = tensor.and_then(Tensor::as_mut_slice);
            out.map(|out| copy_elements(x, out)).is_some()
        }
        each!(self.view(slot), AnyView, x => same(x, tensor))
    }
}

impl<'a> Earlier<'a> {
    /// A value.
    #[inline]
    pub fn view(&self, slot: usize) -> AnyView<'a> {
        let slot = &self.slots[slot];
        let layout = &self.layouts[slot.layout as usize];
        // SAFETY: the base is no view and one of `slots`, whose elements nobody writes for `'a`.
        let elements = unsafe { elements(self.memory, &self.slots[slot.base as usize]) };
        each!(elements, AnySlice, x => Element::erase_view(View::fitting(x, layout)))
    }

    /// The elements of a value that lie side by side.
    ///
    /// # Panics
    /// When they do not.
    #[inline]
    pub fn slice(&self, slot: usize) -> AnySlice<'a> {
        let slot = &self.slots[slot];
        assert!(slot.contiguous, "the value is strided");
        // SAFETY: by invariant 3 these are elements of its base, one of `slots`, whose elements
        // nobody writes for `'a`.
        unsafe { elements(self.memory, slot) }
    }
}

/// The elements of a contiguous slot.
///
/// # Safety
/// `memory` is that of the slot's slab, and for `'a` nobody writes these elements.
#[inline]
unsafe fn elements<'a>(memory: *const u64, slot: &Slot) -> AnySlice<'a> {
    // SAFETY: by invariants 1 and 3 they are in the memory, aligned, initialised and valid; by
    // contract nobody writes them.
    unsafe {
        let (at, len) = (memory.byte_add(slot.at as usize), slot.len as usize);
        match slot.dtype {
            DType::F32 => AnySlice::F32(slice::from_raw_parts(at.cast(), len)),
            DType::F64 => AnySlice::F64(slice::from_raw_parts(at.cast(), len)),
            DType::Bool => AnySlice::Bool(slice::from_raw_parts(at.cast(), len)),
            DType::I64 => AnySlice::I64(slice::from_raw_parts(at.cast(), len)),
            DType::Usize => AnySlice::Usize(slice::from_raw_parts(at.cast(), len)),
            DType::U8 => AnySlice::U8(slice::from_raw_parts(at.cast(), len)),
        }
    }
}

/// The elements of a slot that is no view, to be written.
///
/// # Safety
/// `memory` is that of the slot's slab, and for `'a` nobody else reads or writes these elements.
#[inline]
unsafe fn elements_mut<'a>(memory: *mut u64, slot: &Slot) -> AnySliceMut<'a> {
    // SAFETY: by invariant 1 they are in the memory, aligned, initialised and valid; by contract
    // they are the caller's alone.
    unsafe {
        let (at, len) = (memory.byte_add(slot.at as usize), slot.len as usize);
        match slot.dtype {
            DType::F32 => AnySliceMut::F32(slice::from_raw_parts_mut(at.cast(), len)),
            DType::F64 => AnySliceMut::F64(slice::from_raw_parts_mut(at.cast(), len)),
            DType::Bool => AnySliceMut::Bool(slice::from_raw_parts_mut(at.cast(), len)),
            DType::I64 => AnySliceMut::I64(slice::from_raw_parts_mut(at.cast(), len)),
            DType::Usize => AnySliceMut::Usize(slice::from_raw_parts_mut(at.cast(), len)),
            DType::U8 => AnySliceMut::U8(slice::from_raw_parts_mut(at.cast(), len)),
        }
    }
}

/// What a fresh buffer holds in debug builds, so that a kernel that forgets an element is seen.
fn poison(out: AnySliceMut<'_>) {
    match out {
        AnySliceMut::F32(out) => out.fill(f32::NAN),
        AnySliceMut::F64(out) => out.fill(f64::NAN),
        AnySliceMut::I64(out) => out.fill(-1),
        AnySliceMut::Usize(out) => out.fill(usize::MAX),
        AnySliceMut::U8(out) => out.fill(u8::MAX),
        AnySliceMut::Bool(_) => {}
    }
}

/// `out = x`, in which no value changes its type.
fn copy(x: AnyView<'_>, out: AnySliceMut<'_>) {
    fn same<T: Element>(x: View<'_, T>, out: AnySliceMut<'_>) {
        copy_elements(x, T::of_slice_mut(out).expect("a value keeps its type"));
    }
    each!(x, AnyView, v => same(v, out));
}

/// By the reader, since the kernel for copies takes a block from the heap, for larger ones than
/// these.
#[inline]
fn copy_elements<T: Element>(x: View<'_, T>, out: &mut [T]) {
    match x.as_slice() {
        Some(x) => out.copy_from_slice(x),
        None => x.reader().copy(0, out),
    }
}

#[cfg(test)]
mod tests;
