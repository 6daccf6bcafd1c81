//! Leaves of floats with all their lanes in registers of AVX-512.
//!
//! From the loops of [`rows`](super::rows) the compiler makes code that keeps the lanes in memory,
//! folds their halves two lanes at a time and what is left of a chunk in small parts. The order is
//! the same, and so are the bits. Lanes are `f64`, for extrema of `f32` too, which loses nothing.

use std::any::Any;

use crate::element::Element;
use crate::simd::Isa;

#[cfg(target_arch = "x86_64")]
mod x86;

/// How a fold goes on, lane by lane.
pub trait Step: Instructions {
    /// The lane of no element: what is merged with it stays the same.
    const NOTHING: f64;
    /// Whether a NaN must be left to the loops, which know which one wins.
    const ORDERED: bool = false;
}

#[cfg(target_arch = "x86_64")]
pub use x86::Instructions;
/// Nothing: there are no such registers.
#[cfg(not(target_arch = "x86_64"))]
pub trait Instructions: Copy {}
#[cfg(not(target_arch = "x86_64"))]
impl<S: Copy> Instructions for S {}

/// `acc + x`.
#[derive(Clone, Copy)]
pub struct Plus;
impl Step for Plus {
    const NOTHING: f64 = -0.0;
}

/// `acc · x`.
#[derive(Clone, Copy)]
pub struct Times;
impl Step for Times {
    const NOTHING: f64 = 1.0;
}

/// `acc + (x - c)²`, which is rounded once, and before that the difference.
#[derive(Clone, Copy)]
pub struct PlusSquare(pub f64);
impl Step for PlusSquare {
    const NOTHING: f64 = -0.0;
}

/// The larger one, of equals `acc`.
#[derive(Clone, Copy)]
pub struct Larger;
impl Step for Larger {
    const NOTHING: f64 = f64::NEG_INFINITY;
    const ORDERED: bool = true;
}

/// The smaller one, of equals `acc`.
#[derive(Clone, Copy)]
pub struct Smaller;
impl Step for Smaller {
    const NOTHING: f64 = f64::INFINITY;
    const ORDERED: bool = true;
}

/// The fold of a leaf that begins with `x` and goes on with `more` slices, if it is one of floats
/// and this is an instruction set that has the registers. `ask`: for what comes next.
#[inline(always)]
pub fn fold<T: Element, S: Step, I: Isa, A: Copy + 'static>(
    step: S,
    x: &[T],
    more: &[&[T]],
    ask: bool,
) -> Option<A> {
    #[cfg(target_arch = "x86_64")]
    let fold = x86::leaf::<T, S, I>(step, x, more, ask)?;
    #[cfg(not(target_arch = "x86_64"))]
    let fold: f64 = None?;
    // An extremum of `f32` is one.
    let narrow = fold as f32;
    (&fold as &dyn Any).downcast_ref().or((&narrow as &dyn Any).downcast_ref()).copied()
}
