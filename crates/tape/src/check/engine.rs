//! The check itself: a table of derivatives by rule and by differences, and its verdict.

use super::compare::{self, COTANGENT, Verdict, compare};
use super::locate;
use super::numeric::{Estimate, Numeric, power_of_two};
use super::random::Random;
use super::report::{Comparison, Derivative, Finding, Findings, GradcheckError, Report};
use super::subject::{Subject, dot};

/// Jacobians up to this size, and of no more columns than this, are compared entry by entry. A
/// column costs some twenty evaluations of the function.
pub(crate) const FULL: (usize, usize) = (65_536, 1024);
/// Random combinations of outputs, and half the random directions. With one pair, some wrong
/// Jacobians lie almost across it; with eight by sixteen the odds that all miss one are below
/// 1e-16.
const DIRECTIONS: usize = 8;
const SHOWN: usize = 5;

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Options {
    /// Always or never; by size otherwise.
    pub(crate) projected: Option<bool>,
    pub(crate) allow_inconclusive: bool,
    pub(crate) seed: u64,
}

/// Derivatives of `rows` (outputs, or combinations of them) by `columns` (elements, or directions).
struct Table {
    /// By row.
    analytic: Vec<Vec<f64>>,
    /// By column.
    numeric: Vec<Vec<Numeric>>,
}

/// Checks a function's rule; `order` is for the messages.
pub(crate) fn check(
    subject: &Subject<'_>,
    random: &mut Random,
    order: u32,
    options: Options,
) -> Result<Report, GradcheckError> {
    if !options.projected.unwrap_or(!small(subject)) {
        let name = |row, column| entry(subject, row, column);
        return full(subject, random)?.judge(subject, order, options, name, |_, _| Ok(None));
    }
    let combinations: Vec<Vec<f64>> =
        (0..DIRECTIONS).map(|_| random.normals(subject.outputs.len())).collect();
    let directions = directions(subject, random);
    let table = projected(subject, &combinations, &directions)?;
    let name = |row, column| Derivative::Projection { input: column, output: row };
    table.judge(subject, order, options, name, |row, column| {
        locate::worst_entry(subject, &combinations[row], &directions[column])
    })
}

fn small(subject: &Subject<'_>) -> bool {
    let (rows, columns) = (subject.outputs.len(), subject.inputs.len());
    rows.saturating_mul(columns) <= FULL.0 && columns <= FULL.1
}

pub(crate) fn entry(subject: &Subject<'_>, row: usize, column: usize) -> Derivative {
    Derivative::Entry {
        input: subject.inputs.element(column),
        output: subject.outputs.element(row),
    }
}

/// The rule's derivatives of one output by all inputs.
pub(crate) fn analytic_row(
    subject: &Subject<'_>,
    row: usize,
    sign: f64,
) -> Result<Vec<f64>, GradcheckError> {
    let mut cotangent = vec![0.0; subject.outputs.len()];
    cotangent[row] = sign * COTANGENT;
    let gradient = subject.vjp(&cotangent)?;
    Ok(gradient.iter().map(|g| g / cotangent[row]).collect())
}

fn full(subject: &Subject<'_>, random: &mut Random) -> Result<Table, GradcheckError> {
    let rows = 0..subject.outputs.len();
    let analytic = rows.map(|row| analytic_row(subject, row, random.sign()));
    let analytic = analytic.collect::<Result<_, _>>()?;
    let columns = 0..subject.inputs.len();
    Ok(Table { analytic, numeric: columns.map(|c| subject.by_element(c)).collect() })
}

/// Half of them move every element by its own size but at least 1 (as the full check does), half by
/// its own size but at least a thousandth of its tensor's: no one scale suits `x` of 1e8, `ln` at
/// 1e-7 and weights around 0 alike.
fn directions(subject: &Subject<'_>, random: &mut Random) -> Vec<Vec<f64>> {
    let mut floors = Vec::with_capacity(subject.point.len());
    let mut rest = &subject.point[..];
    for size in subject.inputs.sizes() {
        let (tensor, tail) = rest.split_at(size);
        let rms = (dot(tensor, tensor) / size.max(1) as f64).sqrt();
        let floor = if rms > 0.0 { 1e-3 * rms } else { 1.0 };
        floors.extend(std::iter::repeat_n(floor, size));
        rest = tail;
    }
    let scaled = |k: usize| {
        let normals = random.normals(subject.point.len());
        let elements = normals.iter().zip(&subject.point).zip(&floors);
        let floor = |floor: f64| if k < DIRECTIONS { 1.0 } else { floor };
        elements.map(|((z, x), &f)| z * power_of_two(x.abs().max(floor(f)))).collect()
    };
    (0..2 * DIRECTIONS).map(scaled).collect()
}

