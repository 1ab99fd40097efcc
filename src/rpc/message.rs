//! One message as anybody who speaks JSON-RPC sees it: what kind, whose id, which method, and the
//! rest untouched. The same pass that the sessions use finds it all.

use alloc::borrow::Cow;

use crate::frame;
use crate::limits::Limits;

use super::decode::{Decoded, Kind, Rejection, decode};
use super::error::RpcError;
use super::id::RequestId;
use super::raw::{Raw, is_json};
use super::repeated::Repeated;
use super::scan::{EnvelopeKey, Scan, ScanError, Scanned, scan};
use super::span::{KeyTable, Span};
use super::text::Text;
use super::walk::elements;

/// One JSON-RPC message, its payload left as the text it came in.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Message<'a> {
    /// A method to run and answer.
    Request {
        /// What the response repeats.
        id: RequestId,
        /// The method's name.
        method: Text<'a>,
        /// The parameters, an object; `None` when there are none.
        params: Option<Raw<'a>>,
    },
    /// A method that is never answered.
    Notification {
        /// The method's name.
        method: Text<'a>,
        /// The parameters, an object; `None` when there are none.
        params: Option<Raw<'a>>,
    },
    /// The answer to a request.
    Response {
        /// The request's id; `None` in an error whose sender could not read it.
        id: Option<RequestId>,
        /// The result, an object, or the error.
        outcome: Result<Raw<'a>, RpcError>,
    },
}

impl<'a> Message<'a> {
    /// Reads one message, payloads left as they are.
    ///
    /// Returns an error with what its sender should hear if the frame is not one message; a batch
    /// is refused here.
    pub fn decode(frame: &'a [u8], limits: &Limits) -> Result<Self, Rejection> {
        let mut scan = Scan::default();
        let decoded = decode::<NoKeys>(frame, limits, &Repeated::default(), &mut scan)?;
        let Decoded::One(envelope) = decoded else {
            return Err(Rejection::not_one());
        };
        let body = raw_at(frame, envelope.body());
        let method = || method_of(frame, envelope.scan);
        Ok(match (envelope.kind, envelope.id) {
            (Kind::Request, Some(id)) => Self::Request {
                id,
                method: method(),
                params: body,
            },
            (Kind::Request | Kind::Notification, _) => Self::Notification {
                method: method(),
                params: body,
            },
            (Kind::Result, id) => Self::Response {
                id,
                outcome: Ok(body.unwrap_or(Raw::EMPTY_OBJECT)),
            },
            (Kind::Error, id) => Self::Response {
                id,
                outcome: Err(error_of(body)),
            },
        })
    }
}

/// What a frame is that somebody has made to be sent.
pub(crate) enum Sendable {
    Message(Kind, Option<RequestId>),
    /// The answers to a batch.
    Answers,
    /// JSON that nests too deep to be told.
    Deep,
}

impl Sendable {
    /// `None` for what is neither a message nor answers to a batch, or not on one line.
    pub(crate) fn of(frame: &[u8]) -> Option<Self> {
        if memchr::memchr2(b'\n', b'\r', frame).is_some() || !is_json(frame) {
            return None;
        }
        let (limits, known) = (Self::limits(), Repeated::default());
        let scanned = scan::<NoKeys>(frame, limits.depth, &known, &mut Scan::default());
        match scanned {
            Err(ScanError::TooDeep) => Some(Self::Deep),
            Ok(Scanned::Batch) => {
                let mut all = elements(frame).map(|element| element.of(frame)).peekable();
                let is_some = all.peek().is_some();
                // No array, so that this goes no deeper.
                let is_answer = |element: &[u8]| {
                    element.starts_with(b"{") && Self::of(element).is_some_and(|it| it.is_answer())
                };
                (is_some && all.all(is_answer)).then_some(Self::Answers)
            }
            _ => {
                let mut scan = Scan::default();
                match decode::<NoKeys>(frame, &limits, &known, &mut scan).ok()? {
                    Decoded::One(envelope) => Some(Self::Message(envelope.kind, envelope.id)),
                    Decoded::Batch => None,
                }
            }
        }
    }

    /// What this side sends is not bounded by what it reads.
    fn limits() -> Limits {
        Limits {
            depth: usize::MAX,
            id: usize::MAX,
            name: usize::MAX,
            ..Limits::default()
        }
    }

    /// Whether it is one that ends a request.
    fn is_answer(&self) -> bool {
        matches!(self, Self::Message(Kind::Result | Kind::Error, _))
    }
}

/// No members: a message is told by its envelope alone.
struct NoKeys;

impl KeyTable for NoKeys {
    const NESTED: usize = usize::MAX;

    fn in_params(_: &[u8]) -> Option<usize> {
        None
    }

    fn first_in_params(_: &[u8]) -> Option<(usize, usize)> {
        None
    }

    fn in_result(_: &[u8]) -> Option<usize> {
        None
    }

    fn first_in_result(_: &[u8]) -> Option<(usize, usize)> {
        None
    }

    fn in_nested(_: &[u8]) -> Option<usize> {
        None
    }

    fn first_in_nested(_: &[u8]) -> Option<(usize, usize)> {
        None
    }
}

/// The error object that an envelope was found to hold.
pub(crate) fn error_of(body: Option<Raw<'_>>) -> RpcError {
    body.and_then(|raw| raw.decode().ok())
        .unwrap_or_else(|| RpcError::invalid_request("Invalid response: an unreadable error"))
}

/// The JSON at `span`; `None` when there is none.
pub(crate) fn raw_at(frame: &[u8], span: Span) -> Option<Raw<'_>> {
    if !span.is_some() {
        return None;
    }
    let text = frame::text(span.of(frame)).ok()?;
    Some(Raw::trusted(Cow::Borrowed(text)))
}

/// The method of a request or notification. Escapes that make no text (half a surrogate pair) are no
/// method's name, and neither is what stands for them: nothing.
pub(crate) fn method_of<'a>(frame: &'a [u8], scan: &Scan) -> Text<'a> {
    text_at(frame, scan.key(EnvelopeKey::Method)).unwrap_or("".into())
}

/// The string at `span`; `None` when there is none, or something else.
pub(crate) fn text_at(frame: &[u8], span: Span) -> Option<Text<'_>> {
    Text::from_token(core::str::from_utf8(span.of(frame)).ok()?)
}
