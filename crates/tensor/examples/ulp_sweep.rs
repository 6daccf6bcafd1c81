//! Measures the error of the `f32` functions over all 2^32 inputs, against double precision.
//!
//! ```text
//! cargo run --release -p rewind-tensor --example ulp_sweep -- --help
//! ```

use rayon::prelude::*;
use tensor::math::{self, Binary, Unary};
use tensor::simd::{self, Isa, Kernel, Level};

const HELP: &str = "\
Measures the error of the f32 functions over all 2^32 inputs, in units in the last place.

Usage: ulp_sweep [OPTIONS] [FUNCTION]...

Without FUNCTION: all of them. A function takes one or two minutes on two cores.

Options:
  --stride N    every N-th bit pattern only (default 1)
  --level L     baseline, avx2 or avx512 (default: the best this processor has)
  --list        the names of the functions
  --help        this text

Prints, for each function, the largest error and the argument where it is attained. The reference
is the standard library in double precision (for erf: this library in double precision); its own
error is below 1e-8 units.";

/// A function, as it is measured: a block of it in `f32`, and a reference in `f64`.
struct Subject {
    name: &'static str,
    block: fn(Level, &[f32], &mut [f32]),
    reference: fn(f64) -> f64,
}

struct Block<'a, F>(F, &'a [f32], &'a mut [f32]);

impl<F: Unary<f32>> Kernel for Block<'_, F> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        self.0.block::<I>(self.1, self.2);
    }
}

/// `a^x` and `x^b`, as functions of one argument.
#[derive(Clone, Copy)]
struct PowOf<const BASE_TIMES_8: i32>;
#[derive(Clone, Copy)]
struct PowBy<const EXPONENT_TIMES_8: i32>;

impl<const N: i32> Unary<f32> for PowOf<N> {
    #[inline(always)]
    fn call<I: Isa>(self, x: f32) -> f32 {
        Binary::<f32>::call::<I>(math::Pow, N as f32 / 8.0, x)
    }
}

impl<const N: i32> Unary<f32> for PowBy<N> {
    #[inline(always)]
    fn call<I: Isa>(self, x: f32) -> f32 {
        Binary::<f32>::call::<I>(math::Pow, x, N as f32 / 8.0)
    }
}

macro_rules! subjects {
    ($($name:literal: $function:expr, $reference:expr;)*) => {
        &[$(Subject {
            name: $name,
            block: |level, x, out| simd::dispatch_at(level, Block($function, x, out)),
            reference: $reference,
        },)*]
    };
}

const SUBJECTS: &[Subject] = subjects! {
    "exp": math::Exp, f64::exp;
    "expm1": math::Expm1, f64::exp_m1;
    "ln": math::Ln, f64::ln;
    "log1p": math::Log1p, f64::ln_1p;
    "tanh": math::Tanh, f64::tanh;
    "sigmoid": math::Sigmoid, |x| 1.0 / (1.0 + (-x).exp());
    "softplus": math::Softplus, |x| x.max(0.0) + (-x.abs()).exp().ln_1p();
    "erf": math::Erf, |x| Unary::<f64>::call::<simd::Baseline>(math::Erf, x);
    "sin": math::Sin, f64::sin;
    "cos": math::Cos, f64::cos;
    "rsqrt": math::Rsqrt, |x| 1.0 / x.sqrt();
    "pow(2.5,x)": PowOf::<20>, |x| 2.5_f64.powf(x);
    "pow(x,2.5)": PowBy::<20>, |x| x.powf(2.5);
    "pow(x,-3)": PowBy::<-24>, |x| x.powf(-3.0);
    "pow(x,1/8)": PowBy::<1>, |x| x.powf(0.125);
};

/// The distance of `y` from the exact result in units of the spacing of `f32` there; infinite for
/// a NaN on one side only, and for a zero of the wrong sign.
fn ulp(y: f32, exact: f64) -> f64 {
    if exact.is_nan() || y.is_nan() {
        return if exact.is_nan() && y.is_nan() { 0.0 } else { f64::INFINITY };
    }
    if exact == 0.0 && y == 0.0 {
        let same = y.is_sign_negative() == exact.is_sign_negative();
        return if same { 0.0 } else { f64::INFINITY };
    }
    // An infinite result stands for 2^128, where the next float would be.
    let overflow = 2.0_f64.powi(128);
    let y = f64::from(y).clamp(-overflow, overflow);
    let exact = exact.clamp(-overflow, overflow);
    let exponent = ((exact.to_bits() >> 52) & 0x7ff) as i32 - 1023;
    (y - exact).abs() / 2.0_f64.powi(exponent.clamp(-126, 127) - 23)
}

/// The largest error, and where.
fn worst(subject: &Subject, level: Level, stride: u32) -> (f64, f32) {
    const BLOCK: u64 = 1 << 12;
    let count = (1_u64 << 32).div_ceil(u64::from(stride));
    (0..count.div_ceil(BLOCK))
        .into_par_iter()
        .map(|block| {
            let indices = block * BLOCK..((block + 1) * BLOCK).min(count);
            let x: Vec<f32> =
                indices.map(|i| f32::from_bits((i * u64::from(stride)) as u32)).collect();
            let mut y = vec![0.0; x.len()];
            (subject.block)(level, &x, &mut y);
            let errors = x.iter().zip(&y).map(|(&x, &y)| {
                let exact = (subject.reference)(f64::from(x));
                (ulp(y, exact), x)
            });
            errors.fold((0.0, 0.0), larger)
        })
        .reduce(|| (0.0, 0.0), larger)
}

fn larger(a: (f64, f32), b: (f64, f32)) -> (f64, f32) {
    if b.0 > a.0 { b } else { a }
}

fn main() {
    let (mut stride, mut level, mut names) = (1_u32, simd::level(), Vec::new());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().unwrap_or_else(|| usage("a value is missing"));
        match argument.as_str() {
            "--help" | "-h" => return println!("{HELP}"),
            "--list" => return SUBJECTS.iter().for_each(|s| println!("{}", s.name)),
            "--stride" => match value().parse() {
                Ok(n) if n > 0 => stride = n,
                _ => usage("--stride takes a positive number"),
            },
            "--level" => match value().as_str() {
                "baseline" => level = Level::Baseline,
                "avx2" => level = Level::Avx2,
                "avx512" => level = Level::Avx512,
                _ => usage("--level takes baseline, avx2 or avx512"),
            },
            name if SUBJECTS.iter().any(|s| s.name == name) => names.push(argument),
            name => usage(&format!("no function `{name}`; see --list")),
        }
    }
    println!(
        "{:<12} {:>8}  at  ({:?}, every {stride})",
        "function",
        "ULP",
        level.min(simd::level())
    );
    for subject in SUBJECTS {
        if names.is_empty() || names.iter().any(|name| name == subject.name) {
            let (error, x) = worst(subject, level, stride);
            println!("{:<12} {error:>8.4}  {x:e} ({:#010x})", subject.name, x.to_bits());
        }
    }
}

fn usage(message: &str) -> ! {
    eprintln!("{message}\n\n{HELP}");
    std::process::exit(2);
}
