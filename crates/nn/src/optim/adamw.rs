//! Adam with decoupled weight decay.

use tape::Gradients;

use super::adam::{Moments, Terms};
use super::{OptimError, Optimizer, State, check};
use crate::Module;

/// Adam with decoupled weight decay (Loshchilov and Hutter, ICLR 2019, algorithm 2).
///
/// With learning rate γ, decay rates β₁ and β₂, ε and weight decay λ, in step t:
///
/// ```text
/// g ← ∇L(θ)
/// θ ← θ - γ λ θ
/// m ← β₁ m + (1 - β₁) g
/// v ← β₂ v + (1 - β₂) g²
/// m̂ = m / (1 - β₁ᵗ),   v̂ = v / (1 - β₂ᵗ)
/// θ ← θ - γ m̂ / (√v̂ + ε)
/// ```
///
/// This is PyTorch's `torch.optim.AdamW`: the decay is multiplied by the learning rate, and does
/// not enter the averages as it does in [`Adam`](super::Adam).
#[derive(Clone, Debug, PartialEq)]
pub struct AdamW {
    betas: (f64, f64),
    eps: f64,
    weight_decay: f64,
    state: State,
}

impl AdamW {
    /// β = (0.9, 0.999), ε = 1e-8, λ = 0.01.
    ///
    /// # Panics
    /// When the learning rate is negative or not finite.
    #[track_caller]
    pub fn new(learning_rate: f64) -> Self {
        AdamW {
            betas: (0.9, 0.999),
            eps: 1e-8,
            weight_decay: 0.01,
            state: State::new(learning_rate),
        }
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

    /// What is added to the denominator; not 0, as with [`Adam::eps`](super::Adam::eps).
    ///
    /// # Panics
    /// Unless it is in `[2⁻¹²⁶, ∞)`; 2⁻¹²⁶ is the least normal number of f32.
    #[track_caller]
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = check("eps", eps, f64::from(f32::MIN_POSITIVE)..f64::INFINITY);
        self
    }

    /// Weight decay λ.
    ///
    /// # Panics
    /// Unless it is in `[0, ∞)`.
    #[track_caller]
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.weight_decay = check("weight decay", weight_decay, 0.0..f64::INFINITY);
        self
    }
}

impl Optimizer for AdamW {
    fn step(&mut self, model: &mut dyn Module, grads: &Gradients) -> Result<(), OptimError> {
        let rate = self.state.learning_rate();
        let (betas, eps, shrink) = (self.betas, self.eps, 1.0 - rate * self.weight_decay);
        self.state.step(model, grads, ["m", "v"], |t| Terms {
            decay: 0.0,
            shrink,
            moments: Moments::new(rate, betas, eps, t),
        })
    }

    fn settings(&self) -> String {
        let AdamW { betas, eps, weight_decay, .. } = self;
        format!("AdamW betas {betas:?} eps {eps:?} weight decay {weight_decay:?}")
    }

    fn state(&self) -> &State {
        &self.state
    }

    fn state_mut(&mut self) -> &mut State {
        &mut self.state
    }
}
