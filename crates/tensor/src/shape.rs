//! Shapes, their arithmetic, and broadcasting.

use smallvec::SmallVec;
use std::fmt;

use crate::error::ShapeError;

/// Sizes of the axes, outermost first; rank 4 and below need no heap block.
pub type Shape = SmallVec<[usize; 4]>;

/// The largest rank a tensor may have.
pub const MAX_RANK: usize = 16;

/// Displays sizes as `[2, 3]`.
pub struct Dims<'a>(pub &'a [usize]);

impl fmt::Display for Dims<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (i, size) in self.0.iter().enumerate() {
            write!(f, "{}{size}", if i == 0 { "" } else { ", " })?;
        }
        f.write_str("]")
    }
}

/// The number of elements of `shape`, when `size_of` bytes each fit the address space.
///
/// The product of the *non-zero* sizes is what is checked: a view of an empty tensor may drop the
/// empty axis, so an empty shape must not hide an overflow.
///
/// # Errors
/// When the rank exceeds [`MAX_RANK`], or the product or the bytes exceed `isize::MAX / 2`.
pub fn checked_len(shape: &[usize], size_of: usize) -> Result<usize, ShapeError> {
    if shape.len() > MAX_RANK {
        return Err(ShapeError::new(format!(
            "shape {}: rank {} exceeds the limit of {MAX_RANK}",
            Dims(shape),
            shape.len()
        )));
    }
    let nonzero = shape.iter().filter(|&&d| d != 0).try_fold(1usize, |n, &d| n.checked_mul(d));
    let bytes = nonzero.and_then(|n| n.checked_mul(size_of.max(1)));
    match (nonzero, bytes) {
        // Half of what Rust allows in one block: the pool rounds sizes up.
        (Some(n), Some(bytes)) if bytes <= isize::MAX as usize / 2 => {
            Ok(if shape.contains(&0) { 0 } else { n })
        }
        _ => Err(ShapeError::new(format!(
            "shape {}: its number of elements overflows the address space",
            Dims(shape)
        ))),
    }
}

/// The number of elements of a shape that has passed [`checked_len`].
#[inline]
pub fn len(shape: &[usize]) -> usize {
    shape.iter().product()
}

/// The position of element `flat` in row-major order, one number an axis.
///
/// # Panics
/// When the shape has no elements.
pub fn unravel(mut flat: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (i, &size) in index.iter_mut().zip(shape).rev() {
        (*i, flat) = (flat % size, flat / size);
    }
    index
}

/// How far element `index`, in row-major order, lies from the first one, which comes again after
/// the last. `runs` are the sizes and strides of the axes, outermost first.
#[inline]
pub(crate) fn distance(
    runs: impl DoubleEndedIterator<Item = (usize, isize)>,
    mut index: usize,
) -> isize {
    let mut at = 0;
    for (size, stride) in runs.rev() {
        at += (index % size) as isize * stride;
        index /= size;
    }
    at
}

/// Whether both are the same. (A loop: comparing slices calls a function for any length of memory,
/// which costs more than the few sizes of a shape.)
#[inline]
pub fn same(a: &[usize], b: &[usize]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a == b)
}

/// The shape two operands broadcast to: aligned at the last axis, a size of 1 yields to the other.
///
/// # Errors
/// When two sizes differ and neither is 1.
pub fn broadcast(op: &str, a: &[usize], b: &[usize]) -> Result<Shape, ShapeError> {
    if same(a, b) {
        return Ok(Shape::from_slice(a));
    }
    let rank = a.len().max(b.len());
    let size = |s: &[usize], i: usize| (i + s.len()).checked_sub(rank).map_or(1, |i| s[i]);
    (0..rank)
        .map(|i| match (size(a, i), size(b, i)) {
            (x, y) if x == y => Ok(x),
            (1, y) => Ok(y),
            (x, 1) => Ok(x),
            (x, y) => Err(ShapeError::new(format!(
                "{op}: shapes {} and {} do not broadcast: sizes {x} and {y} differ at axis {i}",
                Dims(a),
                Dims(b)
            ))),
        })
        .collect()
}

/// As [`broadcast`], of an assignment to `a`, which cannot change that shape.
///
/// # Errors
/// When `b` does not broadcast to `a`.
pub fn assigned(op: &str, a: &[usize], b: &[usize]) -> Result<Shape, ShapeError> {
    let shape = broadcast(op, a, b)?;
    if !same(&shape, a) {
        let (a, b) = (Dims(a), Dims(b));
        return Err(ShapeError::new(format!(
            "{op}: shape {b} does not broadcast to {a}, which an assignment cannot change"
        )));
    }
    Ok(shape)
}

/// Resolves an axis, negative ones counted from the end.
///
/// # Errors
/// When it is out of range.
pub fn axis(op: &str, axis: isize, shape: &[usize]) -> Result<usize, ShapeError> {
    let rank = shape.len();
    let resolved = if axis < 0 { axis + rank as isize } else { axis };
    if (0..rank as isize).contains(&resolved) {
        Ok(resolved as usize)
    } else {
        Err(ShapeError::new(format!(
            "{op}: axis {axis} is out of range for shape {} of rank {rank}",
            Dims(shape)
        )))
    }
}

/// Resolves the position of a new axis, negative ones counted from the end of the longer shape.
///
/// # Errors
/// When it is out of range.
pub fn new_axis(op: &str, axis: isize, shape: &[usize]) -> Result<usize, ShapeError> {
    let rank = shape.len();
    let resolved = if axis < 0 { axis + rank as isize + 1 } else { axis };
    if (0..=rank as isize).contains(&resolved) {
        Ok(resolved as usize)
    } else {
        Err(ShapeError::new(format!(
            "{op}: position {axis} for a new axis is out of range for shape {} of rank {rank}",
            Dims(shape)
        )))
    }
}

