//! The linear autoencoder, and what the singular value decomposition says about it.

use rand::Rng;
use tape::{Param, Tape, Var};
use tensor::shape::Dims;
use tensor::{Error, Float, Svd, Tensor};

use crate::layer::linear::product;
use crate::{Module, init, loss};

/// `x ↦ z = Cx ↦ y = Dz` with a code `z` of `m < d` numbers.
///
/// The lecture has samples in columns; here they are the rows of `X: [n, d]`, the transpose of its
/// data matrix. So the left singular vectors of the lecture's matrix, `U`, are the *right* ones of
/// ours: `U_m` has the first `m` rows of `vt` as its columns.
#[derive(Clone, Debug, Module)]
pub struct LinearAutoencoder<T: Float> {
    /// The encoder, `[m, d]`.
    pub c: Param<T>,
    /// The decoder, `[d, m]`.
    pub d: Param<T>,
}

/// How far the subspace a [`LinearAutoencoder`] has learned is from the optimal one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SubspaceDistance {
    /// `‖P - U_m U_mᵀ‖_F`, where `P` is the orthogonal projector onto the range of `D`: from 0 to
    /// `√(2m)`.
    pub frobenius: f64,
    /// The largest principal angle between the two subspaces in radians: from 0 to `π/2`.
    pub angle: f64,
}

impl<T: Float> LinearAutoencoder<T> {
    /// Codes of `m` numbers for inputs of `d`, with [`xavier_uniform`](init::xavier_uniform)
    /// weights.
    pub fn new<R: Rng + ?Sized>(d: usize, m: usize, rng: &mut R) -> Self {
        let c = Param::new(init::xavier_uniform([m, d], rng));
        LinearAutoencoder { c, d: Param::new(init::xavier_uniform([d, m], rng)) }
    }

