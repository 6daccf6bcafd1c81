//! One output element from the input elements at the same place.

use std::hint::select_unpredictable;

use super::copy::{copy, crosses};
use crate::any::{AnySlice, AnySliceMut};
use crate::blocks::{BLOCK, Reader, fill_run};
use crate::buffer::Buffer;
use crate::element::{Element, Float};
use crate::layout::Layout;
use crate::math::{Binary, Unary};
use crate::par;
use crate::simd::{Baseline, Isa, Kernel, dispatch};
use crate::stream::Sink;
use crate::view::View;

/// `out[i] = f(x[i])`, `f` given parts of any length.
///
/// # Panics
/// When the lengths differ.
pub fn map<A: Element, O: Element>(
    x: View<'_, A>,
    out: &mut [O],
    f: impl Fn(&[A], &mut [O]) + Sync,
) {
    assert_eq!(x.len(), out.len(), "map: lengths differ");
    settled(x, |x| {
        for_blocks(out, |part| {
            let mut sx = x.scratch();
            part.each(x.stretch(), |at, out| f(x.block_at(at, out.len(), &mut sx), out));
        });
    });
}

/// `out[i] = x`.
pub fn fill<T: Element>(x: T, out: &mut [T]) {
    if out.len() <= FEW_ELEMENTS {
        return out.fill(x);
    }
    for_blocks(out, |part| part.each(usize::MAX, |_, out| fill_run(x, out)));
}

/// `out[i] = f(i)`, vectorised.
pub fn sequence<T: Element>(out: &mut [T], f: impl Fn(usize) -> T + Copy + Sync) {
    for_blocks(out, |part| {
        part.each(usize::MAX, |first, out| dispatch(SequenceLoop { f, first, out }));
    });
}

/// `out[i] = f(a[i], b[i])`, `f` given parts of any length; `a` and `b` have the shape of `out`.
///
/// # Panics
/// When the lengths differ.
pub fn map2<A: Element, B: Element, O: Element>(
    a: View<'_, A>,
    b: View<'_, B>,
    out: &mut [O],
    f: impl Fn(&[A], &[B], &mut [O]) + Sync,
) {
    assert_eq!([a.len(), b.len()], [out.len(); 2], "map2: lengths differ");
    let run = |a: &Reader<'_, A>, b: &Reader<'_, B>, out: &mut [O]| {
        for_blocks(out, |part| {
            let (mut sa, mut sb) = (a.scratch(), b.scratch());
            part.each(a.stretch().min(b.stretch()), |at, out| {
                let a = a.block_at(at, out.len(), &mut sa);
                f(a, b.block_at(at, out.len(), &mut sb), out);
            });
        });
    };
    settled(a, |a| settled(b, |b| run(&a, &b, out)));
}

/// `out[i] = f(a[i], b[i], c[i])`, `f` given parts of any length; all have the shape of `out`.
///
/// # Panics
/// When the lengths differ.
pub fn map3<A: Element, B: Element, C: Element, O: Element>(
    a: View<'_, A>,
    b: View<'_, B>,
    c: View<'_, C>,
    out: &mut [O],
    f: impl Fn(&[A], &[B], &[C], &mut [O]) + Sync,
) {
    assert_eq!([a.len(), b.len(), c.len()], [out.len(); 3], "map3: lengths differ");
    let run = |a: &Reader<'_, A>, b: &Reader<'_, B>, c: &Reader<'_, C>, out: &mut [O]| {
        for_blocks(out, |part| {
            let (mut sa, mut sb, mut sc) = (a.scratch(), b.scratch(), c.scratch());
            part.each(a.stretch().min(b.stretch()).min(c.stretch()), |at, out| {
                let n = out.len();
                let a = a.block_at(at, n, &mut sa);
                let b = b.block_at(at, n, &mut sb);
                f(a, b, c.block_at(at, n, &mut sc), out);
            });
        });
    };
    settled(a, |a| settled(b, |b| settled(c, |c| run(&a, &b, &c, out))));
}

/// `x[i] = f(x[i])`, `f` given whole blocks: the old `x` and the new one.
pub fn update<T: Element>(x: &mut [T], f: impl Fn(&[T], &mut [T]) + Sync) {
    par::for_parts(x, grain::<T>(), |_, part| {
        let mut old = Buffer::scratch(BLOCK.min(part.len()));
        for x in part.chunks_mut(BLOCK) {
            let old = &mut old.as_mut_slice()[..x.len()];
            old.copy_from_slice(x);
            f(old, x);
        }
    });
}

/// `a[i] = f(a[i], b[i])`, `f` given whole blocks: the old `a`, `b`, and the new `a`.
///
/// # Panics
/// When the lengths differ.
pub fn update2<T: Element, B: Element>(
    a: &mut [T],
    b: View<'_, B>,
    f: impl Fn(&[T], &[B], &mut [T]) + Sync,
) {
    assert_eq!(a.len(), b.len(), "update2: lengths differ");
    settled(b, |b| {
        par::for_parts(a, grain::<T>(), |start, part| {
            let mut old = Buffer::scratch(BLOCK.min(part.len()));
            let mut sb = b.scratch();
            for (k, a) in part.chunks_mut(BLOCK).enumerate() {
                let old = &mut old.as_mut_slice()[..a.len()];
                old.copy_from_slice(a);
                f(old, b.block_at(start + k * BLOCK, old.len(), &mut sb), a);
            }
        });
    });
}

