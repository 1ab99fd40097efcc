//! Who asks for something over HTTP, as far as it is known.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;

use crate::http::Caller;
use crate::scopes::Scopes;

/// Who a client is, as something before the service has found out, where not the service itself asks for
/// tokens ([`Protection`](super::Protection)). Put it among the extensions of a request: a legacy session
/// belongs to the principal that has opened it, handlers see it as
/// [`principal`](crate::server::Context::principal), and the bounds for each caller go by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    name: Box<str>,
    scopes: Option<Arc<Scopes>>,
}

impl Principal {
    /// Returns a principal of this name, which has to stay the same.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into().into(),
            scopes: None,
        }
    }

    /// Sets what its token is good for: what [needs](crate::server::Server::tool_scopes) more is refused, and handlers
    /// see it as [`scopes`](crate::server::Context::scopes).
    #[must_use]
    pub fn scopes(mut self, scopes: Scopes) -> Self {
        self.scopes = Some(Arc::new(scopes));
        self
    }
}

/// Where a request comes from, such as an IP address, to be put among its extensions: the bounds for
/// each caller go by it when there is no [`Principal`]. [`HttpServer`](super::HttpServer) does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer(String);

impl Peer {
    /// Returns a peer of this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }
}

/// Who asks for something, and what their token is good for.
#[derive(Clone, Copy)]
pub(super) struct Asks<'a> {
    pub(super) caller: Caller<'a>,
    pub(super) scopes: Option<&'a Arc<Scopes>>,
}

impl<'a> Asks<'a> {
    pub(super) fn new(principal: Option<&'a Principal>, peer: Option<&'a Peer>) -> Self {
        let caller = match (principal, peer) {
            (Some(principal), _) => Caller::Principal(&principal.name),
            (None, Some(peer)) => Caller::Peer(&peer.0),
            (None, None) => Caller::Anyone,
        };
        let scopes = principal.and_then(|principal| principal.scopes.as_ref());
        Self { caller, scopes }
    }
}
