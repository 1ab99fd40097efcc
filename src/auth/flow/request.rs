//! Requests to a token endpoint, and what is read of their answers.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use serde::Deserialize;

use super::super::address::origin_of;
use super::super::challenge::words;
use super::super::error::{AuthErrorKind, AuthStep};
use super::super::jwt::{self, Proof};
use super::super::metadata::ServerMetadata;
use super::super::step::{AuthRequest, AuthResponse};
use super::client::Client;
use super::{Flow, Line, fail};

/// What a server says of a request that it refuses.
#[derive(Deserialize)]
struct Refusal {
    error: Box<str>,
    #[serde(default)]
    error_description: Option<Box<str>>,
}

/// Why an answer isn't the one that was asked for.
pub(super) fn denied(endpoint: &str, response: &AuthResponse) -> AuthErrorKind {
    let refusal = match response.status {
        400 | 401 | 403 => serde_json::from_slice::<Refusal>(&response.body).ok(),
        _ => None,
    };
    match refusal {
        Some(refusal) => AuthErrorKind::Denied {
            code: words(&refusal.error),
            description: words(refusal.error_description.as_deref().unwrap_or_default()),
        },
        None => AuthErrorKind::Status {
            origin: origin_of(endpoint).into(),
            status: response.status,
        },
    }
}

/// What a request to a token endpoint is made of.
pub(super) struct TokenRequest<'a> {
    pub(super) step: AuthStep,
    pub(super) endpoint: &'a str,
    /// Whose word the address is.
    pub(super) named_by: &'a str,
    /// For whom an assertion of the client is.
    pub(super) audience: &'a str,
    pub(super) form: String,
    pub(super) client: Option<&'a Client>,
    /// Whether the token is bound to the client's key.
    pub(super) is_bound: bool,
}

impl Flow {
    /// Whether tokens of this authorization server are bound to the client's key.
    pub(super) fn binds(&self, server: &ServerMetadata) -> bool {
        let key = self.options.dpop.as_ref();
        key.is_some_and(|key| server.offers_dpop(key.signer().algorithm()))
    }

    /// Asks a token endpoint, once more with the nonce if that is what it wants.
    pub(super) fn ask_for_token(&mut self, asked: &TokenRequest<'_>) -> Line<AuthResponse> {
        let label = |attempt: u32| format!("{}#{attempt}", asked.endpoint);
        let mut nonce: Option<Box<str>> = None;
        for attempt in 0..2 {
            let response = self.fetch(asked.step, &label(attempt), asked.named_by, |flow| {
                flow.token_request(asked, nonce.as_deref())
            })?;
            if response.status == 200 {
                return Ok(response);
            }
            let denied = denied(asked.endpoint, &response);
            let wants_nonce = matches!(&denied, AuthErrorKind::Denied { code, .. } if **code == *"use_dpop_nonce");
            match response.dpop_nonce {
                Some(given) if asked.is_bound && wants_nonce && attempt == 0 => nonce = Some(given),
                _ => return fail(asked.step, denied),
            }
        }
        fail(asked.step, AuthErrorKind::TooManyRequests)
    }

    fn token_request(
        &self,
        asked: &TokenRequest<'_>,
        nonce: Option<&str>,
    ) -> Result<AuthRequest, AuthErrorKind> {
        let media_type = "application/x-www-form-urlencoded";
        let mut form = asked.form.clone();
        let mut request = AuthRequest::post(asked.endpoint, media_type, String::new());
        if let Some(client) = asked.client {
            self.authenticate(client, asked.audience, &mut form, &mut request.headers)?;
        }
        if let (true, Some(key)) = (asked.is_bound, &self.options.dpop) {
            let proof = Proof {
                method: "POST",
                url: asked.endpoint,
                token: None,
                nonce,
            };
            let id = self.seed.text("proof", u64::from(self.requests));
            let proof = jwt::dpop_proof(key.signer(), proof, &id, self.now)?;
            request.headers.push(("dpop", proof));
        }
        request.body = form;
        Ok(request)
    }
}
