//! What an OAuth 2.1 protected resource says over HTTP: who issues its tokens (RFC 9728), what is wrong
//! with a token or missing (RFC 6750), and whether a token that is genuine is one for this server.
//!
//! ```text
//!  head ──bearer──▶ BearerToken ──a verifier of the caller's──▶ Access ──admit──▶ whose request it is
//!       └─ TokenRefusal ────────────┴─ TokenRefusal ──────────────────────┴─▶ refuse: 400 401 403 503
//! ```
//!
//! Rules of this folder: a token counts only for this server, in its time, and from one header field;
//! what is said of a refusal never holds anything of the token or of what came with it.

mod access;
mod bearer;
mod challenge;
mod refusal;
mod resource;

pub use access::Access;
pub use bearer::{BearerToken, bearer};
pub(crate) use challenge::unscoped;
pub use refusal::TokenRefusal;
pub use resource::{ProtectedResource, ProtectionError};
