//! The token of a request.
//!
//! Rules of this file: it stands in one `Authorization` field and nowhere else; what another parser
//! could read in another way is malformed; how long it may be is bounded before it is looked at.

use alloc::boxed::Box;
use core::fmt;

use super::super::RequestHead;
use super::super::headers::name;
use super::refusal::TokenRefusal;

/// How long a token may be, in bytes.
const LONGEST: usize = 8 * 1024;

/// A bearer token as a client has sent it. `Debug` doesn't show it.
#[derive(Clone, PartialEq, Eq)]
pub struct BearerToken(Box<str>);

impl BearerToken {
    /// Returns the token's text, to be verified: not to be shown, logged, or sent to any server but the
    /// one that has issued it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Returns whether it is `known`, in a time that doesn't tell how much of it is the same.
    pub fn is(&self, known: &str) -> bool {
        let (own, known) = (self.0.as_bytes(), known.as_bytes());
        let pairs = own.iter().zip(known);
        let differing = pairs.fold(0, |differing, (own, known)| differing | (own ^ known));
        own.len() == known.len() && core::hint::black_box(differing) == 0
    }
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BearerToken")
    }
}

/// Returns the bearer token of a request.
///
/// Returns an error if there is none, or it isn't one `Authorization` field of the scheme `Bearer` with
/// a token of up to 8 KiB. A token in the query is none.
// `auth.bearer` `auth.401`
pub fn bearer(head: &RequestHead) -> Result<BearerToken, TokenRefusal> {
    let value = head.headers.one(name::AUTHORIZATION);
    let Some(value) = value.map_err(|_| TokenRefusal::Malformed)? else {
        return Err(TokenRefusal::Missing);
    };
    let end = value.find([' ', '\t']).unwrap_or(value.len());
    let (scheme, token) = value.split_at(end);
    if !scheme.eq_ignore_ascii_case("Bearer") {
        // Of another scheme nothing is known here, so nothing can be wrong with it.
        return Err(TokenRefusal::Missing);
    }
    let token = token.trim_start_matches(' ');
    match token.len() <= LONGEST && is_token(token) {
        true => Ok(BearerToken(token.into())),
        false => Err(TokenRefusal::Malformed),
    }
}

/// Whether a text is a `b64token`.
fn is_token(text: &str) -> bool {
    let text = text.trim_end_matches('=');
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    !text.is_empty() && text.bytes().all(is_good)
}
