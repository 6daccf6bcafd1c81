//! Asks the children, in turn.

use std::collections::BTreeMap;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use crate::child::{Child, Peer};
use crate::machine;
use crate::options::Options;
use crate::rows::{Row, Series};

/// How far results may differ from ours, relative to their norm. In f32 sums of 2^20 terms and
/// chains of 1,000 roundings lose some 1e-5; in f64 the same lose 1e-13.
pub const TOLERANCE: [(&str, f64); 2] = [("f32", 1e-4), ("f64", 1e-9)];

/// All children, by peer and number of threads.
pub struct Children {
    running: BTreeMap<(Peer, usize), Child>,
    /// Peers that are not there, with the reason.
    pub missing: Vec<(Peer, String)>,
    /// Nanoseconds from one processor to another and back, before each round.
    pub trips: Vec<f64>,
}

impl Children {
    /// Those that the columns of the rows need, but for peers that were not asked for.
    pub fn start(options: &Options, root: &Path, rows: &[&Row]) -> Children {
        let columns = rows.iter().flat_map(|row| &row.series);
        let mut needed: Vec<(Peer, usize)> =
            columns.map(|series| (series.peer(), series.threads(options.threads))).collect();
        needed.retain(|(peer, _)| !Peer::OTHERS.contains(peer) || options.peers.contains(peer));
        needed.sort();
        needed.dedup();
        let mut children =
            Children { running: BTreeMap::new(), missing: Vec::new(), trips: Vec::new() };
        for (peer, threads) in needed {
            match Child::start(peer, threads, root) {
                Ok(child) => drop(children.running.insert((peer, threads), child)),
                Err(why) => children.missing.push((peer, why)),
            }
        }
        children
    }

    /// What the children say they are.
    pub fn versions(&self) -> Vec<&str> {
        let mut versions: Vec<&str> = self.running.values().map(|c| &c.version[..]).collect();
        versions.dedup();
        versions
    }

    /// The child of a column, if it runs.
    pub fn of(&mut self, series: Series, threads: usize) -> Option<&mut Child> {
        self.running.get_mut(&(series.peer(), series.threads(threads)))
    }
}

/// A row with its median seconds, of those that have it.
pub struct Measured {
    pub row: Row,
    pub seconds: BTreeMap<Series, f64>,
}

/// Checks that all compute the same, then times them in turn.
pub fn row(children: &mut Children, options: &Options, row: Row) -> Result<Measured, String> {
    let iterations = prepare(children, options, &row)?;
    let mut times: BTreeMap<Series, Vec<f64>> = BTreeMap::new();
    for _ in 0..options.rounds {
        if options.threads > 1 {
            children.trips.push(machine::round_trip());
        }
        for (&series, n) in &iterations {
            let child = children.of(series, options.threads).expect("it was there");
            let key = series.key(&row.key);
            // Threads of the one before have gone to sleep by then.
            sleep(Duration::from_millis(10));
            times.entry(series).or_default().push(child.number(&format!("time {key} {n}"))?);
        }
    }
    let pick = if options.least { least } else { median };
    let seconds = times.into_iter().map(|(series, times)| (series, pick(times))).collect();
    Ok(Measured { row, seconds })
}

/// Checks that all compute the same; how many iterations each makes in the time of one answer.
pub fn prepare(
    children: &mut Children,
    options: &Options,
    row: &Row,
) -> Result<BTreeMap<Series, usize>, String> {
    for child in children.running.values_mut() {
        child.ask("forget")?;
    }
    let mut iterations = BTreeMap::new();
    let mut ours = None;
    for &series in &row.series {
        let Some(child) = children.of(series, options.threads) else { continue };
        let Some(found) = check(child, &series.key(&row.key))? else { continue };
        if series != Series::Single {
            let ours = ours.get_or_insert_with(|| found.clone());
            agree(&row.key, series, ours, &found)?;
        }
        iterations.insert(series, calibrate(child, &series.key(&row.key), options.seconds)?);
    }
    Ok(iterations)
}

/// The digests of a child, if it has the row.
fn check(child: &mut Child, key: &str) -> Result<Option<Vec<f64>>, String> {
    let answer = child.ask(&format!("check {key}"))?;
    if answer == "none" {
        return Ok(None);
    }
    let numbers: Result<_, _> = answer.split_whitespace().map(str::parse).collect();
    numbers.map(Some).map_err(|_| format!("`check {key}` was answered with `{answer}`"))
}

/// Digests are pairs of a norm and a product; the error of both is in proportion to the norm.
fn agree(key: &str, series: Series, ours: &[f64], found: &[f64]) -> Result<(), String> {
    let [(_, single), (_, double)] = TOLERANCE;
    let tolerance = if key.ends_with("@f64") { double } else { single };
    // A floor may be the cost of the row without its result.
    if found.is_empty() && series.peer() == Peer::Floor {
        return Ok(());
    }
    let near = |(a, b): (&[f64], &[f64])| {
        (0..2).all(|i| (a[i] - b[i]).abs() <= tolerance * a[0].max(b[0]))
    };
    if ours.len() == found.len() && ours.chunks(2).zip(found.chunks(2)).all(near) {
        return Ok(());
    }
    Err(format!("{key}: {} computes\n  {found:?}\nand Rewind\n  {ours:?}", series.title()))
}

/// How many iterations take the time that was asked for.
fn calibrate(child: &mut Child, key: &str, seconds: f64) -> Result<usize, String> {
    let mut n = 1;
    loop {
        let once = child.number(&format!("time {key} {n}"))?;
        let enough = (seconds / once).ceil().max(1.0) as usize;
        if enough <= 2 * n {
            return Ok(enough);
        }
        n = enough.min(20 * n);
    }
}

fn least(times: Vec<f64>) -> f64 {
    times.into_iter().fold(f64::INFINITY, f64::min)
}

/// The middle one, or the mean of the middle two.
pub fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    let n = times.len();
    (times[(n - 1) / 2] + times[n / 2]) / 2.0
}
