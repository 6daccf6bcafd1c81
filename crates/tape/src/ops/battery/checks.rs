//! The checks of the battery, each for one function at one set of shapes.

use tensor::{Float, Tensor};

use super::Function;
use super::inputs::{Arrangement, Domain, numbers, repeated as repeat};
use crate::check::compare::{Verdict, compare};
use crate::check::numeric::{self, Ladder};
use crate::{NoGradient, Tape, Var, gradcheck, jvp};

/// The numbers of cotangents.
const COTANGENT: usize = 5;

/// Both orders against differences.
pub(super) fn derivatives<F: Function<N>, const N: usize>(f: F, x: &[Tensor<f64>; N]) {
    if let Err(e) = gradcheck(|x| f.call(x), x.clone()) {
        panic!("at {}: {e}", shapes(x));
    }
}

/// Cotangents of several uses add up, at both orders.
pub(super) fn used_twice<F: Function<N>, const N: usize>(f: F, x: &[Tensor<f64>; N]) {
    let twice = gradcheck(
        |x| {
            let squares = x.map(|x| (x * x).sum()).into_iter().reduce(|a, b| a + b);
            f.call(x).sum() * (1.0 + squares.expect("a function has inputs"))
        },
        x.clone(),
    );
    if let Err(e) = twice {
        panic!("used twice, at {}: {e}", shapes(x));
    }
}

/// The same bits for every arrangement of all inputs, of one alone, and of the cotangent; and
/// right.
pub(super) fn arrangements<F: Function<N>, const N: usize>(f: F, x: &[Tensor<f64>; N]) {
    let v = cotangent::<f64, F, N>(f, x);
    let expected = all(f, x, &v);
    for arrangement in Arrangement::ALL {
        let what = |which: &str| format!("{arrangement:?} {which}, at {}", shapes(x));
        let arranged = x.each_ref().map(|x| arrangement.of(x));
        same_bits(&expected, &all(f, &arranged, &v), &what("inputs"));
        derivatives(f, &arranged);
        same_bits(&expected, &all(f, x, &arrangement.of(&v)), &what("cotangent"));
        for i in 0..if N > 1 { N } else { 0 } {
            let mut one = x.clone();
            one[i] = arrangement.of(&x[i]);
            same_bits(&expected, &all(f, &one, &v), &what(&format!("input {i}")));
        }
    }
    if let Some(v) = repeat(&v, 0) {
        let expected = all(f, x, &v.to_contiguous());
        same_bits(&expected, &all(f, x, &v), &format!("repeated cotangent, at {}", shapes(x)));
    }
}

/// Inputs with a stride of 0: the same bits as for a copy, and right.
pub(super) fn repeated<F: Function<N>, const N: usize>(
    f: F,
    x: &[Tensor<f64>; N],
    must_differ: bool,
) {
    let repeated = std::array::from_fn(|i| inputs_repeated(&x[i], i));
    if repeated.iter().zip(x).all(|(r, x)| r.strides() == x.strides()) {
        return;
    }
    let v = cotangent::<f64, F, N>(f, x);
    let copied = repeated.each_ref().map(Tensor::to_contiguous);
    same_bits(
        &all(f, &copied, &v),
        &all(f, &repeated, &v),
        &format!("repeated inputs, at {}", shapes(x)),
    );
    if !must_differ {
        derivatives(f, &repeated);
    }
}

/// `f32` gives what `f64` gives at the same numbers, but for a rounding of its own in every step:
/// some 64 units in the last place of the result or of what such a change of an input makes of it.
pub(super) fn single_precision<F: Function<N>, const N: usize>(f: F, x: &[Tensor<f64>; N]) {
    let narrow = x.each_ref().map(Tensor::cast::<f32>);
    let x = narrow.each_ref().map(Tensor::cast::<f64>);
    let v = cotangent::<f32, F, N>(f, &narrow);
    let narrow = all(f, &narrow, &v);
    let v = v.cast();
    let wide = all(f, &x, &v);
    // The change that a small change of the inputs makes, for each unit of it.
    let h = 2f64.powi(-20);
    let moved: [Tensor<f64>; N] = std::array::from_fn(|i| {
        let along = numbers::<f64>(Domain::Any, x[i].shape(), 21 + i);
        &x[i] + &(along * (h * largest(&x[i]).max(1.0)))
    });
    let moved = all(f, &moved, &v);
    // Values, gradients and second derivatives.
    for (order, k) in [(0, 0..1), (1, 1..N + 1), (2, N + 1..wide.len())] {
        let size = wide[k.clone()].iter().map(largest).fold(0.0, f64::max);
        let change = wide[k.clone()].iter().zip(&moved[k.clone()]);
        let change = change.map(|(a, b)| largest(&(a - b)) / h).fold(0.0, f64::max);
        let tolerance = 64.0 * f32::EPSILON as f64 * (size + change);
        let elements = wide[k.clone()].iter().zip(&narrow[k]);
        for (w, n) in elements.flat_map(|(w, n)| w.iter().zip(n.iter())) {
            assert!(
                (w - n as f64).abs() <= tolerance,
                "f32, at {}: of order {order}, {n} instead of {w} ± {tolerance:e}",
                shapes(&x)
            );
        }
    }
}

