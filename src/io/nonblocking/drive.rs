//! What the asynchronous adapters have in common: one hand-polled loop that reads, writes, keeps
//! the time and takes events, whatever the traits of the streams are called.
//!
//! Rules of this file: nothing is awaited, so nothing is lost when a future is dropped; the lock is
//! never held while a stream is polled; reading never waits for writing, nor writing for reading;
//! only what has moved lets the loop go round again; after an event a session that nobody has touched
//! is asked for the next one only, and for nothing before something has come or a deadline has; what is
//! due is asked once a look, at its end, and a deadline that has come by then is told in another; once
//! the output has ended, what comes is read and thrown away for a moment, since a socket that is closed
//! with something unread takes back what was written.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem;
use core::task::{Context, Poll};
use core::time::Duration;
use std::io;
use std::sync::Arc;

use super::super::shared::{LINGER, Shared, recycle, sleep_end, sleep_time};
use super::super::state::{GATHER, State};
use super::super::{Clock, Handle};
use super::driven::ROUNDS;
use super::knock::Knock;
use crate::frame::LineDecoder;
use crate::session::Session;
use crate::time::{Instant, earlier};

/// A connection on which nothing happens keeps a buffer of no more than this.
const RESTING: usize = 1024;

/// The streams and the timer of one runtime. The methods are those of the runtime's own traits.
pub trait Streams {
    /// Whether the timer keeps the waker it was polled with, and doesn't go off before its time by the
    /// session's clock: then it isn't polled again until that.
    const IS_PUNCTUAL: bool = false;

    /// Reads what there is into `decoder`; how many bytes, none at the end.
    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        decoder: &mut LineDecoder,
    ) -> Poll<io::Result<usize>>;
    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>>;
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Sets the timer, in place of what it was set to before.
    fn arm(&mut self, wait: Duration);

    /// Whether the timer has gone off. Polled only after it was set.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()>;
}

/// What comes after an event when there is nothing to look for.
enum Calm<E> {
    Event(E),
    /// And the time, if that is known.
    Waits(Option<Instant>),
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
    traffic: Traffic,
}

/// How far the traffic on the streams of a session has got.
struct Traffic {
    decoder: LineDecoder,
    lines: Vec<u8>,
    /// Whether the session may have more lines than those.
    has_more: bool,
    output: Output,
    /// Whether the last look at the session has found that the input is to be read.
    reads: bool,
    /// Tells whether the reader has woken the task; there once the task was woken by something else.
    knock: Option<Box<Knock>>,
    /// When the session was last known to want the time told.
    due: Option<Instant>,
    /// Whether the last look has given an event and seen that there is nothing to do but to give further
    /// ones and to read.
    is_calm: bool,
    /// Whether it has seen a further one; what is due is known then.
    has_event: bool,
    armed: Option<Instant>,
    /// Whether the timer wakes the task at that time without being polled before.
    is_ticking: bool,
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
        let traffic = Traffic {
            decoder: LineDecoder::small(session.frame_limit()),
            lines: Vec::new(),
            has_more: false,
            output: Output::Idle,
            reads: false,
            knock: None,
            due: None,
            is_calm: false,
            has_event: false,
            armed: None,
            is_ticking: false,
            linger: None,
            wrote_at: Instant::ZERO,
            grace: None,
            held_until: None,
        };
        Self {
            shared: Arc::new(Shared::new(session, clock)),
            traffic,
        }
    }

    /// Says whether something still runs that the end of the input should wait for, and how long.
    pub(in crate::io) fn hold(&mut self, grace: Option<Duration>) {
        if self.traffic.grace == grace {
            return;
        }
        self.traffic.grace = grace;
        self.traffic.is_calm = false;
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

    /// Whether the next event was there when the last one was given.
    pub(in crate::io) const fn has_event(&self) -> bool {
        self.traffic.has_event
    }

    /// Moves everything on as far as it will go; ready with the next event, or at the end. If it
    /// `is_again`, the same poll of the task has been given an event by it already.
    pub(in crate::io) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        streams: &mut impl Streams,
        is_again: bool,
    ) -> Poll<io::Result<Option<S::Event>>> {
        let Self { shared, traffic } = self;
        traffic.poll_next(shared, cx, streams, is_again)
    }
}

