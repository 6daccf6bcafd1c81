//! Where the elements of a view lie in its buffer.
//!
//! # Invariants
//!
//! A [`Layout`] over a buffer of `len` elements satisfies, and every `SAFETY` comment of this crate
//! that speaks of a layout stands on:
//!
//! 1. `shape` and `strides` have the same length, at most [`MAX_RANK`].
//! 2. The product of the non-zero sizes, in bytes, is at most `isize::MAX`.
//! 3. An axis of size 0 or 1 has stride 0, and so has every axis of an empty layout: a stride that
//!    is never used carries no information, so that equal views have equal layouts.
//! 4. For every index `i` with `0 <= i[k] < shape[k]`, `offset + Σ i[k]·strides[k]` lies in
//!    `0..len`. An empty layout has `offset <= len`.
//!
//! [`Layout::new`] is the one checked constructor. The views below are maps from layouts to layouts
//! that reach a subset of the same offsets, so they keep 4 whatever the buffer.

use smallvec::SmallVec;

use crate::error::ShapeError;
use crate::shape::{self, AxisSet, Dims, MAX_RANK, Shape};
use crate::slice::Range;

/// Distances between neighbours along each axis, in elements; negative ones run backwards.
pub type Strides = SmallVec<[isize; 4]>;

/// Shape, strides and offset of a view; see the [invariants](self).
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Layout {
    shape: Shape,
    strides: Strides,
    offset: usize,
}

/// By copies of memory: cloning a `SmallVec` goes element by element.
impl Clone for Layout {
    #[inline]
    fn clone(&self) -> Self {
        let (shape, strides) = (Shape::from_slice(&self.shape), Strides::from_slice(&self.strides));
        Layout { shape, strides, offset: self.offset }
    }
}

impl Layout {
    /// The checked constructor: a view of a buffer of `len` elements of `size_of` bytes.
    ///
    /// # Errors
    /// When an invariant would not hold.
    pub fn new(
        shape: &[usize],
        strides: &[isize],
        offset: usize,
        len: usize,
        size_of: usize,
    ) -> Result<Self, ShapeError> {
        if shape.len() != strides.len() {
            let (axes, strides, shape) = (shape.len(), strides.len(), Dims(shape));
            return Err(ShapeError::new(format!(
                "layout: shape {shape} has {axes} axes but there are {strides} strides"
            )));
        }
        let elements = shape::checked_len(shape, size_of)?;
        let outside = || {
            ShapeError::new(format!(
                "layout: shape {} with strides {strides:?} and offset {offset} leaves its buffer of {len} elements",
                Dims(shape)
            ))
        };
        if elements == 0 {
            if offset > len {
                return Err(outside());
            }
        } else {
            let mut low = isize::try_from(offset).map_err(|_| outside())?;
            let mut high = low;
            for (&d, &s) in shape.iter().zip(strides).filter(|&(&d, _)| d > 1) {
                let reach = ((d - 1) as isize).checked_mul(s).ok_or_else(outside)?;
                let end = if reach < 0 { &mut low } else { &mut high };
                *end = end.checked_add(reach).ok_or_else(outside)?;
            }
            if low < 0 || high as usize >= len {
                return Err(outside());
            }
        }
        Ok(Layout::canonical(shape.into(), strides.into(), offset))
    }

    /// The row-major layout of `shape` from offset 0: it fits a buffer of as many elements.
    ///
    /// # Errors
    /// When the size overflows.
    pub fn contiguous(shape: &[usize], size_of: usize) -> Result<Self, ShapeError> {
        shape::checked_len(shape, size_of)?;
        Ok(Layout::row_major(Shape::from_slice(shape), 0))
    }

    fn row_major(shape: Shape, offset: usize) -> Self {
        // In an array first: the strides of a tiny value cost more than its elements otherwise.
        let mut strides = [0isize; MAX_RANK];
        let mut step = 1usize;
        for (k, &d) in shape.iter().enumerate().rev() {
            strides[k] = if d > 1 { step as isize } else { 0 };
            step = step.wrapping_mul(d);
        }
        if shape.contains(&0) {
            strides = [0; MAX_RANK];
        }
        Layout { strides: Strides::from_slice(&strides[..shape.len()]), shape, offset }
    }

    /// Establishes invariant 3.
    fn canonical(shape: Shape, mut strides: Strides, offset: usize) -> Self {
        let empty = shape.contains(&0);
        for (s, &d) in strides.iter_mut().zip(&shape) {
            if d <= 1 || empty {
                *s = 0;
            }
        }
        Layout { shape, strides, offset }
    }

    /// Sizes of the axes.
    #[inline]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Signed distances between neighbours, in elements.
    #[inline]
    pub fn strides(&self) -> &[isize] {
        &self.strides
    }

    /// Where element `[0, .., 0]` lies.
    #[inline]
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// The number of axes.
    #[inline]
    pub fn rank(&self) -> usize {
        self.shape.len()
    }

