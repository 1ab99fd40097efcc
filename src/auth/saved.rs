//! What is remembered of a server from one run of a program to the next: as which client it knows
//! us, and the token.
//!
//! Rules of this file: credentials are kept by the authorization server that issued them, and are
//! never shown to another; nothing secret shows in `Debug`.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Serialize};

use super::challenge::Scheme;
use super::secret::Secret;
use crate::scopes::Scopes;

/// What is remembered of one server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[serde(default)]
pub struct Saved {
    /// The client, as each authorization server knows it.
    // `auth.bind`
    pub registrations: BTreeMap<String, Registration>,
    /// The token; `None` when there is none.
    pub token: Option<Token>,
}

/// How many authorization servers are remembered for one server.
const MOST: usize = 16;

impl Saved {
    pub(super) fn register(&mut self, issuer: &str, registration: Registration) {
        if self.registrations.len() >= MOST && !self.registrations.contains_key(issuer) {
            self.registrations.pop_first();
        }
        self.registrations.insert(issuer.into(), registration);
    }
}

/// A client, as one authorization server knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Registration {
    /// The client's id.
    pub client_id: Box<str>,
    /// Its secret; `None` when it has none.
    pub client_secret: Option<Secret>,
    /// How it authenticates itself; `None` when it may choose.
    pub method: Option<Box<str>>,
    /// Where its users come back to; `None` when it has none, or it was registered by hand.
    pub redirect_uri: Option<Box<str>>,
    /// When the secret expires, in seconds since 1970; `None` when it doesn't.
    pub expires_at: Option<u64>,
}

/// A token, and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Token {
    /// What is presented to the server.
    pub access_token: Secret,
    /// How it is presented.
    pub scheme: Scheme,
    /// Who has issued it.
    pub issuer: Box<str>,
    /// When it expires, in seconds since 1970; `None` when its issuer doesn't say.
    pub expires_at: Option<u64>,
    /// What it is renewed with; `None` when it isn't.
    pub refresh_token: Option<Secret>,
    /// The scopes that it has, and those that were asked for with it.
    pub scopes: Scopes,
}

/// Why what is remembered can't be stored or loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError {
    why: Box<str>,
}

impl StoreError {
    /// Returns the error that says why, without anything secret.
    pub fn new(why: impl Into<String>) -> Self {
        let why: String = why.into();
        Self { why: why.into() }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl core::error::Error for StoreError {}

/// Where it is remembered what the authorizations of a program have brought. A clone of the store
/// should be the same store.
pub trait TokenStore: Send + Sync {
    /// Returns what is remembered of the server at this URL; `None` when nothing is.
    fn load(&self, server: &str) -> Result<Option<Saved>, StoreError>;

    /// Remembers this of the server at this URL, in place of what was remembered before. It should
    /// be whole or not there at all when the program dies meanwhile.
    fn save(&self, server: &str, saved: &Saved) -> Result<(), StoreError>;
}

/// A [`TokenStore`] that forgets when the program ends.
#[cfg(feature = "std")]
#[derive(Default)]
pub struct MemoryStore(crate::lock::Lock<BTreeMap<String, Saved>>);

#[cfg(feature = "std")]
impl MemoryStore {
    /// Returns an empty store.
    pub fn new() -> Self {
        Self::default()
    }
}

#[cfg(feature = "std")]
impl TokenStore for MemoryStore {
    fn load(&self, server: &str) -> Result<Option<Saved>, StoreError> {
        Ok(self.0.with(|servers| servers.get(server).cloned()))
    }

    fn save(&self, server: &str, saved: &Saved) -> Result<(), StoreError> {
        self.0
            .with(|servers| servers.insert(server.into(), saved.clone()));
        Ok(())
    }
}

#[cfg(feature = "std")]
impl core::fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("MemoryStore")
    }
}
