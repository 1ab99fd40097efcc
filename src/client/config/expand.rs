//! `${VAR}` and `${VAR:-default}` in the values of a configuration file.
//!
//! What is replaced is `\$\{([^}:]+)(:-([^}]*))?\}`, from left to right, once: neither a default nor
//! a variable's value is looked at again. `${env:VAR}` means `${VAR}`. The products' own references,
//! such as `${input:token}` and `${workspaceFolder}`, stay as they are when nobody answers for them.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::comments::string_end;
use super::error::ConfigError;
use crate::rpc::{string_of, write_string};

/// Looks up a variable by its name.
pub(super) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What editors, not the environment, know the value of.
const EDITOR_NAMES: [&str; 7] = [
    "/",
    "cwd",
    "execPath",
    "pathSeparator",
    "userHome",
    "workspaceFolder",
    "workspaceFolderBasename",
];

/// What stands before the colon of an editor's reference, as in `${input:token}`.
const EDITOR_PREFIXES: [&str; 4] = ["command", "config", "input", "workspaceFolder"];

/// A text whose references were replaced.
#[derive(Default)]
pub(super) struct Expanded {
    pub(super) text: String,
    /// The editors' references that are still in it, without `${` and `}`.
    pub(super) unresolved: Vec<String>,
}

/// Replaces the references in `text`. Errs with the name of a variable that is not defined.
pub(super) fn expand(text: &str, environment: Environment<'_>) -> Result<Expanded, String> {
    let mut out = Expanded::default();
    // Behind the last `}` there is nothing to find; before it, no search for one is in vain.
    let last = text.rfind('}').map_or(0, |at| at + 1);
    let (mut rest, tail) = text.split_at(last);
    while let Some(start) = rest.find("${") {
        let (before, from) = rest.split_at(start);
        out.text.push_str(before);
        rest = out.reference(from, environment)?;
    }
    out.text.push_str(rest);
    out.text.push_str(tail);
    Ok(out)
}

impl Expanded {
    /// Appends what the `${` at the start of `from` stands for, and returns what follows.
    fn reference<'a>(
        &mut self,
        from: &'a str,
        environment: Environment<'_>,
    ) -> Result<&'a str, String> {
        let body = from.get(2..).unwrap_or_default();
        if let Some(body) = body.strip_prefix("env:")
            && let Some((found, rest)) = Found::parse(body)
            && !found.name.contains("${")
        {
            self.append(&found, environment)?;
            return Ok(rest);
        }
        if let Some((found, rest)) = Found::parse(body) {
            self.append(&found, environment)?;
            return Ok(rest);
        }
        if let Some((reference, rest)) = editor_reference(body) {
            self.append_editors(reference, environment);
            return Ok(rest);
        }
        // Every `${` up to the next `}` or `:` would fail at the same place, but the last of them
        // may have a meaning with a colon.
        let stop = body.find(['}', ':']).unwrap_or(body.len());
        let name = body.get(..stop).unwrap_or_default();
        let next = 2 + name.rfind("${").unwrap_or(stop);
        let (literal, rest) = from.split_at(next);
        self.text.push_str(literal);
        Ok(rest)
    }

    fn append(&mut self, found: &Found<'_>, environment: Environment<'_>) -> Result<(), String> {
        if let Some(value) = environment(found.name) {
            self.text.push_str(&value);
        } else if let Some(default) = found.default {
            self.text.push_str(default);
        } else if EDITOR_NAMES.contains(&found.name) {
            self.keep(found.name);
        } else {
            return Err(found.name.to_owned());
        }
        Ok(())
    }

    fn append_editors(&mut self, reference: &str, environment: Environment<'_>) {
        match environment(reference) {
            Some(value) => self.text.push_str(&value),
            None => self.keep(reference),
        }
    }

    fn keep(&mut self, reference: &str) {
        self.text.push_str(&format!("${{{reference}}}"));
        self.unresolved.push(reference.to_owned());
    }
}

