//! Carrying deadlines from the epoch in which a session was saved to the one in which it goes on.

use crate::time::Instant;

/// Carries times over from one epoch to another.
#[derive(Clone, Copy)]
pub(super) struct Rebase {
    from: Instant,
    to: Instant,
}

impl Rebase {
    pub(super) const fn new(from: Instant, to: Instant) -> Self {
        Self { from, to }
    }

    /// The time at which the session goes on.
    pub(super) const fn now(self) -> Instant {
        self.to
    }

    /// The same time in the new epoch; one that had passed has passed there too, and the end of
    /// time stays where it is.
    pub(super) fn instant(self, instant: Instant) -> Instant {
        if instant == Instant::MAX {
            return instant;
        }
        self.to + instant.saturating_since(self.from)
    }

    /// The time at which the session was saved.
    pub(super) const fn saved_at(self) -> Instant {
        self.from
    }

    /// The same for a time that may not be set.
    pub(super) fn optional(self, instant: &mut Option<Instant>) {
        *instant = instant.map(|instant| self.instant(instant));
    }
}
