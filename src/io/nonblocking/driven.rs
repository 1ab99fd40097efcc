//! What all asynchronous connections have in common.

use alloc::string::String;
use core::task::{Context, Poll};
use core::time::Duration;
use std::io;

use super::super::Handle;
use crate::session::Session;

/// How often one poll goes round before other tasks get their turn.
pub(in crate::io) const ROUNDS: usize = 32;

/// What drives a session by being polled: a connection over the streams of some runtime, or one to
/// a child process.
pub trait Drive {
    /// The session that is driven.
    type Session: Session;

    /// Waits for the next event; `None` at the end. See the connections' own `poll_next`.
    fn poll_event(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Option<<Self::Session as Session>::Event>>>;

    /// As `poll_event`. If it `is_again`, it has given an event within the same poll of the task already:
    /// what the time was then is good enough for what is due.
    fn poll_event_within(
        &mut self,
        cx: &mut Context<'_>,
        is_again: bool,
    ) -> Poll<io::Result<Option<<Self::Session as Session>::Event>>> {
        let _ = is_again;
        self.poll_event(cx)
    }

    /// Whether the next event was there when the last one was given, so that `poll_event` is ready.
    /// `false` if that isn't known.
    fn has_event(&self) -> bool {
        false
    }

    /// A handle for other tasks and threads.
    fn handle(&self) -> Handle<Self::Session>;

    /// Sets how long the end of the input leaves the session open for what still runs; not at all
    /// with `None`.
    fn hold(&mut self, grace: Option<Duration>);

    /// Ends what stands behind the connection; ready once it has ended. Bounded by the connection's
    /// own time limits; does nothing for mere streams.
    ///
    /// Call it once the session is closed. It closes the session otherwise. Returns an error if
    /// what stands behind the connection can't be ended.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let _ = cx;
        Poll::Ready(Ok(()))
    }

    /// Describes what stands behind the connection. See
    /// [`blocking::Drive::describe_peer`](super::super::blocking::Drive::describe_peer).
    fn describe_peer(&mut self) -> Option<String> {
        self.handle().describe_input()
    }
}
