//! Errors and edge values, on every instruction set of this processor.
//!
//! All of the 2^32 `f32` arguments: `examples/ulp_sweep.rs`.

mod exact;
mod goldens;
mod powers;

use super::*;
use crate::simd::{Kernel, Level, dispatch_at};

const LEVELS: [Level; 3] = [Level::Baseline, Level::Avx2, Level::Avx512];

struct Block<'a, F, T>(F, &'a [T], &'a mut [T]);

impl<F: Unary<T>, T: Copy> Kernel for Block<'_, F, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        self.0.block::<I>(self.1, self.2);
    }
}

struct Pairs<'a, F, T>(F, &'a [(T, T)]);

impl<F: Binary<T>, T: Copy> Kernel for Pairs<'_, F, T> {
    type Output = Vec<T>;
    #[inline(always)]
    fn run<I: Isa>(self) -> Vec<T> {
        self.1.iter().map(|&(a, b)| self.0.call::<I>(a, b)).collect()
    }
}

fn block<F: Unary<T>, T: Copy + Default>(level: Level, f: F, x: &[T]) -> Vec<T> {
    let mut out = vec![T::default(); x.len()];
    dispatch_at(level, Block(f, x, &mut out));
    out
}

/// The distance of `y` from `exact`, in units of the spacing of floats with `mantissa` stored bits
/// and exponents from `least` on; infinite where one is NaN or zero has the wrong sign.
fn ulp(y: f64, exact: f64, mantissa: i32, least: i32) -> f64 {
    let same_zero = y.is_sign_negative() == exact.is_sign_negative() || exact != 0.0 || y != 0.0;
    if y == exact && same_zero || y.is_nan() && exact.is_nan() {
        return 0.0;
    }
    let exponent = ((exact.to_bits() >> 52 & 0x7ff) as i32 - 1023).max(least);
    // Subnormal spacings are reached in two steps, for 2^-1074 itself has no reciprocal.
    let distance = (y - exact).abs() * 2.0_f64.powi(-exponent) * 2.0_f64.powi(mantissa);
    if distance.is_nan() || !same_zero { f64::INFINITY } else { distance }
}

/// `f32` arguments of all magnitudes and signs: every exponent equally often, random mantissas.
fn sample() -> Vec<f32> {
    let mut state = 1_u32;
    let random = (0..50_000_u32).map(|i| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f32::from_bits((i % 512) << 23 | state >> 9)
    });
    // Where most functions happen.
    let dense = (0..8_000).map(|i| (i - 4_000) as f32 / 173.0);
    // Where exponentials are subnormal.
    let low = (0..4_000).map(|i| -80.0 - i as f32 / 160.0);
    let edges = [0.0, -0.0, 1.0, -1.0, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN];
    random.chain(dense).chain(low).chain(edges).collect()
}

/// The largest error over the sample stays within `bound`.
fn single(name: &str, f: impl Unary<f32>, reference: fn(f64) -> f64, bound: f64) {
    let x = sample();
    let exact: Vec<f64> = x.iter().map(|&x| reference(f64::from(x))).collect();
    for level in LEVELS {
        for ((&x, &exact), y) in x.iter().zip(&exact).zip(block(level, f, &x)) {
            // What rounds to infinity in f32 is infinite.
            let exact = if (exact as f32).is_infinite() { f64::from(exact as f32) } else { exact };
            let error = ulp(f64::from(y), exact, 23, -126);
            assert!(error <= bound, "{name}({x:e}) = {y:e}, not {exact:e}: {error} ULP, {level:?}");
        }
    }
}

/// The largest error over the exact values stays within `bound`: a whole number, for they are
/// rounded themselves, so 1 allows for a true error below 1.5.
fn double(name: &str, f: impl Unary<f64>, golden: &[(u64, u64)], bound: f64) {
    let x: Vec<f64> = golden.iter().map(|row| f64::from_bits(row.0)).collect();
    for level in LEVELS {
        for ((&x, row), y) in x.iter().zip(golden).zip(block(level, f, &x)) {
            let exact = f64::from_bits(row.1);
            let error = ulp(y, exact, 52, -1022);
            assert!(error <= bound, "{name}({x:e}) = {y:e}, not {exact:e}: {error} ULP, {level:?}");
        }
    }
}

