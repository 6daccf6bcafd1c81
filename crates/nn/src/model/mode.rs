//! One mode of a two-layer linear network under gradient flow, solved.

/// What a two-layer linear network does to one singular value of its data: two numbers `a` and `b`,
/// whose product grows towards `s`.
///
/// For `y = BAx` with `Σxx = I` and `Σxy = U diag(s) Vᵀ`, weights that start aligned,
/// `A = R diag(a) Vᵀ` and `B = U diag(b) Rᵀ`, stay so under the gradient flow of
/// `½ Σᵢ ‖yᵢ - BAxᵢ‖²`, and each mode moves by itself:
///
/// ```text
/// a' = b (s - ab)        b' = a (s - ab)
/// ```
///
/// A. M. Saxe, J. L. McClelland, S. Ganguli: *Exact solutions to the nonlinear dynamics of learning
/// in deep linear neural networks*, ICLR 2014.
///
/// ```
/// use nn::model::Mode;
///
/// let mode = Mode::balanced(2.0, 0.001);
/// let half = mode.half_time().unwrap();
/// assert!((half - (2.0 / 0.001 - 1.0f64).ln() / 4.0).abs() < 1e-14);
/// assert!((mode.at(half).strength() - 1.0).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mode {
    /// The singular value of `Σxy`.
    pub s: f64,
    /// The first layer's factor.
    pub a: f64,
    /// The second layer's factor.
    pub b: f64,
}

impl Mode {
    /// The mode with `a = b = √u₀`.
    ///
    /// # Panics
    /// When `u0` is negative: equal factors have no such product.
    #[track_caller]
    pub fn balanced(s: f64, u0: f64) -> Self {
        assert!(u0 >= 0.0, "balanced: no equal factors have the product {u0}");
        Mode { s, a: u0.sqrt(), b: u0.sqrt() }
    }

    /// `u = ab`, what the network does to this singular value.
    pub fn strength(self) -> f64 {
        self.a * self.b
    }

    /// The mode after the flow has run for `t`.
    ///
    /// With `x = (a + b)/2` and `y = (a - b)/2` the flow is `x' = x (s - u)`, `y' = -y (s - u)` and
    /// `u = x² - y²`: `x` grows where `y` shrinks, and `xy = (a² - b²)/4` stays. So `p = x²` and
    /// `q = y²` obey two Riccati equations that differ in the sign of `s` alone,
    ///
    /// ```text
    /// p' = 2 (k + s p - p²)      q' = 2 (k - s q - q²)      k = pq
    /// ```
    ///
    /// and are solved one without the other. The hyperbolic functions of the paper say the same
    /// where `a² ≠ b²`; this holds for all factors, equal or opposite ones included.
    ///
    /// Both factors come out to rounding errors of the greater one.
    ///
    /// # Panics
    /// When `t` is negative: backwards the flow may leave every bound.
    #[track_caller]
    pub fn at(self, t: f64) -> Self {
        assert!(t >= 0.0, "at: a time of {t} is not forwards");
        let [x, y] = self.halves();
        let xy = x * y;
        let [p, q] = [riccati(self.s, x * x, xy, t), riccati(-self.s, y * y, xy, t)];
        let [x, y] = [p.sqrt().copysign(x), q.sqrt().copysign(y)];
        Mode { s: self.s, a: x + y, b: x - y }
    }

    /// When the strength is `s/2`; `None` if it is not below that to begin with, or never comes
    /// there. For a balanced mode this is `1/(2s) ln(s/u₀ - 1)`.
    pub fn half_time(self) -> Option<f64> {
        let ([x, y], s) = (self.halves(), self.s);
        if x == 0.0 || s <= 0.0 || self.strength() >= 0.5 * s {
            return None;
        }
        let [high, low] = equilibria(s, x * y);
        // u = p - k/p is s/2 at p = `half`; the way from there to `high` is written without
        // differences.
        let (r, root) = (high - low, (0.5 * s).hypot(2.0 * x * y));
        let half = 0.5 * (0.5 * s + root);
        let rest = 0.5 * (0.5 * s + 0.75 * s * s / (r + root));
        let p = x * x;
        Some(((half - low) / rest * ((high - p) / (p - low))).ln() / (2.0 * r))
    }

    /// `(a + b)/2` and `(a - b)/2`.
    fn halves(self) -> [f64; 2] {
        [0.5 * (self.a + self.b), 0.5 * (self.a - self.b)]
    }
}

