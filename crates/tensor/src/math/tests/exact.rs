//! Functions that are exact or correctly rounded.

use super::*;

#[test]
fn exact_functions_give_the_same_bits_on_every_instruction_set() {
    fn unary<F: Unary<f32>>(f: F) {
        assert!(F::EXACT);
        let (x, bits) = (sample(), |y: Vec<f32>| y.into_iter().map(one_nan).collect::<Vec<_>>());
        let exact = bits(block(Level::Baseline, f, &x));
        LEVELS.into_iter().for_each(|level| assert_eq!(bits(block(level, f, &x)), exact));
    }
    fn binary<F: Binary<f32>>(f: F) {
        assert!(F::EXACT);
        let x = sample();
        let pairs: Vec<_> = x.iter().copied().zip(x.iter().rev().copied()).collect();
        let bits = |level| dispatch_at(level, Pairs(f, &pairs)).into_iter().map(one_nan);
        let exact: Vec<u32> = bits(Level::Baseline).collect();
        LEVELS.into_iter().for_each(|level| assert!(bits(level).eq(exact.iter().copied())));
    }
    /// The bits of `y`, of which a NaN has no sign and no payload to be compared.
    fn one_nan(y: f32) -> u32 {
        if y.is_nan() { f32::NAN.to_bits() } else { y.to_bits() }
    }
    unary(Abs);
    unary(Neg);
    unary(Square);
    unary(Recip);
    unary(Sqrt);
    unary(Relu);
    unary(Sign);
    unary(Heaviside);
    unary(Clamp::new(-0.3, 7.1));
    binary(Add);
    binary(Sub);
    binary(Mul);
    binary(Div);
    binary(Minimum);
    binary(Maximum);
    binary(Mul0);
}
