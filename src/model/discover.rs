//! How a modern server presents itself, and the two errors that a modern opening can end in.
//! `server/discover` exists from revision 2026-07-28 on; [`initialize`](super::initialize) has what was before it.

use alloc::vec::Vec;

use crate::model::capability::{ClientCapabilities, ServerCapabilities};
use crate::model::field::Lifetime;
use crate::model::initialize::Implementation;
use crate::model::meta::Meta;
use crate::model::page::{CacheScope, cache_hints};
use crate::model::wire_type::wire_type;
use crate::rpc::Text;

wire_type! {
    /// The parameters of `server/discover`: nothing but `_meta`.
    #[derive(Debug, Default)]
    pub struct DiscoverParams<'a> {
        /// The request's `_meta`.
        meta? as "_meta": Meta<'a>,
    }
}

impl<'a> DiscoverParams<'a> {
    /// Creates empty parameters.
    pub const fn new() -> Self {
        Self { meta: None }
    }
}

wire_type! {
    /// The result of `server/discover`: which revisions a server speaks and what it can do.
    #[derive(Debug)]
    pub struct DiscoverResult<'a> [refused_before(V2026_07_28, "a discovery result")] {
        /// The revisions, legacy ones included, as the server wrote them.
        supported_versions as "supportedVersions": Vec<Text<'a>>,
        /// What the server can do.
        capabilities: ServerCapabilities<'a> [rewritten(ServerCapabilities::downgrade)],
        /// How to use the server, meant for a model.
        instructions?: Text<'a>,
        /// For how many milliseconds the result stays fresh; absent or negative means none.
        #[read(crate::model::field::integer)]
        ttl_ms? as "ttlMs": i64 as Lifetime,
        /// Who may be given the result from a cache; private when absent.
        cache_scope? as "cacheScope": CacheScope<'a>,
        /// The server program, where a peer put it beside `_meta`; read, never written.
        server_info? as "serverInfo": Implementation<'a> [read only],
        /// The result's `_meta`, which names the server program.
        meta? as "_meta": Meta<'a>,
    }
}

impl<'a> DiscoverResult<'a> {
    /// Returns what a server of these revisions and capabilities says.
    pub fn new<T: Into<Text<'a>>>(
        supported_versions: impl IntoIterator<Item = T>,
        capabilities: ServerCapabilities<'a>,
    ) -> Self {
        Self {
            supported_versions: supported_versions.into_iter().map(Into::into).collect(),
            capabilities,
            instructions: None,
            ttl_ms: None,
            cache_scope: None,
            server_info: None,
            meta: None,
        }
    }

    /// Returns the server program: as `_meta` names it, or else as the body does.
    pub fn server(&self) -> Option<Implementation<'_>> {
        let named = self.meta.as_ref().and_then(Meta::server_info);
        named.or_else(|| self.server_info.clone())
    }
}

cache_hints!(DiscoverResult);

wire_type! {
    /// The data of the error that refuses a revision.
    // `err.unsupportedver`
    #[derive(Debug)]
    pub struct UnsupportedProtocolVersionData<'a> {
        /// The revisions that would be accepted.
        supported: Vec<Text<'a>>,
        /// The revision that was asked for, as it was written.
        requested: Text<'a>,
    }
}

impl<'a> UnsupportedProtocolVersionData<'a> {
    /// Returns the refusal of `requested` in favour of `supported`.
    pub fn new<T: Into<Text<'a>>>(
        supported: impl IntoIterator<Item = T>,
        requested: impl Into<Text<'a>>,
    ) -> Self {
        let supported = supported.into_iter().map(Into::into).collect();
        Self {
            supported,
            requested: requested.into(),
        }
    }
}

wire_type! {
    /// The data of the error that a client lacks capabilities a request needs.
    // `err.missingcap`
    #[derive(Debug)]
    pub struct MissingRequiredClientCapabilityData<'a> {
        /// Only what is lacking, as [`ClientCapabilities::missing_for`] finds it.
        required_capabilities as "requiredCapabilities": ClientCapabilities<'a>,
    }

    /// Returns the lack of `required_capabilities`.
    pub fn new(required_capabilities: ClientCapabilities<'a>);
}