#[test]
fn errors_in_single_precision() {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let softplus = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
    let erf = |x: f64| Unary::<f64>::call::<crate::simd::Baseline>(Erf, x);
    single("exp", Exp, f64::exp, 0.91);
    single("expm1", Expm1, f64::exp_m1, 0.9);
    single("ln", Ln, f64::ln, 0.9);
    single("log1p", Log1p, f64::ln_1p, 1.0);
    single("tanh", Tanh, f64::tanh, 0.99);
    single("sigmoid", Sigmoid, sigmoid, 0.9);
    single("softplus", Softplus, softplus, 1.0);
    single("erf", Erf, erf, 1.0);
    single("sin", Sin, f64::sin, 0.65);
    single("cos", Cos, f64::cos, 0.65);
    single("rsqrt", Rsqrt, |x| 1.0 / x.sqrt(), 0.501);
}

#[test]
fn errors_in_double_precision() {
    double("exp", Exp, goldens::EXP, 1.0);
    double("expm1", Expm1, goldens::EXPM1, 1.0);
    double("ln", Ln, goldens::LN, 1.0);
    double("log1p", Log1p, goldens::LOG1P, 1.0);
    double("tanh", Tanh, goldens::TANH, 1.0);
    double("sigmoid", Sigmoid, goldens::SIGMOID, 1.0);
    double("softplus", Softplus, goldens::SOFTPLUS, 1.0);
    double("erf", Erf, goldens::ERF, 1.0);
    double("sin", Sin, goldens::SIN, 1.0);
    double("cos", Cos, goldens::COS, 1.0);
    double("rsqrt", Rsqrt, goldens::RSQRT, 1.0);
}

macro_rules! edges {
    ($($name:ident: $($x:expr => $y:expr),+;)*) => {
        #[test]
        fn edge_values() {
            $(for (x, y) in [$(($x, $y)),+, (f64::NAN, f64::NAN)] {
                for level in LEVELS {
                    let (got, single) = (block(level, $name, &[x])[0], block(level, $name, &[x as f32])[0]);
                    let name = stringify!($name);
                    assert_eq!(ulp(got, y, 52, -1022), 0.0, "{name}({x}) = {got}, not {y}, {level:?}");
                    assert_eq!(ulp(single.into(), y, 52, -1022), 0.0, "{name}({x}_f32) = {single}, not {y}, {level:?}");
                }
            })*
        }
    };
}

const INF: f64 = f64::INFINITY;

