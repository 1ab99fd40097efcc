//! Drives a session over any `AsyncRead` and `AsyncWrite` of tokio.
//!
//! The runtime needs its timer enabled. Nothing is spawned, and nothing has to be `Send` unless the
//! caller's own task has to.

use alloc::boxed::Box;
use core::fmt;
use core::future::poll_fn;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::io;

use ::tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use ::tokio::time::{Sleep, sleep};

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
/// Time is tokio's, so a paused clock holds for the session too.
///
/// Dropping the connection closes the session and drops the streams, with what was still unsent.
/// To end in good order, close the session and await `next` until it says `None`.
pub struct Connection<S: Session, R, W> {
    driver: Driver<S>,
    streams: TokioStreams<R, W>,
}

impl<S: Session, R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Connection<S, R, W> {
    /// Puts `session` between the two streams. Nothing happens before [`next`](Self::next).
    pub fn new(session: S, reader: R, writer: W) -> Self {
        let clock = Clock::start_with(|| ::tokio::time::Instant::now().into_std());
        let streams = TokioStreams {
            reader,
            writer,
            timer: None,
        };
        Self {
            driver: Driver::new(session, clock),
            streams,
        }
    }

    /// Waits for the next event; `None` once the session is closed and all its events were given.
    ///
    /// Cancel safe: a future that is dropped before it is ready loses nothing. Before it says `None`
    /// it gives the pending output a moment to be written and shuts the writer down. Errs at most
    /// once, after the last event, with what a stream failed with; a peer that merely went away is
    /// no error.
    pub async fn next(&mut self) -> io::Result<Option<S::Event>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// As [`next`](Self::next), for hand-written futures.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<S::Event>>> {
        self.driver.poll_next(cx, &mut self.streams)
    }
}

impl<S: Session, R, W> Connection<S, R, W> {
    /// Runs `act` on the session; what comes of it is sent by [`next`](Self::next). See
    /// [`Handle::with`].
    pub fn with<T>(&self, act: impl FnOnce(&mut S, Instant) -> T) -> T {
        self.driver.with(act)
    }

    /// A handle for other tasks and threads.
    pub fn handle(&self) -> Handle<S> {
        self.driver.handle()
    }
}

impl<S: Session, R: AsyncRead + Unpin, W: AsyncWrite + Unpin> AsyncEvents for Connection<S, R, W> {
    type Session = S;

    fn poll_next_event(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<S::Event>>> {
        self.poll_next(cx)
    }

    fn handle(&self) -> Handle<S> {
        self.handle()
    }
}

impl<S: Session, R, W> fmt::Debug for Connection<S, R, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Served for Connection<ServerSession, R, W> {
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

/// Serves one client of `server` over two streams until it leaves. See
/// [`serve`](super::serve::serve).
pub async fn serve<R, W>(
    server: impl Into<Server<Async>>,
    reader: R,
    writer: W,
    options: AsyncServeOptions,
) -> io::Result<()>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let server = server.into();
    let connection = Connection::new(server.session(), reader, writer);
    super::serve::serve(server, connection, options).await
}

struct TokioStreams<R, W> {
    reader: R,
    writer: W,
    timer: Option<Pin<Box<Sleep>>>,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Streams for TokioStreams<R, W> {
    fn poll_read(&mut self, cx: &mut Context<'_>, chunk: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut chunk = ReadBuf::new(chunk);
        ready!(Pin::new(&mut self.reader).poll_read(cx, &mut chunk))?;
        Poll::Ready(Ok(chunk.filled().len()))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.writer).poll_write(cx, bytes)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_flush(cx)
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_shutdown(cx)
    }

    fn arm(&mut self, wait: Duration) {
        match &mut self.timer {
            Some(timer) => timer.as_mut().reset(::tokio::time::Instant::now() + wait),
            None => self.timer = Some(Box::pin(sleep(wait))),
        }
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.timer {
            Some(timer) => timer.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }
}
