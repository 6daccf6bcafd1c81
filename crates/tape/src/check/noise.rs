//! How exactly a function's values are known, measured.

/// Samples of one table.
const SAMPLES: usize = 9;

/// Where [`noise`] wants the function: two tables of evenly spaced changes of the point, relative to
/// it.
///
/// The steps are far above the point's round-off, and no powers of two, so that the samples are
/// numbers of full length, on which products do round. In the first table the fourth differences of
/// any function worth differentiating are nothing but noise; but there it is nearly a line, and where
/// its values are coarse, each may be as many units from the one before: a line without noise. In the
/// second, twenty thousand times as long, it bends.
pub(crate) const TABLES: [[f64; SAMPLES]; 2] =
    [table(0.7549 / (1u64 << 36) as f64), table(0.5698 / (1u64 << 22) as f64)];

const fn table(step: f64) -> [f64; SAMPLES] {
    let mut changes = [0.0; SAMPLES];
    let mut k = 0;
    while k < SAMPLES {
        changes[k] = (k as f64 - (SAMPLES / 2) as f64) * step;
        k += 1;
    }
    changes
}

/// Four standard deviations of the noise of one output, from its values at [`TABLES`]; 0 when they
/// do not tell.
pub(crate) fn noise(tables: [[f64; SAMPLES]; 2]) -> f64 {
    let [near, far] = tables.map(of_table);
    near.max(far).max(unit(tables.as_flattened()))
}

/// The unit that all values are multiples of, if they differ: that of large terms that cancel, as in
/// `v - v tanh²(6)`, where the value itself could be finer. Numbers of full length share none but
/// that of their last place.
fn unit(values: &[f64]) -> f64 {
    let last_bit = |x: f64| {
        let size = x.abs();
        let mantissa = size.to_bits() & ((1 << 52) - 1) | (1 << 52);
        (size.next_up() - size) * (1u64 << mantissa.trailing_zeros()) as f64
    };
    if values.iter().all(|x| x == &values[0]) {
        return 0.0;
    }
    let unit =
        values.iter().filter(|&&x| x != 0.0).map(|&x| last_bit(x)).fold(f64::INFINITY, f64::min);
    if unit.is_finite() { unit } else { 0.0 }
}

/// Fourth differences of independent errors with standard deviation `s` have the standard
/// deviation `s sqrt(8! / 4!^2) = s sqrt(70)` and change their signs; those of a function that bends
/// keep theirs (Hamming's table, as in Moré and Wild, "Estimating computational noise"). Assuming a
/// few units of round-off instead would call a function wrong whose value is small because large
/// terms cancel.
fn of_table(values: [f64; SAMPLES]) -> f64 {
    let mut differences = values;
    for order in 1..=4 {
        for i in 0..SAMPLES - order {
            differences[i] = differences[i + 1] - differences[i];
        }
    }
    let fourth = &differences[..SAMPLES - 4];
    let bends = fourth.iter().all(|&d| d > 0.0) || fourth.iter().all(|&d| d < 0.0);
    let mean_square = fourth.iter().map(|d| d * d).sum::<f64>() / fourth.len() as f64;
    let noise = 4.0 * (mean_square / 70.0).sqrt();
    if noise.is_finite() && !bends { noise } else { 0.0 }
}
