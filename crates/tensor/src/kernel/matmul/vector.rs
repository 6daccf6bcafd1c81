//! Products with a vector, and products too small for `gemm`.

use super::{FEW_TERMS, Matrix, Product, THREADED};
use crate::buffer::Buffer;
use crate::element::Float;
use crate::par;
use crate::simd::{Isa, Kernel, dispatch, prefetch_ahead};
use crate::stream::LARGE;

/// Terms of a vector that are added up together: threads share stretches, the rows of a tall
/// matrix stay in the nearest cache for all partial sums, and those of one stretch need not wait
/// for those before.
const STRETCH: usize = 1024;
/// Partial sums of [`PartialSums`]: one register of AVX-512 in f32, two in f64.
const LANES: usize = 16;
/// Columns side by side that are gone through together: the longer the parts of rows, the faster
/// they are fetched. (Of 512, the sums are more than the registers of AVX-512.)
const WIDE: usize = 256;
/// So many where there would else be too few tasks for the threads.
const HALF: usize = 128;
/// So many where there would still be too few.
const NARROW: usize = 64;
/// Distances over which they are added up.
const HALVES: [usize; 4] = [8, 4, 2, 1];

/// `out[j] = Σₖ a[0, k] · b[k, j]`.
pub(super) fn vector<T: Float>(k: usize, a: Matrix<'_, T>, b: Matrix<'_, T>, out: &mut [T]) {
    let n = out.len();
    let mut room = None;
    let x = if k <= FEW_TERMS { &[] } else { a.first_row(k, &mut room) };
    if k <= STRETCH {
        let columns = columns_of_task(k, k, n, b);
        return par::for_chunks(out, columns, n.saturating_mul(k), |part, out| {
            let b = b.at(0, part * columns);
            if k <= FEW_TERMS {
                dispatch(Small { k, n: out.len(), a, b, out });
            } else {
                dispatch(PartialSums { x, b, out });
            }
        });
    }
    let mut sums = Buffer::scratch(k.div_ceil(STRETCH) * n);
    stretches(x, b, n, sums.as_mut_slice());
    out.copy_from_slice(added(sums.as_mut_slice(), n));
}

/// Columns of a task of `terms` a column, of `k` in all: a grain's work, whole blocks of
/// columns wide.
fn columns_of_task<T>(terms: usize, k: usize, n: usize, b: Matrix<'_, T>) -> usize {
    let columns = (par::GRAIN_BYTES / size_of::<T>() / terms).max(1);
    let enough = |width: &usize| n / width * k.div_ceil(terms) >= 2 * par::threads();
    let width = [WIDE, HALF].into_iter().find(enough).unwrap_or(NARROW);
    let columns = columns.next_multiple_of(if b.right == 1 { width } else { 4 });
    if n.saturating_mul(k) < THREADED { n } else { columns }
}

/// `sums[s, j] = Σ x[k] · b[k, j]` over the terms `k` of stretch `s`.
fn stretches<T: Float>(x: &[T], b: Matrix<'_, T>, n: usize, sums: &mut [T]) {
    let k = x.len();
    let columns = columns_of_task(STRETCH, k, n, b);
    // A task has some columns of one stretch, or all columns of several.
    let together = (columns / n).max(1);
    let tasks = sums.chunks_mut(together * n).enumerate().flat_map(|(task, sums)| {
        let width = if together > 1 { sums.len() } else { columns };
        let parts = sums.chunks_mut(width).enumerate();
        parts.map(move |(part, sums)| (task * together, part * columns, sums))
    });
    par::for_each_of(tasks, n.saturating_mul(k), |(first, column, sums)| {
        let width = sums.len().min(n);
        let x = x.chunks(STRETCH).enumerate().skip(first);
        for ((s, x), out) in x.zip(sums.chunks_mut(width)) {
            dispatch(PartialSums { x, b: b.at(s * STRETCH, column), out });
        }
    });
}

/// The rows of `sums` added: each with its neighbour, until one is left.
fn added<T: Float>(sums: &mut [T], n: usize) -> &[T] {
    let mut rows = sums.len() / n;
    while rows > 1 {
        for i in 0..rows.div_ceil(2) {
            for j in 0..n {
                let own = sums[2 * i * n + j];
                let pair = 2 * i + 1 < rows;
                sums[i * n + j] = if pair { own + sums[(2 * i + 1) * n + j] } else { own };
            }
        }
        rows = rows.div_ceil(2);
    }
    &sums[..n]
}

