//! Drives a session over any `AsyncRead` and `AsyncWrite` of tokio.
//!
//! The runtime needs its timer enabled. Nothing is spawned, and nothing has to be `Send` unless the
//! caller's own task has to.

#[cfg(feature = "server")]
mod serve;

use alloc::boxed::Box;
use core::fmt;
use core::mem::MaybeUninit;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::io;

use ::tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use ::tokio::task::unconstrained;
use ::tokio::time::{Instant, Sleep, sleep};

use super::super::Clock;
use super::drive::Streams;
use super::timer::Timer;
use crate::frame::LineDecoder;
use crate::session::Session;

#[cfg(feature = "server")]
pub use serve::serve;

/// A session and the two streams of tokio that it speaks over. Time is tokio's, so a paused clock
/// holds for the session too.
pub type Connection<S, R, W> = super::Connection<S, TokioStreams<R, W>>;

impl<S: Session, R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Connection<S, R, W> {
    /// Puts `session` between the two streams. Nothing happens before [`next`](Self::next).
    ///
    /// Set `TCP_NODELAY` on a TCP stream before: what is written is never less than whole frames,
    /// and the system may hold back a small one for a while otherwise.
    pub fn new(session: S, reader: R, writer: W) -> Self {
        let clock = Clock::start_with(|| Instant::now().into_std());
        let timer = TokioTimer::default();
        let streams = TokioStreams {
            reader,
            writer,
            timer,
        };
        Self::start(session, clock, streams)
    }
}

/// How much one read asks for.
const CHUNK: usize = 16 * 1024;

/// The two streams of a [`Connection`] and its timer.
pub struct TokioStreams<R, W> {
    reader: R,
    writer: W,
    timer: TokioTimer,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Streams for TokioStreams<R, W> {
    const IS_PUNCTUAL: bool = true;

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        decoder: &mut LineDecoder,
    ) -> Poll<io::Result<usize>> {
        // The rest of a long line goes where it stays.
        if let Some(mut room) = decoder.room_for_more() {
            return pin!(self.reader.read_buf(&mut room)).poll(cx);
        }
        // On the stack, so that a connection on which nothing happens keeps none.
        let mut chunk = [const { MaybeUninit::uninit() }; CHUNK];
        let mut chunk = ReadBuf::uninit(&mut chunk);
        ready!(Pin::new(&mut self.reader).poll_read(cx, &mut chunk))?;
        decoder.push(chunk.filled());
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
        self.timer.arm(wait);
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.timer.poll(cx)
    }
}

/// The timer of streams on tokio's clock; it is made when it is first needed.
#[derive(Default)]
pub struct TokioTimer(Option<Pin<Box<Sleep>>>);

impl Timer for TokioTimer {
    fn arm(&mut self, wait: Duration) {
        match &mut self.0 {
            Some(sleep) => sleep.as_mut().reset(Instant::now() + wait),
            None => self.0 = Some(Box::pin(sleep(wait))),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.0 {
            // Without a budget: one that has been used up would leave the timer without its waker.
            Some(sleep) => pin!(unconstrained(sleep.as_mut())).poll(cx),
            None => Poll::Pending,
        }
    }
}

impl<R, W> fmt::Debug for TokioStreams<R, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokioStreams").finish_non_exhaustive()
    }
}

impl fmt::Debug for TokioTimer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokioTimer").finish_non_exhaustive()
    }
}
