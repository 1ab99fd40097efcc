//! Who protects the server, and what that authorization server offers.
//!
//! Rules of this file: what the challenge names comes first, then the places of the RFCs in their
//! order; a place without a document leads to the next, and everything else ends the way; a document
//! that speaks of another server or another issuer is never used.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::super::address::origin_of;
use super::super::challenge::words;
use super::super::error::{AuthErrorKind, AuthStep};
use super::super::metadata::{ResourceMetadata, ServerMetadata};
use super::super::step::AuthRequest;
use super::super::url::Url;
use super::{AuthError, Flow, Line, fail, malformed};
use crate::revision::Revision;
use crate::scopes::Scopes;

/// How many redirects within one origin are followed for a document.
const MOST_REDIRECTS: usize = 3;

/// The server as a resource.
pub(super) struct Resource {
    /// What a token is asked for with; `None` where the revision has no such thing.
    pub(super) id: Option<Box<str>>,
    pub(super) issuers: Vec<Box<str>>,
    pub(super) scopes: Option<Scopes>,
    /// Whether the server says nothing of itself, as in 2025-03-26.
    is_silent: bool,
}

impl Flow {
    /// Finds out who protects the server.
    // `auth.prm.fallback`
    pub(super) fn find_resource(&mut self) -> Line<Resource> {
        let step = AuthStep::ResourceMetadata;
        let server = self.server.clone();
        let Some(url) = Url::parse(&server) else {
            return fail(step, malformed(&server, "its URL is none of HTTP"));
        };
        let name = "oauth-protected-resource";
        let mut places = vec![url.inserted(name)];
        let root = [url.origin, "/.well-known/", name].concat();
        if root != places[0] {
            places.push(root);
        }
        if let Some(named) = &self.cause.challenge.resource_metadata {
            places.insert(0, named.as_ref().into());
        }
        for place in places {
            if let Some(found) = self.document::<ResourceMetadata>(step, &place)? {
                return self.protected(&place, &found);
            }
        }
        // `auth.asm`: the server is its own authorization server.
        let is_old = self
            .cause
            .revision
            .is_some_and(|revision| revision < Revision::V2025_06_18);
        Ok(Resource {
            id: (!is_old).then(|| server.clone()),
            issuers: vec![url.origin.into()],
            scopes: None,
            is_silent: true,
        })
    }

    fn protected(&self, place: &str, found: &ResourceMetadata) -> Line<Resource> {
        let step = AuthStep::ResourceMetadata;
        if !found.is_of(&self.server) {
            let found = words(&found.resource);
            return fail(step, AuthErrorKind::WrongResource { found });
        }
        let issuers: Vec<Box<str>> = found.issuers().map(Box::from).collect();
        if issuers.is_empty() {
            return fail(step, malformed(place, "it names no authorization server"));
        }
        Ok(Resource {
            // `auth.resource`: byte for byte as the server says it.
            id: Some(found.resource.clone()),
            issuers,
            scopes: found.scopes(),
            is_silent: false,
        })
    }

    /// Finds out what the authorization server offers.
    // `auth.asm` `auth.asm.issuer`
    pub(super) fn find_server(&mut self, resource: &Resource) -> Line<ServerMetadata> {
        let step = AuthStep::ServerMetadata;
        let issuer = self.choose_issuer(resource);
        let Some(url) = Url::parse(&issuer) else {
            return fail(step, malformed(&issuer, "its issuer is no URL"));
        };
        let mut places = vec![url.inserted("oauth-authorization-server")];
        if !resource.is_silent {
            places.push(url.inserted("openid-configuration"));
            places.push(url.appended("openid-configuration"));
            places.dedup();
        }
        for place in places {
            let Some(found) = self.document::<ServerMetadata>(step, &place)? else {
                continue;
            };
            if *found.issuer != *issuer {
                let (expected, found) = (words(&issuer), words(&found.issuer));
                return fail(step, AuthErrorKind::WrongIssuer { expected, found });
            }
            return Ok(found);
        }
        match resource.is_silent {
            true => Ok(ServerMetadata::of_origin(&issuer)),
            false => {
                let origin = origin_of(&issuer).into();
                fail(
                    step,
                    AuthErrorKind::Status {
                        origin,
                        status: 404,
                    },
                )
            }
        }
    }

    /// The authorization server that knows the client already, else the first.
    fn choose_issuer(&self, resource: &Resource) -> Box<str> {
        let brought = self.options.client.as_ref();
        let brought = brought.and_then(|client| client.issuer.as_deref());
        let is_known = |issuer: &&str| match brought {
            Some(brought) => *issuer == brought,
            None => self.saved.registrations.contains_key(*issuer),
        };
        let mut issuers = resource.issuers.iter().map(|issuer| &**issuer);
        let first = issuers.clone().next();
        issuers.find(is_known).or(first).unwrap_or_default().into()
    }

    /// The document at a place; `None` if there is none.
    fn document<T: DeserializeOwned>(&mut self, step: AuthStep, place: &str) -> Line<Option<T>> {
        let Some(body) = self.get(step, place)? else {
            return Ok(None);
        };
        match serde_json::from_slice(&body) {
            Ok(document) => Ok(Some(document)),
            Err(_) => fail(
                step,
                malformed(place, "it isn't the document that it should be"),
            ),
        }
    }

    fn get(&mut self, step: AuthStep, place: &str) -> Line<Option<Bytes>> {
        let mut place = String::from(place);
        let server = self.server.clone();
        // `auth.md.version`
        let revision = self.cause.revision.unwrap_or(Revision::V2025_11_25);
        for _ in 0..=MOST_REDIRECTS {
            let response = self.fetch(step, &place, &server, |_| {
                let mut request = AuthRequest::get(&place);
                let version = revision.as_str().into();
                request.headers.push(("mcp-protocol-version", version));
                Ok(request)
            })?;
            let refused = || AuthErrorKind::Status {
                origin: origin_of(&place).into(),
                status: response.status,
            };
            match response.status {
                200 => return Ok(Some(response.body)),
                301 | 302 | 303 | 307 | 308 => {
                    let next = response.location.as_deref();
                    let next = next.and_then(|next| same_origin(&place, next));
                    place = next.ok_or_else(|| AuthError::new(step, refused()))?;
                }
                400..=499 if response.status != 429 => return Ok(None),
                _ => return fail(step, refused()),
            }
        }
        fail(step, AuthErrorKind::TooManyRequests)
    }
}

/// Where a redirect leads, if that is the same origin.
fn same_origin(place: &str, next: &str) -> Option<String> {
    let from = Url::parse(place)?;
    let next = match next.starts_with('/') && !next.starts_with("//") {
        true => [from.origin, next].concat(),
        false => next.into(),
    };
    Url::parse(&next)?.is_same_origin(&from).then_some(next)
}
