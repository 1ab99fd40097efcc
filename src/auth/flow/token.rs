//! Tokens: what is read of the answer that has one, and how one is renewed.
//!
//! Rules of this file: a token is used only for what it says that it is; one that is renewed keeps
//! the scopes that it had, and is remembered before it is used.

use alloc::boxed::Box;
use alloc::string::String;

use serde::Deserialize;

use super::super::challenge::Scheme;
use super::super::error::{AuthErrorKind, AuthStep};
use super::super::metadata::ServerMetadata;
use super::super::saved::Token;
use super::super::secret::Secret;
use super::super::step::AuthResponse;
use super::super::url::push_pair;
use super::client::Client;
use super::discover::Resource;
use super::request::TokenRequest;
use super::{AuthError, Exit, Flow, Line, fail, malformed};
use crate::scopes::Scopes;

#[derive(Deserialize)]
struct Granted {
    access_token: Secret,
    token_type: Box<str>,
    expires_in: Option<u64>,
    refresh_token: Option<Secret>,
    scope: Option<Box<str>>,
}

/// How long a token may be, in bytes.
const LONGEST: usize = 16 * 1024;

/// Whether it can be sent in a header.
fn is_sendable(token: &Secret) -> bool {
    let token = token.expose();
    (1..=LONGEST).contains(&token.len()) && token.bytes().all(|byte| matches!(byte, 0x21..=0x7E))
}

/// What a token is asked for with, once it is clear which grant is used.
pub(super) struct Wanted<'a> {
    pub(super) resource: &'a Resource,
    pub(super) server: &'a ServerMetadata,
    pub(super) client: Option<&'a Client>,
    pub(super) scopes: Option<&'a Scopes>,
    pub(super) form: String,
}

impl Flow {
    /// Asks the authorization server for a token.
    pub(super) fn token_for(&mut self, step: AuthStep, wanted: Wanted<'_>) -> Line<Token> {
        let server = wanted.server;
        let Some(endpoint) = server.token_endpoint.as_deref() else {
            return fail(
                step,
                AuthErrorKind::NotOffered {
                    what: "a token endpoint",
                },
            );
        };
        let mut form = wanted.form;
        // `auth.resource`
        if let Some(id) = &wanted.resource.id {
            push_pair(&mut form, "resource", id);
        }
        let is_bound = self.binds(server);
        let named_by = self.server.clone();
        let response = self.ask_for_token(&TokenRequest {
            step,
            endpoint,
            named_by: &named_by,
            audience: &server.issuer,
            form,
            client: wanted.client,
            is_bound,
        })?;
        self.read_token(step, endpoint, &response, server, wanted.scopes)
    }

    fn read_token(
        &self,
        step: AuthStep,
        endpoint: &str,
        response: &AuthResponse,
        server: &ServerMetadata,
        scopes: Option<&Scopes>,
    ) -> Line<Token> {
        let granted: Option<Granted> = serde_json::from_slice(&response.body).ok();
        let Some(granted) = granted.filter(|granted| is_sendable(&granted.access_token)) else {
            return fail(step, malformed(endpoint, "it is no token"));
        };
        let scheme = match &*granted.token_type {
            kind if kind.eq_ignore_ascii_case("Bearer") => Scheme::Bearer,
            kind if kind.eq_ignore_ascii_case("DPoP") && self.options.dpop.is_some() => {
                Scheme::Dpop
            }
            _ => return fail(step, malformed(endpoint, "its token is of another kind")),
        };
        if self.binds(server) && scheme == Scheme::Bearer {
            return fail(step, AuthErrorKind::NotBound);
        }
        let asked = scopes.cloned().unwrap_or_default();
        let has = granted.scope.as_deref().map(Scopes::parse);
        let is_usable = |token: &Secret| token.expose().len() <= LONGEST;
        Ok(Token {
            access_token: granted.access_token,
            scheme,
            issuer: server.issuer.clone(),
            expires_at: granted.expires_in.map(|time| self.now.saturating_add(time)),
            refresh_token: granted.refresh_token.filter(is_usable),
            scopes: has.map_or(asked.clone(), |has| has.union(&asked)),
        })
    }

    /// Renews the token that is remembered; `None` if that can't be done.
    // `auth.refresh`
    pub(super) fn renew(
        &mut self,
        resource: &Resource,
        server: &ServerMetadata,
    ) -> Line<Option<Token>> {
        let step = AuthStep::Refresh;
        let Some(old) = self.old_token(server) else {
            return Ok(None);
        };
        let Some(refresh_token) = old.refresh_token.as_ref() else {
            return Ok(None);
        };
        let Some(client) = self.known_client(server, None)? else {
            return Ok(None);
        };
        // Without a scope it is for those that were granted.
        let mut form = String::new();
        push_pair(&mut form, "grant_type", "refresh_token");
        push_pair(&mut form, "refresh_token", refresh_token.expose());
        let wanted = Wanted {
            resource,
            server,
            client: Some(&client),
            scopes: Some(&old.scopes),
            form,
        };
        match self.token_for(step, wanted) {
            Ok(mut token) => {
                token.refresh_token = token.refresh_token.or(old.refresh_token);
                Ok(Some(token))
            }
            // The client isn't known any more either.
            Err(Exit::Failed(error)) if error.is_denied("invalid_client") => {
                self.store("forgotten", |saved| {
                    saved.registrations.remove(&*server.issuer);
                })?;
                Ok(None)
            }
            // It is no good any more: the user is asked.
            Err(Exit::Failed(AuthError {
                kind: AuthErrorKind::Denied { .. },
                ..
            })) => Ok(None),
            Err(exit) => Err(exit),
        }
    }

    /// The token that is to be renewed. It is what was remembered in the beginning, since the one
    /// that takes its place is remembered last.
    fn old_token(&self, server: &ServerMetadata) -> Option<Token> {
        let old = self.old.as_ref().filter(|_| !self.cause.is_step_up)?;
        (old.issuer == server.issuer).then(|| old.clone())
    }

    /// Which scopes to ask for.
    // `auth.scope.select`
    pub(super) fn scopes(&self, resource: &Resource, server: &ServerMetadata) -> Option<Scopes> {
        let named = self.cause.challenge.scope.as_ref();
        let named = named.filter(|scopes| !scopes.is_empty());
        let mut scopes = named.or(resource.scopes.as_ref())?.clone();
        let old = self.old.as_ref().filter(|old| old.issuer == server.issuer);
        if let (true, Some(old)) = (self.cause.is_step_up, old) {
            scopes = scopes.union(&old.scopes);
        }
        let offline = "offline_access";
        let may_be_offline = server.offers_offline_access() && server.may_grant("refresh_token");
        let kept = scopes.iter().filter(|scope| *scope != offline);
        let scopes: Scopes = kept.chain(may_be_offline.then_some(offline)).collect();
        (!scopes.is_empty()).then_some(scopes)
    }
}
