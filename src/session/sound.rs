//! What a saved session has to hold so that one may go on with it. A store is somebody else's, so what it
//! gives back may have been changed: a session that would send something that is no frame, or wait for
//! what never comes, is refused.
//!
//! Rules of this file: each is asked for once, when a session is restored, and takes time in
//! proportion to what was saved; no state that a session has by itself is refused.

use crate::rpc::{Sendable, Span, is_json};

/// Whether `text` is one JSON value on one line.
pub(crate) fn is_value(text: &[u8]) -> bool {
    memchr::memchr2(b'\n', b'\r', text).is_none() && is_json(text)
}

/// Whether `text` is a JSON object on one line.
pub(crate) fn is_object(text: &[u8]) -> bool {
    text.starts_with(b"{") && is_value(text)
}

/// Whether `text` is a JSON string.
pub(crate) fn is_string(text: &[u8]) -> bool {
    text.starts_with(b"\"") && is_value(text)
}

/// Whether `frame` is what a session sends: a message, or the answers to a batch, on one line.
pub(crate) fn is_frame(frame: &[u8]) -> bool {
    Sendable::of(frame).is_some()
}

/// Whether a value stands at each of these places, unless there is none.
pub(crate) fn are_values(frame: &[u8], spans: &[Span]) -> bool {
    let mut some = spans.iter().filter(|span| span.is_some());
    some.all(|span| is_json(span.of(frame)))
}
