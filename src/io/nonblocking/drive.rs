//! What the asynchronous adapters have in common: one hand-polled loop that reads, writes, keeps
//! the time and takes events, whatever the traits of the streams are called.
//!
//! Rules of this file: nothing is awaited, so nothing is lost when a future is dropped; the lock is
//! never held while a stream is polled; reading never waits for writing, nor writing for reading.

use alloc::vec;
use alloc::vec::Vec;
use core::task::{Context, Poll};
use core::time::Duration;
use std::io;
use std::sync::Arc;

use super::super::shared::{LINGER, Shared, recycle};
use super::super::{Clock, Handle};
use crate::frame::LineDecoder;
use crate::session::{Closed, Session};
use crate::time::Instant;

/// How much one read asks for.
const CHUNK: usize = 16 * 1024;
/// How often one poll goes round before other tasks get their turn.
const ROUNDS: usize = 32;

/// The streams and the timer of one runtime.
pub(in crate::io) trait Streams {
    fn poll_read(&mut self, cx: &mut Context<'_>, chunk: &mut [u8]) -> Poll<io::Result<usize>>;
    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>>;
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Sets the timer, in place of what it was set to before.
    fn arm(&mut self, wait: Duration);

    /// Whether the timer has gone off. Polled only after it was set.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()>;
}

/// Where the writing half is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Output {
    Idle,
    /// So much of the lines has been written.
    Writing(usize),
    Flushing,
    /// All has been sent that ever will be.
    Closing,
    Done,
}

/// A session and how far the traffic on its streams has got.
pub(in crate::io) struct Driver<S: Session> {
    shared: Arc<Shared<S>>,
    decoder: LineDecoder,
    chunk: Vec<u8>,
    lines: Vec<u8>,
    output: Output,
    armed: Option<Instant>,
    /// When the end stops waiting for the output.
    linger: Option<Instant>,
    /// How long the end of the input leaves the session open for what still runs.
    grace: Option<Duration>,
    held_until: Option<Instant>,
}

impl<S: Session> Driver<S> {
    pub(in crate::io) fn new(session: S, clock: Clock) -> Self {
        Self {
            decoder: LineDecoder::new(session.frame_limit()),
            shared: Arc::new(Shared::new(session, clock)),
            chunk: Vec::new(),
            lines: Vec::new(),
            output: Output::Idle,
            armed: None,
            linger: None,
            grace: None,
            held_until: None,
        }
    }

    /// Says whether something still runs that the end of the input should wait for, and how long.
    pub(in crate::io) fn hold(&mut self, grace: Option<Duration>) {
        self.grace = grace;
        self.shared.lock().hold = grace.is_some();
    }

    pub(in crate::io) fn handle(&self) -> Handle<S> {
        Handle {
            shared: Arc::clone(&self.shared),
        }
    }

    pub(in crate::io) fn with<R>(&self, act: impl FnOnce(&mut S, Instant) -> R) -> R {
        self.shared.with(act)
    }

