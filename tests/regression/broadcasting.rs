//! C: gradients of what was broadcast.

use tape::*;
use tensor::{Tensor, tensor};

use super::with_gradient;

// C1, burn#181
#[test]
fn c1_a_bias_row_against_a_column_of_labels_has_gradients_of_the_inputs_shapes() {
    let tape = Tape::new();
    let x = tape.constant(tensor![[1.0f32, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    let w = tape.leaf(tensor![[0.5f32], [-1.0], [0.25]]);
    let b = tape.leaf(tensor![[0.1f32, 0.2, 0.3]]);
    let label = tape.constant(tensor![[1.0f32], [2.0]]);
    let loss = (x.matmul(w) + b - label).square().sum();
    let [by_w, by_b] = loss.grad([w, b]);
    assert_eq!((&by_w.shape()[..], &by_b.shape()[..]), (&[3, 1][..], &[1, 3][..]));
    // The residuals are (-0.75 + b - 1, -1.5 + b - 2); the sums below are theirs.
    let r = |b: f32| [-0.75 + b - 1.0, -1.5 + b - 2.0];
    let rows: [f32; 2] = std::array::from_fn(|i| [0.1, 0.2, 0.3].map(|b| r(b)[i]).iter().sum());
    let close = |a: f32, b: f32| (a - b).abs() < 1e-4;
    for (j, g) in by_w.value().iter().enumerate() {
        let j = j as f32;
        assert!(close(g, 2.0 * ((j + 1.0) * rows[0] + (j + 4.0) * rows[1])), "{g}");
    }
    for (g, b) in by_b.value().iter().zip([0.1, 0.2, 0.3]) {
        assert!(close(g, 2.0 * (r(b)[0] + r(b)[1])), "{g}");
    }
}

// C3, pytorch#13669
#[test]
fn c3_a_scalar_broadcast_in_one_use_and_not_in_another_sums_both() {
    fn f(z: Var<'_, f32>) -> Var<'_, f32> {
        let zeros = z.tape().constant(Tensor::<f32>::zeros([1000]));
        (z.exp() - 0.0).sum() + (z.exp() - zeros).sum()
    }
    let (value, g) = with_gradient(f, Tensor::scalar(1.0f32));
    assert_eq!(g.shape(), [0; 0]);
    assert!((value.item() - 2721.0).abs() < 1e-2, "{value}");
    assert!((g.item() - 2721.0).abs() < 1e-2, "{g}");
}

// C4, mlx#610
#[test]
fn c4_a_matrix_added_to_a_batch_gets_the_sum_over_the_batch() {
    fn f(x: Var<'_, f32>) -> Var<'_, f32> {
        (x + x.tape().constant(Tensor::<f32>::ones([3, 3, 3]))).square()
    }
    let (_, g) = with_gradient(f, Tensor::ones([3, 3]));
    assert_eq!(g, Tensor::full([3, 3], 12.0));
}

// C6, pytorch#15223
#[test]
fn c6_a_column_broadcast_over_nothing_gets_zeros() {
    let tape = Tape::new();
    let a = tape.leaf(Tensor::<f32>::zeros([4, 0]));
    let b = tape.leaf(Tensor::<f32>::ones([4]));
    let loss = (a + b.reshape([4, 1])).sum();
    let [by_a, by_b] = loss.grad([a, b]);
    assert_eq!(loss.item(), 0.0);
    assert_eq!(by_a.value().shape(), [4, 0]);
    assert_eq!(by_b.value(), Tensor::zeros([4]));
}