/// A part of an output, to be written block by block.
struct Part<'a, O> {
    start: usize,
    out: &'a mut [O],
    sink: Sink,
}

impl<O: Element> Part<'_, O> {
    /// `f(at, block)` for each block of the part, which begins with element `at` of the output.
    /// Blocks end at multiples of the least [stretch](Reader::stretch) of the inputs; if those have
    /// no end, the part is one block.
    #[inline]
    fn each(self, stretch: usize, mut f: impl FnMut(usize, &mut [O])) {
        let Part { start, mut out, sink } = self;
        let streaming = sink.is_streaming();
        if stretch == usize::MAX && !streaming {
            return f(start, out);
        }
        let mut stage = Buffer::scratch(if streaming { BLOCK } else { 0 });
        let mut at = start;
        while !out.is_empty() {
            let len = (stretch - at % stretch).min(BLOCK).min(out.len());
            let (block, rest) = out.split_at_mut(len);
            if streaming {
                let stage = &mut stage.as_mut_slice()[..len];
                f(at, stage);
                sink.put(stage, block);
            } else {
                f(at, block);
            }
            (at, out) = (at + len, rest);
        }
    }
}

/// `f` on parts of `out`, in parallel where it pays.
fn for_blocks<O: Element>(out: &mut [O], f: impl Fn(Part<'_, O>) + Sync) {
    let bytes = size_of_val(out);
    par::for_parts(out, grain::<O>(), |start, out| f(Part { start, out, sink: Sink::new(bytes) }));
}

/// `f` on a reader of `x`. Where neighbours are far apart in a large `x`, so that one block would
/// touch as many cache lines as it has elements, `x` is first copied, by [tiles](super::copy).
fn settled<T: Element>(x: View<'_, T>, f: impl FnOnce(Reader<'_, T>)) {
    if !crosses(x) {
        return f(x.reader());
    }
    let mut near = Buffer::scratch(x.len());
    copy(x, near.as_mut_slice());
    let layout = Layout::contiguous(&[x.len()], size_of::<T>()).expect("x has this size");
    f(View::fitting(near.as_slice(), &layout).reader());
}

/// Elements of a task: what the bytes of input and output together make worth a thread.
fn grain<O>() -> usize {
    par::GRAIN_BYTES / 2 / size_of::<O>()
}

/// `out[i] = f(x[i])` for a function of [`math`](crate::math), vectorised.
///
/// # Panics
/// When the lengths differ.
pub fn unary<T: Float, F: Unary<f32> + Unary<f64>>(f: F, x: View<'_, T>, out: &mut [T]) {
    map(x, out, |x, out| unary_block(f, x, out));
}

/// `out[i] = f(a[i], b[i])` for a function of [`math`](crate::math), vectorised.
///
/// # Panics
/// When the lengths differ.
pub fn binary<T: Float, F: Binary<f32> + Binary<f64>>(
    f: F,
    a: View<'_, T>,
    b: View<'_, T>,
    out: &mut [T],
) {
    map2(a, b, out, |a, b, out| binary_block(f, a, b, out));
}

/// `x[i] = f(x[i])` for a function of [`math`](crate::math), vectorised.
pub fn unary_update<T: Float, F: Unary<f32> + Unary<f64>>(f: F, x: &mut [T]) {
    update(x, |old, x| unary_block(f, old, x));
}

/// `a[i] = f(a[i], b[i])`.
///
/// # Panics
/// When the lengths differ.
pub fn binary_update<T: Float, F: Binary<f32> + Binary<f64>>(f: F, a: &mut [T], b: View<'_, T>) {
    update2(a, b, |old, b, a| binary_block(f, old, b, a));
}

/// So many elements take less time than to choose an instruction set for them, and one even less
/// than to begin a loop.
const FEW_ELEMENTS: usize = 8;

/// `out[i] = f(x[i])`, vectorised where `f` is.
#[inline]
pub fn map_block<A: Copy, O>(x: &[A], out: &mut [O], f: impl Fn(A) -> O) {
    dispatch(MapLoop { f, x, out });
}

/// `out[i] = f(a[i], b[i])`, vectorised where `f` is.
#[inline]
pub fn map2_block<A: Copy, B: Copy, O>(a: &[A], b: &[B], out: &mut [O], f: impl Fn(A, B) -> O) {
    dispatch(Map2Loop { f, a, b, out });
}

