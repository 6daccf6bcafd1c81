//! What the unit tests of this crate share.

use crate::slice::Range;
use crate::{Element, Tensor};

/// The text of the panic of `f`.
pub(crate) fn panic_of<R>(f: impl FnOnce() -> R) -> String {
    let run = std::panic::AssertUnwindSafe(|| drop(f()));
    let payload = std::panic::catch_unwind(run).expect_err("must panic");
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => payload.downcast_ref::<&str>().expect("panics with a text").to_string(),
    }
}

/// What `f` gives in a pool of this many threads.
pub(crate) fn in_pool<R: Send>(threads: usize, f: impl FnOnce() -> R + Send) -> R {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.expect("threads start").install(f)
}

/// Pseudo-random numbers of mixed sign and size, the same in every run.
pub(crate) fn noise(n: usize) -> Vec<f64> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64 - 0.4
    };
    (0..n).map(|_| next() * (1.0 + 30.0 * next().max(0.0))).collect()
}

/// The same values under every kind of layout: contiguous, column-major, walked backwards, with
/// gaps on all sides that hold `gap`, and all of these at once.
pub(crate) fn disguises<T: Element>(x: &Tensor<T>, gap: T) -> Vec<Tensor<T>> {
    let axes: Vec<usize> = (0..x.rank()).rev().collect();
    let transposed = |x: &Tensor<T>| x.permute(&axes).to_contiguous().permute(&axes);
    let flip = |x: &Tensor<T>| (0..x.rank() as isize).fold(x.clone(), |x, axis| x.flip(axis));
    let reversed = |x: &Tensor<T>| flip(&flip(x).to_contiguous());
    let spread = |x: &Tensor<T>| {
        let outer: Vec<usize> = x.shape().iter().map(|d| 2 * d + 1).collect();
        let mut inside = x.iter();
        let with_gaps = Tensor::from_fn(&outer, |index| {
            if index.iter().all(|i| i % 2 == 1) { inside.next().unwrap() } else { gap }
        });
        with_gaps.slice(vec![Range::Span { start: 1, end: None, step: 2 }; x.rank()])
    };
    let all = spread(&reversed(&transposed(x)));
    let all = transposed(&reversed(&all.permute(&axes))).permute(&axes);
    vec![x.clone(), transposed(x), reversed(x), spread(x), flip(&spread(&flip(x))), all]
}

#[test]
fn every_disguise_has_the_same_values() {
    for shape in [&[][..], &[0], &[4], &[3, 4], &[2, 1, 3], &[2, 0, 3]] {
        let x = Tensor::from_fn(shape, |i| i.iter().fold(1i64, |n, &i| 10 * n + i as i64));
        for y in disguises(&x, -1) {
            assert_eq!(y, x);
        }
    }
}
