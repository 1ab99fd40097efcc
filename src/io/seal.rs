//! Seals with the entropy and the clock of the operating system.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::server::{Seal, SealError};

/// Returns a seal with this key, nonces from the system's random source, and the system's wall
/// clock.
///
/// The clocks of instances that share a key should agree to within a minute or so.
pub fn system(key: [u8; 32]) -> Seal {
    Seal::new(key, entropy, clock)
}

/// Returns a new random key, for a server of one instance that forgets it when it ends.
///
/// Returns an error if the system has no entropy.
pub fn fresh_key() -> Result<[u8; 32], SealError> {
    let mut key = [0; 32];
    entropy(&mut key)?;
    Ok(key)
}

fn entropy(bytes: &mut [u8]) -> Result<(), SealError> {
    getrandom::fill(bytes).map_err(|_| SealError::NoEntropy)
}

/// The seconds since 1970. By a clock that is set to before that, everything has expired.
fn clock() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(u64::MAX, |since| since.as_secs())
}
