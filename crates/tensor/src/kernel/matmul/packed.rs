//! Products of packed matrices by the micro-kernels of the crates `gemm-f32` and `gemm-f64`.
//!
//! A micro-kernel multiplies a panel of `b`, a few vectors wide and up to [`DEPTH`] deep, with a few
//! rows of `a`, in registers. Around it there are three loops: slices of the depth, panels, and rows.
//! The panels of a slice are packed first, so that each is one stream, by all threads together, unless
//! they are small where they lie; then all threads take pieces, a panel by some rows, until none is left.
//!
//! Element `[i, j]` adds the terms of a slice one after the other, and the sums of slices likewise;
//! slices depend on `k` alone. So the bits depend neither on threads nor on strides.
//!
//! Rejected: the loops of `gemm` itself. They share the work of a product evenly beforehand and meet
//! at barriers, so that a busy core holds the other up; they need four times the work before a
//! second thread pays; and they pack `b` on one thread where it is a transpose.

use super::pack::{Pack, PackGroups};
use super::{Operand, Product};
use crate::buffer::Buffer;
use crate::element::Float;
use crate::kernel::copy;
use crate::layout::Layout;
use crate::par::{self, Shared};
use crate::simd::{Level, dispatch};
use crate::view::View;

/// Terms of a slice. A panel of that depth takes a tenth of the second-level cache.
const DEPTH: usize = 512;
/// Multiplications of a piece: some two microseconds, by which threads end apart if none is disturbed.
const PIECE: usize = 1 << 18;
/// Multiplications from which a second thread pays.
const THREADED: usize = 1 << 19;
/// Bytes of a slice of `b` that stay in the second-level cache.
const NEAR: usize = 1 << 20;
/// Elements of the panels that are packed at a time.
const PACKED: usize = 1 << 20;

/// `(columns, rows, depth, out, panel, a, row stride of out, its column stride, row stride of the
/// panel, strides of a along the depth and the rows, α, β, what α is, three unused flags, unused)`:
/// `out = α out + β panelᵀ a`; where α is said to be 0 or 1 it is not read.
type Micro<T> = gemm_common::microkernel::MicroKernelFn<T>;

/// The micro-kernels of a type and an instruction set: `table[(v - 1) · rows + r - 1]` takes `v`
/// vectors of `lanes` columns, and `r` rows.
pub(super) struct Kernels<T: 'static> {
    lanes: usize,
    vectors: usize,
    rows: usize,
    table: &'static [Micro<T>],
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

    /// Columns of a panel.
    fn width(&self) -> usize {
        self.lanes * self.vectors
    }

    /// Writes the product, which has at least one term and one element.
    pub(super) fn multiply(&self, product: &Product<'_, T>, out: &mut [T]) {
        let &Product { m, k, n, a, b } = product;
        assert!(out.len() == m * n && k > 0);
        if !self.turns(product) {
            return self.write(product, out);
        }
        // outᵀ = bᵀ aᵀ has the same terms in the same order.
        let mut turned = Buffer::scratch(m * n);
        self.write(&Product { m: n, k, n: m, a: b.t(), b: a.t() }, turned.as_mut_slice());
        if n <= self.lanes {
            // Too few columns for the tiles of a copy, which would take half as long again.
            for (j, column) in turned.as_slice().chunks_exact(m).enumerate() {
                out[j..].iter_mut().step_by(n).zip(column).for_each(|(to, &x)| *to = x);
            }
            return;
        }
        let layout = Layout::contiguous(&[n, m], size_of::<T>()).and_then(|l| l.permute(&[1, 0]));
        let layout = layout.expect("the output has this size");
        copy(View::fitting(turned.as_slice(), &layout), out);
    }

    /// Whether the transpose of the product is faster, with its own transpose to be taken:
    ///
    /// - where a tile of one vector of columns has too few accumulators to hide the latency of their
    ///   additions (in `f64`, packing the rows costs as much as it saves);
    /// - where packing `b` means to turn it, and `a` and the output are smaller: a layer's weights, one
    ///   row an output, and few samples.
    fn turns(&self, &Product { m, k, n, a, b }: &Product<'_, T>) -> bool {
        let narrow = size_of::<T>() == 4 && n <= self.lanes && m > 2 * self.lanes && k >= 32;
        let stored_turned = a.right == 1 && b.down == 1 && b.right != 1;
        let lighter = m >= 2 * self.lanes && m * (k + n) < k * n;
        narrow || stored_turned && lighter
    }

    fn write(&self, product: &Product<'_, T>, out: &mut [T]) {
        let &Product { m, k, n, a, b } = product;
        let depth = k.div_ceil(k.div_ceil(DEPTH));
        let width = self.width();
        let columns = (PACKED / depth).next_multiple_of(width).min(n.next_multiple_of(width));
        let mut panels = Buffer::scratch(columns * depth);
        let out = Shared::new(out);
        for from in (0..n).step_by(columns) {
            for first in (0..k).step_by(depth) {
                let slice = Slice {
                    kernels: self,
                    a: a.at(0, first),
                    b: b.at(first, from),
                    m,
                    k: depth.min(k - first),
                    n: columns.min(n - from),
                    stride: n,
                    adds: first > 0,
                };
                slice.multiply(panels.as_mut_slice(), &out, from);
            }
        }
    }
}

