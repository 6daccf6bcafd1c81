//! A: branches that are not taken, the edges of domains, and kinks.

use std::f32::consts::SQRT_2;

use tape::*;
use tensor::{Tensor, tensor};

use super::{gradient, with_gradient};

const INF: f32 = f32::INFINITY;

// A1, pytorch#187297
#[test]
fn a1_where_does_not_leak_nan_of_the_untaken_sqrt() {
    fn f(x: Var<'_, f32>) -> Var<'_, f32> {
        x.gt(0.0).select(x.sqrt(), x)
    }
    assert_eq!(gradient(f, tensor![-1.0f32, -4.0]), [1.0, 1.0]);
}

// A2, pytorch#18287
#[test]
fn a2_where_does_not_leak_nan_of_the_untaken_cos_of_infinity() {
    assert_eq!(gradient(|x| x.lt(1.0).select(x.cos(), 0.0), tensor![0.0, INF]), [0.0, 0.0]);
}

// A4, pytorch#16317
#[test]
fn a4_where_does_not_leak_nan_of_the_untaken_division() {
    fn f(x: Var<'_, f32>) -> Var<'_, f32> {
        let n = x.tape().constant(tensor![0.0f32, 2.0]);
        n.eq_to(0.0).select(n, x / n)
    }
    assert_eq!(gradient(f, tensor![0.0f32, 1.0]), [0.0, 0.5]);
}

// A5, pytorch#9688
#[test]
fn a5_selecting_an_element_of_a_sqrt_does_not_touch_the_zero_beside_it() {
    assert_eq!(gradient(|x| x.sqrt().index_axis(0, 1), tensor![0.0f32, 1.0]), [0.0, 0.5]);
    fn picked(x: Var<'_, f32>) -> Var<'_, f32> {
        x.sqrt().index_select(0, x.tape().constant(tensor![1]))
    }
    assert_eq!(gradient(picked, tensor![0.0f32, 1.0]), [0.0, 0.5]);
}

// A6, pytorch#4132
#[test]
fn a6_a_masked_division_by_zero_passes_nothing_to_either_side() {
    let tape = Tape::new();
    let (x, d) = (tape.leaf(tensor![1.0f32, 1.0]), tape.leaf(tensor![0.0f32, 1.0]));
    let loss = d.ne_to(0.0).select(x / d, 0.0).sum();
    let [by_x, by_d] = loss.grad([x, d]);
    assert_eq!(by_x.value().to_vec(), [0.0, 1.0]);
    assert_eq!(by_d.value().to_vec(), [0.0, -1.0]);
}

// A7, mlx#3668
#[test]
fn a7_the_length_of_zero_below_a_floor_has_the_gradient_zero() {
    fn f(x: Var<'_, f32>) -> Var<'_, f32> {
        x.square().sum_axis(1).sqrt().maximum(1e-10)
    }
    assert_eq!(gradient(f, tensor![[0.0f32, 0.0]]), [0.0, 0.0]);
}

// A9, pytorch#2421, jax#4177, HIPS autograd#151
#[test]
fn a9_the_norm_of_zero_is_zero_with_the_gradient_zero() {
    let (value, g) = with_gradient(|x| x.norm(), Tensor::<f32>::zeros([3]));
    assert_eq!((value.item(), g.to_vec()), (0.0, vec![0.0; 3]));
    assert_eq!(gradient(|x| x.norm().square(), Tensor::<f32>::zeros([2])), [0.0, 0.0]);
    assert_eq!(gradient(|x| x.norm().pow(2), Tensor::<f32>::zeros([2])), [0.0, 0.0]);
}

// A10, pytorch#4320
#[test]
fn a10_the_deviation_of_equal_numbers_is_zero_with_the_gradient_zero() {
    for x in [0.0f32, 1.0, 0.1, 1e-3, 12345.67] {
        for n in [2, 3, 7, 16] {
            let (value, g) = with_gradient(|x| x.std(1), Tensor::full([n], x));
            assert_eq!((value.item(), g.to_vec()), (0.0, vec![0.0; n]), "{n} times {x}");
        }
    }
}

// A11, pytorch#94184
#[test]
fn a11_the_unbiased_variance_of_one_number_is_nan_with_a_gradient_of_its_shape() {
    let (value, g) = with_gradient(|x| x.var(1), tensor![[2.0f32]]);
    assert!(value.item().is_nan());
    assert_eq!(g.shape(), [1, 1]);
    assert!(g.item().is_nan());
}

// A12, burn#2249, pytorch#184572, jax#37821
#[test]
fn a12_the_kinks_have_the_documented_derivatives() {
    let at_zero = tensor![0.0f32];
    assert_eq!(gradient(|x| x.abs(), at_zero.clone()), [0.0]);
    assert_eq!(gradient(|x| x.relu(), at_zero.clone()), [0.0]);
    assert_eq!(gradient(|x| x.maximum(0.0), at_zero.clone()), [0.5]);
    assert_eq!(gradient(|x| x.clamp(0.0, f64::INFINITY), at_zero), [0.0]);
}

// A14, NNlib.jl#68
#[test]
fn a14_softmax_and_cross_entropy_of_far_logits_are_exact() {
    let (value, g) = with_gradient(|x| x.softmax(0), tensor![-1047.0f32, -981.0, 1891.0]);
    assert_eq!(value.to_vec(), [0.0, 0.0, 1.0]);
    assert_eq!(g.to_vec(), [0.0; 3]);
    fn f(x: Var<'_, f32>) -> Var<'_, f32> {
        x.cross_entropy(x.tape().constant(tensor![0]))
    }
    let (loss, g) = with_gradient(f, tensor![[-431.0f32, 279.0, 427.0]]);
    assert_eq!((loss.to_vec(), g.to_vec()), (vec![858.0], vec![-1.0, 0.0, 1.0]));
}

// A15, jax#6811, pytorch#31829
#[test]
fn a15_logsumexp_of_minus_infinities_has_no_nan_in_its_gradient() {
    let (value, g) = with_gradient(|x| x.logsumexp(), tensor![-INF, -INF]);
    assert_eq!((value.item(), g.to_vec()), (-INF, vec![0.0, 0.0]));
    let (value, g) = with_gradient(|x| x.logsumexp(), tensor![-INF, 1.0]);
    assert_eq!((value.item(), g.to_vec()), (1.0, vec![0.0, 1.0]));
}

// A16, pytorch#131060, pytorch#25110
#[test]
fn a16_a_masked_row_of_softmax_does_not_poison_the_other_rows() {
    let x = tensor![[-INF, -INF], [0.0, 0.0]];
    fn f(x: Var<'_, f32>) -> Var<'_, f32> {
        x.softmax(1).index_axis(0, 1).index_axis(0, 0)
    }
    assert_eq!(gradient(f, x.clone()), [0.0, 0.0, 0.25, -0.25]);
    fn log(x: Var<'_, f32>) -> Var<'_, f32> {
        x.log_softmax(1).index_axis(0, 1).index_axis(0, 0)
    }
    assert_eq!(gradient(log, x), [0.0, 0.0, 0.5, -0.5]);
}

// A18, pytorch#15508
#[test]
fn a18_a_label_that_is_no_class_is_an_error_that_names_both() {
    for label in [-1, 3, 255] {
        let tape = Tape::new();
        let logits = tape.leaf(tensor![[0.0f32, 1.0, 2.0]]);
        let loss = logits.cross_entropy(tape.constant(tensor![label]));
        let error = tape.eval(loss).unwrap_err();
        assert_eq!((error.at.file(), error.at.line()), (file!(), line!() - 2));
        let text = error.to_string();
        assert!(text.contains(&format!("cross_entropy: label {label} at position 0 ")), "{text}");
        assert!(text.contains("3 classes"), "{text}");
    }
}

// A19, candle#2083
#[test]
fn a19_smooth_activations_are_finite_and_right_everywhere() {
    type Activation = for<'t> fn(Var<'t, f64>) -> Var<'t, f64>;
    let activations: [(&str, Activation); 4] = [
        ("silu", |x| x * x.sigmoid()),
        ("gelu", |x| 0.5 * x * (1.0 + (x / f64::from(SQRT_2)).erf())),
        ("softplus", |x| x.softplus()),
        ("tanh", |x| x.tanh()),
    ];
    for (name, f) in activations {
        let x = tensor![0.0, 1e-30, -1e-30, 100.0, -100.0];
        let (value, g) = with_gradient(f, x);
        assert!(value.iter().chain(g.iter()).all(f64::is_finite), "{name}");
        gradcheck(|[x]| f(x), [tensor![0.0, 1e-30, -1e-30]]).unwrap();
    }
}