    /// The number of elements.
    #[inline]
    pub fn len(&self) -> usize {
        shape::len(&self.shape)
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.shape.contains(&0)
    }

    /// Whether the elements lie side by side in row-major order.
    #[inline]
    pub fn is_contiguous(&self) -> bool {
        self.side_by_side().is_some()
    }

    /// Where the elements lie, if they do so side by side in row-major order.
    #[inline]
    pub(crate) fn side_by_side(&self) -> Option<std::ops::Range<usize>> {
        let mut step = 1;
        for (&d, &s) in self.shape.iter().zip(&self.strides).rev() {
            if d > 1 && s != step {
                return self.is_empty().then_some(self.offset..self.offset);
            }
            step *= d as isize;
        }
        Some(self.offset..self.offset + step as usize)
    }

    /// Axes in the order `axes`: axis `k` of the result is axis `axes[k]` of this layout.
    ///
    /// # Errors
    /// When `axes` is not a permutation of all axes.
    pub fn permute(&self, axes: &[usize]) -> Result<Self, ShapeError> {
        let mut seen = [false; MAX_RANK];
        let fits = axes.len() == self.rank()
            && axes.iter().all(|&a| a < self.rank() && !std::mem::replace(&mut seen[a], true));
        if !fits {
            let (axes, shape) = (Dims(axes), Dims(&self.shape));
            let text = format!("permute: {axes} is no order of the axes of shape {shape}");
            return Err(ShapeError::new(text));
        }
        Ok(Layout {
            shape: axes.iter().map(|&a| self.shape[a]).collect(),
            strides: axes.iter().map(|&a| self.strides[a]).collect(),
            offset: self.offset,
        })
    }

    /// Axes `a` and `b` exchanged.
    ///
    /// # Errors
    /// When one is out of range.
    pub fn swap_axes(&self, a: isize, b: isize) -> Result<Self, ShapeError> {
        let a = shape::axis("swap_axes", a, &self.shape)?;
        let b = shape::axis("swap_axes", b, &self.shape)?;
        let mut out = self.clone();
        out.shape.swap(a, b);
        out.strides.swap(a, b);
        Ok(out)
    }

    /// One range an axis, the remaining axes whole; see [`s!`](crate::s).
    ///
    /// # Errors
    /// When there are more ranges than axes, or one leaves its axis.
    pub fn slice(&self, ranges: &[Range]) -> Result<Self, ShapeError> {
        if ranges.len() > self.rank() {
            let (ranges, shape, rank) = (ranges.len(), Dims(&self.shape), self.rank());
            let text = format!("slice: {ranges} ranges for shape {shape} of rank {rank}");
            return Err(ShapeError::new(text));
        }
        let mut shape = Shape::new();
        let mut strides = Strides::new();
        let mut offset = self.offset as isize;
        for k in 0..self.rank() {
            let s = self.strides[k];
            let Some(range) = ranges.get(k) else {
                shape.push(self.shape[k]);
                strides.push(s);
                continue;
            };
            let picked = range.pick("slice", k, &self.shape)?;
            // With one element or none the step is never taken, and the product could overflow.
            let step = if picked.len > 1 { picked.step } else { 0 };
            if picked.len > 0 {
                offset += picked.start as isize * s;
            }
            if !picked.drop_axis {
                shape.push(picked.len);
                strides.push(s * step);
            }
        }
        Ok(Layout::canonical(shape, strides, offset as usize))
    }

    /// `axis` walked backwards.
    ///
    /// # Errors
    /// When it is out of range.
    pub fn flip(&self, axis: isize) -> Result<Self, ShapeError> {
        let axis = shape::axis("flip", axis, &self.shape)?;
        let mut out = self.clone();
        let reach = self.shape[axis].saturating_sub(1) as isize * self.strides[axis];
        out.offset = (self.offset as isize + reach) as usize;
        out.strides[axis] = -self.strides[axis];
        Ok(out)
    }

    /// Repeats axes of size 1 and adds axes in front, with stride 0.
    ///
    /// # Errors
    /// When the shapes do not fit.
    pub fn broadcast_to(&self, shape: &[usize]) -> Result<Self, ShapeError> {
        let misfit = || {
            ShapeError::new(format!(
                "broadcast_to: shape {} cannot become {}",
                Dims(&self.shape),
                Dims(shape)
            ))
        };
        // The size in bytes is not known here; eight is the largest element.
        shape::checked_len(shape, 8)?;
        let lead = shape.len().checked_sub(self.rank()).ok_or_else(misfit)?;
        let mut strides: Strides = smallvec::smallvec![0; shape.len()];
        for k in 0..self.rank() {
            match (self.shape[k], shape[lead + k]) {
                (have, want) if have == want => strides[lead + k] = self.strides[k],
                (1, _) => {}
                _ => return Err(misfit()),
            }
        }
        Ok(Layout::canonical(shape.into(), strides, self.offset))
    }

