//! A server's session as plain data. See [`save`](super::super::save).

use crate::rpc::RpcError;
use crate::saved::saved;
use crate::time::Instant;

use super::super::config::ServerConfig;
use super::super::rebase::Rebase;
use super::super::save::{FORMAT, RestoreError, check};
use super::{ServerSession, State};

/// How many numbers are left out after a loss: more than a session gives out between two times it is
/// saved.
const LOST: u64 = 1 << 20;

/// A saved server session. Store it through serde; [`ServerSession::restore`] brings it back.
#[derive(Clone, Debug)]
pub struct SavedServer {
    format: u32,
    saved_at: Instant,
    state: State,
}

saved! { struct SavedServer { format, saved_at, state } }

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
