//! Parking a session in any store and going on elsewhere: what is open, what waits to be polled and
//! what waits to be sent, as plain data. Times are kept as what was left of them.
//!
//! Rules of this file: a saved session is as large as what is live in it, not as its history; one
//! that was saved by another version of this format is refused, never guessed at; the configuration
//! is not part of it and has to be the same.

use crate::rpc::RpcError;
use crate::saved::saved;
use crate::time::Instant;
use core::fmt;

use super::client::{self, ClientSession};
use super::config::{ClientConfig, ServerConfig};
use super::rebase::Rebase;
use super::server::{self, ServerSession};

/// The version of the format that this version of the crate writes and reads.
const FORMAT: u32 = 9;

/// How many numbers are left out after a loss: more than a session gives out between two times it is
/// saved.
const LOST: u64 = 1 << 20;

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

/// A saved client session. Store it through serde; [`ClientSession::restore`] brings it back.
#[derive(Clone, Debug)]
pub struct SavedClient {
    format: u32,
    saved_at: Instant,
    state: client::State,
}

saved! { struct SavedClient { format, saved_at, state } }

/// A saved server session. Store it through serde; [`ServerSession::restore`] brings it back.
#[derive(Clone, Debug)]
pub struct SavedServer {
    format: u32,
    saved_at: Instant,
    state: server::State,
}

saved! { struct SavedServer { format, saved_at, state } }

fn check(found: u32, is_sound: bool) -> Result<(), RestoreError> {
    match (found, is_sound) {
        (FORMAT, true) => Ok(()),
        (FORMAT, false) => Err(RestoreError::Damaged),
        _ => Err(RestoreError::Format {
            found,
            expected: FORMAT,
        }),
    }
}

impl ClientSession {
    /// Returns what is needed to go on with this session elsewhere, at the time `now`.
    pub fn save(&self, now: Instant) -> SavedClient {
        SavedClient {
            format: FORMAT,
            saved_at: now.max(self.state.writer.now),
            state: self.state.clone(),
        }
    }

    /// Restores a saved session, in whose new epoch it is `now`. The configuration has to be
    /// the one it was created with. The handles that the saved session gave out stay good.
    ///
    /// Returns an error if it was saved in a format that this version doesn't read, or was changed
    /// since.
    pub fn restore(
        config: ClientConfig,
        saved: SavedClient,
        now: Instant,
    ) -> Result<Self, RestoreError> {
        check(saved.format, saved.state.is_sound())?;
        let rebase = Rebase::new(saved.saved_at, now);
        let mut session = Self::new(config);
        session.state = saved.state.restored(&session.config.limits, rebase);
        session.after_restore();
        Ok(session)
    }
}

impl ServerSession {
    /// Returns what is needed to go on with this session elsewhere, at the time `now`.
    pub fn save(&self, now: Instant) -> SavedServer {
        SavedServer {
            format: FORMAT,
            saved_at: now.max(self.state.writer.now),
            state: self.state.clone(),
        }
    }

    /// Restores a saved session, in whose new epoch it is `now`. The configuration has to be
    /// the one it was created with. The handles that the saved session gave out stay good.
    ///
    /// Returns an error if it was saved in a format that this version doesn't read, or was changed
    /// since.
    pub fn restore(
        config: ServerConfig,
        saved: SavedServer,
        now: Instant,
    ) -> Result<Self, RestoreError> {
        Self::new(config).restored(saved, now)
    }

    /// The same as a session of this one's configuration, which is new.
    pub(crate) fn restored(
        mut self,
        saved: SavedServer,
        now: Instant,
    ) -> Result<Self, RestoreError> {
        check(saved.format, saved.state.is_sound())?;
        let rebase = Rebase::new(saved.saved_at, now);
        self.state = saved.state.restored(&self.fixed.config.limits, rebase);
        Ok(self)
    }

    /// Answers the requests that somebody was working on with an error: call it right after
    /// [`restore`](Self::restore) unless the handlers of the saved session go on. Requests whose
    /// client is being asked stay open.
    pub fn refuse_interrupted(&mut self, now: Instant) {
        self.state.writer.advance(now);
        let why = "The server was interrupted while it worked on this";
        self.state.refuse_handed_out(&RpcError::internal(why));
    }

    /// Makes sure that no number is given to two different things: call it right after
    /// [`restore`](Self::restore) where what was saved is older than the session's last life, as
    /// after a crash.
    pub fn recover(&mut self) {
        self.state.writer.skip_numbers(LOST);
    }
}
