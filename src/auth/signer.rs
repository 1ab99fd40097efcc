//! Who signs for the client: assertions of who it is, and proofs that it has a key.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// A private key of the client's, wherever it is kept. `Es256Signer`, with feature `auth-es256`, is
/// one in memory.
///
/// A signature is asked for while a connection waits for it, so it should come at once.
pub trait Signer: Send + Sync {
    /// Returns what JSON Web Algorithms calls the algorithm, such as `ES256`. It has to be an
    /// asymmetric one.
    fn algorithm(&self) -> &str;

    /// Returns the public key as a JSON Web Key, without the private part.
    fn public_jwk(&self) -> Cow<'_, str>;

    /// Returns the `kid` by which an authorization server knows the key; `None` if it has just one.
    fn key_id(&self) -> Option<&str> {
        None
    }

    /// Signs a message, and returns the signature as JSON Web Signatures have it.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError>;
}

/// A message couldn't be signed, or a key not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignError {
    why: Box<str>,
}

impl SignError {
    /// Returns the error that says why, without anything secret.
    pub fn new(why: impl Into<String>) -> Self {
        let why: String = why.into();
        Self { why: why.into() }
    }
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { why } = self;
        write!(f, "can't sign: {why}")
    }
}

impl core::error::Error for SignError {}
