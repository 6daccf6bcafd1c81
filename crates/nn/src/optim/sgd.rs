//! Stochastic gradient descent.

use tape::Gradients;
use tensor::Float;

use super::{Formula, OptimError, Optimizer, State, check};
use crate::Module;

/// Stochastic gradient descent, with momentum if asked for.
///
/// With learning rate γ, momentum μ, dampening τ and weight decay λ, in step t:
///
/// ```text
/// g ← ∇L(θ) + λ θ
/// b ← g                    if t = 1        (without momentum: g is used as it is)
/// b ← μ b + (1 - τ) g      if t > 1
/// g ← g + μ b              with Nesterov's momentum, else g ← b
/// θ ← θ - γ g
/// ```
///
/// This is PyTorch's `torch.optim.SGD`: Polyak's heavy ball (1964), and Nesterov's variant as
/// Sutskever, Martens, Dahl and Hinton write it (ICML 2013), with γ outside of the average b.
#[derive(Clone, Debug, PartialEq)]
pub struct Sgd {
    momentum: f64,
    dampening: f64,
    nesterov: bool,
    weight_decay: f64,
    state: State,
}

impl Sgd {
    /// Plain gradient descent.
    ///
    /// # Panics
    /// When the learning rate is negative or not finite.
    #[track_caller]
    pub fn new(learning_rate: f64) -> Self {
        Sgd {
            momentum: 0.0,
            dampening: 0.0,
            nesterov: false,
            weight_decay: 0.0,
            state: State::new(learning_rate),
        }
    }

    /// Momentum μ, 0 to begin with.
    ///
    /// # Panics
    /// Unless it is in `[0, ∞)`, or if it is 0 and Nesterov's variant was chosen.
    #[track_caller]
    pub fn momentum(mut self, momentum: f64) -> Self {
        self.momentum = check("momentum", momentum, 0.0..f64::INFINITY);
        self.checked()
    }

    /// Dampening τ of the momentum, 0 to begin with.
    ///
    /// # Panics
    /// When it is not finite, or not 0 and Nesterov's variant was chosen.
    #[track_caller]
    pub fn dampening(mut self, dampening: f64) -> Self {
        self.dampening = check("dampening", dampening, f64::MIN..f64::INFINITY);
        self.checked()
    }

    /// Nesterov's momentum: looks ahead along the average.
    ///
    /// # Panics
    /// Without momentum, or with dampening: the variant is not defined there.
    #[track_caller]
    pub fn nesterov(mut self) -> Self {
        self.nesterov = true;
        self.checked()
    }

    /// Weight decay λ, 0 to begin with: the gradient of `λ/2 ‖θ‖²` is added.
    ///
    /// # Panics
    /// Unless it is in `[0, ∞)`.
    #[track_caller]
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.weight_decay = check("weight decay", weight_decay, 0.0..f64::INFINITY);
        self
    }

    #[track_caller]
    fn checked(self) -> Self {
        assert!(
            !self.nesterov || (self.momentum > 0.0 && self.dampening == 0.0),
            "Nesterov's variant needs momentum and no dampening: momentum is {}, dampening {}",
            self.momentum,
            self.dampening
        );
        self
    }
}

impl Optimizer for Sgd {
    fn step(&mut self, model: &mut dyn Module, grads: &Gradients) -> Result<(), OptimError> {
        let (rate, decay) = (self.state.learning_rate(), self.weight_decay);
        let Sgd { momentum, dampening, nesterov, .. } = *self;
        if momentum == 0.0 {
            return self.state.step(model, grads, [], |_| Plain { rate, decay });
        }
        self.state.step(model, grads, ["momentum"], |t| {
            // b is 0 before the first step, so that 0 · b + 1 · g is g.
            let (keep, take) = if t == 1 { (0.0, 1.0) } else { (momentum, 1.0 - dampening) };
            let (ahead, now) = if nesterov { (momentum, 1.0) } else { (1.0, 0.0) };
            Momentum { rate, decay, keep, take, ahead, now }
        })
    }

    fn settings(&self) -> String {
        let Sgd { momentum, dampening, nesterov, weight_decay, .. } = self;
        format!(
            "Sgd momentum {momentum:?} dampening {dampening:?} nesterov {nesterov} \
             weight decay {weight_decay:?}"
        )
    }

    fn state(&self) -> &State {
        &self.state
    }

    fn state_mut(&mut self) -> &mut State {
        &mut self.state
    }
}

#[derive(Clone, Copy)]
struct Plain {
    rate: f64,
    decay: f64,
}

impl Formula<0> for Plain {
    #[inline(always)]
    fn next<T: Float>(&self, p: T, g: T, _: [T; 0]) -> (T, [T; 0]) {
        let g = g + T::of(self.decay) * p;
        (p - T::of(self.rate) * g, [])
    }
}

#[derive(Clone, Copy)]
struct Momentum {
    rate: f64,
    decay: f64,
    keep: f64,
    take: f64,
    ahead: f64,
    now: f64,
}

impl Formula<1> for Momentum {
    #[inline(always)]
    fn next<T: Float>(&self, p: T, g: T, [b]: [T; 1]) -> (T, [T; 1]) {
        let g = g + T::of(self.decay) * p;
        let b = T::of(self.keep) * b + T::of(self.take) * g;
        let g = T::of(self.now) * g + T::of(self.ahead) * b;
        (p - T::of(self.rate) * g, [b])
    }
}