/// A reference to a variable of the environment.
struct Found<'a> {
    name: &'a str,
    default: Option<&'a str>,
}

impl<'a> Found<'a> {
    /// Reads what follows `${`, up to and with the `}`; the second is what follows that.
    fn parse(body: &'a str) -> Option<(Self, &'a str)> {
        let stop = body.find(['}', ':']).filter(|stop| *stop > 0)?;
        let (name, rest) = body.split_at(stop);
        if let Some(rest) = rest.strip_prefix('}') {
            return Some((
                Self {
                    name,
                    default: None,
                },
                rest,
            ));
        }
        let (default, rest) = rest.strip_prefix(":-")?.split_once('}')?;
        Some((
            Self {
                name,
                default: Some(default),
            },
            rest,
        ))
    }
}

/// Reads what follows `${` as an editor's reference with a colon.
fn editor_reference(body: &str) -> Option<(&str, &str)> {
    let (prefix, _) = body.split_once(':')?;
    if !EDITOR_PREFIXES.contains(&prefix) {
        return None;
    }
    let end = body.find(['}', '$'])?;
    let (reference, rest) = body.split_at(end);
    Some((reference, rest.strip_prefix('}')?))
}

/// What to do with each string: its path, its offset and its text; `None` leaves it as it is.
pub(super) type Each<'a> =
    &'a mut dyn FnMut(&str, usize, &str) -> Result<Option<String>, ConfigError>;

/// Copies a JSON value that is known to be good, without the space between its tokens, and with
/// what `each` makes of the string values in it at any depth. Keys are left alone.
pub(super) fn expand_json(json: &[u8], path: &str, each: Each<'_>) -> Result<String, ConfigError> {
    let mut place = Place {
        path: path.to_owned(),
        levels: Vec::new(),
    };
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(&byte) = json.get(at) {
        let end = if byte == b'"' {
            string_end(json, at)
        } else {
            at + 1
        };
        let token = json.get(at..end).unwrap_or_default();
        if byte.is_ascii_whitespace() {
            at = end;
            continue;
        }
        let replaced = match byte {
            b'"' if is_key(json, end) => {
                place.key(&string_of(token));
                None
            }
            b'"' => each(&place.path, at, &string_of(token))?,
            _ => {
                place.pass(byte);
                None
            }
        };
        match replaced {
            Some(text) => write_string(&mut out, &text),
            None => out.extend_from_slice(token),
        }
        at = end;
    }
    Ok(String::from_utf8_lossy(&out).into_owned())
}

/// Whether the string that ends at `end` is followed by a colon.
fn is_key(json: &[u8], end: usize) -> bool {
    let mut following = json.get(end..).unwrap_or_default().iter();
    following.find(|byte| !byte.is_ascii_whitespace()) == Some(&b':')
}

/// Where in a JSON value a scan stands, as a path of keys and indexes.
struct Place {
    path: String,
    levels: Vec<Level>,
}

/// A container: how long its own path is, and which of its elements the scan is at if it's an array.
struct Level {
    length: usize,
    index: Option<usize>,
}

impl Place {
    fn key(&mut self, key: &str) {
        self.path.push('.');
        self.path.push_str(key);
    }

    /// Takes note of a byte between the strings.
    fn pass(&mut self, byte: u8) {
        match byte {
            b'{' => self.enter(None),
            b'[' => {
                self.enter(Some(0));
                self.path.push_str("[0]");
            }
            b'}' | b']' => {
                if let Some(level) = self.levels.pop() {
                    self.path.truncate(level.length);
                }
            }
            b',' => self.next(),
            _ => {}
        }
    }

    fn enter(&mut self, index: Option<usize>) {
        self.levels.push(Level {
            length: self.path.len(),
            index,
        });
    }

    fn next(&mut self) {
        let Some(level) = self.levels.last_mut() else {
            return;
        };
        self.path.truncate(level.length);
        if let Some(index) = &mut level.index {
            *index += 1;
            self.path.push_str(&format!("[{index}]"));
        }
    }
}
