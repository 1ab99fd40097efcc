//! The session behind its lock, and who waits for what. Both the threads of the blocking adapter
//! and the tasks of the async ones wait here.
//!
//! Rules of this file: whoever has changed the session calls `notify` before it lets go of the lock;
//! a thread is notified only when there is something for it to do; a waker is woken unlocked.

use alloc::vec::Vec;
#[cfg(feature = "http-client")]
use core::task::Context;
use core::task::Waker;
use core::time::Duration;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::Clock;
use super::state::State;
use crate::session::{Closed, Session};
use crate::time::Instant;

/// A buffer that has grown past this is given back once it is empty.
const KEEP: usize = 256 * 1024;
/// How long the end waits for a peer to take what is still pending.
pub(super) const LINGER: Duration = Duration::from_secs(1);
/// The shortest time that anybody sleeps, so that a deadline which stays due is no busy loop, and
/// the longest, which no clock of a system or a runtime overflows at.
const SLEEP: (Duration, Duration) = (Duration::from_millis(1), Duration::from_secs(24 * 3600));

/// What all ends of one connection share.
pub(super) struct Shared<S: Session> {
    pub(super) clock: Clock,
    state: Mutex<State<S>>,
    /// The reader thread waits here until frames are welcome.
    pub(super) reader: Condvar,
    /// The writer thread waits here until there is output.
    pub(super) writer: Condvar,
    /// The user's thread waits here for the next event, the next deadline or the end.
    pub(super) user: Condvar,
}

impl<S: Session> Shared<S> {
    pub(super) fn new(session: S, clock: Clock) -> Self {
        Self {
            clock,
            state: Mutex::new(State::new(session, clock)),
            reader: Condvar::new(),
            writer: Condvar::new(),
            user: Condvar::new(),
        }
    }

    /// Locks the session. A panic elsewhere doesn't matter: no command leaves it half changed.
    pub(super) fn lock(&self) -> MutexGuard<'_, State<S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notifies the threads that the present state concerns; the waker is for the caller to wake
    /// once it has unlocked.
    #[must_use]
    pub(super) fn notify(&self, state: &mut State<S>) -> Option<Waker> {
        if state.discard_output() {
            // The writer thread may wait for the end of the input.
            self.writer.notify_one();
        } else if state.writer_waits {
            state.fill_output();
            if !state.outgoing.is_empty() || state.is_ended() {
                state.writer_waits = false;
                self.writer.notify_one();
            }
        }
        if state.user_waits && state.concerns_user() {
            state.user_waits = false;
            self.user.notify_one();
        }
        if state.reader_waits && (state.is_ended() || state.wants_frames()) {
            state.reader_waits = false;
            self.reader.notify_one();
        }
        state.wake()
    }

    /// Runs `act` on the session and notifies, even when `act` panics.
    pub(super) fn with<R>(&self, act: impl FnOnce(&mut S, Instant) -> R) -> R {
        let mut locked = self.locked();
        let now = self.clock.now();
        let state = locked.state();
        state.now = now;
        act(&mut state.session, now)
    }

    fn locked(&self) -> Locked<'_, S> {
        Locked {
            shared: self,
            state: Some(self.lock()),
        }
    }

    /// Has whatever concerns the task that drives the connection wake it.
    #[cfg(feature = "http-client")]
    pub(super) fn sleep_as(&self, cx: &Context<'_>) {
        self.lock().sleep_as(cx);
    }

    /// Closes the session because its connection is gone; what is pending may still be written.
    pub(super) fn stop(&self) {
        let mut state = self.lock();
        state.stopped = true;
        state.close(Closed::EndOfInput);
        let waker = self.notify(&mut state);
        // Nobody drives it any more, so it keeps no task alive.
        let task = state.forget_task();
        drop(state);
        drop(task);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// Settles when it is dropped.
struct Locked<'a, S: Session> {
    shared: &'a Shared<S>,
    state: Option<MutexGuard<'a, State<S>>>,
}

impl<S: Session> Locked<'_, S> {
    fn state(&mut self) -> &mut State<S> {
        match &mut self.state {
            Some(state) => state,
            None => unreachable!("the lock is held until the guard is dropped"),
        }
    }
}

impl<S: Session> Drop for Locked<'_, S> {
    fn drop(&mut self) {
        let Some(mut state) = self.state.take() else {
            return;
        };
        let waker = self.shared.notify(&mut state);
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// How long to sleep until `wake`.
pub(super) fn sleep_time(wake: Instant, now: Instant) -> Duration {
    (wake - now).clamp(SLEEP.0, SLEEP.1)
}

/// When one who sleeps until `wake` from `now` on wakes at the latest.
#[cfg(any(feature = "tokio", feature = "futures-io"))]
pub(super) fn sleep_end(wake: Instant, now: Instant) -> Instant {
    wake.min(now + SLEEP.1)
}

/// Empties `buffer` after a write, keeping its room unless one large frame has grown it.
pub(super) fn recycle(buffer: &mut Vec<u8>) {
    if buffer.capacity() > KEEP {
        *buffer = Vec::new();
    }
    buffer.clear();
}
