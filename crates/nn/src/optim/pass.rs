//! One fused pass over a parameter, its gradient and what is kept for it.

use std::sync::atomic::{AtomicBool, Ordering};

use tensor::{Float, par, simd};

/// A formula of an optimiser for one element, with `K` numbers kept from step to step.
pub trait Formula<const K: usize>: Copy + Send + Sync {
    /// The new element and the new kept numbers from the element `p`, its gradient `g` and the kept
    /// numbers, which are 0 before the first step. To be `#[inline(always)]`: it is compiled into a
    /// loop for each instruction set.
    fn next<T: Float>(&self, p: T, g: T, kept: [T; K]) -> (T, [T; K]);
}

/// Elements read and written that a task has at least, where there is more than one task.
const GRAIN: usize = 1 << 14;
/// Where tasks may part a slice, so that none begins within a line of the cache.
const UNIT: usize = 1 << 10;

/// Applies `formula` to every element, in parallel for large parameters. Elements do not meet, so
/// the bits depend neither on threads nor on instruction sets.
pub(super) fn run<T: Float, F: Formula<K>, const K: usize>(
    formula: F,
    p: &mut [T],
    g: &[T],
    kept: [&mut [T]; K],
) {
    let (n, grain) = (p.len(), GRAIN / (K + 2));
    if n < 2 * grain {
        return simd::dispatch(Pass { formula, p, g, kept });
    }
    let part = par::part_len(n, UNIT, grain, par::threads());
    let mut kept = kept.map(|k| k.chunks_mut(part));
    let parts = p.chunks_mut(part).zip(g.chunks(part)).map(|(p, g)| {
        let kept = kept.each_mut().map(|k| k.next().expect("all slices have the same length"));
        Pass { formula, p, g, kept }
    });
    par::for_each_of(parts, usize::MAX, simd::dispatch);
}

struct Pass<'a, T, F, const K: usize> {
    formula: F,
    p: &'a mut [T],
    g: &'a [T],
    kept: [&'a mut [T]; K],
}

impl<T: Float, F: Formula<K>, const K: usize> simd::Kernel for Pass<'_, T, F, K> {
    type Output = ();

    #[inline(always)]
    fn run<I: simd::Isa>(self) {
        // Slices of one length, known before the loop, leave no bounds check inside it.
        let n = self.p.len();
        let (p, g) = (&mut self.p[..n], &self.g[..n]);
        let kept = self.kept.map(|k| &mut k[..n]);
        for i in 0..n {
            let before = std::array::from_fn(|k| kept[k][i]);
            let (next, after) = self.formula.next(p[i], g[i], before);
            p[i] = next;
            for k in 0..K {
                kept[k][i] = after[k];
            }
        }
    }
}

/// The first element that is infinite or not a number, and its position.
pub(super) fn first_non_finite<T: Float>(x: &[T]) -> Option<(usize, T)> {
    let fault = AtomicBool::new(false);
    let look = |part| {
        if !simd::dispatch(AllFinite(part)) {
            fault.store(true, Ordering::Relaxed);
        }
    };
    if x.len() < 2 * GRAIN {
        look(x);
    } else {
        let part = par::part_len(x.len(), UNIT, GRAIN, par::threads());
        par::for_each_of(x.chunks(part), usize::MAX, look);
    }
    match fault.into_inner() {
        false => None,
        true => x.iter().copied().enumerate().find(|(_, x)| !x.is_finite()),
    }
}

struct AllFinite<'a, T>(&'a [T]);

/// How many elements are looked at side by side.
const LANES: usize = 64;

impl<T: Float> simd::Kernel for AllFinite<'_, T> {
    type Output = bool;

    /// `0 · x` is 0, or NaN where `x` is not finite, and a sum with a NaN is one: so there is one
    /// multiply-add a vector, and no branch.
    #[inline(always)]
    fn run<I: simd::Isa>(self) -> bool {
        let (whole, rest) = self.0.as_chunks::<LANES>();
        let mut sums = [T::zero(); LANES];
        for x in whole {
            for (sum, &x) in sums.iter_mut().zip(x) {
                *sum = I::mul_add(x, T::zero(), *sum);
            }
        }
        let finite = |x: &T| x.is_finite();
        // A small slice has no whole block, whose sums would take longer than its elements.
        (whole.is_empty() || sums.iter().all(finite)) && rest.iter().all(finite)
    }
}
