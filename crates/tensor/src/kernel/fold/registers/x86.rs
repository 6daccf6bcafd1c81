//! The instructions, and the loop that is made of them.

use std::arch::x86_64::*;

use super::super::{AHEAD, LANES};
use super::{Larger, Plus, PlusSquare, Smaller, Step, Times};
use crate::element::{DType, Element};
use crate::simd::{Isa, Level, level, prefetch_ahead};

/// Lanes of a register.
const WIDTH: usize = 8;
type Registers = [__m512d; LANES / WIDTH];

/// What a [`Step`] is made of.
pub trait Instructions: Copy {
    /// `acc` and the elements `x` together.
    ///
    /// # Safety
    /// The processor has AVX-512.
    unsafe fn step(self, acc: __m512d, x: __m512d) -> __m512d;
    /// Both together, `a` before `b`.
    ///
    /// # Safety
    /// As for [`step`](Self::step).
    #[inline(always)]
    unsafe fn merge(self, a: __m512d, b: __m512d) -> __m512d {
        // SAFETY: as the contract says.
        unsafe { self.step(a, b) }
    }
}

impl Instructions for Plus {
    #[inline(always)]
    unsafe fn step(self, acc: __m512d, x: __m512d) -> __m512d {
        // SAFETY: as the contract says.
        unsafe { _mm512_add_pd(acc, x) }
    }
}

impl Instructions for Times {
    #[inline(always)]
    unsafe fn step(self, acc: __m512d, x: __m512d) -> __m512d {
        // SAFETY: as the contract says.
        unsafe { _mm512_mul_pd(acc, x) }
    }
}

impl Instructions for PlusSquare {
    #[inline(always)]
    unsafe fn step(self, acc: __m512d, x: __m512d) -> __m512d {
        // SAFETY: as the contract says.
        unsafe {
            let d = _mm512_sub_pd(x, _mm512_set1_pd(self.0));
            _mm512_fmadd_pd(d, d, acc)
        }
    }
    #[inline(always)]
    unsafe fn merge(self, a: __m512d, b: __m512d) -> __m512d {
        // SAFETY: as the contract says.
        unsafe { _mm512_add_pd(a, b) }
    }
}

// Of equals, such as zeros, these instructions choose their second operand.
impl Instructions for Larger {
    #[inline(always)]
    unsafe fn step(self, acc: __m512d, x: __m512d) -> __m512d {
        // SAFETY: as the contract says.
        unsafe { _mm512_max_pd(x, acc) }
    }
}

impl Instructions for Smaller {
    #[inline(always)]
    unsafe fn step(self, acc: __m512d, x: __m512d) -> __m512d {
        // SAFETY: as the contract says.
        unsafe { _mm512_min_pd(x, acc) }
    }
}

/// The fold of a leaf of floats, unless one of them is a NaN and must not be, or there is no
/// AVX-512.
#[inline(always)]
pub(super) fn leaf<T: Element, S: Step, I: Isa>(
    step: S,
    x: &[T],
    more: &[&[T]],
    ask: bool,
) -> Option<f64> {
    if !matches!(T::DTYPE, DType::F32 | DType::F64) || !I::AVX512 || level() < Level::Avx512 {
        return None;
    }
    // SAFETY: `level` has found the features on this processor.
    unsafe { fold(step, x, more, ask) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")]
fn fold<T: Element, S: Step>(step: S, x: &[T], more: &[&[T]], ask: bool) -> Option<f64> {
    let mut lanes = [_mm512_set1_pd(S::NOTHING); LANES / WIDTH];
    let (mut x, mut more) = (x, more.iter());
    let (mut lane, mut unordered) = (0, 0);
    loop {
        let (head, rest) = x.split_at(x.len().min((LANES - lane) % LANES));
        unordered |= part(step, &mut lanes, lane, head);
        let (chunks, tail) = rest.as_chunks();
        for chunk in chunks {
            if ask {
                prefetch_ahead(chunk, AHEAD);
            }
            unordered |= whole(step, &mut lanes, chunk);
        }
        if ask {
            prefetch_ahead(tail, AHEAD);
        }
        unordered |= part(step, &mut lanes, 0, tail);
        lane = (lane + x.len()) % LANES;
        match more.next() {
            Some(&next) => x = next,
            None => break,
        }
    }
    let [a, b, c, d] = lanes;
    // SAFETY: this function has the features.
    let lanes = unsafe {
        let lanes = step.merge(step.merge(a, c), step.merge(b, d));
        let lanes = step.merge(lanes, _mm512_shuffle_f64x2::<0b01_00_11_10>(lanes, lanes));
        let lanes = step.merge(lanes, _mm512_shuffle_f64x2::<0b10_11_00_01>(lanes, lanes));
        step.merge(lanes, _mm512_permute_pd::<0b0101_0101>(lanes))
    };
    (unordered == 0).then(|| _mm512_cvtsd_f64(lanes))
}

/// Folds a chunk. Returns whether there is a NaN that must not be, as a mask.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")]
fn whole<T: Element, S: Step>(step: S, lanes: &mut Registers, chunk: &[T; LANES]) -> u8 {
    let mut x = [_mm512_setzero_pd(); LANES / WIDTH];
    for v in 0..LANES / WIDTH {
        // SAFETY: the eight elements are of the chunk, and floats (`leaf`); this function has
        // the features.
        unsafe {
            x[v] = load(chunk[v * WIDTH..][..WIDTH].as_ptr(), u8::MAX);
            lanes[v] = step.step(lanes[v], x[v]);
        }
    }
    match S::ORDERED {
        true => {
            _mm512_cmp_pd_mask::<_CMP_UNORD_Q>(x[0], x[1])
                | _mm512_cmp_pd_mask::<_CMP_UNORD_Q>(x[2], x[3])
        }
        false => 0,
    }
}

/// As [`whole`], of less than a chunk, from a lane on.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")]
fn part<T: Element, S: Step>(step: S, lanes: &mut Registers, from: usize, x: &[T]) -> u8 {
    if x.is_empty() {
        return 0;
    }
    let own = (u64::MAX >> (64 - x.len())) << from;
    let first = x.as_ptr().wrapping_sub(from);
    let mut unordered = 0;
    for (v, lanes) in lanes.iter_mut().enumerate() {
        let own = (own >> (v * WIDTH)) as u8;
        // SAFETY: those of the elements that are `own` are of `x`, and floats (`leaf`); this
        // function has the features.
        unsafe {
            let x = load(first.wrapping_add(v * WIDTH), own);
            *lanes = _mm512_mask_mov_pd(*lanes, own, step.step(*lanes, x));
            if S::ORDERED {
                unordered |= _mm512_cmp_pd_mask::<_CMP_UNORD_Q>(x, x);
            }
        }
    }
    unordered
}

/// The elements among eight that are `own`, and 0 for the others.
///
/// # Safety
/// The former may be read, and are `f32` or `f64`.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")]
unsafe fn load<T: Element>(x: *const T, own: u8) -> __m512d {
    // SAFETY: what is masked out is not read.
    unsafe {
        match T::DTYPE {
            DType::F32 => _mm512_cvtps_pd(_mm256_maskz_loadu_ps(own, x.cast())),
            DType::F64 => _mm512_maskz_loadu_pd(own, x.cast()),
            _ => unreachable!("`leaf` takes floats"),
        }
    }
}
