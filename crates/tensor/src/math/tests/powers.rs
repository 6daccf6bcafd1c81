//! Powers: their errors, and the exponents that are products.

use super::*;
use crate::element::Float;

#[test]
fn errors_of_pow() {
    let (arguments, exact): (Vec<_>, Vec<_>) = goldens::POW
        .iter()
        .map(|row| ((f64::from_bits(row.0), f64::from_bits(row.1)), f64::from_bits(row.2)))
        .unzip();
    let bases = sample();
    let singles: Vec<(f32, f32)> =
        bases.iter().zip(bases.iter().rev().step_by(3)).map(|(&a, &b)| (a, b)).collect();
    for level in LEVELS {
        for (i, y) in dispatch_at(level, Pairs(Pow, &arguments)).into_iter().enumerate() {
            let error = ulp(y, exact[i], 52, -1022);
            assert!(error <= 1.0, "{:?}: {y:e}, not {:e}, {level:?}", arguments[i], exact[i]);
        }
        for (&(a, b), y) in singles.iter().zip(dispatch_at(level, Pairs(Pow, &singles))) {
            let exact = f64::from(a).powf(f64::from(b));
            let exact = if (exact as f32).is_infinite() { f64::from(exact as f32) } else { exact };
            // Beyond f64's own subnormals the reference is 0, and so is the result.
            let error = ulp(f64::from(y), exact, 23, -126);
            assert!(error <= 0.55, "{a:e}^{b:e} = {y:e}, not {exact:e}: {error} ULP, {level:?}");
        }
    }
}

/// Bases with an edge each, and some without.
fn bases() -> Vec<f64> {
    let edges = [0.0, 1.0, f64::INFINITY, f64::NAN, 5e-324, 1e-310, 1e-160, 1e160, f64::MAX];
    let plain = (1..600).map(|i| f64::from(i) * 0.037 - 9.0);
    edges.into_iter().flat_map(|x| [x, -x]).chain(plain).collect()
}

#[test]
fn a_power_has_the_same_bits_whether_its_neighbours_have_the_same_exponent_or_not() {
    fn check<T: Float>(bits: impl Fn(T) -> u64)
    where
        Pow: Binary<T>,
    {
        let bases: Vec<T> = bases().into_iter().map(T::of).collect();
        for level in LEVELS {
            for n in [-2.0, -1.0, 0.0, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0] {
                let n = T::of(n);
                let alike = vec![n; bases.len()];
                let mut out = vec![T::of(0.0); bases.len()];
                dispatch_at(level, PairBlock(Pow, &bases, &alike, &mut out));
                // Between others, whose exponents are of all kinds.
                let pairs = bases.iter().flat_map(|&a| [(a, n), (a, T::of(2.5)), (a, T::of(3.0))]);
                let (a, b): (Vec<T>, Vec<T>) = pairs.unzip();
                let mut mixed = vec![T::of(0.0); a.len()];
                dispatch_at(level, PairBlock(Pow, &a, &b, &mut mixed));
                for ((x, &y), &z) in bases.iter().zip(&out).zip(mixed.iter().step_by(3)) {
                    let same = bits(y) == bits(z) || y.is_nan() && z.is_nan();
                    assert!(same, "{x}^{n}: {y} alone, {z} among others, {level:?}");
                }
            }
        }
    }
    check::<f32>(|x| x.to_bits().into());
    check::<f64>(f64::to_bits);
}

#[test]
fn powers_that_are_products_are_rounded_once() {
    // Integers whose powers fit 127 bits, of many digits; a conversion rounds once.
    let integers = (1..2000_i64).map(|i| i * 0x9E37_79B9_7F4A % 0x3FFF_FFFF - 0x1FFF_FFFF);
    let integers: Vec<i64> = integers.filter(|&i| i != 0).collect();
    for level in LEVELS {
        for (n, scale) in [(1, 0), (2, -500), (3, 200), (3, -350), (4, 150), (4, -100), (4, -270)] {
            let unit = 2f64.powi(scale);
            let pairs: Vec<(f64, f64)> =
                integers.iter().map(|&i| (i as f64 * unit, f64::from(n))).collect();
            for (&i, y) in integers.iter().zip(dispatch_at(level, Pairs(Pow, &pairs))) {
                let exact = (0..n).fold(i128::from(i).pow(n) as f64, |y, _| y * unit);
                assert_eq!(y, exact, "{i}^{n}, {level:?}");
            }
        }
        let pairs: Vec<(f32, f32)> = integers.iter().map(|&i| (i as f32, 3.0)).collect();
        for (&(a, _), y) in pairs.iter().zip(dispatch_at(level, Pairs(Pow, &pairs))) {
            let exact = (a as i128).pow(3);
            assert_eq!(y, exact as f32, "{a}, {level:?}");
        }
    }
}
