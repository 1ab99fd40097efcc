//! The text of a configuration file: where its members stand, what their strings are, and errors
//! that name the line and column of an offset.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::de::IgnoredAny;

use super::comments::strip;
use super::error::{ConfigError, ConfigErrorKind};
use super::expand::Environment;
use crate::rpc::{Entry, Span, elements, members};

/// A file that is JSON once its comments are blanked.
pub(super) struct Source<'a> {
    file: &'a str,
    text: &'a str,
    json: Vec<u8>,
    pub(super) environment: Environment<'a>,
}

impl<'a> Source<'a> {
    pub(super) fn new(
        file: &'a str,
        text: &'a str,
        environment: Environment<'a>,
    ) -> Result<Self, ConfigError> {
        let mut source = Self {
            file,
            text,
            json: Vec::new(),
            environment,
        };
        if u32::try_from(text.len()).is_err() {
            return Err(source.error(0, ConfigErrorKind::TooLong));
        }
        source.json = strip(text).map_err(|at| {
            let reason = "comment without an end".into();
            source.error(at, ConfigErrorKind::Syntax { reason })
        })?;
        match serde_json::from_slice::<IgnoredAny>(&source.json) {
            Ok(_) => Ok(source),
            Err(error) => Err(source.syntax_error(&error)),
        }
    }

    pub(super) fn root(&self) -> Span {
        let start = self
            .json
            .iter()
            .take_while(|byte| byte.is_ascii_whitespace());
        Span {
            start: start.count() as u32,
            end: self.json.len() as u32,
        }
    }

    /// The bytes of a value.
    pub(super) fn bytes(&self, value: Span) -> &[u8] {
        value.of(&self.json)
    }

    /// The members of an object; none when the value is something else.
    pub(super) fn members(&self, value: Span) -> impl Iterator<Item = Entry> {
        members(self.bytes(value)).map(move |entry| Entry {
            key: within(value, entry.key),
            value: within(value, entry.value),
        })
    }

    /// The elements of an array; none when the value is something else.
    pub(super) fn elements(&self, value: Span) -> impl Iterator<Item = Span> {
        elements(self.bytes(value)).map(move |element| within(value, element))
    }

    /// What type a value has, in words.
    pub(super) fn type_of(&self, value: Span) -> &'static str {
        match self.bytes(value).first() {
            Some(b'{') => "an object",
            Some(b'[') => "an array",
            Some(b'"') => "a string",
            Some(b't' | b'f') => "a boolean",
            Some(b'n') => "null",
            _ => "a number",
        }
    }

    /// The value, if its type is `expected`.
    pub(super) fn typed(
        &self,
        value: Span,
        expected: &'static str,
    ) -> Result<Span, ConfigErrorKind> {
        match self.type_of(value) {
            found if found == expected => Ok(value),
            found => Err(ConfigErrorKind::WrongType { expected, found }),
        }
    }

    /// The string that a value or a key is, with its references as they are.
    pub(super) fn string(&self, value: Span) -> Result<String, ConfigErrorKind> {
        let value = self.typed(value, "a string")?;
        // What is JSON but no string has half a surrogate pair.
        serde_json::from_slice(self.bytes(value)).map_err(|error| ConfigErrorKind::Syntax {
            reason: reason(&error),
        })
    }

    /// An error at an offset, outside of all servers.
    pub(super) fn error(&self, at: usize, kind: ConfigErrorKind) -> ConfigError {
        let (line, column) = self.position(at);
        ConfigError {
            file: self.file.into(),
            server: None,
            field: None,
            line,
            column,
            kind,
        }
    }

    /// The line and column of an offset, from 1.
    pub(super) fn position(&self, at: usize) -> (u32, u32) {
        let before = self.text.get(..at).unwrap_or(self.text);
        let lines = before.matches('\n').count();
        let in_line = before.rsplit('\n').next().unwrap_or_default();
        let columns = in_line.trim_start_matches('\u{feff}').chars().count();
        (lines as u32 + 1, columns as u32 + 1)
    }

    fn syntax_error(&self, error: &serde_json::Error) -> ConfigError {
        let kind = ConfigErrorKind::Syntax {
            reason: reason(error),
        };
        let line_start: usize = self
            .text
            .split_inclusive('\n')
            .take(error.line().saturating_sub(1))
            .map(str::len)
            .sum();
        // Bytes, and possibly in the middle of a character.
        let mut at = line_start + error.column().saturating_sub(1);
        while !self.text.is_char_boundary(at) && at < self.text.len() {
            at += 1;
        }
        self.error(at, kind)
    }
}

fn within(outer: Span, inner: Span) -> Span {
    Span {
        start: outer.start + inner.start,
        end: outer.start + inner.end,
    }
}

/// What serde_json says, without the place that it appends.
fn reason(error: &serde_json::Error) -> Box<str> {
    let text = error.to_string();
    let reason = text.split(" at line ").next();
    reason.unwrap_or_default().into()
}
