//! Tokens without a page: for the client itself, or by the word of somebody whom the authorization
//! server trusts.

use alloc::boxed::Box;
use alloc::string::String;

use serde::Deserialize;

use super::super::error::{AuthError, AuthErrorKind, AuthStep};
use super::super::metadata::ServerMetadata;
use super::super::options::IdentityProvider;
use super::super::saved::Token;
use super::super::secret::Secret;
use super::super::url::push_pair;
use super::client::Client;
use super::discover::Resource;
use super::request::TokenRequest;
use super::token::Wanted;
use super::{Flow, Line, fail, malformed};

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
const ID_JAG: &str = "urn:ietf:params:oauth:token-type:id-jag";

impl Flow {
    /// Gets a token that the client has for itself.
    pub(super) fn as_itself(
        &mut self,
        resource: &Resource,
        server: &ServerMetadata,
    ) -> Line<Token> {
        let Some(client) = self.brought_client(server)? else {
            let issuer = super::super::challenge::words(&server.issuer);
            return fail(AuthStep::Registration, AuthErrorKind::NoClient { issuer });
        };
        let mut form = String::new();
        push_pair(&mut form, "grant_type", "client_credentials");
        self.with_scopes(resource, server, Some(&client), form)
    }

    /// Gets a token by an assertion, of which the authorization server makes one.
    pub(super) fn by_assertion(
        &mut self,
        resource: &Resource,
        server: &ServerMetadata,
        assertion: &str,
    ) -> Line<Token> {
        let client = self.brought_client(server)?;
        let mut form = String::new();
        push_pair(&mut form, "grant_type", JWT_BEARER);
        push_pair(&mut form, "assertion", assertion);
        self.with_scopes(resource, server, client.as_ref(), form)
    }

    fn with_scopes(
        &mut self,
        resource: &Resource,
        server: &ServerMetadata,
        client: Option<&Client>,
        mut form: String,
    ) -> Line<Token> {
        let scopes = self.scopes(resource, server);
        if let Some(scopes) = &scopes {
            push_pair(&mut form, "scope", &alloc::format!("{scopes}"));
        }
        let wanted = Wanted {
            resource,
            server,
            client,
            scopes: scopes.as_ref(),
            form,
        };
        self.token_for(AuthStep::Token, wanted)
    }

    /// Has the identity provider vouch for its user at the authorization server.
    pub(super) fn exchange(
        &mut self,
        resource: &Resource,
        server: &ServerMetadata,
        provider: &IdentityProvider,
    ) -> Line<Box<str>> {
        #[derive(Deserialize)]
        struct Exchanged {
            access_token: Secret,
            issued_token_type: Box<str>,
        }
        let step = AuthStep::Exchange;
        // The host's own word: what the server says doesn't come into it.
        let endpoint = &*provider.token_endpoint;
        let client = Client::brought(&provider.client, &ServerMetadata::default())
            .map_err(|kind| AuthError::new(step, kind))?;
        let mut form = String::new();
        push_pair(&mut form, "grant_type", TOKEN_EXCHANGE);
        push_pair(&mut form, "requested_token_type", ID_JAG);
        push_pair(&mut form, "audience", &server.issuer);
        if let Some(id) = &resource.id {
            push_pair(&mut form, "resource", id);
        }
        if let Some(scopes) = self.scopes(resource, server) {
            push_pair(&mut form, "scope", &alloc::format!("{scopes}"));
        }
        push_pair(&mut form, "subject_token", provider.id_token.expose());
        push_pair(&mut form, "subject_token_type", ID_TOKEN);
        let response = self.ask_for_token(&TokenRequest {
            step,
            endpoint,
            named_by: endpoint,
            audience: endpoint,
            form,
            client: Some(&client),
            is_bound: false,
        })?;
        let exchanged: Option<Exchanged> = serde_json::from_slice(&response.body).ok();
        match exchanged.filter(|exchanged| *exchanged.issued_token_type == *ID_JAG) {
            Some(exchanged) => Ok(exchanged.access_token.expose().into()),
            None => fail(step, malformed(endpoint, "it vouches for nobody")),
        }
    }
}
