//! A piece of JSON kept as the text it arrived in: key order, number digits and spacing intact.
//! Payloads that the protocol only carries (arguments, schemas, structured content) are this.

use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::value::RawValue;

use crate::frame;

use super::chars::{Chars, Source};
use super::json_error::JsonError;
use super::scan;
use super::text::Concealed;
use super::write::has_line_break;

/// Whether `text` is one JSON value without white space around it, however deep it nests.
pub(crate) fn is_json(text: &[u8]) -> bool {
    let is_value = || serde_json::from_slice::<&RawValue>(text).map(RawValue::get);
    scan::is_value(text) && frame::text(text).is_ok()
        || is_value().is_ok_and(|value| value.len() == text.len())
}

/// Reads a whole value as a `T`. As a text, like all others: serde's code for a type is in a program once
/// for each kind of source.
pub(crate) fn read_json<'de, T: Deserialize<'de>>(json: &'de [u8]) -> serde_json::Result<T> {
    serde_json::from_str(frame::text(json).map_err(de::Error::custom)?)
}

/// The name under which a [`Raw`] announces itself to a serializer that can copy it as it stands.
pub(crate) const RAW_TOKEN: &str = "mcp_proto::Raw";

/// A JSON value as text, borrowed from a frame, owned, or shared as a [`Text`](super::Text) is.
///
/// Two values are equal when their texts are; `{"a":1}` and `{ "a": 1 }` differ. To read it as a
/// type of your own use [`Raw::decode`].
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Raw<'a>(Chars<'a>);

impl<'a> Raw<'a> {
    /// The JSON `null`.
    pub const NULL: Raw<'static> = Raw(Chars::Borrowed("null"));

    /// The JSON `{}`.
    pub const EMPTY_OBJECT: Raw<'static> = Raw(Chars::Borrowed("{}"));

    /// Takes `text` as JSON after checking that it is exactly one value.
    ///
    /// A text with line breaks between its tokens is accepted and rewritten onto one line, since a
    /// frame on a pipe is a line. Returns an error if the text is not JSON.
    pub fn new(text: impl Into<Cow<'a, str>>) -> Result<Self, JsonError> {
        let text = text.into();
        if scan::is_value(text.as_bytes()) && !has_line_break(text.as_bytes()) {
            return Ok(Self(text.into()));
        }
        let value: &RawValue = serde_json::from_str(&text).map_err(JsonError::new)?;
        if value.get().contains(['\n', '\r']) {
            let joined: String = value
                .get()
                .chars()
                .filter(|c| !matches!(c, '\n' | '\r'))
                .collect();
            return Ok(Self(Chars::owned(joined)));
        }
        let trimmed = value.get().len() != text.len();
        Ok(Self(if trimmed {
            Chars::owned(value.get().into())
        } else {
            text.into()
        }))
    }

    /// Encodes `value` as JSON. Returns an error if its `Serialize` does.
    pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Raw<'static>, JsonError> {
        let text = serde_json::to_string(value).map_err(JsonError::new)?;
        Ok(Raw(Chars::owned(text)))
    }

    /// Takes a text that is known to be one JSON value; usable in constants.
    pub(crate) const fn constant(text: &'a str) -> Self {
        Self(Chars::Borrowed(text))
    }

    /// Takes a text that a scanner of ours has already found to be one JSON value.
    #[inline]
    pub(crate) fn trusted(text: Cow<'a, str>) -> Self {
        Self(text.into())
    }

    /// Returns the JSON text.
    #[inline]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Reads the value as `T`, which may borrow from it. Returns an error if it doesn't fit `T`.
    pub fn decode<'b, T: Deserialize<'b>>(&'b self) -> Result<T, JsonError> {
        serde_json::from_str(self.as_str()).map_err(JsonError::new)
    }

    /// Reads the value as `T`, which borrows from the frame where this does; `None` when it doesn't
    /// fit, or when this owns its text.
    pub(crate) fn decode_borrowed<T: Deserialize<'a>>(&self) -> Option<T> {
        match self.0 {
            Chars::Borrowed(text) => serde_json::from_str(text).ok(),
            Chars::Held(_) => None,
        }
    }

    /// Returns the same value, independent of what it was borrowed from. What it copies holds not one
    /// byte more.
    pub fn into_owned(self) -> Raw<'static> {
        self.owned_from(Source::NONE)
    }

    pub(crate) fn owned_from(self, source: Source<'_>) -> Raw<'static> {
        Raw(self.0.owned_from(source))
    }

    /// Returns a value that borrows from this one.
    pub fn reborrow(&self) -> Raw<'_> {
        Raw(Chars::Borrowed(self.as_str()))
    }

    /// The first byte that isn't white space: `{`, `[`, `"`, `t`, `f`, `n`, `-` or a digit.
    pub(crate) fn first_byte(&self) -> u8 {
        self.as_str()
            .bytes()
            .find(|b| !b.is_ascii_whitespace())
            .unwrap_or(b'n')
    }

    /// Returns whether the value is a JSON object.
    pub fn is_object(&self) -> bool {
        self.first_byte() == b'{'
    }

    /// Returns whether the value is `null`.
    pub fn is_null(&self) -> bool {
        self.first_byte() == b'n'
    }
}

/// Shows the size only: arguments and answers may be secrets, and logs are not the place for them.
/// `Display` shows the text.
impl fmt::Debug for Raw<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Raw({:?})", Concealed(self.as_str().len()))
    }
}

impl fmt::Display for Raw<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<serde_json::Value> for Raw<'_> {
    fn from(value: serde_json::Value) -> Self {
        Self(Chars::owned(value.to_string()))
    }
}

/// What stands inside the newtype: the text for our own encoder (which is asked by not being
/// human readable), the value itself for anybody else's.
struct RawBody<'a>(&'a str);

impl Serialize for RawBody<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return serializer.serialize_str(self.0);
        }
        let value: &RawValue = serde_json::from_str(self.0).map_err(ser::Error::custom)?;
        value.serialize(serializer)
    }
}

impl Serialize for Raw<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(RAW_TOKEN, &RawBody(self.as_str()))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Raw<'a> {
    /// Borrows from the input, so the input has to be a string or slice of JSON.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let value = <&'de RawValue>::deserialize(deserializer)?;
            return Ok(Self(Chars::Borrowed(value.get())));
        }
        let text = String::deserialize(deserializer)?;
        Self::new(text).map_err(de::Error::custom)
    }
}