/// The zeros of `k + s p - p²` with `k = (xy)²`: where `p` goes to, and where it comes from. Both
/// are computed from the one of larger magnitude, for their product is `-k`.
fn equilibria(s: f64, xy: f64) -> [f64; 2] {
    let far = 0.5 * (s.abs() + s.hypot(2.0 * xy));
    let near = if far == 0.0 { 0.0 } else { xy * (xy / far) };
    if s >= 0.0 { [far, -near] } else { [near, -far] }
}

/// `p(t)` of `p' = 2 (k + s p - p²)` with `k = (xy)²`, from `p(0) = p`. Every sum is of terms of
/// one sign, so no digits are lost however small the start or long the time.
fn riccati(s: f64, p: f64, xy: f64, t: f64) -> f64 {
    if p == 0.0 {
        return 0.0; // then k = 0, and 0 is an equilibrium
    }
    let [high, low] = equilibria(s, xy);
    if high == low {
        return p / (1.0 + 2.0 * p * t);
    }
    let exponent = -2.0 * (high - low) * t;
    let (e, rest) = (exponent.exp(), -exponent.exp_m1());
    (p * (high - e * low) + xy * xy * rest) / (p * rest - low + e * high)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The flow by Runge and Kutta's classical steps.
    fn integrated(mode: Mode, t: f64) -> Mode {
        let slope = |m: Mode| [m.b * (m.s - m.a * m.b), m.a * (m.s - m.a * m.b)];
        let go = |m: Mode, k: [f64; 2], h: f64| Mode { a: m.a + h * k[0], b: m.b + h * k[1], ..m };
        let steps = 4000;
        let h = t / steps as f64;
        (0..steps).fold(mode, |m, _| {
            let k1 = slope(m);
            let k2 = slope(go(m, k1, h / 2.0));
            let k3 = slope(go(m, k2, h / 2.0));
            let k4 = slope(go(m, k3, h));
            let mean = [0, 1].map(|i| (k1[i] + 2.0 * (k2[i] + k3[i]) + k4[i]) / 6.0);
            go(m, mean, h)
        })
    }

    #[test]
    fn every_start_follows_the_equations() {
        let starts = [
            (1.3, 0.1, 0.1),
            (1.3, -0.1, -0.1),
            (1.3, 0.1, 0.5),
            (1.3, -0.3, 0.2),
            (1.3, -0.2, 0.2),
            (1.0, 2.0, 1.5),
            (1.0, 0.0, 0.1),
            (0.0, 0.4, 0.3),
            (0.0, 0.4, 0.4),
            (2.0, 0.0, 0.0),
        ];
        for (s, a, b) in starts {
            let mode = Mode { s, a, b };
            for t in [0.0, 0.7, 3.0] {
                let (found, expected) = (mode.at(t), integrated(mode, t));
                let off = (found.a - expected.a).abs().max((found.b - expected.b).abs());
                assert!(off < 1e-11, "{mode:?} at {t}: {found:?}, not {expected:?}");
            }
        }
    }

    #[test]
    fn tiny_starts_lose_no_digits() {
        for u0 in [1e-8, 1e-100, 1e-300] {
            let mode = Mode::balanced(1.5, u0);
            let half = mode.half_time().unwrap();
            assert!((half * 3.0 - (1.5 / u0 - 1.0).ln()).abs() < 1e-12 * half);
            // The time itself is rounded, and the strength is as steep as s²/2 there.
            assert!((mode.at(half).strength() - 0.75).abs() < 1e-15 * (10.0 + 4.0 * half), "{u0}");
            assert!((mode.at(1e6).strength() - 1.5).abs() < 1e-15, "{u0}");
        }
    }

    #[test]
    fn half_times_are_when_half_is_learned() {
        for (s, a, b) in [(1.3, 0.1, 0.5), (0.8, -0.2, 0.3), (2.0, 0.0, 1e-3), (1e-3, 5.0, 0.0)] {
            let mode = Mode { s, a, b };
            let half = mode.half_time().unwrap();
            // The lesser factor has the rounding errors of the greater one.
            let rounding = 1e-15 * (10.0 + (a * a + b * b) / s);
            assert!((mode.at(half).strength() / s - 0.5).abs() < rounding, "{mode:?} {half}");
        }
        for (s, a, b) in [(1.0, 1.0, 0.6), (1.0, 0.3, -0.3), (0.0, -0.3, 0.2), (1.0, 0.0, 0.0)] {
            assert_eq!(Mode { s, a, b }.half_time(), None);
        }
    }

    #[test]
    #[should_panic(expected = "balanced: no equal factors have the product -0.5")]
    fn equal_factors_have_no_negative_product() {
        Mode::balanced(1.0, -0.5);
    }
}
