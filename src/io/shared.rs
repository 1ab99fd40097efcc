//! The session behind its lock, and who waits for what. Both the threads of the blocking adapter
//! and the tasks of the async ones wait here.
//!
//! Rules of this file: whoever has changed the session calls `settle` before it lets go of the lock;
//! a thread is notified only when there is something for it to do; a waker is woken unlocked.

use alloc::vec::Vec;
use core::task::Waker;
use core::time::Duration;
use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::Clock;
use crate::frame::LineDecoder;
use crate::session::{Closed, Route, Session};
use crate::time::Instant;

/// Output is gathered into one write until it is this long.
const GATHER: usize = 64 * 1024;
/// A buffer that has grown past this is given back once it is empty.
const KEEP: usize = 256 * 1024;
/// How long the end waits for a peer to take what is still pending.
pub(super) const LINGER: Duration = Duration::from_secs(1);

/// What all ends of one connection share.
pub(super) struct Shared<S: Session> {
    pub(super) clock: Clock,
    state: Mutex<State<S>>,
    /// The reader thread waits here until frames are welcome.
    pub(super) reader: Condvar,
    /// The writer thread waits here until there is output.
    pub(super) writer: Condvar,
    /// The user's thread waits here for the next event, the next deadline or the end.
    pub(super) user: Condvar,
}

/// What the lock protects.
pub(super) struct State<S: Session> {
    pub(super) session: S,
    /// An event that was taken from the session to see whether there was one.
    event: Option<S::Event>,
    /// Lines that were taken from the session to be written next.
    pub(super) outgoing: Vec<u8>,
    pub(super) reader_waits: bool,
    pub(super) writer_waits: bool,
    pub(super) user_waits: bool,
    /// When the user's thread wakes by itself.
    pub(super) armed: Option<Instant>,
    /// The task that drives the connection, while it sleeps.
    pub(super) waker: Option<Waker>,
    /// Whether the connection was dropped.
    pub(super) stopped: bool,
    /// Whether it was a stream that ended the session.
    pub(super) lost: bool,
    /// Why nothing more will be read.
    pub(super) input_end: Option<Closed>,
    /// Whether the end of the input leaves the session open until somebody closes it.
    pub(super) hold: bool,
    pub(super) writer_done: bool,
    /// What went wrong with a stream, to be given after the last event.
    pub(super) error: Option<io::Error>,
}

impl<S: Session> State<S> {
    /// The next event, in order.
    ///
    /// The end of the input closes the session once all events before it were taken, so that
    /// whoever answers one request after the other has answered them all.
    pub(super) fn next_event(&mut self, now: Instant) -> Option<S::Event> {
        let event = self.event.take().or_else(|| self.session.poll_event());
        match self.input_end {
            Some(why) if event.is_none() && !self.hold => {
                self.close(now, why);
                self.session.poll_event()
            }
            _ => event,
        }
    }

    /// Whether no more input is taken and the output ends with what is pending.
    pub(super) fn is_ended(&self) -> bool {
        self.stopped || self.session.is_closed()
    }

    /// Takes lines from the session until one write is full; the first frame isn't copied.
    pub(super) fn fill_output(&mut self) {
        while self.outgoing.len() < GATHER
            && self.session.poll_transmit(&mut self.outgoing).is_some()
        {
            if self.outgoing.len() >= GATHER {
                self.outgoing.reserve_exact(1);
            }
            self.outgoing.push(b'\n');
        }
    }

    /// Keeps what a stream failed with, to be given at the end.
    pub(super) fn keep_error(&mut self, error: io::Error) {
        // That the peer has gone is an ending which the closing event tells of.
        if !is_peer_gone(&error) && self.error.is_none() {
            self.error = Some(error);
        }
    }

    /// Closes the session, unless it is closed: for the end of the input if that has come, else for
    /// `why`.
    pub(super) fn close(&mut self, now: Instant, why: Closed) {
        if !self.session.is_closed() {
            self.lost = true;
            self.session
                .handle_closed(now, Route::Pipe, self.input_end.unwrap_or(why));
        }
    }

    /// Hands on the decoder's frames while they are welcome; how many.
    pub(super) fn feed(&mut self, now: Instant, decoder: &mut LineDecoder) -> usize {
        let mut fed = 0;
        while !self.is_ended() && self.session.wants_frames() {
            match decoder.next_frame() {
                None => break,
                Some(Ok(frame)) => self.session.handle_frame(now, Route::Pipe, frame),
                Some(Err(error)) => self.session.handle_malformed(now, Route::Pipe, error),
            }
            fed += 1;
        }
        fed
    }

