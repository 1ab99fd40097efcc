//! Values that nobody can guess, all drawn from entropy that was given once, and what SHA-256 is
//! needed for besides.

use alloc::string::String;
use core::fmt;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// The secret that all values of one authorization are derived from.
#[derive(Clone)]
pub(super) struct Seed([u8; 32]);

impl Seed {
    pub(super) const fn new(entropy: [u8; 32]) -> Self {
        Self(entropy)
    }

    /// A value of 256 bits for a purpose; the same for the same purpose and number.
    pub(super) fn draw(&self, purpose: &str, number: u64) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.0);
        hash.update(number.to_be_bytes());
        hash.update(purpose.as_bytes());
        hash.finalize().into()
    }

    /// The same as text of 43 characters.
    pub(super) fn text(&self, purpose: &str, number: u64) -> String {
        base64(&self.draw(purpose, number))
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed")
    }
}

/// What JSON Web Signatures and PKCE write bytes as.
pub(super) fn base64(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// The SHA-256 of a text, in Base64: PKCE's challenge of a verifier, DPoP's `ath` of a token.
pub(super) fn hash(text: &str) -> String {
    base64(&<[u8; 32]>::from(Sha256::digest(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_of_a_verifier_is_that_of_rfc_7636() {
        // `auth.pkce`: appendix B.
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(
            hash(verifier),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }

    #[test]
    fn a_purpose_has_its_own_values_and_shows_none() {
        let seed = Seed::new([7; 32]);
        assert_eq!(seed.text("state", 0), seed.text("state", 0));
        assert_ne!(seed.text("state", 0), seed.text("state", 1));
        assert_ne!(seed.text("state", 0), seed.text("verifier", 0));
        assert_eq!(seed.text("state", 0).len(), 43);
        assert_eq!(alloc::format!("{seed:?}"), "Seed");
    }
}
