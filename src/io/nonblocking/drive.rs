//! What the asynchronous adapters have in common: one hand-polled loop that reads, writes, keeps
//! the time and takes events, whatever the traits of the streams are called.
//!
//! Rules of this file: nothing is awaited, so nothing is lost when a future is dropped; the lock is
//! never held while a stream is polled; reading never waits for writing, nor writing for reading;
//! only what has moved lets the loop go round again; once the output has ended, what comes is read
//! and thrown away for a moment, since a socket that is closed with something unread takes back what
//! was written.

use alloc::vec;
use alloc::vec::Vec;
use core::task::{Context, Poll};
use core::time::Duration;
use std::io;
use std::sync::Arc;

use super::super::shared::{LINGER, Shared, recycle, sleep_time};
use super::super::state::State;
use super::super::{Clock, Handle};
use super::driven::ROUNDS;
use crate::frame::LineDecoder;
use crate::session::Session;
use crate::time::Instant;

/// How much one read asks for.
const CHUNK: usize = 16 * 1024;

/// The streams and the timer of one runtime. The methods are those of the runtime's own traits.
pub trait Streams {
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
    /// When the end stops waiting for the output, and then for the end of the input.
    linger: Option<Instant>,
    /// When the stream last took something.
    wrote_at: Instant,
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
            wrote_at: Instant::ZERO,
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
            self.shared.sleep_as(cx);
            let written = self.poll_output(cx, streams);
            if let Some(next) = self.take_next() {
                return Poll::Ready(next);
            }
            let read = self.poll_input(cx, streams);
            if !(written || read || self.poll_time(cx, streams)) {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// The next event, or the end, if it is there.
    fn take_next(&mut self) -> Option<io::Result<Option<S::Event>>> {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        let now = state.drive_timeout();
        if let (Some(grace), Some(_)) = (self.grace, state.input_end) {
            state.hold = now < *self.held_until.get_or_insert(now + grace);
        }
        let event = state.next_event();
        let next = match event {
            Some(event) => Ok(Some(event)),
            None if state.is_closed() && self.is_finished(&state, now) => {
                state.take_error().map_or(Ok(None), Err)
            }
            None => return None,
        };
        // The task is awake and will be back, so handles needn't wake it.
        state.waker = None;
        Some(next)
    }

    /// Whether both streams of a closed session have ended or have been waited for long enough.
    fn is_finished(&mut self, state: &State<S>, now: Instant) -> bool {
        let has_ended = self.output == Output::Done && !state.expects_input();
        has_ended || *self.linger.get_or_insert(now + LINGER) <= now
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
                Poll::Ready(Ok(next)) => {
                    match (self.output, next) {
                        (Output::Writing(_), _) => self.wrote_at = self.shared.clock.now(),
                        // What was written last is still under way, and waits for the peer to read.
                        (_, Output::Done) => self.linger = Some(self.wrote_at + LINGER),
                        _ => {}
                    }
                    self.output = next;
                }
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
            true => state.is_closed().then_some(Output::Closing),
        }
    }

    fn fail_output(&mut self, error: io::Error) {
        self.output = Output::Done;
        self.shared.lock().fail_output(error);
    }

    /// Sets the timer for whatever comes first; whether it has gone off, or a lost write has closed
    /// the session.
    fn poll_time(&mut self, cx: &mut Context<'_>, streams: &mut impl Streams) -> bool {
        let mut state = self.shared.lock();
        let was_closed = state.is_closed();
        let drained = state.poll_drain();
        if state.is_closed() != was_closed {
            return true;
        }
        let held_until = self.held_until.filter(|_| state.hold);
        let wakes = [
            state.session.poll_timeout(),
            drained,
            held_until,
            self.linger,
        ];
        drop(state);
        let Some(wake) = wakes.into_iter().flatten().min() else {
            return false;
        };
        // A timer that is set too early costs one look; setting it anew costs more.
        if self.armed.is_none_or(|armed| wake < armed) {
            self.armed = Some(wake);
            streams.arm(sleep_time(wake, self.shared.clock.now()));
        }
        let rang = streams.poll_timer(cx).is_ready();
        if rang {
            self.armed = None;
        }
        rang
    }

    /// Reads while frames are welcome; whether anything came. Once the session is closed, what
    /// comes is thrown away: a peer that is busy writing may not read before.
    fn poll_input(&mut self, cx: &mut Context<'_>, streams: &mut impl Streams) -> bool {
        let mut state = self.shared.lock();
        let discards = state.is_closed();
        if !state.expects_input() || !(discards || state.wants_frames()) {
            return false;
        }
        // What the decoder still holds comes before what is still to be read.
        if state.feed(&mut self.decoder) > 0 {
            return true;
        }
        drop(state);
        if self.chunk.is_empty() {
            self.chunk = vec![0; CHUNK];
        }
        let Poll::Ready(read) = streams.poll_read(cx, &mut self.chunk) else {
            return false;
        };
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        match read {
            Ok(0) => state.end_input(&mut self.decoder, Ok(())),
            Ok(_) if discards => {}
            Ok(length) => self.take_in(&mut state, length),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // How the input ends makes no difference any more.
            Err(_) if discards => state.end_input(&mut self.decoder, Ok(())),
            Err(error) => state.end_input(&mut self.decoder, Err(error)),
        }
        true
    }

    fn take_in(&mut self, state: &mut State<S>, length: usize) {
        self.decoder.push(&self.chunk[..length]);
        state.feed(&mut self.decoder);
    }
}

impl<S: Session> Drop for Driver<S> {
    fn drop(&mut self) {
        self.shared.stop();
    }
}
