//! Authorization over HTTP (OAuth 2.1 as MCP uses it), without I/O, a clock, a browser or randomness.
//!
//! ```text
//!  401, 403 ──Challenge──▶ Authorizer ──begins──▶ Flow ──Step──▶ fetch this, let the user visit that,
//!  requests ◀──headers───           ◀──token──────     ◀─answers── remember this
//! ```
//!
//! An [`Authorizer`] belongs to a connection: it says what each request has to present and begins a
//! [`Flow`] when the server wants more. A flow finds out who protects the server, registers the
//! client, has the user asked and gets the token, or says at which step it failed and why. Whoever
//! drives them sends the requests, opens the pages and remembers what is to be remembered; the time
//! and the entropy are given.
//!
//! # What is safe from the start
//!
//! * Only `https` is asked, or this machine where the server itself is there; hosts of private
//!   networks are refused however they are written, unless [`AddressPolicy`] allows them. What a name
//!   resolves to is for the HTTP client to judge.
//! * Documents that speak of another server or another issuer are never used, nor is an authorization
//!   server without PKCE; no redirect leaves its origin, and answers are bounded in size and number.
//! * Credentials stay with the authorization server that has issued them, a token with its server's
//!   origin; neither is shown by `Debug` or by an error, and no token stands in a URL.
//! * A server can't lead its client in a circle: a new token that is refused is an error.

mod address;
mod authorizer;
mod challenge;
mod error;
#[cfg(feature = "auth-es256")]
mod es256;
mod flow;
mod jwt;
mod metadata;
mod options;
mod saved;
mod secret;
mod seed;
mod signer;
mod step;
mod url;

pub use crate::scopes::Scopes;
pub use address::{AddressError, AddressPolicy};
pub use authorizer::{Authorizer, Reaction};
pub use challenge::{Challenge, Scheme};
pub use error::{AuthError, AuthErrorKind, AuthStep};
#[cfg(feature = "auth-es256")]
pub use es256::Es256Signer;
pub use flow::{Cause, Flow};
pub use options::{AuthOptions, ClientProof, Credentials, Grant, IdentityProvider, Key};
#[cfg(feature = "std")]
pub use saved::MemoryStore;
pub use saved::{Registration, Saved, StoreError, Token, TokenStore};
pub use secret::Secret;
pub use signer::{SignError, Signer};
pub use step::{AuthRequest, AuthResponse, Step, Visit};
