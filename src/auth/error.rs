//! Why an authorization has failed, and at which step.
//!
//! Rules of this file: no error holds a token, a code, a secret or a whole URL; what it quotes of a
//! peer is short.

use alloc::boxed::Box;
use core::fmt;

use super::address::AddressError;
use super::signer::SignError;

/// Why an authorization has failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuthError {
    /// What was being done.
    pub step: AuthStep,
    /// What went wrong.
    pub kind: AuthErrorKind,
}

/// A step of an authorization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum AuthStep {
    /// The server's own metadata is read, which names its authorization server.
    ResourceMetadata,
    /// The metadata of the authorization server is read.
    ServerMetadata,
    /// The client is registered at the authorization server.
    Registration,
    /// The place that the user comes back to is opened.
    Redirect,
    /// The user is asked.
    Visit,
    /// A token of the identity provider is exchanged.
    Exchange,
    /// A token is asked for.
    Token,
    /// A token is renewed.
    Refresh,
    /// A token is presented to the server.
    Use,
    /// What is to be remembered is stored or loaded.
    Store,
}

/// What went wrong in an authorization.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthErrorKind {
    /// An address may not be asked: see [`AddressPolicy`](super::AddressPolicy).
    #[error("the address at {origin:?} is refused: {why}")]
    Address {
        /// The scheme and the host.
        origin: Box<str>,
        /// Why.
        why: AddressError,
    },
    /// There was no answer.
    #[error("{origin:?} can't be reached: {words}")]
    Unreachable {
        /// The scheme and the host.
        origin: Box<str>,
        /// What the HTTP client says.
        words: Box<str>,
    },
    /// The answer has a status that is of no use; redirects to other origins aren't followed.
    #[error("{origin:?} answers with status {status}")]
    Status {
        /// The scheme and the host.
        origin: Box<str>,
        /// The status.
        status: u16,
    },
    /// The answer is longer than [`AuthOptions::body_limit`](super::AuthOptions::body_limit).
    #[error("the answer of {origin:?} is too long")]
    TooLong {
        /// The scheme and the host.
        origin: Box<str>,
    },
    /// The answer isn't what it has to be.
    #[error("the answer of {origin:?} is no good: {what}")]
    Malformed {
        /// The scheme and the host.
        origin: Box<str>,
        /// What is wrong with it.
        what: &'static str,
    },
    /// More requests were needed than an authorization may make.
    #[error("it takes too many requests")]
    TooManyRequests,
    /// The metadata is that of another server: a token for it would be a token for somebody else.
    #[error("the metadata is that of {found:?}, another server")]
    WrongResource {
        /// What it names.
        found: Box<str>,
    },
    /// The metadata, or the answer that the user brought back, is from another authorization server.
    #[error("it comes from {found:?} in place of {expected:?}")]
    WrongIssuer {
        /// Whose it should be.
        expected: Box<str>,
        /// Whose it is; empty if it doesn't say.
        found: Box<str>,
    },
    /// The authorization server doesn't offer PKCE with S256.
    #[error("the authorization server doesn't offer PKCE with S256")]
    NoPkce,
    /// The authorization server can't do what the grant needs.
    #[error("the authorization server doesn't offer {what}")]
    NotOffered {
        /// What is missing.
        what: &'static str,
    },
    /// The client is unknown to the authorization server, which registers none by itself: set
    /// [`AuthOptions::client`](super::AuthOptions::client).
    #[error("the authorization server {issuer:?} needs a client that was registered by hand")]
    NoClient {
        /// The authorization server.
        issuer: Box<str>,
    },
    /// The credentials belong to another authorization server.
    #[error("the client's credentials are those for {expected:?}, not for {found:?}")]
    OtherIssuer {
        /// Whom they are for.
        expected: Box<str>,
        /// Who asks for them.
        found: Box<str>,
    },
    /// What the user brought back doesn't belong to this authorization.
    #[error("what came back doesn't belong to this authorization")]
    WrongState,
    /// What the user brought back can't be read.
    #[error("what came back is no good: {0}")]
    BadRedirect(&'static str),
    /// The authorization server says no, such as `access_denied`.
    #[error("the authorization server says {code:?}{}", Described(description))]
    Denied {
        /// The code of the error.
        code: Box<str>,
        /// What it says besides; may be empty.
        description: Box<str>,
    },
    /// The host did not do what it was asked for, such as opening a page.
    #[error("{0}")]
    Host(Box<str>),
    /// The server refuses a token that was just issued for it.
    #[error("the server refuses a token that was just issued")]
    Refused,
    /// The server asks for scopes again that the token has, or for ever more.
    #[error("the server asks for scopes in vain")]
    Scopes,
    /// The token came without the proof that was asked for.
    #[error("the token isn't bound to the key")]
    NotBound,
    /// A message can't be signed.
    #[error("{0}")]
    Sign(#[from] SignError),
}

struct Described<'a>(&'a str);

impl fmt::Display for Described<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            "" => Ok(()),
            words => write!(f, ": {words}"),
        }
    }
}

impl AuthError {
    pub(super) const fn new(step: AuthStep, kind: AuthErrorKind) -> Self {
        Self { step, kind }
    }

    /// What is remembered couldn't be loaded.
    #[cfg(all(feature = "auth", feature = "http-client"))]
    pub(crate) fn not_loaded(words: &str) -> Self {
        let words = super::challenge::words(words);
        Self::new(AuthStep::Store, AuthErrorKind::Host(words))
    }

    /// Whether an authorization server has said no with this code.
    pub(super) fn is_denied(&self, with: &str) -> bool {
        matches!(&self.kind, AuthErrorKind::Denied { code, .. } if **code == *with)
    }
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.step, self.kind)
    }
}

impl core::error::Error for AuthError {}

impl fmt::Display for AuthStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ResourceMetadata => "reading the server's metadata",
            Self::ServerMetadata => "reading the authorization server's metadata",
            Self::Registration => "registering the client",
            Self::Redirect => "opening the place to come back to",
            Self::Visit => "asking the user",
            Self::Exchange => "exchanging the identity provider's token",
            Self::Token => "asking for a token",
            Self::Refresh => "renewing the token",
            Self::Use => "presenting the token",
            Self::Store => "storing what is to be remembered",
        })
    }
}
