//! Drives a session over blocking streams: one thread reads, one writes, the caller's takes events.
//!
//! The threads are detached, as nothing can interrupt a blocked read. They end when the stream
//! does, when the session is closed, or when the connection is dropped and the stream next yields.

use alloc::string::String;
use core::fmt;
use std::io::{self, Read, Write};
use std::net::TcpStream;
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::sync::{Arc, MutexGuard, PoisonError};

use super::super::shared::{LINGER, Shared, sleep_time};
use super::super::state::State;
use super::super::thread::spawn;
use super::super::{Clock, Handle};
use super::socket::{Leave, Socket, divide};
use super::threads::{read_all, write_all};
use crate::frame::LineDecoder;
use crate::session::Session;
use crate::time::Instant;

/// A session and the two streams it speaks over.
///
/// Take events with [`next`](Self::next) in a loop; issue commands with [`with`](Self::with), or
/// from other threads through a [`Handle`]. Timeouts are driven while `next` waits. The end of the
/// input closes the session when `next` has given all events that came before it, so a server that
/// answers each request before it takes the next event answers them all.
///
/// Dropping the connection closes the session and returns at once; what is already pending is still
/// written, as long as the process lives. A peer that holds on to its end of a pipe keeps the
/// reading thread; over a socket ([`tcp`](Self::tcp), [`unix`](Self::unix)) it keeps nothing for
/// more than ten seconds.
pub struct Connection<S: Session> {
    shared: Arc<Shared<S>>,
    lingered: bool,
    socket: Option<Arc<dyn Leave>>,
}

impl<S> Connection<S>
where
    S: Session + Send + 'static,
    S::Event: Send,
{
    /// Starts to drive `session` over the two streams. Returns an error if a thread can't be
    /// started.
    pub fn new(
        session: S,
        reader: impl Read + Send + 'static,
        writer: impl Write + Send + 'static,
    ) -> io::Result<Self> {
        Self::start(session, reader, writer, false)
    }

    /// Starts to drive `session` over the process's standard input and output.
    ///
    /// From then on nothing else may read the one or print to the other: logs belong on the
    /// standard error.
    // `stdio.stdout.pure`
    pub fn stdio(session: S) -> io::Result<Self> {
        Self::new(session, io::stdin(), io::stdout())
    }

    /// Starts to drive `session` over a TCP connection. When the session is closed, the peer learns
    /// of it by the end of its input, and has a moment to read what was sent and to end its own
    /// output; then the socket is shut down.
    ///
    /// It sets `TCP_NODELAY`, as what is written is never less than whole frames. Returns an error if
    /// a thread can't be started.
    pub fn tcp(session: S, stream: TcpStream) -> io::Result<Self> {
        // Without it all is slower, and a socket that refuses it may be gone already.
        drop(stream.set_nodelay(true));
        Self::over(session, stream)
    }

    /// As [`tcp`](Self::tcp), over a socket of the file system.
    #[cfg(unix)]
    pub fn unix(session: S, stream: UnixStream) -> io::Result<Self> {
        Self::over(session, stream)
    }

    fn over(session: S, socket: impl Socket) -> io::Result<Self> {
        let (reader, writer, leave) = divide(socket);
        let mut connection = Self::start(session, reader, writer, true)?;
        connection.socket = Some(leave);
        Ok(connection)
    }

    /// As [`new`](Self::new); with `drain` the reader goes on to the end of its stream when the
    /// connection is gone, so that a writer on the other side isn't stopped by a broken pipe.
    pub(in crate::io) fn start(
        session: S,
        reader: impl Read + Send + 'static,
        writer: impl Write + Send + 'static,
        drain: bool,
    ) -> io::Result<Self> {
        let decoder = LineDecoder::new(session.frame_limit());
        let shared = Arc::new(Shared::new(session, Clock::start()));
        // It exists before the threads do, so that an error stops the one that was started.
        let connection = Self {
            shared,
            lingered: false,
            socket: None,
        };
        let shared = Arc::clone(&connection.shared);
        spawn("mcp writer", move || write_all(&shared, writer))?;
        let shared = Arc::downgrade(&connection.shared);
        spawn("mcp reader", move || {
            read_all(&shared, reader, decoder, drain)
        })?;
        Ok(connection)
    }
}

