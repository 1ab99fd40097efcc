//! The URIs of skills: `<directory>/<name>/SKILL.md` under any scheme, and the files below that
//! directory. Pure functions; what a peer's URI says is a path only once it is known to stay inside.

use alloc::string::String;
use alloc::vec::Vec;

use super::SKILL_MD;
use crate::model::safe_path::SafePath;

/// The directory of a skill by the URI of its SKILL.md; `None` when it is no such URI.
pub(crate) fn root_of(uri: &str) -> Option<&str> {
    let root = uri.strip_suffix(SKILL_MD)?.strip_suffix('/')?;
    let (scheme, rest) = root.split_once(':')?;
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic());
    let is_whole = is_scheme && scheme.bytes().all(is_known) && !rest.trim_matches('/').is_empty();
    (is_whole && !root.contains(['?', '#'])).then_some(root)
}

/// Where in the skill's directory a URI lies, its escapes undone; `None` when it doesn't lie there.
pub(crate) fn relative(root: &str, uri: &str) -> Option<SafePath> {
    let path = uri.strip_prefix(root)?.strip_prefix('/')?;
    if path.contains(['?', '#']) {
        return None;
    }
    SafePath::new(&decoded(path)?).ok()
}

/// A path with its `%` escapes undone; `None` when one is no escape, or they make no text.
pub(crate) fn decoded(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        let code = (digit()? << 4) | digit()?;
        bytes.push(u8::try_from(code).ok()?);
    }
    String::from_utf8(bytes).ok()
}

/// A path as it stands in a URI.
pub(crate) fn encoded(path: &str) -> String {
    let digit = |number: u8| char::from_digit(number.into(), 16).unwrap_or_default();
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=@/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push('%');
            uri.push(digit(byte >> 4).to_ascii_uppercase());
            uri.push(digit(byte & 15).to_ascii_uppercase());
        }
    }
    uri
}

/// Whether a skill can have this name: 1 to 64 letters and digits, none of them in upper case, with
/// single hyphens between them.
pub(crate) fn is_skill_name(name: &str) -> bool {
    let is_known = |c: char| c == '-' || (c.is_alphanumeric() && !c.is_uppercase());
    (1..=64).contains(&name.chars().count())
        && name.chars().all(is_known)
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.contains("--")
}
