//! Products of packed matrices by the micro-kernels of the crates `gemm-f32` and `gemm-f64`.
//!
//! A micro-kernel multiplies a panel of `b`, a few vectors wide and up to [`DEPTH`] deep, with a
//! few rows of `a`, in registers. Around it are the loops of a [`Pass`].
//!
//! Element `[i, j]` adds the terms of a slice one after the other, and the sums of slices likewise;
//! slices depend on `k` alone. So the bits depend neither on threads nor on strides.
//!
//! Rejected: the loops of `gemm` itself. They share the work of a product evenly beforehand and
//! meet at barriers, so that a busy core holds the other up; they need four times the work before a
//! second thread pays; and they pack `b` on one thread where it is a transpose.

use super::Product;
use super::pass::{Cut, NEAR, Pass, Sums};
use crate::buffer::Buffer;
use crate::element::Float;
use crate::kernel::copy;
use crate::layout::Layout;
use crate::par::Shared;
use crate::simd::Level;
use crate::view::View;

/// Terms of a slice. A panel of that depth takes a tenth of the second-level cache.
const DEPTH: usize = 512;
/// Terms of a pass that packs panels: one takes half of the second-level cache.
const LONG: usize = 2048;

/// `(columns, rows, depth, out, panel, a, row stride of out, its column stride, row stride of the
/// panel, strides of a along the depth and the rows, α, β, what α is, three unused flags, unused)`:
/// `out = α out + β panelᵀ a`; where α is said to be 0 or 1 it is not read.
type Micro<T> = gemm_common::microkernel::MicroKernelFn<T>;

/// The micro-kernels of a type and an instruction set: `table[(v - 1) · rows + r - 1]` takes `v`
/// vectors of `lanes` columns, and `r` rows.
pub(super) struct Kernels<T: 'static> {
    pub lanes: usize,
    vectors: usize,
    pub rows: usize,
    pub table: &'static [Micro<T>],
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Kernels;

    pub(super) static F32: [Kernels<f32>; 2] = {
        use gemm_f32::microkernel::{avx512f, fma};
        const FMA: &[super::Micro<f32>] = fma::f32::UKR.as_flattened();
        const AVX512: &[super::Micro<f32>] = avx512f::f32::UKR.as_flattened();
        let (v, w) = (fma::f32::MR_DIV_N, avx512f::f32::MR_DIV_N);
        [
            Kernels { lanes: 8, vectors: v, rows: fma::f32::NR, table: FMA },
            Kernels { lanes: 16, vectors: w, rows: avx512f::f32::NR, table: AVX512 },
        ]
    };

    pub(super) static F64: [Kernels<f64>; 2] = {
        use gemm_f64::microkernel::{avx512f, fma};
        const FMA: &[super::Micro<f64>] = fma::f64::UKR.as_flattened();
        const AVX512: &[super::Micro<f64>] = avx512f::f64::UKR.as_flattened();
        let (v, w) = (fma::f64::MR_DIV_N, avx512f::f64::MR_DIV_N);
        [
            Kernels { lanes: 4, vectors: v, rows: fma::f64::NR, table: FMA },
            Kernels { lanes: 8, vectors: w, rows: avx512f::f64::NR, table: AVX512 },
        ]
    };
}

