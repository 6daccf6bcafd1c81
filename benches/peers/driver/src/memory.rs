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
            let fresh = || Child::start(peer, options.threads, root)?.number(&request);
            let grown: Result<Vec<f64>, String> = (0..3).map(|_| fresh()).collect();
            grown.map(median)
        };
        let torch = if torch { Some(grown(Peer::Torch)?) } else { None };
        measured.push(Memory { title, ours: grown(Peer::Ours)?, torch });
    }
    Ok(measured)
}
