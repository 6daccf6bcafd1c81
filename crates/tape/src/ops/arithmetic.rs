//! `+`, `-`, `*`, `/` and unary `-`, between variables and with scalars on either side.

use std::ops;

use tensor::error::OrPanic;
use tensor::kernel::{binary_block, unary_block};
use tensor::{AnySlice, Float, Scalar, math};

use crate::node::Source;
use crate::op::{Pointwise, Pullback};
use crate::var::{Operand, Var};

/// `a + b`.
#[derive(Debug, PartialEq)]
pub struct Add;
/// `a - b`.
#[derive(Debug, PartialEq)]
pub struct Sub;
/// `a * b`.
#[derive(Debug, PartialEq)]
pub struct Mul;
/// `a / b`.
#[derive(Debug, PartialEq)]
pub struct Div;
/// `-x`.
#[derive(Debug, PartialEq)]
pub struct Neg;
/// `g * d`, and exactly 0 where `g` is exactly 0, whatever `d`.
///
/// Rules with a singular derivative `d` multiply with it, so that a branch that was not taken,
/// whose cotangent is exactly 0, cannot poison the one that was. It is linear in `g`, and its own
/// rule says so: written as a selection over `g != 0` it would have no derivative in `g` at
/// `g = 0`, and a Jacobian-vector product, which differentiates a rule by its `g` at 0, would
/// silently be 0.
#[derive(Debug, PartialEq)]
pub struct Mul0;

impl<T: Float> Pointwise<T, 2> for Add {
    #[inline]
    fn block(&self, [a, b]: [&[T]; 2], _: [AnySlice<'_>; 0], out: &mut [T]) {
        binary_block(math::Add, a, b, out);
    }
    fn vjp<'t>(&self, cx: Pullback<'t, T, 2>) -> [Option<Var<'t, T>>; 2] {
        [Some(cx.g), Some(cx.g)]
    }
}

impl<T: Float> Pointwise<T, 2> for Sub {
    #[inline]
    fn block(&self, [a, b]: [&[T]; 2], _: [AnySlice<'_>; 0], out: &mut [T]) {
        binary_block(math::Sub, a, b, out);
    }
    fn vjp<'t>(&self, cx: Pullback<'t, T, 2>) -> [Option<Var<'t, T>>; 2] {
        [Some(cx.g), cx.when(1, || -cx.g)]
    }
}

impl<T: Float> Pointwise<T, 2> for Mul {
    #[inline]
    fn block(&self, [a, b]: [&[T]; 2], _: [AnySlice<'_>; 0], out: &mut [T]) {
        binary_block(math::Mul, a, b, out);
    }
    fn vjp<'t>(&self, cx: Pullback<'t, T, 2>) -> [Option<Var<'t, T>>; 2] {
        let (g, [a, b]) = (cx.g, cx.x);
        if a.id() == b.id() {
            let both = g * a;
            return [Some(both), Some(both)];
        }
        [cx.when(0, || g * b), cx.when(1, || g * a)]
    }
}

impl<T: Float> Pointwise<T, 2> for Div {
    #[inline]
    fn block(&self, [a, b]: [&[T]; 2], _: [AnySlice<'_>; 0], out: &mut [T]) {
        binary_block(math::Div, a, b, out);
    }
    /// `∂(a/b)/∂a = 1/b`, `∂(a/b)/∂b = -(a/b)/b`.
    fn vjp<'t>(&self, cx: Pullback<'t, T, 2>) -> [Option<Var<'t, T>>; 2] {
        let (g, y, [_, b]) = (cx.g, cx.y, cx.x);
        [cx.when(0, || g.mul0(1.0 / b)), cx.when(1, || -g.mul0(y / b))]
    }
}

impl<T: Float> Pointwise<T, 1> for Neg {
    #[inline]
    fn block(&self, [x]: [&[T]; 1], _: [AnySlice<'_>; 0], out: &mut [T]) {
        unary_block(math::Neg, x, out);
    }
    fn vjp<'t>(&self, cx: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        [Some(-cx.g)]
    }
}

