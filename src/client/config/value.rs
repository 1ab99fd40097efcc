//! A configuration that somebody else has parsed, from TOML or YAML say, written as JSON.
//! The order of its keys is kept, and its depth and length are bounded while it is read.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};

use super::error::{ConfigErrorKind, clip};
use crate::rpc::write_string;

/// How deep a value may be nested. It's read by recursion, so the stack limits it.
const DEEPEST: usize = 128;

/// The value as JSON without space between its tokens.
///
/// Returns an error if it is deeper than 128 levels, longer than `limit`, or can't be read.
pub(super) fn to_json<'de>(
    value: impl Deserializer<'de>,
    limit: usize,
) -> Result<Vec<u8>, ConfigErrorKind> {
    let mut writer = Writer {
        json: Vec::new(),
        limit,
        depth: 0,
        overrun: None,
    };
    match value.deserialize_any(&mut writer) {
        Ok(()) => Ok(writer.json),
        Err(error) => Err(writer.overrun.unwrap_or_else(|| {
            // Parsers show the line with the mistake below their first line, and it may be a secret.
            let text = error.to_string();
            let reason = clip(text.lines().next().unwrap_or_default());
            ConfigErrorKind::Syntax { reason }
        })),
    }
}

struct Writer {
    json: Vec<u8>,
    limit: usize,
    depth: usize,
    /// The bound that was met, after which nothing more is read.
    overrun: Option<ConfigErrorKind>,
}

impl Writer {
    fn text<E: Error>(&mut self, text: &str) -> Result<(), E> {
        self.json.extend_from_slice(text.as_bytes());
        self.check()
    }

    fn string<E: Error>(&mut self, text: &str) -> Result<(), E> {
        write_string(&mut self.json, text);
        self.check()
    }

    fn check<E: Error>(&mut self) -> Result<(), E> {
        let limit = self.limit;
        if self.json.len() <= limit {
            return Ok(());
        }
        self.overrun = Some(ConfigErrorKind::TooLong { limit });
        Err(E::custom("too long"))
    }

    fn enter<E: Error>(&mut self, opening: &str) -> Result<(), E> {
        if self.depth == DEEPEST {
            self.overrun = Some(ConfigErrorKind::TooDeep { limit: DEEPEST });
            return Err(E::custom("too deep"));
        }
        self.depth += 1;
        self.text(opening)
    }

    fn leave<E: Error>(&mut self, closing: &str) -> Result<(), E> {
        self.depth -= 1;
        self.text(closing)
    }
}

impl<'de> DeserializeSeed<'de> for &mut Writer {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        value.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut Writer {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value that JSON has")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.text(if value { "true" } else { "false" })
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.text(&value.to_string())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.text(&value.to_string())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        match value.is_finite() {
            true => self.text(&format!("{value:?}")),
            false => self.text("null"),
        }
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.string(value)
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.text("null")
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        self.text("null")
    }

    fn visit_some<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        value.deserialize_any(self)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        value.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        self.enter("[")?;
        let opened = self.json.len();
        loop {
            let before = self.json.len();
            if before > opened {
                self.text(",")?;
            }
            if elements.next_element_seed(&mut *self)?.is_none() {
                self.json.truncate(before);
                return self.leave("]");
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        self.enter("{")?;
        let opened = self.json.len();
        while let Some(key) = members.next_key::<String>()? {
            if self.json.len() > opened {
                self.text(",")?;
            }
            self.string(&key)?;
            self.text(":")?;
            members.next_value_seed(&mut *self)?;
        }
        self.leave("}")
    }
}
