//! Many tiny values in one piece of memory.
//!
//! A value of a few numbers that has a buffer, a counter and a layout of its own costs a hundred
//! nanoseconds to make, twenty times what it takes to compute it. In a slab it costs its bytes.
//!
//! # Invariants
//!
//! 1. The region of a slot lies inside of the memory of its element type, and behind the regions of
//!    all slots of that type made before, unless it views one of them.
//! 2. The layout of a slot fits its region.

use super::{AnySlice, AnySliceMut, AnyTensor, AnyView, each};
use crate::element::{DType, Element};
use crate::error::ShapeError;
use crate::kernel;
use crate::layout::Layout;
use crate::shape::{Dims, Shape};
use crate::tensor::Tensor;
use crate::view::View;

/// Memory for values of all element types.
#[derive(Debug, Default)]
pub struct Slab {
    memory: Memory,
    slots: Vec<Slot>,
    /// Layouts of slots; neighbours of one shape share theirs.
    layouts: Vec<Layout>,
    /// The row-major layout made last.
    recent: Option<u32>,
}

#[derive(Debug, Default)]
struct Memory {
    f32: Vec<f32>,
    f64: Vec<f64>,
    bool: Vec<bool>,
    i64: Vec<i64>,
    usize: Vec<usize>,
    u8: Vec<u8>,
}

#[derive(Debug)]
struct Slot {
    dtype: DType,
    /// Whether it views the region of another slot.
    views: bool,
    /// Whether the layout is row-major.
    contiguous: bool,
    /// The region.
    start: u32,
    len: u32,
    /// Which of the slab's layouts.
    layout: u32,
}

/// The values made before the one that is being written.
pub struct Earlier<'a> {
    slots: &'a [Slot],
    layouts: &'a [Layout],
    f32: &'a [f32],
    f64: &'a [f64],
    bool: &'a [bool],
    i64: &'a [i64],
    usize: &'a [usize],
    u8: &'a [u8],
}

impl Slab {
    /// A slab without values.
    pub const EMPTY: Slab = Slab {
        memory: Memory {
            f32: Vec::new(),
            f64: Vec::new(),
            bool: Vec::new(),
            i64: Vec::new(),
            usize: Vec::new(),
            u8: Vec::new(),
        },
        slots: Vec::new(),
        layouts: Vec::new(),
        recent: None,
    };

    /// How many elements there is memory for.
    pub fn elements(&self) -> usize {
        let m = &self.memory;
        let numbers = m.f32.capacity() + m.f64.capacity() + m.i64.capacity() + m.usize.capacity();
        numbers + m.bool.capacity() + m.u8.capacity()
    }

    /// Makes room for a value and returns its number: they count from 0.
    ///
    /// # Errors
    /// When the size overflows, or the slab would hold more than 2³² elements of a type.
    pub fn push(&mut self, dtype: DType, shape: &[usize]) -> Result<usize, ShapeError> {
        let layout = self.row_major(shape)?;
        let len = self.layouts[layout as usize].len();
        let m = &mut self.memory;
        let start = match dtype {
            DType::F32 => extend(&mut m.f32, len),
            DType::F64 => extend(&mut m.f64, len),
            DType::Bool => extend(&mut m.bool, len),
            DType::I64 => extend(&mut m.i64, len),
            DType::Usize => extend(&mut m.usize, len),
            DType::U8 => extend(&mut m.u8, len),
        };
        let (Ok(start), Ok(len)) = (u32::try_from(start), u32::try_from(len)) else {
            return Err(ShapeError::new(format!("slab: no room for shape {}", Dims(shape))));
        };
        self.slots.push(Slot { dtype, views: false, contiguous: true, start, len, layout });
        Ok(self.slots.len() - 1)
    }

    /// Which layout is the row-major one of `shape`.
    fn row_major(&mut self, shape: &[usize]) -> Result<u32, ShapeError> {
        if let Some(recent) = self.recent
            && self.layouts[recent as usize].shape() == shape
        {
            return Ok(recent);
        }
        self.layouts.push(Layout::contiguous(shape, 8)?);
        let layout = self.layouts.len() as u32 - 1;
        self.recent = Some(layout);
        Ok(layout)
    }

    /// As [`push`](Self::push), with the type and the shape of value `of`.
    ///
    /// # Errors
    /// When the size overflows.
    pub fn push_like(&mut self, of: usize) -> Result<usize, ShapeError> {
        let shape = Shape::from_slice(self.layout(of).shape());
        self.push(self.slots[of].dtype, &shape)
    }

