//! Seals what a client carries for us between two rounds of a request: it can't be read, changed, or
//! brought to another tool (`mrtr.state.attacker`).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};

const NONCE: usize = 24;

/// A key that lives as long as the server does. Several instances of a server would share one.
pub struct Seal(XChaCha20Poly1305);

impl Seal {
    /// A fresh key. Errs when the system has no entropy to give.
    pub fn new() -> Result<Self, getrandom::Error> {
        let mut key = [0; 32];
        getrandom::fill(&mut key)?;
        Ok(Self(XChaCha20Poly1305::new(&key.into())))
    }

    /// Seals `text` for the handler called `owner`; `None` when that fails.
    pub fn seal(&self, owner: &str, text: &[u8]) -> Option<String> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).ok()?;
        let payload = Payload {
            msg: text,
            aad: owner.as_bytes(),
        };
        let sealed = self.0.encrypt(&XNonce::from(nonce), payload).ok()?;
        Some(URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat()))
    }

    /// What was sealed for `owner`; `None` when it wasn't, or when anything has been changed.
    pub fn open(&self, owner: &str, state: &str) -> Option<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(state).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE>()?;
        let payload = Payload {
            msg: sealed,
            aad: owner.as_bytes(),
        };
        self.0.decrypt(&XNonce::from(*nonce), payload).ok()
    }
}
