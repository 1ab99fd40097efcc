//! Finding the members of an object in JSON text that is known to be valid.
//! It only looks for where tokens stand; on text that isn't JSON it ends early and never panics.

use alloc::borrow::Cow;
use alloc::string::String;
use core::ops::Range;

/// A member of an object: where its key (with quotes) and its value stand in the text.
pub(crate) struct Member {
    pub(crate) key: Range<usize>,
    pub(crate) value: Range<usize>,
}

/// The members of an object, in the order of the text.
pub(crate) struct Members<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Members<'a> {
    /// The members of the object that `text` is; none when it is something else.
    pub(crate) fn of_object(text: &'a [u8]) -> Self {
        let mut members = Self { text, at: 0 };
        members.skip_space();
        members.at = if members.byte() == Some(b'{') {
            members.at + 1
        } else {
            text.len()
        };
        members
    }

    /// The members that `text` lists without braces around them.
    pub(crate) fn listed(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
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
        self.at += 1;
        while let Some(byte) = self.byte() {
            self.at += if byte == b'\\' { 2 } else { 1 };
            if byte == b'"' {
                break;
            }
        }
        self.at = self.at.min(self.text.len());
    }

    fn skip_value(&mut self) {
        let mut depth = 0_usize;
        while let Some(byte) = self.byte() {
            match byte {
                b'"' => self.skip_string(),
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' | b',' if depth == 0 => return,
                b'}' | b']' => {
                    depth -= 1;
                    self.at += 1;
                }
                _ if depth == 0 && byte.is_ascii_whitespace() => return,
                _ => {
                    self.at += 1;
                    continue;
                }
            }
            if depth == 0 {
                return;
            }
        }
    }
}

impl Iterator for Members<'_> {
    type Item = Member;

    fn next(&mut self) -> Option<Member> {
        self.skip_space();
        if self.byte() == Some(b',') {
            self.at += 1;
            self.skip_space();
        }
        let key_start = self.at;
        if self.byte() != Some(b'"') {
            return None;
        }
        self.skip_string();
        let key = key_start..self.at;
        self.skip_space();
        if self.byte() != Some(b':') {
            return None;
        }
        self.at += 1;
        self.skip_space();
        let value_start = self.at;
        self.skip_value();
        Some(Member {
            key,
            value: value_start..self.at,
        })
    }
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

/// The value of the member `name` of the object `text`; `None` when it has no such member.
pub(crate) fn member_of<'a>(text: &'a [u8], name: &str) -> Option<&'a [u8]> {
    Members::of_object(text)
        .find(|member| {
            text.get(member.key.clone())
                .is_some_and(|key| string_of(key) == name)
        })
        .and_then(|member| text.get(member.value))
}
