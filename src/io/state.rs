//! What the lock of a connection protects: the session and how far its two streams have got.
//!
//! Rules of this file: the end of the input closes the session once every event before it was
//! taken; a lost write closes it only when the input has ended too or has been quiet for a while,
//! since answers may already be in the pipe; output that can't be written is thrown away, so that
//! it never stops the reading; a session that panics is closed and not asked again.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::mem;
#[cfg(any(feature = "tokio", feature = "futures-io", feature = "http-client"))]
use core::task::Context;
use core::task::Waker;
use core::time::Duration;
use std::io;

use super::Clock;
use super::panics::catch_panic;
use crate::frame::{FrameError, LineDecoder};
#[cfg(feature = "http-client")]
use crate::session::Transmit;
use crate::session::{Closed, Route, Session};
use crate::time::Instant;

/// Output is gathered into one write until it is this long.
pub(super) const GATHER: usize = 64 * 1024;
/// How long the input has to be quiet after a lost write before the session is closed.
const QUIET: Duration = Duration::from_millis(200);
/// How long a peer that still sends, but no longer reads, is listened to.
const LISTEN: Duration = Duration::from_secs(2);
/// How much of the first lines is kept.
const HEAD: usize = 80;

/// What the lock protects.
pub(super) struct State<S: Session> {
    pub(super) session: S,
    clock: Clock,
    /// The time that whoever had the lock last knew.
    pub(super) now: Instant,
    /// An event that was taken from the session to see whether there was one.
    event: Option<S::Event>,
    /// Lines that were taken from the session to be written next.
    pub(super) outgoing: Vec<u8>,
    pub(super) reader_waits: bool,
    pub(super) writer_waits: bool,
    pub(super) user_waits: bool,
    /// When the user's thread wakes by itself.
    pub(super) armed: Option<Instant>,
    /// What wakes the task that drives the connection, and what the task does.
    waker: Option<Waker>,
    task: TaskState,
    /// Whether the connection was dropped.
    pub(super) stopped: bool,
    /// Whether it was a stream that ended the session.
    pub(super) lost: bool,
    /// Why nothing more will be read.
    pub(super) input_end: Option<Closed>,
    /// Whether the end of the input leaves the session open until somebody closes it.
    pub(super) hold: bool,
    pub(super) writer_done: bool,
    /// Since a write has failed.
    drain: Option<Drain>,
    /// Whether nothing can be written any more.
    output_lost: bool,
    /// Whether the session has panicked.
    broken: bool,
    /// How many lines were handed on.
    fed: u64,
    first_lines: FirstLines,
    /// What went wrong with a stream, to be given after the last event.
    error: Option<io::Error>,
}

/// What the task that drives the connection does.
#[cfg_attr(
    not(any(feature = "tokio", feature = "futures-io", feature = "http-client")),
    expect(dead_code, reason = "without them threads drive all connections")
)]
enum TaskState {
    /// It is to be woken.
    Sleeps,
    /// It will look at the session by itself.
    Awake,
    /// The same, after others have touched the session, or it was woken for that.
    Touched,
}

/// What the first lines say of a peer that is none.
#[derive(Default)]
struct FirstLines {
    /// The beginning of the first one that was sent.
    sent: Vec<u8>,
    /// Whether one that looked like a message has come.
    has_message: bool,
    /// Whether the first of those was the one that was sent.
    is_echo: bool,
    /// The beginning of the first one that didn't look like a message.
    junk: Option<Vec<u8>>,
}

impl FirstLines {
    fn look_at_sent(&mut self, lines: &[u8]) {
        if self.sent.is_empty() && !self.has_message {
            self.sent = lines[..lines.len().min(HEAD)].to_vec();
        }
    }

    fn look_at(&mut self, line: &[u8]) {
        if self.has_message || line.is_empty() {
            return;
        }
        match line.trim_ascii_start().first() {
            Some(b'{' | b'[') => {
                self.has_message = true;
                let sent = mem::take(&mut self.sent);
                self.is_echo = !sent.is_empty() && line.starts_with(&sent);
            }
            _ if self.junk.is_none() => self.junk = Some(line[..line.len().min(HEAD)].to_vec()),
            _ => {}
        }
    }