    /// The codes `[n, m]` of inputs `[n, d]`: `x Cᵀ`.
    ///
    /// # Panics
    /// When the last axis of `x` has not the size `d`.
    #[track_caller]
    pub fn encode<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
        product("encode", x, &self.c)
    }

    /// The outputs `[n, d]` of codes `[n, m]`: `z Dᵀ`.
    ///
    /// # Panics
    /// When the last axis of `z` has not the size `m`.
    #[track_caller]
    pub fn decode<'t>(&self, z: Var<'t, T>) -> Var<'t, T> {
        product("decode", z, &self.d)
    }

    /// The reconstructions of inputs: [`decode`](Self::decode) of [`encode`](Self::encode).
    ///
    /// # Panics
    /// As [`encode`](Self::encode).
    #[track_caller]
    pub fn forward<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
        self.decode(self.encode(x))
    }

    /// The lecture's `L = 1/(2n) Σᵢ ‖xᵢ - DCxᵢ‖²`.
    ///
    /// # Panics
    /// As [`encode`](Self::encode).
    #[track_caller]
    pub fn loss<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
        loss::half_squared_error(self.forward(x), x)
    }

    /// The reconstructions of a tensor, computed at once and without derivatives.
    ///
    /// # Panics
    /// As [`encode`](Self::encode).
    #[track_caller]
    pub fn reconstruct(&self, x: &Tensor<T>) -> Tensor<T> {
        let tape = Tape::inference();
        self.forward(tape.constant(x)).value()
    }

    /// Sets `C = U_mᵀ` and `D = U_m`, the best there is for the rows of `x` (Eckart and Young). A
    /// code that is longer than the data has directions keeps zeros in the rest.
    ///
    /// # Errors
    /// When a value is not finite, or the decomposition does not converge.
    ///
    /// # Panics
    /// When `x` is not `[n, d]`.
    #[track_caller]
    pub fn fit_optimal(&mut self, x: &Tensor<T>) -> Result<(), Error> {
        let directions = self.svd(x)?.vt;
        let known = directions.shape()[0];
        let row = |i: &[usize]| if i[0] < known { directions[[i[0], i[1]]] } else { 0.0 };
        let c = Tensor::from_fn(self.c.shape(), |i| T::of(row(i)));
        self.d.set(c.t().to_contiguous());
        self.c.set(c);
        Ok(())
    }

    /// The least loss that a code of `m` numbers can reach on the rows of `x`, whatever `C` and
    /// `D`: `1/(2n) Σ_{i>m} σᵢ²` over the singular values of `x` (Eckart and Young).
    ///
    /// # Errors
    /// When a value is not finite, or the decomposition does not converge.
    ///
    /// # Panics
    /// When `x` is not a matrix, or has no rows.
    #[track_caller]
    pub fn optimum(x: &Tensor<T>, m: usize) -> Result<f64, Error> {
        let &[n @ 1..=usize::MAX, _] = x.shape() else {
            panic!("optimum: data of shape {} is not [n, d] with n > 0", Dims(x.shape()));
        };
        let values = x.cast::<f64>().svd()?.s;
        // The smallest first: the sum then loses the least.
        let tail: Vec<f64> = values.iter().skip(m).collect();
        Ok(tail.iter().rev().map(|s| s * s).sum::<f64>() / (2.0 * n as f64))
    }

    /// How far the range of `D` is from that of `U_m`, the optimal subspace for the rows of `x`.
    /// It is the only thing that training can find: any invertible change of the code leaves the
    /// loss as it is.
    ///
    /// If the singular values `m` and `m + 1` of `x` are equal, there are several optimal
    /// subspaces; the distance is to one of them.
    ///
    /// # Errors
    /// When a value is not finite, or a decomposition does not converge.
    ///
    /// # Panics
    /// When `x` is not `[n, d]`.
    #[track_caller]
    pub fn subspace_distance(&self, x: &Tensor<T>) -> Result<SubspaceDistance, Error> {
        let m = self.c.shape()[0];
        let best = first_rows(&self.svd(x)?.vt, m);
        let decoder = self.d.value().cast::<f64>().t().svd()?;
        let largest = decoder.s.iter().fold(0.0, f64::max);
        let noise = largest * self.d.len() as f64 * T::epsilon().wide();
        let own = first_rows(&decoder.vt, decoder.s.iter().filter(|&s| s > noise).count());

        let projector = |rows: &Tensor<f64>| rows.t().matmul(rows);
        let frobenius = (projector(&own) - projector(&best)).norm().item();
        // The largest angle has the part of U_m outside of the subspace as its sine and the part
        // inside as its cosine. Both are needed: the one is blind near π/2, the other near 0.
        let inside = best.matmul(&own.t());
        let outside = &best - inside.matmul(&own);
        let sine = outside.svd()?.s.iter().fold(0.0, f64::max);
        let full = own.shape()[0] >= best.shape()[0];
        let cosine = if full { inside.svd()?.s.iter().fold(1.0, f64::min) } else { 0.0 };
        Ok(SubspaceDistance { frobenius, angle: sine.atan2(cosine) })
    }

    /// The decomposition of the data, in f64 whatever `T` is.
    #[track_caller]
    fn svd(&self, x: &Tensor<T>) -> Result<Svd<f64>, Error> {
        let d = self.d.shape()[0];
        assert!(
            x.rank() == 2 && x.shape()[1] == d,
            "linear autoencoder: data of shape {} is not [n, {d}]",
            Dims(x.shape())
        );
        x.cast::<f64>().svd()
    }
}

