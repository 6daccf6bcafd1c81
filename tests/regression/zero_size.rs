//! D: tensors without elements, and of rank 0.

use tape::*;
use tensor::{Tensor, tensor};

use super::with_gradient;
use crate::support::panic_of;

// D1, pytorch#34202
#[test]
fn d1_a_linear_layer_on_no_samples_has_gradients_of_zeros() {
    let tape = Tape::new();
    let x = tape.constant(Tensor::<f32>::zeros([0, 2100]));
    let w = Param::new(Tensor::<f32>::ones([2100, 2100]));
    let b = Param::new(Tensor::<f32>::ones([2100]));
    let y = x.matmul(tape.param(&w).t()) + tape.param(&b);
    assert_eq!(y.shape()[..], [0, 2100]);
    let loss = y.sum();
    let gradients = loss.backward();
    assert_eq!(loss.item(), 0.0);
    assert_eq!(gradients[&w], Tensor::zeros([2100, 2100]));
    assert_eq!(gradients[&b], Tensor::zeros([2100]));
}

// D2, pytorch#31782
#[test]
fn d2_scans_and_sums_over_an_empty_axis_have_gradients_of_its_shape() {
    let nothing = || Tensor::<f32>::zeros([2, 0]);
    let (value, g) = with_gradient(|x| x.cumsum(1), nothing());
    assert_eq!((value.shape(), g.shape()), (&[2, 0][..], &[2, 0][..]));
    let (value, g) = with_gradient(|x| x.sum_axis(1), nothing());
    assert_eq!((value, g.shape()), (Tensor::zeros([2]), &[2, 0][..]));
    let (value, g) = with_gradient(|x| x.prod_axis(1), nothing());
    assert_eq!((value, g.shape()), (Tensor::ones([2]), &[2, 0][..]));
    let (value, g) = with_gradient(|x| x.norm_axis(1), nothing());
    assert_eq!((value, g.shape()), (Tensor::zeros([2]), &[2, 0][..]));
}

// D6
#[test]
fn d6_the_mean_of_nothing_is_nan_and_nothing_has_no_largest_element() {
    let (value, g) = with_gradient(|x| x.mean(), Tensor::<f32>::zeros([0]));
    assert!(value.item().is_nan());
    assert_eq!(g.shape(), [0]);
    let tape = Tape::new();
    let nothing = tape.leaf(Tensor::<f32>::zeros([2, 0]));
    for (name, panic) in [
        ("max", panic_of(|| nothing.max())),
        ("max", panic_of(|| nothing.max_axis(1))),
        ("argmax", panic_of(|| nothing.argmax())),
    ] {
        let text = format!("{name}: shape [2, 0] has no elements");
        assert!(panic.text.starts_with(&text), "{}", panic.text);
    }
    // Over the other axis there is no maximum to be found, and none is missing.
    assert_eq!(nothing.max_axis(0).value().shape(), [0]);
}

// D7, ndarray#1609
#[test]
fn d7_products_over_nothing_are_zeros_and_their_gradients_empty() {
    let tape = Tape::new();
    let a = tape.leaf(Tensor::<f32>::zeros([3, 0]));
    let b = tape.leaf(Tensor::<f32>::zeros([0, 4]));
    let y = a.matmul(b);
    let [by_a, by_b] = y.sum().grad([a, b]);
    assert_eq!(y.value(), Tensor::zeros([3, 4]));
    assert_eq!((by_a.value().shape(), by_b.value().shape()), (&[3, 0][..], &[0, 4][..]));
    for shape in [[1, 0], [0, 1]] {
        let (value, g) = with_gradient(|x| x.t() * 2.0, Tensor::<f32>::zeros(shape));
        assert_eq!((value.len(), g.shape()), (0, &shape[..]));
    }
}

// D8
#[test]
fn d8_rank_0_passes_through_every_operation_that_has_a_meaning_there() {
    type Function = for<'t> fn(Var<'t, f32>) -> Var<'t, f32>;
    let functions: &[Function] = &[
        |x| x + x,
        |x| 1.0 - x * x / 2.0,
        |x| -x.recip(),
        |x| x.exp().expm1().ln().log1p(),
        |x| x.sqrt().rsqrt().pow(x),
        |x| x.tanh().sigmoid().softplus().erf(),
        |x| x.sin().cos().relu().abs(),
        |x| x.clamp(0, 1).maximum(0.2).minimum(x),
        |x| x.gt(0.0).select(x, 1.0),
        |x| x.sum().mean().max().min().prod(),
        |x| x.sum_axis([0; 0]).norm().logsumexp(),
        |x| x.var(0) + x.std(0) + x,
        |x| x.reshape([1, 1]).squeeze(0).unsqueeze(0).flatten(0, 1).sum(),
        |x| x.permute([]).slice([]).pad([], 1.0),
        |x| x.broadcast_to([2, 3]).sum(),
        |x| Var::stack(&[x, x], 0).sum(),
        |x| x.sum_to([]).broadcast_to([]),
    ];
    for (k, f) in functions.iter().enumerate() {
        let (value, g) = with_gradient(f, Tensor::scalar(0.7f32));
        assert_eq!((value.shape(), g.shape()), (&[0; 0][..], &[0; 0][..]), "function {k}");
        assert!(g.item().is_finite(), "function {k}: {g}");
    }
    let tape = Tape::new();
    let x = tape.leaf(Tensor::scalar(0.7f32));
    let matrix = tape.leaf(tensor![[1.0f32]]);
    for (panic, names) in [
        (panic_of(|| x.matmul(matrix)), "matmul: [] x [1, 1]"),
        (panic_of(|| x.sum_axis(0)), "sum: axis 0 is out of range for shape []"),
        (panic_of(|| x.softmax(0)), "softmax: axis 0 is out of range for shape []"),
        (panic_of(|| x.t()), "t: shape []"),
        (panic_of(|| x.cumsum(0)), "cumsum: axis 0 is out of range for shape []"),
    ] {
        assert!(panic.text.starts_with(names), "{}", panic.text);
    }
}
