//! Request ids: strings or integers, kept with their type and every digit.
//! `7` and `"7"` differ, and an integer beyond 64 bits is kept as its digits, never rounded.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::raw::Raw;
use super::write::{write_i64, write_string};

/// The id of a request, as it is echoed in the response.
///
/// The order of ids is of no meaning; it is there so that they can be keys.
// `base.id.type`, `base.id.roundtrip`
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(Repr);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Repr {
    Integer(i64),
    /// An integer that doesn't fit 64 bits, as its digits; never one that does.
    Digits(Box<str>),
    String(Box<str>),
}

impl RequestId {
    /// Reads an id from its JSON text; `None` for anything but a string or an integer, so for
    /// `null`, `1.5`, `1e2` and `true` too.
    ///
    /// `json` has to be one JSON value without white space around it.
    // `base.id.notnull`, `base.id.fraction`
    pub fn from_json(json: &str) -> Option<Self> {
        if json.starts_with('"') {
            return serde_json::from_str::<String>(json).ok().map(Self::from);
        }
        let digits = json.strip_prefix('-').unwrap_or(json);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        Some(match json.parse::<i64>() {
            Ok(integer) => Self(Repr::Integer(integer)),
            Err(_) => Self(Repr::Digits(json.into())),
        })
    }

    /// Reads an id of a few digits, which most ids are; `None` for all others.
    #[inline]
    pub(crate) fn short(json: &[u8]) -> Option<Self> {
        if json.is_empty() || json.len() > 18 {
            return None;
        }
        #[expect(
            clippy::arithmetic_side_effects,
            reason = "18 digits are less than the highest number of 64 bits"
        )]
        let integer = json.iter().try_fold(0, |integer: i64, digit| {
            let digit = digit.wrapping_sub(b'0');
            (digit < 10).then(|| integer * 10 + i64::from(digit))
        });
        integer.map(Self::from)
    }

    /// Returns the integer, when the id is one of at most 64 bits.
    pub fn as_integer(&self) -> Option<i64> {
        match self.0 {
            Repr::Integer(integer) => Some(integer),
            _ => None,
        }
    }

    /// Returns the text, when the id is a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.0 {
            Repr::String(text) => Some(text),
            _ => None,
        }
    }

    /// Appends the id as JSON.
    pub fn write(&self, out: &mut Vec<u8>) {
        match &self.0 {
            Repr::Integer(integer) => write_i64(out, *integer),
            Repr::Digits(digits) => out.extend_from_slice(digits.as_bytes()),
            Repr::String(text) => write_string(out, text),
        }
    }

    /// Returns the id as JSON.
    pub fn to_raw(&self) -> Raw<'static> {
        let mut out = Vec::new();
        self.write(&mut out);
        Raw::trusted(String::from_utf8(out).unwrap_or_default().into())
    }
}

impl From<i64> for RequestId {
    fn from(integer: i64) -> Self {
        Self(Repr::Integer(integer))
    }
}

impl From<u64> for RequestId {
    fn from(integer: u64) -> Self {
        match i64::try_from(integer) {
            Ok(integer) => Self(Repr::Integer(integer)),
            Err(_) => Self(Repr::Digits(alloc::format!("{integer}").into())),
        }
    }
}

impl From<&str> for RequestId {
    fn from(text: &str) -> Self {
        Self(Repr::String(text.into()))
    }
}

impl From<String> for RequestId {
    fn from(text: String) -> Self {
        Self(Repr::String(text.into()))
    }
}

/// Strings are shown in quotes, so that `"92"` can't be taken for `92`.
impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Integer(integer) => write!(f, "{integer}"),
            Repr::Digits(digits) => f.write_str(digits),
            Repr::String(text) => write!(f, "{text:?}"),
        }
    }
}

impl Serialize for RequestId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Repr::Integer(integer) if serializer.is_human_readable() => {
                serializer.serialize_i64(*integer)
            }
            _ => self.to_raw().serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for RequestId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Raw::deserialize(deserializer)?;
        Self::from_json(raw.as_str())
            .ok_or_else(|| de::Error::custom("a request id is a string or an integer"))
    }
}