/// One axis or several, negative ones counted from the end: what reductions take.
pub trait Axes {
    /// The axes as given.
    fn list(&self) -> SmallVec<[isize; 4]>;
}

impl Axes for i32 {
    fn list(&self) -> SmallVec<[isize; 4]> {
        SmallVec::from_slice(&[*self as isize])
    }
}
impl Axes for isize {
    fn list(&self) -> SmallVec<[isize; 4]> {
        SmallVec::from_slice(&[*self])
    }
}
impl Axes for usize {
    fn list(&self) -> SmallVec<[isize; 4]> {
        SmallVec::from_slice(&[isize::try_from(*self).unwrap_or(isize::MAX)])
    }
}
impl<A: Axes, const N: usize> Axes for [A; N] {
    fn list(&self) -> SmallVec<[isize; 4]> {
        self.iter().flat_map(Axes::list).collect()
    }
}
impl<A: Axes> Axes for [A] {
    fn list(&self) -> SmallVec<[isize; 4]> {
        self.iter().flat_map(Axes::list).collect()
    }
}
impl<A: Axes + ?Sized> Axes for &A {
    fn list(&self) -> SmallVec<[isize; 4]> {
        (**self).list()
    }
}
impl<A: Axes> Axes for Vec<A> {
    fn list(&self) -> SmallVec<[isize; 4]> {
        self.iter().flat_map(Axes::list).collect()
    }
}

/// A set of axes of a shape of at most [`MAX_RANK`] axes, resolved and without repetition.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AxisSet(u32);

impl AxisSet {
    /// Every axis of a shape of this rank.
    pub fn all(rank: usize) -> Self {
        AxisSet((1u32 << rank) - 1)
    }

    /// Resolves `axes` against `shape`.
    ///
    /// # Errors
    /// When one is out of range or stands twice.
    pub fn of(op: &str, axes: &impl Axes, shape: &[usize]) -> Result<Self, ShapeError> {
        let mut set = 0;
        for a in axes.list() {
            let bit = 1 << axis(op, a, shape)?;
            if set & bit != 0 {
                return Err(ShapeError::new(format!(
                    "{op}: axis {a} is named twice for shape {}",
                    Dims(shape)
                )));
            }
            set |= bit;
        }
        Ok(AxisSet(set))
    }

    /// The axes of `shape` along which broadcasting `to` to it repeats elements: to sum over them
    /// is the adjoint.
    ///
    /// # Errors
    /// When `to` does not broadcast to `shape`.
    pub fn repeated(op: &str, to: &[usize], shape: &[usize]) -> Result<Self, ShapeError> {
        let lead = shape.len().checked_sub(to.len());
        let fits = |lead: &usize| to.iter().zip(&shape[*lead..]).all(|(&t, &d)| t == d || t == 1);
        let Some(lead) = lead.filter(fits) else {
            let (from, to) = (Dims(shape), Dims(to));
            return Err(ShapeError::new(format!("{op}: shape {from} cannot become {to}")));
        };
        let repeats = |i: usize| i < lead || to[i - lead] != shape[i];
        Ok(AxisSet((0..shape.len()).filter(|&i| repeats(i)).fold(0, |set, i| set | 1 << i)))
    }

    /// Whether `axis` belongs to the set.
    #[inline]
    pub fn contains(self, axis: usize) -> bool {
        self.0 >> axis & 1 == 1
    }

    /// `shape` without the axes of the set, or with size 1 there if `keep`.
    pub fn reduce(self, shape: &[usize], keep: bool) -> Shape {
        let axes = shape.iter().enumerate();
        if keep {
            axes.map(|(i, &d)| if self.contains(i) { 1 } else { d }).collect()
        } else {
            axes.filter(|&(i, _)| !self.contains(i)).map(|(_, &d)| d).collect()
        }
    }

    /// Whether these are the last axes of `shape`, but for axes of size 1: what is reduced into one
    /// are then neighbours in row-major order.
    pub fn are_last(self, shape: &[usize]) -> bool {
        let sized = (0..shape.len()).rev().filter(|&k| shape[k] != 1);
        !sized.skip_while(|&k| self.contains(k)).any(|k| self.contains(k))
    }

    /// How many elements of `shape` are reduced into one.
    pub fn count(self, shape: &[usize]) -> usize {
        shape.iter().enumerate().filter(|&(i, _)| self.contains(i)).map(|(_, &d)| d).product()
    }
}

/// As the axes are written, for it stands in a printed program: `[0, 2]`.
impl fmt::Debug for AxisSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries((0..MAX_RANK).filter(|&axis| self.contains(axis))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_axes_reduce_neighbours() {
        let last = |axes: &[isize], shape: &[usize]| {
            AxisSet::of("sum", &axes, shape).unwrap().are_last(shape)
        };
        assert!(
            last(&[], &[2, 3]) && last(&[1], &[2, 3]) && last(&[0, 1], &[2, 3]) && last(&[], &[])
        );
        assert!(!last(&[0], &[2, 3]) && !last(&[1], &[2, 3, 4]) && !last(&[0, 2], &[2, 3, 4]));
        assert!(last(&[0], &[2, 1]) && last(&[0, 2], &[1, 3, 4]) && last(&[1], &[2, 3, 1]));
    }
}
