//! `${VAR}` and `${VAR:-default}` in the values of a configuration file.
//!
//! What is replaced is `\$\{([^}:]+)(:-([^}]*))?\}`, from left to right, once: neither a default nor
//! a variable's value is looked at again, so no text grows but by the values put into it, which are
//! counted. `${env:VAR}` means `${VAR}`, and so does opencode's `{env:VAR}` in a file of its own. The
//! products' other references, such as `${input:token}`, stay as they are when nobody answers.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

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
const EDITOR_PREFIXES: [&str; 5] = ["command", "config", "file", "input", "workspaceFolder"];

/// How references are written in a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Syntax {
    /// `${VAR}` and its like.
    Dollar,
    /// The same, and opencode's `{env:VAR}` and `{file:path}`.
    Braces,
}

/// A text whose references were replaced.
#[derive(Default)]
pub(super) struct Expanded {
    pub(super) text: String,
    /// The references that are still in it, without their braces.
    pub(super) unresolved: Vec<String>,
}

/// Why the references of a text can't be replaced.
pub(super) enum ExpandError {
    /// This variable is not defined.
    Undefined(String),
    /// The values would bring in more than there is room for.
    TooLong,
}

/// Replaces the references in `text`, and takes the length of what that brings in from `room`.
pub(super) fn expand(
    text: &str,
    syntax: Syntax,
    environment: Environment<'_>,
    room: &mut usize,
) -> Result<Expanded, ExpandError> {
    let mut expander = Expander {
        out: Expanded::default(),
        environment,
        room,
    };
    // Behind the last `}` there is nothing to find; before it, no search for one is in vain.
    let last = text.rfind('}').map_or(0, |at| at + 1);
    let (mut rest, tail) = text.split_at(last);
    while let Some(start) = next_opening(rest, syntax) {
        let (before, from) = rest.split_at(start);
        expander.out.text.push_str(before);
        rest = match from.starts_with('$') {
            true => expander.dollar(from)?,
            false => expander.braces(from)?,
        };
    }
    expander.out.text.push_str(rest);
    expander.out.text.push_str(tail);
    Ok(expander.out)
}

/// Whether there is anything in `text` that [`expand`] would look at.
pub(super) fn has_opening(text: &str, syntax: Syntax) -> bool {
    next_opening(text, syntax).is_some()
}

fn next_opening(text: &str, syntax: Syntax) -> Option<usize> {
    text.match_indices('{').find_map(|(at, _)| {
        let (before, from) = text.split_at(at);
        let is_brace = || from.starts_with("{env:") || from.starts_with("{file:");
        match before.ends_with('$') {
            true => Some(at - 1),
            false => (syntax == Syntax::Braces && is_brace()).then_some(at),
        }
    })
}

struct Expander<'a> {
    out: Expanded,
    environment: Environment<'a>,
    room: &'a mut usize,
}

impl Expander<'_> {
    /// Appends what the `${` at the start of `from` stands for, and returns what follows.
    fn dollar<'a>(&mut self, from: &'a str) -> Result<&'a str, ExpandError> {
        let body = from.get(2..).unwrap_or_default();
        if let Some(body) = body.strip_prefix("env:")
            && let Some((reference, rest)) = Reference::parse(body)
            && !reference.name.contains("${")
        {
            self.append(&reference)?;
            return Ok(rest);
        }
        if let Some((reference, rest)) = Reference::parse(body) {
            self.append(&reference)?;
            return Ok(rest);
        }
        if let Some((reference, rest)) = editor_reference(body) {
            self.append_or_keep(reference, &format!("${{{reference}}}"))?;
            return Ok(rest);
        }
        // Every `${` up to the next `}` or `:` would fail at the same place, but the last of them
        // may have a meaning with a colon.
        let stop = body.find(['}', ':']).unwrap_or(body.len());
        let name = body.get(..stop).unwrap_or_default();
        let next = 2 + name.rfind("${").unwrap_or(stop);
        let (literal, rest) = from.split_at(next);
        self.out.text.push_str(literal);
        Ok(rest)
    }

    /// Appends what the `{env:` or `{file:` at the start of `from` stands for.
    fn braces<'a>(&mut self, from: &'a str) -> Result<&'a str, ExpandError> {
        let (whole, rest) = from.split_at(from.find('}').map_or(from.len(), |end| end + 1));
        let inside = whole.trim_start_matches('{').trim_end_matches('}');
        match inside.strip_prefix("env:") {
            Some("") => self.out.text.push_str(whole),
            Some(name) => self.append(&Reference {
                name,
                default: None,
            })?,
            None => self.append_or_keep(inside, whole)?,
        }
        Ok(rest)
    }

    fn append(&mut self, reference: &Reference<'_>) -> Result<(), ExpandError> {
        let name = reference.name;
        if let Some(value) = (self.environment)(name) {
            self.bring_in(&value)
        } else if let Some(default) = reference.default {
            self.out.text.push_str(default);
            Ok(())
        } else if EDITOR_NAMES.contains(&name) {
            self.keep(name, &format!("${{{name}}}"));
            Ok(())
        } else {
            Err(ExpandError::Undefined(name.to_owned()))
        }
    }

    fn append_or_keep(&mut self, reference: &str, whole: &str) -> Result<(), ExpandError> {
        match (self.environment)(reference) {
            Some(value) => self.bring_in(&value),
            None => {
                self.keep(reference, whole);
                Ok(())
            }
        }
    }

    fn bring_in(&mut self, value: &str) -> Result<(), ExpandError> {
        let left = self.room.checked_sub(value.len());
        *self.room = left.ok_or(ExpandError::TooLong)?;
        self.out.text.push_str(value);
        Ok(())
    }

    fn keep(&mut self, reference: &str, whole: &str) {
        self.out.text.push_str(whole);
        self.out.unresolved.push(reference.to_owned());
    }
}

/// A reference to a variable of the environment.
struct Reference<'a> {
    name: &'a str,
    default: Option<&'a str>,
}

impl<'a> Reference<'a> {
    /// Reads what follows `${`, up to and with the `}`; the second is what follows that.
    fn parse(body: &'a str) -> Option<(Self, &'a str)> {
        let stop = body.find(['}', ':']).filter(|stop| *stop > 0)?;
        let (name, rest) = body.split_at(stop);
        let (default, rest) = match rest.strip_prefix('}') {
            Some(rest) => (None, rest),
            None => {
                let (default, rest) = rest.strip_prefix(":-")?.split_once('}')?;
                (Some(default), rest)
            }
        };
        Some((Self { name, default }, rest))
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
