//! Gradient dynamics: how y = BAx, and deeper products, are learned.
//!
//! Row 27. The syllabus names the subject, the slides do not have it: Saxe, McClelland and Ganguli
//! (2014); `docs/lecture.md` has the derivations. The flow `W' = -∇L(W)` is followed in three ways:
//! by the closed forms (`Mode`), by fine Runge-Kutta steps over gradients written with plain
//! tensors, and by gradient descent on the tape's gradients, with time `t = kη`.

mod conserved;
mod depth;
mod modes;
mod random_start;
mod saddle;

use nn::model::Mode;
use nn::prelude::*;

/// Data with `Σxx = I` and `Σxy = U diag(s) Vᵀ` (sums over samples, which are rows), and a part of
/// `y` that no linear map of `x` explains.
struct Data {
    x: Tensor<f64>,
    y: Tensor<f64>,
    u: Tensor<f64>,
    s: Vec<f64>,
    v: Tensor<f64>,
}

impl Data {
    /// For inputs of `d` and outputs of `k` numbers.
    fn new(s: &[f64], d: usize, k: usize, seed: u64) -> Self {
        let mut rng = rng(seed);
        let (u, v) = (frame(k, s.len(), &mut rng), frame(d, s.len(), &mut rng));
        let q = frame(d + k + 1, d + k, &mut rng);
        let (x, rest) = (q.slice(s![.., ..d]), q.slice(s![.., d..]));
        let target = (&u * Tensor::from(s.to_vec())).matmul(&v.t());
        let y = x.matmul(&target.t()) + 0.5 * rest;
        Data { x, y, u, s: s.to_vec(), v }
    }

    /// Weights aligned with the data: the factors of every mode, layer by layer, in hidden
    /// layers of `width`.
    fn aligned(&self, factors: &[Vec<f64>], width: usize, seed: u64) -> DeepLinear<f64> {
        let mut rng = rng(seed);
        let hidden = (1..factors.len()).map(|_| frame(width, self.s.len(), &mut rng));
        let mut frames: Vec<_> = std::iter::once(self.v.clone()).chain(hidden).collect();
        frames.push(self.u.clone());
        let strengths: Vec<_> = factors.iter().map(|f| Tensor::from(f.clone())).collect();
        DeepLinear::aligned(&frames, &strengths)
    }

    /// What the network does to each singular value: `uᵢᵀ W vᵢ`.
    fn strengths(&self, product: &Tensor<f64>) -> Vec<f64> {
        self.u.t().matmul(product).matmul(&self.v).diagonal().to_vec()
    }

    /// What no linear map can learn: `½ (‖Y‖² - Σ sᵢ²)`.
    fn floor(&self) -> f64 {
        0.5 * (self.y.square().sum().item() - self.s.iter().map(|s| s * s).sum::<f64>())
    }

    fn correlations(&self) -> Correlations {
        Correlations::of(&self.x, &self.y)
    }
}

/// Orthonormal columns.
fn frame(rows: usize, columns: usize, rng: &mut nn::Rng) -> Tensor<f64> {
    Tensor::normal([rows, columns], 0.0, 1.0, rng).qr().expect("finite").0
}

/// `½ Σᵢ ‖yᵢ - Wxᵢ‖²` on the tape of `x`.
fn loss_of<'t>(model: &DeepLinear<f64>, x: Var<'t, f64>, y: &Tensor<f64>) -> Var<'t, f64> {
    loss::frobenius(model.forward(x), x.tape().constant(y))
}

/// The tape's gradients, layer by layer.
fn taped(model: &DeepLinear<f64>, x: &Tensor<f64>, y: &Tensor<f64>) -> Vec<Tensor<f64>> {
    let grads = loss_of(model, Tape::new().constant(x), y).backward();
    model.weights.iter().map(|w| grads[w].clone()).collect()
}

