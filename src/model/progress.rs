//! Progress of a running request (`notifications/progress`) and the token that ties it to one.

use alloc::borrow::Cow;
use alloc::string::ToString;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::model::field::Number;
use crate::model::meta::Meta;
use crate::model::owned::into_owned;
use crate::model::wire_type::wire_type;
use crate::rpc::{Raw, Text};

/// What ties progress to a request: a string or an integer that the requestor chose.
///
/// Two tokens are equal when their values are; `1` and `"1"` differ.
#[derive(Debug, Clone)]
pub struct ProgressToken<'a> {
    raw: Raw<'a>,
}

impl<'a> ProgressToken<'a> {
    /// Takes a string or an integer; `None` when `raw` is anything else.
    // `progress.token.type`
    pub fn from_raw(raw: Raw<'a>) -> Option<Self> {
        let text = raw.as_str();
        let digits = text.strip_prefix('-').unwrap_or(text);
        let integer = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        (integer || text.starts_with('"')).then_some(Self { raw })
    }

    /// Returns the token as it stands on the wire.
    pub fn as_raw(&self) -> &Raw<'a> {
        &self.raw
    }

    /// Returns the token if it is a string.
    pub fn as_text(&self) -> Option<Text<'_>> {
        self.raw.decode().ok()
    }

    /// Returns the token if it is an integer of that range.
    pub fn as_integer(&self) -> Option<i64> {
        self.raw.as_str().parse().ok()
    }
}

impl PartialEq for ProgressToken<'_> {
    fn eq(&self, other: &Self) -> bool {
        // Integers have one spelling each, strings have many because of escapes.
        self.raw.as_str() == other.raw.as_str()
            || self
                .as_text()
                .is_some_and(|text| other.as_text() == Some(text))
    }
}

impl Eq for ProgressToken<'_> {}

impl From<i64> for ProgressToken<'_> {
    fn from(token: i64) -> Self {
        Self {
            raw: Raw::trusted(Cow::Owned(token.to_string())),
        }
    }
}

impl From<&str> for ProgressToken<'_> {
    fn from(token: &str) -> Self {
        Self {
            raw: serde_json::Value::from(token).into(),
        }
    }
}

impl Serialize for ProgressToken<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.raw.serialize(serializer)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for ProgressToken<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Raw::deserialize(deserializer)?;
        Self::from_raw(raw).ok_or_else(|| de::Error::custom("expected a string or an integer"))
    }
}

wire_type! {
    /// The parameters of `notifications/progress`.
    #[derive(Debug)]
    pub struct ProgressParams<'a> {
        /// Which request it is about.
        progress_token as "progressToken": ProgressToken<'a>,
        /// How far it is; grows with every notification.
        progress: f64 as Number,
        /// How far it goes, if that is known.
        total?: f64 as Number,
        /// What is being done, for people; since 2025-03-26.
        message?: Text<'a> [since(V2025_03_26)],
        /// Metadata of the notification.
        meta? as "_meta": Meta<'a>,
    }

    /// Creates a report on the request with that token.
    pub fn new(progress_token: impl Into<ProgressToken<'a>>, progress: f64);
}

into_owned! {
    ProgressToken { raw }
}
