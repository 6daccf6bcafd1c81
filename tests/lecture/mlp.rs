//! Rows 40 to 43: the three-layer perceptron of the slides, its gradients, its update and its code.

use nn::prelude::*;
use proptest::prelude::*;
use tape::Gradcheck;

use super::cases;
use super::mlp3_fixture as numpy;
use super::support::section4::{close, tensor_in};

/// Weights `w: [m, n]`, `β: [1, m]`, an input `x: [n]` and a target.
fn network() -> impl Strategy<Value = (Tensor<f64>, Tensor<f64>, Tensor<f64>, f64)> {
    let sizes = (1usize..5, 1usize..5);
    sizes.prop_flat_map(|(n, m)| {
        (tensor_in(1.5, &[m, n]), tensor_in(1.5, &[1, m]), tensor_in(2.0, &[n]), -2.0..2.0)
    })
}

fn model(w: &Tensor<f64>, beta: &Tensor<f64>) -> Mlp3<f64> {
    Mlp3 { theta: Param::new(w.clone()), beta: Param::new(beta.clone()) }
}

/// `w_j · x`.
fn dot(w: &Tensor<f64>, j: usize, x: &Tensor<f64>) -> f64 {
    w.index_axis(0, j as isize).dot(x).item()
}

/// The formula of the slides, `Σ_j β_j / (1 + exp[-w_j·x])`.
fn f(w: &Tensor<f64>, beta: &Tensor<f64>, x: &Tensor<f64>) -> f64 {
    (0..beta.len()).map(|j| beta[[0, j]] / (1.0 + (-dot(w, j, x)).exp())).sum()
}

/// Both gradient formulas of the slides, as written: `∂/∂β_j` and `∂/∂w_ji` of `½(f(x) - y)²`.
fn gradients(
    w: &Tensor<f64>,
    beta: &Tensor<f64>,
    x: &Tensor<f64>,
    y: f64,
) -> (Tensor<f64>, Tensor<f64>) {
    let error = f(w, beta, x) - y;
    let of_beta = Tensor::from_fn(beta.shape(), |i| error / (1.0 + (-dot(w, i[1], x)).exp()));
    let of_w = Tensor::from_fn(w.shape(), |i| {
        let (j, i) = (i[0], i[1]);
        let z = dot(w, j, x);
        error / (1.0 + (-z).exp()) * (beta[[0, j]] * x[[i]] / (1.0 + z.exp()))
    });
    (of_beta, of_w)
}

/// The tape's value of `½(f(x) - y)²` for one sample, and its gradients by `β` and `w`.
fn by_tape(model: &Mlp3<f64>, x: &Tensor<f64>, y: f64) -> (f64, Tensor<f64>, Tensor<f64>) {
    let tape = Tape::new();
    let loss = model.loss(tape.constant(x.unsqueeze(0)), tape.constant(tensor![[y]]));
    let grads = loss.backward();
    (loss.item(), grads[&model.beta].clone(), grads[&model.theta].clone())
}

proptest! {
    #![proptest_config(cases())]

    /// Row 40.
    #[test]
    fn the_perceptron_is_the_weighted_sum_of_logistic_units((w, beta, x, _) in network()) {
        let y = model(&w, &beta).forward(Tape::new().constant(x.unsqueeze(0))).value();
        prop_assert_eq!(y.shape(), [1, 1]);
        prop_assert!(close(y.item(), f(&w, &beta, &x), 1e-14));
    }

    /// Row 41. The tape, both formulas as written, and differences.
    #[test]
    fn its_gradients_are_both_formulas_as_written((w, beta, x, y) in network()) {
        let (loss, of_beta, of_w) = by_tape(&model(&w, &beta), &x, y);
        prop_assert!(close(loss, 0.5 * (f(&w, &beta, &x) - y).powi(2), 1e-13));
        let (beta_formula, w_formula) = gradients(&w, &beta, &x, y);
        prop_assert!(of_beta.allclose(&beta_formula, 1e-12, 1e-14));
        prop_assert!(of_w.allclose(&w_formula, 1e-12, 1e-14));
        Gradcheck::new().order(1).check(
            |[w, beta]| {
                let hidden = w.matmul(w.tape().constant(&x)).sigmoid();
                0.5 * (beta.matmul(hidden).sum() - y).square()
            },
            [w, beta],
        ).unwrap();
    }

    /// Row 42. The update `w ← w - η ∂` of every weight at once, by `Sgd` and by the formulas,
    /// and what it does to the loss: `L(w - ηg) = L(w) - η‖g‖² + O(η²)`.
    #[test]
    fn a_step_of_descent_lowers_the_loss_by_the_square_of_the_gradient(
        (w, beta, x, y) in network()
    ) {
        let stepped = |eta: f64| {
            let mut model = model(&w, &beta);
            let tape = Tape::new();
            let loss = model.loss(tape.constant(x.unsqueeze(0)), tape.constant(tensor![[y]]));
            Sgd::new(eta).step(&mut model, &loss.backward()).expect("finite gradients");
            model
        };
        let (of_beta, of_w) = gradients(&w, &beta, &x, y);
        let small = stepped(0.5);
        prop_assert!(small.beta.value().allclose(&(&beta - &of_beta * 0.5), 1e-12, 1e-13));
        prop_assert!(small.theta.value().allclose(&(&w - &of_w * 0.5), 1e-12, 1e-13));

        let before = by_tape(&model(&w, &beta), &x, y).0;
        let square = of_beta.square().sum().item() + of_w.square().sum().item();
        let missing = |eta: f64| by_tape(&stepped(eta), &x, y).0 - (before - eta * square);
        // The remainder is of second order: halving η quarters it.
        let (whole, half) = (missing(1e-3), missing(5e-4));
        prop_assert!((whole - 4.0 * half).abs() <= 0.05 * whole.abs() + 1e-13, "{whole} {half}");
    }

    /// Rows 40 and 45, and a hypothesis that the slide does not state: its network has no biases,
    /// so `f(x) + f(-x) = Σ_j β_j` for every `x`. Apart from a constant it is odd; no such network
    /// is near `x²`, whatever `m`. A constant 1 among the inputs mends it.
    #[test]
    fn without_biases_the_perceptron_is_odd_about_a_constant((w, beta, x, _) in network()) {
        let of = |x: &Tensor<f64>| {
            model(&w, &beta).forward(Tape::new().constant(x.unsqueeze(0))).item()
        };
        prop_assert!(close(of(&x) + of(&-&x), beta.sum().item(), 1e-14));
        prop_assert!(close(of(&Tensor::zeros([x.len()])), beta.sum().item() / 2.0, 1e-14));
    }
}