/// A product of so few numbers that what surrounds them takes longer: the bits of [`Small`], with
/// neither its blocks of columns, which have to be chosen, nor checks.
pub(super) struct Tiny<'a, T> {
    pub product: &'a Product<'a, T>,
    /// As many elements as the product has.
    pub out: &'a mut [T],
}

impl<T: Float> Kernel for Tiny<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let &Product { k, n, a, b, .. } = self.product;
        for (i, row) in self.out.chunks_mut(n.max(1)).enumerate() {
            for (j, out) in row.iter_mut().enumerate() {
                let mut sum = T::zero();
                for l in 0..k {
                    // SAFETY: the operands of a product have `m x k` and `k x n` elements.
                    let (x, y) = unsafe { (a.get(i, l), b.get(l, j)) };
                    sum = I::mul_add(x, y, sum);
                }
                *out = sum;
            }
        }
    }
}

/// Every element summed one term after the other; `out` is `m x n`.
pub(super) struct Small<'a, T> {
    pub k: usize,
    pub n: usize,
    pub a: Matrix<'a, T>,
    pub b: Matrix<'a, T>,
    pub out: &'a mut [T],
}

/// Rows of a tile of [`Small`]: so many additions do not wait for each other, and share what is
/// read of `b`.
pub(super) const TALL: usize = 4;

impl<T: Float> Kernel for Small<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        match self.n {
            64.. if self.b.right == 1 && self.out.len() < TALL * self.n => {
                self.tiles::<I, 1, 64, true>();
            }
            16.. => self.columns::<I, 16>(),
            8.. => self.columns::<I, 8>(),
            4.. => self.columns::<I, 4>(),
            2.. => self.columns::<I, 2>(),
            _ => self.columns::<I, 1>(),
        }
    }
}

impl<T: Float> Small<'_, T> {
    /// By tiles of `W` columns, which are at most as many as there are. Neighbours that lie side by
    /// side are a loop of their own: they are a few moves.
    #[inline(always)]
    fn columns<I: Isa, const W: usize>(self) {
        match (self.out.len() >= TALL * self.n, self.b.right == 1) {
            (true, true) => self.tiles::<I, TALL, W, true>(),
            (true, false) => self.tiles::<I, TALL, W, false>(),
            (false, true) => self.tiles::<I, 1, W, true>(),
            (false, false) => self.tiles::<I, 1, W, false>(),
        }
    }

    /// By tiles of `H` rows and `W` columns. The last ones begin where they end with the product,
    /// and write again what others have written: elements do not depend on the tile they are in.
    #[inline(always)]
    fn tiles<I: Isa, const H: usize, const W: usize, const BESIDE: bool>(self) {
        let Small { k, n, a, b, out } = self;
        let m = out.len() / n;
        for j in (0..n).step_by(W) {
            let j = j.min(n - W);
            for i in (0..m).step_by(H) {
                let i = i.min(m - H);
                let (a, b) = (a.at(i, 0), b.at(0, j));
                // SAFETY: `a` has `m >= H` rows of `k` elements and `b` `n >= W` columns of them,
                // and both begin where as many are left.
                let sums = unsafe { in_order::<T, I, H, W, BESIDE>(k, a, b) };
                for (i, sums) in (i..).zip(sums) {
                    out[i * n + j..][..W].copy_from_slice(&sums);
                }
            }
        }
    }
}

/// `Σₖ a[i, k] · b[k, j]` for the first `H` rows and `W` columns.
///
/// # Safety
/// `a` has `H` rows and `b` has `W` columns, of `k` elements each.
#[inline(always)]
unsafe fn in_order<T: Float, I: Isa, const H: usize, const W: usize, const BESIDE: bool>(
    k: usize,
    a: Matrix<'_, T>,
    b: Matrix<'_, T>,
) -> [[T; W]; H] {
    let mut sums = [[T::zero(); W]; H];
    for l in 0..k {
        let mut y = [T::zero(); W];
        if BESIDE {
            y = b.beside(l);
        } else {
            for (j, y) in y.iter_mut().enumerate() {
                // SAFETY: `b` has `W` columns of `k` elements.
                *y = unsafe { b.get(l, j) };
            }
        }
        for (i, sums) in sums.iter_mut().enumerate() {
            // SAFETY: `a` has `H` rows of `k` elements.
            let x = unsafe { a.get(i, l) };
            for (s, y) in sums.iter_mut().zip(y) {
                *s = I::mul_add(x, y, *s);
            }
        }
    }
    sums
}

