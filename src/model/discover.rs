//! How a modern server presents itself, and the two errors that a modern opening can end in.
//! `server/discover` exists from revision 2026-07-28 on; `initialize.rs` has what was before it.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::model::capability::{ClientCapabilities, ServerCapabilities};
use crate::model::field::setters;
use crate::model::initialize::Implementation;
use crate::model::meta::Meta;
use crate::model::owned::into_owned;
use crate::model::page::{CacheScope, cache_hints};
use crate::rpc::Text;

/// The parameters of `server/discover`: nothing but `_meta`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DiscoverParams<'a> {
    /// The request's `_meta`.
    #[serde(
        borrow,
        default,
        rename = "_meta",
        skip_serializing_if = "Option::is_none"
    )]
    pub meta: Option<Meta<'a>>,
}

impl<'a> DiscoverParams<'a> {
    /// Parameters that say nothing.
    pub const fn new() -> Self {
        Self { meta: None }
    }
}

/// The result of `server/discover`: which revisions a server speaks and what it can do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[serde(rename(serialize = "mcp_proto::DiscoverResult"))]
#[non_exhaustive]
pub struct DiscoverResult<'a> {
    /// The revisions, legacy ones included, as the server wrote them.
    #[serde(borrow)]
    pub supported_versions: Vec<Text<'a>>,
    /// What the server can do.
    #[serde(borrow)]
    pub capabilities: ServerCapabilities<'a>,
    /// How to use the server, meant for a model.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<Text<'a>>,
    /// For how many milliseconds the result stays fresh; absent or negative means none.
    #[serde(
        default,
        deserialize_with = "crate::model::field::integer",
        serialize_with = "crate::model::field::lifetime",
        skip_serializing_if = "Option::is_none"
    )]
    pub ttl_ms: Option<i64>,
    /// Who may be given the result from a cache; private when absent.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub cache_scope: Option<CacheScope<'a>>,
    /// The server program, where a peer put it beside `_meta`; read, never written.
    #[serde(borrow, default, skip_serializing)]
    pub server_info: Option<Implementation<'a>>,
    /// The result's `_meta`, which names the server program.
    #[serde(
        borrow,
        default,
        rename = "_meta",
        skip_serializing_if = "Option::is_none"
    )]
    pub meta: Option<Meta<'a>>,
}

impl<'a> DiscoverResult<'a> {
    /// What a server of these revisions and capabilities says.
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

    /// Sets how to use the server.
    #[must_use]
    pub fn instructions(mut self, instructions: impl Into<Text<'a>>) -> Self {
        self.instructions = Some(instructions.into());
        self
    }

    /// Sets for how many milliseconds the result stays fresh.
    #[must_use]
    pub fn ttl_ms(mut self, ttl_ms: i64) -> Self {
        self.ttl_ms = Some(ttl_ms);
        self
    }

    /// Sets who may be given the result from a cache.
    #[must_use]
    pub fn cache_scope(mut self, cache_scope: CacheScope<'a>) -> Self {
        self.cache_scope = Some(cache_scope);
        self
    }

    /// The server program: as `_meta` names it, or else as the body does.
    pub fn server(&self) -> Option<Implementation<'_>> {
        let named = self.meta.as_ref().and_then(Meta::server_info);
        named.or_else(|| self.server_info.clone())
    }
}

cache_hints!(DiscoverResult);

/// The data of the error that refuses a revision (`err.unsupportedver`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct UnsupportedProtocolVersionData<'a> {
    /// The revisions that would be accepted.
    #[serde(borrow)]
    pub supported: Vec<Text<'a>>,
    /// The revision that was asked for, as it was written.
    #[serde(borrow)]
    pub requested: Text<'a>,
}

impl<'a> UnsupportedProtocolVersionData<'a> {
    /// The refusal of `requested` in favour of `supported`.
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

/// The data of the error that a client lacks capabilities a request needs (`err.missingcap`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct MissingRequiredClientCapabilityData<'a> {
    /// Only what is lacking, as [`ClientCapabilities::missing_for`] finds it.
    #[serde(borrow)]
    pub required_capabilities: ClientCapabilities<'a>,
}

impl<'a> MissingRequiredClientCapabilityData<'a> {
    /// The lack of `required_capabilities`.
    pub fn new(required_capabilities: ClientCapabilities<'a>) -> Self {
        Self {
            required_capabilities,
        }
    }
}

setters! {
    DiscoverParams { meta: Meta<'a> }
    DiscoverResult { meta: Meta<'a> }
}

into_owned! {
    DiscoverParams { meta }
    DiscoverResult {
        supported_versions, capabilities, instructions, ttl_ms, cache_scope, server_info, meta
    }
    UnsupportedProtocolVersionData { supported, requested }
    MissingRequiredClientCapabilityData { required_capabilities }
}
