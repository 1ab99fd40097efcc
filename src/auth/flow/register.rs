//! How the client becomes known to the authorization server.
//!
//! Rules of this file: what the host has brought, then the client's own metadata document, then a
//! registration that is remembered, then a new one, then the host is asked; what one authorization
//! server has given is never shown to another.
// `auth.reg` `auth.bind`

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::super::address::{Reach, reach};
use super::super::challenge::words;
use super::super::error::{AuthError, AuthErrorKind, AuthStep};
use super::super::metadata::ServerMetadata;
use super::super::options::Credentials;
use super::super::saved::Registration;
use super::super::secret::Secret;
use super::super::step::AuthRequest;
use super::super::url::Url;
use super::client::Client;
use super::{Flow, Line, fail, malformed};

/// What a client says of itself (RFC 7591).
#[derive(Serialize)]
struct Asked<'a> {
    client_name: &'a str,
    redirect_uris: [&'a str; 1],
    grant_types: Vec<&'static str>,
    response_types: [&'static str; 1],
    token_endpoint_auth_method: &'static str,
    application_type: &'static str,
}

/// What the authorization server makes of it.
#[derive(Deserialize)]
struct Given {
    client_id: Box<str>,
    client_secret: Option<Secret>,
    client_secret_expires_at: Option<u64>,
    token_endpoint_auth_method: Option<Box<str>>,
}

impl Flow {
    /// The client, registered if it has to be.
    pub(super) fn find_client(&mut self, server: &ServerMetadata, redirect: &str) -> Line<Client> {
        if let Some(client) = self.known_client(server, Some(redirect))? {
            return Ok(client);
        }
        let Some(endpoint) = &server.registration_endpoint else {
            let issuer = words(&server.issuer);
            return fail(AuthStep::Registration, AuthErrorKind::NoClient { issuer });
        };
        let registration = self.register(server, endpoint, redirect)?;
        let client = Client::registered(&registration, server);
        self.store("registration", |saved| {
            saved.register(&server.issuer, registration);
        })?;
        Ok(client)
    }

    /// The client, if the authorization server knows it; with `redirect` only if users may come back
    /// to there.
    pub(super) fn known_client(
        &mut self,
        server: &ServerMetadata,
        redirect: Option<&str>,
    ) -> Line<Option<Client>> {
        if let Some(client) = self.brought_client(server)? {
            return Ok(Some(client));
        }
        if let Some(url) = &self.options.client_metadata_url
            && server.client_id_metadata_document_supported
        {
            return Ok(Some(Client::public(url)));
        }
        let registration = self.saved.registrations.get(&*server.issuer);
        let is_good = |known: &&Registration| {
            let is_current = known.expires_at.is_none_or(|expiry| expiry > self.now);
            let known = known.redirect_uri.as_deref();
            is_current && known.is_some() && (redirect.is_none() || known == redirect)
        };
        let registration = registration.filter(is_good);
        Ok(registration.map(|known| Client::registered(known, server)))
    }

    /// The client that the host has registered by hand, if it has.
    pub(super) fn brought_client(&mut self, server: &ServerMetadata) -> Line<Option<Client>> {
        let step = AuthStep::Registration;
        let Some(credentials) = self.options.client.clone() else {
            return Ok(None);
        };
        if let Some(expected) = self.bound_elsewhere(&credentials, &server.issuer) {
            let found = words(&server.issuer);
            return fail(step, AuthErrorKind::OtherIssuer { expected, found });
        }
        let client =
            Client::brought(&credentials, server).map_err(|kind| AuthError::new(step, kind))?;
        let is_bound = self.saved.registrations.get(&*server.issuer);
        let is_bound = is_bound.is_some_and(|known| known.client_id == client.id);
        if credentials.issuer.is_none() && !is_bound {
            // From here on it is for this one only.
            let registration = Registration {
                client_id: client.id.clone(),
                client_secret: None,
                method: None,
                redirect_uri: None,
                expires_at: None,
            };
            self.store("client", |saved| {
                saved.register(&server.issuer, registration);
            })?;
        }
        Ok(Some(client))
    }

    /// The other authorization server that credentials belong to.
    fn bound_elsewhere(&self, credentials: &Credentials, issuer: &str) -> Option<Box<str>> {
        if let Some(bound) = &credentials.issuer {
            return (**bound != *issuer).then(|| words(bound));
        }
        let mut others = self.saved.registrations.iter();
        let other = others.find(|(known, registration)| {
            known.as_str() != issuer
                && registration.redirect_uri.is_none()
                && registration.client_id == credentials.client_id
        });
        other.map(|(known, _)| words(known))
    }

    fn register(
        &mut self,
        server: &ServerMetadata,
        endpoint: &str,
        redirect: &str,
    ) -> Line<Registration> {
        let step = AuthStep::Registration;
        let named_by = self.server.clone();
        let response = self.fetch(step, endpoint, &named_by, |flow| {
            let asked = flow.asked_registration(server, redirect);
            let body = serde_json::to_string(&asked)
                .map_err(|_| malformed(endpoint, "there is no JSON of it"))?;
            Ok(AuthRequest::post(endpoint, "application/json", body))
        })?;
        if !matches!(response.status, 200 | 201) {
            return fail(step, super::request::denied(endpoint, &response));
        }
        let given: Option<Given> = serde_json::from_slice(&response.body).ok();
        let is_good = |given: &Given| {
            let is_id = |byte: u8| matches!(byte, 0x20..=0x7E);
            !given.client_id.is_empty() && given.client_id.bytes().all(is_id)
        };
        let Some(given) = given.filter(is_good) else {
            return fail(step, malformed(endpoint, "it is no registration"));
        };
        Ok(Registration {
            client_id: given.client_id,
            client_secret: given.client_secret,
            method: given.token_endpoint_auth_method,
            redirect_uri: Some(redirect.into()),
            // Nought says that it never does.
            expires_at: given.client_secret_expires_at.filter(|expiry| *expiry != 0),
        })
    }

    fn asked_registration<'a>(&'a self, server: &ServerMetadata, redirect: &'a str) -> Asked<'a> {
        let mut grant_types = alloc::vec!["authorization_code"];
        if server.may_grant("refresh_token") {
            grant_types.push("refresh_token");
        }
        let methods = ["none", "client_secret_basic", "client_secret_post"];
        let method = methods.into_iter().find(|method| server.takes(method));
        let is_native = Url::parse(redirect).is_none_or(|url| reach(url.host) == Reach::Loopback);
        Asked {
            client_name: &self.options.client_name,
            redirect_uris: [redirect],
            grant_types,
            response_types: ["code"],
            token_endpoint_auth_method: method.unwrap_or("none"),
            application_type: if is_native { "native" } else { "web" },
        }
    }

    /// Where the user comes back to.
    // `auth.https`
    pub(super) fn redirect_uri(&mut self, server: &ServerMetadata) -> Line<Box<str>> {
        let step = AuthStep::Redirect;
        let url = match (&self.options.redirect_uri, self.told(step)?) {
            (Some(url), _) => url.clone(),
            (None, Some(url)) => url,
            (None, None) => {
                let known = self.saved.registrations.get(&*server.issuer);
                let preferred = known.and_then(|known| known.redirect_uri.clone());
                let key = (step, String::new());
                return self.need(key, super::Step::Redirect { preferred });
            }
        };
        let is_safe = |url: Url<'_>| url.is_https || reach(url.host) == Reach::Loopback;
        match Url::parse(&url).is_some_and(is_safe) {
            true => Ok(url),
            false => fail(
                step,
                AuthErrorKind::BadRedirect("it is neither https nor on this machine"),
            ),
        }
    }
}
