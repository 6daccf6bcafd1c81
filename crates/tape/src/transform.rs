//! From functions to functions: gradients, products with Jacobians and Hessians, and these whole.
//!
//! Each takes a Rust function of variables and the tensors to evaluate it at, and keeps its tape to
//! itself. Where the result does not depend on an input the derivative is 0, as it is for a
//! function; where the dependence passes only through an operation without a derivative, they panic
//! with its name and line.

use tensor::shape::Dims;
use tensor::{Float, Shape, Tensor};

use crate::error::{EvalError, NoGradient};
use crate::evaluate::Retain;
use crate::replay::script::Script;
use crate::tape::Tape;
use crate::var::Var;

/// The value of a scalar function and its gradient by each input.
///
/// # Errors
/// When the data is at fault.
///
/// # Panics
/// When the result is not a scalar.
#[track_caller]
pub fn value_and_grad<T: Float, const N: usize>(
    f: impl for<'t> FnOnce([Var<'t, T>; N]) -> Var<'t, T>,
    x: [Tensor<T>; N],
) -> Result<(T, [Tensor<T>; N]), EvalError> {
    let tape = Tape::new();
    let x = leaves(&tape, x);
    let y = f(x);
    let g = pulled(y, y.seed("value_and_grad"), x, 1);
    let (y, g) = tape.eval((y, g))?;
    Ok((y.item(), g))
}

/// The value of `f` and the products `cotangentᵀ · ∂f/∂x` for each input: a vector-Jacobian
/// product.
///
/// # Errors
/// When the data is at fault.
///
/// # Panics
/// When the cotangent has not the shape of the result.
#[track_caller]
pub fn vjp<T: Float, const N: usize>(
    f: impl for<'t> FnOnce([Var<'t, T>; N]) -> Var<'t, T>,
    x: [Tensor<T>; N],
    cotangent: Tensor<T>,
) -> Result<(Tensor<T>, [Tensor<T>; N]), EvalError> {
    let tape = Tape::new();
    let x = leaves(&tape, x);
    let y = f(x);
    if y.shape()[..] != *cotangent.shape() {
        let (given, result) = (Dims(cotangent.shape()), y.shape());
        panic!("vjp: a cotangent of shape {given} for a result of shape {}", Dims(&result));
    }
    let g = pulled(y, tape.constant(cotangent), x, 1);
    tape.eval((y, g))
}

/// The value of `f` and its derivative along `tangents`, `Σ ∂f/∂xᵢ · tᵢ`: a Jacobian-vector
/// product.
///
/// The product `uᵀJ` is linear in `u`, and its derivative by `u` along `t` is `Jt`: two reverse
/// sweeps and no second set of rules.
///
/// # Errors
/// When the data is at fault.
///
/// # Panics
/// When a tangent has not the shape of its input.
#[track_caller]
pub fn jvp<T: Float, const N: usize>(
    f: impl for<'t> FnOnce([Var<'t, T>; N]) -> Var<'t, T>,
    x: [Tensor<T>; N],
    tangents: [Tensor<T>; N],
) -> Result<(Tensor<T>, Tensor<T>), EvalError> {
    let tape = Tape::new();
    let x = leaves(&tape, x);
    let y = f(x);
    let u = tape.leaf(Tensor::zeros(y.shape()));
    let along = contract("jvp", pulled(y, u, x, 1), tangents.map(|t| tape.constant(t)));
    let [pushed] = pulled(along, along.seed("jvp"), [u], 1);
    tape.eval((y, pushed))
}

/// The Jacobian `∂yᵢ/∂xⱼ`, of shape `[y.., x..]`.
///
/// One product with a row is recorded, planned once and replayed for each element of the result.
///
/// # Errors
/// When the data is at fault.
#[track_caller]
pub fn jacobian<T: Float>(
    f: impl for<'t> FnOnce(Var<'t, T>) -> Var<'t, T>,
    x: Tensor<T>,
) -> Result<Tensor<T>, EvalError> {
    let tape = Tape::new();
    let x = tape.leaf(x);
    rows(&tape, f(x), x, 1)
}

