//! HTTP as MCP uses it, without a socket, a clock or an HTTP stack: heads, bodies and frames.
//!
//! ```text
//!  request head ──HttpPolicy, classify──▶ what it asks for ──▶ a session's frames
//!               └─ the first offence ──▶ a whole answer (403, 405, 400 with -32020 ..)
//! ```
//!
//! An adapter copies the head of a request out of its HTTP stack once ([`RequestHead`]), has it
//! checked before it reads the body ([`check`]) and classified with it ([`classify()`]). Both are
//! pure functions: the ladder of checks is data ([`Rung`]), and each rung comes before all that
//! stand below it.
//!
//! An [`HttpSession`] carries one session: each exchange becomes JSON or a stream of events, a legacy
//! stream that broke is resumed, and the pair of endpoints of 2024-11-05 is one stream more. An
//! [`Endpoint`] is the table of the sessions of the legacy era, with its bounds.
//!
//! An [`HttpClient`] is the other side: it makes requests of the frames of a client session and frames
//! of their responses, and resumes streams that broke.
//!
//! [`answer_one`] is one modern request in, its answer out, for hosts that start a server for each
//! request; [`Edge`](crate::edge::Edge) is that with a [`Server`](crate::Server) behind it.
//!
//! A [`ProtectedResource`] is a server whose clients need tokens: its metadata, and its answers to those
//! that have none, or none for what they ask for.
//!
//! A legacy session is parked as a [`SavedHttp`] and goes on elsewhere, streams and all.

pub mod headers;
pub mod mirror;

#[cfg(feature = "server")]
mod answer;
mod classify;
#[cfg(feature = "client")]
mod client;
mod cors;
mod policy;
#[cfg(feature = "server")]
mod protect;
#[cfg(feature = "server")]
mod server;

use alloc::boxed::Box;

use bytes::Bytes;

use self::headers::{Headers, name};

#[cfg(feature = "server")]
pub(crate) use answer::{admit, reply_of};
#[cfg(feature = "server")]
pub use answer::{answer_one, status_of};
#[cfg(feature = "http")]
pub(crate) use classify::refusal;
pub use classify::{Class, Input, Offers, Rung, check, check_site, classify};
#[cfg(feature = "client")]
pub use client::{Action, End, HttpClient, HttpClientOptions, HttpRequest, Outcome, outcome};
pub use policy::HttpPolicy;
#[cfg(feature = "server")]
pub(crate) use protect::unscoped;
#[cfg(feature = "server")]
pub use protect::{Access, BearerToken, ProtectedResource, ProtectionError, TokenRefusal, bearer};
#[cfg(feature = "http")]
pub(crate) use server::later;
#[cfg(feature = "server")]
pub use server::{
    Caller, Ended, Endpoint, EndpointLimits, HttpSession, Place, Placed, SavedHttp, SessionKind,
    SessionStatus, StreamOptions, Ticket,
};

/// The method of an HTTP request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HttpMethod {
    /// GET
    Get,
    /// POST
    Post,
    /// DELETE
    Delete,
    /// OPTIONS
    Options,
    /// Any other, of which MCP has none.
    Other,
}

impl HttpMethod {
    /// Returns the method that HTTP calls `name`.
    pub fn from_name(name: &str) -> Self {
        match name {
            "GET" => Self::Get,
            "POST" => Self::Post,
            "DELETE" => Self::Delete,
            "OPTIONS" => Self::Options,
            _ => Self::Other,
        }
    }
}

/// What an HTTP request says before its body.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestHead {
    /// The method.
    pub method: HttpMethod,
    /// The path, without the query.
    pub path: Box<str>,
    /// What follows the `?`, if anything.
    pub query: Option<Box<str>>,
    /// The header fields. For HTTP/2 an adapter adds `:authority` as `host`.
    pub headers: Headers,
}

impl RequestHead {
    /// Returns the head of a request for `path`, without header fields.
    pub fn new(method: HttpMethod, path: &str) -> Self {
        let (path, query) = match path.split_once('?') {
            Some((path, query)) => (path, Some(query.into())),
            None => (path, None),
        };
        Self {
            method,
            path: path.into(),
            query,
            headers: Headers::new(),
        }
    }

    /// The same with one more header field.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push(name, value);
        self
    }
}

/// What an HTTP response says before its body.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResponseHead {
    /// The status.
    pub status: u16,
    /// The header fields.
    pub headers: Headers,
}

impl ResponseHead {
    /// Returns the head of a response, without header fields.
    pub fn new(status: u16) -> Self {
        Self {
            status,
            headers: Headers::new(),
        }
    }

    /// The same with one more header field.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push(name, value);
        self
    }

    /// The head of a stream of events, which nobody on its way is to keep back or change.
    // `httpM.sse.buffering`
    fn of_events() -> Self {
        Self::new(200)
            .with(name::CONTENT_TYPE, headers::EVENT_STREAM)
            .with(name::CACHE_CONTROL, "no-cache, no-transform")
            .with(name::X_ACCEL_BUFFERING, "no")
    }
}

/// A part of an HTTP response.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// What comes first.
    Head(ResponseHead),
    /// A piece of the body.
    Body(Bytes),
    /// What comes last: the response is whole.
    End,
}

/// A whole HTTP response.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reply {
    /// Its head.
    pub head: ResponseHead,
    /// Its body; empty when it has none.
    pub body: Bytes,
}

impl Reply {
    /// Returns a response without a body.
    pub fn empty(status: u16) -> Self {
        Self {
            head: ResponseHead::new(status),
            body: Bytes::new(),
        }
    }

    /// Returns a response whose body is JSON.
    pub fn json(status: u16, body: impl Into<Bytes>) -> Self {
        let mut head = ResponseHead::new(status);
        // For the length as well, which stands beside it.
        head.headers.reserve(64);
        head.headers.push(name::CONTENT_TYPE, headers::JSON);
        Self {
            head,
            body: body.into(),
        }
    }
}
