//! Sums to a shape, and traces.

use super::layouts;
use crate::testing::{noise, panic_of};
use crate::{Tensor, tensor};

#[test]
fn a_sum_to_a_shape_is_over_what_broadcasting_repeats() {
    for x in layouts(&noise(2 * 3 * 40), &[2, 3, 40]) {
        for (to, axes) in [
            (&[][..], &[0, 1, 2][..]),
            (&[40], &[0, 1]),
            (&[1], &[0, 1, 2]),
            (&[3, 1], &[0, 2]),
            (&[1, 3, 40], &[0]),
            (&[2, 1, 40], &[1]),
        ] {
            let sum = x.sum_to(to);
            assert_eq!((sum.shape(), &sum), (to, &x.sum_axis(axes).reshape(to)));
            assert_eq!(sum.broadcast_to([2, 3, 40]).shape(), x.shape());
        }
        assert!(x.sum_to([2, 3, 40]).shares_buffer(&x));
    }
    let ones = Tensor::<u8>::full([3, 100], 1);
    assert_eq!(ones.sum_to([100]).to_vec(), [3; 100]);
    assert_eq!(panic_of(|| ones.sum_to([])), "sum: the result at position 0 does not fit u8");
    assert_eq!(Tensor::<f32>::zeros([0, 2]).sum_to([1, 2]).to_vec(), [0.0; 2]);
}

#[test]
fn what_cannot_be_a_sum_is_refused() {
    for (from, to, text) in [
        (&[2][..], &[3][..], "sum_to: shape [2] cannot become [3]"),
        (&[2], &[2, 2], "sum_to: shape [2] cannot become [2, 2]"),
        (&[2, 3, 4], &[4, 3], "sum_to: shape [2, 3, 4] cannot become [4, 3]"),
    ] {
        assert_eq!(panic_of(|| Tensor::<f64>::zeros(from).sum_to(to)), text);
    }
}

#[test]
fn a_trace_adds_the_diagonal_of_each_square_matrix() {
    let x = Tensor::arange(0, 18, 1i64).reshape([2, 3, 3]);
    assert_eq!(x.trace(), tensor![12i64, 39]);
    assert_eq!(x.t().trace(), x.trace());
    assert_eq!(Tensor::<f32>::eye(300).trace().item(), 300.0);
    assert_eq!(Tensor::<f32>::zeros([0, 0]).trace().item(), 0.0);
    let text = |shape: &[usize]| panic_of(|| Tensor::<f32>::zeros(shape).trace());
    assert_eq!(text(&[2, 3]), "trace: shape [2, 3] is not square");
    assert_eq!(text(&[3]), "trace: shape [3] is not square");
}