/// The Hessian `∂²y/∂xᵢ∂xⱼ` of a scalar function, of shape `[x.., x..]`: the Jacobian of its
/// gradient.
///
/// # Errors
/// When the data is at fault.
///
/// # Panics
/// When the result is not a scalar.
#[track_caller]
pub fn hessian<T: Float>(
    f: impl for<'t> FnOnce(Var<'t, T>) -> Var<'t, T>,
    x: Tensor<T>,
) -> Result<Tensor<T>, EvalError> {
    let tape = Tape::new();
    let x = tape.leaf(x);
    let y = f(x);
    let [g] = pulled(y, y.seed("hessian"), [x], 1);
    rows(&tape, g, x, 2)
}

/// The gradient of a scalar function and the product of its Hessian with `v`, without the Hessian.
///
/// # Errors
/// When the data is at fault.
///
/// # Panics
/// When the result is not a scalar, or `v` has not the shape of `x`.
#[track_caller]
pub fn hvp<T: Float>(
    f: impl for<'t> FnOnce(Var<'t, T>) -> Var<'t, T>,
    x: Tensor<T>,
    v: Tensor<T>,
) -> Result<(Tensor<T>, Tensor<T>), EvalError> {
    let tape = Tape::new();
    let x = tape.leaf(x);
    let y = f(x);
    let g = pulled(y, y.seed("hvp"), [x], 1);
    let along = contract("hvp", g, [tape.constant(v)]);
    let [product] = pulled(along, along.seed("hvp"), [x], 2);
    tape.eval((g[0], product))
}

/// `Σᵢ ⟨aᵢ, bᵢ⟩`, of inputs and directions; `what` is for the message.
#[track_caller]
fn contract<'t, T: Float, const N: usize>(
    what: &str,
    a: [Var<'t, T>; N],
    b: [Var<'t, T>; N],
) -> Var<'t, T> {
    let mut sum: Option<Var<'t, T>> = None;
    for (a, b) in a.into_iter().zip(b) {
        assert!(
            a.shape() == b.shape(),
            "{what}: a direction of shape {} for an input of shape {}",
            Dims(&b.shape()),
            Dims(&a.shape())
        );
        let term = (a * b).sum();
        sum = Some(sum.map_or(term, |sum| sum + term));
    }
    sum.expect("a function has an input")
}

/// The products `gᵀ · ∂y/∂x`, 0 where `y` does not depend on `x`. `order` is 2 if `y` is a
/// derivative itself.
#[track_caller]
fn pulled<'t, T: Float, const N: usize>(
    y: Var<'t, T>,
    g: Var<'t, T>,
    x: [Var<'t, T>; N],
    order: usize,
) -> [Var<'t, T>; N] {
    let found = y.pull(g, &x);
    let mut out = x;
    for (x, found) in out.iter_mut().zip(found) {
        *x = match found {
            Ok(g) => g,
            Err(NoGradient::Unreached { .. } | NoGradient::Constant { .. }) => x.full_like(0.0),
            // The slope of a kinked function is a step, whose own derivative is 0 beside the kink.
            Err(NoGradient::Stopped { .. }) if order == 2 => x.full_like(0.0),
            Err(why) => panic!("no derivative by {x:?}: {why}"),
        };
    }
    out
}

/// The inputs as variables. A loop, because a closure does not pass on the caller's line.
#[track_caller]
fn leaves<T: Float, const N: usize>(tape: &Tape, x: [Tensor<T>; N]) -> [Var<'_, T>; N] {
    let mut vars = Vec::with_capacity(N);
    for x in x {
        vars.push(tape.leaf(x));
    }
    std::array::from_fn(|i| vars[i])
}

