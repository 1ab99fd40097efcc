//! A child process for tasks: what blocks is left to threads, so that every runtime gets the same
//! adapter with the same errors.

use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;
use core::task::{Context, Poll};
use core::time::Duration;
use std::io;

use super::super::Handle;
use super::super::nonblocking::{Drive, Threaded};
use super::{ChildConnection, Tail};
use crate::session::Session;
use crate::time::Instant;

/// A session that speaks to a child process, for tasks of any runtime.
///
/// Timeouts are driven while [`next`](Self::next) is awaited. Dropping it ends the child on another
/// thread, which ends with `main`: to be sure that the child is gone, await [`end`](Self::end).
pub struct AsyncChildConnection<S: Session> {
    inner: Threaded<S>,
    stderr: Arc<Tail>,
}

impl<S: Session + Send + 'static> AsyncChildConnection<S> {
    pub(super) fn new(connection: ChildConnection<S>) -> io::Result<Self>
    where
        S::Event: Send + 'static,
    {
        let stderr = Arc::clone(&connection.process.stderr);
        let inner = Threaded::new(connection)?;
        Ok(Self { inner, stderr })
    }
}

impl<S: Session> AsyncChildConnection<S> {
    /// Waits for the next event, as [`Threaded::next`] does.
    ///
    /// When the session was lost because the child has failed, the error after the last event says
    /// how the child ended and gives its last words on its standard error.
    pub async fn next(&mut self) -> io::Result<Option<S::Event>> {
        self.inner.next().await
    }

    /// Runs `act` on the session and sends its output. See [`Handle::with`].
    pub fn with<R>(&self, act: impl FnOnce(&mut S, Instant) -> R) -> R {
        self.inner.handle().with(act)
    }

    /// Returns a handle for other tasks and threads.
    pub fn handle(&self) -> Handle<S> {
        self.inner.handle()
    }

    /// Returns the last lines, up to 20, that the child wrote to its standard error.
    pub fn stderr_tail(&self) -> String {
        self.stderr.text()
    }

    /// Ends the child as [`ChildConnection::shutdown`] does, and waits for it.
    pub async fn end(self) -> io::Result<()> {
        self.inner.end().await
    }
}

impl<S: Session> Drive for AsyncChildConnection<S> {
    type Session = S;

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<S::Event>>> {
        self.inner.poll_event(cx)
    }

    fn handle(&self) -> Handle<S> {
        self.inner.handle()
    }

    fn hold(&mut self, grace: Option<Duration>) {
        self.inner.hold(grace);
    }

    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner.poll_end(cx)
    }

    fn describe_peer(&mut self) -> Option<String> {
        self.inner.describe_peer()
    }
}

impl<S: Session> fmt::Debug for AsyncChildConnection<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncChildConnection")
            .finish_non_exhaustive()
    }
}
