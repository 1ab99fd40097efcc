//! What an authorization asks to be done, and how its answers are told.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;

use super::address::origin_of;
use super::error::AuthError;
use super::saved::Saved;

/// What is to be done next for an authorization.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Step {
    /// Send this request, follow no redirect, and tell of the response.
    Fetch(AuthRequest),
    /// Open the place that the user comes back to, and say its URL, which is `https` or on this
    /// machine.
    Redirect {
        /// The one that the authorization server knows already, with its port; `None` if any will do.
        preferred: Option<Box<str>>,
    },
    /// Let the user visit a page and tell the URL that the browser was sent to afterwards.
    Visit(Visit),
    /// Remember this, and say when it is done.
    Save(Box<Saved>),
    /// There is a token.
    Done,
    /// The authorization has failed.
    Failed(AuthError),
}

/// A request to an authorization server, or for a document.
///
/// `Debug` shows only the method and the origin.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuthRequest {
    /// Whether it is a POST; else it is a GET.
    pub is_post: bool,
    /// The whole URL.
    pub url: Box<str>,
    /// All header fields that it has, names in lower case. Nothing else that is secret may be added.
    pub headers: Vec<(&'static str, String)>,
    /// The body; empty for GET.
    pub body: String,
    /// How much of the answer's body is read at most, in bytes.
    pub body_limit: usize,
}

impl AuthRequest {
    pub(super) fn get(url: &str) -> Self {
        Self {
            is_post: false,
            url: url.into(),
            headers: alloc::vec![("accept", "application/json".into())],
            body: String::new(),
            body_limit: 0,
        }
    }

    pub(super) fn post(url: &str, media_type: &str, body: String) -> Self {
        let mut request = Self::get(url);
        request.is_post = true;
        request.headers.push(("content-type", media_type.into()));
        request.body = body;
        request
    }
}

impl fmt::Debug for AuthRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let method = if self.is_post { "POST" } else { "GET" };
        write!(f, "AuthRequest({method} {})", origin_of(&self.url))
    }
}

/// The answer to an [`AuthRequest`].
///
/// `Debug` shows only the status.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuthResponse {
    /// The status.
    pub status: u16,
    /// The header `location`.
    pub location: Option<Box<str>>,
    /// The header `dpop-nonce`.
    pub dpop_nonce: Option<Box<str>>,
    /// The body, cut off after one byte more than was allowed.
    pub body: Bytes,
}

impl AuthResponse {
    /// Returns the answer with this status and this body, without header fields.
    pub fn new(status: u16, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            location: None,
            dpop_nonce: None,
            body: body.into(),
        }
    }

    /// Adds a header field, of which only `location` and `dpop-nonce` are kept.
    #[must_use]
    pub fn header(mut self, name: &str, value: &[u8]) -> Self {
        let value = core::str::from_utf8(value).ok();
        let value = value.filter(|value| value.bytes().all(|byte| matches!(byte, 0x21..=0x7E)));
        let value = value.map(Box::from);
        if name.eq_ignore_ascii_case("location") {
            self.location = value;
        } else if name.eq_ignore_ascii_case("dpop-nonce") {
            self.dpop_nonce = value.filter(|value| value.len() <= LONGEST_NONCE);
        }
        self
    }
}

/// How long a nonce may be, in bytes.
const LONGEST_NONCE: usize = 1024;

impl fmt::Debug for AuthResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuthResponse({})", self.status)
    }
}

/// A page that the user has to visit.
///
/// `Debug` shows only where it is.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Visit {
    /// The page: an `https` URL, or one of this machine. It is safe to open in a browser.
    pub url: Box<str>,
    /// Where the browser is sent afterwards, with a query of which the authorization makes sense.
    pub redirect_uri: Box<str>,
    /// The `state` that this query has. What comes back with another one belongs to somebody else.
    pub state: Box<str>,
}

impl fmt::Debug for Visit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format!("Visit({})", origin_of(&self.url)))
    }
}
