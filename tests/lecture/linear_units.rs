//! Section 2, "Basic components: linear units": rows 3, 4 and 5.

use nn::prelude::*;
use proptest::prelude::*;
use tape::gradcheck;

use super::{close, draw};

proptest! {
    #![proptest_config(super::cases())]

    /// Row 3. `g(x; θ) = x · θ ≡ Σ x_i θ_i`.
    #[test]
    fn linear_unit_is_the_weighted_sum_of_its_inputs(n in 1usize..8, seed: u64) {
        let [x, theta] = draw([&[n], &[n]], seed);
        let unit = Linear::from_parts(theta.reshape([1, n]), None);
        let tape = Tape::new();
        let (xv, tv) = (tape.leaf(&x), tape.leaf(&theta));
        let g = xv.matmul(tv);
        let sum: f64 = (0..n).map(|i| x[[i]] * theta[[i]]).sum();
        prop_assert!((g.item() - sum).abs() < 1e-12);
        prop_assert!((unit.forward(xv).value().item() - sum).abs() < 1e-12);
        // x and θ play the same part: each is the gradient by the other.
        let [dx, dtheta] = g.grad([xv, tv]);
        prop_assert_eq!((dx.value(), dtheta.value()), (theta.clone(), x.clone()));
        gradcheck(|[x, theta]| x.matmul(theta), [x, theta]).unwrap();
    }

    /// Row 3. `x · θ + b = (x; 1) · (θ; b)`, as functions: values and gradients.
    #[test]
    fn affine_unit_is_a_linear_unit_of_the_augmented_input(n in 1usize..8, seed: u64) {
        let [x, theta, b] = draw([&[n], &[n], &[1]], seed);
        let tape = Tape::new();
        let (tv, bv) = (tape.leaf(&theta), tape.leaf(&b));
        let affine = tape.constant(&x).matmul(tv) + bv.sum();
        let augmented_x = Tensor::concat(&[&x, &Tensor::ones([1])], 0);
        let av = tape.leaf(Tensor::concat(&[&theta, &b], 0));
        let augmented = tape.constant(&augmented_x).matmul(av);
        prop_assert!((affine.item() - augmented.item()).abs() < 1e-12);
        let [dtheta, db] = affine.grad([tv, bv]);
        let [dboth] = augmented.grad([av]);
        prop_assert_eq!(Tensor::concat(&[&dtheta.value(), &db.value()], 0), dboth.value());
        prop_assert_eq!(dboth.value(), augmented_x);
        let unit = Linear::from_parts(theta.reshape([1, n]), Some(b.clone()));
        let y = unit.forward(tape.constant(&x)).value().item();
        prop_assert!((y - affine.item()).abs() < 1e-12);
        gradcheck(|[x, theta, b]| x.matmul(theta) + b.sum(), [x, theta, b]).unwrap();
    }

    /// Row 4. `∇_x g = θ`: no direction `u` changes `g` faster than `θ/‖θ‖`, which changes it at
    /// the rate `‖θ‖`; along a level set, orthogonal to `θ`, nothing changes.
    #[test]
    fn direction_of_change_is_theta_and_its_length_the_rate(n in 2usize..8, seed: u64) {
        let [x, theta, u] = draw([&[n], &[n], &[n]], seed);
        let rate = |along: &Tensor<f64>| {
            let (at, along) = ([x.clone()], [along.clone()]);
            tape::jvp(|[x]| x.matmul(x.tape().constant(&theta)), at, along).unwrap().1.item()
        };
        let length = theta.norm().item();
        prop_assert!((rate(&(&theta / length)) - length).abs() < 1e-12);
        let unit = &u / u.norm().item();
        prop_assert!(rate(&unit).abs() <= length + 1e-12);
        let level = &u - &theta * (u.dot(&theta) / (length * length));
        prop_assert!(rate(&level).abs() < 1e-12 * (1.0 + length * u.norm().item()));
        let tape = Tape::new();
        let v = tape.leaf(&x);
        let [gradient] = v.matmul(tape.constant(&theta)).grad([v]);
        prop_assert_eq!(gradient.value(), theta);
    }

    /// Row 5. `L(x; Θ) = Θx`: entry `j` is the unit `g_j = x · θ_j`, and `θ_jᵀ` is row `j` of `Θ`.
    /// The layer takes samples as rows, the slides as columns: `(XᵀΘᵀ)ᵀ = ΘX`.
    #[test]
    fn linear_layer_stacks_units_as_rows(
        n in 1usize..6, m in 1usize..6, s in 1usize..5, seed: u64,
    ) {
        let [theta, columns] = draw([&[m, n], &[n, s]], seed);
        let layer = Linear::from_parts(theta.clone(), None);
        let tape = Tape::new();
        let rows = layer.forward(tape.constant(columns.t())).value();
        close(&rows.t(), &theta.matmul(&columns), 1e-13);
        for i in 0..s {
            let x = columns.index_axis(1, i as isize);
            close(&layer.forward(tape.constant(&x)).value(), &theta.matmul(&x), 1e-13);
            for j in 0..m {
                let unit = x.dot(&theta.index_axis(0, j as isize)).item();
                prop_assert!((rows[[i, j]] - unit).abs() < 1e-12);
            }
        }
        gradcheck(|[x, theta]| x.matmul(theta.t()), [columns.t(), theta]).unwrap();
    }

    /// Row 5. The rate of change of a linear layer is constant: its Jacobian is `Θ` at every `x`,
    /// and the second derivative is 0. A sigmoid after it makes the rate depend on `x`.
    #[test]
    fn linear_layer_changes_at_the_same_rate_everywhere(n in 1usize..5, m in 1usize..5, seed: u64) {
        let [theta, x, y] = draw([&[m, n], &[n], &[n]], seed);
        let layer = Linear::from_parts(theta.clone(), Some(Tensor::ones([m])));
        for at in [&x, &y, &(&x * 100.0)] {
            let rate = tape::jacobian(|x| layer.forward(x), at.clone()).unwrap();
            prop_assert_eq!(&rate, &theta);
        }
        let bent = tape::hessian(|x| layer.forward(x).sum(), x.clone()).unwrap();
        prop_assert_eq!(bent, Tensor::zeros([n, n]));
        let ridge = |at: &Tensor<f64>| {
            tape::jacobian(|x| layer.forward(x).sigmoid(), at.clone()).unwrap()
        };
        prop_assert!(ridge(&x).max_abs_diff(&ridge(&y)) > 1e-12);
    }
}