    /// A view of value `of`, with a layout that [`layout`](Self::layout) was turned into.
    ///
    /// # Errors
    /// When the layout leaves the region of that value.
    pub fn push_view(&mut self, of: usize, layout: &Layout) -> Result<usize, ShapeError> {
        let &Slot { dtype, start, len, .. } = &self.slots[of];
        let (shape, strides, offset) = (layout.shape(), layout.strides(), layout.offset());
        self.layouts.push(Layout::new(shape, strides, offset, len as usize, 8)?);
        let contiguous = layout.is_contiguous();
        let layout = self.layouts.len() as u32 - 1;
        self.slots.push(Slot { dtype, views: true, contiguous, start, len, layout });
        Ok(self.slots.len() - 1)
    }

    /// The layout of a value in its region.
    pub fn layout(&self, slot: usize) -> &Layout {
        &self.layouts[self.slots[slot].layout as usize]
    }

    /// Whether the elements of a value lie side by side in row-major order.
    pub fn is_contiguous(&self, slot: usize) -> bool {
        self.slots[slot].contiguous
    }

    /// Forgets all values and keeps the memory.
    pub fn clear(&mut self) {
        self.slots.clear();
        self.layouts.clear();
        self.recent = None;
        let m = &mut self.memory;
        m.f32.clear();
        m.f64.clear();
        m.bool.clear();
        m.i64.clear();
        m.usize.clear();
        m.u8.clear();
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
        let &Slot { dtype, views, start, len, .. } = &rest[0];
        assert!(!views, "a view is written where it came from");
        let (start, len, layouts) = (start as usize, len as usize, &self.layouts);
        let m = &mut self.memory;
        let (f32, f32_out) = parted(&mut m.f32, dtype == DType::F32, start);
        let (f64, f64_out) = parted(&mut m.f64, dtype == DType::F64, start);
        let (bool, bool_out) = parted(&mut m.bool, dtype == DType::Bool, start);
        let (i64, i64_out) = parted(&mut m.i64, dtype == DType::I64, start);
        let (usize, usize_out) = parted(&mut m.usize, dtype == DType::Usize, start);
        let (u8, u8_out) = parted(&mut m.u8, dtype == DType::U8, start);
        let out = match dtype {
            DType::F32 => AnySliceMut::F32(&mut f32_out[..len]),
            DType::F64 => AnySliceMut::F64(&mut f64_out[..len]),
            DType::Bool => AnySliceMut::Bool(&mut bool_out[..len]),
            DType::I64 => AnySliceMut::I64(&mut i64_out[..len]),
            DType::Usize => AnySliceMut::Usize(&mut usize_out[..len]),
            DType::U8 => AnySliceMut::U8(&mut u8_out[..len]),
        };
        let mut out = out;
        if cfg!(debug_assertions) {
            poison(out.reborrow());
        }
        f(&Earlier { slots, layouts, f32, f64, bool, i64, usize, u8 }, out)
    }

    /// Writes value `out` with the elements of `x`.
    ///
    /// # Panics
    /// When the types or the lengths differ.
    pub fn set(&mut self, out: usize, x: &AnyTensor) {
        self.write(out, |_, out| copy(x.view(), out));
    }

    /// Fills value `out` with a number, rounded to its type.
    ///
    /// # Panics
    /// When the value does not hold floats.
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

    /// A tensor with the elements of a value.
    pub fn tensor(&self, slot: usize) -> AnyTensor {
        let m = &self.memory;
        let (f32, f64, bool, i64) = (&m.f32[..], &m.f64[..], &m.bool[..], &m.i64[..]);
        let (slots, layouts, usize, u8) = (&self.slots[..], &self.layouts[..], &m.usize, &m.u8);
        let all = Earlier { slots, layouts, f32, f64, bool, i64, usize, u8 };
        fn owned<T: Element>(v: View<'_, T>) -> AnyTensor {
            T::erase(Tensor::build(v.shape(), |out| match v.as_slice() {
                Some(x) => out.copy_from_slice(x),
                None => kernel::copy(v, out),
            }))
        }
        each!(all.view(slot), AnyView, v => owned(v))
    }
}

