//! Bytes to frames and back: a frame is the text of one JSON message, without its delimiter.
//! Nothing here knows JSON, a method name, a direction or the time.

#![cfg_attr(
    not(test),
    warn(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

mod discarding;
mod lines;
mod sse;
mod utf8;

use core::fmt;

use bytes::Bytes;

use crate::named::named;

pub use lines::{LineDecoder, write_line};
pub use sse::{SseDecoder, SseEvent, write_comment, write_event};
pub use utf8::text;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// What was wrong with a stretch of input that is not a frame; the decoder goes on after it.
///
/// Hand it to the session's `handle_malformed`, which answers the peer where the protocol asks for
/// it. `Debug` says what `Display` says, without the head of a line, which may hold secrets.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameError {
    /// The line or event was longer than the limit; it has been discarded up to its end. Raise
    /// `Limits::frame` if such messages are welcome.
    TooLong {
        /// The line's length in bytes.
        length: u64,
        /// The limit it passed.
        limit: usize,
        /// The line's first KiB, from which a request id may still be read.
        head: Bytes,
        /// The line's last byte that isn't white space: a `}` says that it may have been a message.
        last: u8,
    },
    /// The text is not UTF-8; it is never repaired. The fault is the peer's.
    NotUtf8 {
        /// How many bytes from the start are good.
        valid_up_to: usize,
    },
    /// The input ended in the middle of a line: the peer has gone or was cut off.
    Truncated {
        /// How many bytes of the line had come.
        length: u64,
    },
}

named! {
    enum FrameError {
        TooLong { length, limit, head, last },
        NotUtf8 { valid_up_to },
        Truncated { length },
    }
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { length, limit, .. } => write!(
                f,
                "a line of {length} bytes is longer than the limit of {limit}"
            ),
            Self::NotUtf8 { valid_up_to } => {
                write!(f, "the text is not utf-8 after byte {valid_up_to}")
            }
            Self::Truncated { length } => write!(f, "the input ended {length} bytes into a line"),
        }
    }
}

impl core::error::Error for FrameError {}

impl fmt::Debug for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FrameError({self})")
    }
}
