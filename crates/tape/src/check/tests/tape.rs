//! The check of what a tape has recorded.

use tensor::kernel::unary_block;
use tensor::{AnySlice, Float, Tensor, math, tensor};

use super::super::{Gradcheck, GradcheckError, gradcheck};
use crate::{Pointwise, Pullback, Var};

fn matrix() -> Tensor<f64> {
    tensor![[0.3, -1.2, 0.8], [1.7, 0.4, -0.6]]
}

#[test]
fn right_gradients_of_both_orders_pass_for_any_shape_and_layout() {
    let report = gradcheck(|[x]| (x.tanh() * x).sum(), [matrix()]).unwrap();
    // The gradient is 6 derivatives, its own gradient by x and the cotangent 6 x 7.
    assert_eq!((report.compared, report.inconclusive), (48, 0));
    gradcheck(|[x, b]| (x * b).tanh(), [matrix(), tensor![0.2, -0.7, 1.1]]).unwrap();
    gradcheck(|[x]| x.recip().sum_axis(0), [matrix().t()]).unwrap();
    gradcheck(|[x]| (x * x).sum(), [tensor![0.5, -2.0].broadcast_to([3, 2])]).unwrap();
    Gradcheck::new().projected().check(|[x, y]| x.tanh() * y, [matrix(), matrix()]).unwrap();
}

#[test]
fn an_input_that_is_not_reached_has_the_gradient_zero() {
    gradcheck(|[x, _]| x.square().sum(), [matrix(), tensor![1.0, 2.0]]).unwrap();
}

#[test]
fn a_gradient_that_the_tape_stops_is_wrong_where_the_function_moves() {
    let stopped = gradcheck(|[x]| (x * x.tape().constant(x.value())).sum(), [matrix()]);
    let error = stopped.unwrap_err();
    assert!(matches!(error, GradcheckError::Wrong(_)), "{error}");
    assert!(error.to_string().contains("factor 0.5"), "{error}");
}

/// `tanh` with a rule that somebody got wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Planted {
    Right,
    Zero,
    Sign,
    Factor,
    Cotangent,
    SecondOrder,
}

impl<T: Float> Pointwise<T, 1> for Planted {
    fn block(&self, [x]: [&[T]; 1], _: [AnySlice<'_>; 0], out: &mut [T]) {
        unary_block(math::Tanh, x, out);
    }

    fn vjp<'t>(&self, cx: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        let (g, y) = (cx.g, cx.y);
        let right = g - g * y * y;
        match self {
            Planted::Right => [Some(right)],
            Planted::Zero => [None],
            Planted::Sign => [Some(-right)],
            Planted::Factor => [Some(right * (1.0 + 1e-6))],
            Planted::Cotangent => [Some(1.0 - y * y)],
            Planted::SecondOrder => {
                let frozen = g.tape().constant(y.value());
                [Some(g - g * frozen * frozen)]
            }
        }
    }
}

#[test]
fn planted_rules_are_found_in_every_mode() {
    for rule in [Planted::Zero, Planted::Sign, Planted::Factor, Planted::Cotangent] {
        for check in [Gradcheck::new(), Gradcheck::new().order(1), Gradcheck::new().projected()] {
            let result = check.check(|[x]| (x.tape().apply(rule, [x]) * x).sum_axis(1), [matrix()]);
            let error = result.unwrap_err();
            assert!(matches!(error, GradcheckError::Wrong(_)), "{rule:?}: {error}");
            assert!(error.to_string().contains("of order 1"), "{rule:?}: {error}");
        }
    }
    gradcheck(|[x]| x.tape().apply(Planted::Right, [x]), [matrix()]).unwrap();
}

#[test]
fn a_rule_that_is_right_but_cannot_be_differentiated_is_found_at_order_two() {
    fn model([x]: [Var<'_, f64>; 1]) -> Var<'_, f64> {
        x.tape().apply(Planted::SecondOrder, [x])
    }
    Gradcheck::new().order(1).check(model, [matrix()]).unwrap();
    let error = gradcheck(model, [matrix()]).unwrap_err().to_string();
    assert!(error.contains("of order 2 are wrong"), "{error}");
    assert!(error.contains("d (gradient by input 0) [0, 0] / d input 0 [0, 0]"), "{error}");
}

#[test]
fn awkward_points_of_the_built_in_operations_pass() {
    gradcheck(|[x]| x.recip(), [tensor![1e-6, -3.0]]).unwrap();
    gradcheck(|[x]| x.ln(), [tensor![5e-7, 2.0]]).unwrap();
    gradcheck(|[x]| x.square().sum(), [tensor![1e8, 2e8]]).unwrap();
    gradcheck(|[x]| x.relu(), [tensor![1e-9, -1e-9, 0.4]]).unwrap();
    let error = gradcheck(|[x]| x.relu(), [tensor![0.0, 1.0]]).unwrap_err();
    assert!(matches!(error, GradcheckError::Inconclusive(_)), "{error}");
}
