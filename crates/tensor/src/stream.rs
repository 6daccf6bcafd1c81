//! Stores that pass the caches by.
//!
//! A processor reads a cache line before it writes to it, and an output that is larger than the
//! last cache also drives the inputs out. Stores that are not cached spare both: a third of the
//! traffic of a copy, a quarter of that of a sum of two tensors.

use crate::element::Element;

/// Outputs of this many bytes do not fit the share of a last-level cache that one can hope for.
pub(crate) const LARGE: usize = 1 << 24;

/// Where the blocks of one task are written.
pub(crate) struct Sink {
    past_caches: bool,
}

impl Sink {
    /// For an output of `bytes` in all, of which this task may write a part.
    pub(crate) fn new(bytes: usize) -> Self {
        Sink { past_caches: bytes >= LARGE && cfg!(target_arch = "x86_64") }
    }

    /// Whether blocks are better computed elsewhere first and then [put](Self::put).
    pub(crate) fn is_streaming(&self) -> bool {
        self.past_caches
    }

    /// Copies `block` to `out`, which has its length.
    #[inline]
    pub(crate) fn put<T: Element>(&self, block: &[T], out: &mut [T]) {
        if self.past_caches { stream(block, out) } else { out.copy_from_slice(block) }
    }
}

/// Uncached stores are ordered after nothing but a fence: no other thread may see the end of the
/// task before them.
#[cfg(target_arch = "x86_64")]
impl Drop for Sink {
    fn drop(&mut self) {
        if self.past_caches {
            // SAFETY: the instruction is of SSE, which every x86-64 has.
            unsafe { std::arch::x86_64::_mm_sfence() };
        }
    }
}

/// Copies `block` to `out` with uncached stores, of whole cache lines where there are any.
#[cfg(target_arch = "x86_64")]
fn stream<T: Element>(block: &[T], out: &mut [T]) {
    use std::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_stream_si128};
    const LINE: usize = crate::buffer::ALIGN;
    const STORE: usize = size_of::<__m128i>();
    assert_eq!(block.len(), out.len(), "stream: lengths differ");
    let head = (out.as_ptr().align_offset(LINE)).min(out.len());
    let lines = (out.len() - head) * size_of::<T>() / LINE;
    let body = lines * LINE / size_of::<T>();
    out[..head].copy_from_slice(&block[..head]);
    let (from, to) = (block[head..].as_ptr(), out[head..].as_mut_ptr());
    for store in 0..body * size_of::<T>() / STORE {
        // SAFETY: `body` elements from `head` on are in both slices, which do not overlap, and make
        // whole lines; `to` is aligned to a line. Elements are plain bytes, copied as they are.
        unsafe {
            let x = _mm_loadu_si128(from.cast::<__m128i>().add(store));
            _mm_stream_si128(to.cast::<__m128i>().add(store), x);
        }
    }
    out[head + body..].copy_from_slice(&block[head + body..]);
}

#[cfg(not(target_arch = "x86_64"))]
fn stream<T: Element>(block: &[T], out: &mut [T]) {
    out.copy_from_slice(block);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::Tensor;

    fn copies_all<T: Element>(of: impl Fn(usize) -> T) {
        let block: Vec<T> = (0..200).map(of).collect();
        for (start, end) in [(0, 200), (0, 0), (3, 3), (1, 200), (5, 9), (7, 150), (16, 32)] {
            let mut out = vec![T::default(); 200];
            let sink = Sink { past_caches: true };
            sink.put(&block[start..end], &mut out[start..end]);
            drop(sink);
            let mut expected = vec![T::default(); 200];
            expected[start..end].copy_from_slice(&block[start..end]);
            assert_eq!(out, expected, "{start}..{end}");
        }
    }

    /// Every kernel that streams, on sizes that no block, line or tile divides.
    #[test]
    fn outputs_past_the_caches_hold_what_is_computed() {
        let (rows, columns) = (2051, 2053);
        let x = Tensor::from_fn([rows, columns], |i| (i[0] * 4096 + i[1]) as f32);
        let row = Tensor::from_fn([columns], |i| i[0] as f32);
        assert!(x.len() * size_of::<f32>() >= LARGE);
        let holds = |y: &Tensor<f32>, f: fn(usize, usize) -> usize| {
            let n = y.shape()[1];
            let y = y.as_slice().expect("a result is contiguous");
            y.iter().enumerate().all(|(k, &y)| y == f(k / n, k % n) as f32)
        };
        assert!(holds(&x.t().to_contiguous(), |i, j| j * 4096 + i));
        assert!(holds(&x.flip(1).to_contiguous(), |i, j| i * 4096 + 2052 - j));
        assert!(holds(&-&(-&x), |i, j| i * 4096 + j));
        assert!(holds(&(&x - &row), |i, _| i * 4096));
        assert!(holds(&(x.t() - &x.t().flip(0).flip(0)), |_, _| 0));
        assert!(holds(&x.t().maximum(0), |i, j| j * 4096 + i));
        assert!(holds(&Tensor::full([rows, columns], 7.0), |_, _| 7));
    }

    #[test]
    fn a_streamed_block_arrives_whole_and_nothing_beside_it_changes() {
        copies_all(|i| i as f32 + 0.5);
        copies_all(|i| i as f64 - 0.5);
        copies_all(|i| i as u8);
        copies_all(|i| i % 3 == 0);
        copies_all(|i| i as i64 - 100);
    }
}
