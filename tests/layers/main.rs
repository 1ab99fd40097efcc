//! The shape of the source: which layer may use which, how long a file may be, how it opens.
//! Read from the files themselves, so that nobody has to remember it.

mod circles;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use source::{paths, tokens};

/// The layers, each with how far right it stands; a layer uses itself and what stands further left.
const LAYERS: [(&str, u8); 20] = [
    ("time", 0),
    ("trace", 0),
    ("limits", 0),
    ("lock", 0),
    ("revision", 0),
    ("named", 0),
    ("saved", 0),
    ("scopes", 0),
    ("frame", 1),
    ("rpc", 2),
    ("model", 3),
    ("session", 4),
    ("auth", 5),
    ("http", 5),
    ("client", 5),
    ("server", 5),
    ("record", 5),
    ("edge", 6),
    ("io", 6),
    ("fuzzing", 7),
];

/// How many lines of code a file may have.
const LONGEST: usize = 600;

#[test]
fn a_layer_uses_only_what_stands_to_its_left() {
    let root_names = names_in_the_root();
    let mut wrong = Vec::new();
    for Source { file, tokens, .. } in sources() {
        let path = module_path(file);
        let Some(layer) = path.first() else { continue };
        let rank = rank(layer).unwrap_or_else(|| panic!("{layer} is no layer: give it a place"));
        for used in tops(paths(tokens, &path)) {
            let used = root_names.get(&used).unwrap_or(&used);
            let left = rank_of(used, file) < rank;
            // The ground is one: time, limits and revisions may name each other.
            if used != layer && !left && !(rank == 0 && rank_of(used, file) == 0) {
                wrong.push(format!("{} uses {used}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "against the layers: {wrong:#?}");
}

/// Where `std`'s locks may be used, and nothing else of `std`.
const MAY_LOCK: [&str; 1] = ["lock"];

#[test]
fn only_the_adapters_use_the_standard_library() {
    for Source { file, tokens, .. } in sources() {
        let top = module_path(file).first().cloned().unwrap_or_default();
        if matches!(top.as_str(), "" | "io" | "fuzzing") {
            continue;
        }
        let may_lock = MAY_LOCK.contains(&top.as_str());
        let uses_more = tokens
            .windows(3)
            .any(|path| path[0] == "std" && path[1] == "::" && !(may_lock && path[2] == "sync"));
        assert!(!uses_more, "{} uses std", file.display());
    }
}

/// What `http/` may name besides the crate itself: nothing that has a clock, entropy or a socket.
const HTTP_MAY_USE: [&str; 11] = [
    "alloc",
    "base64",
    "bytes",
    "core",
    "crate",
    "memchr",
    "self",
    "serde",
    "serde_json",
    "smallvec",
    "super",
];

#[test]
fn http_names_no_http_stack_no_clock_and_no_entropy() {
    let is_http = |source: &&Source| {
        module_path(&source.file)
            .first()
            .is_some_and(|top| top == "http")
    };
    let mut files = 0;
    for Source { file, tokens, .. } in sources().iter().filter(is_http) {
        files += 1;
        let folder = file.parent().expect("a file is in a folder");
        for pair in tokens.windows(2) {
            if pair[0] == "use" || pair[0] == "extern" {
                let used = pair[1].as_str();
                let is_own =
                    folder.join(used).exists() || folder.join(format!("{used}.rs")).exists();
                let is_fine = HTTP_MAY_USE.contains(&used) || is_own;
                assert!(is_fine, "{} uses {used}", file.display());
            }
        }
    }
    assert!(files > 4, "the files have been found");
}

#[test]
fn files_are_short_and_say_what_they_are_for() {
    for Source { file, text, .. } in sources() {
        assert!(
            text.starts_with("//!"),
            "{} doesn't say what it is for",
            file.display()
        );
        let is_code = |line: &&str| {
            let line = line.trim_start();
            !line.is_empty() && !line.starts_with("//")
        };
        let code = text.lines().filter(is_code).count();
        assert!(
            code <= LONGEST,
            "{} has {code} lines of code",
            file.display()
        );
    }
}

/// The names in backticks that could be those of tests.
fn named_tests(text: &str) -> impl Iterator<Item = &str> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter(|name| {
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        name.matches('_').count() > 1 && name.chars().all(is_name)
    })
}

#[test]
fn each_test_that_the_threat_model_names_is_there() {
    let security = fs::read_to_string(root().join("SECURITY.md")).expect("it can be read");
    let mut all: String = sources().iter().map(|source| &*source.text).collect();
    let mut folders = vec![root().join("tests")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                all += &fs::read_to_string(&path).expect("a source can be read");
            }
        }
    }
    let named: Vec<_> = named_tests(&security).collect();
    assert!(named.len() > 20, "{named:?}");
    let declared = all.split("fn ").filter_map(|rest| rest.split_once('('));
    let declared: BTreeSet<_> = declared.map(|(name, _)| name).collect();
    let missing = named.into_iter().filter(|name| !declared.contains(name));
    let missing: Vec<_> = missing.collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn unsafe_code_is_forbidden() {
    let root = fs::read_to_string(source_folder().join("lib.rs")).expect("lib.rs can be read");
    assert!(root.contains("\n#![forbid(unsafe_code)]\n"));
}

#[test]
fn paths_are_found_wherever_they_hide() {
    let text = r##"
        // crate::io in a comment
        /* crate::io /* nested */ crate::io */
        use crate::{rpc::Raw, model::{self, Tool}};
        const QUOTED: &str = "not crate::io"; const CHARS: (char, &'static str) = ('"', r#"crate::io"#);
        #[serde(with = "crate::limits")]
        pub(in crate::session::client) fn f() { super::super::super::frame::text(b"") }
        mod tests { use super::super::super::{super::time, event}; use super::*; }
    "##;
    let path = ["session", "client", "call"].map(String::from);
    let found: Vec<String> = paths(&tokens(text), &path)
        .iter()
        .map(|path| path.join("::"))
        .collect();
    let expected = [
        "rpc::Raw",
        "model",
        "model::Tool",
        "limits",
        "session::client",
        "frame::text",
        "time",
        "session::event",
        "session::client::call",
    ];
    assert_eq!(found, expected);
}

/// The first segment of each path.
fn tops(paths: Vec<Vec<String>>) -> Vec<String> {
    paths
        .into_iter()
        .filter_map(|path| path.into_iter().next())
        .collect()
}

fn rank(layer: &str) -> Option<u8> {
    let found = LAYERS.iter().find(|(name, _)| *name == layer);
    found.map(|(_, rank)| *rank)
}

fn rank_of(layer: &str, file: &Path) -> u8 {
    rank(layer).unwrap_or_else(|| panic!("{} uses crate::{layer}, no layer", file.display()))
}

/// The folder of the crate, above the one of its tests.
fn root() -> &'static Path {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("tests have a folder above")
}

fn source_folder() -> PathBuf {
    root().join("src")
}

/// A file of the crate.
struct Source {
    file: PathBuf,
    text: String,
    tokens: Vec<String>,
}

/// Every file of the crate, read once for all tests.
fn sources() -> &'static [Source] {
    static READ: LazyLock<Vec<Source>> = LazyLock::new(read_sources);
    &READ
}

fn read_sources() -> Vec<Source> {
    let mut folders = vec![source_folder()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("src can be read") {
            let path = entry.expect("src can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a source file is text");
                files.push(Source {
                    file: path,
                    tokens: tokens(&text),
                    text,
                });
            }
        }
    }
    files.sort_by(|one, other| one.file.cmp(&other.file));
    assert!(files.len() > 50, "the source has been found");
    files
}

/// `src/session/client/mod.rs` is `session`, `client`; the root has no path.
fn module_path(file: &Path) -> Vec<String> {
    let inside = file.strip_prefix(source_folder()).expect("it is in src");
    let inside = inside.with_extension("");
    let mut path: Vec<String> = inside
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    if matches!(path.last().map(String::as_str), Some("mod" | "lib")) {
        path.pop();
    }
    path
}

/// What the root re-exports, and from which layer.
fn names_in_the_root() -> BTreeMap<String, String> {
    let text = fs::read_to_string(source_folder().join("lib.rs")).expect("lib.rs can be read");
    let mut names = BTreeMap::new();
    for statement in tokens(&text).split(|token| token == ";") {
        let Some(at) = statement.iter().position(|token| token == "use") else {
            continue;
        };
        let Some((layer, rest)) = statement[at + 1..].split_first() else {
            continue;
        };
        let named = rest
            .iter()
            .filter(|token| token.starts_with(char::is_alphabetic));
        names.extend(named.map(|name| (name.clone(), layer.clone())));
    }
    names
}
