use super::*;
use crate::tensor;

#[test]
fn values_of_all_types_live_side_by_side_and_are_read_back() {
    let mut slab = Slab::default();
    let x = AnyTensor::F64(tensor![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    let labels = AnyTensor::I64(tensor![7, 8]);
    let a = slab.push(DType::F64, &[2, 3]).unwrap();
    let l = slab.push(DType::I64, &[2]).unwrap();
    let b = slab.push(DType::F64, &[3, 2]).unwrap();
    slab.set(a, x.view());
    slab.set(l, labels.view());
    let turned = slab.layout(a).permute(&[1, 0]).unwrap();
    let t = slab.push_view(a, &turned).unwrap();
    let c = slab.push(DType::F64, &[3, 2]).unwrap();
    slab.set(b, AnyTensor::F64(Tensor::zeros([3, 2])).view());
    slab.copy(c, t);
    assert_eq!(slab.tensor(l), labels);
    let expected = AnyTensor::F64(tensor![[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]);
    assert_eq!((slab.tensor(t), slab.tensor(c)), (expected.clone(), expected));
    assert!(slab.is_contiguous(c) && !slab.is_contiguous(t));
    assert_eq!(slab.tensor(a), x);
}

#[test]
fn a_layout_that_leaves_its_region_is_refused() {
    let mut slab = Slab::default();
    let a = slab.push(DType::F32, &[2]).unwrap();
    slab.push(DType::F32, &[9]).unwrap();
    assert!(slab.push_view(a, &Layout::contiguous(&[3], 4).unwrap()).is_err());
}

#[test]
#[should_panic(expected = "strided")]
fn a_strided_value_has_no_slice() {
    let mut slab = Slab::default();
    let a = slab.push(DType::F32, &[1]).unwrap();
    let spread = slab.layout(a).broadcast_to(&[2]).unwrap();
    let b = slab.push_view(a, &spread).unwrap();
    let c = slab.push(DType::F32, &[2]).unwrap();
    slab.write(c, |earlier, _| earlier.slice(b).len());
}

#[test]
fn a_tensor_is_written_over_only_if_it_fits_and_nobody_shares_it() {
    let mut slab = Slab::default();
    let a = slab.push(DType::F64, &[2, 3]).unwrap();
    slab.set(a, AnyTensor::F64(tensor![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]).view());
    let turned = slab.layout(a).permute(&[1, 0]).unwrap();
    let t = slab.push_view(a, &turned).unwrap();
    let mut fits = AnyTensor::F64(Tensor::zeros([3, 2]));
    assert!(slab.write_to(t, &mut fits));
    assert_eq!(fits, slab.tensor(t));
    let mut shared = fits.clone();
    let strided = AnyTensor::F64(Tensor::<f64>::zeros([2, 3]).t());
    let other =
        [AnyTensor::F64(Tensor::zeros([6])), AnyTensor::F32(Tensor::zeros([3, 2])), strided];
    assert!(!slab.write_to(t, &mut shared));
    assert!(other.into_iter().all(|mut x| !slab.write_to(t, &mut x)));
    drop(shared);
    assert!(slab.write_to(t, &mut fits));
}
