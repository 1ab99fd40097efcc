//! A key on the curve P-256 in memory, which signs with ES256.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::pkcs8::DecodePrivateKey;

use super::seed::base64;
use super::signer::{SignError, Signer};

/// A private key in memory that signs with ES256.
///
/// `Debug` shows nothing of it.
pub struct Es256Signer {
    key: SigningKey,
    jwk: String,
    id: Option<String>,
}

impl Es256Signer {
    /// Reads a key from PEM, which begins with `-----BEGIN PRIVATE KEY-----`.
    ///
    /// Returns an error if it is no key on P-256.
    pub fn from_pem(pem: &str) -> Result<Self, SignError> {
        let key = SigningKey::from_pkcs8_pem(pem);
        key.map(Self::of)
            .map_err(|_| SignError::new("it is no private key on P-256 in PEM"))
    }

    /// Makes a new key from entropy, which has to be unknown to everybody else.
    ///
    /// Returns an error for the few values that are no key, of which there is one in 2^32: try
    /// others.
    pub fn generate(entropy: &[u8; 32]) -> Result<Self, SignError> {
        let key = SigningKey::from_slice(entropy);
        key.map(Self::of)
            .map_err(|_| SignError::new("these bytes are no key"))
    }

    /// Sets the `kid` by which an authorization server knows the key.
    #[must_use]
    pub fn key_id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    fn of(key: SigningKey) -> Self {
        let point = key.verifying_key().to_sec1_point(false);
        let coordinate = |bytes: Option<&[u8]>| base64(bytes.unwrap_or_default());
        let x = coordinate(point.x().map(|x| &x[..]));
        let y = coordinate(point.y().map(|y| &y[..]));
        let jwk = format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}"}}"#);
        let id = None;
        Self { key, jwk, id }
    }
}

impl Signer for Es256Signer {
    fn algorithm(&self) -> &str {
        "ES256"
    }

    fn public_jwk(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.jwk)
    }

    fn key_id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let signature: Result<Signature, _> = self.key.try_sign(message);
        signature
            .map(|signature| signature.to_bytes().to_vec())
            .map_err(|_| SignError::new("the key doesn't sign"))
    }
}

impl fmt::Debug for Es256Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Es256Signer")
    }
}
