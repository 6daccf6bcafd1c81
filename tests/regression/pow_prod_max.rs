//! B: powers, products and largest elements at zeros and ties.

use tape::*;
use tensor::{Tensor, tensor};

use super::{gradient, with_gradient};

// B1, pytorch#27134, Enzyme#2855
#[test]
fn b1_a_power_of_zero_has_a_finite_derivative_by_the_exponent() {
    let tape = Tape::new();
    let (a, b) = (tape.leaf(tensor![0.0f32, 2.0]), tape.leaf(tensor![1.0f32, 1.0]));
    let [by_a, by_b] = a.pow(b).sum().grad([a, b]);
    assert_eq!(by_a.value().to_vec(), [1.0, 1.0]);
    let by_b = by_b.value().to_vec();
    assert_eq!(by_b[0], 0.0);
    assert!((by_b[1] - 1.386294).abs() < 1e-6, "{by_b:?}");
}

// B3, mlx#504
#[test]
fn b3_a_squared_error_by_pow_at_the_target_is_zero_with_the_gradient_zero() {
    fn f(y: Var<'_, f32>) -> Var<'_, f32> {
        (y - y.tape().constant(tensor![0.0f32])).pow(2)
    }
    let (loss, g) = with_gradient(f, tensor![0.0f32]);
    assert_eq!((loss.to_vec(), g.to_vec()), (vec![0.0], vec![0.0]));
}

// B4, tfjs#346
#[test]
fn b4_a_negative_base_has_squares() {
    let (value, g) = with_gradient(|x| x.pow(2), tensor![-2.0f32]);
    assert_eq!((value.to_vec(), g.to_vec()), (vec![4.0], vec![-4.0]));
    fn by_tensor(x: Var<'_, f32>) -> Var<'_, f32> {
        x.pow(x.tape().constant(tensor![2.0f32]))
    }
    assert_eq!(gradient(by_tensor, tensor![-2.0f32]), [-4.0]);
    let tape = Tape::new();
    let (a, b) = (tape.leaf(tensor![-2.0f32]), tape.leaf(tensor![2.0f32]));
    let [by_base, _] = a.pow(b).sum().grad([a, b]);
    assert_eq!(by_base.value().to_vec(), [-4.0]);
}

// B6, burn#5533
#[test]
fn b6_the_gradient_of_a_product_is_the_product_of_the_others() {
    assert_eq!(gradient(|x| x.prod(), tensor![2.0f32, 0.0, 3.0, 4.0]), [0.0, 24.0, 0.0, 0.0]);
    assert_eq!(gradient(|x| x.prod(), tensor![2.0f32, 0.0, 0.0, 4.0]), [0.0; 4]);
}

// B8, mxnet#18563
#[test]
fn b8_ties_of_a_largest_element_share_one_gradient() {
    let g = gradient(|x| x.max_axis(0), Tensor::<f32>::ones([4, 3]));
    assert_eq!(g, [0.25; 12]);
}

// B9, tinygrad#12296
#[test]
fn b9_the_shares_of_very_many_ties_do_not_vanish() {
    let g = gradient(|x| x.max(), Tensor::<f32>::full([70_000], 3.0));
    let sum: f64 = g.iter().map(|&g| g as f64).sum();
    assert!((sum - 1.0).abs() < 1e-6, "{sum}");
}

// B10, tinygrad#18029
#[test]
fn b10_relu6_and_hardswish_are_flat_at_their_upper_kink() {
    assert_eq!(gradient(|x| x.clamp(0, 6), tensor![6.0f32]), [0.0]);
    // x · relu6(x + 3) / 6: at 3 what remains is the derivative of the first factor.
    assert_eq!(gradient(|x| x * (x + 3.0).clamp(0, 6) / 6.0, tensor![3.0f32]), [1.0]);
}
