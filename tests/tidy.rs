//! The conventions of the sources, as code.

mod alike;
mod atlas;
mod battery;
mod inputs;

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files of the repository whose name ends in `end`, but for builds, hidden folders, and the
/// comparison with other libraries, which is a workspace of its own.
fn files(end: &str) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![root().to_path_buf()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                let skipped = name == "target" || name.starts_with('.');
                if !skipped && path != root().join("benches/peers") {
                    folders.push(path);
                }
            } else if name.ends_with(end) {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no file ends in {end}");
    found
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}

/// A line without its comment and without what stands between quotes.
fn code(line: &str) -> String {
    let line = line.replace("'\"'", "").replace("\\\"", "");
    let outside: String = line.split('"').step_by(2).collect::<Vec<_>>().join("\"\"");
    outside.split("//").next().unwrap_or_default().to_string()
}

/// Whether the word `unsafe` stands in the code of a line.
fn is_unsafe(line: &str) -> bool {
    code(line).split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "unsafe")
}

#[track_caller]
fn none(offenders: &[String], what: &str) {
    assert!(offenders.is_empty(), "{what}:\n  {}", offenders.join("\n  "));
}

#[test]
fn no_file_exceeds_400_lines() {
    let long: Vec<String> = files(".rs")
        .iter()
        .map(|path| (path, fs::read_to_string(path).unwrap().lines().count()))
        .filter(|&(_, lines)| lines > 400)
        .map(|(path, lines)| format!("{}: {lines} lines", shown(path)))
        .collect();
    none(&long, "files that ask to be two");
}

#[test]
fn unsafe_code_stands_in_the_tensor_crate_only() {
    let mut elsewhere = Vec::new();
    for path in files(".rs").iter().filter(|p| !p.starts_with(root().join("crates/tensor"))) {
        let text = fs::read_to_string(path).unwrap();
        for (k, _) in text.lines().enumerate().filter(|(_, line)| is_unsafe(line)) {
            elsewhere.push(format!("{}:{}", shown(path), k + 1));
        }
    }
    none(&elsewhere, "unsafe code outside of crates/tensor");
}

#[test]
fn every_unsafe_block_says_why_it_is_sound() {
    let mut silent = Vec::new();
    for path in files(".rs") {
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        for (k, line) in lines.iter().enumerate() {
            let rest = code(line);
            let block = rest.contains("unsafe {") || rest.contains("unsafe impl");
            // Above the statement that it stands in, which may take a few lines.
            let above = &lines[k.saturating_sub(8)..=k];
            if is_unsafe(line) && block && !above.iter().any(|l| l.contains("// SAFETY:")) {
                silent.push(format!("{}:{}: {}", shown(&path), k + 1, line.trim()));
            }
        }
    }
    none(&silent, "unsafe blocks without a SAFETY comment");
}

/// The crates of this workspace, which need no reason to depend on one another.
const OWN: [&str; 4] = ["tensor", "tape", "nn", "nn-derive"];

#[test]
fn every_dependency_has_its_reason() {
    let mut bare = Vec::new();
    for path in files("Cargo.toml") {
        let text = fs::read_to_string(&path).unwrap();
        // A reason stands on the line, or above the lines that it is for.
        let (mut listed, mut reason) = (false, false);
        for (k, line) in text.lines().enumerate() {
            let line = line.trim();
            if let Some(table) = line.strip_prefix('[') {
                // The workspace's own table says versions; reasons stand where a crate is used.
                listed = table.ends_with("dependencies]") && !table.starts_with("workspace");
                reason = false;
            } else if line.is_empty() {
                reason = false;
            } else if line.starts_with('#') {
                reason = true;
            } else if listed && line.contains('#') {
                // It speaks for its own line, and ends the one above.
                reason = false;
            } else if listed && !reason {
                let name = line.split(['.', '=', ' ']).next().unwrap_or_default();
                if !OWN.contains(&name) {
                    bare.push(format!("{}:{}: {line}", shown(&path), k + 1));
                }
            }
        }
    }
    none(&bare, "dependencies without a reason");
}
