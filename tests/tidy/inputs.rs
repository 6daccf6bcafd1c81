//! The index of nasty inputs in `tests.rs` and the lines above the tests name each other.

use std::collections::BTreeSet;
use std::fs;

use super::{files, none, root, shown};

/// Whether a word is the letter and number of an input: `A1` to `I99`.
fn is_input(word: &str) -> bool {
    let number = word.strip_prefix(|c: char| ('A'..='I').contains(&c));
    number.is_some_and(|n| matches!(n.len(), 1 | 2) && n.bytes().all(|c| c.is_ascii_digit()))
}

/// The inputs named in a list such as `F1, F2, pytorch#5534`.
fn inputs(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|word| is_input(word))
}

/// What the index says: `F1 in tests/graph.rs`.
fn indexed(text: &str) -> BTreeSet<String> {
    let rows = text.lines().filter_map(|line| line.strip_prefix("//! | ")?.strip_suffix("` |"));
    let rows = rows.filter_map(|row| row.split_once(" | `"));
    rows.flat_map(|(list, path)| inputs(list).map(move |x| format!("{x} in {path}"))).collect()
}

/// The inputs that stand above the tests of a source, with nothing but its documentation and other
/// attributes between.
fn tested(text: &str) -> BTreeSet<&str> {
    let (mut found, mut above) = (BTreeSet::new(), Vec::new());
    for line in text.lines().map(str::trim) {
        match line.strip_prefix("// ") {
            Some(list) => above.extend(inputs(list)),
            None if line == "#[test]" => found.extend(above.drain(..)),
            None if line.starts_with("///") || line.starts_with("#[") => {}
            None => above.clear(),
        }
    }
    found
}

#[test]
fn the_index_of_inputs_and_the_tests_name_each_other() {
    let index = indexed(&fs::read_to_string(root().join("tests/tests.rs")).unwrap());
    let mut found = BTreeSet::new();
    for path in files(".rs").iter().filter(|path| !path.ends_with("tests/tidy/inputs.rs")) {
        let text = fs::read_to_string(path).unwrap();
        found.extend(tested(&text).into_iter().map(|x| format!("{x} in {}", shown(path))));
    }
    let absent: Vec<_> = index.difference(&found).cloned().collect();
    let unlisted: Vec<_> = found.difference(&index).cloned().collect();
    none(&absent, "inputs of the index without a test");
    none(&unlisted, "inputs that the index does not list");
    assert!(('A'..='I').all(|kind| index.iter().any(|x| x.starts_with(kind))), "{index:?}");
}

#[test]
fn a_wrong_line_of_the_index_is_found() {
    let text = "//! | F1, G12 | `tests/a.rs` |\n//! | D5 | there is none |\n//! | [`F2`] | F3: x |";
    let expected = ["F1 in tests/a.rs", "G12 in tests/a.rs"].map(String::from);
    assert_eq!(indexed(text), expected.into());
    let source = "// A1, mlx#2\n/// Doc.\n#[test]\nfn a() {}\n// B2\nfn b() {}\n#[test]\nfn c() {}\n\
                  // C3\n#[should_panic]\n#[test]\nfn d() {}\n// Since E1\n#[test]\nfn e() {}";
    assert_eq!(tested(source), ["A1", "C3"].into());
}
