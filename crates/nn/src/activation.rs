//! Activation functions: as functions of variables, and as values that a layer can hold and a file
//! can name.
//!
//! The functions that [`Var`] has as methods (`sigmoid`, `tanh`, `relu`, `heaviside`, ..) are not
//! repeated here. All of these are compositions, which the tape fuses.

use std::f64::consts::FRAC_1_SQRT_2;
use std::fmt;
use std::str::FromStr;

use tape::Var;
use tensor::Float;

/// The inverse of the logistic function, `σ⁻¹(t) = ln(t / (1 - t))`: infinite at 0 and 1, NaN
/// outside.
#[track_caller]
pub fn logit<T: Float>(t: Var<'_, T>) -> Var<'_, T> {
    t.ln() - (-t).log1p()
}

/// `x` where `x > 0`, else `slope · x`; the derivative at 0 is `slope`.
#[track_caller]
pub fn leaky_relu<T: Float>(x: Var<'_, T>, slope: f64) -> Var<'_, T> {
    x.gt(0.0).select(x, slope * x)
}

/// `x` where `x > 0`, else `α(eˣ - 1)`; the derivative at 0 is `α`.
#[track_caller]
pub fn elu<T: Float>(x: Var<'_, T>, alpha: f64) -> Var<'_, T> {
    let positive = x.gt(0.0);
    // The exponential sees 0 where it is not taken: eˣ could be infinite there, and its derivative
    // with it. (Not min(x, 0), which halves the derivative at 0.)
    let negative = positive.select(x.full_like(0.0), x);
    positive.select(x, alpha * negative.expm1())
}

/// `x Φ(x)`, where `Φ(x) = (1 + erf(x/√2)) / 2` is the normal distribution function: the exact
/// form, not the approximation by tanh.
#[track_caller]
pub fn gelu<T: Float>(x: Var<'_, T>) -> Var<'_, T> {
    0.5 * x * (1.0 + (x * FRAC_1_SQRT_2).erf())
}

/// `x σ(x)`, also called swish.
#[track_caller]
pub fn silu<T: Float>(x: Var<'_, T>) -> Var<'_, T> {
    x * x.sigmoid()
}

/// An activation function as a value.
///
/// Its text names it in files and on command lines, and reads back as the same value:
///
/// ```
/// use nn::Activation;
///
/// let leaky = Activation::LeakyRelu { slope: 0.01 };
/// assert_eq!(leaky.to_string(), "leaky_relu(0.01)");
/// assert_eq!("leaky_relu(0.01)".parse(), Ok(leaky));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Activation {
    /// `x`.
    #[default]
    Identity,
    /// `H(x) = 1` where `x ≥ 0`, else 0. It passes no derivative: a gradient that only a threshold
    /// could deliver is answered with that reason.
    Heaviside,
    /// -1, 0 or 1. It passes no derivative, as `Heaviside`.
    Sign,
    /// The logistic function `σ(x) = 1 / (1 + e⁻ˣ)`, also called the sigmoid.
    Logistic,
    /// `tanh x = 2σ(2x) - 1`.
    Tanh,
    /// `max(x, 0)`; the derivative at 0 is 0.
    Relu,
    /// [`leaky_relu`].
    LeakyRelu {
        /// The slope of the negative branch.
        slope: f64,
    },
    /// [`elu`].
    Elu {
        /// `-α` is the limit at -∞.
        alpha: f64,
    },
    /// [`gelu`].
    Gelu,
    /// [`silu`].
    Silu,
    /// `ln(1 + eˣ)`.
    Softplus,
}

impl Activation {
    /// The function of every element of `x`.
    #[track_caller]
    pub fn apply<T: Float>(self, x: Var<'_, T>) -> Var<'_, T> {
        match self {
            Activation::Identity => x,
            Activation::Heaviside => x.heaviside(),
            Activation::Sign => x.sign(),
            Activation::Logistic => x.sigmoid(),
            Activation::Tanh => x.tanh(),
            Activation::Relu => x.relu(),
            Activation::LeakyRelu { slope } => leaky_relu(x, slope),
            Activation::Elu { alpha } => elu(x, alpha),
            Activation::Gelu => gelu(x),
            Activation::Silu => silu(x),
            Activation::Softplus => x.softplus(),
        }
    }

    /// The name, and the setting if there is one.
    fn parts(self) -> (&'static str, Option<f64>) {
        match self {
            Activation::Identity => ("identity", None),
            Activation::Heaviside => ("heaviside", None),
            Activation::Sign => ("sign", None),
            Activation::Logistic => ("logistic", None),
            Activation::Tanh => ("tanh", None),
            Activation::Relu => ("relu", None),
            Activation::LeakyRelu { slope } => ("leaky_relu", Some(slope)),
            Activation::Elu { alpha } => ("elu", Some(alpha)),
            Activation::Gelu => ("gelu", None),
            Activation::Silu => ("silu", None),
            Activation::Softplus => ("softplus", None),
        }
    }
}

/// `relu`, `leaky_relu(0.01)`.
impl fmt::Display for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parts() {
            (name, None) => f.pad(name),
            (name, Some(setting)) => f.pad(&format!("{name}({setting})")),
        }
    }
}

/// A text that names no [`Activation`].
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error(
    "`{0}` is no activation; there are identity, heaviside, sign, logistic, tanh, relu, \
     leaky_relu(slope), elu(alpha), gelu, silu, softplus"
)]
pub struct UnknownActivation(String);

/// Reads what `Display` writes, and `sigmoid` for `logistic`.
impl FromStr for Activation {
    type Err = UnknownActivation;

    fn from_str(text: &str) -> Result<Self, UnknownActivation> {
        let unknown = || UnknownActivation(text.to_string());
        let (name, setting) = match text.split_once('(') {
            None => (text, None),
            Some((name, rest)) => {
                let number = rest.strip_suffix(')').ok_or_else(unknown)?;
                (name, Some(number.trim().parse::<f64>().map_err(|_| unknown())?))
            }
        };
        Ok(match (name, setting) {
            ("identity", None) => Activation::Identity,
            ("heaviside", None) => Activation::Heaviside,
            ("sign", None) => Activation::Sign,
            ("logistic" | "sigmoid", None) => Activation::Logistic,
            ("tanh", None) => Activation::Tanh,
            ("relu", None) => Activation::Relu,
            ("leaky_relu", Some(slope)) => Activation::LeakyRelu { slope },
            ("elu", Some(alpha)) => Activation::Elu { alpha },
            ("gelu", None) => Activation::Gelu,
            ("silu", None) => Activation::Silu,
            ("softplus", None) => Activation::Softplus,
            _ => return Err(unknown()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tape::{NoGradient, Param, Tape};
    use tensor::{Tensor, tensor};

    const ALL: [Activation; 11] = [
        Activation::Identity,
        Activation::Heaviside,
        Activation::Sign,
        Activation::Logistic,
        Activation::Tanh,
        Activation::Relu,
        Activation::LeakyRelu { slope: 0.1 },
        Activation::Elu { alpha: 1.5 },
        Activation::Gelu,
        Activation::Silu,
        Activation::Softplus,
    ];

    fn value(a: Activation, x: f64) -> f64 {
        a.apply(Tape::new().constant(x)).item()
    }

    fn slope(a: Activation, x: f64) -> f64 {
        let tape = Tape::new();
        let x = tape.leaf(x);
        let [d] = a.apply(x).sum().grad([x]);
        d.item()
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-14 * (1.0 + b.abs())
    }

    #[test]
    fn values_are_those_of_the_formulas() {
        for x in [-3.0f64, -1.0, -0.25, 0.0, 0.5, 2.0] {
            let sigmoid = 1.0 / (1.0 + (-x).exp());
            assert_eq!(value(Activation::Identity, x), x);
            assert_eq!(value(Activation::Heaviside, x), if x >= 0.0 { 1.0 } else { 0.0 });
            assert_eq!(value(Activation::Sign, x), if x == 0.0 { 0.0 } else { x.signum() });
            assert!(close(value(Activation::Logistic, x), sigmoid));
            assert!(close(value(Activation::Tanh, x), x.tanh()));
            assert_eq!(value(Activation::Relu, x), x.max(0.0));
            let leaky = if x > 0.0 { x } else { 0.1 * x };
            assert_eq!(value(Activation::LeakyRelu { slope: 0.1 }, x), leaky);
            let elu = if x > 0.0 { x } else { 1.5 * x.exp_m1() };
            assert!(close(value(Activation::Elu { alpha: 1.5 }, x), elu));
            assert!(close(value(Activation::Silu, x), x * sigmoid));
            assert!(close(value(Activation::Softplus, x), x.exp().ln_1p()));
        }
        // From CPython: x * statistics.NormalDist().cdf(x).
        assert!(close(value(Activation::Gelu, 1.0), 0.8413447460685429));
        assert!(close(value(Activation::Gelu, -0.5), -0.15426876936299347));
    }

    #[test]
    fn derivatives_at_kinks_follow_the_conventions() {
        assert_eq!(slope(Activation::Relu, 0.0), 0.0);
        assert_eq!(slope(Activation::LeakyRelu { slope: 0.1 }, 0.0), 0.1);
        assert_eq!(slope(Activation::Elu { alpha: 1.5 }, 0.0), 1.5);
        assert_eq!(slope(Activation::Elu { alpha: 1.0 }, 1e-300), 1.0);
    }

    #[test]
    fn thresholds_pass_no_derivative_and_say_so() {
        for a in [Activation::Heaviside, Activation::Sign] {
            let p = Param::new(tensor![1.0, -2.0]);
            let tape = Tape::new();
            let grads = a.apply(tape.param(&p)).sum().backward();
            assert!(matches!(grads.get(&p), Err(NoGradient::Stopped { .. })), "{a}");
        }
    }

    #[test]
    fn smooth_activations_are_finite_far_out_with_their_derivatives() {
        for a in ALL {
            for x in [-1e4, 1e4] {
                assert!(value(a, x).is_finite(), "{a}({x})");
                if !matches!(a, Activation::Heaviside | Activation::Sign) {
                    assert!(slope(a, x).is_finite(), "{a}'({x})");
                }
            }
            assert!(value(a, f64::NAN).is_nan(), "{a}(NaN)");
        }
        assert_eq!(slope(Activation::Elu { alpha: 1.0 }, 1e4), 1.0);
        assert_eq!(slope(Activation::Gelu, 1e4), 1.0);
    }

    #[test]
    fn logit_inverts_the_logistic_function() {
        let tape = Tape::new();
        let x = tensor![-30.0, -2.0, 0.0, 0.5, 3.0];
        let back = logit(tape.constant(&x).sigmoid()).value();
        assert!(back.allclose(&x, 1e-12, 1e-15), "{back}");
        let ends = logit(tape.constant(tensor![0.0, 1.0])).value();
        assert_eq!(ends.to_vec(), [f64::NEG_INFINITY, f64::INFINITY]);
        assert!(logit(tape.constant(1.5f64)).item().is_nan());
    }

    #[test]
    fn texts_read_back_as_the_same_value() {
        for a in ALL.into_iter().chain([Activation::LeakyRelu { slope: 1.0 / 3.0 }]) {
            assert_eq!(a.to_string().parse(), Ok(a));
        }
        for text in ["", "Relu", "relu(1)", "elu", "elu()", "elu(1", "leaky_relu(x)"] {
            let error = text.parse::<Activation>().expect_err("must be refused").to_string();
            assert!(error.starts_with(&format!("`{text}` is no activation")), "{error}");
        }
        assert_eq!(
            format!("{:>6}|{:<10}|", Activation::Relu, Activation::Elu { alpha: 1.0 }),
            "  relu|elu(1)    |"
        );
    }

    #[test]
    fn activations_work_on_any_shape_and_in_f32() {
        let tape = Tape::new();
        let x = tape.constant(Tensor::<f32>::from_fn([2, 3], |i| i[0] as f32 - i[1] as f32));
        for a in ALL {
            assert_eq!(a.apply(x).value().shape(), [2, 3], "{a}");
        }
    }
}