/// `∂yᵢ/∂xⱼ`, row by row.
#[track_caller]
fn rows<'t, T: Float>(
    tape: &'t Tape,
    y: Var<'t, T>,
    x: Var<'t, T>,
    order: usize,
) -> Result<Tensor<T>, EvalError> {
    let shape: Shape = y.shape().into_iter().chain(x.shape()).collect();
    let mut out = Tensor::zeros(&shape);
    let u = tape.input::<T>(&y.shape());
    let [g] = pulled(y, u, [x], order);
    // Known beforehand, the forward values are not computed anew for each row.
    tape.evaluate(&[y.id()], Retain::All)?;
    let mut script = Script::new(tape, &[u.id()], &[g.id()]);
    let width = x.len();
    for (i, row) in out.make_mut().chunks_mut(width.max(1)).enumerate() {
        let mut unit = Tensor::zeros(y.shape());
        unit.make_mut()[i] = T::one();
        script.bind(0, &T::erase(unit)).expect("the cotangent has the shape of the result");
        script.run(tape)?;
        let value = T::take_tensor(script.output(0)).expect("a derivative has its input's type");
        script.reset();
        row.copy_from_slice(&value.to_vec());
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::tensor;

    /// `f(x, y) = x² y + sin(y)`, with all derivatives in closed form.
    fn f<'t>([x, y]: [Var<'t, f64>; 2]) -> Var<'t, f64> {
        x * x * y + y.sin()
    }

    #[test]
    fn value_and_grad_is_the_closed_form() {
        let (value, [dx, dy]) =
            value_and_grad(f, [Tensor::scalar(3.0), Tensor::scalar(2.0)]).unwrap();
        assert_eq!(value, 18.0 + 2f64.sin());
        assert_eq!(dx.item(), 12.0);
        assert_eq!(dy.item(), 9.0 + 2f64.cos());
    }

    #[test]
    fn jvp_and_vjp_are_adjoint() {
        let x = tensor![0.3, -1.2, 2.0];
        fn f<'t>([x]: [Var<'t, f64>; 1]) -> Var<'t, f64> {
            Var::stack(&[x.sin().sum(), (x * x).prod()], 0)
        }
        let (u, v) = (tensor![0.7, -0.4], tensor![1.0, 0.5, -2.0]);
        let (_, jv) = jvp(f, [x.clone()], [v.clone()]).unwrap();
        let (_, [ju]) = vjp(f, [x], u.clone()).unwrap();
        let (a, b) = ((u * jv).sum().item(), (ju * v).sum().item());
        assert!((a - b).abs() <= 1e-14 * a.abs(), "{a} {b}");
    }

    #[test]
    fn jacobian_of_a_linear_map_is_its_matrix() {
        let a = tensor![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];
        let j = jacobian(|x| x.tape().constant(&a).matmul(x), tensor![0.1, 0.2, 0.3]).unwrap();
        assert_eq!(j, a);
    }

    #[test]
    fn hessian_of_a_quadratic_form_is_its_symmetric_part_twice() {
        let a = tensor![[1.0, 2.0], [-4.0, 5.0]];
        let h = hessian(|x| x.matmul(x.tape().constant(&a).matmul(x)), tensor![0.3, 0.4]).unwrap();
        assert!(h.allclose(&(&a + a.t()), 1e-15, 0.0), "{h}");
        let v = tensor![1.0, -2.0];
        let (_, hv) =
            hvp(|x| x.matmul(x.tape().constant(&a).matmul(x)), tensor![0.3, 0.4], v.clone())
                .unwrap();
        assert!(hv.allclose(&h.matmul(&v), 1e-14, 0.0));
    }

    #[test]
    fn derivatives_of_what_does_not_depend_are_zero_and_of_kinks_beside_them() {
        let j = jacobian(|x: Var<'_, f64>| x.full_like(2.0), tensor![1.0, 2.0]).unwrap();
        assert_eq!(j, Tensor::zeros([2, 2]));
        assert_eq!(
            hessian(|x: Var<'_, f64>| x.sum(), tensor![1.0, 2.0]).unwrap(),
            Tensor::zeros([2, 2])
        );
        let relu = hessian(|x: Var<'_, f64>| (x.relu() * 3.0).sum(), tensor![1.0, -2.0]).unwrap();
        assert_eq!(relu, Tensor::zeros([2, 2]));
        assert_eq!(
            jacobian(|x: Var<'_, f64>| x * 1.0, Tensor::zeros([0])).unwrap().shape(),
            [0, 0]
        );
    }
}
