//! Adam.

use tape::Gradients;
use tensor::Float;

use super::{Formula, OptimError, Optimizer, State, check};
use crate::Module;

/// Adam (Kingma and Ba, ICLR 2015, algorithm 1).
///
/// With learning rate γ, decay rates β₁ and β₂, ε and weight decay λ, in step t:
///
/// ```text
/// g ← ∇L(θ) + λ θ
/// m ← β₁ m + (1 - β₁) g
/// v ← β₂ v + (1 - β₂) g²
/// m̂ = m / (1 - β₁ᵗ),   v̂ = v / (1 - β₂ᵗ)
/// θ ← θ - γ m̂ / (√v̂ + ε)
/// ```
///
/// This is PyTorch's `torch.optim.Adam`: ε stands outside of the root and is added after the bias
/// correction, and the weight decay passes through the averages. [`AdamW`](super::AdamW) keeps it
/// out of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Adam {
    betas: (f64, f64),
    eps: f64,
    weight_decay: f64,
    state: State,
}

impl Adam {
    /// β = (0.9, 0.999), ε = 1e-8, no weight decay.
    ///
    /// # Panics
    /// When the learning rate is negative or not finite.
    #[track_caller]
    pub fn new(learning_rate: f64) -> Self {
        Adam { betas: (0.9, 0.999), eps: 1e-8, weight_decay: 0.0, state: State::new(learning_rate) }
    }

    /// Decay rates of the averages of gradient and squared gradient.
    ///
    /// # Panics
    /// Unless both are in `[0, 1)`.
    #[track_caller]
    pub fn betas(mut self, first: f64, second: f64) -> Self {
        self.betas = (check("beta", first, 0.0..1.0), check("beta", second, 0.0..1.0));
        self
    }

    /// What is added to the denominator.
    ///
    /// Not 0, which PyTorch takes: an element whose gradient has always been 0 would be 0/0, and so
    /// is one in f32 where ε rounds to 0.
    ///
    /// # Panics
    /// Unless it is in `[2⁻¹²⁶, ∞)`; 2⁻¹²⁶ is the least normal number of f32.
    #[track_caller]
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = check("eps", eps, f64::from(f32::MIN_POSITIVE)..f64::INFINITY);
        self
    }

    /// Weight decay λ: the gradient of `λ/2 ‖θ‖²` is added to the gradient.
    ///
    /// # Panics
    /// Unless it is in `[0, ∞)`.
    #[track_caller]
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.weight_decay = check("weight decay", weight_decay, 0.0..f64::INFINITY);
        self
    }
}

impl Optimizer for Adam {
    fn step(&mut self, model: &mut dyn Module, grads: &Gradients) -> Result<(), OptimError> {
        let (rate, decay) = (self.state.learning_rate(), self.weight_decay);
        let (betas, eps) = (self.betas, self.eps);
        self.state.step(model, grads, ["m", "v"], |t| Terms {
            decay,
            shrink: 1.0,
            moments: Moments::new(rate, betas, eps, t),
        })
    }

    fn settings(&self) -> String {
        let Adam { betas, eps, weight_decay, .. } = self;
        format!("Adam betas {betas:?} eps {eps:?} weight decay {weight_decay:?}")
    }

    fn state(&self) -> &State {
        &self.state
    }

    fn state_mut(&mut self) -> &mut State {
        &mut self.state
    }
}

/// The formula of [`Adam`] and [`AdamW`](super::AdamW), which differ in where the decay enters.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    /// λ, in the gradient.
    pub decay: f64,
    /// The factor of θ: `1 - γλ` where the decay is decoupled.
    pub shrink: f64,
    pub moments: Moments,
}

/// What the step number makes of the settings.
#[derive(Clone, Copy)]
pub(super) struct Moments {
    /// 1 - β₁.
    take: f64,
    /// β₂.
    keep: f64,
    /// γ / (1 - β₁ᵗ).
    rate: f64,
    /// √(1 - β₂ᵗ).
    root: f64,
    eps: f64,
}

impl Moments {
    pub(super) fn new(rate: f64, (b1, b2): (f64, f64), eps: f64, t: u64) -> Self {
        let t = i32::try_from(t).unwrap_or(i32::MAX);
        Moments {
            take: 1.0 - b1,
            keep: b2,
            rate: rate / (1.0 - b1.powi(t)),
            root: (1.0 - b2.powi(t)).sqrt(),
            eps,
        }
    }
}

impl Formula<2> for Terms {
    #[inline(always)]
    fn next<T: Float>(&self, p: T, g: T, [m, v]: [T; 2]) -> (T, [T; 2]) {
        let Moments { take, keep, rate, root, eps } = self.moments;
        let g = g + T::of(self.decay) * p;
        let p = T::of(self.shrink) * p;
        // β₁ m + (1 - β₁) g, in the form that leaves m alone where g = m.
        let m = m + T::of(take) * (g - m);
        let v = T::of(keep) * v + T::of(1.0 - keep) * (g * g);
        let step = T::of(rate) * (m / (v.sqrt() / T::of(root) + T::of(eps)));
        (p - step, [m, v])
    }
}
