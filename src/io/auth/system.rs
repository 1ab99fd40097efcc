//! The time and the entropy of the system.

use alloc::format;
use std::io;
use std::time::SystemTime;

/// The seconds since 1970.
pub(in crate::io) fn unix_time() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.map_or(0, |now| now.as_secs())
}

/// New entropy. Returns an error if the system has none.
pub(in crate::io) fn entropy() -> io::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    let filled = getrandom::fill(&mut bytes);
    filled.map_err(|error| io::Error::other(format!("the system has no entropy: {error}")))?;
    Ok(bytes)
}