/// Row 4. `θ/‖θ‖` is no direction if `θ = 0`: the slide's missing hypothesis. The rate is then 0
/// along all of them.
#[test]
fn a_unit_without_weights_has_no_direction() {
    let theta = Tensor::<f64>::zeros([3]);
    let direction = &theta / theta.norm();
    assert!(direction.iter().all(f64::is_nan));
    let tape = Tape::new();
    let x = tape.leaf(tensor![1.0, -2.0, 3.0]);
    let [gradient] = x.matmul(tape.constant(&theta)).grad([x]);
    assert_eq!(gradient.value().norm().item(), 0.0);
}

/// Row 5. A wider layer extracts more features at once: its units tune to different directions, and
/// as many as there are inputs keep everything (the layer can be undone), fewer do not.
#[test]
fn width_is_the_number_of_features() {
    for seed in 0..8 {
        let [x, theta] = draw([&[5], &[5, 5]], seed);
        close(&theta.solve(&theta.matmul(&x)).unwrap(), &x, 1e-9);
        for m in 1..5 {
            let narrow = theta.slice(s![..m, ..]);
            assert_eq!(narrow.matrix_rank(None).unwrap(), m);
            // The least eigenvector of ΘᵀΘ is a change of x that no unit sees.
            let (_, vectors) = narrow.t().matmul(&narrow).eigh().unwrap();
            let unseen = vectors.index_axis(1, 0);
            assert!(narrow.matmul(&unseen).norm().item() < 1e-7);
            assert!((unseen.norm().item() - 1.0).abs() < 1e-12);
        }
    }
}
