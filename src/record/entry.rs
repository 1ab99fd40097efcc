//! One line of a recording: something that went into a session or came out of it, and when.
//!
//! A frame is written as the text that it is, and as Base64 when it is none; a line has no end of line within.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::frame::FrameError;
use crate::session::{Closed, Route};
use crate::time::Instant;

/// Something that happened to a session, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Entry {
    /// When, since the epoch of whoever recorded.
    pub at: Instant,
    /// What.
    #[serde(rename = "did")]
    pub happened: Happened,
}

/// What happened to a session.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Happened {
    /// A frame came in.
    Received {
        /// By which stream.
        route: Route,
        /// The frame.
        #[serde(with = "text_or_base64")]
        frame: Bytes,
    },
    /// Something came in that was no frame.
    Malformed {
        /// By which stream.
        route: Route,
        /// What was wrong with it.
        error: FrameError,
    },
    /// A stream ended.
    Closed {
        /// Which one.
        route: Route,
        /// Why.
        why: Closed,
    },
    /// The session was told that time has passed.
    Timeout,
    /// Its clocks were stopped.
    Suspended,
    /// Its clocks run on.
    Resumed,
    /// A frame was sent.
    Sent {
        /// By which stream.
        route: Route,
        /// The frame.
        #[serde(with = "text_or_base64")]
        frame: Bytes,
    },
    /// The user took an event.
    Event,
    /// The user gave a command, under a name of the user's own.
    Command(Box<str>),
    /// So many entries are missing here, since nobody took the lines before them.
    Missing(u64),
}

/// Sizes instead of frames, which may hold secrets.
impl core::fmt::Debug for Happened {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Received { route, frame } => {
                write!(f, "Received({} bytes by {route:?})", frame.len())
            }
            Self::Sent { route, frame } => write!(f, "Sent({} bytes by {route:?})", frame.len()),
            Self::Malformed { route, error } => write!(f, "Malformed({error:?} by {route:?})"),
            Self::Closed { route, why } => write!(f, "Closed({route:?}, {why:?})"),
            Self::Timeout => f.write_str("Timeout"),
            Self::Suspended => f.write_str("Suspended"),
            Self::Resumed => f.write_str("Resumed"),
            Self::Event => f.write_str("Event"),
            Self::Command(name) => write!(f, "Command({name:?})"),
            Self::Missing(entries) => write!(f, "Missing({entries})"),
        }
    }
}

impl Entry {
    pub(super) fn new(at: Instant, happened: Happened) -> Self {
        Self { at, happened }
    }

    /// Appends the entry as a line.
    pub(super) fn write(&self, lines: &mut Vec<u8>) {
        let written = serde_json::to_string(self);
        debug_assert!(written.is_ok(), "an entry can be written");
        lines.extend_from_slice(written.unwrap_or_default().as_bytes());
        lines.push(b'\n');
    }
}

/// A frame as its text, or as an array of one text in Base64 if it isn't UTF-8.
mod text_or_base64 {
    use super::*;

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Text(String),
        Base64([String; 1]),
    }

    pub(super) fn serialize<S: Serializer>(frame: &Bytes, to: S) -> Result<S::Ok, S::Error> {
        match core::str::from_utf8(frame) {
            Ok(text) => text.serialize(to),
            Err(_) => [STANDARD.encode(frame)].serialize(to),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
        match Written::deserialize(from)? {
            Written::Text(text) => Ok(text.into()),
            Written::Base64([text]) => {
                let bytes = STANDARD.decode(text).map_err(serde::de::Error::custom)?;
                Ok(bytes.into())
            }
        }
    }
}
