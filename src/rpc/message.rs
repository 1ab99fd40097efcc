//! One message as anybody who speaks JSON-RPC sees it: what kind, whose id, which method, and the
//! rest untouched. The same pass that the sessions use finds it all.

use alloc::borrow::Cow;

use crate::limits::Limits;

use super::decode::{Decoded, Kind, Rejection, decode};
use super::error::RpcError;
use super::id::RequestId;
use super::raw::Raw;
use super::repeated::Repeated;
use super::scan::{EnvelopeKey, Scan};
use super::span::{KeyTable, Span};
use super::text::Text;

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
        let method = || text_at(frame, envelope.scan.key(EnvelopeKey::Method)).unwrap_or("".into());
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
    let text = core::str::from_utf8(span.of(frame)).ok()?;
    Some(Raw::trusted(Cow::Borrowed(text)))
}

/// The string at `span`; `None` when there is none, or something else.
pub(crate) fn text_at(frame: &[u8], span: Span) -> Option<Text<'_>> {
    Text::from_token(core::str::from_utf8(span.of(frame)).ok()?)
}
