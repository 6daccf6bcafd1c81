//! The atlas of the lecture names what exists, and all of it.

use std::collections::BTreeSet;
use std::fs;

use super::{files, none, root};
use crate::docs::prose;

/// The tests of `tests/lecture/`, as `cargo test` calls them: `lecture::ridge::a_promise`.
fn tests() -> BTreeSet<String> {
    let folder = root().join("tests");
    let mut names = BTreeSet::new();
    for path in files(".rs").iter().filter(|path| path.starts_with(folder.join("lecture"))) {
        let module = path.strip_prefix(&folder).unwrap().with_extension("");
        let module: Vec<_> = module.iter().map(|part| part.to_str().unwrap()).collect();
        let text = fs::read_to_string(path).unwrap();
        names.extend(test_functions(&text).map(|name| format!("{}::{name}", module.join("::"))));
    }
    names
}

/// The functions under `#[test]`, whatever other attributes stand between.
fn test_functions(text: &str) -> impl Iterator<Item = &str> {
    let attributed = text.split("#[test]").skip(1);
    attributed.filter_map(|rest| rest.split_once("fn ")?.1.split('(').next())
}

/// The examples of `crates/nn`: a file or a folder with a `main.rs`.
fn examples() -> BTreeSet<String> {
    let entries = fs::read_dir(root().join("crates/nn/examples")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let runs = paths.filter(|path| path.is_file() || path.join("main.rs").is_file());
    runs.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

/// The spans of code in prose, with the words before each.
fn spans(line: &str) -> impl Iterator<Item = (&str, &str)> {
    let parts: Vec<&str> = line.split('`').collect();
    (1..parts.len()).step_by(2).map(move |i| (parts[i - 1], parts[i]))
}

/// The names of tests in the prose of a page.
fn named_tests(page: &str) -> BTreeSet<&str> {
    let spans = prose(page).flat_map(|(_, line)| spans(line));
    spans.map(|(_, span)| span).filter(|span| span.starts_with("lecture::")).collect()
}

/// The names of examples: after the word in prose, or the option in a command.
fn named_examples(page: &str) -> BTreeSet<&str> {
    let spans = prose(page).flat_map(|(_, line)| spans(line));
    let said = spans.filter_map(|(before, span)| {
        let before = before.trim_end_matches(['[', ' ']);
        (before.ends_with("example") || before.ends_with("examples")).then_some(span)
    });
    let run = page
        .split("--example ")
        .skip(1)
        .filter_map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next());
    said.chain(run).collect()
}

/// The files of the repository that the prose names by their path.
fn named_paths(page: &str) -> BTreeSet<&str> {
    let spans = prose(page).flat_map(|(_, line)| spans(line));
    let folders = ["tests/", "crates/", "docs/", "benches/"];
    spans.map(|(_, span)| span).filter(|s| folders.iter().any(|f| s.starts_with(f))).collect()
}

/// What a page names in vain.
fn faults(page: &str, tests: &BTreeSet<String>, examples: &BTreeSet<String>) -> Vec<String> {
    let mut faults = Vec::new();
    let mut missing = |kind: &str, names: BTreeSet<&str>, exists: &dyn Fn(&str) -> bool| {
        let absent = names.into_iter().filter(|name| !exists(name));
        faults.extend(absent.map(|name| format!("no {kind} `{name}`")));
    };
    missing("test", named_tests(page), &|name| tests.contains(name));
    missing("example", named_examples(page), &|name| examples.contains(name));
    missing("file", named_paths(page), &|path| root().join(path).exists());
    faults
}

fn atlas() -> String {
    fs::read_to_string(root().join("docs/lecture.md")).unwrap()
}

#[test]
fn what_the_atlas_names_exists() {
    none(&faults(&atlas(), &tests(), &examples()), "the atlas names in vain");
}

#[test]
fn every_test_and_example_of_the_lecture_stands_in_the_atlas() {
    let page = atlas();
    let (named, drawn) = (named_tests(&page), named_examples(&page));
    let unnamed = tests().into_iter().filter(|name| !named.contains(&name[..]));
    let undrawn = examples().into_iter().filter(|name| !drawn.contains(&name[..]));
    none(&unnamed.chain(undrawn).collect::<Vec<_>>(), "missing from the atlas");
}

#[test]
fn a_wrong_name_in_the_atlas_is_found() {
    let page = "By `lecture::ridge::renamed` and `lecture::ridge::kept`; the examples `drawn` and\n\
                [example `gone`](x.rs), see `tests/lecture/none.rs` and `tests/tidy.rs`.\n\
                ```sh\ncargo run --example lost -- --out .\n```\n";
    let tests = BTreeSet::from(["lecture::ridge::kept".to_owned()]);
    let found = faults(page, &tests, &BTreeSet::from(["drawn".to_owned()]));
    let expected = [
        "no test `lecture::ridge::renamed`",
        "no example `gone`",
        "no example `lost`",
        "no file `tests/lecture/none.rs`",
    ];
    assert_eq!(found, expected);

    let source = "#[test]\nfn a() {}\n#[test]\n#[should_panic]\nfn b(x: u8) {}\nfn c() {}";
    assert_eq!(test_functions(source).collect::<Vec<_>>(), ["a", "b"]);
}
