//! The derivative of a function of one variable from its values, and how far to trust it.
//!
//! Central differences `D(h) = (f(s+h) - f(s-h)) / 2h` have an error in even powers of `h`. On the
//! ladder `h, h/2, h/4, ..` Richardson's tableau removes those powers one by one,
//!
//! ```text
//! T[i][0] = D(h_i)      T[i][j] = T[i][j-1] + (T[i][j-1] - T[i-1][j-1]) / (4^j - 1)
//! ```
//!
//! and amplifies the round-off `noise / h_i` of its finest entry by no more than
//! `A_j = prod (4^k + 1) / (4^k - 1) < 2`. So a few large steps give fourteen digits, where one
//! difference with the best of all steps gives ten. No step is the user's to choose: the ladder
//! starts at a quarter of the scale of `s` and walks down until the answer is good.
//!
//! An answer is good when its error is small, or is as small as round-off allows, and
//! - two finer rows and every other finer one agree with it,
//! - differences at two steps that are no power of two agree with it: on the ladder alone,
//!   `sin(100 s)` aliases into smooth functions with another slope,
//! - the one-sided slopes approach one another: at a kink, central differences converge well, to
//!   the mean of two slopes.
//!
//! Outside of the function's domain (no value, or one that is not finite) a step is skipped and the
//! tableau begins anew below it.

/// The function: its outputs at `s`, or `None` outside of its domain.
pub(crate) type Line<'a> = dyn FnMut(f64) -> Option<Vec<f64>> + 'a;

/// What the values say about the derivative of one output.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Numeric {
    Smooth(Estimate),
    /// The slopes on both sides differ at every step.
    Kink {
        left: f64,
        right: f64,
        step: f64,
    },
    /// No two steps agree: a jump, a pole, a function that oscillates at every scale.
    Unstable,
    /// The function has no value on one side or the other, however near.
    OutOfDomain,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Estimate {
    pub(crate) value: f64,
    /// Estimated bound of the error: truncation and amplified round-off.
    pub(crate) error: f64,
    /// The finest step that entered.
    pub(crate) step: f64,
    /// The power of the step with which the truncation error falls.
    pub(crate) order: u32,
}

/// Where the derivative is taken, and the first and the last step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ladder {
    at: f64,
    first: f64,
    finest: f64,
}

impl Ladder {
    /// For one coordinate with the value `at`. Below 2^8 ulp the step itself would be rounded away.
    pub(crate) fn coordinate(at: f64) -> Self {
        let size = at.abs();
        Ladder {
            at,
            first: power_of_two(size.max(1.0)) / 4.0,
            finest: 256.0 * (size.next_up() - size),
        }
    }

    /// For the parameter of a line through the point, which lies at 0.
    pub(crate) fn direction() -> Self {
        Ladder::coordinate(0.0)
    }
}

/// The largest power of two that is not above `x`, for a positive normal `x`.
pub(crate) fn power_of_two(x: f64) -> f64 {
    f64::from_bits(x.to_bits() & (0x7ff << 52))
}

const LEVELS: usize = 60;
const ORDERS: usize = 6;
/// Relative error at which more steps are not worth their cost.
const ENOUGH: f64 = 1e-11;
/// Relative error, other than round-off, at which there is no telling whether the ladder converges.
const VAGUE: f64 = 0.01;
/// Irrational to the ladder and to one another.
const OFF_GRID: [f64; 2] = [0.7549, 0.5698];
const RETRIES: usize = 8;

/// Differentiates `f`, which has the values `centre` at the ladder's point and is known there to
/// within `noise`, one number an output. One answer for each output, all from the same evaluations.
pub(crate) fn derivative(
    f: &mut Line<'_>,
    ladder: Ladder,
    centre: &[f64],
    noise: &[f64],
) -> Vec<Numeric> {
    let tracks = vec![Track::default(); centre.len()];
    let mut climb = Climb { f, at: ladder.at, centre, noise, tracks };
    let mut step = ladder.first;
    for _ in 0..LEVELS {
        if step < ladder.finest || climb.settled() {
            break;
        }
        climb.descend(step);
        if climb.tracks.iter().all(|t| t.answer.is_some() || t.ready()) {
            climb.cross_validate();
        }
        step /= 2.0;
    }
    climb.conclude()
}

/// The values at `s ± h`, with the distances that are left of `h` after rounding `s ± h`.
struct Pair {
    plus: Vec<f64>,
    minus: Vec<f64>,
    right: f64,
    left: f64,
}

impl Pair {
    fn central(&self, output: usize) -> f64 {
        (self.plus[output] - self.minus[output]) / (self.right + self.left)
    }

