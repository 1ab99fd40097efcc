//! Two streams in memory that are polled, with tokio's time: what one end writes the other reads.

use alloc::collections::VecDeque;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ::tokio::time::Instant;

use super::super::Clock;
use super::super::nonblocking::drive::Streams;
use super::super::nonblocking::timer::Timer;
use super::super::nonblocking::tokio::TokioTimer;
use crate::frame::LineDecoder;

/// How many bytes wait in one direction before a writer has to.
const ROOM: usize = 64 * 1024;

/// One direction.
#[derive(Default)]
struct Pipe(Mutex<State>);

#[derive(Default)]
struct State {
    bytes: VecDeque<u8>,
    is_closed: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Pipe {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing more will be written, or read.
    fn close(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        let wakers = [state.reader.take(), state.writer.take()];
        drop(state);
        wakers.into_iter().flatten().for_each(Waker::wake);
    }
}

/// One end: what it reads and what it writes.
pub(super) struct MemoryStreams {
    reader: Arc<Pipe>,
    writer: Arc<Pipe>,
    timer: TokioTimer,
}

/// Returns two ends that are connected to each other.
pub(super) fn pair() -> (MemoryStreams, MemoryStreams) {
    let (there, back) = <(Arc<Pipe>, Arc<Pipe>)>::default();
    let end = |reader: &Arc<Pipe>, writer: &Arc<Pipe>| MemoryStreams {
        reader: Arc::clone(reader),
        writer: Arc::clone(writer),
        timer: TokioTimer::default(),
    };
    (end(&back, &there), end(&there, &back))
}

/// How much one read takes.
const CHUNK: usize = 8 * 1024;

impl MemoryStreams {
    /// The clock that holds for both.
    pub(super) fn clock() -> Clock {
        Clock::start_with(|| Instant::now().into_std())
    }
}

impl Streams for MemoryStreams {
    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        decoder: &mut LineDecoder,
    ) -> Poll<io::Result<usize>> {
        let mut chunk = [0; CHUNK];
        let mut state = self.reader.lock();
        let length = io::Read::read(&mut state.bytes, &mut chunk)?;
        if length == 0 && !state.is_closed {
            state.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let writer = state.writer.take();
        drop(state);
        if let Some(writer) = writer {
            writer.wake();
        }
        decoder.push(&chunk[..length]);
        Poll::Ready(Ok(length))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut state = self.writer.lock();
        if state.is_closed {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let length = bytes.len().min(ROOM.saturating_sub(state.bytes.len()));
        if length == 0 && !bytes.is_empty() {
            state.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        state.bytes.extend(&bytes[..length]);
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
        Poll::Ready(Ok(length))
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writer.close();
        Poll::Ready(Ok(()))
    }

    fn arm(&mut self, wait: Duration) {
        self.timer.arm(wait);
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.timer.poll(cx)
    }
}

impl Drop for MemoryStreams {
    fn drop(&mut self) {
        self.reader.close();
        self.writer.close();
    }
}
