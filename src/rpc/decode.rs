//! From a scan to a message: the rules of JSON-RPC 2.0, and for a frame that breaks them the error
//! with the right code and the id it belongs to, whenever that can be read.
//!
//! Rules of this file: kinds are told apart by the keys present, never by trying; a duplicate key,
//! a wrong `jsonrpc` or an id that is neither a string nor an integer is an invalid request
//! (`base.id.notnull`); a malformed response fails the call it belongs to and is never answered.

use serde::{Deserialize, Serialize};

use crate::frame;
use crate::limits::Limits;

use super::error::{RpcError, code};
use super::id::RequestId;
use super::scan::{self, EnvelopeKey, Member, Scan, ScanError, Scanned, Span};

/// What a message is, by the keys it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Kind {
    /// A method and an id.
    Request,
    /// A method and no id.
    Notification,
    /// A result.
    Result,
    /// An error.
    Error,
}

/// A message whose envelope is good.
#[derive(Clone, Debug)]
pub(crate) struct Envelope {
    pub(crate) kind: Kind,
    /// `None` for notifications, and for an error whose sender could not read the id.
    pub(crate) id: Option<RequestId>,
    pub(crate) scan: Scan,
}

impl Envelope {
    /// The body: `params`, `result` or `error`.
    pub(crate) fn body(&self) -> Span {
        self.scan.key(match self.kind {
            Kind::Request | Kind::Notification => EnvelopeKey::Params,
            Kind::Result => EnvelopeKey::Result,
            Kind::Error => EnvelopeKey::Error,
        })
    }
}

/// What a frame holds.
#[expect(
    clippy::large_enum_variant,
    reason = "it lives on the stack for a moment only"
)]
pub(crate) enum Decoded {
    /// One message.
    One(Envelope),
    /// An array, which one revision allows.
    Batch,
}

/// A text that is not a message, and what may be answered to it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{error}")]
#[non_exhaustive]
pub struct Rejection {
    /// The error its sender should hear, if anything is answered at all.
    pub error: RpcError,
    /// The id of the message, when it could be read.
    pub id: Option<RequestId>,
    /// Whether it looks like a response: it has no method, and a result or an error.
    pub is_response: bool,
}

impl Rejection {
    fn new(code: i64, message: &'static str) -> Self {
        Self {
            error: RpcError::new(code, message),
            id: None,
            is_response: false,
        }
    }

    fn invalid(message: &'static str) -> Self {
        Self::new(code::INVALID_REQUEST, message)
    }

    fn with_id(mut self, id: Option<RequestId>) -> Self {
        self.id = id;
        self
    }
}

/// Reads the envelope of `frame`, keeping to the limits on depth and ids.
pub(crate) fn decode(frame: &[u8], limits: &Limits) -> Result<Decoded, Rejection> {
    if frame::text(frame).is_err() {
        return Err(Rejection::new(code::PARSE_ERROR, "Parse error: not UTF-8"));
    }
    match scan::scan(frame, limits.depth) {
        Ok(Scanned::One(scan)) => envelope(frame, scan, limits).map(Decoded::One),
        Ok(Scanned::Batch) => Ok(Decoded::Batch),
        Err(ScanError::Syntax(_)) => {
            Err(Rejection::new(code::PARSE_ERROR, "Parse error: not JSON"))
        }
        Err(ScanError::TooDeep(id)) => {
            let id = read_id(frame, id, limits).ok().flatten();
            Err(Rejection::invalid("Invalid request: nested too deep").with_id(id))
        }
        Err(ScanError::NotAnObject) => Err(Rejection::invalid("Invalid request: not an object")),
    }
}

/// The id in the first part of a frame that was too long to be kept; `None` when it can't be read.
pub(crate) fn salvage_id(head: &[u8], limits: &Limits) -> Option<RequestId> {
    // Only the outermost object's own id counts, and only where it stands before anything deep.
    let after_brace = head.trim_ascii_start().strip_prefix(b"{")?;
    let mut rest = after_brace;
    loop {
        rest = rest.trim_ascii_start();
        let key_end = simple_string_end(rest)?;
        let key = &rest[1..key_end - 1];
        rest = rest[key_end..]
            .trim_ascii_start()
            .strip_prefix(b":")?
            .trim_ascii_start();
        let value_end = simple_value_end(rest)?;
        if key == b"id" {
            let text = core::str::from_utf8(&rest[..value_end]).ok()?;
            return RequestId::from_json(text.trim_ascii()).filter(|_| value_end <= limits.id);
        }
        rest = rest[value_end..].trim_ascii_start().strip_prefix(b",")?;
    }
}

/// Where a string without escapes ends that starts here.
fn simple_string_end(text: &[u8]) -> Option<usize> {
    let inner = text.strip_prefix(b"\"")?;
    let end = memchr::memchr2(b'"', b'\\', inner)?;
    (inner[end] == b'"').then_some(end + 2)
}