/// One slice of the depth, for some columns: `m x k` by `k x n`.
struct Slice<'a, T: 'static> {
    kernels: &'a Kernels<T>,
    a: Operand<'a, T>,
    b: Operand<'a, T>,
    m: usize,
    k: usize,
    n: usize,
    /// Elements from one row of the output to the next.
    stride: usize,
    /// Whether to add to what the output holds.
    adds: bool,
}

impl<T: Float> Slice<'_, T> {
    /// Writes columns `from..from + n` of the output; `room` has a place for each panel.
    fn multiply(&self, room: &mut [T], out: &Shared<T>, from: usize) {
        let &Slice { kernels, m, k, n, .. } = self;
        let width = kernels.width();
        let panels = n.div_ceil(width);
        let lying = self.lying(panels);
        // Where the rows of `a` do not lie along the depth, a micro-kernel would read a line of the
        // cache for each of its terms.
        let groups = match self.a.right != 1 && panels > 1 {
            true => m.div_ceil(kernels.rows),
            false => 0,
        };
        let mut groups_room = Buffer::scratch(groups * kernels.rows * k);
        let (room, groups_room) = (Shared::new(room), Shared::new(groups_room.as_mut_slice()));
        let together = (PIECE / 32 / k / kernels.rows).max(1);
        let tasks = groups.div_ceil(together);
        self.spread(tasks + panels - lying, &|part| match part.checked_sub(tasks) {
            None => {
                // SAFETY: each part is taken once, and the room is borrowed by nobody else.
                let room = unsafe { groups_room.part(part, together * kernels.rows * k) };
                self.pack_groups(part * together * kernels.rows, room);
            }
            Some(p) => {
                let p = p + lying;
                // SAFETY: as above.
                let panel = unsafe { room.part(p, width * k) };
                let columns = width.min(n - p * width);
                dispatch(Pack { from: self.b.at(0, p * width), k, columns, width, panel });
            }
        });
        let rows = (PIECE / (width * k)).max(1).next_multiple_of(kernels.rows);
        let bands = self.bands();
        let pieces = m.div_ceil(rows).div_ceil(bands);
        self.spread(bands * panels * pieces, &|piece| {
            let (band, p) = (piece / pieces / panels, piece / pieces % panels);
            let first = (band * pieces + piece % pieces) * rows;
            let panel = match p < lying {
                true => self.b.at(0, p * width),
                // SAFETY: all panels are packed and are only read from here on.
                false => Operand::packed(unsafe { room.shared(p, width * k) }, width).t(),
            };
            let columns = width.min(n - p * width);
            for i in (first..m.min(first + rows)).step_by(kernels.rows) {
                let height = kernels.rows.min(m - i);
                let a = match groups {
                    0 => self.a.at(i, 0),
                    _ => {
                        // SAFETY: as above.
                        let group =
                            unsafe { groups_room.shared(i / kernels.rows, kernels.rows * k) };
                        Operand::packed(group, kernels.rows)
                    }
                };
                let at = i * self.stride + from + p * width;
                // SAFETY: pieces are disjoint, and the tile is inside of the output.
                unsafe { self.tile(columns, height, panel, a, out.at(at)) };
            }
        });
    }

    /// How many panels, from the first on, a micro-kernel reads where they lie: with whole vectors side by
    /// side, in a slice that stays [`NEAR`] with what lies between its rows. (Of a larger one not even a
    /// narrow panel would: lines that lie far apart share their places in a cache.)
    fn lying(&self, panels: usize) -> usize {
        let &Slice { kernels, b, k, n, .. } = self;
        let near = (1..=(NEAR / size_of::<T>() / k) as isize).contains(&b.down);
        match b.right == 1 && near {
            true => panels - usize::from(n % kernels.lanes != 0),
            false => 0,
        }
    }

    /// Into how many bands the rows are cut, each with all panels: as many as there are threads, so that
    /// each has its own rows of `a` and of the output, or one, where each has its own panels. What is
    /// `NEAR`, and less, is read by all; of what they share, each line travels between the cores once to
    /// be read, and once more when it is next written. Rows go to threads as the elements of a fused pass
    /// and of an update do.
    fn bands(&self) -> usize {
        let &Slice { m, k, n, .. } = self;
        let own_rows = k * n * size_of::<T>() <= NEAR && k * n <= m * (k + n);
        if own_rows { par::threads() } else { 1 }
    }

    /// `f` of each part, on several threads if the slice is worth them.
    fn spread(&self, parts: usize, f: &(dyn Fn(usize) + Sync)) {
        if self.m.saturating_mul(self.k).saturating_mul(self.n) < THREADED {
            return (0..parts).for_each(f);
        }
        par::run(parts, f);
    }

    /// Packs rows of `a` from `first` on in groups for the micro-kernel, each group side by side along the
    /// depth.
    fn pack_groups(&self, first: usize, room: &mut [T]) {
        let (rows, k) = (self.kernels.rows, self.k);
        let (from, columns) = (self.a.at(first, 0).t(), (room.len() / k).min(self.m - first));
        dispatch(PackGroups { from, k, columns, rows, room });
    }

    /// One call of a micro-kernel.
    ///
    /// # Safety
    /// From `out` on there is a tile of `height` rows and `columns` columns of the output, which no
    /// other thread writes or reads.
    unsafe fn tile(
        &self,
        columns: usize,
        height: usize,
        panel: Operand<'_, T>,
        a: Operand<'_, T>,
        out: *mut T,
    ) {
        let Kernels { lanes, rows, table, .. } = self.kernels;
        let micro = table[(columns.div_ceil(*lanes) - 1) * rows + height - 1];
        let (one, status) = (T::one(), if self.adds { 1 } else { 0 });
        let from = |x: Operand<'_, T>| x.data.as_ptr().wrapping_offset(x.start);
        // SAFETY: `Kernels::of` gave kernels that this processor has. The panel reaches `k` rows of
        // whole vectors for all columns, and `a` reaches `height` rows and `k` columns (invariant 4 of
        // `layout`, or as just packed); the tile is the caller's promise.
        unsafe {
            micro(
                columns,
                height,
                self.k,
                out,
                from(panel),
                from(a),
                self.stride as isize,
                1,
                panel.down,
                a.right,
                a.down,
                one,
                one,
                status,
                false,
                false,
                false,
                from(panel),
            );
        }
    }
}

