//! Run-time choice of the instruction set.
//!
//! A kernel is written once as a plain loop in [`Kernel::run`], generic in the instruction set `I`,
//! and compiled once per set; [`dispatch`] runs the best one the processor has. The compiler
//! vectorises the loop with the features of the function it is inlined into, so everything a
//! kernel calls must be `#[inline(always)]`.
//!
//! The same machine always takes the same path, so results are reproducible on it. Between
//! instruction sets the last bit may differ, because [`Isa::mul_add`] rounds once where the
//! processor has a fused multiply-add and twice where it has not.

use std::sync::atomic::{AtomicU8, Ordering};

use crate::buffer::ALIGN;

/// An instruction set a kernel is compiled for.
pub trait Isa: Copy + 'static {
    /// Whether a multiply-add is one instruction.
    const FMA: bool;
    /// Whether there are the registers of AVX-512.
    const AVX512: bool = false;

    /// `a * b + c`: rounded once where [`Isa::FMA`] holds, else twice (a software fused
    /// multiply-add would be some fifty times slower).
    #[inline(always)]
    fn mul_add<T: num_traits::Float>(a: T, b: T, c: T) -> T {
        if Self::FMA { a.mul_add(b, c) } else { a * b + c }
    }
}

/// What every processor of the target has.
#[derive(Clone, Copy)]
pub struct Baseline;
/// x86-64 with AVX2 and FMA.
#[derive(Clone, Copy)]
pub struct Avx2;
/// x86-64 with AVX-512 (F, DQ, BW, VL).
#[derive(Clone, Copy)]
pub struct Avx512;

impl Isa for Baseline {
    // Every AArch64 processor has NEON with a fused multiply-add.
    const FMA: bool = cfg!(target_arch = "aarch64");
}
impl Isa for Avx2 {
    const FMA: bool = true;
}
impl Isa for Avx512 {
    const FMA: bool = true;
    const AVX512: bool = true;
}

/// A loop to be compiled for every instruction set.
pub trait Kernel {
    /// What the loop returns.
    type Output;
    /// The loop. Implementations are `#[inline(always)]`.
    fn run<I: Isa>(self) -> Self::Output;
}

/// The instruction sets that [`dispatch`] knows, best last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// What every processor of the target has (SSE2 on x86-64, NEON on AArch64).
    Baseline,
    /// AVX2 and FMA.
    Avx2,
    /// AVX-512 F, DQ, BW and VL.
    Avx512,
}

/// The best instruction set of this processor, found once. (One load and a comparison: a
/// block of one element costs little more than this. Whoever comes first at once with another
/// finds the same.)
#[inline]
pub fn level() -> Level {
    static LEVEL: AtomicU8 = AtomicU8::new(u8::MAX);
    const ALL: [Level; 3] = [Level::Baseline, Level::Avx2, Level::Avx512];
    match ALL.get(LEVEL.load(Ordering::Relaxed) as usize) {
        Some(&level) => level,
        None => {
            let level = detect();
            LEVEL.store(level as u8, Ordering::Relaxed);
            level
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn detect() -> Level {
    let v3 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    let v4 = v3
        && is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl");
    match (v4, v3) {
        (true, _) => Level::Avx512,
        (_, true) => Level::Avx2,
        _ => Level::Baseline,
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn detect() -> Level {
    Level::Baseline
}

/// Runs `kernel`, compiled for the best instruction set of this processor.
#[inline]
pub fn dispatch<K: Kernel>(kernel: K) -> K::Output {
    // SAFETY: `level()` has found these features on this processor.
    unsafe { run_at(level(), kernel) }
}

/// Runs `kernel` as compiled for `at`, or for this processor's best set if that is lower: tests
/// compare the paths with it.
#[inline]
pub fn dispatch_at<K: Kernel>(at: Level, kernel: K) -> K::Output {
    // SAFETY: `level()` has found the features of either on this processor.
    unsafe { run_at(at.min(level()), kernel) }
}

/// # Safety
/// This processor has the features of `level`.
#[inline]
unsafe fn run_at<K: Kernel>(level: Level, kernel: K) -> K::Output {
    match level {
        // SAFETY: as the contract says.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { avx512(kernel) },
        // SAFETY: as the contract says.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { avx2(kernel) },
        _ => kernel.run::<Baseline>(),
    }
}

/// Asks for the cache line of `data[at]`, if there is such an element. Advice: it changes no value.
#[inline(always)]
pub(crate) fn prefetch<T>(data: &[T], at: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(element) = data.get(at) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: the instruction is of SSE, which every x86-64 has, and reads nothing.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(element).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (data, at);
}

/// Asks for the cache lines that lie `ahead` bytes from those of `data`, which need not be of any
/// allocation. Advice, as [`prefetch`] is.
#[inline(always)]
pub(crate) fn prefetch_ahead<T>(data: &[T], ahead: isize) {
    #[cfg(target_arch = "x86_64")]
    for line in (0..size_of_val(data)).step_by(ALIGN) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let at = data.as_ptr().cast::<i8>().wrapping_offset(ahead).wrapping_add(line);
        // SAFETY: the instruction is of SSE, which every x86-64 has, and neither reads nor faults,
        // whatever the address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(at) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (data, ahead);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<Avx2>()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")]
fn avx512<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<Avx512>()
}