impl<S: Session> Connection<S> {
    /// Waits for the next event; `None` once the session is closed and all its events were given.
    ///
    /// Before it returns `None` it gives the pending output a moment to be written. Returns an
    /// error at most once, after the last event, with what a stream failed with; a peer that merely
    /// went away is no error.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator could not err and then go on"
    )]
    pub fn next(&mut self) -> io::Result<Option<S::Event>> {
        self.next_until(None)
    }

    /// Returns the next event if there is one already; never waits. Returns `None` at the end as
    /// well.
    pub fn try_next(&mut self) -> Option<S::Event> {
        let mut state = self.shared.lock();
        state.drive_timeout();
        let event = state.next_event();
        let _no_task = self.shared.notify(&mut state);
        event
    }

    /// As [`next`](Self::next), but gives up with `None` at `deadline`, a time of this connection's
    /// [`now`](Self::now), even if more events are there; [`is_closed`](Self::is_closed) tells the
    /// two apart.
    pub fn next_before(&mut self, deadline: Instant) -> io::Result<Option<S::Event>> {
        self.next_until(Some(deadline))
    }

    /// Runs `act` on the session and sends its output. See [`Handle::with`].
    pub fn with<R>(&self, act: impl FnOnce(&mut S, Instant) -> R) -> R {
        self.shared.with(act)
    }

    /// Returns a handle for other threads.
    pub fn handle(&self) -> Handle<S> {
        Handle {
            shared: Arc::clone(&self.shared),
        }
    }

    /// Returns the current time of this session.
    pub fn now(&self) -> Instant {
        self.shared.clock.now()
    }

    /// Returns whether the session is closed. Events may still be waiting.
    pub fn is_closed(&self) -> bool {
        self.shared.lock().is_closed()
    }

    /// Says whether the end of the input leaves the session open. While it does, `next` says `None`
    /// once all events before that end were taken.
    pub(in crate::io) fn hold(&mut self, hold: bool) {
        self.shared.lock().hold = hold;
    }

    /// Closes the session as dropping the connection does.
    pub(in crate::io) fn stop(&self) {
        self.shared.stop();
    }

    /// What the peer sent instead of messages. Told once.
    #[cfg(feature = "child")]
    pub(in crate::io) fn take_junk(&self) -> Option<String> {
        self.shared.lock().take_junk()
    }

    /// Whether it was a stream that ended the session, its events having been given.
    #[cfg(feature = "child")]
    pub(in crate::io) fn is_lost(&self) -> bool {
        self.shared.lock().lost
    }

    fn next_until(&mut self, deadline: Option<Instant>) -> io::Result<Option<S::Event>> {
        let Self {
            shared,
            lingered,
            socket,
        } = self;
        let mut state = shared.lock();
        loop {
            let now = state.drive_timeout();
            let is_late = deadline.is_some_and(|deadline| deadline <= now);
            // Under a flood there is always one more event: the deadline comes first.
            let event = if is_late { None } else { state.next_event() };
            let _no_task = shared.notify(&mut state);
            if event.is_some() {
                return Ok(event);
            }
            if is_late {
                return Ok(None);
            }
            if state.is_closed() {
                let end = end(shared, state, lingered);
                leave(socket);
                return end;
            }
            if state.hold && state.input_end.is_some() {
                return Ok(None);
            }
            let wake = [deadline, state.session.poll_timeout()]
                .into_iter()
                .flatten()
                .min();
            state = wait(shared, state, now, wake);
        }
    }
}

/// What drives a session and blocks meanwhile: a [`Connection`], or one to a child process.
pub trait Drive {
    /// The session that is driven.
    type Session: Session;

    /// Waits for the next event; `None` at the end. See [`Connection::next`].
    fn next_event(&mut self) -> io::Result<Option<<Self::Session as Session>::Event>>;

    /// Waits for the next event until `deadline`. See [`Connection::next_before`].
    fn next_event_before(
        &mut self,
        deadline: Instant,
    ) -> io::Result<Option<<Self::Session as Session>::Event>>;

    /// A handle for other threads.
    fn handle(&self) -> Handle<Self::Session>;

    /// Ends what stands behind the connection, and waits until it has ended. Bounded by the
    /// connection's own time limits; does nothing for mere streams.
    ///
    /// Call it once the session is closed. It closes the session otherwise. Returns an error if
    /// what stands behind the connection can't be ended.
    fn end(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Describes what stands behind the connection and what came from it, such as its name, how it
    /// has ended and its last words: for the error of whoever could not use it. `None` when nothing
    /// is known. Called after the last event.
    fn describe_peer(&mut self) -> Option<String> {
        self.handle().describe_input()
    }
}

impl<S: Session> Drive for Connection<S> {
    type Session = S;

    fn next_event(&mut self) -> io::Result<Option<S::Event>> {
        self.next()
    }

    fn next_event_before(&mut self, deadline: Instant) -> io::Result<Option<S::Event>> {
        self.next_before(deadline)
    }

    fn handle(&self) -> Handle<S> {
        self.handle()
    }
}

impl<S: Session> Drop for Connection<S> {
    fn drop(&mut self) {
        self.shared.stop();
        leave(&mut self.socket);
    }
}

impl<S: Session> fmt::Debug for Connection<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

/// Has the socket end, if there is one, when its peer has had its time.
fn leave(socket: &mut Option<Arc<dyn Leave>>) {
    if let Some(socket) = socket.take() {
        socket.leave();
    }
}

/// Waits for the last output to be written, but not for ever, and gives the stream's error.
fn end<'a, S: Session>(
    shared: &'a Shared<S>,
    mut state: MutexGuard<'a, State<S>>,
    lingered: &mut bool,
) -> io::Result<Option<S::Event>> {
    let limit = shared.clock.now() + LINGER;
    while !state.writer_done && !*lingered {
        let now = shared.clock.now();
        *lingered = limit <= now;
        state = wait(shared, state, now, Some(limit));
    }
    match state.take_error() {
        Some(error) => Err(error),
        None => Ok(None),
    }
}

/// Lets the user's thread sleep until something concerns it, or until `wake`.
fn wait<'a, S: Session>(
    shared: &'a Shared<S>,
    mut state: MutexGuard<'a, State<S>>,
    now: Instant,
    wake: Option<Instant>,
) -> MutexGuard<'a, State<S>> {
    state.user_waits = true;
    state.armed = wake;
    let mut state = match wake {
        None => shared
            .user
            .wait(state)
            .unwrap_or_else(PoisonError::into_inner),
        Some(wake) => {
            shared
                .user
                .wait_timeout(state, sleep_time(wake, now))
                .unwrap_or_else(PoisonError::into_inner)
                .0
        }
    };
    state.user_waits = false;
    state
}
