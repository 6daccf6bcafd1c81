//! Sums of numbers that are made block by block, and need not stay: what closes a fused group.

use super::rows::leaf_of;
use super::{LEAF, above};
use crate::any::AnySlice;
use crate::element::Float;
use crate::kernel::reduce::Sum;

/// The sum of leaf number `k` of some numbers: elements from `k · LEAF` on, [`LEAF`] of them or what is
/// left.
///
/// # Panics
/// When they are not floats, there are none, or there are more.
pub fn leaf_sum(x: AnySlice<'_>) -> f64 {
    fn of<T: Float>(x: &[T]) -> f64 {
        assert!((1..=LEAF).contains(&x.len()), "a leaf has up to {LEAF} elements");
        leaf_of(Sum, x, 0, ())
    }
    match x {
        AnySlice::F32(x) => of(x),
        AnySlice::F64(x) => of(x),
        other => panic!("a sum of leaves is one of floats, not of {}", other.dtype()),
    }
}

/// The sum of all numbers from those of their leaves; `None` if there are none. The bits are those of
/// [`sum`](crate::kernel::sum), before it rounds.
pub fn sum_of_leaves(sums: &[f64]) -> Option<f64> {
    let mut sums: Vec<Option<f64>> = sums.iter().copied().map(Some).collect();
    (!sums.is_empty()).then(|| above(&mut sums, &|a, b| a + b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::any::AnyTensor;
    use crate::tensor::Tensor;

    #[test]
    fn leaves_add_up_to_the_bits_of_the_sum() {
        for n in [1, 31, LEAF - 1, LEAF, LEAF + 1, 5000, 70_001] {
            let x = Tensor::<f64>::normal([n], 0.0, 1.0, &mut crate::rng(n as u64));
            let all = x.as_slice().expect("it is contiguous");
            let sums: Vec<f64> = all.chunks(LEAF).map(|x| leaf_sum(AnySlice::F64(x))).collect();
            assert_eq!(sum_of_leaves(&sums), Some(x.sum().item()), "{n}");
            let single = AnyTensor::F32(x.cast());
            let Some(AnySlice::F32(all)) = single.as_slice() else { panic!("it is contiguous") };
            let sums: Vec<f64> = all.chunks(LEAF).map(|x| leaf_sum(AnySlice::F32(x))).collect();
            let expected = x.cast::<f32>().sum().item();
            assert_eq!(sum_of_leaves(&sums).map(|x| x as f32), Some(expected), "{n}");
        }
        assert_eq!(sum_of_leaves(&[]), None);
    }
}