/// Row 41. Where `exp[w·x]` overflows, the formulas divide by ∞ and still give the right 0.
#[test]
fn the_formulas_hold_where_the_exponential_overflows() {
    let (w, beta) = (tensor![[1000.0], [-1000.0]], tensor![[1.0, 2.0]]);
    let x = tensor![1.0];
    let (_, of_beta, of_w) = by_tape(&model(&w, &beta), &x, 0.0);
    assert_eq!((of_beta, of_w), gradients(&w, &beta, &x, 0.0));
}

/// A table of the fixture as a tensor.
fn table<const N: usize, const M: usize>(rows: [[f64; N]; M]) -> Tensor<f64> {
    Tensor::from_vec(rows.concat(), [M, N]).expect("as many as the shape")
}

/// What the Python's methods return: `f` and `g`.
struct Passes {
    hid: Tensor<f64>,
    out: Tensor<f64>,
    bet: Tensor<f64>,
    tet: Tensor<f64>,
}

/// Row 43. The Python of both slides, line by line, with its samples in columns.
fn python(theta: &Tensor<f64>, beta: &Tensor<f64>, x: &Tensor<f64>, y: &Tensor<f64>) -> Passes {
    let net_in = theta.matmul(x); //               net_in    = np.dot(self.theta,x)
    let hid = net_in.sigmoid(); //                 f['hid']  = expit(net_in)
    let out = beta.matmul(&hid); //                f['out']  = np.dot(self.beta,f['hid'])

    let delta = &out - y; //                       delta     = (f['out']-y)
    let bet = delta.matmul(&hid.t()); //           g['bet']  = np.dot(delta,f['hid'].T)
    let hid_sv = &hid - &hid * &hid; //            hid_sv    = hid-hid*hid
    let outer = beta.t().matmul(&delta); //        outer     = np.outer(self.beta.T,delta)
    let tet = (outer * hid_sv).matmul(&x.t()); //  g['tet']  = np.dot((outer*hid_sv),x.T)
    Passes { hid, out, bet, tet }
}

fn assert_numpy(found: &Tensor<f64>, expected: Tensor<f64>) {
    assert_eq!(found.shape(), expected.shape());
    assert!(found.allclose(&expected, 1e-13, 1e-15), "{found}\n{expected}");
}

#[test]
fn the_python_line_by_line_gives_the_numbers_of_numpy() {
    let [theta, x] = [table(numpy::THETA), table(numpy::X)];
    let [beta, y] = [table(numpy::BETA), table(numpy::Y)];
    let passes = python(&theta, &beta, &x, &y);
    assert_numpy(&passes.hid, table(numpy::HID));
    assert_numpy(&passes.out, table(numpy::OUT));
    assert_numpy(&passes.bet, table(numpy::BET));
    assert_numpy(&passes.tet, table(numpy::TET));
}