    /// Round-off of the central difference: values are taken to be good to four units of round-off,
    /// or as good as was measured if that is worse.
    fn noise(&self, output: usize, measured: f64) -> f64 {
        let size = self.plus[output].abs().max(self.minus[output].abs());
        let values = (2.0 * f64::EPSILON * size).max(measured);
        2.0 * values / (self.right + self.left)
    }
}

struct Climb<'a, 'f> {
    f: &'a mut Line<'f>,
    at: f64,
    centre: &'a [f64],
    noise: &'a [f64],
    tracks: Vec<Track>,
}

impl Climb<'_, '_> {
    fn settled(&self) -> bool {
        self.tracks.iter().all(|t| t.answer.is_some())
    }

    fn pair(&mut self, step: f64) -> Option<Pair> {
        let (above, below) = (self.at + step, self.at - step);
        let (plus, minus) = ((self.f)(above)?, (self.f)(below)?);
        Some(Pair { plus, minus, right: above - self.at, left: self.at - below })
    }

    /// One level down: a row more for every output that has no answer yet.
    fn descend(&mut self, step: f64) {
        let pair = self.pair(step);
        for (i, track) in self.tracks.iter_mut().enumerate().filter(|(_, t)| t.answer.is_none()) {
            let row = pair.as_ref().map(|pair| {
                let right = (pair.plus[i] - self.centre[i]) / pair.right;
                let left = (self.centre[i] - pair.minus[i]) / pair.left;
                let noise = pair.noise(i, self.noise[i]);
                Row::new(step, pair.central(i), noise, left, right)
            });
            match row.filter(|row| row.central.is_finite() && row.gap().is_finite()) {
                Some(row) => track.push(row),
                None => *track = Track::default(),
            }
        }
    }

    /// Compares every candidate with differences off the ladder: it becomes the answer, or is
    /// struck out. Returns whether there was any.
    fn cross_validate(&mut self) -> bool {
        let open = |t: &Track| if t.answer.is_none() { t.candidate() } else { None };
        let candidates: Vec<_> = self.tracks.iter().map(open).collect();
        let step_of = |t: &Track, row: &Option<usize>| row.map(|row| t.rows[row].step);
        let mut steps: Vec<f64> =
            self.tracks.iter().zip(&candidates).filter_map(|(t, row)| step_of(t, row)).collect();
        steps.sort_by(f64::total_cmp);
        steps.dedup();
        for &step in &steps {
            let pairs = OFF_GRID.map(|part| (part * step, self.pair(part * step)));
            for (i, row) in candidates.iter().enumerate() {
                if step_of(&self.tracks[i], row) != Some(step) {
                    continue;
                }
                let row = row.expect("a candidate has a step");
                let agrees = pairs.iter().all(|(step, pair)| {
                    let seen = pair.as_ref().map(|p| (p.central(i), p.noise(i, self.noise[i])));
                    seen.is_some_and(|(d, noise)| self.tracks[i].predicts(row, *step, d, noise))
                });
                self.tracks[i].decide(row, agrees);
            }
        }
        !steps.is_empty()
    }

    /// The ladder has ended: kinks are named, and the best that is left is validated.
    fn conclude(mut self) -> Vec<Numeric> {
        for track in self.tracks.iter_mut().filter(|t| t.answer.is_none()) {
            track.answer = track.kink();
        }
        for _ in 0..RETRIES {
            if self.settled() || !self.cross_validate() {
                break;
            }
        }
        let answer = |t: &Track| match t.answer {
            Some(answer) => answer,
            None if t.rows.is_empty() => Numeric::OutOfDomain,
            None => Numeric::Unstable,
        };
        self.tracks.iter().map(answer).collect()
    }
}

/// A row of the tableau: the difference itself and the best of its extrapolations.
#[derive(Clone)]
struct Row {
    step: f64,
    central: f64,
    left: f64,
    right: f64,
    /// Round-off of `central`.
    noise: f64,
    value: f64,
    error: f64,
    order: usize,
    contradicted: bool,
    /// The one-sided slopes do not approach one another: there may be a kink within the step.
    apart: bool,
}

impl Row {
    fn new(step: f64, central: f64, noise: f64, left: f64, right: f64) -> Self {
        let (value, error) = (central, f64::INFINITY);
        let (order, contradicted, apart) = (0, false, false);
        Row { step, central, left, right, noise, value, error, order, contradicted, apart }
    }

    fn gap(&self) -> f64 {
        (self.right - self.left).abs()
    }
}

