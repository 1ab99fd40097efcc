//! A session between two asynchronous streams, whatever their traits are called.

use core::fmt;
use core::future::poll_fn;
use core::task::{Context, Poll};
use core::time::Duration;
use std::io;

use super::super::{Clock, Handle};
use super::drive::{Driver, Streams};
use super::driven::Drive;
use crate::session::Session;
use crate::time::Instant;

/// A session and the two streams it speaks over. Each runtime's module has a name and a constructor
/// for it.
///
/// The connection reads, writes and keeps the time while [`next`](Self::next) is awaited, so await
/// it in a loop and give long work to other tasks, which reach the session through a [`Handle`].
///
/// Dropping the connection closes the session and drops the streams, with what was still unsent.
/// To end gracefully, close the session and await `next` until it returns `None`.
pub struct Connection<S: Session, T> {
    driver: Driver<S>,
    streams: T,
}

impl<S: Session, T> Connection<S, T> {
    pub(in crate::io) fn start(session: S, clock: Clock, streams: T) -> Self {
        let driver = Driver::new(session, clock);
        Self { driver, streams }
    }

    /// Runs `act` on the session; its output is sent by [`next`](Self::next). See
    /// [`Handle::with`].
    pub fn with<R>(&self, act: impl FnOnce(&mut S, Instant) -> R) -> R {
        self.driver.with(act)
    }

    /// Returns a handle for other tasks and threads.
    pub fn handle(&self) -> Handle<S> {
        self.driver.handle()
    }
}

impl<S: Session, T: Streams> Connection<S, T> {
    /// Waits for the next event; `None` once the session is closed and all its events were given.
    ///
    /// Cancel safe: a future that is dropped before it is ready loses nothing. Before it returns
    /// `None` it gives the pending output a second to be written, closes the writer, and gives the
    /// peer a second to end its own output: a socket that is closed with something unread takes back
    /// what was written. Returns an error at most once, after the last event, with what a stream
    /// failed with; a peer that merely went away is no error.
    pub async fn next(&mut self) -> io::Result<Option<S::Event>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// As [`next`](Self::next), for hand-written futures.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<S::Event>>> {
        self.driver.poll_next(cx, &mut self.streams, false)
    }
}

impl<S: Session, T: Streams> Drive for Connection<S, T> {
    type Session = S;

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<S::Event>>> {
        self.poll_next(cx)
    }

    fn poll_event_within(
        &mut self,
        cx: &mut Context<'_>,
        is_again: bool,
    ) -> Poll<io::Result<Option<S::Event>>> {
        self.driver.poll_next(cx, &mut self.streams, is_again)
    }

    fn has_event(&self) -> bool {
        self.driver.has_event()
    }

    fn handle(&self) -> Handle<S> {
        self.handle()
    }

    fn hold(&mut self, grace: Option<Duration>) {
        self.driver.hold(grace);
    }
}

impl<S: Session, T> fmt::Debug for Connection<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}
