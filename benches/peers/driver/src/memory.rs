//! Memory, in fresh processes.

use std::path::Path;

use crate::child::{Child, Peer};
use crate::measure::{Children, median};
use crate::options::Options;
use crate::rows::{MEMORY, Series};

/// What a step adds to the memory of its inputs, in bytes: Rewind and PyTorch, if it is there.
pub struct Memory {
    pub title: &'static str,
    pub ours: f64,
    pub torch: Option<f64>,
}

/// glibc keeps what is freed while inputs are made, and would hand it out again unseen; with these
/// thresholds, which are those it starts with but fixed, every large block is a mapping of its own.
const EXACT: [(&str, &str); 2] =
    [("MALLOC_MMAP_THRESHOLD_", "131072"), ("MALLOC_TRIM_THRESHOLD_", "131072")];

/// The medians of three processes each.
pub fn measure(
    children: &mut Children,
    options: &Options,
    root: &Path,
) -> Result<Vec<Memory>, String> {
    let mut measured = Vec::new();
    let torch = children.of(Series::Torch, options.threads).is_some();
    for (title, small, row) in MEMORY {
        let grown = |peer| {
            let request = format!("memory {small} {row}");
            let fresh = || Child::start_with(&EXACT, peer, options.threads, root)?.number(&request);
            let grown: Result<Vec<f64>, String> = (0..3).map(|_| fresh()).collect();
            grown.map(median)
        };
        let torch = if torch { Some(grown(Peer::Torch)?) } else { None };
        measured.push(Memory { title, ours: grown(Peer::Ours)?, torch });
    }
    Ok(measured)
}
