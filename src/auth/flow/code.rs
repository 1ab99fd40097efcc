//! The user is asked: the page to visit, and what the browser brings back.
//!
//! Rules of this file: no page without PKCE; what comes back counts only at the place, with the state
//! and from the issuer that were expected, errors too; a code is used once.

use alloc::boxed::Box;
use alloc::string::String;

use super::super::challenge::words;
use super::super::error::{AuthErrorKind, AuthStep};
use super::super::metadata::ServerMetadata;
use super::super::saved::Token;
use super::super::seed::hash;
use super::super::step::{Step, Visit};
use super::super::url::{Unclear, parameter, push_pair};
use super::client::Client;
use super::discover::Resource;
use super::token::Wanted;
use super::{AuthError, Exit, Flow, Line, fail};
use crate::scopes::Scopes;

impl Flow {
    /// Gets a token with the user's consent.
    pub(super) fn ask_user(&mut self, resource: &Resource, server: &ServerMetadata) -> Line<Token> {
        // `auth.pkce`
        if !server.offers_pkce() {
            return fail(AuthStep::ServerMetadata, AuthErrorKind::NoPkce);
        }
        let redirect = self.redirect_uri(server)?;
        let client = self.find_client(server, &redirect)?;
        let scopes = self.scopes(resource, server);
        let verifier = self.seed.text("verifier", 0);
        let visit = self.page(resource, server, &client, scopes.as_ref(), &redirect)?;
        let code = self.visit(visit, server)?;
        let mut form = String::new();
        push_pair(&mut form, "grant_type", "authorization_code");
        push_pair(&mut form, "code", &code);
        push_pair(&mut form, "redirect_uri", &redirect);
        push_pair(&mut form, "code_verifier", &verifier);
        let wanted = Wanted {
            resource,
            server,
            client: Some(&client),
            scopes: scopes.as_ref(),
            form,
        };
        let token = self.token_for(AuthStep::Token, wanted);
        if let Err(Exit::Failed(error)) = &token
            && error.is_denied("invalid_client")
        {
            // The next authorization registers it anew.
            self.saved.registrations.remove(&*server.issuer);
        }
        token
    }

    /// The page that the user has to visit.
    fn page(
        &self,
        resource: &Resource,
        server: &ServerMetadata,
        client: &Client,
        scopes: Option<&Scopes>,
        redirect: &str,
    ) -> Line<Visit> {
        let Some(endpoint) = server.authorization_endpoint.as_deref() else {
            let what = "an authorization endpoint";
            return fail(AuthStep::Visit, AuthErrorKind::NotOffered { what });
        };
        self.check(AuthStep::Visit, endpoint, &self.server)?;
        let state = self.seed.text("state", 0);
        let challenge = hash(&self.seed.text("verifier", 0));
        let mut url = String::from(endpoint);
        if !url.contains('?') {
            url.push('?');
        }
        push_pair(&mut url, "response_type", "code");
        push_pair(&mut url, "client_id", &client.id);
        push_pair(&mut url, "redirect_uri", redirect);
        push_pair(&mut url, "state", &state);
        push_pair(&mut url, "code_challenge", &challenge);
        push_pair(&mut url, "code_challenge_method", "S256");
        if let Some(scopes) = scopes {
            push_pair(&mut url, "scope", &alloc::format!("{scopes}"));
        }
        if let Some(id) = &resource.id {
            push_pair(&mut url, "resource", id);
        }
        Ok(Visit {
            url: url.into(),
            redirect_uri: redirect.into(),
            state: state.into(),
        })
    }

    /// The code that the user brings back.
    fn visit(&mut self, visit: Visit, server: &ServerMetadata) -> Line<String> {
        let step = AuthStep::Visit;
        match self.told(step)? {
            None => self.need((step, String::new()), Step::Visit(visit)),
            Some(came) => {
                read(&came, &visit, server).map_err(|kind| AuthError::new(step, kind).into())
            }
        }
    }
}

/// Reads what came back.
// `auth.iss`
fn read(came: &str, visit: &Visit, server: &ServerMetadata) -> Result<String, AuthErrorKind> {
    let bad = AuthErrorKind::BadRedirect;
    let rest = came.strip_prefix(&*visit.redirect_uri);
    let rest = rest.ok_or_else(|| bad("it leads elsewhere"))?;
    let query = match visit.redirect_uri.contains('?') {
        true => rest.strip_prefix('&'),
        false => rest.strip_prefix('?'),
    };
    let query = query.ok_or_else(|| bad("it says nothing"))?;
    let query = query.split('#').next().unwrap_or_default();
    let one = |name: &str| {
        parameter(query, name).map_err(|Unclear| bad("it can be read in more than one way"))
    };
    if one("state")?.as_deref() != Some(&*visit.state) {
        return Err(AuthErrorKind::WrongState);
    }
    let issuer = one("iss")?;
    let is_wrong = match &issuer {
        Some(issuer) => **issuer != *server.issuer,
        None => server.authorization_response_iss_parameter_supported,
    };
    if is_wrong {
        let expected: Box<str> = words(&server.issuer);
        let found = words(issuer.as_deref().unwrap_or_default());
        return Err(AuthErrorKind::WrongIssuer { expected, found });
    }
    match (one("error")?, one("code")?) {
        (Some(code), _) => Err(AuthErrorKind::Denied {
            code: words(&code),
            description: words(one("error_description")?.as_deref().unwrap_or_default()),
        }),
        (None, Some(code)) if !code.is_empty() => Ok(code),
        _ => Err(bad("it has no code")),
    }
}