    /// The beginning of the first line, if nothing that came was a message. Told once.
    fn take_junk(&mut self) -> Option<String> {
        let junk = self.junk.take().filter(|_| !self.has_message)?;
        let shown = String::from_utf8_lossy(&junk);
        Some(format!("its first line is no message: {shown:?}"))
    }
}

/// How long the input is still listened to after a lost write.
struct Drain {
    quiet_until: Instant,
    latest: Instant,
    fed: u64,
}

impl Drain {
    /// Starts waiting again, as it was the user who kept frames from being read.
    fn put_off(&mut self, now: Instant) {
        self.quiet_until = now + QUIET;
        self.latest = self.latest.max(self.quiet_until);
    }
}

impl<S: Session> State<S> {
    pub(super) fn new(session: S, clock: Clock) -> Self {
        Self {
            session,
            clock,
            now: Instant::ZERO,
            event: None,
            outgoing: Vec::new(),
            reader_waits: false,
            writer_waits: false,
            user_waits: false,
            armed: None,
            waker: None,
            task: TaskState::Touched,
            stopped: false,
            lost: false,
            input_end: None,
            hold: false,
            writer_done: false,
            drain: None,
            output_lost: false,
            broken: false,
            fed: 0,
            first_lines: FirstLines::default(),
            error: None,
        }
    }

    /// Has whatever concerns the task that drives the connection wake it; whether it was another task,
    /// or none, before.
    #[cfg(any(feature = "tokio", feature = "futures-io", feature = "http-client"))]
    pub(super) fn sleep_as(&mut self, cx: &Context<'_>) -> bool {
        self.task = TaskState::Sleeps;
        let known = self.waker.as_ref();
        let is_other = !known.is_some_and(|waker| waker.will_wake(cx.waker()));
        if is_other {
            self.waker = Some(cx.waker().clone());
        }
        is_other
    }

    /// Has nothing wake the task that drives the connection until it sleeps again.
    #[cfg(any(feature = "tokio", feature = "futures-io", feature = "http-client"))]
    pub(super) const fn stay_awake(&mut self) {
        self.task = TaskState::Awake;
    }

    /// Whether anybody but the task has touched the session since it slept or stayed awake.
    #[cfg(any(feature = "tokio", feature = "futures-io"))]
    pub(super) const fn was_touched(&self) -> bool {
        matches!(self.task, TaskState::Touched)
    }

    /// Whether the session is open and nothing has happened to its streams.
    #[cfg(any(feature = "tokio", feature = "futures-io"))]
    pub(super) fn is_undisturbed(&self) -> bool {
        self.input_end.is_none() && self.drain.is_none() && !self.is_ended()
    }

    /// Whether there is an event; it is taken from the session to see that.
    pub(super) fn has_event(&mut self) -> bool {
        if self.event.is_none()
            && let Some(event) = self.session.poll_event()
        {
            self.event = Some(event);
        }
        self.event.is_some()
    }

    /// What wakes the task that drives the connection, if it sleeps.
    pub(super) fn wake(&mut self) -> Option<Waker> {
        match mem::replace(&mut self.task, TaskState::Touched) {
            TaskState::Sleeps => self.waker.clone(),
            TaskState::Awake | TaskState::Touched => None,
        }
    }

    /// Forgets the task that drives the connection.
    pub(super) const fn forget_task(&mut self) -> Option<Waker> {
        self.task = TaskState::Touched;
        self.waker.take()
    }

    /// The next event, in order; at the end of the input the closing one.
    pub(super) fn next_event(&mut self) -> Option<S::Event> {
        let is_held_up = self.drain.is_some() && !self.session.wants_frames();
        let event = match self.event {
            Some(_) => self.event.take(),
            None => self.session.poll_event(),
        };
        match (self.input_end, &mut self.drain) {
            (Some(why), _) if event.is_none() && !self.hold => {
                self.close(why);
                self.session.poll_event()
            }
            (_, Some(drain)) if is_held_up => {
                drain.put_off(self.clock.now());
                event
            }
            _ => event,
        }
    }

