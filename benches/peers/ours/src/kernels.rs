//! Functions of tensors.

use nn::tensor::{Float, Tensor};
use wire::{Bench, Kernel, Row};

use crate::{digest, uniform};

pub fn make<T: Float>(row: &Row) -> Option<Box<dyn Bench>> {
    let sizes = &row.sizes[..];
    let x = |seed| uniform::<T>(seed, sizes, 1.0);
    Some(match &row.name[..] {
        "exp" => unary(x(0), |x| x.exp()),
        "tanh" => unary(x(0), |x| x.tanh()),
        "sigmoid" => unary(x(0), |x| x.sigmoid()),
        "add" => binary(x(0), x(1), |x, y| x + y),
        "sum" => unary(x(0), |x| x.sum()),
        "sum0" => unary(x(0), |x| x.sum_axis(0)),
        "sum1" => unary(x(0), |x| x.sum_axis(1)),
        "transpose" => unary(x(0), |x| x.t().to_contiguous()),
        "bias" => binary(x(0), uniform(1, &sizes[1..], 1.0), |x, y| x + y),
        "matmul" => {
            let &[m, k, n] = sizes else { panic!("matmul: three sizes") };
            binary::<T>(uniform(0, &[m, k], 1.0), uniform(1, &[k, n], 1.0), |x, y| x.matmul(y))
        }
        "svd" => unary(x(0), |x: &Tensor<T>| x.svd().expect("it converges").s),
        _ => return None,
    })
}

fn unary<T: Float>(x: Tensor<T>, f: fn(&Tensor<T>) -> Tensor<T>) -> Box<dyn Bench> {
    Box::new(Kernel { run: move || f(&x), digests: |y| vec![digest(&y)] })
}

fn binary<T: Float>(
    x: Tensor<T>,
    y: Tensor<T>,
    f: fn(&Tensor<T>, &Tensor<T>) -> Tensor<T>,
) -> Box<dyn Bench> {
    Box::new(Kernel { run: move || f(&x, &y), digests: |y| vec![digest(&y)] })
}