    /// The diagonal of the axes `a` and `b`, as a last axis; `k > 0` lies above, `k < 0` below it.
    ///
    /// # Errors
    /// When the axes are equal or out of range.
    pub fn diagonal(&self, k: isize, a: isize, b: isize) -> Result<Self, ShapeError> {
        AxisSet::of("diagonal", &[a, b], &self.shape)?;
        let a = shape::axis("diagonal", a, &self.shape)?;
        let b = shape::axis("diagonal", b, &self.shape)?;
        let (down, right) = if k < 0 { (k.unsigned_abs(), 0) } else { (0, k.unsigned_abs()) };
        let rows = self.shape[a].saturating_sub(down);
        let columns = self.shape[b].saturating_sub(right);
        let len = rows.min(columns);
        let mut offset = self.offset as isize;
        if len > 0 {
            offset += down as isize * self.strides[a] + right as isize * self.strides[b];
        }
        let others = (0..self.rank()).filter(|&i| i != a && i != b);
        let mut shape: Shape = others.clone().map(|i| self.shape[i]).collect();
        let mut strides: Strides = others.map(|i| self.strides[i]).collect();
        shape.push(len);
        strides.push(self.strides[a] + self.strides[b]);
        Ok(Layout::canonical(shape, strides, offset as usize))
    }

    /// Inserts an axis of size 1 before position `axis`.
    ///
    /// # Errors
    /// When the position is out of range, or the rank would exceed [`MAX_RANK`].
    pub fn unsqueeze(&self, axis: isize) -> Result<Self, ShapeError> {
        let mut longer = self.shape.clone();
        longer.push(1);
        shape::checked_len(&longer, 1)?;
        let axis = shape::new_axis("unsqueeze", axis, &self.shape)?;
        let mut out = self.clone();
        out.shape.insert(axis, 1);
        out.strides.insert(axis, 0);
        Ok(out)
    }

    /// Removes `axis`, which has size 1.
    ///
    /// # Errors
    /// When it has another size or is out of range.
    pub fn squeeze(&self, axis: isize) -> Result<Self, ShapeError> {
        let axis = shape::axis("squeeze", axis, &self.shape)?;
        if self.shape[axis] != 1 {
            let (shape, size) = (Dims(&self.shape), self.shape[axis]);
            let text = format!("squeeze: axis {axis} of shape {shape} has size {size}, not 1");
            return Err(ShapeError::new(text));
        }
        let mut out = self.clone();
        out.shape.remove(axis);
        out.strides.remove(axis);
        Ok(out)
    }

    /// The same elements in row-major order under another shape, if strides can express it.
    ///
    /// # Errors
    /// When the numbers of elements differ. `Ok(None)` when only a copy can do it.
    pub fn reshape(&self, shape: &[usize]) -> Result<Option<Self>, ShapeError> {
        // Of eight bytes each, as elements have at most: an empty shape may have large sizes too.
        let len = shape::checked_len(shape, 8)?;
        if len != self.len() {
            return Err(ShapeError::new(format!(
                "reshape: shape {} has {} elements, {} has {len}",
                Dims(&self.shape),
                self.len(),
                Dims(shape)
            )));
        }
        if self.is_contiguous() {
            return Ok(Some(Layout::row_major(shape.into(), self.offset)));
        }
        // Runs of axes that advance as one, outermost first, then each new axis must split one run.
        let mut runs = self.merged();
        let mut strides: Strides = smallvec::smallvec![0; shape.len()];
        for k in (0..shape.len()).rev() {
            if shape[k] == 1 {
                continue;
            }
            while runs.last().is_some_and(|r| r.0 == 1) {
                runs.pop();
            }
            let Some((size, stride)) = runs.last_mut() else { return Ok(None) };
            if *size % shape[k] != 0 {
                return Ok(None);
            }
            strides[k] = *stride;
            *size /= shape[k];
            *stride *= shape[k] as isize;
        }
        Ok(Some(Layout::canonical(shape.into(), strides, self.offset)))
    }

    /// The axes as few `(size, stride)` runs as possible, outermost first: neighbours that advance
    /// as one are merged and axes of size 1 dropped, so a contiguous layout is one run of stride 1.
    /// The row-major order of the elements is unchanged.
    pub fn merged(&self) -> SmallVec<[(usize, isize); 4]> {
        let mut runs: SmallVec<[(usize, isize); 4]> = SmallVec::new();
        for (&d, &s) in self.shape.iter().zip(&self.strides) {
            match runs.last_mut() {
                _ if d == 1 => {}
                Some((size, stride)) if *stride == s * d as isize => {
                    *size *= d;
                    *stride = s;
                }
                _ => runs.push((d, s)),
            }
        }
        runs
    }
}

#[cfg(test)]
mod tests;
