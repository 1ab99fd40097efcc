//! Holds the tests against the list of the specification's rules in `tests/spec/requirements.md`: every rule
//! that binds what this crate has is named by a test, or waived with a reason; nobody names a rule
//! that isn't there. A test names a rule by its id in backticks in a comment at most 12 lines away.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// How far a comment may stand from the test that it belongs to.
const NEAR: usize = 12;

/// How many ids count for one test: a list of everything proves nothing.
const IDS_A_TEST: usize = 8;

struct Rule {
    id: String,
    level: String,
    role: String,
}

impl Rule {
    /// Whether it binds a library, rather than the host application or what stands between.
    fn is_ours(&self) -> bool {
        !matches!(self.role.as_str(), "H" | "I")
    }

    fn is_due(&self) -> bool {
        self.is_ours() && self.level.contains("MUST")
    }
}

#[test]
fn every_rule_is_named_by_a_test_or_waived() {
    let rules = rules();
    let named = named(&rules);
    let waived = waived();
    let open: Vec<&str> = rules
        .iter()
        .filter(|rule| rule.is_due())
        .map(|rule| rule.id.as_str())
        .filter(|id| !named.contains_key(*id) && !waived.contains(*id))
        .collect();
    assert!(open.is_empty(), "no test names {open:#?}");
}

#[test]
fn what_is_waived_is_a_rule_that_no_test_names() {
    let rules = rules();
    let named = named(&rules);
    let ids: BTreeSet<&str> = rules.iter().map(|rule| rule.id.as_str()).collect();
    let waived = waived();
    for id in &waived {
        assert!(ids.contains(id.as_str()), "{id} is no rule");
        assert!(!named.contains_key(id), "{id} is tested in {:?}", named[id]);
    }
    let due = rules.iter().filter(|rule| rule.is_due()).count();
    assert!(
        waived.len() * 10 <= due,
        "{} of {due} are waived",
        waived.len()
    );
}

#[test]
fn the_list_is_read_whole() {
    let rules = rules();
    assert_eq!(rules.len(), 706);
    let ids: BTreeSet<&str> = rules.iter().map(|rule| rule.id.as_str()).collect();
    assert_eq!(ids.len(), rules.len(), "an id stands twice");
}

fn root() -> &'static Path {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("tests have a folder above")
}

/// Every row of the list's tables that begins with an id.
fn rules() -> Vec<Rule> {
    let text = fs::read_to_string(root().join("tests/spec/requirements.md")).expect("the list");
    let mut rules = Vec::new();
    for line in text.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if let [_, id, level, role, _, _, ..] = cells[..]
            && let Some(id) = quoted_id(id)
        {
            rules.push(Rule {
                id: id.to_owned(),
                level: level.to_owned(),
                role: role.to_owned(),
            });
        }
    }
    rules
}

/// The id when `cell` is exactly one in backticks.
fn quoted_id(cell: &str) -> Option<&str> {
    let id = cell.strip_prefix('`')?.strip_suffix('`')?;
    let is_id = id.starts_with(|c: char| c.is_ascii_lowercase())
        && id
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_.*-".contains(c));
    is_id.then_some(id)
}

/// Which rules the tests name, and in which file.
fn named(rules: &[Rule]) -> BTreeMap<String, PathBuf> {
    let ids: BTreeSet<&str> = rules.iter().map(|rule| rule.id.as_str()).collect();
    let mut named = BTreeMap::new();
    for file in files(&["src", "tests", "fuzz/fuzz_targets"]) {
        let text = fs::read_to_string(&file).expect("a source file is text");
        for id in named_in(&text, file.starts_with(root().join("src"))) {
            if ids.contains(id.as_str()) {
                named.entry(id).or_insert_with(|| file.clone());
            }
        }
    }
    named
}

/// The ids in backticks in comments near a test; in `src` only behind `#[cfg(test)]`.
fn named_in(text: &str, is_source: bool) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let is_behind = |line: &&str| line.contains("#[cfg(test)]");
    let start = if is_source {
        lines.iter().position(is_behind).unwrap_or(lines.len())
    } else {
        0
    };
    let marks: Vec<usize> = (start..lines.len())
        .filter(|at| is_mark(lines[*at]))
        .collect();
    let mut counted: BTreeMap<usize, usize> = BTreeMap::new();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate().skip(start) {
        let Some((_, comment)) = line.split_once("//") else {
            continue;
        };
        let nearest = marks.iter().min_by_key(|mark| mark.abs_diff(at));
        let Some(mark) = nearest.filter(|mark| mark.abs_diff(at) <= NEAR) else {
            continue;
        };
        for id in comment.split('`').skip(1).step_by(2) {
            let count = counted.entry(*mark).or_default();
            if *count < IDS_A_TEST && quoted_id(&format!("`{id}`")).is_some() && id.contains('.') {
                *count += 1;
                found.push(id.to_owned());
            }
        }
    }
    found
}

/// Whether a line begins a test, or a macro that makes tests.
fn is_mark(line: &str) -> bool {
    let is_attribute =
        line.contains("#[") && line.contains("test") && !line.contains("#[cfg(test)]");
    let macros = [
        "proptest!",
        "fuzz_target!",
        "revisions!",
        "on_every_revision!",
    ];
    is_attribute || macros.iter().any(|name| line.contains(name))
}

/// The rules that no test can check, a line each: the id, then the reason.
fn waived() -> BTreeSet<String> {
    let text =
        fs::read_to_string(root().join("tests/waived-requirements.txt")).expect("the waivers");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.split_whitespace().next())
        .map(|id| id.trim_matches(['`', ':']).to_owned())
        .collect()
}

/// Every Rust file below the folders.
fn files(folders: &[&str]) -> Vec<PathBuf> {
    let mut open: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    let mut files = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.expect("the folder can be read").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}