/// `J t` against the derivative of the values along `t`.
pub(super) fn forward_mode<F: Function<N>, const N: usize>(f: F, x: &[Tensor<f64>; N]) {
    let t: [Tensor<f64>; N] = std::array::from_fn(|i| numbers(Domain::Any, x[i].shape(), 7 + i));
    let (value, derivative) = jvp(|x| f.call(x), x.clone(), t.clone()).unwrap();
    assert_eq!(derivative.shape(), value.shape(), "jvp, at {}", shapes(x));
    let mut moved = |h: f64| {
        let x: [Tensor<f64>; N] = std::array::from_fn(|i| &x[i] + &(&t[i] * h));
        let tape = Tape::new();
        Some(f.call(x.map(|x| tape.leaf(x))).value().to_vec())
    };
    let noise = vec![4.0 * f64::EPSILON * largest(&value); value.len()];
    let found = numeric::derivative(&mut moved, Ladder::direction(), &value.to_vec(), &noise);
    let largest = largest(&derivative);
    for (d, found) in derivative.iter().zip(&found) {
        let verdict = compare(d, found, largest);
        assert!(
            matches!(verdict, Verdict::Pass(_)),
            "jvp, at {}: {d} instead of {found:?}",
            shapes(x)
        );
    }
}

/// The gradient is linear in the cotangent, and exactly 0 where that is.
pub(super) fn linear<F: Function<N>, const N: usize>(f: F, x: &[Tensor<f64>; N]) {
    let v = cotangent::<f64, F, N>(f, x);
    let w = numbers::<f64>(Domain::Any, v.shape(), COTANGENT + 1);
    let gradients = |v: &Tensor<f64>| all(f, x, v)[1..=N].to_vec();
    let (by_v, by_w) = (gradients(&v), gradients(&w));
    let by_both = gradients(&(&v * 2.0 - &w * 3.0));
    for (i, both) in by_both.iter().enumerate() {
        let scale = largest(&by_v[i]) + largest(&by_w[i]);
        for ((v, w), both) in by_v[i].iter().zip(by_w[i].iter()).zip(both.iter()) {
            let sum = 2.0 * v - 3.0 * w;
            let close = (sum - both).abs() <= 1e-13 * scale;
            assert!(close, "cotangents, at {}: {both} instead of {sum}", shapes(x));
        }
    }
    for (i, zero) in gradients(&Tensor::zeros(v.shape())).iter().enumerate() {
        let clean = zero.iter().all(|g| g == 0.0);
        assert!(clean, "cotangent 0, at {}: gradient {i} is {:?}", shapes(x), zero.to_vec());
    }
}

/// The value, the gradients by `x` with cotangent `v`, and the gradients of a combination of those
/// by `x` and by `v`; the rules of both orders must be pure.
fn all<T: Float, F: Function<N>, const N: usize>(
    f: F,
    x: &[Tensor<T>; N],
    v: &Tensor<T>,
) -> Vec<Tensor<T>> {
    let tape = Tape::new();
    let mut x: Vec<Var<'_, T>> = x.iter().map(|x| tape.leaf(x)).collect();
    let v = tape.leaf(v);
    let y = f.call(std::array::from_fn(|i| x[i]));
    let gradients: Vec<Var<'_, T>> = pull(y, v, &x)
        .into_iter()
        .map(|g| g.unwrap_or_else(|why| panic!("the function has no gradient: {why}")))
        .collect();
    let weighted = gradients.iter().enumerate().map(|(i, &g)| {
        let weights: Tensor<T> = numbers(Domain::Any, &g.shape(), 9 + i);
        (g * tape.constant(weights)).sum()
    });
    let sum = weighted.reduce(|a, b| a + b).expect("a function has inputs");
    x.push(v);
    let second = pull(sum, tape.constant(Tensor::scalar(T::of(1.0))), &x);
    // A function that is linear has no second derivative by its inputs.
    let second = x.iter().zip(second).map(|(x, g)| g.unwrap_or_else(|_| x.full_like(0.0)));
    let second: Vec<Var<'_, T>> = second.collect();
    tape.eval([vec![y], gradients, second].concat()).unwrap()
}

/// The gradients, by rules that ask for no value and record no tensor.
fn pull<'t, T: Float>(
    y: Var<'t, T>,
    g: Var<'t, T>,
    x: &[Var<'t, T>],
) -> Vec<Result<Var<'t, T>, NoGradient>> {
    let before = y.tape().effects.get();
    let found = y.pull(g, x);
    assert_eq!(y.tape().effects.get(), before, "a rule asks for a value or records a tensor");
    found
}

/// A cotangent for `f`'s output.
fn cotangent<T: Float, F: Function<N>, const N: usize>(f: F, x: &[Tensor<T>; N]) -> Tensor<T> {
    let tape = Tape::new();
    let shape = f.call(x.each_ref().map(|x| tape.leaf(x))).shape();
    numbers(Domain::Any, &shape, COTANGENT)
}

fn inputs_repeated(x: &Tensor<f64>, i: usize) -> Tensor<f64> {
    repeat(x, i).unwrap_or_else(|| x.clone())
}

#[track_caller]
fn same_bits(expected: &[Tensor<f64>], found: &[Tensor<f64>], what: &str) {
    for (k, (e, f)) in expected.iter().zip(found).enumerate() {
        assert_eq!(e.shape(), f.shape(), "{what}: result {k}");
        let same = e.iter().zip(f.iter()).all(|(e, f)| e.to_bits() == f.to_bits());
        assert!(same, "{what}: result {k} is {:?} instead of {:?}", f.to_vec(), e.to_vec());
    }
}

fn largest(x: &Tensor<f64>) -> f64 {
    x.iter().fold(0.0, |m, x| m.max(x.abs()))
}

fn shapes(x: &[Tensor<f64>]) -> String {
    let shapes: Vec<&[usize]> = x.iter().map(Tensor::shape).collect();
    format!("{shapes:?}")
}