impl<T: Float> Pointwise<T, 2> for Mul0 {
    #[inline]
    fn block(&self, [g, d]: [&[T]; 2], _: [AnySlice<'_>; 0], out: &mut [T]) {
        binary_block(math::Mul0, g, d, out);
    }
    /// With the cotangent `h`: `mul0(h, d)` for `g`, `mul0(h, g)` for `d`.
    fn vjp<'t>(&self, cx: Pullback<'t, T, 2>) -> [Option<Var<'t, T>>; 2] {
        let (h, [g, d]) = (cx.g, cx.x);
        [cx.when(0, || h.mul0(d)), cx.when(1, || h.mul0(g))]
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// `self * d`, and exactly 0 where `self` is exactly 0, whatever `d`: how a rule multiplies a
    /// cotangent with a derivative that may be infinite or NaN. See [`Mul0`].
    #[track_caller]
    pub fn mul0(self, d: Var<'t, T>) -> Self {
        if self.is_seed_for(d) {
            return d;
        }
        self.tape().apply(Mul0, [self, d])
    }

    /// Whether this is a cotangent of ones, as a sweep starts with, and a product with `d` is `d`:
    /// so that the rules that come first leave no products with 1 behind.
    fn is_seed_for(self, d: Var<'t, T>) -> bool {
        let nodes = self.tape().nodes.borrow();
        let node = &nodes[self.id() as usize];
        // A number of the forward part is another one the next time the program is met.
        let one = matches!(node.source, Source::Number(x) if x == 1.0);
        one && self.id() >= self.tape().rules_from.get()
            && d.erase().is_on(self.tape())
            && nodes.same_shape(self.id(), d.id())
    }

    /// `self * d`, if no product is needed.
    fn product_with(self, d: Var<'t, T>) -> Option<Self> {
        self.is_seed_for(d).then_some(d)
    }

    /// `self - b` as the sum with `-b`, which has the same bits (but for the sign of NaN), if `b`
    /// is differentiated and repeated: what is negated on the way back is then as large as `b`, and
    /// not as all its repetitions.
    #[track_caller]
    fn less_repeated(self, b: Var<'t, T>) -> Option<Self> {
        let nodes = self.tape().nodes.borrow();
        let on = b.erase().is_on(self.tape());
        if !on || nodes.same_shape(self.id(), b.id()) || !nodes[b.id() as usize].tracked {
            return None;
        }
        let (of_a, of_b) = (nodes.shape(self.id()), nodes.shape(b.id()));
        let common = tensor::shape::broadcast("sub", of_a, of_b).ok()?;
        if tensor::shape::len(of_b) == tensor::shape::len(&common) {
            return None;
        }
        drop(nodes);
        Some(self + -b) // not in a closure, which would be the line that recorded it
    }

    /// `1 / self`.
    #[track_caller]
    pub fn recip(self) -> Self {
        1.0 / self
    }

    /// The scalar as a constant, to be broadcast.
    #[track_caller]
    pub(crate) fn scalar(self, x: impl Scalar) -> Self {
        self.tape().number(&[], x.to_f64())
    }
}

impl<'t, T: Float> ops::Neg for Var<'t, T> {
    type Output = Self;
    #[track_caller]
    fn neg(self) -> Self {
        self.tape().apply(Neg, [self])
    }
}

/// The operators differ in nothing but their names.
macro_rules! operator {
    ($op:ident $method:ident, $op_assign:ident $assign:ident $(, $shortcut:ident)?) => {
        impl<'t, T: Float> ops::$op for Var<'t, T> {
            type Output = Self;
            #[track_caller]
            fn $method(self, other: Self) -> Self {
                $(if let Some(result) = self.$shortcut(other) {
                    return result;
                })?
                self.tape().apply($op, [self, other])
            }
        }
        impl<'t, T: Float, S: Scalar> ops::$op<S> for Var<'t, T> {
            type Output = Self;
            #[track_caller]
            fn $method(self, other: S) -> Self {
                self.tape().apply($op, [self, self.scalar(other)])
            }
        }
        impl<'t, T: Float> ops::$op<Var<'t, T>> for f64 {
            type Output = Var<'t, T>;
            #[track_caller]
            fn $method(self, other: Var<'t, T>) -> Var<'t, T> {
                other.tape().apply($op, [other.scalar(self), other])
            }
        }
        /// The handle is then one to the result; the shape stays, as a tensor's does.
        impl<'t, T: Float, R: Operand<'t, T>> ops::$op_assign<R> for Var<'t, T> {
            #[track_caller]
            fn $assign(&mut self, other: R) {
                let other = other.on(self.tape());
                let name = stringify!($assign);
                tensor::shape::assigned(name, &self.shape(), &other.shape()).or_panic();
                *self = ops::$op::$method(*self, other);
            }
        }
    };
}
operator!(Add add, AddAssign add_assign);
operator!(Sub sub, SubAssign sub_assign, less_repeated);
operator!(Mul mul, MulAssign mul_assign, product_with);
operator!(Div div, DivAssign div_assign);

#[cfg(test)]
mod tests {
    use super::super::battery::*;
    use crate::{Tape, jvp};
    use tensor::tensor;

