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

    /// The same time in the new epoch; one that had passed has passed there too.
    pub(super) fn instant(self, instant: Instant) -> Instant {
        self.to + instant.saturating_since(self.from)
    }

    /// The same for a time that may not be set.
    pub(super) fn optional(self, instant: &mut Option<Instant>) {
        *instant = instant.map(|instant| self.instant(instant));
    }
}