/// The first `count` rows, or all if there are fewer.
fn first_rows(x: &Tensor<f64>, count: usize) -> Tensor<f64> {
    x.slice(tensor::s![..count.min(x.shape()[0]), ..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::FRAC_PI_2;
    use tensor::tensor;

    /// Six samples of four numbers.
    fn data() -> Tensor<f64> {
        Tensor::normal([6, 4], 0.0, 1.0, &mut tensor::rng(5)) * tensor![3.0, 2.0, 1.0, 0.5]
    }

    fn loss_of(model: &LinearAutoencoder<f64>, x: &Tensor<f64>) -> f64 {
        model.loss(Tape::new().constant(x)).item()
    }

    #[test]
    fn gradients_are_those_of_the_lecture() {
        // ∂ℓ/∂C = Dᵀ(y - x)xᵀ and ∂ℓ/∂D = (y - x)xᵀCᵀ, averaged over the samples.
        let (x, model) = (data(), LinearAutoencoder::new(4, 2, &mut tensor::rng(1)));
        let tape = Tape::new();
        let grads = model.loss(tape.constant(&x)).backward();
        let (c, d) = (model.c.value(), model.d.value());
        let error = x.matmul(&c.t()).matmul(&d.t()) - &x;
        let outer = error.t().matmul(&x) / 6.0;
        assert!(grads[&model.c].allclose(&d.t().matmul(&outer), 1e-12, 1e-14));
        assert!(grads[&model.d].allclose(&outer.matmul(&c.t()), 1e-12, 1e-14));
    }

    #[test]
    fn the_optimal_model_attains_the_bound_of_eckart_and_young() {
        let x = data();
        for m in 0..=4 {
            let mut model = LinearAutoencoder::new(4, m, &mut tensor::rng(1));
            model.fit_optimal(&x).unwrap();
            let bound = LinearAutoencoder::optimum(&x, m).unwrap();
            assert!((loss_of(&model, &x) - bound).abs() < 1e-13, "{m}: {bound}");
            let distance = model.subspace_distance(&x).unwrap();
            assert!(distance.frobenius < 1e-13 && distance.angle < 1e-13, "{m}: {distance:?}");
        }
        assert!(LinearAutoencoder::optimum(&x, 4).unwrap() == 0.0);
    }

    #[test]
    fn no_other_model_is_better_than_the_optimum() {
        let x = data();
        let bound = LinearAutoencoder::optimum(&x, 2).unwrap();
        let mut model = LinearAutoencoder::new(4, 2, &mut tensor::rng(1));
        model.fit_optimal(&x).unwrap();
        let tape = Tape::new();
        let grads = model.loss(tape.constant(&x)).backward();
        assert!(grads[&model.c].norm().item() < 1e-13 && grads[&model.d].norm().item() < 1e-13);
        for seed in 0..5 {
            let other = LinearAutoencoder::new(4, 2, &mut tensor::rng(seed));
            assert!(loss_of(&other, &x) > bound);
        }
    }

    #[test]
    fn a_change_of_the_code_leaves_loss_and_subspace_as_they_are() {
        let x = data();
        let mut model = LinearAutoencoder::new(4, 2, &mut tensor::rng(1));
        model.fit_optimal(&x).unwrap();
        let before = loss_of(&model, &x);
        let change = tensor![[2.0, 1.0], [0.5, -1.0]];
        model.c.set(change.matmul(model.c.value()));
        model.d.set(model.d.value().matmul(&change.inverse().unwrap()));
        assert!((loss_of(&model, &x) - before).abs() < 1e-13);
        assert!(model.subspace_distance(&x).unwrap().frobenius < 1e-13);
    }

    #[test]
    fn known_subspaces_have_known_distances() {
        // The data lies along the first axis; D spans a line turned by an angle.
        let x = tensor![[2.0, 0.0], [-1.0, 0.0], [0.0, 0.125]];
        for angle in [0.0, 1e-9, 0.5, 1.5, FRAC_PI_2] {
            let mut model = LinearAutoencoder::<f64>::new(2, 1, &mut tensor::rng(0));
            model.d.set(tensor![[3.0 * angle.cos()], [3.0 * angle.sin()]]);
            let found = model.subspace_distance(&x).unwrap();
            assert!((found.angle - angle).abs() <= 1e-14, "{found:?} for {angle}");
            assert!((found.frobenius - 2f64.sqrt() * angle.sin()).abs() <= 1e-14, "{found:?}");
        }
        let mut model = LinearAutoencoder::<f64>::new(2, 1, &mut tensor::rng(0));
        model.d.set(Tensor::zeros([2, 1]));
        let nothing = model.subspace_distance(&x).unwrap();
        assert_eq!((nothing.frobenius, nothing.angle), (1.0, FRAC_PI_2));
    }

    #[test]
    fn fewer_samples_than_code_numbers_are_reconstructed_exactly() {
        let x = tensor![[1.0f32, 2.0, 3.0, 4.0]];
        let mut model = LinearAutoencoder::new(4, 3, &mut tensor::rng(0));
        model.fit_optimal(&x).unwrap();
        assert!(model.reconstruct(&x).allclose(&x, 1e-6, 0.0));
        assert_eq!(LinearAutoencoder::optimum(&x, 3).unwrap(), 0.0);
        assert_eq!(model.c.value().slice(tensor::s![1.., ..]), Tensor::zeros([2, 4]));
    }

    #[test]
    #[should_panic(expected = "linear autoencoder: data of shape [6, 3] is not [n, 4]")]
    fn an_optimum_of_another_width_panics() {
        let mut model = LinearAutoencoder::<f64>::new(4, 2, &mut tensor::rng(0));
        let _ = model.fit_optimal(&Tensor::zeros([6, 3]));
    }

    #[test]
    #[should_panic(
        expected = "encode: x [6, 3] with weight [2, 4]: the last axis of x must have size 4"
    )]
    fn data_of_another_width_is_shown_beside_the_weight() {
        let model = LinearAutoencoder::<f64>::new(4, 2, &mut tensor::rng(0));
        let _ = model.reconstruct(&Tensor::zeros([6, 3]));
    }
}