impl Traffic {
    fn poll_next<S: Session>(
        &mut self,
        shared: &Shared<S>,
        cx: &mut Context<'_>,
        streams: &mut impl Streams,
        mut is_again: bool,
    ) -> Poll<io::Result<Option<S::Event>>> {
        // What was begun is written on, and what has come is read, before the session is looked at:
        // so one look takes it in.
        let mut is_waiting = false;
        let mut read = None;
        if self.output != Output::Idle {
            self.poll_output(shared, cx, streams, shared.clock.now());
        }
        let calm = self.go_on(shared, cx, is_again);
        if let Some(Calm::Event(event)) = calm {
            return Poll::Ready(Ok(Some(event)));
        }
        if self.reads {
            let knock = self.knock.as_mut();
            is_waiting = knock.is_some_and(|knock| knock.is_quiet(cx));
            if !is_waiting {
                read = self.poll_read(cx, streams);
                is_waiting = read.is_none();
                if is_waiting && calm.is_none() && self.knock.is_none() {
                    self.knock = Some(Box::new(Knock::new(cx)));
                }
            }
        }
        if let Some(Calm::Waits(now)) = calm
            && is_waiting
            && !self.poll_timer(shared, cx, streams, self.due, now)
        {
            self.rest();
            return Poll::Pending;
        }
        for _ in 0..ROUNDS {
            let look = self.look(shared, cx, read.take(), mem::take(&mut is_again));
            let writes = self.output != Output::Idle;
            let moved = writes && self.poll_output(shared, cx, streams, look.now);
            if let Some(next) = look.next {
                return Poll::Ready(next);
            }
            // A reader that had nothing a moment ago will wake the task.
            if look.reads && !is_waiting {
                read = self.poll_read(cx, streams);
                is_waiting = read.is_none();
            }
            let mut is_due = || self.poll_time(shared, cx, streams, &look);
            if !(look.moved || moved || read.is_some() || is_due()) {
                self.rest();
                return Poll::Pending;
            }
        }
        if let Some(read) = read {
            // What was read last before other tasks get their turn.
            let mut state = shared.lock();
            let (now, _) = self.pass_time(shared, &mut state, false);
            self.take_in(&mut state, now, read);
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Goes on after an event without a look, if the last one has seen that there is nothing else to do
    /// and nobody has touched the session since.
    fn go_on<S: Session>(
        &mut self,
        shared: &Shared<S>,
        cx: &Context<'_>,
        is_again: bool,
    ) -> Option<Calm<S::Event>> {
        if !mem::take(&mut self.is_calm) || self.output != Output::Idle {
            return None;
        }
        let mut state = shared.lock();
        if state.was_touched() {
            return None;
        }
        if !self.has_event {
            let is_read = self.decoder.buffered() == 0 && state.wants_frames();
            self.reads = is_read;
            return is_read.then(|| {
                self.sleep_as(&mut state, cx);
                self.due = state.session.poll_timeout();
                Calm::Waits(is_again.then_some(state.now))
            });
        }
        if !is_again {
            // Whatever was done with the last event may have taken its time.
            state.now = shared.clock.now();
        }
        if self.due.is_some_and(|due| due <= state.now) {
            return None;
        }
        let event = state.next_event()?;
        self.has_event = state.has_event();
        self.is_calm = true;
        Some(Calm::Event(event))
    }

    /// Lets the time pass for the session if it was known to want that; the time, which was known before
    /// if it `is_known`, and whether it was so.
    fn pass_time<S: Session>(
        &self,
        shared: &Shared<S>,
        state: &mut State<S>,
        is_known: bool,
    ) -> (Instant, bool) {
        if !is_known {
            state.now = shared.clock.now();
        }
        let now = state.now;
        let is_due = self.due.is_some_and(|due| due <= now);
        if is_due {
            state.session.handle_timeout(now);
        }
        (now, is_due)
    }

    /// Has whatever concerns the session wake the task.
    fn sleep_as<S: Session>(&mut self, state: &mut State<S>, cx: &Context<'_>) {
        if state.sleep_as(cx) {
            self.is_ticking = false;
        }
    }

    /// Gives the session what was read, the time and the decoder's lines, and takes from it what is to
    /// be written and the next event: all that needs its lock.
    fn look<S: Session>(
        &mut self,
        shared: &Shared<S>,
        cx: &Context<'_>,
        read: Option<io::Result<usize>>,
        is_again: bool,
    ) -> Look<S::Event> {
        let mut state = shared.lock();
        // Set before anything is looked at: what a handle changes from here on wakes the task.
        self.sleep_as(&mut state, cx);
        // What comes never counts as earlier than it came.
        let is_known = is_again && read.is_none();
        let (now, was_due) = self.pass_time(shared, &mut state, is_known);
        if let Some(read) = read {
            self.take_in(&mut state, now, read);
        }
        match self.output {
            Output::Idle => self.fill_output(&mut state),
            // Whatever the session adds by now is to be looked for once this is written.
            _ => self.has_more = true,
        }
        self.reads = false;
        self.has_event = false;
        let next = self.take_next(&mut state, now);
        if next.is_some() {
            // The task is awake and will be back, so handles needn't wake it.
            state.stay_awake();
            self.has_event = state.has_event();
            self.is_calm = !self.has_more && state.is_undisturbed();
            self.due = state.session.poll_timeout();
            return Look::ended(now, next);
        }
        let is_welcome = state.is_closed() || state.wants_frames();
        // What the decoder still holds comes before what is still to be read.
        let is_fed = state.feed(&mut self.decoder, now) > 0;
        self.reads = !is_fed && is_welcome && state.expects_input();
        let held_until = self.held_until.filter(|_| state.hold);
        self.due = state.session.poll_timeout();
        // One that stays due although it was told is told again when the timer goes off.
        let is_late = !was_due && self.due.is_some_and(|due| due <= now);
        Look {
            now,
            next: None,
            reads: self.reads,
            moved: is_fed || is_late,
            drains: state.is_draining(),
            wake: earlier(self.due, held_until),
        }
    }

    /// The next event, or the end, if it is there.
    fn take_next<S: Session>(
        &mut self,
        state: &mut State<S>,
        now: Instant,
    ) -> Option<io::Result<Option<S::Event>>> {
        if let (Some(grace), Some(_)) = (self.grace, state.input_end) {
            state.hold = now < *self.held_until.get_or_insert(now + grace);
        }
        match state.next_event() {
            Some(event) => Some(Ok(Some(event))),
            None if state.is_closed() && self.is_finished(state, now) => {
                Some(state.take_error().map_or(Ok(None), Err))
            }
            None => None,
        }
    }

    /// Whether both streams of a closed session have ended or have been waited for long enough.
    fn is_finished<S: Session>(&mut self, state: &State<S>, now: Instant) -> bool {
        let has_ended = self.output == Output::Done && !state.expects_input();
        has_ended || *self.linger.get_or_insert(now + LINGER) <= now
    }

    /// Writes as much as the stream takes; whether there is a reason to look at the session again.
    fn poll_output<S: Session>(
        &mut self,
        shared: &Shared<S>,
        cx: &mut Context<'_>,
        streams: &mut impl Streams,
        now: Instant,
    ) -> bool {
        loop {
            let step = match self.output {
                Output::Idle | Output::Done => return false,
                Output::Writing(at) => self.poll_write(cx, streams, at),
                Output::Flushing => self
                    .poll_other(cx, |cx, _| streams.poll_flush(cx))
                    .map_ok(|()| Output::Idle),
                Output::Closing => self
                    .poll_other(cx, |cx, _| streams.poll_close(cx))
                    .map_ok(|()| Output::Done),
            };
            match step {
                Poll::Pending => return false,
                Poll::Ready(Ok(next)) if next == self.output => {
                    self.fail_output(shared, io::ErrorKind::WriteZero.into());
                    return true;
                }
                Poll::Ready(Ok(next)) => {
                    if let Output::Writing(_) = self.output {
                        self.wrote_at = now;
                    }
                    self.output = next;
                    match next {
                        Output::Idle => {
                            recycle(&mut self.lines);
                            return self.has_more;
                        }
                        Output::Done => {
                            // What was written last is still under way, and waits for the peer to read.
                            self.linger = Some(self.wrote_at + LINGER);
                            return true;
                        }
                        _ => {}
                    }
                }
                Poll::Ready(Err(error)) => {
                    self.fail_output(shared, error);
                    return true;
                }
            }
        }
    }

    /// Writes lines from the byte at `at` on; where the writing is then.
    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        streams: &mut impl Streams,
        at: usize,
    ) -> Poll<io::Result<Output>> {
        let write = |cx: &mut Context<'_>, lines: &[u8]| streams.poll_write(cx, &lines[at..]);
        let written = self.poll_other(cx, write);
        written.map_ok(|length| match at + length {
            at if at < self.lines.len() => Output::Writing(at),
            _ => Output::Flushing,
        })
    }

    /// Polls the writer, with the lines, or the timer by the same waker as the reader.
    fn poll_other<T>(
        &mut self,
        cx: &mut Context<'_>,
        poll: impl FnOnce(&mut Context<'_>, &[u8]) -> Poll<T>,
    ) -> Poll<T> {
        let lines = &self.lines;
        match &mut self.knock {
            Some(knock) => knock.poll_other(cx, |cx| poll(cx, lines)),
            None => poll(cx, lines),
        }
    }

    /// Takes the next lines from the session, if there are any, or learns that none will come.
    fn fill_output<S: Session>(&mut self, state: &mut State<S>) {
        state.take_output(&mut self.lines);
        let is_closed = state.is_closed();
        if !self.lines.is_empty() {
            self.output = Output::Writing(0);
        } else if is_closed {
            self.output = Output::Closing;
        }
        self.has_more = is_closed || self.lines.len() >= GATHER;
    }

    fn fail_output<S: Session>(&mut self, shared: &Shared<S>, error: io::Error) {
        self.output = Output::Done;
        shared.lock().fail_output(error);
    }

    /// Sets the timer for whatever comes first; whether it has gone off, or a lost write has closed
    /// the session.
    fn poll_time<S: Session>(
        &mut self,
        shared: &Shared<S>,
        cx: &mut Context<'_>,
        streams: &mut impl Streams,
        look: &Look<S::Event>,
    ) -> bool {
        let mut drained = None;
        if look.drains {
            let mut state = shared.lock();
            let was_closed = state.is_closed();
            drained = state.poll_drain();
            if state.is_closed() != was_closed {
                return true;
            }
        }
        let wake = earlier(look.wake, drained);
        self.poll_timer(shared, cx, streams, wake, Some(look.now))
    }

    /// Sets the timer for `wake`, or the end of the waiting for streams; whether it has gone off. `now` is
    /// a time within this poll of the task, if one is known.
    #[inline]
    fn poll_timer<S: Session>(
        &mut self,
        shared: &Shared<S>,
        cx: &mut Context<'_>,
        streams: &mut impl Streams,
        wake: Option<Instant>,
        now: Option<Instant>,
    ) -> bool {
        let Some(wake) = earlier(wake, self.linger) else {
            return false;
        };
        if self.is_ticking
            && let (Some(armed), Some(now)) = (self.armed, now)
            && now < armed
            && armed <= wake
        {
            // If it goes off from here on it wakes the task.
            return false;
        }
        self.set_timer(shared, cx, streams, wake)
    }

    #[inline(never)]
    fn set_timer<S: Session, T: Streams>(
        &mut self,
        shared: &Shared<S>,
        cx: &mut Context<'_>,
        streams: &mut T,
        wake: Instant,
    ) -> bool {
        // A timer that is set too early costs one look; setting it anew costs more.
        if self.armed.is_none_or(|armed| wake < armed) {
            let now = shared.clock.now();
            self.armed = Some(sleep_end(wake, now));
            streams.arm(sleep_time(wake, now));
        }
        let rang = self
            .poll_other(cx, |cx, _| streams.poll_timer(cx))
            .is_ready();
        self.is_ticking = T::IS_PUNCTUAL && !rang;
        if rang {
            self.armed = None;
        }
        rang
    }

    /// Reads while frames are welcome; how much, none at the end. Once the session is closed, what
    /// comes is thrown away: a peer that is busy writing may not read before.
    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        streams: &mut impl Streams,
    ) -> Option<io::Result<usize>> {
        let decoder = &mut self.decoder;
        let polled = match &mut self.knock {
            Some(knock) => knock.poll(cx, |cx| streams.poll_read(cx, decoder)),
            None => streams.poll_read(cx, decoder),
        };
        match polled {
            Poll::Ready(read) => Some(read),
            Poll::Pending => None,
        }
    }

    fn take_in<S: Session>(&mut self, state: &mut State<S>, now: Instant, read: io::Result<usize>) {
        let discards = state.is_closed();
        if discards {
            self.decoder.clear();
        }
        match read {
            Ok(0) => state.end_input(&mut self.decoder, Ok(())),
            Ok(_) => {
                state.feed(&mut self.decoder, now);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // How the input ends makes no difference any more.
            Err(_) if discards => state.end_input(&mut self.decoder, Ok(())),
            Err(error) => state.end_input(&mut self.decoder, Err(error)),
        }
    }

    /// Gives back the room that a burst has needed, as nothing is under way.
    fn rest(&mut self) {
        self.decoder.rest();
        if self.output == Output::Idle && self.lines.capacity() > RESTING {
            self.lines = Vec::new();
        }
    }
}

/// What one look at the session has found.
struct Look<E> {
    now: Instant,
    /// The next event, or the end.
    next: Option<io::Result<Option<E>>>,
    /// Whether the input is to be read.
    reads: bool,
    /// Whether something has changed, so that another look is due.
    moved: bool,
    /// Whether a write was lost, so that the input is listened to for a while only.
    drains: bool,
    /// When the time is to be told.
    wake: Option<Instant>,
}

impl<E> Look<E> {
    /// A look that was over when it had found the next event, or the end.
    const fn ended(now: Instant, next: Option<io::Result<Option<E>>>) -> Self {
        Self {
            now,
            next,
            reads: false,
            moved: false,
            drains: false,
            wake: None,
        }
    }
}

impl<S: Session> Drop for Driver<S> {
    fn drop(&mut self) {
        self.shared.stop();
    }
}
