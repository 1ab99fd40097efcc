//! The documents of a server and its authorization server, as far as a client needs them, and what
//! they must say to be used.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Deserialize;

use super::url::Url;
use crate::scopes::Scopes;

/// What a protected server says of itself (RFC 9728).
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ResourceMetadata {
    pub(super) resource: Box<str>,
    #[serde(default)]
    pub(super) authorization_servers: Vec<Box<str>>,
    pub(super) scopes_supported: Option<Vec<String>>,
}

/// What an authorization server says of itself (RFC 8414, OpenID Connect Discovery).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ServerMetadata {
    pub(super) issuer: Box<str>,
    pub(super) authorization_endpoint: Option<Box<str>>,
    pub(super) token_endpoint: Option<Box<str>>,
    pub(super) registration_endpoint: Option<Box<str>>,
    pub(super) code_challenge_methods_supported: Option<Vec<Box<str>>>,
    pub(super) token_endpoint_auth_methods_supported: Option<Vec<Box<str>>>,
    pub(super) grant_types_supported: Option<Vec<Box<str>>>,
    pub(super) scopes_supported: Option<Vec<Box<str>>>,
    pub(super) dpop_signing_alg_values_supported: Option<Vec<Box<str>>>,
    pub(super) authorization_response_iss_parameter_supported: bool,
    pub(super) client_id_metadata_document_supported: bool,
}

/// How many authorization servers a server may name.
const MOST_SERVERS: usize = 16;

impl ResourceMetadata {
    /// Whether it is the metadata of the server at this URL, or of a folder that it is in.
    pub(super) fn is_of(&self, server: &str) -> bool {
        match (Url::parse(&self.resource), Url::parse(server)) {
            (Some(resource), Some(server)) => resource.covers(&server),
            _ => false,
        }
    }

    /// The authorization servers that may be used: a few, with URLs as issuers have them.
    pub(super) fn issuers(&self) -> impl Iterator<Item = &str> {
        let servers = self.authorization_servers.iter().take(MOST_SERVERS);
        servers
            .map(|issuer| &**issuer)
            .filter(|issuer| Url::parse(issuer).is_some_and(|url| url.query.is_none()))
    }

    pub(super) fn scopes(&self) -> Option<Scopes> {
        let scopes = self.scopes_supported.as_ref()?;
        Some(scopes.iter().map(String::as_str).collect())
    }
}

impl ServerMetadata {
    /// What a server of 2025-03-26 has where it says nothing.
    // `auth.asm`
    pub(super) fn of_origin(origin: &str) -> Self {
        let at = |path: &str| Some([origin, path].concat().into());
        Self {
            issuer: origin.into(),
            authorization_endpoint: at("/authorize"),
            token_endpoint: at("/token"),
            registration_endpoint: at("/register"),
            code_challenge_methods_supported: Some(alloc::vec!["S256".into()]),
            token_endpoint_auth_methods_supported: Some(
                ["none", "client_secret_basic", "client_secret_post"]
                    .map(Into::into)
                    .into(),
            ),
            ..Self::default()
        }
    }

    pub(super) fn offers_pkce(&self) -> bool {
        has(&self.code_challenge_methods_supported, "S256")
    }

    pub(super) fn offers_offline_access(&self) -> bool {
        has(&self.scopes_supported, "offline_access")
    }

    pub(super) fn offers_dpop(&self, algorithm: &str) -> bool {
        has(&self.dpop_signing_alg_values_supported, algorithm)
    }

    /// Whether a grant may be asked for: it is listed, or there is no list.
    pub(super) fn may_grant(&self, grant: &str) -> bool {
        self.grant_types_supported.is_none() || has(&self.grant_types_supported, grant)
    }

    /// Whether clients may authenticate themselves so.
    pub(super) fn takes(&self, method: &str) -> bool {
        match &self.token_endpoint_auth_methods_supported {
            None => method == "client_secret_basic",
            methods => has(methods, method),
        }
    }
}

fn has(list: &Option<Vec<Box<str>>>, name: &str) -> bool {
    list.iter().flatten().any(|known| &**known == name)
}