/// Gradient descent on the tape: `each` sees the model after every step, and before the first.
fn descend(
    model: &mut DeepLinear<f64>,
    [x, y]: [&Tensor<f64>; 2],
    (rate, steps): (f64, usize),
    mut each: impl FnMut(usize, &DeepLinear<f64>),
) {
    let mut sgd = Sgd::new(rate);
    each(0, model);
    for step in 1..=steps {
        let grads = loss_of(model, Tape::new().constant(x), y).backward();
        sgd.step(model, &grads).expect("every weight has a gradient");
        each(step, model);
    }
}

/// `Σxx` and `Σxy`, which are all that the gradient sees of the data.
struct Correlations {
    xx: Tensor<f64>,
    xy: Tensor<f64>,
}

impl Correlations {
    fn of(x: &Tensor<f64>, y: &Tensor<f64>) -> Self {
        Correlations { xx: x.t().matmul(x), xy: y.t().matmul(x) }
    }

    /// `-∂L/∂W_j = (W_D ⋯ W_{j+1})ᵀ (Σxy - WΣxx) (W_{j-1} ⋯ W₁)ᵀ`, with plain tensors.
    fn flow(&self, weights: &[Tensor<f64>]) -> Vec<Tensor<f64>> {
        let product = weights[1..].iter().fold(weights[0].clone(), |p, w| w.matmul(&p));
        let error = &self.xy - product.matmul(&self.xx);
        let slope = |j: usize| {
            let above = weights[j + 1..].iter().rev();
            let pulled = above.fold(error.clone(), |e, w| w.t().matmul(&e));
            weights[..j].iter().fold(pulled, |e, w| e.matmul(&w.t()))
        };
        (0..weights.len()).map(slope).collect()
    }

    /// Gradient flow for a time `t`, in classical Runge-Kutta steps; `each` sees time and weights.
    fn integrate(
        &self,
        mut weights: Vec<Tensor<f64>>,
        (t, steps): (f64, usize),
        mut each: impl FnMut(f64, &[Tensor<f64>]),
    ) {
        let h = t / steps as f64;
        let go = |w: &[Tensor<f64>], k: &[Tensor<f64>], h: f64| -> Vec<Tensor<f64>> {
            w.iter().zip(k).map(|(w, k)| w + h * k).collect()
        };
        for step in 1..=steps {
            let k1 = self.flow(&weights);
            let k2 = self.flow(&go(&weights, &k1, h / 2.0));
            let k3 = self.flow(&go(&weights, &k2, h / 2.0));
            let k4 = self.flow(&go(&weights, &k3, h));
            for (k, h) in [(k1, h / 6.0), (k2, h / 3.0), (k3, h / 3.0), (k4, h / 6.0)] {
                weights = go(&weights, &k, h);
            }
            each(step as f64 * h, &weights);
        }
    }
}

fn weights_of(model: &DeepLinear<f64>) -> Vec<Tensor<f64>> {
    model.weights.iter().map(|w| w.value().clone()).collect()
}

/// Asserts that errors, measured at a step size and at halves of it, fall by halves.
#[track_caller]
fn assert_halving(errors: &[f64]) {
    for pair in errors.windows(2) {
        let ratio = pair[0] / pair[1];
        assert!((1.85..2.15).contains(&ratio), "half the step: {ratio} times less of {errors:?}");
    }
}

/// The greatest distance between descent from aligned factors and the modes that solve the flow.
fn distance_to_flow(data: &Data, modes: &[Mode], time: f64, rate: f64) -> f64 {
    let factors = [modes.iter().map(|m| m.a).collect(), modes.iter().map(|m| m.b).collect()];
    let mut model = data.aligned(&factors, 4, 7);
    let mut worst = 0.0f64;
    let steps = (time / rate).round() as usize;
    descend(&mut model, [&data.x, &data.y], (rate, steps), |k, model| {
        for (mode, u) in modes.iter().zip(data.strengths(&model.product())) {
            worst = worst.max((u - mode.at(k as f64 * rate).strength()).abs());
        }
    });
    worst
}