    row!(add: |a, b| a + b; pair(Domain::Any, Domain::Any));
    row!(sub: |a, b| a - b; pair(Domain::Any, Domain::Any));
    row!(mul: |a, b| a * b; pair(Domain::Any, Domain::Any));
    row!(div: |a, b| a / b; pair(Domain::Any, Domain::Nonzero));
    row!(mul0: |g, d| g.mul0(d); pair(Domain::Nonzero, Domain::Any));
    row!(neg: |x| -x; pointwise(Domain::Any));
    row!(recip: |x| x.recip(); pointwise(Domain::Nonzero));
    row!(scalars: |x| (1.0 - 2.0 * x) / 3.0 + (x + 1) * 0.5f32 - 2.0 / (x + 4.0); pointwise(Domain::Any));
    row!(assigned: |x| { let mut y = x; y += x * 2.0; y *= 0.5; y -= 1; y /= x.square() + 1.0; y }; pointwise(Domain::Any));

    #[test]
    fn an_assignment_makes_a_new_node_of_the_same_shape() {
        let tape = Tape::new();
        let x = tape.leaf(tensor![1.0, 2.0]);
        let mut y = x;
        y += 1.0;
        y *= x;
        assert_eq!((y.value().to_vec(), x.value().to_vec()), (vec![2.0, 6.0], vec![1.0, 2.0]));
        refuses(
            |[mut a, b]| {
                a += b;
                a
            },
            [&[], &[3]],
            "add_assign: shape [3] does not broadcast to [], which an assignment cannot change",
        );
    }

    #[test]
    fn nothing_passes_a_cotangent_of_zero() {
        masked(|[a, b]| a + b);
        masked(|[a, b]| a - b);
        masked(|[a, b]| a / b);
        masked(|[a, b]| a.mul0(b));
        masked(|[x]| -x);
        masked(|[x]| x.recip());
    }

    #[test]
    fn zero_times_anything_is_zero_and_still_linear_in_the_zero() {
        let d = tensor![f64::NAN, f64::INFINITY, 3.0];
        let (value, along) = jvp(
            |[g]| g.mul0(g.tape().constant(tensor![5.0, -7.0, 3.0])),
            [tensor![0.0, 0.0, 0.0]],
            [tensor![1.0, 1.0, 2.0]],
        )
        .unwrap();
        assert_eq!((value.to_vec(), along.to_vec()), (vec![0.0; 3], vec![5.0, -7.0, 6.0]));
        let tape = Tape::new();
        let product = tape.constant(tensor![0.0, -0.0, 2.0]).mul0(tape.constant(d));
        assert_eq!(product.value().to_vec(), [0.0, 0.0, 6.0]);
    }

    #[test]
    fn a_pole_has_the_derivative_of_its_limit() {
        assert_eq!(slope(|x| 1.0 / x, tensor![0.0, 2.0]), [f64::NEG_INFINITY, -0.25]);
        assert!(slope(|x| x / x, tensor![0.0])[0].is_nan());
    }

    #[test]
    fn shapes_that_do_not_broadcast_are_refused() {
        let why = "shapes [2, 3] and [4] do not broadcast: sizes 3 and 4 differ at axis 1";
        refuses(|[a, b]| a + b, [&[2, 3], &[4]], &format!("add: {why}"));
        refuses(|[a, b]| a - b, [&[2, 3], &[4]], &format!("sub: {why}"));
        refuses(|[a, b]| a * b, [&[2, 3], &[4]], &format!("mul: {why}"));
        refuses(|[a, b]| a / b, [&[2, 3], &[4]], &format!("div: {why}"));
        refuses(|[a, b]| a.mul0(b), [&[2, 3], &[4]], &format!("mul0: {why}"));
        refuses(|[a, b]| a + b, [&[0], &[3]], "add: shapes [0] and [3] do not broadcast");
    }
}