edges! {
    Exp: -INF => 0.0, INF => INF, 1e4 => INF, -1e4 => 0.0, 0.0 => 1.0, -0.0 => 1.0, 1e38 => INF, -1e38 => 0.0;
    Expm1: -INF => -1.0, INF => INF, 1e4 => INF, -1e4 => -1.0, 0.0 => 0.0, -0.0 => -0.0, 1e38 => INF;
    Ln: -INF => f64::NAN, INF => INF, 0.0 => -INF, -0.0 => -INF, -1.0 => f64::NAN, 1.0 => 0.0, -1e-38 => f64::NAN;
    Log1p: -INF => f64::NAN, INF => INF, -1.0 => -INF, -1.5 => f64::NAN, 0.0 => 0.0, -0.0 => -0.0;
    Tanh: -INF => -1.0, INF => 1.0, 40.0 => 1.0, -40.0 => -1.0, 1e38 => 1.0, 0.0 => 0.0, -0.0 => -0.0;
    Sigmoid: -INF => 0.0, INF => 1.0, 40.0 => 1.0, -800.0 => 0.0, -1e38 => 0.0, 0.0 => 0.5, -0.0 => 0.5;
    Softplus: -INF => 0.0, INF => INF, 1000.0 => 1000.0, -1000.0 => 0.0, -1e38 => 0.0;
    Erf: -INF => -1.0, INF => 1.0, 7.0 => 1.0, -7.0 => -1.0, 1e38 => 1.0, 0.0 => 0.0, -0.0 => -0.0;
    Sin: -INF => f64::NAN, INF => f64::NAN, 0.0 => 0.0, -0.0 => -0.0;
    Cos: -INF => f64::NAN, INF => f64::NAN, 0.0 => 1.0, -0.0 => 1.0;
    Sqrt: INF => INF, 0.0 => 0.0, -0.0 => -0.0, -1.0 => f64::NAN, 4.0 => 2.0;
    Rsqrt: INF => 0.0, 0.0 => INF, -0.0 => -INF, -1.0 => f64::NAN, 4.0 => 0.5;
    Recip: INF => 0.0, -INF => -0.0, 0.0 => INF, -0.0 => -INF, 4.0 => 0.25;
    Abs: -0.0 => 0.0, -INF => INF, -2.5 => 2.5;
    Neg: 0.0 => -0.0, -0.0 => 0.0, 2.5 => -2.5;
    Square: -0.0 => 0.0, -INF => INF, -1.5 => 2.25;
    Relu: 0.0 => 0.0, -0.0 => -0.0, -2.5 => 0.0, 2.5 => 2.5, INF => INF, -INF => 0.0;
    Sign: 0.0 => 0.0, -0.0 => -0.0, -2.5 => -1.0, 2.5 => 1.0, INF => 1.0, -INF => -1.0;
    Heaviside: 0.0 => 1.0, -0.0 => 1.0, -2.5 => 0.0, 2.5 => 1.0, INF => 1.0, -INF => 0.0;
    Floor: 0.0 => 0.0, -0.0 => -0.0, 0.5 => 0.0, -0.5 => -1.0, 2.0 => 2.0, -INF => -INF, 1_073_741_824.0 => 1_073_741_824.0;
    Ceil: 0.0 => 0.0, -0.0 => -0.0, 0.5 => 1.0, -0.5 => -0.0, 2.0 => 2.0, INF => INF;
    Round: 0.5 => 0.0, -0.5 => -0.0, 1.5 => 2.0, 2.5 => 2.0, -1.5 => -2.0, 3.2 => 3.0, -INF => -INF;
}

#[test]
fn edge_values_of_two_arguments() {
    const NAN: f64 = f64::NAN;
    check(
        Pow,
        &[
            (0.0, 0.0, 1.0),
            (NAN, 0.0, 1.0),
            (NAN, -0.0, 1.0),
            (1.0, NAN, 1.0),
            (1.0, INF, 1.0),
            (-1.0, INF, 1.0),
            (-1.0, -INF, 1.0),
            (-1.0, NAN, NAN),
            (-1.0, 0.5, NAN),
            (-1.0, 3.0, -1.0),
            (-2.0, 3.0, -8.0),
            (-2.0, 2.0, 4.0),
            (-2.0, -1.0, -0.5),
            (2.0, -1.0, 0.5),
            (NAN, 1.0, NAN),
            (0.0, -1.0, INF),
            (-0.0, -1.0, -INF),
            (-0.0, -2.0, INF),
            (-0.0, 3.0, -0.0),
            (-0.0, 2.0, 0.0),
            (-0.0, 0.5, 0.0),
            (0.0, INF, 0.0),
            (0.0, -INF, INF),
            (0.5, INF, 0.0),
            (0.5, -INF, INF),
            (2.0, INF, INF),
            (2.0, -INF, 0.0),
            (-2.0, INF, INF),
            (-0.5, INF, 0.0),
            (INF, 1.0, INF),
            (INF, -1.0, 0.0),
            (INF, 0.0, 1.0),
            (-INF, 3.0, -INF),
            (-INF, 2.0, INF),
            (-INF, -3.0, -0.0),
            (-INF, 0.5, INF),
            (-INF, -0.5, 0.0),
            (10.0, 400.0, INF),
            (10.0, -400.0, 0.0),
            (-10.0, 401.0, -INF),
            (-10.0, -401.0, -0.0),
            (4.0, 0.5, 2.0),
            (2.0, 10.0, 1024.0),
        ],
    );
    check(
        Mul0,
        &[
            (0.0, INF, 0.0),
            (-0.0, NAN, 0.0),
            (0.0, 1.0, 0.0),
            (NAN, 0.0, NAN),
            (2.0, INF, INF),
            (2.0, NAN, NAN),
            (2.0, 3.0, 6.0),
        ],
    );
    check(Minimum, &[(1.0, 2.0, 1.0), (2.0, 1.0, 1.0), (NAN, 1.0, NAN), (1.0, NAN, NAN)]);
    check(Maximum, &[(1.0, 2.0, 2.0), (2.0, 1.0, 2.0), (NAN, 1.0, NAN), (1.0, NAN, NAN)]);
    check(Add, &[(1.0, 2.0, 3.0)]);
    check(Sub, &[(1.0, 2.0, -1.0)]);
    check(Mul, &[(3.0, 2.0, 6.0)]);
    check(Div, &[(1.0, 2.0, 0.5)]);
}