impl<'a> Earlier<'a> {
    /// A value.
    #[inline]
    pub fn view(&self, slot: usize) -> AnyView<'a> {
        let &Slot { dtype, start, len, layout, .. } = &self.slots[slot];
        let (region, layout) =
            (start as usize..(start + len) as usize, &self.layouts[layout as usize]);
        match dtype {
            DType::F32 => AnyView::F32(View::fitting(&self.f32[region], layout)),
            DType::F64 => AnyView::F64(View::fitting(&self.f64[region], layout)),
            DType::Bool => AnyView::Bool(View::fitting(&self.bool[region], layout)),
            DType::I64 => AnyView::I64(View::fitting(&self.i64[region], layout)),
            DType::Usize => AnyView::Usize(View::fitting(&self.usize[region], layout)),
            DType::U8 => AnyView::U8(View::fitting(&self.u8[region], layout)),
        }
    }

    /// The elements of a value that lie side by side.
    ///
    /// # Panics
    /// When they do not.
    #[inline]
    pub fn slice(&self, slot: usize) -> AnySlice<'a> {
        let &Slot { dtype, contiguous, views, start, len, layout } = &self.slots[slot];
        assert!(contiguous, "the value is strided");
        let region = match views {
            false => start as usize..(start + len) as usize,
            true => {
                let layout = &self.layouts[layout as usize];
                let start = start as usize + layout.offset();
                start..start + layout.len()
            }
        };
        match dtype {
            DType::F32 => AnySlice::F32(&self.f32[region]),
            DType::F64 => AnySlice::F64(&self.f64[region]),
            DType::Bool => AnySlice::Bool(&self.bool[region]),
            DType::I64 => AnySlice::I64(&self.i64[region]),
            DType::Usize => AnySlice::Usize(&self.usize[region]),
            DType::U8 => AnySlice::U8(&self.u8[region]),
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

/// Adds `len` elements and returns where they start.
fn extend<T: Element>(memory: &mut Vec<T>, len: usize) -> usize {
    let start = memory.len();
    memory.resize(start + len, T::default());
    start
}

/// The memory before `start` and from there on if `here`, else all of it and nothing.
#[inline]
fn parted<T>(memory: &mut [T], here: bool, start: usize) -> (&[T], &mut [T]) {
    let (before, rest) = memory.split_at_mut(if here { start } else { memory.len() });
    (before, rest)
}

fn copy(x: AnyView<'_>, out: AnySliceMut<'_>) {
    fn same<T: Element>(x: View<'_, T>, out: AnySliceMut<'_>) {
        let out = T::of_slice_mut(out).expect("a value keeps its type");
        match x.as_slice() {
            Some(x) => out.copy_from_slice(x),
            None => kernel::copy(x, out),
        }
    }
    each!(x, AnyView, v => same(v, out));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor;

    #[test]
    fn values_of_all_types_live_side_by_side_and_are_read_back() {
        let mut slab = Slab::default();
        let x = AnyTensor::F64(tensor![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
        let labels = AnyTensor::I64(tensor![7, 8]);
        let a = slab.push(DType::F64, &[2, 3]).unwrap();
        let l = slab.push(DType::I64, &[2]).unwrap();
        let b = slab.push(DType::F64, &[3, 2]).unwrap();
        slab.set(a, &x);
        slab.set(l, &labels);
        let turned = slab.layout(a).permute(&[1, 0]).unwrap();
        let t = slab.push_view(a, &turned).unwrap();
        let c = slab.push(DType::F64, &[3, 2]).unwrap();
        slab.set(b, &AnyTensor::F64(Tensor::zeros([3, 2])));
        slab.copy(c, t);
        assert_eq!(slab.tensor(l), labels);
        let expected = AnyTensor::F64(tensor![[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]);
        assert_eq!((slab.tensor(t), slab.tensor(c)), (expected.clone(), expected));
        assert!(slab.is_contiguous(c) && !slab.is_contiguous(t));
        assert_eq!(slab.tensor(a), x);
    }

    #[test]
    fn a_layout_that_leaves_its_region_is_refused() {
        let mut slab = Slab::default();
        let a = slab.push(DType::F32, &[2]).unwrap();
        slab.push(DType::F32, &[9]).unwrap();
        assert!(slab.push_view(a, &Layout::contiguous(&[3], 4).unwrap()).is_err());
    }

    #[test]
    #[should_panic(expected = "strided")]
    fn a_strided_value_has_no_slice() {
        let mut slab = Slab::default();
        let a = slab.push(DType::F32, &[1]).unwrap();
        let spread = slab.layout(a).broadcast_to(&[2]).unwrap();
        let b = slab.push_view(a, &spread).unwrap();
        let c = slab.push(DType::F32, &[2]).unwrap();
        slab.write(c, |earlier, _| earlier.slice(b).len());
    }
}
