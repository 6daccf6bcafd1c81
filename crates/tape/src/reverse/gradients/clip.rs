//! The norm of all gradients together, and its bound.

use tensor::{AnySliceMut, AnyTensor, Tensor};

use super::Gradients;
use crate::param::ParamId;

impl Gradients {
    /// The gradients there are, each as its elements in row-major order, to be changed in place; in
    /// the order in which the parameters were made.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (ParamId, AnySliceMut<'_>)> {
        self.entries.iter_mut().filter_map(|(id, g)| Some((*id, elements(g.as_mut().ok()?))))
    }

    /// The norm of all gradients as one vector, `√(Σ g²)` over every element of every parameter; 0
    /// if there is none. In f64, and without overflow or underflow on the way.
    pub fn norm(&self) -> f64 {
        let gradients = self.entries.iter().filter_map(|(_, g)| g.as_ref().ok());
        let mut norms: Vec<f64> = gradients.map(|g| wide(g).norm().item()).collect();
        // Sorted, so that the bits do not depend on the order in which the parameters were made.
        norms.sort_unstable_by(f64::total_cmp);
        norms.into_iter().collect::<Tensor<f64>>().norm().item()
    }

    /// Makes the [`norm`](Self::norm) of all gradients at most `max`, and returns what it was
    /// before: if it is greater, every gradient is multiplied by `max / norm` (Pascanu, Mikolov and
    /// Bengio, ICML 2013, algorithm 1). The direction stays; gradients within the bound, zeros
    /// among them, keep their bits.
    ///
    /// **A norm that is infinite or NaN changes nothing.** An optimiser of `nn` then refuses the
    /// step and names the parameter and the element. PyTorch's `clip_grad_norm_` makes every finite
    /// element 0 and the infinite one NaN, or all NaN; and it divides by `norm + 1e-6`.
    ///
    /// ```
    /// use tape::{Param, Tape};
    /// use tensor::tensor;
    ///
    /// let p = Param::new(tensor![3.0, 4.0]);
    /// let tape = Tape::new();
    /// let mut grads = (tape.param(&p).square().sum() * 0.5).backward();
    /// assert_eq!(grads.clip_norm(1.0), 5.0);
    /// assert!(grads[&p].allclose(&tensor![0.6, 0.8], 1e-15, 0.0));
    /// ```
    ///
    /// # Panics
    /// When `max` is negative or NaN.
    #[track_caller]
    pub fn clip_norm(&mut self, max: f64) -> f64 {
        assert!(max >= 0.0, "clip_norm: a bound of {max}");
        let norm = self.norm();
        if norm.is_finite() && norm > max {
            let factor = max / norm;
            for (_, elements) in self.iter_mut() {
                match elements {
                    AnySliceMut::F32(g) => {
                        g.iter_mut().for_each(|g| *g = (f64::from(*g) * factor) as f32);
                    }
                    AnySliceMut::F64(g) => g.iter_mut().for_each(|g| *g *= factor),
                    _ => unreachable!("a gradient has the type of its parameter, a float"),
                }
            }
        }
        norm
    }
}

/// In f64, in which no square of an f32 overflows or vanishes.
fn wide(gradient: &AnyTensor) -> Tensor<f64> {
    match gradient {
        AnyTensor::F32(g) => g.cast(),
        AnyTensor::F64(g) => g.clone(),
        _ => unreachable!("a gradient has the type of its parameter, a float"),
    }
}

