//! The JSON of a configuration: where its members stand, what their strings are, and errors that
//! name the line and column of an offset.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cell::OnceCell;

use serde::Deserializer;
use serde::de::IgnoredAny;

use super::comments::strip;
use super::error::{ConfigError, ConfigErrorKind, Position, clip};
use super::expand::Environment;
use super::value::to_json;
use crate::rpc::{Entry, Span, elements, members, start_of};

/// How many bytes a configuration may have.
pub(super) const LONGEST_FILE: usize = 16 << 20;

/// How far apart the places are whose line and column are remembered, in bytes.
const MARK_EVERY: usize = 64 << 10;

/// A configuration as JSON, each byte of which stands where it stands in the file.
pub(super) struct Source<'a> {
    file: &'a str,
    json: Vec<u8>,
    /// The file's text; `None` when the configuration was given as a value.
    text: Option<&'a str>,
    marks: OnceCell<Vec<Mark>>,
    pub(super) environment: Environment<'a>,
}

impl<'a> Source<'a> {
    pub(super) fn from_text(
        file: &'a str,
        text: &'a str,
        environment: Environment<'a>,
    ) -> Result<Self, ConfigError> {
        let mut source = Self::new(file, environment);
        source.text = Some(text);
        if text.len() > LONGEST_FILE {
            return Err(source.error(
                0,
                ConfigErrorKind::TooLong {
                    limit: LONGEST_FILE,
                },
            ));
        }
        source.json = strip(text).map_err(|at| {
            let reason = "comment without an end".into();
            source.error(at, ConfigErrorKind::Syntax { reason })
        })?;
        match serde_json::from_slice::<IgnoredAny>(&source.json) {
            Ok(_) => Ok(source),
            Err(error) => Err(source.syntax_error(text, &error)),
        }
    }

    pub(super) fn from_value<'de>(
        file: &'a str,
        value: impl Deserializer<'de>,
        environment: Environment<'a>,
    ) -> Result<Self, ConfigError> {
        let mut source = Self::new(file, environment);
        source.json = to_json(value, LONGEST_FILE).map_err(|kind| source.error(0, kind))?;
        Ok(source)
    }

    fn new(file: &'a str, environment: Environment<'a>) -> Self {
        Self {
            file,
            json: Vec::new(),
            text: None,
            marks: OnceCell::new(),
            environment,
        }
    }

    pub(super) fn is_text(&self) -> bool {
        self.text.is_some()
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
        ConfigError {
            file: clip(self.file),
            server: None,
            field: None,
            position: self.position(at),
            kind,
        }
    }

    /// An error at a field outside of all servers.
    pub(super) fn field_error(&self, field: &str, at: Span, kind: ConfigErrorKind) -> ConfigError {
        ConfigError {
            field: Some(clip(field)),
            ..self.error(at.start as usize, kind)
        }
    }

    /// Says that a name stands twice, for the first time at `first`.
    pub(super) fn duplicate(&self, first: Span) -> ConfigErrorKind {
        ConfigErrorKind::Duplicate {
            first: self.position(first.start as usize),
        }
    }

    /// The line and column of an offset; `None` when there is no text.
    fn position(&self, at: usize) -> Option<Position> {
        let text = self.text?;
        // A file may be one long line with a thousand mistakes: none of them counts from its start.
        let marks = self.marks.get_or_init(|| marks(text));
        let after = marks.partition_point(|mark| mark.at <= at);
        let mark = marks.get(after.saturating_sub(1))?;
        let mark = mark.advance(text, floor(text, at));
        Some(mark.position)
    }

    fn syntax_error(&self, text: &str, error: &serde_json::Error) -> ConfigError {
        let kind = ConfigErrorKind::Syntax {
            reason: reason(error),
        };
        let line_start: usize = text
            .split_inclusive('\n')
            .take(error.line().saturating_sub(1))
            .map(str::len)
            .sum();
        // Bytes, and possibly in the middle of a character.
        let mut at = line_start + error.column().saturating_sub(1);
        while !text.is_char_boundary(at) && at < text.len() {
            at += 1;
        }
        self.error(at, kind)
    }
}

/// An offset whose line and column are known.
#[derive(Clone, Copy)]
struct Mark {
    at: usize,
    position: Position,
}

impl Mark {
    /// The mark at `to`, which is behind this one.
    fn advance(self, text: &str, to: usize) -> Self {
        let passed = text.get(self.at..to).unwrap_or_default();
        let Position { line, column } = self.position;
        let position = match passed.rfind('\n') {
            Some(last) => Position {
                line: line + passed.matches('\n').count() as u32,
                column: 1 + passed[last + 1..].chars().count() as u32,
            },
            None => Position {
                line,
                column: column + passed.chars().count() as u32,
            },
        };
        Self { at: to, position }
    }
}

/// The places of a text whose line and column are worth remembering.
fn marks(text: &str) -> Vec<Mark> {
    // A byte order mark is no character of the first line.
    let start = text.len() - text.trim_start_matches('\u{feff}').len();
    let mut mark = Mark {
        at: start,
        position: Position { line: 1, column: 1 },
    };
    let mut marks = alloc::vec![mark];
    while mark.at + MARK_EVERY < text.len() {
        mark = mark.advance(text, floor(text, mark.at + MARK_EVERY));
        marks.push(mark);
    }
    marks
}

/// The offset, or that of the character it is in the middle of; the end if it is beyond.
fn floor(text: &str, at: usize) -> usize {
    start_of(text, at).len()
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
    clip(reason.unwrap_or_default())
}
