//! The folds that sums, products, extrema and statistics are.

use crate::element::{Float, Number, Wide};
use crate::kernel::fold::Fold;
use crate::kernel::fold::registers::{self, Larger, Plus, PlusSquare, Smaller, Times};
use crate::simd::Isa;

#[derive(Clone, Copy)]
pub(in crate::kernel) struct Sum;
impl<T: Number> Fold<T> for Sum {
    const EXACT: bool = T::Wide::EXACT;
    type Param = ();
    type Acc = T::Wide;
    #[inline(always)]
    fn leaf<I: Isa>(self, x: &[T], more: &[&[T]], (): (), ask: bool) -> Option<Self::Acc> {
        registers::fold::<T, _, I, _>(Plus, x, more, ask)
    }
    #[inline(always)]
    fn lift<I: Isa>(self, x: T, _: usize, (): ()) -> T::Wide {
        x.widen()
    }
    #[inline(always)]
    fn merge(self, a: T::Wide, b: T::Wide) -> T::Wide {
        a.plus(b)
    }
}

#[derive(Clone, Copy)]
pub(in crate::kernel) struct Product;
impl<T: Number> Fold<T> for Product {
    const EXACT: bool = T::Wide::EXACT;
    type Param = ();
    type Acc = T::Wide;
    #[inline(always)]
    fn leaf<I: Isa>(self, x: &[T], more: &[&[T]], (): (), ask: bool) -> Option<Self::Acc> {
        registers::fold::<T, _, I, _>(Times, x, more, ask)
    }
    #[inline(always)]
    fn lift<I: Isa>(self, x: T, _: usize, (): ()) -> T::Wide {
        x.widen()
    }
    #[inline(always)]
    fn merge(self, a: T::Wide, b: T::Wide) -> T::Wide {
        a.times(b)
    }
}

/// The larger one; NaN wins, and of equals the first.
#[derive(Clone, Copy)]
pub(in crate::kernel) struct Max;
impl<T: Number> Fold<T> for Max {
    const EXACT: bool = true;
    type Param = ();
    type Acc = T;
    #[inline(always)]
    fn leaf<I: Isa>(self, x: &[T], more: &[&[T]], (): (), ask: bool) -> Option<Self::Acc> {
        registers::fold::<T, _, I, _>(Larger, x, more, ask)
    }
    #[inline(always)]
    fn lift<I: Isa>(self, x: T, _: usize, (): ()) -> T {
        x
    }
    #[inline(always)]
    #[allow(clippy::eq_op, reason = "asks for NaN")]
    fn merge(self, a: T, b: T) -> T {
        let larger = if b > a { b } else { a }; // one instruction
        if b != b { b } else { larger }
    }
}

/// The smaller one; NaN wins, and of equals the first.
#[derive(Clone, Copy)]
pub(in crate::kernel) struct Min;
impl<T: Number> Fold<T> for Min {
    const EXACT: bool = true;
    type Param = ();
    type Acc = T;
    #[inline(always)]
    fn leaf<I: Isa>(self, x: &[T], more: &[&[T]], (): (), ask: bool) -> Option<Self::Acc> {
        registers::fold::<T, _, I, _>(Smaller, x, more, ask)
    }
    #[inline(always)]
    fn lift<I: Isa>(self, x: T, _: usize, (): ()) -> T {
        x
    }
    #[inline(always)]
    #[allow(clippy::eq_op, reason = "asks for NaN")]
    fn merge(self, a: T, b: T) -> T {
        let smaller = if b < a { b } else { a };
        if b != b { b } else { smaller }
    }
}

/// Σ (x - mean)².
#[derive(Clone, Copy)]
pub(in crate::kernel) struct Deviations;
impl<T: Float> Fold<T> for Deviations {
    type Param = f64;
    type Acc = f64;
    #[inline(always)]
    fn leaf<I: Isa>(self, x: &[T], more: &[&[T]], mean: f64, ask: bool) -> Option<Self::Acc> {
        registers::fold::<T, _, I, _>(PlusSquare(mean), x, more, ask)
    }
    #[inline(always)]
    fn lift<I: Isa>(self, x: T, _: usize, mean: f64) -> f64 {
        let d = x.wide() - mean;
        d * d
    }
    #[inline(always)]
    fn merge(self, a: f64, b: f64) -> f64 {
        a + b
    }
    #[inline(always)]
    fn step<I: Isa>(self, acc: f64, x: T, _: usize, mean: f64) -> f64 {
        let d = x.wide() - mean;
        I::mul_add(d, d, acc)
    }
}

/// Σ x².
#[derive(Clone, Copy)]
pub(in crate::kernel) struct Squares;
impl<T: Float> Fold<T> for Squares {
    type Param = ();
    type Acc = f64;
    #[inline(always)]
    fn leaf<I: Isa>(self, x: &[T], more: &[&[T]], (): (), ask: bool) -> Option<Self::Acc> {
        registers::fold::<T, _, I, _>(PlusSquare(0.0), x, more, ask)
    }
    #[inline(always)]
    fn lift<I: Isa>(self, x: T, _: usize, (): ()) -> f64 {
        x.wide() * x.wide()
    }
    #[inline(always)]
    fn merge(self, a: f64, b: f64) -> f64 {
        a + b
    }
    #[inline(always)]
    fn step<I: Isa>(self, acc: f64, x: T, _: usize, (): ()) -> f64 {
        I::mul_add(x.wide(), x.wide(), acc)
    }
}

/// Σ (scale · x)².
#[derive(Clone, Copy)]
pub(super) struct ScaledSquares;
impl<T: Float> Fold<T> for ScaledSquares {
    type Param = f64;
    type Acc = f64;
    #[inline(always)]
    fn lift<I: Isa>(self, x: T, i: usize, scale: f64) -> f64 {
        Fold::<f64>::lift::<I>(Squares, x.wide() * scale, i, ())
    }
    #[inline(always)]
    fn merge(self, a: f64, b: f64) -> f64 {
        a + b
    }
    #[inline(always)]
    fn step<I: Isa>(self, acc: f64, x: T, i: usize, scale: f64) -> f64 {
        Fold::<f64>::step::<I>(Squares, acc, x.wide() * scale, i, ())
    }
}

#[derive(Clone, Copy)]
pub(super) struct Or;
impl Fold<bool> for Or {
    const EXACT: bool = true;
    type Param = ();
    type Acc = bool;
    #[inline(always)]
    fn lift<I: Isa>(self, x: bool, _: usize, (): ()) -> bool {
        x
    }
    #[inline(always)]
    fn merge(self, a: bool, b: bool) -> bool {
        a | b
    }
}

#[derive(Clone, Copy)]
pub(super) struct And;
impl Fold<bool> for And {
    const EXACT: bool = true;
    type Param = ();
    type Acc = bool;
    #[inline(always)]
    fn lift<I: Isa>(self, x: bool, _: usize, (): ()) -> bool {
        x
    }
    #[inline(always)]
    fn merge(self, a: bool, b: bool) -> bool {
        a & b
    }
}
