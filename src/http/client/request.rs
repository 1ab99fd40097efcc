//! What the client's side asks of whoever drives it: requests to send, and frames to hand on.

use alloc::boxed::Box;

use bytes::Bytes;

use crate::frame::FrameError;
use crate::session::{Closed, ExchangeId, Route};

use super::super::HttpMethod;
use super::super::headers::Headers;
use super::super::mirror::AnnotationError;

/// An HTTP request to send. Its response is told by its exchange.
///
/// `Debug` shows neither its body nor header values that may be secret.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpRequest {
    /// The exchange, for the calls that tell of the response.
    pub exchange: ExchangeId,
    /// The method.
    pub method: HttpMethod,
    /// The whole URL.
    pub url: Box<str>,
    /// The header fields that MCP asks for; others, such as `authorization`, are the caller's.
    pub headers: Headers,
    /// The body; empty for GET and DELETE.
    pub body: Bytes,
}

impl core::fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("HttpRequest")
            .field("exchange", &self.exchange)
            .field("method", &self.method)
            .field("headers", &self.headers)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Action {
    /// Send this request. Redirects are not followed.
    Start(HttpRequest),
    /// Close the connection of this exchange; nothing more is told of it.
    Abort(ExchangeId),
    /// Hand this frame to the session.
    Frame(Route, Bytes),
    /// Tell the session of a piece of input that is no frame.
    Malformed(Route, FrameError),
    /// Tell whoever looks after the client that a tool was left out of a list, since its annotations
    /// break the rules.
    ToolRejected {
        /// The tool's name.
        name: Box<str>,
        /// What is wrong.
        reason: AnnotationError,
    },
    /// The server wants to know who asks: find out from these headers how, tell
    /// [`HttpClient::authorized`](super::HttpClient::authorized) or
    /// [`unauthorized`](super::HttpClient::unauthorized), and let the session's clocks stand still
    /// until then ([`ClientSession::suspend`](crate::session::ClientSession::suspend)). There is no
    /// second one before that, and none unless
    /// [`HttpClientOptions::challenges`](super::HttpClientOptions::challenges) allows it.
    Challenge {
        /// The exchange that was answered so; nothing more is told of it.
        exchange: ExchangeId,
        /// 401, or 403 where more is asked than was granted.
        status: u16,
        /// The response's header fields, `www-authenticate` among them.
        headers: Headers,
    },
    /// Tell the session that nothing will come by this route any more.
    Closed(Route, Closed),
}
