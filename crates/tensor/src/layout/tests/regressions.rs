//! Views and shapes that broke other libraries: reversed, degenerate, empty, of rank 0, and too
//! large.

use crate::layout::Layout;
use crate::slice::Range;
use crate::testing::panic_of;
use crate::{Error, Tensor, View, s};

// E6, ndarray#953, ndarray#636
#[test]
fn slices_of_reversed_and_of_degenerate_views() {
    let x = Tensor::arange(0, 6, 1i64).flip(0);
    assert_eq!(x.slice(s![1..4]).to_vec(), [4, 3, 2]);
    assert_eq!(x.slice(s![1..5;-2]).to_vec(), [1, 3]);
    assert_eq!(x.slice(s![..=2]).to_vec(), [5, 4, 3]);
    assert_eq!(x.slice(s![-2..=-1]).to_vec(), [1, 0]);
    let one = Tensor::full([1, 1], 7i64);
    let one = one.with_layout(Layout::new(&[1, 1], &[10, 1], 0, 1, 8).unwrap());
    assert_eq!(one.slice(s![0..0;-1, 1..1]).shape(), [0, 0]);
    assert_eq!(one.slice(s![0..0;-1, 1..1]).to_vec(), []);
    assert_eq!(one.slice(s![..;isize::MIN, ..;isize::MAX]).to_vec(), [7]);
    let text = panic_of(|| one.slice(s![0..2]));
    assert_eq!(text, "slice: axis 0 of shape [1, 1]: range 0..2 leaves size 1");
    assert!(panic_of(|| one.slice(s![..;0])).contains("a step of 0"));
    assert!(panic_of(|| one.slice(s![1, 0])).contains("index 1 is out of range for size 1"));
    assert!(panic_of(|| one.slice(s![.., .., ..])).contains("3 ranges for shape [1, 1]"));
}

// D7, ndarray#1609
#[test]
fn empty_tensors_with_strides_of_zero_are_tensors() {
    for shape in [[1, 0], [0, 1]] {
        let layout = Layout::new(&shape, &[0, 0], 0, 0, 4).unwrap();
        let x = View::new(&[0f32; 0], &layout).unwrap();
        assert_eq!((x.to_vec(), x.as_slice()), (vec![], Some(&[][..])));
        let x = Tensor::<f32>::zeros(shape);
        assert_eq!((&x + 1.0).shape(), shape);
        assert_eq!(x.t().reshape([0]).to_vec(), []);
        assert_eq!(x.broadcast_to([2, shape[0], shape[1]]).len(), 0);
        assert_eq!(x.flip(0).flip(1).diagonal().len(), 0);
    }
}

// D8
#[test]
fn rank_0_goes_through_every_view_that_needs_no_axis() {
    let x = Tensor::scalar(3i64);
    let whole: [Range; 0] = [];
    assert_eq!(x.permute([]).reshape([1, 1]).squeeze(0).squeeze(0).slice(whole).item(), 3);
    assert_eq!(x.broadcast_to([2, 2]).to_vec(), [3; 4]);
    assert_eq!(x.unsqueeze(-1).shape(), [1]);
    assert_eq!((&x + &x).item(), 6);
    assert_eq!(x[[]], 3);
    assert_eq!(panic_of(|| x.t()), "t: shape [] has no two axes to exchange");
    let of_rank_0 = "axis 0 is out of range for shape [] of rank 0";
    assert_eq!(panic_of(|| x.squeeze(0)), format!("squeeze: {of_rank_0}"));
    assert_eq!(panic_of(|| x.flip(0)), format!("flip: {of_rank_0}"));
    assert_eq!(panic_of(|| x.index_axis(0, 0)), format!("index_axis: {of_rank_0}"));
    assert_eq!(
        panic_of(|| Tensor::<f32>::zeros([3]).index_axis(0, -4)),
        "index_axis: axis 0 of shape [3]: index -4 is out of range for size 3"
    );
    assert!(panic_of(|| x.diagonal()).contains("diagonal: axis -2 is out of range"));
    let no_position = "position 2 for a new axis is out of range for shape [] of rank 0";
    assert_eq!(panic_of(|| x.unsqueeze(2)), format!("unsqueeze: {no_position}"));
    assert_eq!(panic_of(|| x[[0]]), "index [0] is outside of shape []");
}