#[cfg(test)]
mod tests {
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
        let (from, to) = (Operand::of(a.view(), of(a)), Operand::of(b.view(), of(b)));
        let mut out = vec![T::nan(); m * n];
        kernels.multiply(&Product { m, k, n, a: from, b: to }, &mut out);
        for (at, &found) in out.iter().enumerate() {
            let (i, j) = (at / n, at % n);
            let expected = (0..k).fold(T::zero(), |sum, l| sum + a[[i, l]] * b[[l, j]]);
            assert_eq!(found, expected, "[{m}, {k}] x [{k}, {n}] at {i}, {j}");
        }
    }

    fn agree<T: Float>() {
        // Around panels, rows of a micro-kernel, slices and squares, above the threshold of threads,
        // and where the transpose is computed.
        let sizes = [(1, 1, 1), (7, 17, 65), (70, 513, 33), (70, 40, 200), (6, 1030, 129)];
        for (m, k, n) in sizes.into_iter().chain([(70, 40, 10), (131, 70, 3), (40, 100, 400)]) {
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

    #[test]
    fn columns_beyond_what_is_packed_at_a_time_are_multiplied_too() {
        let (k, n) = (2, PACKED / 2 + 70);
        agrees(&counted::<f32>(&[3, k], 1), &counted::<f32>(&[k, n], 2), Level::Avx512);
    }
}
