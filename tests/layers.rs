//! The shape of the source: which layer may use which, how long a file may be, how it opens.
//! Read from the files themselves, so that nobody has to remember it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The layers, each with how far right it stands; a layer uses itself and what stands further left.
const LAYERS: [(&str, u8); 12] = [
    ("time", 0),
    ("limits", 0),
    ("revision", 0),
    ("frame", 1),
    ("rpc", 2),
    ("model", 3),
    ("session", 4),
    ("http", 5),
    ("client", 5),
    ("server", 5),
    ("io", 6),
    ("fuzzing", 7),
];

/// How many lines of code a file may have.
const LONGEST: usize = 600;

#[test]
fn a_layer_uses_only_what_stands_to_its_left() {
    let root_names = names_in_the_root();
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        let path = module_path(&file);
        let Some(layer) = path.first() else { continue };
        let rank = rank(layer).unwrap_or_else(|| panic!("{layer} is no layer: give it a place"));
        for used in uses(&tokens(&text), &path) {
            let used = root_names.get(&used).unwrap_or(&used);
            let left = rank_of(used, &file) < rank;
            // The ground is one: time, limits and revisions may name each other.
            if used != layer && !left && !(rank == 0 && rank_of(used, &file) == 0) {
                wrong.push(format!("{} uses {used}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "against the layers: {wrong:#?}");
}

/// The high-level layers need locks, as handlers run on several threads; nothing else of `std`.
const MAY_LOCK: [&str; 2] = ["client", "server"];

#[test]
fn only_the_adapters_use_the_standard_library() {
    for (file, text) in sources() {
        let top = module_path(&file).first().cloned().unwrap_or_default();
        if matches!(top.as_str(), "" | "io" | "fuzzing") {
            continue;
        }
        let may_lock = MAY_LOCK.contains(&top.as_str());
        let tokens = tokens(&text);
        let uses_more = tokens
            .windows(3)
            .any(|path| path[0] == "std" && path[1] == "::" && !(may_lock && path[2] == "sync"));
        assert!(!uses_more, "{} uses std", file.display());
    }
}

#[test]
fn files_are_short_and_say_what_they_are_for() {
    for (file, text) in sources() {
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

#[test]
fn unsafe_code_is_forbidden() {
    let root = fs::read_to_string(source().join("lib.rs")).expect("lib.rs can be read");
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
    let found = uses(&tokens(text), &path);
    let expected = [
        "rpc", "model", "limits", "session", "frame", "time", "session", "session",
    ];
    assert_eq!(found, expected);
}

fn rank(layer: &str) -> Option<u8> {
    let found = LAYERS.iter().find(|(name, _)| *name == layer);
    found.map(|(_, rank)| *rank)
}

fn rank_of(layer: &str, file: &Path) -> u8 {
    rank(layer).unwrap_or_else(|| panic!("{} uses crate::{layer}, no layer", file.display()))
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every file of the crate and its text.
fn sources() -> Vec<(PathBuf, String)> {
    let mut folders = vec![source()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("src can be read") {
            let path = entry.expect("src can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a source file is text");
                files.push((path, text));
            }
        }
    }
    files.sort();
    assert!(files.len() > 50, "the source has been found");
    files
}

/// `src/session/client/mod.rs` is `session`, `client`; the root has no path.
fn module_path(file: &Path) -> Vec<String> {
    let inside = file.strip_prefix(source()).expect("it is in src");
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
    let text = fs::read_to_string(source().join("lib.rs")).expect("lib.rs can be read");
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

/// The first segment below the root of every path that starts at `crate` or leaves its layer by
/// `super`, in a file that is the module `path`.
fn uses(tokens: &[String], path: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    let mut module = path.to_vec();
    // Where inline modules end: the depth of braces they were opened at.
    let mut inline = Vec::new();
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate() {
        let before = |back: usize| at.checked_sub(back).map(|at| tokens[at].as_str());
        match token.as_str() {
            "{" => {
                if before(2) == Some("mod") {
                    module.push(tokens[at - 1].clone());
                    inline.push(depth);
                }
                depth += 1;
            }
            "}" => {
                depth -= 1;
                if inline.last() == Some(&depth) {
                    inline.pop();
                    module.pop();
                }
            }
            "crate" if tokens.get(at + 1).is_some_and(|next| next == "::") => {
                branches(tokens, at + 1, Vec::new(), &mut found);
            }
            "super" if before(1) != Some("::") && !in_group(tokens, at) => {
                let above = module[..module.len().saturating_sub(1)].to_vec();
                branches(tokens, at + 1, above, &mut found);
            }
            _ => {}
        }
    }
    found
}

/// Whether the token is an element of a `{..}` that follows a `::`, which its own path covers.
fn in_group(tokens: &[String], at: usize) -> bool {
    let mut open = 0;
    for at in (1..at).rev() {
        match tokens[at].as_str() {
            "}" => open += 1,
            "{" if open > 0 => open -= 1,
            "{" => return tokens[at - 1] == "::",
            ";" => return false,
            _ => {}
        }
    }
    false
}

/// Walks on from the module `at_module`; `at` is the place of a `::`. Returns the place behind it.
fn branches(
    tokens: &[String],
    mut at: usize,
    mut at_module: Vec<String>,
    found: &mut Vec<String>,
) -> usize {
    let token = |at: usize| tokens.get(at).map_or("", String::as_str);
    loop {
        if token(at) == "::" {
            at += 1;
        }
        match token(at) {
            "super" => {
                at_module.pop();
                at += 1;
            }
            "{" => {
                at += 1;
                while !matches!(token(at), "}" | "") {
                    at = branches(tokens, at, at_module.clone(), found).max(at + 1);
                    while matches!(token(at), "," | "as" | "_") {
                        at += 1;
                    }
                }
                return at + 1;
            }
            name => {
                // A path that stays below the module it started in names nothing new.
                let top = at_module.first().cloned();
                found.extend(top.or_else(|| Some(name.to_owned())));
                return skip_path(tokens, at);
            }
        }
    }
}

/// The place behind a path whose first segment stands at `at`, groups included.
fn skip_path(tokens: &[String], mut at: usize) -> usize {
    let mut open = 0;
    while let Some(token) = tokens.get(at) {
        match token.as_str() {
            "{" => open += 1,
            "}" if open == 0 => return at,
            "}" => open -= 1,
            "," | ";" | ")" | "(" if open == 0 => return at,
            _ => {}
        }
        at += 1;
    }
    at
}

/// The words and signs of a source text, without comments and without strings, except for strings
/// that are a path, as in attributes.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => block_comment(rest),
            '"' => {
                let length = string(rest);
                let inside = &rest[1..length - 1];
                if inside.starts_with("crate::") || inside.starts_with("super::") {
                    tokens.extend(self::tokens(inside));
                }
                length
            }
            'r' if rest.starts_with("r\"") || rest.starts_with("r#") => raw_string(rest),
            '\'' => character(rest),
            ':' if rest.starts_with("::") => {
                tokens.push("::".to_owned());
                2
            }
            _ if first.is_alphanumeric() || first == '_' => {
                let is_word = |c: char| c.is_alphanumeric() || c == '_';
                let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                tokens.push(rest[..length].to_owned());
                length
            }
            _ if first.is_whitespace() => first.len_utf8(),
            _ => {
                tokens.push(first.to_string());
                first.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    tokens
}

fn block_comment(text: &str) -> usize {
    let mut open = 0;
    let mut at = 0;
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            open += 1;
            at += 2;
        } else if rest.starts_with(b"*/") {
            open -= 1;
            at += 2;
            if open == 0 {
                break;
            }
        } else {
            at += 1;
        }
    }
    at
}

fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// A raw string, or a raw identifier such as `r#type`.
fn raw_string(text: &str) -> usize {
    let hashes = text[1..].bytes().take_while(|byte| *byte == b'#').count();
    if !text[1 + hashes..].starts_with('"') {
        return 1 + hashes;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let from = hashes + 2;
    text[from..]
        .find(&end)
        .map_or(text.len(), |at| from + at + end.len())
}

/// A character, or the tick of a lifetime.
fn character(text: &str) -> usize {
    let mut inside = text.char_indices().skip(1);
    match inside.next() {
        Some((_, '\\')) => text[3..].find('\'').map_or(text.len(), |at| at + 4),
        Some(_) => match inside.next() {
            Some((at, '\'')) => at + 1,
            _ => 1,
        },
        None => 1,
    }
}
