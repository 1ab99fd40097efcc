//! A server as OAuth sees it: the URL that its tokens are issued for, who issues them, and the document
//! that says so (RFC 9728).
//!
//! Rules of this file: what is said of the server is checked once, when it is made; a token's audience
//! is compared as a string, so that nothing that only looks alike is taken for this server.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::super::cors::preflight;
use super::super::headers::name;
use super::super::policy::HttpPolicy;
use super::super::{HttpMethod, Reply, RequestHead};
use super::access::Access;
use super::refusal::TokenRefusal;
use crate::named::named;
use crate::scopes::Scopes;

/// Where metadata of protected resources lies, before the resource's own path.
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// A scope that is about refresh tokens, which are no matter of a server's.
const OF_CLIENTS: &str = "offline_access";

/// A server whose clients need tokens: its URL, who issues them, and what they have to be good for.
///
/// ```
/// use mcp_proto::http::{Access, ProtectedResource, TokenRefusal};
///
/// let resource = ProtectedResource::new("https://api.example.com/mcp", ["https://auth.example.com"])?
///     .scopes(["notes"])?;
/// assert_eq!(resource.metadata_path(), "/.well-known/oauth-protected-resource/mcp");
///
/// // Whoever verifies tokens says whom one belongs to and for which servers it was issued.
/// let other = Access::new("ali", ["https://other.example.com"]);
/// assert_eq!(resource.admit(&other, 0), Err(TokenRefusal::OtherAudience));
/// # Ok::<(), mcp_proto::http::ProtectionError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtectedResource {
    resource: Box<str>,
    /// Where its origin ends.
    origin: usize,
    issuers: Vec<Box<str>>,
    audiences: Vec<Box<str>>,
    needed: Scopes,
    supported: Scopes,
    name: Option<Box<str>>,
    documentation: Option<Box<str>>,
    path: Box<str>,
    url: Box<str>,
}

/// Why a server can't be protected as it is described.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProtectionError {
    /// It is no `https` URL, nor an `http` URL of this machine, or it has a user, a query or a fragment.
    Url(Box<str>),
    /// Nobody issues tokens: name an authorization server.
    NoIssuer,
    /// One of them is no scope, which is 1 to 256 visible ASCII characters without quotes and
    /// backslashes, or there are more than 256.
    Scope(Box<str>),
}

impl fmt::Display for ProtectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(text) => write!(
                f,
                "{text:?} is no https URL without a user, a query and a fragment"
            ),
            Self::NoIssuer => f.write_str("a protected server needs an authorization server"),
            Self::Scope(text) => write!(f, "one of these can't be a scope: {text:?}"),
        }
    }
}

impl core::error::Error for ProtectionError {}

impl ProtectedResource {
    /// Returns a server at the URL `resource`, as its clients know it, whose tokens are issued by these
    /// authorization servers.
    ///
    /// Returns an error if one of them is no `https` URL, nor an `http` URL of this machine, or there is
    /// no authorization server.
    // `auth.prm` `auth.https`
    pub fn new<S: Into<String>>(
        resource: impl Into<String>,
        authorization_servers: impl IntoIterator<Item = S>,
    ) -> Result<Self, ProtectionError> {
        let resource: Box<str> = resource.into().into();
        let issuers: Vec<Box<str>> = authorization_servers
            .into_iter()
            .map(|issuer| issuer.into().into())
            .collect();
        if issuers.is_empty() {
            return Err(ProtectionError::NoIssuer);
        }
        for issuer in &issuers {
            origin_of(issuer).ok_or_else(|| ProtectionError::Url(issuer.clone()))?;
        }
        let origin = origin_of(&resource).ok_or_else(|| ProtectionError::Url(resource.clone()))?;
        let (site, path) = resource.split_at(origin);
        let path = alloc::format!("{WELL_KNOWN}{}", path.trim_end_matches('/'));
        Ok(Self {
            url: alloc::format!("{site}{path}").into(),
            path: path.into(),
            origin,
            issuers,
            audiences: Vec::new(),
            needed: Scopes::default(),
            supported: Scopes::default(),
            name: None,
            documentation: None,
            resource,
        })
    }

    /// Sets the scopes that every request needs. Clients are told them when they have no token.
    ///
    /// Returns an error if one of them is no scope.
    pub fn scopes<S: AsRef<str>>(
        mut self,
        scopes: impl IntoIterator<Item = S>,
    ) -> Result<Self, ProtectionError> {
        self.needed = exact(scopes)?;
        Ok(self)
    }

    /// Adds scopes that the metadata names beside those that every request needs, such as those of single
    /// tools.
    #[must_use]
    pub fn supports(mut self, scopes: &Scopes) -> Self {
        self.supported = self.supported.union(scopes);
        self
    }

    /// Adds another name by which tokens for this server may call it in their audience, beside its URL.
    #[must_use]
    pub fn audience(mut self, name: impl Into<String>) -> Self {
        self.audiences.push(name.into().into());
        self
    }