fn projected(
    subject: &Subject<'_>,
    combinations: &[Vec<f64>],
    directions: &[Vec<f64>],
) -> Result<Table, GradcheckError> {
    let mut analytic = Vec::with_capacity(combinations.len());
    for combination in combinations {
        let gradient = subject.vjp(combination)?;
        analytic.push(directions.iter().map(|d| dot(&gradient, d)).collect());
    }
    let numeric = directions.iter().map(|d| subject.along(d, combinations)).collect();
    Ok(Table { analytic, numeric })
}

/// The score, the row and the column of a derivative that did not pass.
type Missed = (f64, usize, usize);

impl Table {
    /// Compares all derivatives: which are wrong, the worst first, and which cannot be judged.
    fn verdicts(&self) -> (Report, Vec<Missed>, Vec<Missed>) {
        let mut report = Report::default();
        let (mut wrong, mut unknown) = (Vec::new(), Vec::new());
        for (row, analytic) in self.analytic.iter().enumerate() {
            let entries = || analytic.iter().zip(&self.numeric).map(|(&a, n)| (a, &n[row]));
            let largest = entries().map(|(a, n)| compare::size(a, n)).fold(0.0, f64::max);
            for (column, (a, n)) in entries().enumerate() {
                report.compared += 1;
                match compare(a, n, largest) {
                    Verdict::Pass(score) => report.worst = report.worst.max(score),
                    Verdict::Fail(score) => wrong.push((score, row, column)),
                    Verdict::Inconclusive => unknown.push((0.0, row, column)),
                }
            }
        }
        report.inconclusive = unknown.len();
        wrong.sort_by(|a, b| b.0.total_cmp(&a.0));
        (report, wrong, unknown)
    }

    /// `name` names a derivative; `find` looks for the entry of the Jacobian behind the worst.
    fn judge(
        &self,
        subject: &Subject<'_>,
        order: u32,
        options: Options,
        name: impl Fn(usize, usize) -> Derivative,
        find: impl FnOnce(usize, usize) -> Result<Option<Comparison>, GradcheckError>,
    ) -> Result<Report, GradcheckError> {
        let (mut report, wrong, unknown) = self.verdicts();
        let mut shown = Vec::new();
        if let Some(&(_, row, column)) = wrong.first() {
            shown.extend(find(row, column)?);
        }
        let judged = if wrong.is_empty() { &unknown } else { &wrong };
        for &(score, row, column) in judged.iter().take(SHOWN - shown.len()) {
            let (analytic, numeric) = (self.analytic[row][column], &self.numeric[column][row]);
            let score = (!wrong.is_empty()).then_some(score);
            shown.push(comparison(subject, name(row, column), analytic, numeric, score));
        }
        report.evaluations = subject.evaluations();
        let findings = Findings {
            shown,
            count: judged.len(),
            compared: report.compared,
            order,
            evaluations: report.evaluations,
            seed: options.seed,
        };
        match (wrong.is_empty(), report.inconclusive) {
            (false, _) => Err(GradcheckError::Wrong(findings)),
            (true, 1..) if !options.allow_inconclusive => {
                Err(GradcheckError::Inconclusive(findings))
            }
            _ => Ok(report),
        }
    }
}

/// A comparison that did not pass, in full.
pub(crate) fn comparison(
    subject: &Subject<'_>,
    derivative: Derivative,
    analytic: f64,
    numeric: &Numeric,
    score: Option<f64>,
) -> Comparison {
    let (finding, hint) = match *numeric {
        Numeric::Smooth(Estimate { value, error, step, order }) => {
            let hint = || compare::hint(analytic, value, error, &subject.counts());
            let finding = Finding::Smooth { numeric: value, error, step, order };
            (finding, score.and_then(|_| hint()))
        }
        Numeric::Kink { left, right, .. } => (Finding::Kink { left, right }, None),
        Numeric::Unstable => (Finding::Unstable, None),
        Numeric::OutOfDomain => (Finding::OutOfDomain, None),
    };
    Comparison { derivative, analytic, finding, score, hint }
}