fn check<F: Binary<f64> + Binary<f32>>(f: F, table: &[(f64, f64, f64)]) {
    for level in LEVELS {
        for &(a, b, y) in table {
            let got = dispatch_at(level, Pairs(f, &[(a, b)]))[0];
            assert_eq!(ulp(got, y, 52, -1022), 0.0, "({a}, {b}): {got}, not {y}, {level:?}");
            let got = dispatch_at(level, Pairs(f, &[(a as f32, b as f32)]))[0];
            assert_eq!(ulp(got.into(), y, 52, -1022), 0.0, "({a}, {b}): {got}, not {y}, {level:?}");
        }
    }
}

#[test]
fn clamp_keeps_nan_and_lets_the_upper_bound_win() {
    for level in LEVELS {
        let clamp = |lo, hi, x| block(level, Clamp { lo, hi }, &[x])[0];
        assert_eq!(clamp(-1.0, 2.0, 3.0), 2.0);
        assert_eq!(clamp(-1.0, 2.0, -3.0), -1.0);
        assert_eq!(clamp(-1.0, 2.0, 0.5), 0.5);
        assert_eq!(clamp(2.0, -1.0, 0.5), -1.0);
        assert!(clamp(-1.0, 2.0, f64::NAN).is_nan());
    }
}

#[test]
fn rounding_without_the_instruction_is_the_same() {
    let x = sample();
    let same = |f: fn(f32) -> f32, y: Vec<f32>| {
        for (&x, y) in x.iter().zip(y) {
            assert!(f(x).to_bits() == y.to_bits() || x.is_nan() && y.is_nan(), "{x:e}: {y:e}");
        }
    };
    for level in LEVELS {
        same(f32::floor, block(level, Floor, &x));
        same(f32::ceil, block(level, Ceil, &x));
        same(f32::round_ties_even, block(level, Round, &x));
    }
}

#[test]
fn bounded_functions_stay_within_their_bounds() {
    let x = sample();
    let wide: Vec<f64> = x.iter().map(|&x| f64::from(x)).collect();
    for level in LEVELS {
        let inside =
            |y: Vec<f64>, lo: f64| assert!(y.iter().all(|&y| y.is_nan() || lo <= y && y <= 1.0));
        inside(block(level, Tanh, &wide), -1.0);
        inside(block(level, Erf, &wide), -1.0);
        inside(block(level, Sin, &wide), -1.0);
        inside(block(level, Cos, &wide), -1.0);
        inside(block(level, Sigmoid, &wide), 0.0);
        let inside =
            |y: Vec<f32>, lo: f32| assert!(y.iter().all(|&y| y.is_nan() || lo <= y && y <= 1.0));
        inside(block(level, Tanh, &x), -1.0);
        inside(block(level, Erf, &x), -1.0);
        inside(block(level, Sin, &x), -1.0);
        inside(block(level, Cos, &x), -1.0);
        inside(block(level, Sigmoid, &x), 0.0);
    }
}

