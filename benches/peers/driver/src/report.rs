//! The tables, as Markdown.

use std::fmt::Write as _;
use std::path::Path;
use std::{fs, io};

use crate::loaded::Loaded;
use crate::machine;
use crate::measure::{self, Children, Measured, TOLERANCE};
use crate::memory::Memory;
use crate::options::Options;
use crate::rows::{Goal, Series};

const BEGIN: &str = "<!-- measured: written by benches/peers/run --write -->\n";
const END: &str = "<!-- end of what was measured -->\n";

/// What was measured with what.
pub fn head(options: &Options, children: &Children) -> String {
    let mut lines = machine::describe();
    lines.push(format!("Libraries: {}", children.versions().join(", ")));
    for (peer, why) in &children.missing {
        lines.push(format!("Left out: {} ({why})", peer.word()));
    }
    let [(_, single), (_, double)] = TOLERANCE;
    lines.push(format!(
        "Threads: {}. {} of {} rounds in which all take turns, in microseconds. Losses, \
         gradients and results agree to {single:e} (f32) and {double:e} (f64).",
        options.threads,
        if options.least { "The least" } else { "Medians" },
        options.rounds
    ));
    lines.iter().map(|line| format!("- {line}\n")).collect()
}

/// How far the processors were from each other, round by round.
pub fn distance(trips: &[f64]) -> String {
    let Some(median) = (!trips.is_empty()).then(|| measure::median(trips.to_vec())) else {
        return String::new();
    };
    let least = trips.iter().copied().fold(f64::INFINITY, f64::min);
    let most = trips.iter().copied().fold(0.0, f64::max);
    format!(
        "\nBefore a round, a cache line took {least:.0} to {most:.0} ns from one processor to another \
         and back, {median:.0} ns in the middle.\n"
    )
}

/// One table, empty if it has no row.
pub fn table(title: &str, rows: &[Measured]) -> String {
    let mut columns: Vec<_> = rows.iter().flat_map(|m| m.seconds.keys().copied()).collect();
    columns.sort();
    columns.dedup();
    if columns.is_empty() {
        return String::new();
    }
    let mut text = format!("\n### {title}\n\n| µs |");
    for column in &columns {
        let _ = write!(text, " {} |", column.title());
    }
    text += " must reach | reached |\n|---|";
    text += &"---:|".repeat(columns.len());
    text += "---|---|\n";
    for measured in rows {
        let _ = write!(text, "| {} |", measured.row.title);
        for column in &columns {
            let cell = measured.seconds.get(column).map_or("-".to_string(), |&s| micros(s));
            let _ = write!(text, " {cell} |");
        }
        let found: Vec<_> =
            measured.row.goals.iter().filter_map(|g| reached(g, measured)).collect();
        let (goals, results): (Vec<_>, Vec<_>) = found.into_iter().unzip();
        let _ = writeln!(text, " {} | {} |", goals.join("; "), results.join("; "));
    }
    text
}

/// A goal, and whether it is reached; nothing if what it is measured against is not there.
fn reached(goal: &Goal, measured: &Measured) -> Option<(String, String)> {
    let own = measured.seconds.get(&goal.of)?;
    let others = goal.against.iter().filter_map(|s| Some((*s, *measured.seconds.get(s)?)));
    let (best, seconds) = others.min_by(|a, b| a.1.total_cmp(&b.1))?;
    let who = if goal.against.len() > 1 { "the best" } else { best.title() };
    let of = if goal.of == Series::Ours { "" } else { "replayed " };
    let ratio = own / seconds;
    let against = if goal.against.len() > 1 { format!(" {}", best.title()) } else { String::new() };
    let verdict = verdict(ratio, goal.ratio);
    Some((format!("{of}≤ {} {who}", bound(goal.ratio)), format!("{verdict}{against}")))
}

/// A bound as it is, or, where it is no round number, to three digits.
fn bound(ratio: f64) -> String {
    let short = format!("{ratio:.2}");
    if short.parse() == Ok(ratio) { short } else { format!("{ratio:.3}") }
}

/// Whether a ratio is within its bound, with as many digits as show it.
fn verdict(ratio: f64, bound: f64) -> String {
    if ratio <= bound {
        return format!("yes: {ratio:.2}");
    }
    let mut digits = (2..17).map(|digits| format!("{ratio:.digits$}"));
    let above = |text: &String| text.parse::<f64>().is_ok_and(|shown| shown > bound);
    format!("**no**: {}", digits.find(above).unwrap_or_else(|| ratio.to_string()))
}

/// Three digits at least.
fn micros(seconds: f64) -> String {
    let micros = seconds * 1e6;
    let digits = if micros < 10.0 {
        2
    } else if micros < 100.0 {
        1
    } else {
        0
    };
    format!("{micros:.digits$}")
}

/// The table of memory, empty if it has no row.
pub fn memory(rows: &[Memory]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut text = "\n### Peak memory of a step beyond its inputs and parameters\n\n".to_string();
    text += "| MiB | Rewind | PyTorch | must reach | reached |\n|---|---:|---:|---|---|\n";
    for Memory { title, ours, torch } in rows {
        let mib = |bytes: f64| format!("{:.1}", bytes / f64::from(1 << 20));
        let _ = write!(text, "| {title} | {} |", mib(*ours));
        let _ = match torch {
            Some(torch) => {
                let (ratio, other) = (ours / torch, mib(*torch));
                writeln!(text, " {other} | ≤ 0.50 PyTorch | {} |", verdict(ratio, 0.5))
            }
            None => writeln!(text, " - | | |"),
        };
    }
    text
}

/// The table of a loaded processor, empty if it has no row.
pub fn loaded(rows: &[Loaded]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut text =
        "\n### The MLP while another program keeps one of the processors busy\n\n".to_string();
    text += "| µs | quiet | loaded | loaded / quiet |\n|---|---:|---:|---:|\n";
    for Loaded { series, quiet, loaded } in rows {
        let (title, ratio) = (series.title(), loaded / quiet);
        let _ =
            writeln!(text, "| {title} | {} | {} | {ratio:.1} |", micros(*quiet), micros(*loaded));
    }
    text
}

/// Replaces what stands between the marks of the page; what others wrote stays.
pub fn write(path: &Path, measured: &str) -> io::Result<()> {
    let page = fs::read_to_string(path)?;
    let split =
        page.split_once(BEGIN).and_then(|(head, rest)| Some((head, rest.split_once(END)?.1)));
    let (head, tail) = split.ok_or_else(|| io::Error::other("the marks of the tables are gone"))?;
    fs::write(path, format!("{head}{BEGIN}\n{measured}\n{END}{tail}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_row_is_seen_to_be_above_its_bound() {
        assert_eq!(verdict(0.7999, 0.8), "yes: 0.80");
        assert_eq!(verdict(0.8004, 0.8), "**no**: 0.8004");
        assert_eq!(verdict(0.43, 0.4), "**no**: 0.43");
        assert_eq!(verdict(f64::INFINITY, 0.4), "**no**: inf");
        assert_eq!([bound(0.4), bound(1.0 / 1.8)], ["0.40", "0.556"]);
    }
}
