//! How the client of a request that isn't let through is told.
//!
//! Rules of this file: a client that has sent no token is told no error; whatever stands between quotes
//! can't end the quotes or the header.

use alloc::string::String;
use alloc::vec::Vec;

use super::super::Reply;
use super::super::classify::refusal;
use super::super::headers::name;
use super::refusal::TokenRefusal;
use super::resource::ProtectedResource;
use crate::rpc::code;
use crate::scopes::Scopes;

impl ProtectedResource {
    /// Returns the whole answer to a request that isn't let through: its status, and a
    /// `WWW-Authenticate` with the error, the scopes that are needed, and where the metadata lies.
    // `auth.401` `auth.403.scope` `auth.www.send`
    pub fn refuse(&self, why: &TokenRefusal) -> Reply {
        let (status, error, description) = why.terms();
        let mut reply = refusal(status, code::INVALID_REQUEST, description);
        let headers = &mut reply.head.headers;
        if *why == TokenRefusal::Unavailable {
            headers.push(name::RETRY_AFTER, "2");
            return reply;
        }
        let mut challenge = Challenge(Vec::from(&b"Bearer "[..]));
        if let Some(error) = error {
            challenge.parameter("error", error);
            challenge.parameter("error_description", description);
        }
        let scopes = match why {
            TokenRefusal::MissingScopes(needed) => needed.union(self.needed()),
            _ => self.needed().clone(),
        };
        if !scopes.is_empty() {
            challenge.parameter("scope", &alloc::format!("{scopes}"));
        }
        challenge.parameter("resource_metadata", self.metadata_url());
        headers.push(name::WWW_AUTHENTICATE, challenge.0);
        reply
    }
}

/// The refusal of a request that needs scopes where nobody says how to get them.
pub(crate) fn unscoped(needed: &Scopes) -> Reply {
    let why = alloc::format!("the request needs the scopes {needed}");
    refusal(403, code::INVALID_REQUEST, &why)
}

/// A challenge while it is written.
struct Challenge(Vec<u8>);

impl Challenge {
    fn parameter(&mut self, name: &str, value: &str) {
        let text = &mut self.0;
        if !text.ends_with(b" ") {
            text.extend_from_slice(b", ");
        }
        text.extend_from_slice(name.as_bytes());
        text.extend_from_slice(b"=\"");
        text.extend_from_slice(quoted(value).as_bytes());
        text.push(b'"');
    }
}

/// What stands between the quotes of a quoted string. A header has nothing but visible ASCII.
fn quoted(value: &str) -> String {
    let mut quoted = String::with_capacity(value.len());
    for char in value.chars() {
        match char {
            '"' | '\\' => quoted.extend(['\\', char]),
            ' '..='~' => quoted.push(char),
            _ => quoted.push('?'),
        }
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quoted_ends_neither_the_quotes_nor_the_header() {
        let hostile = "a\"b\\c\r\nset-cookie: x\u{0}\u{7f}\u{e9}";
        assert_eq!(quoted(hostile), "a\\\"b\\\\c??set-cookie: x???");
        let mut challenge = Challenge(Vec::from(&b"Bearer "[..]));
        challenge.parameter("a", "1");
        challenge.parameter("b", "2");
        assert_eq!(challenge.0, b"Bearer a=\"1\", b=\"2\"");
    }
}
