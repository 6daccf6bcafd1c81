//! What another program on one of the processors costs.

use std::process::{Child as Process, Command};

use crate::measure::{Children, median, prepare};
use crate::options::Options;
use crate::rows::{Row, Series};

/// A column of the row that was measured: the median seconds, quiet and loaded.
pub struct Loaded {
    pub series: Series,
    pub quiet: f64,
    pub loaded: f64,
}

/// A program that never rests, on the last of the processors that are used.
struct Busy(Process);

impl Busy {
    fn start(threads: usize) -> Result<Busy, String> {
        let mut command = Command::new("taskset");
        command.args(["-c", &(threads - 1).to_string(), "sh", "-c", "while :; do :; done"]);
        command.spawn().map(Busy).map_err(|e| format!("taskset: {e}"))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        // It ends in no other way.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The row, quiet and beside such a program, in turn.
pub fn measure(
    children: &mut Children,
    options: &Options,
    row: &Row,
) -> Result<Vec<Loaded>, String> {
    let mut measured = Vec::new();
    for (series, n) in prepare(children, options, row)? {
        let child = children.of(series, options.threads).expect("it was there");
        // Some take a hundred times as long.
        let request = format!("time {} {}", series.key(&row.key), n.div_ceil(10));
        let (mut quiet, mut loaded) = (Vec::new(), Vec::new());
        for _ in 0..options.rounds {
            quiet.push(child.number(&request)?);
            let _busy = Busy::start(options.threads)?;
            loaded.push(child.number(&request)?);
        }
        measured.push(Loaded { series, quiet: median(quiet), loaded: median(loaded) });
    }
    Ok(measured)
}