/// The ladder of one output.
#[derive(Clone, Default)]
struct Track {
    rows: Vec<Row>,
    /// The last row of the tableau.
    tableau: Vec<f64>,
    answer: Option<Numeric>,
}

impl Track {
    fn push(&mut self, mut row: Row) {
        // Where `f` is smooth, the gap between the one-sided slopes halves with the step.
        row.apart = self.rows.last().is_some_and(|coarser| row.gap() > 0.75 * coarser.gap())
            && row.gap() > 8.0 * row.noise;
        let mut tableau = vec![row.central];
        let (mut power, mut amplified) = (1.0, row.noise);
        for j in 1..=ORDERS.min(self.tableau.len()) {
            power *= 4.0;
            amplified *= (power + 1.0) / (power - 1.0);
            let (coarser, finer) = (self.tableau[j - 1], tableau[j - 1]);
            let value = finer + (finer - coarser) / (power - 1.0);
            let change = (value - finer).abs().max((value - coarser).abs());
            // On the diagonal there is no coarser value of the same order to compare with.
            let above = self.tableau.get(j).map(|above| (value - above).abs());
            let error = above.map_or(change, |above| above.max(change / 4.0)) + amplified;
            if error < row.error {
                (row.value, row.error, row.order) = (value, error, j);
            }
            tableau.push(value);
        }
        for coarser in &mut self.rows {
            let tolerated = 4.0 * (coarser.error + row.error);
            coarser.contradicted |= (coarser.value - row.value).abs() > tolerated;
        }
        self.tableau = tableau;
        self.rows.push(row);
    }

    /// The row with the least error among those that two finer ones follow and none contradicts.
    fn candidate(&self) -> Option<usize> {
        let confirmed = self.rows.iter().enumerate().take(self.rows.len().saturating_sub(2));
        let usable =
            confirmed.filter(|(_, row)| !row.contradicted && !row.apart && row.error.is_finite());
        usable.min_by(|(_, a), (_, b)| a.error.total_cmp(&b.error)).map(|(i, _)| i)
    }

    /// Whether finer steps could not improve the candidate by much: it is good, or its error is
    /// round-off and grows with finer steps.
    fn ready(&self) -> bool {
        let (Some(i), Some(last)) = (self.candidate(), self.rows.last()) else { return false };
        let row = &self.rows[i];
        let at_best = row.error <= 4.0 * row.noise && row.noise <= last.noise;
        !last.apart && (row.error <= ENOUGH * row.value.abs() || at_best)
    }

    /// A kink: the gap is the same at the five finest steps at which it is no round-off.
    fn kink(&self) -> Option<Numeric> {
        let clear: Vec<&Row> = self.rows.iter().filter(|r| r.gap() > 64.0 * r.noise).collect();
        let last = clear.last()?;
        let finest = clear.get(clear.len().checked_sub(5)?..)?;
        let same = finest.windows(2).all(|w| (0.75..1.33).contains(&(w[1].gap() / w[0].gap())));
        same.then_some(Numeric::Kink { left: last.left, right: last.right, step: last.step })
    }

    /// Whether the even polynomial behind row `i` passes through `central` at `step`. Below its
    /// finest node its error is of the size of that at 0, so this is a second estimate of it.
    fn predicts(&self, i: usize, step: f64, central: f64, noise: f64) -> bool {
        let row = &self.rows[i];
        let nodes = &self.rows[i - row.order..=i];
        let mut p: Vec<f64> = nodes.iter().map(|node| node.central).collect();
        let at = |k: usize| (nodes[k].step / step).powi(2);
        for j in 1..p.len() {
            for k in (j..p.len()).rev() {
                p[k] += (p[k] - p[k - 1]) * (1.0 - at(k)) / (at(k) - at(k - j));
            }
        }
        (p[nodes.len() - 1] - central).abs() <= 4.0 * (row.error + noise)
    }

    fn decide(&mut self, i: usize, agrees: bool) {
        let Row { value, error, step, order, noise, .. } = self.rows[i];
        let poor = error > VAGUE * value.abs();
        let vague = poor && error > 8.0 * noise;
        // At steps so fine that round-off covers the gap, a kink looks smooth and poorly known.
        let kink = if agrees && poor { self.kink() } else { None };
        if kink.is_some() {
            self.answer = kink;
        } else if agrees && vague {
            self.answer = Some(Numeric::Unstable);
        } else if agrees {
            let order = 2 * order as u32 + 2;
            self.answer = Some(Numeric::Smooth(Estimate { value, error, step, order }));
        } else {
            self.rows[i].contradicted = true;
        }
    }
}
