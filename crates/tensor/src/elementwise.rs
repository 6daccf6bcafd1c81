//! Functions of each element.

use crate::element::{Element, Float, Scalar};
use crate::error::OrPanic;
use crate::kernel;
use crate::math::{self, Binary, Unary};
use crate::operand::Operand;
use crate::shape;
use crate::tensor::Tensor;

impl<T: Element> Tensor<T> {
    /// `f` of each element. It may be called from several threads and in any order.
    pub fn map<U: Element>(&self, f: impl Fn(T) -> U + Sync) -> Tensor<U> {
        Tensor::build(self.shape(), |out| {
            kernel::map(self.view(), out, |x, out| kernel::map_block(x, out, &f));
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
            kernel::map2(a.view(), b.view(), out, |a, b, out| kernel::map2_block(a, b, out, &f));
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

    /// `ln σ(x) = -ln(1 + e⁻ˣ)`: `x` where that is the nearest float, -0 at inf; overflows nowhere.
    pub fn log_sigmoid(&self) -> Self {
        -(-self).softplus()
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
        self.unary(math::Clamp::new(lo.to_f64(), hi.to_f64()))
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

    /// `xʸ` for an integer exponent, as accurate as [`pow`](Self::pow).
    ///
    /// # Panics
    /// When the element type cannot hold `exponent`, whose parity decides the sign.
    #[track_caller]
    pub fn powi(&self, exponent: i32) -> Self {
        kernel::check_exponent::<T>(exponent);
        match exponent {
            -1 => self.recip(),
            1 => self.clone(),
            2 => self.square(),
            _ => self.pow(exponent),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor;
    use crate::testing::{disguises, panic_of};

    type Method = fn(&Tensor<f64>) -> Tensor<f64>;
    type Reference = fn(f64) -> f64;

    fn methods() -> Vec<(&'static str, Method, Reference)> {
        vec![
            ("exp", Tensor::exp, f64::exp),
            ("expm1", Tensor::expm1, f64::exp_m1),
            ("ln", Tensor::ln, f64::ln),
            ("log1p", Tensor::log1p, f64::ln_1p),
            ("sqrt", Tensor::sqrt, f64::sqrt),
            ("rsqrt", Tensor::rsqrt, |x| 1.0 / x.sqrt()),
            ("square", Tensor::square, |x| x * x),
            ("recip", Tensor::recip, f64::recip),
            ("tanh", Tensor::tanh, f64::tanh),
            ("sigmoid", Tensor::sigmoid, |x| 1.0 / (1.0 + (-x).exp())),
            ("softplus", Tensor::softplus, |x| x.exp().ln_1p()),
            ("log_sigmoid", Tensor::log_sigmoid, |x| -(-x).exp().ln_1p()),
            ("sin", Tensor::sin, f64::sin),
            ("cos", Tensor::cos, f64::cos),
            ("relu", Tensor::relu, |x| x.max(0.0)),
            ("abs", Tensor::abs, f64::abs),
            ("sign", Tensor::sign, |x| if x == 0.0 { x } else { x.signum() }),
            ("heaviside", Tensor::heaviside, |x| f64::from(x >= 0.0)),
            ("floor", Tensor::floor, f64::floor),
            ("ceil", Tensor::ceil, f64::ceil),
            ("round", Tensor::round, f64::round_ties_even),
            ("clamp", |x| x.clamp(-0.5, 1), |x| x.clamp(-0.5, 1.0)),
            ("minimum", |x| x.minimum(0.3), |x| x.min(0.3)),
            ("maximum", |x| x.maximum(x.flip(0).flip(0) * -1.0), f64::abs),
            ("pow", |x| x.pow(tensor![2.0, 3.0, -1.0, 2.0]), |_| f64::NAN),
            ("powf", |x| x.powf(1.5), |x| x.powf(1.5)),
            ("powi 3", |x| x.powi(3), |x| x * x * x),
            ("powi 2", |x| x.powi(2), |x| x * x),
            ("powi -1", |x| x.powi(-1), |x| 1.0 / x),
            ("powi 0", |x| x.powi(0), |_| 1.0),
        ]
    }

    #[test]
    fn methods_compute_what_they_are_named_after_on_every_layout() {
        let x = Tensor::from_fn([3, 4], |i| (i[0] * 4 + i[1]) as f64 * 0.5 - 2.0);
        for (name, method, reference) in methods() {
            let expected = method(&x);
            if name != "pow" {
                assert!(
                    expected.iter().zip(x.iter().map(reference)).all(|(a, b)| {
                        a == b || (a - b).abs() <= 1e-14 * b.abs() || (a.is_nan() && b.is_nan())
                    }),
                    "{name}: {expected}"
                );
            }
            for y in disguises(&x, f64::NAN) {
                let bits = |x: Tensor<f64>| x.iter().map(f64::to_bits).collect::<Vec<_>>();
                assert_eq!(bits(method(&y)), bits(expected.clone()), "{name} {:?}", y.layout());
            }
            assert_eq!(method(&Tensor::zeros([0, 4])).shape(), [0, 4], "{name}");
        }
        let table = tensor![[2.0, 3.0, -1.0, 0.5]].pow(tensor![[3.0], [0.0]]);
        assert_eq!(table.to_vec(), [8.0, 27.0, -1.0, 0.125, 1.0, 1.0, 1.0, 1.0]);
        let erf = tensor![1.0f64].erf().item();
        assert!((erf - 0.8427007929497149).abs() < 1e-14, "{erf}");
        assert_eq!(Tensor::scalar(4.0f32).sqrt().item(), 2.0);
        assert_eq!(tensor![2.0f32].broadcast_to([3]).square().to_vec(), [4.0; 3]);
    }

    #[test]
    fn maps_may_change_the_type_and_broadcast() {
        let x = tensor![[1.5, -2.5]];
        assert_eq!(x.map(|x| x > 0.0).to_vec(), [true, false]);
        let y = x.zip_map(&tensor![[10i64], [20]], |x, y| (x * y as f64) as i64);
        assert_eq!((y.shape(), y.to_vec()), (&[2, 2][..], vec![15, -25, 30, -50]));
        assert_eq!(
            panic_of(|| x.zip_map(&tensor![1, 2, 3], |x, _| x)),
            "zip_map: shapes [1, 2] and [3] do not broadcast: sizes 2 and 3 differ at axis 1"
        );
    }

    #[test]
    fn nan_goes_through_selections() {
        let x = tensor![f64::NAN];
        for y in [x.relu(), x.sign(), x.heaviside(), x.clamp(0, 1), x.minimum(1), x.maximum(1)] {
            assert!(y.item().is_nan());
        }
        assert!(tensor![1.0].minimum(&x).item().is_nan());
        assert!(tensor![1.0].maximum(&x).item().is_nan());
    }

    #[test]
    fn bounds_and_exponents_that_cannot_be_meant_panic() {
        assert_eq!(panic_of(|| tensor![1.0].clamp(2, 1)), "clamp: 2 to 1 is not a range");
        assert_eq!(panic_of(|| tensor![1.0].clamp(f64::NAN, 1)), "clamp: NaN to 1 is not a range");
        let n = (1 << 24) + 1;
        assert_eq!(tensor![-1.0].powi(n).item(), -1.0);
        assert_eq!(
            panic_of(|| tensor![-1.0f32].powi(n)),
            "powi: the exponent 16777217 cannot be represented in f32"
        );
    }
}
