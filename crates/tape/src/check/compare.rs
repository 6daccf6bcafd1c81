//! The verdict on one derivative.

use super::numeric::Numeric;

/// Multiples of the error estimate that are tolerated.
const MARGIN: f64 = 10.0;
/// Relative difference that is tolerated: round-off of the rule itself.
const RELATIVE: f64 = 1e-9;
/// Relative uncertainty above which agreement says nothing.
const POWER: f64 = 1e-6;

/// What one-hot cotangents are multiplied by: a rule that forgets its cotangent, or squares it, is
/// right for 1.
pub(crate) const COTANGENT: f64 = 1.7;

/// What a comparison says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// The difference, in units of what is tolerated.
    Pass(f64),
    Fail(f64),
    Inconclusive,
}

/// Compares the rule's derivative with the function's. There is no absolute tolerance: what a
/// derivative of 0 may differ by follows from the round-off of the function.
///
/// Agreement within a wide error bar is no agreement. It counts only where the derivative is known
/// to 1e-6 of itself or, if it is consistent with 0, of the largest derivative of the same output
/// (`largest`).
pub(crate) fn compare(analytic: f64, numeric: &Numeric, largest: f64) -> Verdict {
    if !analytic.is_finite() {
        return Verdict::Fail(f64::INFINITY);
    }
    let Numeric::Smooth(estimate) = numeric else {
        return Verdict::Inconclusive;
    };
    let size = analytic.abs().max(estimate.value.abs());
    let bar = MARGIN * estimate.error;
    let difference = (analytic - estimate.value).abs();
    let score = if difference == 0.0 { 0.0 } else { difference / (bar + RELATIVE * size) };
    let negligible = size <= RELATIVE * largest || (size <= bar && bar <= POWER * largest);
    if score > 1.0 {
        Verdict::Fail(score)
    } else if bar > POWER * size && !negligible {
        Verdict::Inconclusive
    } else {
        Verdict::Pass(score)
    }
}

/// The size of a derivative as far as it is known, for the largest of an output.
pub(crate) fn size(analytic: f64, numeric: &Numeric) -> f64 {
    match numeric {
        Numeric::Smooth(estimate) => analytic.abs().max(estimate.value.abs()),
        _ => 0.0,
    }
}

/// What a wrong derivative looks like. `counts` are sizes that a mean divides by.
pub(crate) fn hint(analytic: f64, numeric: f64, error: f64, counts: &[usize]) -> Option<String> {
    if !analytic.is_finite() {
        return Some("the rule gives no finite number".into());
    }
    if analytic == 0.0 {
        return Some("the rule gives nothing: is a term missing, or an input detached?".into());
    }
    if numeric.abs() <= MARGIN * error {
        return Some("the function does not depend on this element".into());
    }
    let ratio = analytic / numeric;
    let slack = RELATIVE.max(2.0 * MARGIN * error / numeric.abs());
    let is = |value: f64| (ratio / value - 1.0).abs() <= slack;
    if is(-1.0) {
        return Some("looks like a wrong sign".into());
    }
    if is(1.0 / COTANGENT) || is(-1.0 / COTANGENT) {
        return Some("looks as if the rule forgot the cotangent".into());
    }
    for &n in counts.iter().filter(|&&n| n > 2) {
        let n_ = n as f64;
        if is(n_) || is(1.0 / n_) {
            let text = if is(n_) { "times" } else { "divided by" };
            return Some(format!("{text} {n}: looks like a sum taken for a mean or the reverse"));
        }
    }
    let known = [2.0, 0.5, -2.0, -0.5].into_iter().find(|&k| is(k))?;
    Some(format!("looks like a factor {known} too much"))
}

#[cfg(test)]
mod tests {
    use super::super::numeric::Estimate;
    use super::*;

    fn smooth(value: f64, error: f64) -> Numeric {
        Numeric::Smooth(Estimate { value, error, step: 0.25, order: 4 })
    }

    #[test]
    fn there_is_no_absolute_tolerance() {
        assert!(matches!(compare(0.0, &smooth(1e-30, 1e-45), 1.0), Verdict::Fail(_)));
        assert!(matches!(compare(1e-30, &smooth(1e-30, 1e-45), 1.0), Verdict::Pass(_)));
        assert!(matches!(compare(0.0, &smooth(0.0, 1e-16), 0.0), Verdict::Pass(_)));
    }

    #[test]
    fn agreement_within_a_wide_bar_is_none() {
        assert_eq!(compare(1.0, &smooth(1.0, 1e-6), 1.0), Verdict::Inconclusive);
        assert!(matches!(compare(1.0, &smooth(1.0, 1e-8), 1.0), Verdict::Pass(_)));
        assert!(matches!(compare(1e-18, &smooth(3e-17, 1e-16), 1.0), Verdict::Pass(_)));
        assert_eq!(compare(1e-18, &smooth(3e-17, 1e-16), 1e-16), Verdict::Inconclusive);
    }

    #[test]
    fn hints_name_the_usual_mistakes() {
        let hint = |a, n| hint(a, n, 1e-15, &[12]).unwrap_or_default();
        assert!(hint(-3.0, 3.0).contains("sign"));
        assert!(hint(3.0, 1.5).contains("factor 2"));
        assert!(hint(0.0, 1.5).contains("nothing"));
        assert!(hint(36.0, 3.0).contains("times 12"));
        assert!(hint(0.25, 3.0).contains("divided by 12"));
        assert_eq!(hint(3.1, 3.0), "");
    }
}
