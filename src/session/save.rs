//! Parking a session in any store and going on elsewhere: what is open, what waits to be polled and
//! what waits to be sent, as plain data. Times are kept as what was left of them.
//!
//! Rules of this file: a saved session is as large as what is live in it, not as its history; one
//! that was saved by another version of this format is refused, never guessed at; the configuration
//! is not part of it and has to be the same.

use core::fmt;

/// The version of the format that this version of the crate writes and reads.
pub(super) const FORMAT: u32 = 9;

/// Why a saved session can't be restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RestoreError {
    /// It was saved in another format, by another version of this crate: open a new session.
    Format {
        /// The format it was saved in.
        found: u32,
        /// The format this version reads.
        expected: u32,
    },
    /// No session has such a state: what was saved has been changed or damaged. Open a new session.
    Damaged,
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Format { found, expected } => {
                write!(f, "the session was saved in format {found}, not {expected}")
            }
            Self::Damaged => f.write_str("the saved session is damaged"),
        }
    }
}

impl core::error::Error for RestoreError {}

/// Whether what was saved in the format `found` can be restored.
pub(super) fn check(found: u32, is_sound: bool) -> Result<(), RestoreError> {
    match (found, is_sound) {
        (FORMAT, true) => Ok(()),
        (FORMAT, false) => Err(RestoreError::Damaged),
        _ => Err(RestoreError::Format {
            found,
            expected: FORMAT,
        }),
    }
}
