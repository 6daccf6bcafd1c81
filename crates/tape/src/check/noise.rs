//! How exactly a function's values are known, measured.

/// Offsets, in steps, at which [`noise`] wants the function.
pub(crate) const OFFSETS: [f64; 9] = [-4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0];

/// The step of the samples, relative to the point: far above its round-off, so small that the
/// fourth differences of any function worth differentiating are nothing but noise, and no power of
/// two, so that the samples are numbers of full length, on which products do round.
pub(crate) const STEP: f64 = 0.7549 / (1u64 << 36) as f64;

/// Four standard deviations of the noise of one output, from its values at [`OFFSETS`]; 0 when
/// they do not tell.
///
/// Fourth differences of independent errors with standard deviation `s` have the standard
/// deviation `s sqrt(8! / 4!^2) = s sqrt(70)` (Hamming's table, as in Moré and Wild, "Estimating
/// computational noise"). Assuming a few units of round-off instead would call a function wrong
/// whose value is small because large terms cancel.
pub(crate) fn noise(values: [f64; 9]) -> f64 {
    let mut differences = values;
    for order in 1..=4 {
        for i in 0..9 - order {
            differences[i] = differences[i + 1] - differences[i];
        }
    }
    let mean_square = differences[..5].iter().map(|d| d * d).sum::<f64>() / 5.0;
    let noise = 4.0 * (mean_square / 70.0).sqrt();
    if noise.is_finite() { noise } else { 0.0 }
}
