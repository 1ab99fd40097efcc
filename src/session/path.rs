//! Where in a JSON text a typed decode failed, in words a reader can follow: `content[0].text`.
//! The decoder knows the offset; the path to it is found by walking the text once more.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use core::fmt::Write;
use core::ops::Range;

use serde::{Deserialize, Serialize};

use crate::rpc::{RpcError, Span, elements, members, string_of};

use super::error::CallError;

/// A value that doesn't fit its type, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{reason} at {path}")]
#[non_exhaustive]
pub struct Malformed {
    /// The path from the root of the params or result, such as `messages[2].content`.
    pub path: Box<str>,
    /// What is wrong there.
    pub reason: Box<str>,
}

impl Malformed {
    pub(crate) fn new(text: &str, error: &serde_json::Error) -> Self {
        let shown = error.to_string();
        // The place is told by the path; serde's own " at line 1 column 9" says it again.
        let reason = shown.split(" at line ").next().unwrap_or_default();
        Self {
            path: path_to(text, error).into(),
            reason: reason.into(),
        }
    }

    pub(crate) fn into_call_error(self, method: &str) -> CallError {
        CallError::BadResult {
            method: method.into(),
            path: self.path,
            reason: self.reason,
        }
    }
}

/// Malformed params are answered with -32602 (`base.err.params`).
impl From<Malformed> for RpcError {
    fn from(malformed: Malformed) -> Self {
        Self::invalid_params(alloc::format!("Invalid params: {malformed}"))
    }
}

fn path_to(text: &str, error: &serde_json::Error) -> String {
    let lines_before = text
        .split_inclusive('\n')
        .take(error.line().saturating_sub(1));
    let offset = lines_before.map(str::len).sum::<usize>() + error.column().saturating_sub(1);
    let mut path = String::new();
    let mut object = text.as_bytes();
    let mut base = 0;
    // Each turn goes one level down, so a text ends this after as many turns as it is deep.
    while let Some((step, span)) = step_towards(object, offset.saturating_sub(base)) {
        match step {
            Step::Member(key) if path.is_empty() => path.push_str(&key),
            Step::Member(key) => {
                path.push('.');
                path.push_str(&key);
            }
            Step::Element(index) => {
                let _ = write!(path, "[{index}]");
            }
        }
        base += span.range().start;
        object = span.of(object);
    }
    if path.is_empty() {
        "the root".to_string()
    } else {
        path
    }
}

enum Step {
    Member(String),
    Element(usize),
}

/// The member or element of a container within which the decoder failed. Its offset is that of the
/// last byte it took, which for a value of the wrong kind is the byte before the value.
fn step_towards(container: &[u8], offset: usize) -> Option<(Step, Span)> {
    step_to(container, |value| value.contains(&offset))
        .or_else(|| step_to(container, |value| value.start == offset + 1))
        .or_else(|| step_to(container, |value| value.end == offset))
}

fn step_to(container: &[u8], holds: impl Fn(Range<usize>) -> bool) -> Option<(Step, Span)> {
    if let Some(entry) = members(container).find(|entry| holds(entry.value.range())) {
        let key = string_of(entry.key.of(container)).into_owned();
        return Some((Step::Member(key), entry.value));
    }
    let (index, value) = elements(container)
        .enumerate()
        .find(|(_, value)| holds(value.range()))?;
    Some((Step::Element(index), value))
}