/// Calm arguments take a shorter kernel, by runs: no bit may tell. The arguments are beyond the
/// limits of every kernel on both sides, and begin and end calm.
#[test]
fn a_block_of_calm_arguments_has_the_bits_of_its_elements() {
    fn check<T: num_traits::Float + Default + std::fmt::Debug>(
        f: impl Unary<T>,
        level: Level,
        x: &[T],
    ) {
        // One argument that is not calm makes the whole run take the longer kernel.
        let wild = |&x: &T| block(level, f, &[x, T::nan()])[0];
        let calm = |&x: &T| block(level, f, &[x])[0];
        let each: Vec<T> = x.iter().map(wild).collect();
        assert_eq!(x.iter().map(calm).collect::<Vec<_>>(), each, "{level:?}");
        // Blocks that begin calm, of lengths that are no multiple of any vector's.
        for len in [3, 37, 63, 64, 65, 511, 1111, x.len()] {
            assert_eq!(block(level, f, &x[..len]), each[..len], "{level:?}, {len}");
        }
    }
    fn both(f: impl Unary<f32> + Unary<f64>, level: Level, x: &[f64]) {
        let singles: Vec<f32> = x.iter().map(|&x| x as f32 / 7.0).collect();
        check(f, level, &singles);
        check(f, level, x);
    }
    let wide =
        |i: i32| f64::from(if !(600..3400).contains(&i) { i % 90 } else { i - 2000 }) * 0.566;
    let x: Vec<f64> = (0..4000).map(wide).collect();
    let positive: Vec<f64> = x.iter().map(|x| x.exp2()).collect();
    for level in LEVELS {
        both(Exp, level, &x);
        both(Expm1, level, &x);
        both(Tanh, level, &x);
        both(Sigmoid, level, &x);
        both(Softplus, level, &x);
        both(Erf, level, &x);
        both(Ln, level, &positive);
        both(Log1p, level, &positive);
        let pairs: Vec<(f64, f64)> = positive.iter().copied().zip(x.iter().copied()).collect();
        let mut out = vec![0.0; x.len()];
        dispatch_at(level, PairBlock(Pow, &positive, &x, &mut out));
        assert_eq!(out, dispatch_at(level, Pairs(Pow, &pairs)), "{level:?}");
    }
}

struct PairBlock<'a, F, T>(F, &'a [T], &'a [T], &'a mut [T]);

impl<F: Binary<T>, T: Copy> Kernel for PairBlock<'_, F, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        self.0.block::<I>(self.1, self.2, self.3);
    }
}

/// One element at a time and as a block, huge arguments among others.
#[test]
fn a_block_is_its_elements() {
    let x: Vec<f64> =
        (0..1500).map(|i| if i % 700 == 3 { 1e300 } else { f64::from(i) / 7.0 }).collect();
    for level in LEVELS {
        let each: Vec<f64> = x.iter().map(|&x| block(level, Sin, &[x])[0]).collect();
        assert_eq!(block(level, Sin, &x), each);
        let each: Vec<f64> = x.iter().map(|&x| block(level, Cos, &[x])[0]).collect();
        assert_eq!(block(level, Cos, &x), each);
    }
    struct Calls<'a>(&'a [f64]);
    impl Kernel for Calls<'_> {
        type Output = Vec<f64>;
        #[inline(always)]
        fn run<I: Isa>(self) -> Vec<f64> {
            self.0.iter().map(|&x| Sin.call::<I>(x)).collect()
        }
    }
    for level in LEVELS {
        assert_eq!(dispatch_at(level, Calls(&x)), block(level, Sin, &x));
    }
}