/// One block of [`unary`].
#[inline]
pub fn unary_block<T: Float, F: Unary<f32> + Unary<f64>>(f: F, x: &[T], out: &mut [T]) {
    match (T::erase_slice(x), T::erase_slice_mut(out)) {
        (AnySlice::F32(x), AnySliceMut::F32(out)) => unary_loop(f, x, out),
        (AnySlice::F64(x), AnySliceMut::F64(out)) => unary_loop(f, x, out),
        _ => unreachable!("a Float is f32 or f64"),
    }
}

#[inline]
fn unary_loop<T: Copy, F: Unary<T>>(f: F, x: &[T], out: &mut [T]) {
    match (x, out) {
        (&[x], [out]) if F::EXACT => *out = f.call::<Baseline>(x),
        (x, out) if F::EXACT && out.len() <= FEW_ELEMENTS => f.block::<Baseline>(x, out),
        (x, out) => dispatch(UnaryLoop { f, x, out }),
    }
}

/// One block of [`binary`].
#[inline]
pub fn binary_block<T: Float, F: Binary<f32> + Binary<f64>>(f: F, a: &[T], b: &[T], out: &mut [T]) {
    match (T::erase_slice(a), T::erase_slice(b), T::erase_slice_mut(out)) {
        (AnySlice::F32(a), AnySlice::F32(b), AnySliceMut::F32(out)) => binary_loop(f, a, b, out),
        (AnySlice::F64(a), AnySlice::F64(b), AnySliceMut::F64(out)) => binary_loop(f, a, b, out),
        _ => unreachable!("a Float is f32 or f64"),
    }
}

#[inline]
fn binary_loop<T: Copy, F: Binary<T>>(f: F, a: &[T], b: &[T], out: &mut [T]) {
    match (a, b, out) {
        (&[a], &[b], [out]) if F::EXACT => *out = f.call::<Baseline>(a, b),
        (a, b, out) if F::EXACT && out.len() <= FEW_ELEMENTS => f.block::<Baseline>(a, b, out),
        (a, b, out) => dispatch(BinaryLoop { f, a, b, out }),
    }
}

/// `out[i] = if mask[i] { a[i] } else { b[i] }`, of equal lengths.
#[inline]
pub fn select_block<T: Element>(mask: &[bool], a: &[T], b: &[T], out: &mut [T]) {
    dispatch(SelectLoop { mask, a, b, out });
}

struct UnaryLoop<'a, F, T> {
    f: F,
    x: &'a [T],
    out: &'a mut [T],
}

impl<T: Copy, F: Unary<T>> Kernel for UnaryLoop<'_, F, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        self.f.block::<I>(self.x, self.out);
    }
}

struct BinaryLoop<'a, F, T> {
    f: F,
    a: &'a [T],
    b: &'a [T],
    out: &'a mut [T],
}

impl<T: Copy, F: Binary<T>> Kernel for BinaryLoop<'_, F, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        self.f.block::<I>(self.a, self.b, self.out);
    }
}

struct MapLoop<'a, F, A, O> {
    f: F,
    x: &'a [A],
    out: &'a mut [O],
}

impl<A: Copy, O, F: Fn(A) -> O> Kernel for MapLoop<'_, F, A, O> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        self.out.iter_mut().zip(self.x).for_each(|(out, &x)| *out = (self.f)(x));
    }
}

struct Map2Loop<'a, F, A, B, O> {
    f: F,
    a: &'a [A],
    b: &'a [B],
    out: &'a mut [O],
}

impl<A: Copy, B: Copy, O, F: Fn(A, B) -> O> Kernel for Map2Loop<'_, F, A, B, O> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let pairs = self.a.iter().zip(self.b);
        self.out.iter_mut().zip(pairs).for_each(|(out, (&a, &b))| *out = (self.f)(a, b));
    }
}

struct SequenceLoop<'a, F, T> {
    f: F,
    first: usize,
    out: &'a mut [T],
}

impl<T, F: Fn(usize) -> T> Kernel for SequenceLoop<'_, F, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        self.out.iter_mut().enumerate().for_each(|(i, out)| *out = (self.f)(self.first + i));
    }
}

struct SelectLoop<'a, T> {
    mask: &'a [bool],
    a: &'a [T],
    b: &'a [T],
    out: &'a mut [T],
}

impl<T: Copy> Kernel for SelectLoop<'_, T> {
    type Output = ();
    /// Both are read before the choice. Of an `if` the compiler makes a load from the chosen
    /// address, or a branch, wrongly taken half of the time where the mask has no pattern.
    #[inline(always)]
    fn run<I: Isa>(self) {
        let n = self.out.len();
        let (mask, a, b) = (&self.mask[..n], &self.a[..n], &self.b[..n]);
        for (i, out) in self.out.iter_mut().enumerate() {
            *out = select_unpredictable(mask[i], a[i], b[i]);
        }
    }
}

/// Checks the exponent of an integer power.
///
/// # Panics
/// When `T` cannot hold `n`: rounded to it, `n` could change its parity, and the power its sign.
#[track_caller]
pub fn check_exponent<T: Float>(n: i32) {
    if T::of(n.into()).wide() != f64::from(n) {
        panic!("powi: the exponent {n} cannot be represented in {}", T::DTYPE);
    }
}
