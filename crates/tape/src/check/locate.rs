//! From a random combination that is wrong to the single entry behind it.

use super::compare::{self, Verdict, compare};
use super::engine::{analytic_row, comparison, entry};
use super::numeric::Numeric;
use super::report::{Comparison, GradcheckError};
use super::subject::{Subject, dot};

/// The entry of the Jacobian that is wrong by most, or near it: halves the direction and then the
/// combination, and follows the half that errs more. `None` if no single entry is wrong by more
/// than its own tolerance.
pub(crate) fn worst_entry(
    subject: &Subject<'_>,
    combination: &[f64],
    direction: &[f64],
) -> Result<Option<Comparison>, GradcheckError> {
    let gradient = subject.vjp(combination)?;
    let rows = [combination.to_vec()];
    let column = bisect(direction, |part| {
        let along = subject.along(part, &rows);
        Ok(error(dot(&gradient, part), &along[0]))
    })?;
    let by_column = subject.by_element(column);
    let value = |n: &Numeric| if let Numeric::Smooth(n) = n { n.value } else { 0.0 };
    let numeric: Vec<f64> = by_column.iter().map(value).collect();
    let row = bisect(combination, |part| {
        let gradient = subject.vjp(part)?;
        Ok((gradient[column] - dot(part, &numeric)).abs())
    })?;
    let analytic = analytic_row(subject, row, 1.0)?[column];
    let largest = compare::size(analytic, &by_column[row]);
    Ok(match compare(analytic, &by_column[row], largest) {
        Verdict::Fail(score) => {
            let name = entry(subject, row, column);
            Some(comparison(subject, name, analytic, &by_column[row], Some(score)))
        }
        _ => None,
    })
}

fn error(analytic: f64, numeric: &Numeric) -> f64 {
    match numeric {
        Numeric::Smooth(estimate) => (analytic - estimate.value).abs() - estimate.error,
        _ => 0.0,
    }
}

/// Halves the support of `weights` until one element is left.
fn bisect(
    weights: &[f64],
    mut error: impl FnMut(&[f64]) -> Result<f64, GradcheckError>,
) -> Result<usize, GradcheckError> {
    let (mut start, mut end) = (0, weights.len());
    while end - start > 1 {
        let middle = start.midpoint(end);
        let mut half = |from: usize, to: usize| {
            let mut part = vec![0.0; weights.len()];
            part[from..to].copy_from_slice(&weights[from..to]);
            error(&part)
        };
        if half(start, middle)? >= half(middle, end)? {
            end = middle;
        } else {
            start = middle;
        }
    }
    Ok(start)
}
