//! The main job on a smaller budget: from random weights to the optimum of Eckart and Young.

use nn::prelude::*;

/// The lecture's linear autoencoder, codes of 8 numbers for 1,797 digits, uncentred, with pixels
/// divided by 16. The optimum was computed independently of this code, from the eigenvalues of XᵀX
/// by Jacobi rotations.
#[test]
fn the_linear_autoencoder_learns_the_subspace_of_the_first_singular_vectors() {
    let data = data::digits().cast::<f64>();
    let x = data.inputs();
    let optimum = LinearAutoencoder::optimum(x, 8).unwrap();
    assert!((optimum - 0.791_286_069_902_3).abs() < 1e-12, "{optimum}");

    let epochs = 100;
    for seed in [1, 2] {
        let mut model = LinearAutoencoder::<f64>::new(64, 8, &mut rng(seed));
        nn::fit(&mut model, &mut Adam::new(0.0).betas(0.9, 0.99), &data)
            .epochs(epochs)
            .batch_size(150)
            .seed(seed)
            .learning_rate(|epoch| {
                1.5e-2 * (1.0 + (std::f64::consts::PI * epoch as f64 / epochs as f64).cos())
            })
            .run(|tape, model, batch| model.loss(tape.constant(&batch.inputs)))
            .unwrap();
        let loss = model.loss(Tape::new().constant(x)).item();
        assert!(loss >= optimum * (1.0 - 1e-12), "nothing linear is below the optimum: {loss}");
        assert!(
            loss <= 1.01 * optimum,
            "seed {seed}: {loss} is {} times the optimum",
            loss / optimum
        );
        let distance = model.subspace_distance(x).unwrap();
        assert!(distance.frobenius <= 0.05, "seed {seed}: {distance:?}");
    }
}
