//! The seal that comes with the crate: XChaCha20-Poly1305 with nonces from the caller's entropy.
//!
//! Rules of this file: the first key seals, every key opens; a state ends with its time, by the
//! caller's clock; nothing here has a default that would be weak.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};

use super::state::{SealError, StateSeal};

/// How long a sealed state is good, unless told otherwise: a user has to find the form, and fill it
/// in.
const LIFETIME: Duration = Duration::from_secs(15 * 60);
/// The length of a nonce, long enough to be drawn at random as often as one likes.
const NONCE: usize = 24;
/// The length of the expiry that stands before the state.
const EXPIRY: usize = 8;
/// What sets these seals apart from whatever else the caller's key is used for.
const PURPOSE: &[u8] = b"mcp-proto requestState 1\0";

/// Seals the state of unfinished requests with a key of the caller's.
///
/// All instances of a server that may get further rounds of one another's requests need the same
/// key. Make it from real entropy, and keep it as long as a state is good, or across restarts.
pub struct Seal {
    ciphers: Vec<XChaCha20Poly1305>,
    entropy: fn(&mut [u8]) -> Result<(), SealError>,
    clock: fn() -> u64,
    lifetime: Duration,
}

impl Seal {
    /// Creates a seal with this key.
    ///
    /// `entropy` fills the slice with unpredictable random bytes, or returns an error.
    /// `clock` gives the seconds since 1970, or since any other time that all instances agree on.
    /// With feature `std`, `io::seal::system` takes both of them from the operating system.
    pub fn new(
        key: [u8; 32],
        entropy: fn(&mut [u8]) -> Result<(), SealError>,
        clock: fn() -> u64,
    ) -> Self {
        Self {
            ciphers: alloc::vec![XChaCha20Poly1305::new(&key.into())],
            entropy,
            clock,
            lifetime: LIFETIME,
        }
    }

    /// Adds a key that opens what it has sealed and seals nothing any more.
    ///
    /// To change keys, give the new one to every instance as an old key first, then make it the key
    /// that seals, and take the former away once what it has sealed has expired.
    #[must_use]
    pub fn old_key(mut self, key: [u8; 32]) -> Self {
        self.ciphers.push(XChaCha20Poly1305::new(&key.into()));
        self
    }

    /// Sets for how long a sealed state is good; 15 minutes, unless set. Whole seconds count.
    #[must_use]
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }
}

impl StateSeal for Seal {
    fn seal(&self, state: &[u8], binding: &[u8]) -> Result<String, SealError> {
        let cipher = self.ciphers.first().ok_or(SealError::NoEntropy)?;
        let mut nonce = [0; NONCE];
        (self.entropy)(&mut nonce)?;
        let expiry = (self.clock)().saturating_add(self.lifetime.as_secs());
        let text = [&expiry.to_be_bytes()[..], state].concat();
        let payload = Payload {
            msg: &text,
            aad: &[PURPOSE, binding].concat(),
        };
        // It fails only for a text longer than any memory.
        let sealed = cipher
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| SealError::Foreign)?;
        Ok(URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat()))
    }

    fn open(&self, sealed: &str, binding: &[u8]) -> Result<Vec<u8>, SealError> {
        let bytes = URL_SAFE_NO_PAD
            .decode(sealed)
            .map_err(|_| SealError::Foreign)?;
        let (nonce, sealed) = bytes
            .split_first_chunk::<NONCE>()
            .ok_or(SealError::Foreign)?;
        let aad = [PURPOSE, binding].concat();
        let nonce = XNonce::from(*nonce);
        let text = self.ciphers.iter().find_map(|cipher| {
            let payload = Payload {
                msg: sealed,
                aad: &aad,
            };
            cipher.decrypt(&nonce, payload).ok()
        });
        let text = text.ok_or(SealError::Foreign)?;
        let (expiry, state) = text
            .split_first_chunk::<EXPIRY>()
            .ok_or(SealError::Foreign)?;
        if (self.clock)() >= u64::from_be_bytes(*expiry) {
            return Err(SealError::Expired);
        }
        Ok(state.to_vec())
    }
}

impl fmt::Debug for Seal {
    /// Tells how many keys there are, and nothing of them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seal")
            .field("keys", &self.ciphers.len())
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}