    /// Lets the time pass for the session; returns the time.
    pub(super) fn drive_timeout(&mut self) -> Instant {
        let now = self.clock.now();
        if self.session.poll_timeout().is_some_and(|due| due <= now) {
            self.session.handle_timeout(now);
        }
        now
    }

    /// Whether the session is closed, or has panicked and is not asked again.
    pub(super) fn is_closed(&self) -> bool {
        self.broken || self.session.is_closed()
    }

    /// Whether no more input is taken and the output ends with what is pending.
    pub(super) fn is_ended(&self) -> bool {
        self.stopped || self.is_closed()
    }

    /// Whether the next frame is welcome.
    pub(super) fn wants_frames(&self) -> bool {
        !self.is_ended() && self.session.wants_frames()
    }

    /// Whether the input is still read: by a closed session only while its peer may still read.
    #[cfg(any(feature = "tokio", feature = "futures-io"))]
    pub(super) fn expects_input(&self) -> bool {
        self.input_end.is_none() && !(self.is_closed() && self.output_lost)
    }

    /// Takes lines from the session until one write is full.
    pub(super) fn fill_output(&mut self) {
        let mut outgoing = mem::take(&mut self.outgoing);
        self.take_output(&mut outgoing);
        self.outgoing = outgoing;
    }

    /// Appends lines of the session to `lines` until they fill one write; the first frame isn't copied.
    pub(super) fn take_output(&mut self, lines: &mut Vec<u8>) {
        self.catch(|session| {
            loop {
                let is_first = lines.is_empty();
                if lines.len() >= GATHER || session.poll_transmit(lines).is_none() {
                    break;
                }
                // Doubling would leave half of it empty, for as long as the connection does nothing.
                if is_first || lines.len() >= GATHER {
                    lines.reserve_exact(1);
                }
                lines.push(b'\n');
            }
        });
        self.first_lines.look_at_sent(lines);
    }

    /// Takes one frame from the session, and where it goes.
    #[cfg(feature = "http-client")]
    pub(super) fn next_transmit(&mut self, frame: &mut Vec<u8>) -> Option<Transmit> {
        let mut transmit = None;
        self.catch(|session| transmit = session.poll_transmit(frame));
        transmit
    }

    /// Does something to the session, unless it has ended.
    #[cfg(feature = "http-client")]
    pub(super) fn act(&mut self, act: impl FnOnce(&mut S, Instant)) {
        if !self.is_ended() {
            let now = self.clock.now();
            self.catch(|session| act(session, now));
        }
    }

    /// Throws away what can't be written any more; whether that is so.
    pub(super) fn discard_output(&mut self) -> bool {
        while self.output_lost {
            self.outgoing.clear();
            self.fill_output();
            if self.outgoing.is_empty() {
                break;
            }
        }
        self.output_lost
    }

    /// Learns that a write has failed. What the peer has already sent is still heard.
    pub(super) fn fail_output(&mut self, error: io::Error) {
        let now = self.clock.now();
        self.keep_error(error);
        self.output_lost = true;
        self.discard_output();
        self.drain = Some(Drain {
            quiet_until: now + QUIET,
            latest: now + LISTEN,
            fed: self.fed,
        });
    }

    /// Whether a write has failed.
    #[cfg(any(feature = "tokio", feature = "futures-io"))]
    pub(super) const fn is_draining(&self) -> bool {
        self.drain.is_some()
    }

    /// Closes the session if a write has failed and the input has nothing more to say; returns when
    /// to ask again.
    pub(super) fn poll_drain(&mut self) -> Option<Instant> {
        let now = self.clock.now();
        let drain = self.drain.as_mut()?;
        if self.input_end.is_some() || self.stopped || self.broken || self.session.is_closed() {
            return None;
        }
        // Frames that the user keeps from being read are not late.
        if !self.session.wants_frames() {
            drain.put_off(now);
        }
        if drain.fed != self.fed {
            drain.fed = self.fed;
            drain.quiet_until = now + QUIET;
        }
        let limit = drain.quiet_until.min(drain.latest);
        if limit <= now {
            self.close(Closed::WriteFailed);
            return None;
        }
        Some(limit)
    }