    /// Sets what the server is called where people are asked for their consent.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into().into());
        self
    }

    /// Sets the URL of a page for developers.
    #[must_use]
    pub fn documentation(mut self, url: impl Into<String>) -> Self {
        self.documentation = Some(url.into().into());
        self
    }

    /// Returns the server's URL, as its clients know it.
    pub fn resource(&self) -> &str {
        &self.resource
    }

    /// Returns the path at which its metadata lies, to be routed here: `/.well-known/…` and the path of
    /// its own URL.
    pub fn metadata_path(&self) -> &str {
        &self.path
    }

    /// Returns the URL of its metadata.
    pub fn metadata_url(&self) -> &str {
        &self.url
    }

    /// The scopes that every request needs.
    pub(super) const fn needed(&self) -> &Scopes {
        &self.needed
    }

    /// Returns the metadata's document, which is JSON.
    // `auth.prm` `auth.refresh`
    pub fn metadata(&self) -> String {
        let scopes = self.needed.union(&self.supported);
        let document = Document {
            resource: &self.resource,
            authorization_servers: &self.issuers,
            scopes_supported: scopes.iter().filter(|scope| *scope != OF_CLIENTS).collect(),
            bearer_methods_supported: ["header"],
            resource_name: self.name.as_deref(),
            resource_documentation: self.documentation.as_deref(),
        };
        // Texts can always be written.
        serde_json::to_string(&document).unwrap_or_default()
    }

    /// Returns the answer to a request for the metadata, which needs no token; `None` if it is for
    /// something else. [`HttpPolicy::cors`] is added to it.
    // `auth.prm`
    pub fn answer(&self, policy: &HttpPolicy, head: &RequestHead) -> Option<Reply> {
        if head.path != self.path {
            return None;
        }
        Some(match head.method {
            HttpMethod::Get => Reply::json(200, self.metadata()),
            _ => preflight(policy, "GET", head).unwrap_or_else(|| {
                let mut reply = Reply::empty(405);
                reply.head.headers.push(name::ALLOW, "GET");
                reply
            }),
        })
    }

    /// Checks that a token which is genuine is one for this server, in its time, and good for what every
    /// request needs. `now` is in seconds since 1970. Returns an error with the first offence.
    // `auth.audience` `auth.401`
    pub fn admit(&self, access: &Access, now: u64) -> Result<(), TokenRefusal> {
        if !access.audience.iter().any(|name| self.is_called(name)) {
            return Err(TokenRefusal::OtherAudience);
        }
        if access.expires.is_some_and(|end| end <= now) {
            return Err(TokenRefusal::Expired);
        }
        self.check_scopes(&self.needed, &access.scopes)
    }

    /// Checks that what a token is good for covers what is needed.
    ///
    /// Returns an error with what to ask for: what is needed, and what the token is good for already
    /// that means something here, since a client may get no more than it asks for.
    // `auth.403.scope`
    pub fn check_scopes(&self, needed: &Scopes, granted: &Scopes) -> Result<(), TokenRefusal> {
        if granted.covers(needed) {
            return Ok(());
        }
        let known = self.needed.union(&self.supported);
        Err(TokenRefusal::MissingScopes(
            needed.union(&granted.shared_with(&known)),
        ))
    }

    /// Whether an audience means this server. An empty path and `/` are the same URL.
    fn is_called(&self, name: &str) -> bool {
        let is_site = self.resource[self.origin..]
            .trim_end_matches('/')
            .is_empty();
        let is_same = |one: &str, other: &str| match is_site {
            true => one.trim_end_matches('/') == other.trim_end_matches('/'),
            false => one == other,
        };
        is_same(name, &self.resource) || self.audiences.iter().any(|other| **other == *name)
    }
}

struct Document<'a> {
    resource: &'a str,
    authorization_servers: &'a [Box<str>],
    scopes_supported: Vec<&'a str>,
    bearer_methods_supported: [&'static str; 1],
    resource_name: Option<&'a str>,
    resource_documentation: Option<&'a str>,
}

named! {
    written struct Document<'a> {
        resource, authorization_servers, [scopes_supported], bearer_methods_supported,
        [resource_name], [resource_documentation]
    }
}

/// These scopes, all of them.
fn exact<S: AsRef<str>>(scopes: impl IntoIterator<Item = S>) -> Result<Scopes, ProtectionError> {
    let scopes: Vec<S> = scopes.into_iter().collect();
    Scopes::exact(scopes.iter()).ok_or_else(|| {
        let bad = scopes
            .iter()
            .find(|scope| Scopes::exact([*scope]).is_none());
        let bad = bad.map(AsRef::as_ref).unwrap_or("more than 256");
        ProtectionError::Scope(bad.chars().take(SHOWN).collect::<String>().into())
    })
}

/// How much of a scope is shown.
const SHOWN: usize = 100;

/// Where the origin of a URL ends; `None` if it isn't one that can be relied on.
fn origin_of(url: &str) -> Option<usize> {
    let is_plain = |byte: u8| matches!(byte, 0x21..=0x7E) && !b"\\\"<>^`{|}#?@".contains(&byte);
    if !url.bytes().all(is_plain) {
        return None;
    }
    let (scheme, rest) = url.split_once("://")?;
    let end = rest.find('/').unwrap_or(rest.len());
    let authority = &rest[..end];
    let is_safe = match scheme {
        "https" => !authority.is_empty() && !authority.starts_with(':'),
        "http" => is_local(authority),
        _ => false,
    };
    is_safe.then_some(scheme.len() + 3 + end)
}

/// Whether a host, with or without a port, is this machine.
fn is_local(authority: &str) -> bool {
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|host| {
        let rest = authority.strip_prefix(host);
        rest.is_some_and(|rest| {
            let port = rest.strip_prefix(':');
            rest.is_empty() || port.is_some_and(|port| port.parse::<u16>().is_ok())
        })
    })
}