#[test]
fn a_part_of_an_axis_is_a_view_of_the_slice_that_it_names() {
    let x = Tensor::from_fn([3, 4, 2], |i| (i[0] * 8 + i[1] * 2 + i[2]) as i64).flip(1);
    let part = x.narrow(-2, 1, 2);
    assert!(part == x.slice(s![.., 1..3]) && part.shares_buffer(&x));
    assert_eq!(x.narrow(0, 3, 0).shape(), [0, 4, 2]);
    assert_eq!(
        panic_of(|| x.narrow(1, 3, 2)),
        "narrow: axis 1 of shape [3, 4, 2]: range 3..5 leaves size 4"
    );
    assert!(panic_of(|| x.narrow(1, 1, usize::MAX)).contains("leaves size 4"));
    assert!(panic_of(|| x.narrow(3, 0, 0)).starts_with("narrow: axis 3 is out of range"));
}

// H1, candle#3816, ndarray#852, ferrox#30, kornia-rs#747
#[test]
fn sizes_that_overflow_are_refused_before_anything_is_allocated() {
    let overflow = "its number of elements overflows the address space";
    for (len, shape) in [
        (0, &[1 << 32, 1 << 32][..]),
        (5, &[3, 7, 29, 36760123, 823996703]),
        (4, &[(1 << 63) + 2, 2]),
        (0, &[usize::MAX, 2]),
        (0, &[usize::MAX, 2, 3]),
        (0, &[usize::MAX, 2, 0]),
    ] {
        let error = Tensor::from_vec(vec![0f32; len], shape).unwrap_err();
        assert!(matches!(&error, Error::Shape(e) if e.to_string().contains(overflow)), "{error}");
        let text = panic_of(|| Tensor::<u8>::zeros([0]).reshape(shape));
        assert!(text.contains(overflow), "{text}");
        assert!(panic_of(|| Tensor::scalar(0u8).broadcast_to(shape)).contains(overflow));
        assert!(panic_of(|| Tensor::scratch(shape) as Tensor<u8>).contains(overflow));
    }
    let error = Tensor::from_vec(vec![1.0; 5], [2, 3]).unwrap_err();
    assert_eq!(error.to_string(), "from_vec: 5 elements cannot fill shape [2, 3]: it has 6");
}

// H5, burn#646
#[test]
fn views_of_the_wrong_rank_or_size_panic_with_both() {
    let x = Tensor::<f32>::zeros([1, 5, 15]);
    assert_eq!(
        panic_of(|| x.flatten(1, 3)),
        "flatten: axis 3 is out of range for shape [1, 5, 15] of rank 3"
    );
    assert_eq!(panic_of(|| x.flatten(2, 1)), "flatten: axis 2 comes after axis 1");
    assert_eq!(x.flatten(1, 2).shape(), [1, 75]);
    assert_eq!(
        panic_of(|| x.reshape([5, 16])),
        "reshape: shape [1, 5, 15] has 75 elements, [5, 16] has 80"
    );
    assert_eq!(panic_of(|| x.squeeze(1)), "squeeze: axis 1 of shape [1, 5, 15] has size 5, not 1");
    assert_eq!(
        panic_of(|| x.permute([0, 1])),
        "permute: [0, 1] is no order of the axes of shape [1, 5, 15]"
    );
    assert!(panic_of(|| x.permute([0, 1, 1])).starts_with("permute: [0, 1, 1] is no order"));
    assert!(panic_of(|| x.broadcast_to([5, 15])).starts_with("broadcast_to: shape [1, 5, 15]"));
    assert!(panic_of(|| Tensor::<f32>::zeros([1; 16]).unsqueeze(0)).contains("limit of 16"));
}