    /// Closes the session, unless it is closed: for the end of the input if that has come, else for
    /// `why`.
    pub(super) fn close(&mut self, why: Closed) {
        if !self.is_closed() {
            self.lost = true;
            let now = self.clock.now();
            let why = self.input_end.unwrap_or(why);
            self.catch(|session| session.handle_closed(now, Route::Pipe, why));
        }
    }

    /// Hands on the decoder's frames while they are welcome; how many.
    pub(super) fn feed(&mut self, decoder: &mut LineDecoder, now: Instant) -> usize {
        let mut fed = 0;
        while decoder.buffered() > 0 && self.wants_frames() {
            let Some(line) = decoder.next_frame() else {
                break;
            };
            self.hand_on(line, now);
            fed += 1;
        }
        fed
    }

    /// Hands on what the decoder still holds when nothing more will be read.
    pub(super) fn end_input(&mut self, decoder: &mut LineDecoder, end: io::Result<()>) {
        match end {
            Ok(()) if !self.is_ended() => {
                self.first_lines.look_at(decoder.unfinished());
                if let Some(line) = decoder.finish() {
                    self.hand_on(line, self.clock.now());
                }
            }
            Ok(()) => {}
            Err(error) => {
                self.input_end = Some(Closed::ReadFailed);
                self.keep_error(error);
            }
        }
        self.input_end.get_or_insert(Closed::EndOfInput);
    }

    fn hand_on(&mut self, line: Result<bytes::Bytes, FrameError>, now: Instant) {
        self.fed += 1;
        match line {
            Ok(frame) => {
                self.first_lines.look_at(&frame);
                self.catch(|session| session.handle_frame(now, Route::Pipe, frame));
            }
            Err(error) => {
                if let FrameError::TooLong { head, .. } = &error {
                    self.first_lines.look_at(head);
                }
                self.catch(|session| session.handle_malformed(now, Route::Pipe, error));
            }
        }
    }

    /// Whether the user's thread has something to do.
    pub(super) fn concerns_user(&mut self) -> bool {
        self.has_event()
            || self.input_end.is_some()
            || self.is_closed()
            || match (self.session.poll_timeout(), self.armed) {
                (Some(due), Some(armed)) => due < armed,
                (due, _) => due.is_some(),
            }
    }

    /// The error that a stream failed with, to be reported after the last event. `None` from then
    /// on.
    pub(super) fn take_error(&mut self) -> Option<io::Error> {
        self.error.take()
    }

    /// What the peer sent instead of messages. `None` from then on.
    pub(super) fn take_junk(&mut self) -> Option<String> {
        self.first_lines.take_junk()
    }

    /// What is wrong with the peer of a session that could not be opened, by its first line.
    pub(super) fn describe_input(&mut self) -> Option<String> {
        match self.first_lines.is_echo {
            true => Some("it sends back what it is sent".into()),
            false => self.take_junk(),
        }
    }

    /// Keeps what a stream failed with, to be given at the end.
    fn keep_error(&mut self, error: io::Error) {
        // That the peer has gone is an ending which the closing event tells of.
        if !is_peer_gone(&error) && self.error.is_none() {
            self.error = Some(error);
        }
    }

    /// Runs `act` on the session. A panic, which was printed, closes the session instead of
    /// stopping whoever drives it.
    fn catch(&mut self, act: impl FnOnce(&mut S)) {
        if self.broken {
            return;
        }
        if catch_panic(|| act(&mut self.session)).is_some() {
            return;
        }
        self.broken = true;
        self.lost = true;
        self.error = Some(io::Error::other("the session has panicked"));
        let now = self.clock.now();
        // What still works of it completes its calls; a second panic has been printed as well.
        catch_panic(|| {
            if !self.session.is_closed() {
                let session = &mut self.session;
                session.handle_closed(now, Route::Pipe, Closed::ReadFailed);
            }
        });
    }
}

/// Whether `error` only says that the other side is no longer there.
fn is_peer_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected};
    matches!(
        error.kind(),
        BrokenPipe | ConnectionReset | ConnectionAborted | NotConnected
    )
}