    /// Moves everything on as far as it will go; ready with the next event, or at the end.
    pub(in crate::io) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        streams: &mut impl Streams,
    ) -> Poll<io::Result<Option<S::Event>>> {
        for _ in 0..ROUNDS {
            // Set before anything is looked at: what a handle changes from here on wakes the task.
            self.sleep_as(cx);
            let written = self.poll_output(cx, streams);
            let due = self.poll_time(cx, streams);
            let mut state = self.shared.lock();
            if let Some(event) = state.next_event(self.shared.clock.now()) {
                // The task is awake and will be back, so handles needn't wake it.
                state.waker = None;
                return Poll::Ready(Ok(Some(event)));
            }
            if state.session.is_closed() && self.is_finished() {
                state.waker = None;
                return Poll::Ready(state.error.take().map_or(Ok(None), Err));
            }
            drop(state);
            let read = self.poll_input(cx, streams);
            if !(written || due || read) {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn sleep_as(&self, cx: &Context<'_>) {
        let mut state = self.shared.lock();
        if !state
            .waker
            .as_ref()
            .is_some_and(|waker| waker.will_wake(cx.waker()))
        {
            state.waker = Some(cx.waker().clone());
        }
    }

    /// Whether the output has ended or has been waited for long enough.
    fn is_finished(&self) -> bool {
        let now = self.shared.clock.now();
        self.output == Output::Done || self.linger.is_some_and(|limit| limit <= now)
    }

    /// Writes as much as the stream takes; whether anything moved.
    fn poll_output(&mut self, cx: &mut Context<'_>, streams: &mut impl Streams) -> bool {
        let before = self.output;
        loop {
            let step = match self.output {
                Output::Idle => match self.fill_output() {
                    Some(next) => Poll::Ready(Ok(next)),
                    None => return self.output != before,
                },
                Output::Writing(at) => streams.poll_write(cx, &self.lines[at..]).map_ok(|length| {
                    let at = at + length;
                    if at < self.lines.len() {
                        Output::Writing(at)
                    } else {
                        Output::Flushing
                    }
                }),
                Output::Flushing => streams.poll_flush(cx).map_ok(|()| Output::Idle),
                Output::Closing => streams.poll_close(cx).map_ok(|()| Output::Done),
                Output::Done => return self.output != before,
            };
            match step {
                Poll::Pending => return self.output != before,
                Poll::Ready(Ok(next)) if next == self.output => {
                    self.fail_output(io::ErrorKind::WriteZero.into());
                }
                Poll::Ready(Ok(next)) => self.output = next,
                Poll::Ready(Err(error)) => self.fail_output(error),
            }
        }
    }

    /// Takes the next lines from the session; what follows from it, `None` when there are none yet.
    fn fill_output(&mut self) -> Option<Output> {
        recycle(&mut self.lines);
        let mut state = self.shared.lock();
        state.fill_output();
        core::mem::swap(&mut state.outgoing, &mut self.lines);
        match self.lines.is_empty() {
            false => Some(Output::Writing(0)),
            true => state.session.is_closed().then_some(Output::Closing),
        }
    }

    fn fail_output(&mut self, error: io::Error) {
        self.output = Output::Done;
        let now = self.shared.clock.now();
        let mut state = self.shared.lock();
        state.close(now, Closed::WriteFailed);
        state.keep_error(error);
    }

    /// Lets the time pass for the session and sets the timer; whether anything was due.
    fn poll_time(&mut self, cx: &mut Context<'_>, streams: &mut impl Streams) -> bool {
        let now = self.shared.clock.now();
        let mut state = self.shared.lock();
        let due = state.session.poll_timeout().is_some_and(|due| due <= now);
        if due {
            state.session.handle_timeout(now);
        }
        let mut wake = state.session.poll_timeout();
        if state.session.is_closed() && self.output != Output::Done {
            let limit = *self.linger.get_or_insert(now + LINGER);
            wake = Some(wake.map_or(limit, |wake| wake.min(limit)));
        }
        if let (Some(grace), Some(_)) = (self.grace, state.input_end) {
            let limit = *self.held_until.get_or_insert(now + grace);
            state.hold = now < limit;
            wake = Some(wake.map_or(limit, |wake| wake.min(limit)))
                .filter(|_| state.hold)
                .or(wake);
        }
        drop(state);
        let Some(wake) = wake else { return due };
        // A timer that is set too early costs one look; setting it anew costs more.
        if self.armed.is_none_or(|armed| wake < armed) {
            self.armed = Some(wake);
            // A deadline that stays due must not become a busy loop.
            streams.arm((wake - now).max(Duration::from_millis(1)));
        }
        let rang = streams.poll_timer(cx).is_ready();
        if rang {
            self.armed = None;
        }
        due || rang
    }

    /// Reads while frames are welcome; whether anything came.
    fn poll_input(&mut self, cx: &mut Context<'_>, streams: &mut impl Streams) -> bool {
        let now = self.shared.clock.now();
        let mut state = self.shared.lock();
        if state.input_end.is_some() || state.is_ended() || !state.session.wants_frames() {
            return false;
        }
        // What the decoder still holds comes before what is still to be read.
        if state.feed(now, &mut self.decoder) > 0 {
            return true;
        }
        drop(state);
        if self.chunk.is_empty() {
            self.chunk = vec![0; CHUNK];
        }
        let read = match streams.poll_read(cx, &mut self.chunk) {
            Poll::Pending => return false,
            Poll::Ready(read) => read,
        };
        let mut state = self.shared.lock();
        let end = match read {
            Ok(0) => Ok(()),
            Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
            read => {
                self.decoder.push(&self.chunk[..read.unwrap_or(0)]);
                state.feed(now, &mut self.decoder);
                return true;
            }
        };
        state.end_input(now, &mut self.decoder, end);
        true
    }
}

impl<S: Session> Drop for Driver<S> {
    fn drop(&mut self) {
        self.shared.stop();
    }
}
