//! Gradient checks of whole models.

use tape::check::{Gradcheck, GradcheckError, Program, Report};
use tape::{NoGradient, Param, Tape, Var};
use tensor::Tensor;

use crate::{Module, ParamRef};

/// Checks the gradients of `f` by every parameter of `model`, and the gradients of these gradients,
/// against differences of its values. Frozen parameters are checked as well.
///
/// `f` is given the model with its parameters bound to other values, so it must reach them through
/// `tape`, as layers do, and be the same function each time.
///
/// ```
/// use nn::prelude::*;
///
/// let mut rng = nn::rng(0);
/// let model = Autoencoder::<f64>::new(&[4, 2], Activation::Tanh, &mut rng);
/// let x = Tensor::normal([3, 4], 0.0, 1.0, &mut rng);
/// nn::gradcheck(&model, |tape, model| model.loss(tape.constant(&x)))?;
/// # Ok::<(), nn::GradcheckError>(())
/// ```
///
/// # Errors
/// [`GradcheckError`], which names the parameter by its path and the element: a gradient is wrong
/// or cannot be judged, or `f` is not finite or not the same each time.
///
/// # Panics
/// When a parameter is f32: differences tell too little in that precision. The same model in f64
/// has the same rules.
#[track_caller]
pub fn gradcheck<M: Module + ?Sized>(
    model: &M,
    f: impl for<'t> Fn(&'t Tape, &M) -> Var<'t, f64>,
) -> Result<Report, GradcheckError> {
    gradcheck_with(&Gradcheck::new(), model, f)
}

/// As [`gradcheck`], with options.
///
/// # Errors
/// As [`gradcheck`].
///
/// # Panics
/// As [`gradcheck`].
#[track_caller]
pub fn gradcheck_with<M: Module + ?Sized>(
    options: &Gradcheck,
    model: &M,
    f: impl for<'t> Fn(&'t Tape, &M) -> Var<'t, f64>,
) -> Result<Report, GradcheckError> {
    let (mut paths, mut params) = (Vec::new(), Vec::new());
    for (path, param) in model.named_parameters() {
        match param {
            ParamRef::F64(param) => params.push(param),
            ParamRef::F32(_) => {
                panic!("gradcheck: parameter `{path}` is f32; check the model in f64")
            }
        }
        paths.push(path);
    }
    let inputs: Vec<Tensor<f64>> = params.iter().map(|p| p.value().clone()).collect();
    let loss = Loss { model, f, paths, params };
    loss.refuse_the_unreached(&inputs);
    options.check_program(&loss, &inputs)
}

/// A loss as a function of the parameters of a model.
struct Loss<'a, M: ?Sized, F> {
    model: &'a M,
    f: F,
    paths: Vec<String>,
    params: Vec<&'a Param<f64>>,
}

impl<M: ?Sized, F> Loss<'_, M, F>
where
    F: for<'t> Fn(&'t Tape, &M) -> Var<'t, f64>,
{
    /// A parameter that the loss reads behind the tape's back (`p.value()`) would have a gradient
    /// of 0 by the rules and by differences, and the check would pass having checked nothing.
    #[track_caller]
    fn refuse_the_unreached(&self, inputs: &[Tensor<f64>]) {
        assert!(!inputs.is_empty(), "gradcheck: the model has no parameters");
        let tape = Tape::new();
        let (vars, y) = self.record(&tape, inputs);
        let g = tape.constant(Tensor::<f64>::zeros(y.shape()));
        for (path, found) in self.paths.iter().zip(y.pull(g, &vars)) {
            if let Err(NoGradient::Unreached { .. }) = found {
                panic!(
                    "gradcheck: the result does not depend on parameter `{path}`; \
                     a model reaches its parameters by `tape.param`"
                );
            }
        }
    }
}

