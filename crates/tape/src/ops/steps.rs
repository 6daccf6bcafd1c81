//! Functions that are constant between their jumps: their derivative is 0 where it exists, and none
//! passes. Asking for a gradient through one is answered with its name and line, not with zeros.

use tensor::kernel::unary_block;
use tensor::{AnySlice, Float, math};

use crate::op::{Pointwise, Pullback};
use crate::var::Var;

/// -1, 0 or 1.
#[derive(Debug)]
pub struct Sign;
/// 0 below 0, else 1.
#[derive(Debug)]
pub struct Heaviside;
/// The largest integer not above.
#[derive(Debug)]
pub struct Floor;
/// The smallest integer not below.
#[derive(Debug)]
pub struct Ceil;
/// The nearest integer, ties to even.
#[derive(Debug)]
pub struct Round;

impl<T: Float> Pointwise<T, 1> for Sign {
    fn block(&self, [x]: [&[T]; 1], _: [AnySlice<'_>; 0], out: &mut [T]) {
        unary_block(math::Sign, x, out);
    }

    /// None passes.
    fn vjp<'t>(&self, _: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        [None]
    }
}

impl<T: Float> Pointwise<T, 1> for Heaviside {
    fn block(&self, [x]: [&[T]; 1], _: [AnySlice<'_>; 0], out: &mut [T]) {
        unary_block(math::Heaviside, x, out);
    }

    /// None passes.
    fn vjp<'t>(&self, _: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        [None]
    }
}

impl<T: Float> Pointwise<T, 1> for Floor {
    fn block(&self, [x]: [&[T]; 1], _: [AnySlice<'_>; 0], out: &mut [T]) {
        unary_block(math::Floor, x, out);
    }

    /// None passes.
    fn vjp<'t>(&self, _: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        [None]
    }
}

impl<T: Float> Pointwise<T, 1> for Ceil {
    fn block(&self, [x]: [&[T]; 1], _: [AnySlice<'_>; 0], out: &mut [T]) {
        unary_block(math::Ceil, x, out);
    }

    /// None passes.
    fn vjp<'t>(&self, _: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        [None]
    }
}

impl<T: Float> Pointwise<T, 1> for Round {
    fn block(&self, [x]: [&[T]; 1], _: [AnySlice<'_>; 0], out: &mut [T]) {
        unary_block(math::Round, x, out);
    }

    /// None passes.
    fn vjp<'t>(&self, _: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        [None]
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// -1 below 0, 0 at 0, 1 above; no derivative passes (lecture 1, threshold units).
    #[track_caller]
    pub fn sign(self) -> Self {
        self.tape().apply(Sign, [self])
    }

    /// `H(x)`: 0 below 0, 1 from 0 on; no derivative passes (lecture 1, threshold units).
    #[track_caller]
    pub fn heaviside(self) -> Self {
        self.tape().apply(Heaviside, [self])
    }

    /// The largest integer not above; no derivative passes.
    #[track_caller]
    pub fn floor(self) -> Self {
        self.tape().apply(Floor, [self])
    }

    /// The smallest integer not below; no derivative passes.
    #[track_caller]
    pub fn ceil(self) -> Self {
        self.tape().apply(Ceil, [self])
    }

    /// The nearest integer, ties to even; no derivative passes.
    #[track_caller]
    pub fn round(self) -> Self {
        self.tape().apply(Round, [self])
    }
}
