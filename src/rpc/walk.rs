//! Walking JSON text that is known to be good: the members of an object, the elements of an array.
//! It only looks for where tokens stand, without recursion; on text that isn't JSON it ends early.

#![expect(
    clippy::arithmetic_side_effects,
    reason = "`at` grows by what was found from it on and passes the end of the text by two at most"
)]

use alloc::borrow::Cow;
use alloc::string::String;

use memchr::memchr2;

use super::span::Span;

/// A member of an object: where its key (with quotes) and its value stand in the text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) key: Span,
    pub(crate) value: Span,
}

/// The members of the object that `text` is, in its order; none when it is something else.
pub(crate) fn members(text: &[u8]) -> impl Iterator<Item = Entry> {
    let mut walker = Walker { text, at: 0 };
    walker.enter(b'{');
    core::iter::from_fn(move || walker.entry())
}

/// The members that `text` lists without braces around them.
pub(crate) fn listed_members(text: &[u8]) -> impl Iterator<Item = Entry> {
    let mut walker = Walker { text, at: 0 };
    core::iter::from_fn(move || walker.entry())
}

/// The elements of the array that `text` is; none when it is something else.
pub(crate) fn elements(text: &[u8]) -> impl Iterator<Item = Span> {
    let mut walker = Walker { text, at: 0 };
    walker.enter(b'[');
    core::iter::from_fn(move || walker.element())
}

/// How long the value is with which `text` starts.
pub(super) fn value_length(text: &[u8]) -> usize {
    let mut walker = Walker { text, at: 0 };
    walker.skip_value();
    walker.at
}

/// A piece of a JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// The opening of an object (`true`) or of an array.
    Open(bool),
    /// The end of an object or an array.
    Close,
    /// What separates members and elements.
    Comma,
    /// What stands between a key and its value.
    Colon,
    /// A string, which may be a key, a number or a literal.
    Scalar,
}

/// The tokens of `text` in their order, each with its place.
pub(crate) fn tokens(text: &[u8]) -> impl Iterator<Item = (Token, Span)> {
    let mut walker = Walker { text, at: 0 };
    core::iter::from_fn(move || {
        walker.skip_space();
        let start = walker.at;
        let token = match walker.byte()? {
            open @ (b'{' | b'[') => Token::Open(open == b'{'),
            b'}' | b']' => Token::Close,
            b',' => Token::Comma,
            b':' => Token::Colon,
            _ => Token::Scalar,
        };
        match token {
            Token::Scalar => walker.skip_scalar(),
            _ => walker.at += 1,
        }
        Some((token, Span::new(start, walker.at)))
    })
}

struct Walker<'a> {
    text: &'a [u8],
    at: usize,
}

impl Walker<'_> {
    /// Passes the opening of a container; goes to the end when the text is something else.
    fn enter(&mut self, open: u8) {
        self.skip_space();
        self.at = if self.byte() == Some(open) {
            self.at + 1
        } else {
            self.text.len()
        };
    }

    fn entry(&mut self) -> Option<Entry> {
        let key = self.key()?;
        let value_start = self.at;
        self.skip_value();
        let value = Span::new(value_start, self.at);
        Some(Entry { key, value })
    }

    /// The next key; what follows is its value.
    fn key(&mut self) -> Option<Span> {
        self.skip_separator();
        let key_start = self.at;
        if self.byte() != Some(b'"') {
            return None;
        }
        self.skip_string();
        let key = Span::new(key_start, self.at);
        self.skip_space();
        if self.byte() != Some(b':') {
            return None;
        }
        self.at += 1;
        self.skip_space();
        Some(key)
    }

    fn element(&mut self) -> Option<Span> {
        self.skip_separator();
        let start = self.at;
        self.skip_value();
        (self.at > start).then(|| Span::new(start, self.at))
    }

    fn skip_separator(&mut self) {
        self.skip_space();
        if self.byte() == Some(b',') {
            self.at += 1;
            self.skip_space();
        }
    }

    fn byte(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while self.byte().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn skip_string(&mut self) {
        self.at = after_string(self.text, self.at);
    }

    fn skip_scalar(&mut self) {
        if self.byte() == Some(b'"') {
            return self.skip_string();
        }
        let is_end = |byte: &u8| byte.is_ascii_whitespace() || b",:{}[]".contains(byte);
        let rest = self.text.get(self.at..).unwrap_or_default();
        self.at += rest.iter().position(is_end).unwrap_or(rest.len());
    }

    fn skip_value(&mut self) {
        self.at = after_value(self.text, self.at);
    }
}

// What passes over many bytes has its place as a value of its own: in `self` it would go by way of memory.

/// Where what follows the value at `at` starts.
fn after_value(text: &[u8], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => at = after_string(text, at),
            b'{' | b'[' => {
                depth += 1;
                at += 1;
            }
            b'}' | b']' | b',' if depth == 0 => return at,
            b'}' | b']' => {
                depth -= 1;
                at += 1;
            }
            _ if depth == 0 && byte.is_ascii_whitespace() => return at,
            _ => {
                at += 1;
                continue;
            }
        }
        if depth == 0 {
            return at;
        }
    }
    at
}

/// Where what follows the string at `at` starts.
// Byte by byte as long as it may be short: a loop whose end is foreseen is several times as fast as what has
// to be computed before the next token is looked at.
#[inline]
fn after_string(text: &[u8], at: usize) -> usize {
    /// Up to here.
    const SHORT: usize = 24;
    let mut at = at + 1;
    let end = at + SHORT;
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
        if at >= end {
            return after_longer_string(text, at);
        }
    }
    at.min(text.len())
}

/// The same of a string whose rest starts at `at`.
#[inline(never)]
fn after_longer_string(text: &[u8], mut at: usize) -> usize {
    while let Some(rest) = text.get(at..)
        && let Some(found) = memchr2(b'"', b'\\', rest)
    {
        at += found;
        if text.get(at) == Some(&b'"') {
            return at + 1;
        }
        at += 2;
    }
    text.len()
}

/// The string that a JSON string token stands for; empty when it isn't one.
pub(crate) fn string_of(token: &[u8]) -> Cow<'_, str> {
    let inside = token
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""));
    match inside {
        Some(inside) if !inside.contains(&b'\\') => {
            Cow::Borrowed(core::str::from_utf8(inside).unwrap_or_default())
        }
        _ => Cow::Owned(serde_json::from_slice::<String>(token).unwrap_or_default()),
    }
}

/// Whether the value is the string `expected`, escapes resolved.
#[inline]
pub(crate) fn is_string(frame: &[u8], span: Span, expected: &str) -> bool {
    let token = span.of(frame);
    let inner = token
        .strip_prefix(b"\"")
        .and_then(|token| token.strip_suffix(b"\""));
    inner == Some(expected.as_bytes())
        || (token.contains(&b'\\')
            && serde_json::from_slice::<String>(token).is_ok_and(|text| text == expected))
}

/// The value of the member `name` of the object `text`, the last one when there are several, as
/// every other reader has it; `None` when there is no such member.
pub(crate) fn member_of<'a>(text: &'a [u8], name: &str) -> Option<&'a [u8]> {
    members(text)
        .filter(|member| is_string(text, member.key, name))
        .last()
        .map(|member| member.value.of(text))
}
