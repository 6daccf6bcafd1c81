//! E: views in every position, and repeated indices.

use tape::*;
use tensor::{Tensor, s, tensor};

use super::gradient;
use crate::support::{bits, pools};

// E1, burn#5304
#[test]
fn e1_a_transposed_matrix_times_ones() {
    let a = tensor![[0.7f32, -1.3, 2.1], [-0.4, 1.9, -3.2]];
    let expected = [0.3, 0.3, 0.6, 0.6, -1.1, -1.1];
    let tape = Tape::new();
    let ones = tape.constant(Tensor::<f32>::ones([2, 2]));
    // Transposed before it comes to the tape, and on it.
    for y in [tape.leaf(a.t()).matmul(ones), tape.leaf(&a).t().matmul(ones)] {
        let y = y.value();
        assert!(y.iter().zip(expected).all(|(y, e)| (y - e).abs() < 1e-6), "{y}");
    }
}

// E7, pytorch#1631, mxnet#9172
#[test]
fn e7_gradients_of_repeated_indices_add_up() {
    let tape = Tape::new();
    let x = tape.leaf(tensor![0.1f32]);
    let y = x.gather(0, tape.constant(tensor![0, 0]));
    let [g] = y.grad_with(tape.constant(tensor![0.2f32, 0.3]), [x]);
    assert_eq!(g.value().to_vec(), [0.5]);
    // (1, 1), (1, 1), (0, 0) of a matrix of two columns.
    fn f(x: Var<'_, f32>) -> Var<'_, f32> {
        x.flatten(0, 1).index_select(0, x.tape().constant(tensor![3, 3, 0]))
    }
    assert_eq!(gradient(f, tensor![[0.0f32, 1.0], [2.0, 3.0]]), [1.0, 0.0, 0.0, 2.0]);
}

// E7, burn#5296
#[test]
fn e7_gradients_of_repeated_indices_have_the_same_bits_on_any_number_of_threads() {
    let run = || {
        let tape = Tape::new();
        let x = tape.leaf(Tensor::<f32>::linspace(-1.0, 1.0, 7 * 64).reshape([7, 64]));
        let index = Tensor::from_fn([3000], |i| (i[0] * i[0] % 7) as i64);
        let y = x.index_select(0, tape.constant(index));
        let cotangent = Tensor::from_fn([3000, 64], |i| 1.0 / (1 + i[0] * 64 + i[1]) as f32);
        let [g] = y.grad_with(tape.constant(cotangent), [x]);
        bits(&g.value())
    };
    let alone = run();
    for pool in pools() {
        assert!(pool.install(run) == alone, "{} threads", pool.current_num_threads());
    }
}

// E8, oneflow#8194
#[test]
fn e8_views_of_views_are_what_copies_of_copies_are() {
    let x = Tensor::from_fn([2, 3, 4], |i| (i[0] * 12 + i[1] * 4 + i[2]) as f64);
    let tape = Tape::new();
    let on_tape = tape.leaf(&x).swap_axes(0, 2).permute([1, 2, 0]).reshape([6, 4]);
    let copied = x.swap_axes(0, 2).to_contiguous().permute([1, 2, 0]).to_contiguous();
    assert_eq!(on_tape.value(), copied.reshape([6, 4]));
    gradcheck(|[x]| x.swap_axes(0, 2).permute([1, 2, 0]).reshape([6, 4]).square(), [x]).unwrap();
}

// E8, oneflow#8194
#[test]
fn e8_joins_take_a_transposed_cotangent() {
    let tape = Tape::new();
    let (a, b) = (tape.leaf(tensor![1.0f32, 2.0]), tape.leaf(tensor![3.0f32, 4.0]));
    let cotangent = tape.constant(tensor![[1.0f32, 2.0], [3.0, 4.0]].t());
    let [by_a, by_b] = Var::stack(&[a, b], 0).grad_with(cotangent, [a, b]);
    assert_eq!((by_a.value().to_vec(), by_b.value().to_vec()), (vec![1.0, 3.0], vec![2.0, 4.0]));
    let rows = [a.reshape([1, 2]), b.reshape([1, 2])];
    let [by_a, by_b] = Var::concat(&rows, 0).grad_with(cotangent, [a, b]);
    assert_eq!((by_a.value().to_vec(), by_b.value().to_vec()), (vec![1.0, 3.0], vec![2.0, 4.0]));
}

// E9, pytorch#1933
#[test]
fn e9_every_rule_takes_a_cotangent_of_any_strides() {
    type Function = for<'t> fn(Var<'t, f64>) -> Var<'t, f64>;
    let functions: &[Function] = &[
        |x| x.matmul(x.t()).matmul(x),
        |x| x.tanh() * x / (x.square() + 1.0),
        |x| x.softmax(1).log_softmax(0),
        |x| x.cumsum(0).flip(1).cumsum(1),
        |x| x.sort_descending(0).pad([(1, 1), (0, 0)], 2.0).narrow(0, 1, 3),
        |x| Var::concat(&[x.narrow(1, 2, 1), x.narrow(1, 0, 2)], 1).maximum(0.1),
        |x| x.mean_keepdim(0) * x.norm_keepdim(1) - x.prod_keepdim(0),
    ];
    let x = tensor![[0.5, -1.25, 2.0], [1.5, 0.75, -0.5], [-2.0, 1.0, 0.25]];
    let v = tensor![[1.0, -2.0, 0.5], [0.25, 3.0, -1.5], [2.5, -0.75, 1.75]];
    let strided = {
        let mut larger = Tensor::full([7, 7], f64::NAN);
        for (k, value) in v.iter().enumerate() {
            larger.make_mut()[(k / 3 * 2 + 1) * 7 + k % 3 * 2 + 1] = value;
        }
        larger.slice(s![1..;2, 1..;2])
    };
    let arranged =
        [v.t().to_contiguous().t(), v.flip(0).flip(1).to_contiguous().flip(0).flip(1), strided];
    for (k, f) in functions.iter().enumerate() {
        let pull = |v: &Tensor<f64>| {
            let tape = Tape::new();
            let leaf = tape.leaf(&x);
            let [g] = f(leaf).grad_with(tape.constant(v), [leaf]);
            bits(&g.value())
        };
        let expected = pull(&v);
        for v in &arranged {
            assert_eq!(pull(v), expected, "function {k}, strides {:?}", v.strides());
        }
    }
}
