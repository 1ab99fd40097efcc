//! Drives a session over any `AsyncRead` and `AsyncWrite` of the `futures` family.
//!
//! The timer is the caller's, as there is no common one. Nothing is spawned, and nothing has to be
//! `Send` unless the caller's own task has to.

#[cfg(feature = "server")]
mod serve;

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::io;

use ::futures_io::{AsyncRead, AsyncWrite};

use super::super::Clock;
use super::drive::Streams;
use super::sleep_timer::SleepTimer;
use super::timer::Timer;
use crate::frame::LineDecoder;
use crate::session::Session;

#[cfg(feature = "server")]
pub use serve::serve;

/// A session and the two streams of the `futures` family that it speaks over.
pub type Connection<S, R, W, T, F> = super::Connection<S, FuturesStreams<R, W, T, F>>;

impl<S, R, W, T, F> Connection<S, R, W, T, F>
where
    S: Session,
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
    T: Fn(Duration) -> F,
    F: Future<Output = ()>,
{
    /// Puts `session` between the two streams. `sleep` makes a future that is ready after the given
    /// time, which is at most a day. Nothing happens before [`next`](Self::next).
    ///
    /// Set `TCP_NODELAY` on a TCP stream before: what is written is never less than whole frames,
    /// and the system may hold back a small one for a while otherwise.
    pub fn new(session: S, reader: R, writer: W, sleep: T) -> Self {
        let timer = SleepTimer::new(sleep);
        let streams = FuturesStreams {
            reader,
            writer,
            timer,
        };
        Self::start(session, Clock::start(), streams)
    }
}

/// How much one read asks for.
const CHUNK: usize = 8 * 1024;

/// The two streams of a [`Connection`], and what makes its timers.
pub struct FuturesStreams<R, W, T, F> {
    reader: R,
    writer: W,
    timer: SleepTimer<T, F>,
}

impl<R, W, T, F> Streams for FuturesStreams<R, W, T, F>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
    T: Fn(Duration) -> F,
    F: Future<Output = ()>,
{
    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        decoder: &mut LineDecoder,
    ) -> Poll<io::Result<usize>> {
        // On the stack, so that a connection on which nothing happens keeps none.
        let mut chunk = [0; CHUNK];
        let length = ready!(Pin::new(&mut self.reader).poll_read(cx, &mut chunk))?;
        decoder.push(chunk.get(..length).unwrap_or_default());
        Poll::Ready(Ok(length))
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
        self.timer.arm(wait);
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.timer.poll(cx)
    }
}

impl<R, W, T, F> fmt::Debug for FuturesStreams<R, W, T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FuturesStreams").finish_non_exhaustive()
    }
}
