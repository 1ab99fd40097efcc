//! From a scan to a message: the rules of JSON-RPC 2.0, and for a frame that breaks them the error
//! with the right code and the id it belongs to, whenever that can be read.
//!
//! Rules of this file: kinds are told apart by the keys present, never by trying; a duplicate key,
//! a wrong `jsonrpc` or an id that is neither a string nor an integer is an invalid request
//! (`base.id.notnull`); a malformed response fails the call it belongs to and is never answered.

#![expect(
    clippy::arithmetic_side_effects,
    reason = "what is added are places in one text and lengths of its parts"
)]

use alloc::borrow::Cow;
use core::fmt;

use crate::frame;
use crate::limits::Limits;
use crate::saved::saved;

use super::error::{RpcError, code};
use super::id::RequestId;
use super::repeated::Repeated;
use super::scan::{self, EnvelopeKey, ErrorKey, Scan, ScanError, Scanned};
use super::span::{KeyTable, Span};
use super::walk::is_string;

/// A method's name may be this long whatever the limit on names: a protocol's own must fit.
const LEAST_NAME: usize = 64;

/// How long an id of this side's own may be: it has to come back whatever the limit on ids.
const LONGEST_OWN: usize = 20;

/// What a message is, by the keys it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

saved! {
    enum Kind {
        0 => Request,
        1 => Notification,
        2 => Result,
        3 => Error,
    }
}

/// A message whose envelope is good.
#[derive(Clone, Debug)]
pub(crate) struct Envelope<'s> {
    pub(crate) kind: Kind,
    /// `None` for notifications, and for an error whose sender could not read the id.
    pub(crate) id: Option<RequestId>,
    pub(crate) scan: &'s Scan,
}

impl Envelope<'_> {
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
pub(crate) enum Decoded<'s> {
    /// One message.
    One(Envelope<'s>),
    /// An array, which one revision allows.
    Batch,
}

/// A text that is not a message, and what may be answered to it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Rejection {
    /// The error its sender should hear, if anything is answered at all.
    pub error: RpcError,
    /// The id of the message, when it could be read.
    pub id: Option<RequestId>,
    /// What it was meant to be, by the keys it has; `None` when they don't tell.
    pub kind: Option<Kind>,
}

impl Rejection {
    fn new(code: i64, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            error: RpcError::new(code, message),
            id: None,
            kind: None,
        }
    }

    pub(crate) fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(code::INVALID_REQUEST, message)
    }

    /// For a batch where one message is wanted.
    pub(crate) fn not_one() -> Self {
        Self::invalid("Invalid request: a batch")
    }

    /// For params in which a member stands twice by which the message is routed.
    pub(crate) fn repeated_param(id: Option<RequestId>, kind: Kind) -> Self {
        Self::new(
            code::INVALID_PARAMS,
            "Invalid params: a member stands twice",
        )
        .with_id(id)
        .of_kind(Some(kind))
    }

    fn with_id(mut self, id: Option<RequestId>) -> Self {
        self.id = id;
        self
    }

    fn of_kind(mut self, kind: Option<Kind>) -> Self {
        self.kind = kind;
        self
    }

    /// Returns whether it was meant as a response; it is never answered under its id.
    pub fn is_response(&self) -> bool {
        matches!(self.kind, Some(Kind::Result | Kind::Error))
    }

    /// Returns whether its sender waits for an answer, as far as can be told: it was meant neither
    /// as a response nor as a notification.
    pub fn is_answerable(&self) -> bool {
        !self.is_response() && self.kind != Some(Kind::Notification)
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.error)
    }
}

impl core::error::Error for Rejection {}

/// Reads the envelope of `frame` by way of a fresh `scan`, which remembers the members that `K`
/// names, keeping to the limits on depth, ids and the name of the method.
// The scan is the caller's, since it is large and would be copied on each way out.
pub(crate) fn decode<'s, K: KeyTable>(
    frame: &[u8],
    limits: &Limits,
    repeated: &Repeated,
    scan: &'s mut Scan,
) -> Result<Decoded<'s>, Rejection> {
    let scanned = scan::scan::<K>(frame, limits.depth, repeated, scan);
    if !is_text(frame, scan.ascii) {
        return Err(Rejection::new(code::PARSE_ERROR, "Parse error: not UTF-8"));
    }
    match scanned {
        Ok(Scanned::One) => envelope(frame, scan, limits).map(Decoded::One),
        Ok(Scanned::Batch) => Ok(Decoded::Batch),
        Err(ScanError::Syntax) => Err(Rejection::new(code::PARSE_ERROR, "Parse error: not JSON")),
        Err(ScanError::TooDeep) => {
            let id = read_id(frame, scan, id_of_deep(frame, scan), limits);
            let kind = intended_kind(frame, scan).filter(|kind| *kind != Kind::Notification);
            Err(Rejection::invalid("Invalid request: nested too deep")
                .with_id(id.ok().flatten())
                .of_kind(kind))
        }
        Err(ScanError::NotAnObject) => Err(Rejection::invalid("Invalid request: not an object")),
    }
}

