//! Every operation of a variable stands in the battery.

use std::fs;

use super::{none, root, shown};

/// Methods whose results carry no derivative: the battery has nothing to differentiate. Their tests
/// stand beside them.
const UNTRACKED: [&str; 7] = ["eq_to", "ne_to", "lt", "ge", "is_nan", "argmax", "argmin"];

/// The public methods of variables in the text of a file.
fn methods(text: &str) -> Vec<&str> {
    let (mut found, mut inside) = (Vec::new(), false);
    for line in text.lines() {
        if line.starts_with("impl") {
            inside = line.contains("Var<'") && !line.contains(" for ");
        } else if line == "}" {
            inside = false;
        } else if let Some(rest) = line.strip_prefix("    pub fn ").filter(|_| inside) {
            found.push(rest.split(['(', '<']).next().unwrap_or_default());
        }
    }
    found
}

/// The functions of the rows in the text of a file.
fn rows(text: &str) -> Vec<&str> {
    let after = text.split("    row!(").skip(1);
    after.filter_map(|row| row.split_once(": |")?.1.split(");\n").next()).collect()
}

/// Whether `row` calls `method`.
fn calls(row: &str, method: &str) -> bool {
    row.match_indices(method).any(|(at, _)| {
        let (before, after) = (&row[..at], &row[at + method.len()..]);
        let starts = before.ends_with('.') || before.ends_with("::");
        starts && (after.starts_with('(') || after.starts_with("::<"))
    })
}

/// The methods without a row in the same file.
fn missing(text: &str) -> Vec<&str> {
    let rows = rows(text);
    let tested = |method: &str| rows.iter().any(|row| calls(row, method));
    methods(text).into_iter().filter(|m| !UNTRACKED.contains(m) && !tested(m)).collect()
}

#[test]
fn every_operation_has_a_row_in_the_battery() {
    let mut without = Vec::new();
    for entry in fs::read_dir(root().join("crates/tape/src/ops")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "rs") || path.ends_with("ops/battery.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        if rows(&text).is_empty() {
            without.push(shown(&path));
        }
        without.extend(missing(&text).iter().map(|m| format!("{}: {m}", shown(&path))));
    }
    none(&without, "operations without a row");
}

#[test]
fn a_method_without_a_row_of_its_own_is_found() {
    let text = "\
impl<'t, T: Float> Var<'t, T> {
    pub fn sin(self) -> Self {
    }
    pub fn sinh(self) -> Self {
    }
    fn hidden(self) -> Self {
    }
    pub fn cast_all<U: Element>(self, x: impl Into<U>) -> Self {
    }
    pub fn eq_to(self) -> Self {
    }
}
impl Other {
    pub fn not_of_a_variable() {
    }
}
mod tests {
    row!(cast_all: |x| x.sinh().sum(); pointwise(Domain::Any));
}
";
    assert_eq!(missing(text), ["sin", "cast_all"]);
    let text = text.replace("x.sinh()", "x.sin().cast_all::<T>(2)");
    assert_eq!(missing(&text), ["sinh"]);
}
