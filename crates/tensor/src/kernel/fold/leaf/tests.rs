use super::*;
use crate::element::Float;
use crate::kernel::reduce::{Deviations, Max, Min, Product, Squares, Sum};
use crate::simd::{Level, dispatch_at};
use crate::tensor::Tensor;

/// One leaf in one piece and in several, with the registers of AVX-512 and without.
#[allow(clippy::eq_op, reason = "asks for NaN")]
fn same_everywhere<T: Float, F: Fold<T, Acc: Float>>(f: F, x: &[T], param: F::Param) {
    let (first, n) = (0, x.len());
    let bits = |fold: F::Acc| if fold != fold { u64::MAX } else { fold.wide().to_bits() };
    let leaf = |ask| LongLeaf { f, x, first, param, ask };
    let plain = bits(dispatch_at(Level::Avx2, leaf(false)));
    for ask in [false, true] {
        assert_eq!(bits(dispatch_at(Level::Avx2, leaf(ask))), plain, "{n} elements");
        assert_eq!(bits(dispatch(leaf(ask))), plain, "{n} elements");
    }
    for cut in [1, 16, 31, 32, 33, 40, 64, n - 1] {
        let (a, b) = x.split_at(cut.min(n));
        let (b, c) = b.split_at(b.len() / 2);
        let x = [a, b, c];
        let leaf = || Pieces { f, x: &x, first, param };
        assert_eq!(bits(dispatch(leaf())), plain, "{n} elements, cut at {cut}");
        assert_eq!(bits(dispatch_at(Level::Avx2, leaf())), plain, "{n} elements, cut at {cut}");
    }
}

fn every_fold<T: Float>(x: &[T]) {
    same_everywhere(Sum, x, ());
    same_everywhere(Product, x, ());
    same_everywhere(Squares, x, ());
    same_everywhere(Deviations, x, 0.3);
    same_everywhere(Max, x, ());
    same_everywhere(Min, x, ());
}

fn leaves_of<T: Float>() {
    for n in [33, 40, 50, 63, 64, 65, 100, 127, 128, 255, 257, 784, 1000, 1023, 1024] {
        let mut rng = crate::rng(n as u64);
        let x = Tensor::<T>::normal([n], T::of(0.1), T::of(1.0), &mut rng).to_vec();
        every_fold(&x);
        every_fold(&vec![T::of(-0.0); n]);
        every_fold(&vec![T::neg_infinity(); n]);
        let zeros: Vec<T> = (0..n).map(|i| T::of([0.0, -0.0, -0.0][i % 3])).collect();
        every_fold(&zeros);
        for at in [0, 31, n / 2, n - 1] {
            let mut x = x.clone();
            x[at] = T::nan();
            every_fold(&x);
            x[at] = T::infinity();
            every_fold(&x);
        }
    }
}

#[test]
fn leaves_in_registers_and_in_pieces_have_the_bits_of_the_loops() {
    leaves_of::<f32>();
    leaves_of::<f64>();
}
