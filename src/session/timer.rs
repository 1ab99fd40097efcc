//! What a session waits for, and when that is due: each thing that may wake a session is one
//! [`WakeReason`], and the next one is found in one place.
//!
//! Rules of this file: of several deadlines the earliest counts, and of two at the same time the
//! one named first; a deadline at the end of time never comes; a call's total clock starts once,
//! its idle clock starts afresh with each sign of life and stands still while input is owed.

use core::time::Duration;

use crate::named::transparent;
use crate::saved::saved;
use crate::time::{Instant, earlier};

use super::error::{CallClock, CallError};
use super::rebase::Rebase;

/// What [`handle_timeout`](super::Session::handle_timeout) is to be called for next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WakeReason {
    /// A client tries the handshake of the legacy era beside a probe that has no answer yet.
    Probe,
    /// A client's opening has taken too long, which ends the session.
    Opening,
    /// A client's call may have taken too long. Its clocks may have been restarted since the
    /// deadline was noted; then nothing happens but that a later one is.
    Call,
    /// A client asks after a task that one of its calls has become.
    Task,
    /// A legacy client has not answered a server's request for input in time.
    Input,
}

saved! {
    enum WakeReason {
        0 => Probe,
        1 => Opening,
        2 => Call,
        3 => Task,
        4 => Input,
    }
}

/// The first of the deadlines that will come, and what it is for.
#[inline]
pub(super) fn next<const N: usize>(
    deadlines: [(WakeReason, Option<Instant>); N],
) -> Option<(Instant, WakeReason)> {
    let mut first: Option<(Instant, WakeReason)> = None;
    // No chain of adapters, which the compiler makes several times as many steps of.
    for (reason, at) in deadlines {
        let earliest = first.map_or(Instant::MAX, |(first, _)| first);
        if let Some(at) = at.filter(|at| *at < earliest) {
            first = Some((at, reason));
        }
    }
    first
}

/// The first deadline of many, kept so that it need not be looked for; none of them lies before it,
/// and it may be early.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Earliest(Option<Instant>);

transparent! { Earliest }

impl Earliest {
    /// There is none.
    pub(super) const NEVER: Self = Self(None);

    /// Takes one more deadline into account.
    #[inline]
    pub(super) fn note(&mut self, deadline: Option<Instant>) {
        self.0 = earlier(self.0, deadline);
    }

    #[inline]
    pub(super) const fn get(self) -> Option<Instant> {
        self.0
    }

    pub(super) fn rebase(&mut self, rebase: Rebase) {
        rebase.optional(&mut self.0);
    }

    pub(super) fn is_due(self, now: Instant) -> bool {
        self.0.is_some_and(|deadline| deadline <= now)
    }
}

/// The two clocks of a call.
#[derive(Clone, Debug)]
pub(super) struct Clocks {
    idle: Option<Duration>,
    idle_deadline: Option<Instant>,
    total: Option<Duration>,
    total_deadline: Option<Instant>,
}

saved! { struct Clocks { idle, idle_deadline, total, total_deadline } }

impl Clocks {
    /// Clocks that run from `now`, the idle one only if `idle_runs`; those that are `None` never do.
    #[inline]
    pub(super) fn start(
        now: Instant,
        idle: Option<Duration>,
        total: Option<Duration>,
        idle_runs: bool,
    ) -> Self {
        Self {
            idle,
            idle_deadline: idle.filter(|_| idle_runs).map(|idle| now + idle),
            total,
            total_deadline: total.map(|total| now + total),
        }
    }

    /// Starts the idle clock afresh, or stops it.
    pub(super) fn restart_idle(&mut self, now: Instant, runs: bool) {
        self.idle_deadline = self.idle.filter(|_| runs).map(|idle| now + idle);
    }

    /// Takes the idle clock off a call that may wait as long as it likes.
    pub(super) fn remove_idle(&mut self) {
        (self.idle, self.idle_deadline) = (None, None);
    }

    /// Takes both clocks off a call that may now last for ever.
    pub(super) fn remove(&mut self) {
        *self = Self::start(Instant::ZERO, None, None, false);
    }

    /// When the first of the two runs out.
    #[inline]
    pub(super) fn deadline(&self) -> Option<Instant> {
        earlier(self.idle_deadline, self.total_deadline)
    }

    /// What a call ends with when one of its clocks has run out.
    pub(super) fn expired(&self, now: Instant) -> Option<CallError> {
        let is_due = |deadline: Option<Instant>| deadline.is_some_and(|deadline| deadline <= now);
        let (clock, after) = match () {
            () if is_due(self.total_deadline) => (CallClock::Total, self.total),
            () if is_due(self.idle_deadline) => (CallClock::Idle, self.idle),
            () => return None,
        };
        let after = after.unwrap_or_default();
        Some(CallError::TimedOut { clock, after })
    }

    pub(super) fn rebase(&mut self, rebase: Rebase) {
        rebase.optional(&mut self.idle_deadline);
        rebase.optional(&mut self.total_deadline);
    }
}
