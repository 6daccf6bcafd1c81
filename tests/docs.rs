//! The pages: what they link to exists.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `README.md`, `CHANGELOG.md` and every page in `docs/` and `crates/`.
fn pages() -> Vec<PathBuf> {
    let mut pages: Vec<_> = ["README.md", "CHANGELOG.md"].map(|name| root().join(name)).into();
    let mut folders = ["docs", "crates"].map(|name| root().join(name)).to_vec();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the folder is there") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "md") {
                pages.push(path);
            }
        }
    }
    pages.sort();
    pages
}

fn read(page: &Path) -> String {
    fs::read_to_string(page).unwrap_or_else(|e| panic!("{}: {e}", page.display()))
}

/// The lines of a page that are no code, with their numbers from 1.
pub(crate) fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut code = false;
    text.lines().enumerate().filter_map(move |(i, line)| {
        let fence = line.trim_start().starts_with("```");
        code ^= fence;
        (!code && !fence).then_some((i + 1, line))
    })
}

/// The targets of `[text](target)` and `![text](target)`, but for those in `code`.
fn links(line: &str) -> Vec<&str> {
    let outside = line.split('`').step_by(2);
    let targets = outside.flat_map(|part| part.split("](").skip(1));
    targets.filter_map(|rest| rest.split_once(')')).map(|(target, _)| target).collect()
}

/// The anchors of the headings of a page, as GitHub makes them.
fn anchors(text: &str) -> HashSet<String> {
    let mut anchors = HashSet::new();
    for (_, line) in prose(text) {
        let Some(heading) = line.trim_start_matches('#').strip_prefix(' ') else { continue };
        if !line.starts_with('#') {
            continue;
        }
        let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        let anchor: String = kept.flat_map(char::to_lowercase).collect();
        let anchor = anchor.replace(' ', "-");
        let again = (1..).map(|n| format!("{anchor}-{n}"));
        let mut names = std::iter::once(anchor.clone()).chain(again);
        anchors.extend(names.find(|name| !anchors.contains(name)));
    }
    anchors
}

/// What is wrong with a link of `page`, if anything is.
fn fault(page: &Path, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let file = if path.is_empty() {
        page.to_owned()
    } else {
        page.parent().expect("a page lies in a folder").join(path)
    };
    if !file.exists() {
        return Some("there is no such file".into());
    }
    let missing = !anchor.is_empty() && !anchors(&read(&file)).contains(anchor);
    missing.then(|| "there is no such heading".into())
}

#[test]
fn docs_links_resolve() {
    let mut faults = Vec::new();
    for page in pages() {
        let text = read(&page);
        for (number, line) in prose(&text) {
            for target in links(line) {
                if let Some(why) = fault(&page, target) {
                    let page = page.strip_prefix(root()).expect("pages lie below the root");
                    faults.push(format!("{}:{number}: ({target}): {why}", page.display()));
                }
            }
        }
    }
    assert!(faults.is_empty(), "broken links:\n{}", faults.join("\n"));
}

/// The files that a page links.
fn linked(page: &Path) -> HashSet<PathBuf> {
    let (text, folder) = (read(page), page.parent().expect("a page lies in a folder"));
    let targets = prose(&text).flat_map(|(_, line)| links(line));
    let files = targets.filter_map(|target| target.split('#').next());
    files.filter_map(|file| folder.join(file).canonicalize().ok()).collect()
}

/// A page is found from the README, and one in a folder `docs/lecture` from `docs/lecture.md`.
#[test]
fn every_page_of_docs_is_linked_where_a_reader_comes_from() {
    for page in pages().iter().filter(|page| !page.starts_with(root().join("crates"))) {
        let folder = page.parent().expect("a page lies in a folder");
        let deep = folder != root() && folder != root().join("docs");
        let from = if deep { folder.with_extension("md") } else { root().join("README.md") };
        let found = linked(&from).contains(&page.canonicalize().expect("it was listed"));
        assert!(*page == from || found, "{} does not link {}", from.display(), page.display());
    }
}

#[test]
fn a_broken_link_is_found() {
    let page = root().join("README.md");
    assert_eq!(links("a [b](c.md) and ![d](e.svg), not `[f](g)`"), ["c.md", "e.svg"]);
    assert!(fault(&page, "docs/no-such-page.md").is_some());
    assert!(fault(&page, "LICENSE-MIT").is_none());
    assert!(fault(&page, "#requirements").is_none());
    assert!(fault(&page, "#no-such-heading").is_some());
    assert_eq!(
        anchors("# A b-c, `d`?\n# A\n```\n# no\n```\n# A"),
        ["a-b-c-d", "a", "a-1"].map(String::from).into()
    );
}