/// `out[j] = Σₖ x[k] · b[k, j]`, where partial sum `l` takes the terms `k ≡ l` modulo [`LANES`],
/// and the partial sums are added halves to halves.
struct PartialSums<'a, T> {
    x: &'a [T],
    b: Matrix<'a, T>,
    out: &'a mut [T],
}

impl<T: Float> Kernel for PartialSums<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let PartialSums { x, b, out } = self;
        let far = size_of_val(b.data) >= LARGE;
        let mut j = 0;
        while j < out.len() {
            let (b, out) = (b.at(0, j), &mut out[j..]);
            j += match (b.down, out.len()) {
                (1, 4..) if far => down::<T, I, 4, true>(x, b, out),
                (1, 4..) => down::<T, I, 4, false>(x, b, out),
                (1, _) => down::<T, I, 1, false>(x, b, out),
                (_, WIDE..) if b.right == 1 => across::<T, I, WIDE>(x, b, out),
                (_, HALF..) if b.right == 1 => across::<T, I, HALF>(x, b, out),
                (_, NARROW..) if b.right == 1 => across::<T, I, NARROW>(x, b, out),
                (_, 16..) => across::<T, I, 16>(x, b, out),
                (_, 4..) => across::<T, I, 4>(x, b, out),
                _ => across::<T, I, 1>(x, b, out),
            };
        }
    }
}

/// [`PartialSums`] for `W` columns, each side by side in memory: all lanes of a column at once. The
/// columns behind these may be to be asked for.
#[inline(always)]
fn down<T: Float, I: Isa, const W: usize, const ASK: bool>(
    x: &[T],
    b: Matrix<'_, T>,
    out: &mut [T],
) -> usize {
    let next = b.right.wrapping_mul((W * size_of::<T>()) as isize);
    let mut sums = [[T::zero(); LANES]; W];
    let columns: [&[T]; W] = std::array::from_fn(|j| &b.data[b.position(0, j)..][..x.len()]);
    let (whole, rest) = x.as_chunks::<LANES>();
    for (c, x) in whole.iter().enumerate() {
        for (sums, column) in sums.iter_mut().zip(&columns) {
            let y: &[T; LANES] =
                column[c * LANES..][..LANES].try_into().expect("the slice has LANES elements");
            if ASK {
                prefetch_ahead(y, next);
            }
            add_products::<T, I, LANES>(x, y, sums);
        }
    }
    for (sums, column) in sums.iter_mut().zip(&columns) {
        let y = &column[whole.len() * LANES..];
        for (s, (&x, &y)) in sums.iter_mut().zip(rest.iter().zip(y)) {
            *s = I::mul_add(x, y, *s);
        }
    }
    for (out, mut sums) in out.iter_mut().zip(sums) {
        for half in HALVES {
            for l in 0..half {
                sums[l] = sums[l] + sums[l + half];
            }
        }
        *out = sums[0];
    }
    W
}

/// `sums[l] += x[l] · y[l]`.
#[inline(always)]
fn add_products<T: Float, I: Isa, const N: usize>(x: &[T; N], y: &[T; N], sums: &mut [T; N]) {
    for l in 0..N {
        sums[l] = I::mul_add(x[l], y[l], sums[l]);
    }
}

/// [`PartialSums`] for `W` columns of any layout: all columns of a lane at once.
#[inline(always)]
fn across<T: Float, I: Isa, const W: usize>(x: &[T], b: Matrix<'_, T>, out: &mut [T]) -> usize {
    let mut lanes = [[T::zero(); W]; LANES];
    for (l, lane) in lanes.iter_mut().enumerate() {
        let mut sums = [T::zero(); W];
        for k in (l..x.len()).step_by(LANES) {
            let y: [T; W] = b.row(k);
            for (s, y) in sums.iter_mut().zip(y) {
                *s = I::mul_add(x[k], y, *s);
            }
        }
        *lane = sums;
    }
    for half in HALVES {
        let (low, high) = lanes.split_at_mut(half);
        for (low, high) in low.iter_mut().zip(high) {
            for (a, &mut b) in low.iter_mut().zip(high) {
                *a = *a + b;
            }
        }
    }
    out[..W].copy_from_slice(&lanes[0]);
    W
}