/// Row 43. The tape derives what the second slide writes out. Its samples are rows, so `x` and `y`
/// are transposed; the code sums over the samples, the model's loss averages: a factor `s`.
#[test]
fn the_tape_gives_the_numbers_of_numpy() {
    let model = model(&table(numpy::THETA), &table(numpy::BETA));
    let tape = Tape::new();
    let x = tape.constant(table(numpy::X).t());
    let y = tape.constant(table(numpy::Y).t());
    assert_numpy(&model.hidden(x).value().t(), table(numpy::HID));
    assert_numpy(&model.forward(x).value().t(), table(numpy::OUT));
    let samples = x.shape()[0] as f64;
    let grads = (samples * model.loss(x, y)).backward();
    assert_numpy(&grads[&model.beta], table(numpy::BET));
    assert_numpy(&grads[&model.theta], table(numpy::TET));
    let averaged = model.loss(x, y).backward();
    assert_numpy(&(&averaged[&model.beta] * samples), table(numpy::BET));
}

/// Rows 42 and 43. Updates with the tape's gradients end where NumPy ends.
#[test]
fn ten_updates_end_where_numpy_ends() {
    let mut model = model(&table(numpy::THETA), &table(numpy::BETA));
    let mut sgd = Sgd::new(numpy::ETA);
    for _ in 0..numpy::STEPS {
        let tape = Tape::new();
        let (x, y) = (tape.constant(table(numpy::X).t()), tape.constant(table(numpy::Y).t()));
        let grads = loss::frobenius(model.forward(x), y).backward();
        sgd.step(&mut model, &grads).expect("finite gradients");
    }
    assert_numpy(model.beta.value(), table(numpy::BETA_LATER));
    assert_numpy(model.theta.value(), table(numpy::THETA_LATER));
}

/// Erratum: the code's gradient is that of the sum over the samples, its slide's loss is that
/// of one, and the loss of the autoencoder was averaged. With the same η the steps differ by
/// the factor `s`.
#[test]
fn the_code_sums_over_samples_what_the_slide_states_for_one() {
    let [theta, x] = [table(numpy::THETA), table(numpy::X)];
    let [beta, y] = [table(numpy::BETA), table(numpy::Y)];
    let samples = x.shape()[1];
    let sum = (0..samples).map(|k| {
        let column = x.index_axis(1, k as isize).to_contiguous();
        gradients(&theta, &beta, &column, y[[0, k]]).0
    });
    let sum = sum.reduce(|a, b| a + b).expect("there are samples");
    let code = python(&theta, &beta, &x, &y).bet;
    assert_numpy(&code, sum.clone());
    assert!(!code.allclose(&(sum / samples as f64), 1e-3, 1e-3));
}

/// Erratum: the comment on `net_in` says mxn*nxm=mxs. `x` is n×s; with n×m nothing but
/// `s = m` fits.
#[test]
fn the_second_factor_of_net_in_is_n_by_s() {
    let (theta, x) = (table(numpy::THETA), table(numpy::X));
    let (m, n, s) = (theta.shape()[0], theta.shape()[1], x.shape()[1]);
    assert_ne!(s, m);
    assert_eq!(x.shape(), [n, s]);
    assert_eq!(theta.matmul(&x).shape(), [m, s]);
    let printed = Tensor::<f64>::ones([n, m]);
    assert_eq!(theta.matmul(&printed).shape(), [m, m]);
}

/// A trap of the code: a single sample as a vector, `x: [n]`, passes `forward` and stops in
/// `gradient` (NumPy, where `.T` of a vector is the vector: "shapes (1,) and (4,) not aligned"). A
/// sample must be a column, `[n, 1]`.
#[test]
#[should_panic(expected = "t: shape [4] has no two axes to exchange")]
fn a_single_sample_must_be_a_column() {
    let [theta, beta] = [table(numpy::THETA), table(numpy::BETA).broadcast_to([1, 4])];
    let x = table(numpy::X).index_axis(1, 0).to_contiguous();
    python(&theta, &beta, &x, &tensor![1.0]);
}

/// Row 43. `Mlp3::new` draws as `__init__` does: evenly from `[-1/n, 1/n)` and `[-1/m, 1/m)`.
#[test]
fn weights_start_within_the_bounds_of_the_code() {
    let (n, m) = (8, 50);
    let model = Mlp3::<f64>::new(n, m, &mut rng(3));
    for (param, shape, bound) in
        [(&model.theta, [m, n], 1.0 / n as f64), (&model.beta, [1, m], 1.0 / m as f64)]
    {
        assert_eq!(param.shape(), shape);
        let values = param.value();
        assert!(values.iter().all(|w| (-bound..bound).contains(&w)));
        assert!(values.iter().any(|w| w > 0.8 * bound) && values.iter().any(|w| w < -0.8 * bound));
        let (mean, variance) = (values.mean().item(), values.square().mean().item());
        assert!(mean.abs() < 0.3 * bound, "{mean}");
        assert!((variance / (bound * bound / 3.0) - 1.0).abs() < 0.4, "{variance}");
    }
}
