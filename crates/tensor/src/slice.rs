//! Ranges with a step, for [`Layout::slice`](crate::layout::Layout::slice) and the
//! [`s!`](crate::s) macro.

use std::ops;

use crate::error::ShapeError;
use crate::shape::Dims;

/// A stretch of one axis. Negative bounds count from the end; a negative step walks the stretch
/// backwards, from its last element to its first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Range {
    /// One index; the axis disappears.
    Index(isize),
    /// `start..end` (`None`: to the end of the axis), every `step`-th element.
    Span {
        /// First element of the stretch.
        start: isize,
        /// One past its last element.
        end: Option<isize>,
        /// Distance between elements taken, not 0.
        step: isize,
    },
}

/// A range resolved against the size of its axis.
pub(crate) struct Picked {
    pub start: usize,
    pub step: isize,
    pub len: usize,
    pub drop_axis: bool,
}

impl Range {
    /// The same stretch with another step; on an index it changes nothing.
    pub fn step(self, step: isize) -> Self {
        match self {
            Range::Span { start, end, .. } => Range::Span { start, end, step },
            index => index,
        }
    }

    /// Whether it is within `axis` of a shape; `op` is the operation that asks.
    ///
    /// # Errors
    /// When it leaves the axis, or has a step of 0.
    pub fn check(self, op: &str, axis: usize, shape: &[usize]) -> Result<(), ShapeError> {
        self.pick(op, axis, shape).map(drop)
    }

    pub(crate) fn pick(self, op: &str, axis: usize, shape: &[usize]) -> Result<Picked, ShapeError> {
        self.resolve(shape[axis]).map_err(|why| {
            ShapeError::new(format!("{op}: axis {axis} of shape {}: {why}", Dims(shape)))
        })
    }

    fn resolve(self, size: usize) -> Result<Picked, String> {
        let from_end = |i: isize| if i < 0 { i.saturating_add(size as isize) } else { i };
        let within = |i: isize, top: usize| (0..=top as isize).contains(&i).then_some(i as usize);
        match self {
            Range::Index(i) => match within(from_end(i), size.wrapping_sub(1)) {
                Some(start) if start < size => {
                    Ok(Picked { start, step: 0, len: 1, drop_axis: true })
                }
                _ => Err(format!("index {i} is out of range for size {size}")),
            },
            Range::Span { step: 0, .. } => Err("a step of 0".into()),
            Range::Span { start, end, step } => {
                let last = end.map_or(size as isize, from_end);
                let bounds = (within(from_end(start), size), within(last, size));
                let (Some(a), Some(b)) = bounds else {
                    let end = end.map_or(String::new(), |e| e.to_string());
                    return Err(format!("range {start}..{end} leaves size {size}"));
                };
                let stretch = b.saturating_sub(a);
                let len = stretch.div_ceil(step.unsigned_abs());
                let start = if step < 0 { b.saturating_sub(1) } else { a };
                Ok(Picked { start, step, len, drop_axis: false })
            }
        }
    }
}

impl From<isize> for Range {
    fn from(i: isize) -> Self {
        Range::Index(i)
    }
}
impl From<i32> for Range {
    fn from(i: i32) -> Self {
        Range::Index(i as isize)
    }
}
impl From<usize> for Range {
    fn from(i: usize) -> Self {
        Range::Index(bound(i))
    }
}
impl From<ops::RangeFull> for Range {
    fn from(_: ops::RangeFull) -> Self {
        Range::Span { start: 0, end: None, step: 1 }
    }
}

/// A bound of a range: `i32` and `isize` may be negative, `usize` may not.
pub trait Bound: Copy {
    /// The start of an axis.
    const ZERO: Self;
    /// As a signed number.
    fn signed(self) -> isize;
}
impl Bound for i32 {
    const ZERO: Self = 0;
    fn signed(self) -> isize {
        self as isize
    }
}
impl Bound for isize {
    const ZERO: Self = 0;
    fn signed(self) -> isize {
        self
    }
}
impl Bound for usize {
    const ZERO: Self = 0;
    fn signed(self) -> isize {
        bound(self)
    }
}

/// No axis is longer than `isize::MAX`, so a larger bound is out of range all the same.
fn bound(i: usize) -> isize {
    isize::try_from(i).unwrap_or(isize::MAX)
}

impl<B: Bound> From<ops::Range<B>> for Range {
    fn from(r: ops::Range<B>) -> Self {
        Range::Span { start: r.start.signed(), end: Some(r.end.signed()), step: 1 }
    }
}
impl<B: Bound> From<ops::RangeFrom<B>> for Range {
    fn from(r: ops::RangeFrom<B>) -> Self {
        Range::Span { start: r.start.signed(), end: None, step: 1 }
    }
}
impl<B: Bound> From<ops::RangeTo<B>> for Range {
    fn from(r: ops::RangeTo<B>) -> Self {
        Range::Span { start: 0, end: Some(r.end.signed()), step: 1 }
    }
}
impl<B: Bound> From<ops::RangeInclusive<B>> for Range {
    fn from(r: ops::RangeInclusive<B>) -> Self {
        // `..=-1` ends with the axis, which no exclusive bound below 0 can say.
        let end = Some(r.end().signed().saturating_add(1)).filter(|&e| e != 0);
        Range::Span { start: r.start().signed(), end, step: 1 }
    }
}
impl<B: Bound> From<ops::RangeToInclusive<B>> for Range {
    fn from(r: ops::RangeToInclusive<B>) -> Self {
        Range::from(B::ZERO..=r.end)
    }
}

/// Ranges for `slice`, one an axis, each optionally `; step`:
/// `s![.., 1..3, ..;-1, 0]` takes everything, elements 1 and 2, everything backwards, and index 0
/// (whose axis disappears). Negative bounds count from the end.
#[macro_export]
macro_rules! s {
    (@list [$($done:expr),*]) => { [$($done),*] };
    (@list [$($done:expr),*] $r:expr ; $step:expr, $($rest:tt)*) => {
        $crate::s!(@list [$($done,)* $crate::slice::Range::from($r).step($step)] $($rest)*)
    };
    (@list [$($done:expr),*] $r:expr ; $step:expr) => {
        [$($done,)* $crate::slice::Range::from($r).step($step)]
    };
    (@list [$($done:expr),*] $r:expr, $($rest:tt)*) => {
        $crate::s!(@list [$($done,)* $crate::slice::Range::from($r)] $($rest)*)
    };
    (@list [$($done:expr),*] $r:expr) => { [$($done,)* $crate::slice::Range::from($r)] };
    ($($all:tt)*) => { $crate::s!(@list [] $($all)*) };
}
