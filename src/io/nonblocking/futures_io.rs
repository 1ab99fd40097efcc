//! Drives a session over any `AsyncRead` and `AsyncWrite` of the `futures` family.
//!
//! The timer is the caller's, as there is no common one. Nothing is spawned, and nothing has to be
//! `Send` unless the caller's own task has to.

use alloc::boxed::Box;
use core::fmt;
use core::future::poll_fn;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use std::io;

use ::futures_io::{AsyncRead, AsyncWrite};

use super::super::{Clock, Handle};
use super::client::AsyncEvents;
use super::drive::{Driver, Streams};
use super::serve::{AsyncServeOptions, Served};
use crate::server::{Async, Server};
use crate::session::{ServerEvent, ServerSession, Session};
use crate::time::Instant;

/// A session and the two streams it speaks over.
///
/// The connection reads, writes and keeps the time while [`next`](Self::next) is awaited, so await
/// it in a loop and give long work to other tasks, which reach the session through a [`Handle`].
///
/// Dropping the connection closes the session and drops the streams, with what was still unsent.
/// To end in good order, close the session and await `next` until it says `None`.
pub struct Connection<S: Session, R, W, T, F> {
    driver: Driver<S>,
    streams: FuturesStreams<R, W, T, F>,
}

impl<S, R, W, T, F> Connection<S, R, W, T, F>
where
    S: Session,
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
    T: Fn(Duration) -> F,
    F: Future<Output = ()>,
{
    /// Puts `session` between the two streams. `sleep` makes a future that is ready after the given
    /// time. Nothing happens before [`next`](Self::next).
    pub fn new(session: S, reader: R, writer: W, sleep: T) -> Self {
        let streams = FuturesStreams {
            reader,
            writer,
            sleep,
            timer: None,
        };
        Self {
            driver: Driver::new(session, Clock::start()),
            streams,
        }
    }

    /// Waits for the next event; `None` once the session is closed and all its events were given.
    ///
    /// Cancel safe: a future that is dropped before it is ready loses nothing. Before it says `None`
    /// it gives the pending output a moment to be written and closes the writer. Errs at most once,
    /// after the last event, with what a stream failed with; a peer that merely went away is no
    /// error.
    pub async fn next(&mut self) -> io::Result<Option<S::Event>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// As [`next`](Self::next), for hand-written futures.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<S::Event>>> {
        self.driver.poll_next(cx, &mut self.streams)
    }
}

impl<S: Session, R, W, T, F> Connection<S, R, W, T, F> {
    /// Runs `act` on the session; what comes of it is sent by `next`. See [`Handle::with`].
    pub fn with<A>(&self, act: impl FnOnce(&mut S, Instant) -> A) -> A {
        self.driver.with(act)
    }

    /// A handle for other tasks and threads.
    pub fn handle(&self) -> Handle<S> {
        self.driver.handle()
    }
}

impl<S, R, W, T, F> AsyncEvents for Connection<S, R, W, T, F>
where
    S: Session,
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
    T: Fn(Duration) -> F,
    F: Future<Output = ()>,
{
    type Session = S;

    fn poll_next_event(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<S::Event>>> {
        self.poll_next(cx)
    }

    fn handle(&self) -> Handle<S> {
        self.handle()
    }
}

impl<S: Session, R, W, T, F> fmt::Debug for Connection<S, R, W, T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

impl<R, W, T, F> Served for Connection<ServerSession, R, W, T, F>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
    T: Fn(Duration) -> F,
    F: Future<Output = ()>,
{
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<ServerEvent>>> {
        self.poll_next(cx)
    }

    fn session(&self) -> Handle<ServerSession> {
        self.handle()
    }

    fn hold(&mut self, grace: Option<Duration>) {
        self.driver.hold(grace);
    }
}

/// Serves one client of `server` over two streams until it leaves; `sleep` is the runtime's. See
/// [`serve`](super::serve::serve).
pub async fn serve<R, W, T, F>(
    server: impl Into<Server<Async>>,
    reader: R,
    writer: W,
    sleep: T,
    options: AsyncServeOptions,
) -> io::Result<()>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
    T: Fn(Duration) -> F,
    F: Future<Output = ()>,
{
    let server = server.into();
    let connection = Connection::new(server.session(), reader, writer, sleep);
    super::serve::serve(server, connection, options).await
}

struct FuturesStreams<R, W, T, F> {
    reader: R,
    writer: W,
    sleep: T,
    timer: Option<Pin<Box<F>>>,
}

impl<R, W, T, F> Streams for FuturesStreams<R, W, T, F>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
    T: Fn(Duration) -> F,
    F: Future<Output = ()>,
{
    fn poll_read(&mut self, cx: &mut Context<'_>, chunk: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.reader).poll_read(cx, chunk)
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.writer).poll_write(cx, bytes)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_flush(cx)
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_close(cx)
    }

    fn arm(&mut self, wait: Duration) {
        self.timer = Some(Box::pin((self.sleep)(wait)));
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(timer) = &mut self.timer else {
            return Poll::Pending;
        };
        let rang = timer.as_mut().poll(cx);
        if rang.is_ready() {
            // A future that has ended must not be polled again.
            self.timer = None;
        }
        rang
    }
}
