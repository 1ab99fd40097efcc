//! As which client the authorization server is asked, and how the client shows it.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::super::error::AuthErrorKind;
use super::super::jwt;
use super::super::metadata::ServerMetadata;
use super::super::options::{ClientProof, Credentials, Key};
use super::super::saved::Registration;
use super::super::secret::Secret;
use super::super::url::{encode, push_pair};
use super::Flow;

/// A client, as the authorization server knows it.
pub(super) struct Client {
    pub(super) id: Box<str>,
    method: Method,
}

/// How a client shows at the token endpoint that it is the one.
enum Method {
    None,
    Basic(Secret),
    Post(Secret),
    PrivateKey(Key),
}

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

impl Client {
    /// A client without a secret.
    pub(super) fn public(id: &str) -> Self {
        let method = Method::None;
        Self {
            id: id.into(),
            method,
        }
    }

    /// A client that was registered by hand.
    pub(super) fn brought(
        credentials: &Credentials,
        server: &ServerMetadata,
    ) -> Result<Self, AuthErrorKind> {
        let method = match &credentials.proof {
            ClientProof::None => Method::None,
            ClientProof::Secret(secret) => with_secret(secret, None, server),
            ClientProof::PrivateKey(key) => {
                let methods = &server.token_endpoint_auth_methods_supported;
                if methods.is_some() && !server.takes("private_key_jwt") {
                    let what = "private_key_jwt";
                    return Err(AuthErrorKind::NotOffered { what });
                }
                Method::PrivateKey(key.clone())
            }
        };
        let id = credentials.client_id.clone();
        Ok(Self { id, method })
    }

    /// A client that has registered itself.
    pub(super) fn registered(registration: &Registration, server: &ServerMetadata) -> Self {
        let method = match &registration.client_secret {
            Some(secret) => with_secret(secret, registration.method.as_deref(), server),
            None => Method::None,
        };
        let id = registration.client_id.clone();
        Self { id, method }
    }
}

fn with_secret(secret: &Secret, method: Option<&str>, server: &ServerMetadata) -> Method {
    let basic = || Method::Basic(secret.clone());
    let post = || Method::Post(secret.clone());
    match method {
        Some("client_secret_basic") => basic(),
        Some("client_secret_post") => post(),
        Some("none") => Method::None,
        _ if server.takes("client_secret_basic") => basic(),
        _ if server.takes("client_secret_post") => post(),
        _ if server.takes("none") => Method::None,
        _ => basic(),
    }
}

impl Flow {
    /// Adds to a request to the token endpoint who asks.
    pub(super) fn authenticate(
        &self,
        client: &Client,
        issuer: &str,
        form: &mut String,
        headers: &mut Vec<(&'static str, String)>,
    ) -> Result<(), AuthErrorKind> {
        match &client.method {
            Method::None => push_pair(form, "client_id", &client.id),
            Method::Basic(secret) => {
                let pair = format!("{}:{}", encode(&client.id), encode(secret.expose()));
                let value = format!("Basic {}", BASE64_STANDARD.encode(pair));
                headers.push(("authorization", value));
            }
            Method::Post(secret) => {
                push_pair(form, "client_id", &client.id);
                push_pair(form, "client_secret", secret.expose());
            }
            Method::PrivateKey(key) => {
                let id = self.seed.text("assertion", u64::from(self.requests));
                let signer = key.signer();
                let assertion = jwt::client_assertion(signer, &client.id, issuer, &id, self.now)?;
                push_pair(form, "client_id", &client.id);
                push_pair(form, "client_assertion_type", ASSERTION_TYPE);
                push_pair(form, "client_assertion", &assertion);
            }
        }
        Ok(())
    }
}
