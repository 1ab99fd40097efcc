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
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthErrorKind {
    /// An address may not be asked: see [`AddressPolicy`](super::AddressPolicy).
    Address {
        /// The scheme and the host.
        origin: Box<str>,
        /// Why.
        why: AddressError,
    },
    /// There was no answer.
    Unreachable {
        /// The scheme and the host.
        origin: Box<str>,
        /// What the HTTP client says.
        words: Box<str>,
    },
    /// The answer has a status that is of no use; redirects to other origins aren't followed.
    Status {
        /// The scheme and the host.
        origin: Box<str>,
        /// The status.
        status: u16,
    },
    /// The answer is longer than [`AuthOptions::body_limit`](super::AuthOptions::body_limit).
    TooLong {
        /// The scheme and the host.
        origin: Box<str>,
    },
    /// The answer isn't what it has to be.
    Malformed {
        /// The scheme and the host.
        origin: Box<str>,
        /// What is wrong with it.
        what: &'static str,
    },
    /// More requests were needed than an authorization may make.
    TooManyRequests,
    /// The metadata is that of another server: a token for it would be a token for somebody else.
    WrongResource {
        /// What it names.
        found: Box<str>,
    },
    /// The metadata, or the answer that the user brought back, is from another authorization server.
    WrongIssuer {
        /// Whose it should be.
        expected: Box<str>,
        /// Whose it is; empty if it doesn't say.
        found: Box<str>,
    },
    /// The authorization server doesn't offer PKCE with S256.
    NoPkce,
    /// The authorization server can't do what the grant needs.
    NotOffered {
        /// What is missing.
        what: &'static str,
    },
    /// The client is unknown to the authorization server, which registers none by itself: set
    /// [`AuthOptions::client`](super::AuthOptions::client).
    NoClient {
        /// The authorization server.
        issuer: Box<str>,
    },
    /// The credentials belong to another authorization server.
    OtherIssuer {
        /// Whom they are for.
        expected: Box<str>,
        /// Who asks for them.
        found: Box<str>,
    },
    /// What the user brought back doesn't belong to this authorization.
    WrongState,
    /// What the user brought back can't be read.
    BadRedirect(&'static str),
    /// The authorization server says no, such as `access_denied`.
    Denied {
        /// The code of the error.
        code: Box<str>,
        /// What it says besides; may be empty.
        description: Box<str>,
    },
    /// The host did not do what it was asked for, such as opening a page.
    Host(Box<str>),
    /// The server refuses a token that was just issued for it.
    Refused,
    /// The server asks for scopes again that the token has, or for ever more.
    Scopes,
    /// The token came without the proof that was asked for.
    NotBound,
    /// A message can't be signed.
    Sign(SignError),
}

impl fmt::Display for AuthErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address { origin, why } => {
                write!(f, "the address at {origin:?} is refused: {why}")
            }
            Self::Unreachable { origin, words } => {
                write!(f, "{origin:?} can't be reached: {words}")
            }
            Self::Status { origin, status } => write!(f, "{origin:?} answers with status {status}"),
            Self::TooLong { origin } => write!(f, "the answer of {origin:?} is too long"),
            Self::Malformed { origin, what } => {
                write!(f, "the answer of {origin:?} is no good: {what}")
            }
            Self::TooManyRequests => f.write_str("it takes too many requests"),
            Self::WrongResource { found } => {
                write!(f, "the metadata is that of {found:?}, another server")
            }
            Self::WrongIssuer { expected, found } => {
                write!(f, "it comes from {found:?} in place of {expected:?}")
            }
            Self::NoPkce => f.write_str("the authorization server doesn't offer PKCE with S256"),
            Self::NotOffered { what } => write!(f, "the authorization server doesn't offer {what}"),
            Self::NoClient { issuer } => write!(
                f,
                "the authorization server {issuer:?} needs a client that was registered by hand"
            ),
            Self::OtherIssuer { expected, found } => write!(
                f,
                "the client's credentials are those for {expected:?}, not for {found:?}"
            ),
            Self::WrongState => f.write_str("what came back doesn't belong to this authorization"),
            Self::BadRedirect(what) => write!(f, "what came back is no good: {what}"),
            Self::Denied { code, description } => write!(
                f,
                "the authorization server says {code:?}{}",
                Described(description)
            ),
            Self::Host(text) => f.write_str(text),
            Self::Refused => f.write_str("the server refuses a token that was just issued"),
            Self::Scopes => f.write_str("the server asks for scopes in vain"),
            Self::NotBound => f.write_str("the token isn't bound to the key"),
            Self::Sign(error) => write!(f, "{error}"),
        }
    }
}

impl core::error::Error for AuthErrorKind {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Sign(error) => Some(error),
            _ => None,
        }
    }
}

impl From<SignError> for AuthErrorKind {
    fn from(error: SignError) -> Self {
        Self::Sign(error)
    }
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
