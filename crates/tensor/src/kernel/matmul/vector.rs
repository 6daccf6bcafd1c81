//! Products with a vector, and products too small for `gemm`.

use super::{Operand, Product};
use crate::element::Float;
use crate::simd::{Isa, Kernel};

/// Partial sums of [`Lanes`]: one register of AVX-512 in f32, two in f64.
const LANES: usize = 16;
/// Distances over which they are added up.
const HALVES: [usize; 4] = [8, 4, 2, 1];

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
    pub a: Operand<'a, T>,
    pub b: Operand<'a, T>,
    pub out: &'a mut [T],
}

impl<T: Float> Kernel for Small<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Small { k, n, a, b, out } = self;
        for (i, out) in out.chunks_exact_mut(n).enumerate() {
            let a = a.at(i, 0);
            let mut j = 0;
            while j < n {
                let (b, out) = (b.at(0, j), &mut out[j..]);
                j += match out.len() {
                    64.. if b.right == 1 => in_order::<T, I, 64>(k, a, b, out),
                    16.. => in_order::<T, I, 16>(k, a, b, out),
                    8.. => in_order::<T, I, 8>(k, a, b, out),
                    4.. => in_order::<T, I, 4>(k, a, b, out),
                    2.. => in_order::<T, I, 2>(k, a, b, out),
                    _ => in_order::<T, I, 1>(k, a, b, out),
                };
            }
        }
    }
}

/// `out[j] = Σₖ a[0, k] · b[k, j]` for the first `W` columns, which it returns.
#[inline(always)]
fn in_order<T: Float, I: Isa, const W: usize>(
    k: usize,
    a: Operand<'_, T>,
    b: Operand<'_, T>,
    out: &mut [T],
) -> usize {
    let mut sums = [T::zero(); W];
    for l in 0..k {
        let x = a.data[a.position(0, l)];
        let y: [T; W] = b.row(l);
        for (s, y) in sums.iter_mut().zip(y) {
            *s = I::mul_add(x, y, *s);
        }
    }
    out[..W].copy_from_slice(&sums);
    W
}

/// `out[j] = Σₖ x[k] · b[k, j]`, where partial sum `l` takes the terms `k ≡ l` modulo [`LANES`], and
/// the partial sums are added halves to halves.
pub(super) struct Lanes<'a, T> {
    pub x: &'a [T],
    pub b: Operand<'a, T>,
    pub out: &'a mut [T],
}

impl<T: Float> Kernel for Lanes<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Lanes { x, b, out } = self;
        let mut j = 0;
        while j < out.len() {
            let (b, out) = (b.at(0, j), &mut out[j..]);
            j += match (b.down, out.len()) {
                (1, 4..) => down::<T, I, 4>(x, b, out),
                (1, _) => down::<T, I, 1>(x, b, out),
                (_, 64..) if b.right == 1 => across::<T, I, 64>(x, b, out),
                (_, 16..) => across::<T, I, 16>(x, b, out),
                (_, 4..) => across::<T, I, 4>(x, b, out),
                _ => across::<T, I, 1>(x, b, out),
            };
        }
    }
}

/// [`Lanes`] for `W` columns, each side by side in memory: all lanes of a column at once.
#[inline(always)]
fn down<T: Float, I: Isa, const W: usize>(x: &[T], b: Operand<'_, T>, out: &mut [T]) -> usize {
    let mut sums = [[T::zero(); LANES]; W];
    let columns: [&[T]; W] = std::array::from_fn(|j| &b.data[b.position(0, j)..][..x.len()]);
    let (whole, rest) = x.as_chunks::<LANES>();
    for (c, x) in whole.iter().enumerate() {
        for (sums, column) in sums.iter_mut().zip(&columns) {
            let y = column[c * LANES..][..LANES].try_into().expect("the slice has LANES elements");
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

/// [`Lanes`] for `W` columns of any layout: all columns of a lane at once.
#[inline(always)]
fn across<T: Float, I: Isa, const W: usize>(x: &[T], b: Operand<'_, T>, out: &mut [T]) -> usize {
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
