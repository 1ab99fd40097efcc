//! Why a request isn't let through.

use crate::scopes::Scopes;

/// Why a request isn't let through.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenRefusal {
    /// It has no bearer token: 401, with where to get one.
    Missing,
    /// Its token can't be read, or it has several: 400, `invalid_request`.
    Malformed,
    /// Its token is unknown, revoked, or not genuine: 401, `invalid_token`.
    Invalid,
    /// Its token has ended: 401, `invalid_token`.
    Expired,
    /// Its token was issued for another server: 401, `invalid_token`.
    OtherAudience,
    /// Its token isn't good for all of these: 403, `insufficient_scope`.
    MissingScopes(Scopes),
    /// Nobody can say now whether the token is good: 503, and the client may try again.
    Unavailable,
}

impl TokenRefusal {
    /// The status, what RFC 6750 calls it, and what is said to people.
    pub(super) const fn terms(&self) -> (u16, Option<&'static str>, &'static str) {
        const INVALID: Option<&str> = Some("invalid_token");
        match self {
            Self::Missing => (401, None, "a bearer token is needed"),
            Self::Malformed => (400, Some("invalid_request"), "the token can't be read"),
            Self::Invalid => (401, INVALID, "the token isn't valid"),
            Self::Expired => (401, INVALID, "the token has expired"),
            Self::OtherAudience => (401, INVALID, "the token is for another server"),
            Self::MissingScopes(_) => (403, Some("insufficient_scope"), "more scopes are needed"),
            Self::Unavailable => (503, None, "tokens can't be verified at the moment"),
        }
    }
}