impl<T: Float> Kernels<T> {
    /// Those for this processor, if they are used on it.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn of(at: Level) -> Option<&'static Self> {
        let set = match at.min(crate::simd::level()) {
            Level::Avx512 => 1,
            Level::Avx2 => 0,
            Level::Baseline => return None,
        };
        let (single, double): (&dyn std::any::Any, &dyn std::any::Any) =
            (&x86::F32[set], &x86::F64[set]);
        single.downcast_ref().or_else(|| double.downcast_ref())
    }

    #[cfg(not(target_arch = "x86_64"))]
    pub(super) fn of(_: Level) -> Option<&'static Self> {
        None
    }

    /// Columns that a micro-kernel takes at most.
    pub(super) fn width(&self) -> usize {
        self.lanes * self.vectors
    }

    /// Writes the product, which has at least one term and one element.
    pub(super) fn multiply(&self, product: &Product<'_, T>, out: &mut [T]) {
        let &Product { m, k, n, a, b } = product;
        assert!(out.len() == m * n && k > 0);
        if !self.turns(product) {
            return self.write(product, out, false);
        }
        // outᵀ = bᵀ aᵀ has the same terms in the same order.
        let product = Product { m: n, k, n: m, a: b.t(), b: a.t() };
        if k <= LONG {
            return self.write(&product, out, true);
        }
        let mut turned = Buffer::scratch(m * n);
        self.write(&product, turned.as_mut_slice(), false);
        let layout = Layout::contiguous(&[n, m], size_of::<T>()).and_then(|l| l.permute(&[1, 0]));
        let layout = layout.expect("the output has this size");
        copy(View::fitting(turned.as_slice(), &layout), out);
    }

    /// Whether the transpose of the product is faster, with its own transpose to be taken:
    ///
    /// - where a tile of one vector of columns has too few accumulators to hide the latency of
    ///   their additions (in `f64`, packing the rows costs as much as it saves);
    /// - where packing `b` means to turn it, and `a` and the output are smaller: a layer's weights,
    ///   one row an output, and few samples.
    fn turns(&self, &Product { m, k, n, a, b }: &Product<'_, T>) -> bool {
        let narrow = size_of::<T>() == 4 && n <= self.lanes && m > 2 * self.lanes && k >= 32;
        let stored_turned = a.right == 1 && b.down == 1 && b.right != 1;
        let lighter = m >= 2 * self.lanes && m * (k + n) < k * n;
        narrow || stored_turned && lighter
    }

    /// Writes the product, or its transpose, which is one pass.
    fn write(&self, product: &Product<'_, T>, out: &mut [T], turned: bool) {
        let &Product { m, k, n, a, b } = product;
        let depth = k.div_ceil(k.div_ceil(DEPTH));
        let cut = Cut::of(self, product);
        let terms = if turned || cut == Cut::Rows {
            k
        } else if a.right == 1 && m * depth * size_of::<T>() > NEAR / 2 {
            // Of many rows, a slice is not near anyhow, and then the output's tile should be.
            LONG / depth * depth
        } else {
            depth
        };
        let out = Shared::new(out);
        for first in (0..k).step_by(terms) {
            let (a, b, k) = (a.at(0, first), b.at(first, 0), terms.min(k - first));
            let sums = Sums { depth, adds: first > 0 };
            Pass::new(self, Product { m, k, n, a, b }, cut, sums, turned).run(&out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Matrix;
    use super::*;
    use crate::tensor::Tensor;

    /// Small integers, whose products and sums are exact.
    fn counted<T: Float>(shape: &[usize], seed: usize) -> Tensor<T> {
        Tensor::from_fn(shape, |i| T::of(((i[0] * 31 + i[1] * 7 + seed) % 13) as f64 - 6.0))
    }

    fn agrees<T: Float>(a: &Tensor<T>, b: &Tensor<T>, at: Level) {
        let Some(kernels) = Kernels::of(at) else { return };
        let ((m, k), n) = ((a.shape()[0], a.shape()[1]), b.shape()[1]);
        let of = |x: &Tensor<T>| x.layout().offset() as isize;
        let (from, to) = (Matrix::of(a.view(), of(a)), Matrix::of(b.view(), of(b)));
        let mut out = vec![T::nan(); m * n];
        kernels.multiply(&Product { m, k, n, a: from, b: to }, &mut out);
        for (at, &found) in out.iter().enumerate() {
            let (i, j) = (at / n, at % n);
            let expected = (0..k).fold(T::zero(), |sum, l| sum + a[[i, l]] * b[[l, j]]);
            assert_eq!(found, expected, "[{m}, {k}] x [{k}, {n}] at {i}, {j}");
        }
    }

    fn agree<T: Float>() {
        // Around panels, rows of a micro-kernel, slices and squares, above the threshold of
        // threads, where the transpose is computed, and where rows that all threads read are
        // packed.
        let sizes = [(1, 1, 1), (7, 17, 65), (70, 513, 33), (70, 40, 200), (6, 1030, 129)];
        let turned =
            [(70, 40, 10), (131, 70, 3), (70, 1100, 14), (70, 100, 400), (33, LONG + 30, 70)];
        for (m, k, n) in sizes.into_iter().chain(turned).chain([(30, 700, 200)]) {
            for at in [Level::Avx2, Level::Avx512] {
                let (a, b) = (counted::<T>(&[m, k], 1), counted::<T>(&[k, n], 2));
                // Rows that overlap, and one that is repeated.
                let windows = |rows: usize, columns: usize, down: usize| {
                    let line = counted::<T>(&[1, (rows - 1) * down + columns], 5);
                    let line = line.reshape([(rows - 1) * down + columns]);
                    let strides = [down as isize, 1];
                    let layout =
                        Layout::new(&[rows, columns], &strides, 0, line.len(), size_of::<T>());
                    line.with_layout(layout.expect("inside of the line"))
                };
                for down in [1, 3] {
                    agrees(&windows(m, k, down), &windows(k, n, down), at);
                    agrees(&windows(k, m, down).t(), &windows(n, k, down).t(), at);
                }
                agrees(&windows(1, k, 1).broadcast_to([m, k]), &windows(k, n, 1), at);
                let (at_, bt) = (counted::<T>(&[k, m], 3), counted::<T>(&[n, k], 4));
                for a in [a.clone(), at_.t(), a.flip(0), at_.t().flip(1)] {
                    for b in [b.clone(), bt.t(), b.flip(1), bt.t().flip(0)] {
                        agrees(&a, &b, at);
                    }
                }
            }
        }
    }

    #[test]
    fn every_instruction_set_multiplies_every_layout() {
        agree::<f32>();
        agree::<f64>();
    }
}
