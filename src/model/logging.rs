//! Log messages of a server and the levels they have (`logging/setLevel`, `notifications/message`).

use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::model::field::setters;
use crate::model::meta::Meta;
use crate::model::owned::{already_owned, into_owned};
use crate::rpc::{Raw, Text};

/// How grave a log message is; ordered, the gravest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum LoggingLevel {
    /// For finding faults.
    Debug,
    /// What happens normally.
    Info,
    /// Normal but remarkable.
    Notice,
    /// Something may go wrong.
    Warning,
    /// Something went wrong.
    Error,
    /// A part has failed.
    Critical,
    /// Somebody has to act at once.
    Alert,
    /// Nothing works.
    Emergency,
}

impl LoggingLevel {
    /// All levels, the gravest last.
    pub const ALL: [Self; 8] = [
        Self::Debug,
        Self::Info,
        Self::Notice,
        Self::Warning,
        Self::Error,
        Self::Critical,
        Self::Alert,
        Self::Emergency,
    ];

    /// The level of that name on the wire; `None` when there is none.
    pub fn from_wire(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == name)
    }

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
            Self::Alert => "alert",
            Self::Emergency => "emergency",
        }
    }
}

impl fmt::Display for LoggingLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for LoggingLevel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for LoggingLevel {
    /// Errs for a level that isn't one of the eight.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Text::deserialize(deserializer)?;
        Self::from_wire(&name).ok_or_else(|| de::Error::custom("unknown logging level"))
    }
}

/// Reads the level of a message that has arrived: an unknown one must not lose the message.
fn received_level<'de, D: Deserializer<'de>>(deserializer: D) -> Result<LoggingLevel, D::Error> {
    let name = Text::deserialize(deserializer)?;
    Ok(LoggingLevel::from_wire(&name).unwrap_or(LoggingLevel::Info))
}

/// The parameters of `logging/setLevel`; up to 2025-11-25.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SetLevelParams<'a> {
    /// The least grave level that is wanted; an unknown one is refused on decoding.
    pub level: LoggingLevel,
    /// Metadata of the request.
    #[serde(
        rename = "_meta",
        borrow,
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub meta: Option<Meta<'a>>,
}

impl SetLevelParams<'_> {
    /// Asks for messages of `level` and graver ones.
    pub fn new(level: LoggingLevel) -> Self {
        Self { level, meta: None }
    }
}

/// The parameters of `notifications/message`: one log message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct LoggingMessageParams<'a> {
    /// How grave it is; a level that is none of the eight reads as [`LoggingLevel::Info`].
    #[serde(deserialize_with = "received_level")]
    pub level: LoggingLevel,
    /// Which part of the server says it.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub logger: Option<Text<'a>>,
    /// What is said: any JSON value, often a string.
    #[serde(borrow)]
    pub data: Raw<'a>,
    /// Metadata of the notification.
    #[serde(
        rename = "_meta",
        borrow,
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub meta: Option<Meta<'a>>,
}

impl<'a> LoggingMessageParams<'a> {
    /// A message that says `data`.
    pub fn new(level: LoggingLevel, data: Raw<'a>) -> Self {
        Self {
            level,
            logger: None,
            data,
            meta: None,
        }
    }

    /// A message that says a text.
    pub fn text(level: LoggingLevel, text: &str) -> Self {
        Self::new(level, serde_json::Value::from(text).into())
    }
}

setters! {
    SetLevelParams { meta: Meta<'a> }
    LoggingMessageParams { logger: Text<'a>, meta: Meta<'a> }
}

already_owned!(LoggingLevel);

into_owned! {
    SetLevelParams { level, meta }
    LoggingMessageParams { level, logger, data, meta }
}
