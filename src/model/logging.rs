//! Log messages of a server and the levels they have (`logging/setLevel`, `notifications/message`).
//!
//! # Deprecated
//!
//! Revision 2026-07-28 deprecates log messages to the client. They still work, and may go in a
//! revision released on or after 2027-07-28. New code should not use them: a server on stdio logs
//! to stderr, and OpenTelemetry is for observability, says the specification's list of
//! [deprecated features](https://modelcontextprotocol.io/specification/2026-07-28/deprecated).

use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::model::meta::Meta;
use crate::model::owned::already_owned;
use crate::model::wire_type::wire_type;
use crate::rpc::{Raw, Text};

/// How grave a log message is; ordered, the gravest last.
///
/// Deprecated since 2026-07-28: log to stderr, or use OpenTelemetry. See
/// [`logging`](crate::model::logging#deprecated).
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

    /// Returns the level of that name on the wire; `None` when there is none.
    pub fn from_wire(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == name)
    }

    /// Returns the name on the wire.
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
    /// Returns an error for a level that isn't one of the eight.
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

wire_type! {
    /// The parameters of `logging/setLevel`; up to 2025-11-25.
    ///
    /// Deprecated since 2026-07-28: log to stderr, or use OpenTelemetry. See
    /// [`logging`](crate::model::logging#deprecated).
    #[derive(Debug)]
    pub struct SetLevelParams<'a> {
        /// The least grave level that is wanted; an unknown one is refused on decoding.
        level: LoggingLevel,
        /// Metadata of the request.
        meta? as "_meta": Meta<'a>,
    }

    /// Asks for messages of `level` and graver ones.
    pub fn new(level: LoggingLevel);
}

wire_type! {
    /// The parameters of `notifications/message`: one log message.
    ///
    /// Deprecated since 2026-07-28: log to stderr, or use OpenTelemetry. See
    /// [`logging`](crate::model::logging#deprecated).
    #[derive(Debug)]
    pub struct LoggingMessageParams<'a> {
        /// How grave it is; a level that is none of the eight reads as [`LoggingLevel::Info`].
        #[read(received_level)]
        level: LoggingLevel,
        /// Which part of the server says it.
        logger?: Text<'a>,
        /// What is said: any JSON value, often a string.
        data: Raw<'a>,
        /// Metadata of the notification.
        meta? as "_meta": Meta<'a>,
    }

    /// Creates a message that says `data`.
    pub fn new(level: LoggingLevel, data: Raw<'a>);
}

impl<'a> LoggingMessageParams<'a> {
    /// Returns a message that says a text.
    pub fn text(level: LoggingLevel, text: &str) -> Self {
        Self::new(level, serde_json::Value::from(text).into())
    }
}

already_owned!(LoggingLevel);
