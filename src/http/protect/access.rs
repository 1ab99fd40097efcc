//! What a token says, as whoever has verified it found out.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::scopes::Scopes;

/// What a token gives access to: who its owner is, for which servers it was issued, what it is good for
/// and how long.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Access {
    /// Who the token's owner is, by a name that stays the same and that nobody else has: with several
    /// issuers the issuer belongs to it, as subjects are only unique within one.
    pub principal: Box<str>,
    /// The servers that the token was issued for, as its `aud` or the introspection says. A token
    /// without an audience is one for no server.
    pub audience: Vec<Box<str>>,
    /// What the token is good for.
    pub scopes: Scopes,
    /// When the token ends, in seconds since 1970; `None` when whoever verified it has seen to that.
    pub expires: Option<u64>,
}

impl Access {
    /// Returns the access of `principal` to the servers of `audience`, without scopes.
    pub fn new<A: Into<String>>(
        principal: impl Into<String>,
        audience: impl IntoIterator<Item = A>,
    ) -> Self {
        let text = |audience: A| audience.into().into();
        Self {
            principal: principal.into().into(),
            audience: audience.into_iter().map(text).collect(),
            scopes: Scopes::default(),
            expires: None,
        }
    }

    /// Sets what the token is good for.
    #[must_use]
    pub fn scopes(mut self, scopes: Scopes) -> Self {
        self.scopes = scopes;
        self
    }

    /// Sets when the token ends, in seconds since 1970.
    #[must_use]
    pub fn expires(mut self, at: u64) -> Self {
        self.expires = Some(at);
        self
    }
}