impl<M: ?Sized, F> Program for Loss<'_, M, F>
where
    F: for<'t> Fn(&'t Tape, &M) -> Var<'t, f64>,
{
    fn record<'t>(
        &self,
        tape: &'t Tape,
        inputs: &[Tensor<f64>],
    ) -> (Vec<Var<'t, f64>>, Var<'t, f64>) {
        let bind = |(param, input): (&&Param<f64>, &Tensor<f64>)| {
            let value = tape.leaf(input);
            tape.bind(param, value);
            value
        };
        let vars = self.params.iter().zip(inputs).map(bind).collect();
        (vars, (self.f)(tape, self.model))
    }

    fn input_name(&self, input: usize) -> String {
        self.paths[input].clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Activation, Linear, LinearAutoencoder, Mlp, Mlp3, SoftmaxRegression, loss};
    use tensor::tensor;

    fn samples(n: usize, d: usize) -> Tensor<f64> {
        Tensor::normal([n, d], 0.0, 1.0, &mut tensor::rng(9))
    }

    #[test]
    fn the_models_of_the_lecture_pass() {
        let mut rng = tensor::rng(0);
        let (x, y) = (samples(3, 4), samples(3, 1));
        let linear = LinearAutoencoder::new(4, 2, &mut rng);
        gradcheck(&linear, |tape, m| m.loss(tape.constant(&x))).unwrap();
        let mlp3 = Mlp3::new(4, 3, &mut rng);
        gradcheck(&mlp3, |tape, m| m.loss(tape.constant(&x), tape.constant(&y))).unwrap();
        let softmax = SoftmaxRegression::new(4, 3, &mut rng);
        let labels = tensor![0i64, 2, 1];
        gradcheck(&softmax, |tape, m| m.loss(tape.constant(&x), tape.constant(&labels))).unwrap();
    }

    #[test]
    fn smooth_activations_pass() {
        let mut rng = tensor::rng(0);
        let x = samples(2, 3);
        for activation in [
            Activation::Logistic,
            Activation::Tanh,
            Activation::Elu { alpha: 1.0 },
            Activation::Gelu,
            Activation::Silu,
            Activation::Softplus,
        ] {
            let model = Mlp::new(&[3, 2, 1], activation, &mut rng);
            let check = gradcheck(&model, |tape, m| {
                let y = m.forward(tape.constant(&x));
                loss::half_squared_error(y, y.full_like(1.0))
            });
            check.unwrap_or_else(|e| panic!("{activation}: {e}"));
        }
    }

    #[test]
    #[should_panic(expected = "does not depend on parameter `bias`")]
    fn a_parameter_read_behind_the_tapes_back_is_refused() {
        let model = Linear::<f64>::new(3, 2, &mut tensor::rng(0));
        let bias = model.bias.as_ref().expect("a bias").value().clone();
        let _ =
            gradcheck(&model, |tape, m| (tape.param(&m.weight).sum() * tape.constant(&bias)).sum());
    }

    #[test]
    #[should_panic(expected = "the model has no parameters")]
    fn a_model_without_parameters_is_refused() {
        let none: Vec<Linear<f64>> = Vec::new();
        let _ = gradcheck(&none, |tape, _| tape.constant(1.0));
    }

    #[test]
    fn a_wrong_gradient_is_found_and_named_by_its_path() {
        let model = vec![Linear::<f64>::without_bias(3, 2, &mut tensor::rng(0))];
        let error = gradcheck(&model, |tape, m| {
            // The derivative of the second factor is lost.
            let w = tape.param(&m[0].weight);
            (w * w.detach()).sum()
        });
        let text = error.expect_err("must fail").to_string();
        assert!(text.contains("0.weight"), "{text}");
    }

    // I8, pytorch#8659, pytorch#5351
    #[test]
    #[should_panic(expected = "parameter `weight` is f32; check the model in f64")]
    fn f32_models_are_refused() {
        let model = Linear::<f32>::new(2, 2, &mut tensor::rng(0));
        let _ = gradcheck(&model, |tape, _| tape.constant(1.0f64));
    }
}
