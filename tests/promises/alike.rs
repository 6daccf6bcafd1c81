//! Tensors and variables: the same program gives the same bits.

use tape::{Tape, Var};
use tensor::{Element, Float, Tensor, s};

use crate::support::{panic_of, pools};

/// A program as text, of a tensor and of a variable.
type Both<T> = (&'static str, fn(&Tensor<T>) -> Tensor<T>, for<'t> fn(Var<'t, T>) -> Var<'t, T>);

/// Programs that read the same for both. (A macro, because a closure cannot be generic.)
macro_rules! both {
    ($($x:ident => $body:expr;)*) => {
        vec![$((
            stringify!($body),
            |$x: &Tensor<T>| $body,
            |$x: Var<'_, T>| $body,
        )),*]
    };
}

fn programs<T: Float>() -> Vec<Both<T>> {
    let mut programs: Vec<Both<T>> = both! {
        x => x.softmax(0);
        x => x.softmax(-1);
        x => x.log_softmax(0);
        x => x.log_softmax(1);
        x => x.log_sigmoid();
        x => x.narrow(-1, 3, 50);
        x => x.narrow(1, 0, 30).narrow(0, 2, 30).trace();
        x => x.sum_to([1, x.shape()[1]]);
        x => x.sum_to([x.shape()[0], 1]);
        x => x.sum_to([]);
        x => x.sort(1);
        x => x.sort_descending(0);
        x => x.argsort(0).cast();
        x => x.argsort_descending(-1).cast();
        x => x.argmax_keepdim(1).cast();
        x => x.argmin_keepdim(0).cast();
        x => x.argmax().cast();
        x => x.argmin_axis(1).cast();
        x => x.argmax_axis(0).cast::<T>() + x.argmin().cast::<T>();
        x => x.sum() + x.mean() - x.max() + x.min();
        x => x.max_keepdim(0) - x.min_keepdim(1);
        x => x.norm_keepdim(1) + x.logsumexp_keepdim(0);
        x => x.diagonal();
        x => x.slice(s![1..;3, ..37;-1]);
        x => x.narrow(1, 0, 50).split(1, &[20, 30]).swap_remove(1);
        x => x.eq_to(0.0).or(x.ne_to(1.0).and(x.le(2.0))).cast();
        x => x.gt(3.0).all().cast::<T>() + x.gt(0.0).any_keepdim(0).cast::<T>();
        x => x.abs().pow(1.5) + x.pow(x);
        x => x.pad([(1, 0), (2, 3)], T::one());
        x => (!x.is_finite() | x.gt(1.0) & x.lt(2.0)).select(x, -1.0);
        x => x.is_nan().not().and(x.ge(0.0)).or(false).cast();
        x => x.gt(0.0).select(0.5, x);
        x => x.gt(3.0).any_axis(0).cast();
        x => x.gt(3.0).any().cast();
        x => x.lt(3.0).all_keepdim(1).cast();
        x => x.lt(3.0).all_axis([0, 1]).cast();
        x => x.powi(-1) + x.powi(2) + x.powi(3) + x.powi(7) + x.powi(-4);
        x => x.powf(1.5).maximum(x.abs()).minimum(4);
        x => x.exp() + x.expm1() + x.ln() + x.log1p() + x.sqrt() + x.rsqrt() + x.recip();
        x => x.tanh() - x.sigmoid() * x.softplus() / x.erf() - x.sin() - x.cos();
        x => x.relu() + x.sign() + x.heaviside() + x.clamp(-1, 1);
        x => x.floor() + x.ceil() + x.round();
        x => x.sum_axis(0) + x.mean_axis(0) + x.max_axis(0) + x.min_axis(0);
        x => x.norm_axis(0) + x.logsumexp_axis(0) + x.cumsum(1);
        x => x.mean_keepdim(1) * x.norm() - x.logsumexp();
        x => x.flip(0).t().unsqueeze(1).squeeze(1).swap_axes(0, 1).flatten(0, 1);
        x => x.narrow(1, 0, 37).diagonal_of(1, 0, 1).reshape([2, 18]);
        x => x.permute([1, 0]).index_axis(0, 0).broadcast_to([2, x.shape()[0]]);
    };
    // Operands are borrowed tensors, but variables themselves.
    programs.push(("dot", |x| row(x, 0).dot(&row(x, 1)), |x| row_of(x, 0).dot(row_of(x, 1))));
    programs.push(("outer", |x| row(x, 2).outer(&row(x, 1)), |x| row_of(x, 2).outer(row_of(x, 1))));
    programs.push(("matmul", |x| x.matmul(&x.t()), |x| x.matmul(x.t())));
    programs.push((
        "stack",
        |x| Tensor::stack(&[x, &x.square()], 1),
        |x| Var::stack(&[x, x.square()], 1),
    ));
    programs.push((
        "gather and scatter_add",
        |x| {
            let order = x.argsort(0);
            let y = x.gather(0, &order).unwrap();
            x.scatter_add(0, &order, &y).unwrap()
        },
        |x| x.scatter_add(0, x.argsort(0), x.gather(0, x.argsort(0))),
    ));
    programs.push((
        "index_select and one_hot",
        |x| {
            let first = row(&x.argsort(1), 0).narrow(0, 0, 20);
            let classes = first.one_hot::<T>(x.shape()[1]).unwrap();
            x.index_select(1, &first).unwrap().matmul(&classes)
        },
        |x| {
            let first = x.argsort(1).index_axis(0, 0).narrow(0, 0, 20);
            x.index_select(1, first).matmul(first.one_hot(x.shape()[1]))
        },
    ));
    programs.push((
        "concat",
        |x| Tensor::concat(&[x, &x.square()], 0),
        |x| Var::concat(&[x, x.square()], 0),
    ));
    programs.push((
        "assignments",
        |x| {
            let mut y = x.clone();
            y += 1.0;
            y *= x;
            y -= x.sum_keepdim(0);
            y /= 3;
            y
        },
        |x| {
            let mut y = x;
            y += 1.0;
            y *= x;
            y -= x.sum_keepdim(0);
            y /= 3;
            y
        },
    ));
    programs
}

/// Mistakes with a matrix of 37 rows and 67 columns.
fn mistakes<T: Float>() -> Vec<Both<T>> {
    both! {
        x => x.sort(2);
        x => x.sort_descending(-3);
        x => x.argsort(2).cast();
        x => x.argsort_descending(2).cast();
        x => x.argmax_axis(2).cast();
        x => x.argmin_keepdim(2).cast();
        x => x.narrow(0, 30, 8);
        x => x.narrow(2, 0, 0);
        x => x.index_axis(0, 37);
        x => x.index_axis(-3, 0);
        x => x.softmax(2);
        x => x.log_softmax(-3);
        x => x.trace();
        x => x.sum_to([37]);
        x => x.pad([(1, 1)], T::zero());
        x => x.pad([(1, usize::MAX), (0, 0)], T::zero());
        x => x.reshape([5]);
        x => x.broadcast_to([37, 68]);
        x => x.permute([0, 0]);
        x => x.swap_axes(0, 2);
        x => x.flip(2);
        x => x.squeeze(0);
        x => x.unsqueeze(4);
        x => x.flatten(1, 0);
        x => x.flatten(0, 5);
        x => x.index_axis(0, 0).t();
        x => x.diagonal_of(0, 1, 1);
        x => x.index_axis(0, 0).diagonal();
        x => x.slice(s![0, 0, 0]);
        x => x.slice(s![..38]);
        x => x.split(0, &[36, 2]).swap_remove(0);
        x => x.cumsum(2);
        x => x.sum_axis(2);
        x => x.mean_axis([0, 0]);
        x => x.max_axis(-3);
        x => x.narrow(0, 0, 0).min_axis(0);
        x => x.prod_axis(2);
        x => x.var_axis(2, 1);
        x => x.std_keepdim(2, 1);
        x => x.norm_axis(2);
        x => x.logsumexp_axis([0, 0]);
        x => x.gt(0.0).all_axis(2).cast();
        x => x.gt(0.0).any_keepdim([1, 1]).cast();
        x => (x.gt(0.0) & x.narrow(0, 0, 2).gt(0.0)).cast();
        x => x.gt(0.0).or(x.narrow(0, 0, 2).gt(0.0)).cast();
        x => x.narrow(0, 0, 2).lt(x.narrow(0, 0, 3)).cast();
        x => x.gt(0.0).select(x.narrow(0, 0, 2), x.narrow(0, 0, 3));
        x => x.maximum(x.narrow(0, 0, 2));
        x => x.pow(x.narrow(0, 0, 2));
        x => x.narrow(0, 0, 2) * x.narrow(0, 0, 3);
        x => { let mut y = x.flip(0); y -= x.narrow(0, 0, 2); y };
        x => { let mut y = x.narrow(0, 0, 1); y /= x; y };
        x => x.clamp(2, 1);
        x => x.powi(i32::MAX) + x.item();
    }
}

fn row<T: Element>(x: &Tensor<T>, i: isize) -> Tensor<T> {
    x.index_axis(0, i)
}

fn row_of<T: Float>(x: Var<'_, T>, i: isize) -> Var<'_, T> {
    x.index_axis(0, i)
}

/// Shape and bits, but one NaN for all: its sign is the processor's.
fn exactly<T: Float>(x: &Tensor<T>) -> (Vec<usize>, Vec<u64>) {
    let bits = |x: T| if x.is_nan() { u64::MAX } else { x.wide().to_bits() };
    (x.shape().to_vec(), x.iter().map(bits).collect())
}

/// Sizes below a block, which run straight; above it, in fused passes; and for several threads.
fn check<T: Float>() {
    for shape in [[37, 55], [37, 67], [301, 333]] {
        check_with::<T>(shape);
    }
}

fn check_with<T: Float>(shape: [usize; 2]) {
    let rng = &mut tensor::rng(3);
    let plain = Tensor::<T>::normal(shape, T::zero(), T::of(3.0), rng);
    let mut odd = plain.clone();
    for (k, x) in [f64::NEG_INFINITY, f64::INFINITY, f64::NAN, 0.0, -0.0].into_iter().enumerate() {
        odd[[5 * k, 3]] = T::of(x);
    }
    for j in 0..shape[1] {
        odd[[36, j]] = T::neg_infinity();
    }
    for x in [plain, odd] {
        for x in [x.clone(), x.t().to_contiguous().t(), x.flip(1).to_contiguous().flip(1)] {
            for (text, of_tensor, of_variable) in programs::<T>() {
                let expected = exactly(&of_tensor(&x));
                for pool in &pools()[..3] {
                    pool.install(|| {
                        let tape = Tape::new();
                        let value = of_variable(tape.leaf(&x)).value();
                        assert!(
                            exactly(&value) == expected,
                            "{} {shape:?} {:?}: {text}",
                            T::DTYPE,
                            x.strides()
                        );
                        assert!(exactly(&of_tensor(&x)) == expected, "threads: {text}");
                    });
                }
            }
        }
    }
}

#[test]
fn a_program_of_tensors_and_of_variables_gives_the_same_bits() {
    check::<f32>();
    check::<f64>();
}

#[test]
fn a_mistake_is_told_in_the_same_words() {
    fn check<T: Float>() {
        let x = Tensor::<T>::ones([37, 67]);
        for (program, of_tensor, of_variable) in mistakes::<T>() {
            let tape = Tape::new();
            let expected = panic_of(|| of_tensor(&x)).text;
            assert_eq!(panic_of(|| of_variable(tape.leaf(&x))).text, expected, "{program}");
        }
    }
    check::<f32>();
    check::<f64>();
}