fn elements(gradient: &mut AnyTensor) -> AnySliceMut<'_> {
    match gradient {
        AnyTensor::F32(g) => AnySliceMut::F32(g.make_mut()),
        AnyTensor::F64(g) => AnySliceMut::F64(g.make_mut()),
        _ => unreachable!("a gradient has the type of its parameter, a float"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Param;
    use tensor::tensor;

    /// Parameters of both types, and these gradients of them.
    fn gradients(a: [f64; 2], b: [f32; 2]) -> (Param<f64>, Param<f32>, Gradients) {
        let (p, q) = (Param::new(tensor![0.0, 0.0]), Param::new(tensor![0.0f32, 0.0]));
        let mut grads = Gradients::default();
        grads.set(&q, tensor![b[0], b[1]]);
        grads.set(&p, tensor![a[0], a[1]]);
        (p, q, grads)
    }

    #[test]
    fn one_norm_bounds_all_gradients() {
        // 1² + 2² + 4² + 10² = 11².
        let (p, q, mut grads) = gradients([1.0, -2.0], [4.0, 10.0]);
        assert_eq!((grads.norm(), grads.clip_norm(5.5)), (11.0, 11.0));
        assert_eq!((&grads[&p], &grads[&q]), (&tensor![0.5, -1.0], &tensor![2.0f32, 5.0]));
        assert_eq!(grads.clip_norm(5.5), 5.5);
        assert_eq!(grads.clip_norm(f64::INFINITY), 5.5);
        assert_eq!((&grads[&p], &grads[&q]), (&tensor![0.5, -1.0], &tensor![2.0f32, 5.0]));
        assert_eq!((grads.clip_norm(0.0), grads.norm()), (5.5, 0.0));
        assert_eq!(Gradients::default().clip_norm(1.0), 0.0);
    }

    // I5
    #[test]
    fn zeros_stay_and_what_is_not_finite_is_left_for_the_optimiser_to_refuse() {
        let (p, _, mut grads) = gradients([0.0, -0.0], [0.0, 0.0]);
        assert_eq!(grads.clip_norm(1.0), 0.0);
        assert_eq!(grads.clip_norm(0.0), 0.0);
        assert!(grads[&p][[1]].is_sign_negative(), "the bits stay");
        for (bad, norm) in [(f32::INFINITY, f64::INFINITY), (f32::NAN, f64::NAN)] {
            let (p, q, mut grads) = gradients([3.0, 4.0], [5.0, bad]);
            assert_eq!(grads.clip_norm(1.0).to_bits() << 1, norm.to_bits() << 1);
            assert_eq!((&grads[&p], grads[&q][[0]]), (&tensor![3.0, 4.0], 5.0));
            assert_eq!(grads[&q][[1]].to_bits(), bad.to_bits());
        }
    }

    #[test]
    fn squares_beyond_the_range_of_the_type_are_no_obstacle() {
        let (p, q, mut grads) = gradients([3e200, 0.0], [0.0, 0.0]);
        assert_eq!(grads.clip_norm(3.0), 3e200);
        assert!(grads[&p].allclose(&tensor![3.0, 0.0], 1e-15, 0.0));
        assert_eq!(grads[&q].to_vec(), [0.0; 2]);
        // The norm of these is no f32 any more.
        let (_, q, mut grads) = gradients([0.0, 0.0], [f32::MAX, f32::MAX]);
        let norm = f64::from(f32::MAX) * 2f64.sqrt();
        assert!((grads.clip_norm(1.0) / norm - 1.0).abs() < 1e-15);
        assert!(grads[&q].allclose(&tensor![0.5f32.sqrt(), 0.5f32.sqrt()], 1e-6, 0.0));
    }

    #[test]
    fn every_gradient_is_met_once_in_the_order_of_the_parameters() {
        let (p, q, mut grads) = gradients([1.0, 2.0], [3.0, 4.0]);
        let mut met = Vec::new();
        for (id, elements) in grads.iter_mut() {
            met.push(id);
            if let Some(elements) = elements.get::<f32>() {
                elements.fill(7.0);
            }
        }
        assert_eq!(met, [p.id(), q.id()]);
        assert_eq!((&grads[&p], &grads[&q]), (&tensor![1.0, 2.0], &tensor![7.0f32, 7.0]));
    }

    #[test]
    fn a_gradient_that_shares_its_elements_is_clipped_alone() {
        let whole = tensor![[3.0, 4.0], [5.0, 6.0]];
        let p = Param::new(tensor![0.0, 0.0]);
        let mut grads = Gradients::default();
        grads.set(&p, whole.index_axis(0, 0));
        assert_eq!(grads.clip_norm(2.5), 5.0);
        assert_eq!((&grads[&p], whole.to_vec()), (&tensor![1.5, 2.0], vec![3.0, 4.0, 5.0, 6.0]));
    }

    #[test]
    #[should_panic(expected = "clip_norm: a bound of -1")]
    fn a_negative_bound_panics() {
        Gradients::default().clip_norm(-1.0);
    }
}
