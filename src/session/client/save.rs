//! A client's session as plain data. See [`save`](super::super::save).

use crate::saved::saved;
use crate::time::Instant;

use super::super::config::ClientConfig;
use super::super::rebase::Rebase;
use super::super::save::{FORMAT, RestoreError, check};
use super::{ClientSession, State};

/// A saved client session. Store it through serde; [`ClientSession::restore`] brings it back.
#[derive(Clone, Debug)]
pub struct SavedClient {
    format: u32,
    saved_at: Instant,
    state: State,
}

saved! { struct SavedClient { format, saved_at, state } }

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