/// Where a string or a number ends that starts here, when something follows it.
fn simple_value_end(text: &[u8]) -> Option<usize> {
    if text.starts_with(b"\"") {
        return simple_string_end(text);
    }
    let end = text
        .iter()
        .position(|byte| matches!(byte, b',' | b'}' | b' ' | b'\t' | b'\r'))?;
    (end > 0 && !matches!(text[0], b'{' | b'[')).then_some(end)
}

fn envelope(frame: &[u8], scan: Scan, limits: &Limits) -> Result<Envelope, Rejection> {
    let method = scan.key(EnvelopeKey::Method);
    let result = scan.key(EnvelopeKey::Result);
    let error = scan.key(EnvelopeKey::Error);
    let is_response = !method.is_some() && (result.is_some() || error.is_some());
    let id = match read_id(frame, scan.key(EnvelopeKey::Id), limits) {
        Ok(id) => id,
        // An error whose sender could not read our id says null (`base.resp.error.noid`).
        Err(IdError::Null) if is_response && error.is_some() => None,
        Err(_) => {
            let mut rejection =
                Rejection::invalid("Invalid request: the id must be a string or an integer");
            rejection.is_response = is_response;
            return Err(rejection);
        }
    };
    let kind = check_shape(frame, &scan, id.is_some()).map_err(|mut rejection| {
        rejection.is_response = is_response;
        // Which of two ids was meant can't be told.
        rejection.with_id(id.clone().filter(|_| !scan.duplicate))
    })?;
    Ok(Envelope { kind, id, scan })
}

/// The rules that an envelope has to keep, given that its id is good.
fn check_shape(frame: &[u8], scan: &Scan, has_id: bool) -> Result<Kind, Rejection> {
    let method = scan.key(EnvelopeKey::Method);
    let result = scan.key(EnvelopeKey::Result);
    let error = scan.key(EnvelopeKey::Error);
    if scan.duplicate {
        return Err(Rejection::invalid("Invalid request: a key stands twice"));
    }
    if !is_string(frame, scan.key(EnvelopeKey::JsonRpc), "2.0") {
        return Err(Rejection::invalid(
            "Invalid request: jsonrpc must be \"2.0\"",
        ));
    }
    if method.is_some() {
        if result.is_some() || error.is_some() {
            return Err(Rejection::invalid(
                "Invalid request: both a method and a result",
            ));
        }
        if !method.of(frame).starts_with(b"\"") {
            return Err(Rejection::invalid(
                "Invalid request: the method must be a string",
            ));
        }
        return match scan.key(EnvelopeKey::Params).of(frame).first() {
            None | Some(b'{') if has_id => Ok(Kind::Request),
            None | Some(b'{') => Ok(Kind::Notification),
            Some(b'[') => Err(Rejection::new(
                code::INVALID_PARAMS,
                "Invalid params: they must be an object",
            )),
            Some(_) => Err(Rejection::invalid(
                "Invalid request: params must be an object",
            )),
        };
    }
    match (result.is_some(), error.is_some()) {
        (true, false) if !has_id => Err(Rejection::invalid("Invalid response: no id")),
        (true, false) if !result.of(frame).starts_with(b"{") => Err(Rejection::invalid(
            "Invalid response: the result must be an object",
        )),
        (true, false) => Ok(Kind::Result),
        (false, true) => check_error(frame, scan).map(|()| Kind::Error),
        (true, true) => Err(Rejection::invalid(
            "Invalid response: both a result and an error",
        )),
        (false, false) => Err(Rejection::invalid("Invalid request: no method")),
    }
}

/// An error has an integer code and a string message (`base.resp.error.shape`).
fn check_error(frame: &[u8], scan: &Scan) -> Result<(), Rejection> {
    let code = core::str::from_utf8(scan.member(Member::Code).of(frame)).unwrap_or_default();
    let message = scan.member(Member::Message).of(frame);
    if code.parse::<i64>().is_err() || !message.starts_with(b"\"") {
        return Err(Rejection::invalid(
            "Invalid response: the error has no code or no message",
        ));
    }
    Ok(())
}

/// Whether the value is the string `expected`, escapes resolved.
pub(crate) fn is_string(frame: &[u8], span: Span, expected: &str) -> bool {
    let token = span.of(frame);
    if memchr::memchr(b'\\', token).is_some() {
        return serde_json::from_slice::<alloc::string::String>(token)
            .is_ok_and(|text| text == expected);
    }
    token.len() == expected.len() + 2 && &token[1..token.len() - 1] == expected.as_bytes()
}

enum IdError {
    Null,
    Invalid,
}

fn read_id(frame: &[u8], span: Span, limits: &Limits) -> Result<Option<RequestId>, IdError> {
    if !span.is_some() {
        return Ok(None);
    }
    let token = span.of(frame);
    if token == b"null" {
        return Err(IdError::Null);
    }
    if token.len() > limits.id {
        return Err(IdError::Invalid);
    }
    let text = core::str::from_utf8(token).map_err(|_| IdError::Invalid)?;
    RequestId::from_json(text).map(Some).ok_or(IdError::Invalid)
}