    /// Hands on what the decoder still holds when nothing more will be read.
    pub(super) fn end_input(
        &mut self,
        now: Instant,
        decoder: &mut LineDecoder,
        end: io::Result<()>,
    ) {
        match end {
            Ok(()) if !self.is_ended() => match decoder.finish() {
                None => {}
                Some(Ok(frame)) => self.session.handle_frame(now, Route::Pipe, frame),
                Some(Err(error)) => self.session.handle_malformed(now, Route::Pipe, error),
            },
            Ok(()) => {}
            Err(error) => {
                self.input_end = Some(Closed::ReadFailed);
                self.keep_error(error);
            }
        }
        self.input_end.get_or_insert(Closed::EndOfInput);
    }

    /// Whether the user's thread has something to do.
    fn concerns_user(&mut self) -> bool {
        if self.event.is_none() {
            self.event = self.session.poll_event();
        }
        self.event.is_some()
            || self.input_end.is_some()
            || self.session.is_closed()
            || match (self.session.poll_timeout(), self.armed) {
                (Some(due), Some(armed)) => due < armed,
                (due, _) => due.is_some(),
            }
    }
}

impl<S: Session> Shared<S> {
    pub(super) fn new(session: S, clock: Clock) -> Self {
        Self {
            clock,
            state: Mutex::new(State {
                session,
                event: None,
                outgoing: Vec::new(),
                reader_waits: false,
                writer_waits: false,
                user_waits: false,
                armed: None,
                waker: None,
                stopped: false,
                lost: false,
                input_end: None,
                hold: false,
                writer_done: false,
                error: None,
            }),
            reader: Condvar::new(),
            writer: Condvar::new(),
            user: Condvar::new(),
        }
    }

    /// Locks the session. A panic elsewhere doesn't matter: no command leaves it half changed.
    pub(super) fn lock(&self) -> MutexGuard<'_, State<S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notifies the threads that the present state concerns; the waker is for the caller to wake
    /// once it has unlocked.
    #[must_use]
    pub(super) fn settle(&self, state: &mut State<S>) -> Option<Waker> {
        if state.writer_waits {
            state.fill_output();
            if !state.outgoing.is_empty() || state.is_ended() {
                state.writer_waits = false;
                self.writer.notify_one();
            }
        }
        if state.user_waits && state.concerns_user() {
            state.user_waits = false;
            self.user.notify_one();
        }
        if state.reader_waits && (state.is_ended() || state.session.wants_frames()) {
            state.reader_waits = false;
            self.reader.notify_one();
        }
        state.waker.take()
    }

    /// Runs `act` on the session and settles, even when `act` panics.
    pub(super) fn with<R>(&self, act: impl FnOnce(&mut S, Instant) -> R) -> R {
        let mut locked = Locked {
            shared: self,
            state: Some(self.lock()),
        };
        let now = self.clock.now();
        match &mut locked.state {
            Some(state) => act(&mut state.session, now),
            None => unreachable!("the lock is held until the guard is dropped"),
        }
    }

    /// Closes the session because its connection is gone; what is pending may still be written.
    pub(super) fn stop(&self) {
        let mut state = self.lock();
        state.stopped = true;
        state.close(self.clock.now(), Closed::EndOfInput);
        let waker = self.settle(&mut state);
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// Settles when it is dropped.
struct Locked<'a, S: Session> {
    shared: &'a Shared<S>,
    state: Option<MutexGuard<'a, State<S>>>,
}

impl<S: Session> Drop for Locked<'_, S> {
    fn drop(&mut self) {
        let Some(mut state) = self.state.take() else {
            return;
        };
        let waker = self.shared.settle(&mut state);
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// Empties `buffer` after a write, keeping its room unless one large frame has grown it.
pub(super) fn recycle(buffer: &mut Vec<u8>) {
    if buffer.capacity() > KEEP {
        *buffer = Vec::new();
    }
    buffer.clear();
}

/// Whether `error` only says that the other side is no longer there.
pub(super) fn is_peer_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    matches!(
        error.kind(),
        BrokenPipe | ConnectionReset | ConnectionAborted
    )
}
