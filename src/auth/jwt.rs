//! What the client signs: who it is, to an authorization server, and that it has the key which its
//! token is bound to.

use alloc::string::String;

use serde::Serialize;
use serde_json::value::RawValue;

use super::seed::{base64, hash};
use super::signer::{SignError, Signer};
use super::url::Url;

/// How long an assertion is good, in seconds. It is sent at once.
const LIFETIME: u64 = 60;

/// Says to the authorization server `issuer` that the client is `client_id` (RFC 7523).
pub(super) fn client_assertion(
    signer: &dyn Signer,
    client_id: &str,
    issuer: &str,
    id: &str,
    now: u64,
) -> Result<String, SignError> {
    #[derive(Serialize)]
    struct Head<'a> {
        alg: &'a str,
        typ: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        kid: Option<&'a str>,
    }
    #[derive(Serialize)]
    struct Claims<'a> {
        iss: &'a str,
        sub: &'a str,
        aud: &'a str,
        jti: &'a str,
        iat: u64,
        exp: u64,
    }
    let head = Head {
        alg: algorithm(signer)?,
        typ: "JWT",
        kid: signer.key_id(),
    };
    let claims = Claims {
        iss: client_id,
        sub: client_id,
        aud: issuer,
        jti: id,
        iat: now,
        exp: now + LIFETIME,
    };
    sign(signer, &head, &claims)
}

/// What a proof is for.
#[derive(Clone, Copy)]
pub(super) struct Proof<'a> {
    pub(super) method: &'a str,
    pub(super) url: &'a str,
    /// The token that it goes with, if any.
    pub(super) token: Option<&'a str>,
    /// What the peer has asked to be put into it.
    pub(super) nonce: Option<&'a str>,
}

/// Shows for one request that the client has the key (RFC 9449).
pub(super) fn dpop_proof(
    signer: &dyn Signer,
    proof: Proof<'_>,
    id: &str,
    now: u64,
) -> Result<String, SignError> {
    #[derive(Serialize)]
    struct Head<'a> {
        typ: &'static str,
        alg: &'a str,
        jwk: &'a RawValue,
    }
    #[derive(Serialize)]
    struct Claims<'a> {
        jti: &'a str,
        htm: &'a str,
        htu: &'a str,
        iat: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        ath: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        nonce: Option<&'a str>,
    }
    let jwk = signer.public_jwk();
    let jwk: &RawValue =
        serde_json::from_str(&jwk).map_err(|_| SignError::new("the public key is no JSON"))?;
    let head = Head {
        typ: "dpop+jwt",
        alg: algorithm(signer)?,
        jwk,
    };
    let without_query = proof.url.split('?').next().unwrap_or_default();
    let url = Url::parse(without_query).ok_or_else(|| SignError::new("there is no URL"))?;
    let claims = Claims {
        jti: id,
        htm: proof.method,
        htu: &match url.path {
            "" => alloc::format!("{without_query}/"),
            _ => without_query.into(),
        },
        iat: now,
        ath: proof.token.map(hash),
        nonce: proof.nonce,
    };
    sign(signer, &head, &claims)
}

/// The signer's algorithm, which must be one that the peer can check without the key.
fn algorithm(signer: &dyn Signer) -> Result<&str, SignError> {
    match signer.algorithm() {
        name if name.starts_with("HS") || name.eq_ignore_ascii_case("none") => {
            Err(SignError::new("the algorithm has to be an asymmetric one"))
        }
        name => Ok(name),
    }
}

fn sign(
    signer: &dyn Signer,
    head: &impl Serialize,
    claims: &impl Serialize,
) -> Result<String, SignError> {
    let part = |json: serde_json::Result<alloc::vec::Vec<u8>>| {
        let json = json.map_err(|_| SignError::new("there is no JSON of it"))?;
        Ok::<_, SignError>(base64(&json))
    };
    let mut token = part(serde_json::to_vec(head))?;
    token.push('.');
    token.push_str(&part(serde_json::to_vec(claims))?);
    let signature = signer.sign(token.as_bytes())?;
    token.push('.');
    token.push_str(&base64(&signature));
    Ok(token)
}
