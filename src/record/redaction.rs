//! What is hidden of a message before it is written down: the values of certain members, wherever they stand.
//!
//! Rules of this file: one pass over the bytes; everything else stays byte for byte; what can't be read is hidden whole.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;
use memchr::memchr2;

use crate::frame::FrameError;

const HIDDEN: &[u8] = b"\"***\"";

/// In place of what is no JSON, and no JSON either.
const NO_JSON: &[u8] = b"***";

/// The names whose values are hidden. `Debug` shows them, since they are no secrets.
#[derive(Clone, Debug, Default)]
pub(super) struct Redaction {
    names: BTreeSet<String>,
}

impl Redaction {
    pub(super) fn add(&mut self, names: impl Iterator<Item = String>) {
        self.names.extend(names);
    }

    /// The frame as it may be shown.
    pub(super) fn frame(&self, frame: &Bytes) -> Bytes {
        if self.names.is_empty() {
            return frame.clone();
        }
        if serde_json::from_slice::<serde::de::IgnoredAny>(frame).is_err() {
            return Bytes::from_static(NO_JSON);
        }
        let mut shown = Vec::with_capacity(frame.len());
        let mut rest = &frame[..];
        while let Some(start) = memchr::memchr(b'"', rest) {
            let (before, string) = rest.split_at(start);
            let (string, after) = string.split_at(string_length(string));
            shown.extend_from_slice(before);
            shown.extend_from_slice(string);
            rest = after;
            let value = after.trim_ascii_start().strip_prefix(b":");
            if let Some(value) = value.filter(|_| self.hides(string)) {
                let value = value.trim_ascii_start();
                rest = &value[value_length(value)..];
                shown.push(b':');
                shown.extend_from_slice(HIDDEN);
            }
        }
        shown.extend_from_slice(rest);
        shown.into()
    }

    /// The error as it may be shown.
    pub(super) fn error(&self, error: &FrameError) -> FrameError {
        match error {
            FrameError::TooLong {
                length,
                limit,
                last,
                ..
            } if !self.names.is_empty() => FrameError::TooLong {
                length: *length,
                limit: *limit,
                head: Bytes::new(),
                last: *last,
            },
            error => error.clone(),
        }
    }

    /// Whether what stands under this key, quotes included, is hidden; a key may be written with
    /// escapes.
    fn hides(&self, key: &[u8]) -> bool {
        let key = serde_json::from_slice::<String>(key);
        key.is_ok_and(|key| self.names.contains(&key))
    }
}

/// How long the string is that starts here, quotes included.
fn string_length(text: &[u8]) -> usize {
    let mut length = 1;
    while let Some(next) = memchr2(b'"', b'\\', text.get(length..).unwrap_or_default()) {
        length += next + 1;
        match text.get(length - 1) {
            Some(b'"') => return length,
            // What is escaped is passed over.
            _ => length += 1,
        }
    }
    text.len()
}

/// How long the value is that starts here.
fn value_length(text: &[u8]) -> usize {
    let mut depth = 0usize;
    let mut length = 0;
    while let Some(byte) = text.get(length) {
        match byte {
            b'"' => {
                length += string_length(text.get(length..).unwrap_or_default());
                if depth == 0 {
                    return length;
                }
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 0 => return length,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return length + 1;
                }
            }
            b',' if depth == 0 => return length,
            _ => {}
        }
        length += 1;
    }
    text.len()
}