/// What was meant, by the keys that are there: an id that can't be read is an id all the same.
fn intended_kind(frame: &[u8], scan: &Scan) -> Option<Kind> {
    let has = |key| scan.key(key).is_some();
    if has(EnvelopeKey::Method) {
        let is_notification =
            !has(EnvelopeKey::Id) && scan.key(EnvelopeKey::Method).of(frame).starts_with(b"\"");
        return match (has(EnvelopeKey::Id), is_notification) {
            (true, _) => Some(Kind::Request),
            (false, true) => Some(Kind::Notification),
            (false, false) => None,
        };
    }
    match (has(EnvelopeKey::Result), has(EnvelopeKey::Error)) {
        (_, true) => Some(Kind::Error),
        (true, false) => Some(Kind::Result),
        (false, false) => None,
    }
}

/// Where the id is of a message that nests too deep: it may stand behind what does.
#[cold]
fn id_of_deep(frame: &[u8], scan: &Scan) -> Span {
    let known = scan.key(EnvelopeKey::Id);
    if known.is_some() {
        return known;
    }
    let (mut level, mut at) = (0_usize, 0);
    while let Some(byte) = frame.get(at) {
        match byte {
            b'{' | b'[' => level += 1,
            b'}' | b']' => level = level.saturating_sub(1),
            b'"' => {
                let text = frame.get(at..).unwrap_or_default();
                let (string, rest) = text.split_at(string_length(text));
                let rest = rest.trim_ascii_start();
                if let (1, b"\"id\"", Some(value)) = (level, string, rest.strip_prefix(b":")) {
                    let value = value.trim_ascii_start();
                    let start = frame.len() - value.len();
                    let length = simple_value_end(value);
                    return length.map_or(Span::NONE, |length| Span::new(start, start + length));
                }
                at += string.len();
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    Span::NONE
}

/// How long the string is that starts here, quotes and escapes included.
fn string_length(text: &[u8]) -> usize {
    let mut at = 1;
    while let Some(found) = memchr::memchr2(b'"', b'\\', text.get(at..).unwrap_or_default()) {
        at += found;
        if text.get(at) == Some(&b'"') {
            return at + 1;
        }
        // What is escaped is passed over.
        at += 2;
    }
    text.len()
}

/// What the first part of a frame that was too long to be kept tells of it: the id, and what the
/// message was meant to be. `None` when the id can't be read.
pub(crate) fn recover_id(head: &[u8], limits: &Limits) -> Option<(RequestId, Option<Kind>)> {
    // Only the outermost object's own keys count, and only those before anything deep.
    let mut rest = head.trim_ascii_start().strip_prefix(b"{")?;
    let (mut id, mut kind) = (None, None);
    while let Some((key, value)) = simple_key(rest) {
        match key {
            b"method" => kind = Some(Kind::Request),
            b"result" => kind = Some(Kind::Result),
            b"error" => kind = Some(Kind::Error),
            _ => {}
        }
        let Some(end) = simple_value_end(value) else {
            break;
        };
        if key == b"id" && end <= limits.id.max(LONGEST_OWN) {
            let text = core::str::from_utf8(value.get(..end)?).ok()?;
            id = RequestId::from_json(text.trim_ascii());
        }
        let Some(next) = value.get(end..)?.trim_ascii_start().strip_prefix(b",") else {
            break;
        };
        rest = next;
    }
    id.map(|id| (id, kind))
}

/// A key without escapes that stands here, and what follows its colon.
fn simple_key(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = text.trim_ascii_start();
    let (key, rest) = text.split_at_checked(simple_string_end(text)?)?;
    let value = rest.trim_ascii_start().strip_prefix(b":")?;
    let key = key.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    Some((key, value.trim_ascii_start()))
}

/// Where a string without escapes ends that starts here.
fn simple_string_end(text: &[u8]) -> Option<usize> {
    let inner = text.strip_prefix(b"\"")?;
    let end = memchr::memchr2(b'"', b'\\', inner)?;
    (inner.get(end) == Some(&b'"')).then_some(end + 2)
}

/// Where a string or a number ends that starts here, when something follows it.
fn simple_value_end(text: &[u8]) -> Option<usize> {
    if text.starts_with(b"\"") {
        return simple_string_end(text);
    }
    let end = text
        .iter()
        .position(|byte| matches!(byte, b',' | b'}' | b' ' | b'\t' | b'\r'))?;
    (end > 0 && !matches!(text.first(), Some(b'{' | b'['))).then_some(end)
}

#[inline]
fn envelope<'s>(frame: &[u8], scan: &'s Scan, limits: &Limits) -> Result<Envelope<'s>, Rejection> {
    // Only what is wrong needs to know.
    let intended = || intended_kind(frame, scan);
    let id = match read_id(frame, scan, scan.key(EnvelopeKey::Id), limits) {
        Ok(id) => id,
        // An error whose sender could not read our id says null (`base.resp.error.noid`).
        Err(IdError::Null) if intended() == Some(Kind::Error) => None,
        Err(_) => {
            let text = "Invalid request: the id must be a string or an integer";
            return Err(Rejection::invalid(text).of_kind(intended()));
        }
    };
    let kind = check_shape(frame, scan, limits, id.is_some()).map_err(|rejection| {
        // Which of two ids was meant can't be told.
        let id = id.clone().filter(|_| !scan.duplicate);
        rejection.of_kind(intended()).with_id(id)
    })?;
    Ok(Envelope { kind, id, scan })
}

/// Whether a frame is UTF-8, of which a part is known to be ASCII.
#[inline]
fn is_text(frame: &[u8], ascii: Span) -> bool {
    if !ascii.is_some() {
        return is_plain_text(frame);
    }
    let ascii = ascii.range();
    let (before, after) = (frame.get(..ascii.start), frame.get(ascii.end..));
    // What is known to be ASCII ends no character, so that what is around it is text of its own.
    is_plain_text(before.unwrap_or_default()) && is_plain_text(after.unwrap_or_default())
}

/// Whether a text is UTF-8.
#[inline]
fn is_plain_text(text: &[u8]) -> bool {
    // Asking for ASCII first is several times as fast, and most frames are, but for what is so long that
    // vector instructions are faster still.
    let asks_first = !cfg!(feature = "simd") || text.len() < 1024;
    asks_first && is_ascii(text) || frame::text(text).is_ok()
}

/// What `is_ascii` says, in a form that the compiler makes short work of for short texts too.
fn is_ascii(text: &[u8]) -> bool {
    let (words, rest) = text.as_chunks::<8>();
    let all = |all: u64, word: &[u8; 8]| all | u64::from_le_bytes(*word);
    let high = words.iter().fold(0, all) & 0x8080_8080_8080_8080;
    high == 0 && rest.is_ascii()
}

/// The rules that an envelope has to keep, given that its id is good.
#[inline]
fn check_shape(
    frame: &[u8],
    scan: &Scan,
    limits: &Limits,
    has_id: bool,
) -> Result<Kind, Rejection> {
    let method = scan.key(EnvelopeKey::Method);
    let result = scan.key(EnvelopeKey::Result);
    let error = scan.key(EnvelopeKey::Error);
    if scan.duplicate {
        return Err(Rejection::invalid("Invalid request: a key stands twice"));
    }
    if !scan.is_version_known && !is_string(frame, scan.key(EnvelopeKey::JsonRpc), "2.0") {
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
        return check_call(frame, scan, limits, has_id);
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

/// The rules for a request or a notification.
#[inline]
fn check_call(frame: &[u8], scan: &Scan, limits: &Limits, has_id: bool) -> Result<Kind, Rejection> {
    let method = scan.key(EnvelopeKey::Method);
    if !method.of(frame).starts_with(b"\"") {
        return Err(Rejection::invalid(
            "Invalid request: the method must be a string",
        ));
    }
    // Names are kept and shown, so that they are bounded wherever they come from.
    let limit = limits.name.max(LEAST_NAME);
    if method.range().len() > limit.saturating_add(2) {
        let text = alloc::format!("Method not found: its name is longer than {limit} bytes");
        return Err(Rejection::new(code::METHOD_NOT_FOUND, text));
    }
    match scan.key(EnvelopeKey::Params).of(frame).first() {
        None | Some(b'{') if has_id => Ok(Kind::Request),
        None | Some(b'{') => Ok(Kind::Notification),
        Some(b'[') => Err(Rejection::new(
            code::INVALID_PARAMS,
            "Invalid params: they must be an object",
        )),
        Some(_) => Err(Rejection::invalid(
            "Invalid request: params must be an object",
        )),
    }
}

/// An error has an integer code and a string message (`base.resp.error.shape`).
fn check_error(frame: &[u8], scan: &Scan) -> Result<(), Rejection> {
    let code = core::str::from_utf8(scan.error(ErrorKey::Code).of(frame)).unwrap_or_default();
    let message = scan.error(ErrorKey::Message).of(frame);
    if scan.duplicate_in_error {
        return Err(Rejection::invalid(
            "Invalid response: a key of the error stands twice",
        ));
    }
    if code.parse::<i64>().is_err() || !message.starts_with(b"\"") {
        return Err(Rejection::invalid(
            "Invalid response: the error has no code or no message",
        ));
    }
    Ok(())
}

enum IdError {
    Null,
    Invalid,
}

fn read_id(
    frame: &[u8],
    scan: &Scan,
    span: Span,
    limits: &Limits,
) -> Result<Option<RequestId>, IdError> {
    if !span.is_some() {
        return Ok(None);
    }
    let token = span.of(frame);
    if token == b"null" {
        return Err(IdError::Null);
    }
    if token.len() > limits.id {
        let is_answer = !scan.key(EnvelopeKey::Method).is_some();
        if !is_answer || token.len() > LONGEST_OWN {
            return Err(IdError::Invalid);
        }
    }
    if let Some(id) = RequestId::short(token) {
        return Ok(Some(id));
    }
    let text = core::str::from_utf8(token).map_err(|_| IdError::Invalid)?;
    RequestId::from_json(text).map(Some).ok_or(IdError::Invalid)
}
