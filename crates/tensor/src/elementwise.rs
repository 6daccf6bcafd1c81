//! Functions of each element.

use crate::arith::Operand;
use crate::element::{Element, Float, Scalar};
use crate::error::OrPanic;
use crate::kernel;
use crate::math::{self, Binary, Unary};
use crate::shape;
use crate::tensor::Tensor;

impl<T: Element> Tensor<T> {
    /// `f` of each element. It may be called from several threads and in any order.
    pub fn map<U: Element>(&self, f: impl Fn(T) -> U + Sync) -> Tensor<U> {
        Tensor::build(self.shape(), |out| {
            kernel::map(self.view(), out, |x, out| {
                for (out, &x) in out.iter_mut().zip(x) {
                    *out = f(x);
                }
            });
        })
    }

    /// `f` of the elements of both tensors at each place, which broadcast. It may be called from
    /// several threads and in any order.
    ///
    /// # Panics
    /// When the shapes do not broadcast.
    #[track_caller]
    pub fn zip_map<B: Element, U: Element>(
        &self,
        other: &Tensor<B>,
        f: impl Fn(T, B) -> U + Sync,
    ) -> Tensor<U> {
        self.zip_named("zip_map", other, f)
    }

    /// [`zip_map`](Self::zip_map) under the name of the operation that calls it.
    #[track_caller]
    pub(crate) fn zip_named<B: Element, U: Element>(
        &self,
        name: &str,
        other: &Tensor<B>,
        f: impl Fn(T, B) -> U + Sync,
    ) -> Tensor<U> {
        let shape = shape::broadcast(name, self.shape(), other.shape()).or_panic();
        let (a, b) = (self.broadcast_to(&shape), other.broadcast_to(&shape));
        Tensor::build(&shape, |out| {
            kernel::map2(a.view(), b.view(), out, |a, b, out| {
                for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
                    *out = f(a, b);
                }
            });
        })
    }
}

impl<T: Float> Tensor<T> {
    /// A function of [`math`](crate::math) of each element.
    fn unary<F: Unary<f32> + Unary<f64>>(&self, f: F) -> Self {
        Tensor::build(self.shape(), |out| kernel::unary(f, self.view(), out))
    }

    /// A function of [`math`](crate::math) of the elements at each place.
    #[track_caller]
    fn binary<F: Binary<f32> + Binary<f64>>(
        &self,
        name: &str,
        other: impl Operand<T>,
        f: F,
    ) -> Self {
        let other = other.operand();
        let shape = shape::broadcast(name, self.shape(), other.shape()).or_panic();
        let (a, b) = (self.broadcast_to(&shape), other.broadcast_to(&shape));
        Tensor::build(&shape, |out| kernel::binary(f, a.view(), b.view(), out))
    }

    /// `eˣ`: 0 at -inf, infinite where it overflows.
    pub fn exp(&self) -> Self {
        self.unary(math::Exp)
    }

    /// `eˣ - 1`, accurate near 0: -1 at -inf, infinite where it overflows.
    pub fn expm1(&self) -> Self {
        self.unary(math::Expm1)
    }

    /// The natural logarithm: -inf at 0, NaN below.
    pub fn ln(&self) -> Self {
        self.unary(math::Ln)
    }

    /// `ln(1 + x)`, accurate near 0: -inf at -1, NaN below.
    pub fn log1p(&self) -> Self {
        self.unary(math::Log1p)
    }

    /// `√x`, correctly rounded: NaN below 0, -0 at -0.
    pub fn sqrt(&self) -> Self {
        self.unary(math::Sqrt)
    }

    /// `1 / √x`: infinite at 0, 0 at inf, NaN below 0.
    pub fn rsqrt(&self) -> Self {
        self.unary(math::Rsqrt)
    }

    /// `x·x`, correctly rounded.
    pub fn square(&self) -> Self {
        self.unary(math::Square)
    }

    /// `1 / x`, correctly rounded: `±inf` at `±0`.
    pub fn recip(&self) -> Self {
        self.unary(math::Recip)
    }

    /// The hyperbolic tangent: `±1` at `±inf`.
    pub fn tanh(&self) -> Self {
        self.unary(math::Tanh)
    }

    /// `1 / (1 + e⁻ˣ)`: 0 at -inf, ½ at 0, 1 at inf; overflows nowhere.
    pub fn sigmoid(&self) -> Self {
        self.unary(math::Sigmoid)
    }

    /// `ln(1 + eˣ)`: 0 at -inf, `x` where that is the nearest float; overflows nowhere.
    pub fn softplus(&self) -> Self {
        self.unary(math::Softplus)
    }

    /// The error function `2/√π ∫₀ˣ e^(-t²) dt`: `±1` at `±inf`.
    pub fn erf(&self) -> Self {
        self.unary(math::Erf)
    }

    /// The sine: NaN at `±inf`.
    pub fn sin(&self) -> Self {
        self.unary(math::Sin)
    }

    /// The cosine: NaN at `±inf`.
    pub fn cos(&self) -> Self {
        self.unary(math::Cos)
    }

    /// `max(x, 0)`: NaN stays NaN.
    pub fn relu(&self) -> Self {
        self.unary(math::Relu)
    }

    /// `|x|`.
    pub fn abs(&self) -> Self {
        self.unary(math::Abs)
    }

    /// -1, 0 or 1 by the sign of `x`: `±0` and NaN stay themselves.
    pub fn sign(&self) -> Self {
        self.unary(math::Sign)
    }

    /// 1 where `x ≥ 0` (at `±0` too), else 0: NaN stays NaN.
    pub fn heaviside(&self) -> Self {
        self.unary(math::Heaviside)
    }

    /// The largest integer not above `x`.
    pub fn floor(&self) -> Self {
        self.unary(math::Floor)
    }

    /// The smallest integer not below `x`.
    pub fn ceil(&self) -> Self {
        self.unary(math::Ceil)
    }

    /// The nearest integer, the even one of two that are equally near.
    pub fn round(&self) -> Self {
        self.unary(math::Round)
    }

    /// `min(max(x, lo), hi)`: NaN stays NaN.
    ///
    /// # Panics
    /// Unless `lo <= hi`.
    #[track_caller]
    pub fn clamp(&self, lo: impl Scalar, hi: impl Scalar) -> Self {
        let (lo, hi) = (T::of(lo.to_f64()), T::of(hi.to_f64()));
        if !(lo <= hi) {
            panic!("clamp: {lo} to {hi} is no range");
        }
        self.maximum(lo).minimum(hi)
    }

    /// The smaller of both at each place, NaN if either is. Broadcasts.
    ///
    /// # Panics
    /// When the shapes do not broadcast.
    #[track_caller]
    pub fn minimum(&self, other: impl Operand<T>) -> Self {
        self.binary("minimum", other, math::Minimum)
    }

    /// The larger of both at each place, NaN if either is. Broadcasts.
    ///
    /// # Panics
    /// When the shapes do not broadcast.
    #[track_caller]
    pub fn maximum(&self, other: impl Operand<T>) -> Self {
        self.binary("maximum", other, math::Maximum)
    }

    /// `xʸ` at each place: 1 where `y` is 0 or `x` is 1, NaN for negative `x` unless `y` is an
    /// integer. Broadcasts.
    ///
    /// # Panics
    /// When the shapes do not broadcast.
    #[track_caller]
    pub fn pow(&self, exponent: impl Operand<T>) -> Self {
        self.binary("pow", exponent, math::Pow)
    }

    /// `xʸ` for one exponent; see [`pow`](Self::pow).
    pub fn powf(&self, exponent: impl Scalar) -> Self {
        self.pow(T::of(exponent.to_f64()))
    }

    /// `xⁿ`, as accurate as [`pow`](Self::pow) for every `n`.
    ///
    /// # Panics
    /// When the element type cannot hold `n`, whose parity decides the sign.
    #[track_caller]
    pub fn powi(&self, n: i32) -> Self {
        if T::of(n.to_f64()).wide() != n.to_f64() {
            panic!("powi: the exponent {n} is no number of {}", T::DTYPE);
        }
        match n {
            -1 => self.recip(),
            1 => self.clone(),
            2 => self.square(),
            _ => self.pow(n),
        }
    }
}
