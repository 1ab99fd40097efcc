//! Drives a session over HTTP: one hand-polled loop between the session, the codec and whatever
//! carries the exchanges.
//!
//! Rules of this file: nothing is awaited, so nothing is lost when a future is dropped; the lock is
//! never held while an exchange is polled; requests leave whatever waits to be taken in, and nothing
//! is read while the session wants no frames; a session that has ended leaves the server a moment to
//! learn of it, and its last answer a moment to be read.

use alloc::collections::{BTreeSet, VecDeque};
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::future::poll_fn;
use core::mem;
use core::task::{Context, Poll};
use core::time::Duration;
use std::io;

use super::super::super::nonblocking::Drive;
use super::super::super::nonblocking::driven::ROUNDS;
use super::super::super::shared::{LINGER, Shared, sleep_time};
use super::super::super::state::State;
use super::super::super::{Clock, Handle};
use super::authorize::Authorization;
use super::net::{Net, Told};
use super::notes::Notes;
use super::remote::Remote;
use crate::http::{Action, End, HttpClient};
use crate::session::{ExchangeId, Session};
use crate::time::Instant;
use crate::trace::{self, Role};

/// A client session and the server at a URL that it speaks to. Its requests have to leave by routes
/// of their own: see [`Routing::PerRequest`](crate::session::Routing::PerRequest) and
/// [`ClientOptions::routing`](crate::client::ClientOptions::routing).
///
/// The connection sends, reads and keeps the time while [`next`](Self::next) is awaited, so await it
/// in a loop and give long work to other tasks, which reach the session through a [`Handle`].
///
/// Dropping it closes the session and all its exchanges, of which a legacy server isn't told. To end
/// gracefully, close the session and await `next` until it returns `None`.
pub struct HttpConnection<S: Session, N> {
    shared: Arc<Shared<S>>,
    http: HttpClient,
    net: N,
    /// What is still to be told to the session, in its order.
    incoming: VecDeque<Action>,
    /// What is under way.
    open: BTreeSet<ExchangeId>,
    /// What the codec has given up, of which the first words are still read.
    abandoned: Option<ExchangeId>,
    frame: Vec<u8>,
    armed: Option<Instant>,
    /// When the end stops waiting, once the session has ended.
    linger: Option<Instant>,
    notes: Notes,
    authorization: Authorization,
    origin: String,
}

impl<S: Session, N> HttpConnection<S, N> {
    pub(super) fn start(session: S, clock: Clock, remote: &Remote, net: N) -> Self {
        let mut options = remote.http_options();
        options.limits.frame = session.frame_limit();
        Self {
            shared: Arc::new(Shared::new(session, clock)),
            http: HttpClient::new(remote.url(), options),
            net,
            incoming: VecDeque::new(),
            open: BTreeSet::new(),
            abandoned: None,
            frame: Vec::new(),
            armed: None,
            linger: None,
            notes: Notes::default(),
            authorization: Authorization::new(remote),
            origin: remote.origin(),
        }
    }

    /// Runs `act` on the session; its output is sent by [`next`](Self::next). See
    /// [`Handle::with`].
    pub fn with<R>(&self, act: impl FnOnce(&mut S, Instant) -> R) -> R {
        self.shared.with(act)
    }

    /// Returns a handle for other tasks and threads.
    pub fn handle(&self) -> Handle<S> {
        Handle {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<S: Session, N: Net> HttpConnection<S, N> {
    /// Waits for the next event; `None` once the session is closed and all its events were given.
    ///
    /// Cancel safe: a future that is dropped before it is ready loses nothing. Before it returns
    /// `None` it tells a legacy server that the session is over, for at most a second. Returns an
    /// error only if the session has panicked.
    pub async fn next(&mut self) -> io::Result<Option<S::Event>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// As [`next`](Self::next), for hand-written futures.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<S::Event>>> {
        for _ in 0..ROUNDS {
            // Set before anything is looked at: what a handle changes from here on wakes the task.
            self.shared.sleep_as(cx);
            self.exchange();
            if let Some(next) = self.take_next() {
                return Poll::Ready(next);
            }
            if !(self.poll_told(cx) || self.authorization.poll(cx) || self.poll_time(cx)) {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Takes frames from the session to the codec and the other way round, until neither has any.
    fn exchange(&mut self) {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        let now = state.drive_timeout();
        if self.http.poll_timeout().is_some_and(|due| due <= now) {
            self.http.handle_timeout(now);
        }
        loop {
            while let Some(transmit) = state.next_transmit(&mut self.frame) {
                let frame = mem::take(&mut self.frame);
                // One without a frame ends a route, which a client never does.
                if !frame.is_empty() {
                    self.http.send(now, frame, &transmit);
                }
            }
            if state.is_ended() && self.linger.is_none() {
                self.linger = Some(now + LINGER);
                self.incoming.clear();
                self.authorization.stop(&mut self.net);
                self.http.close(now);
            }
            self.take_actions();
            if self.authorize(&mut state, now) {
                continue;
            }
            if !self.tell_next(&mut state) {
                return;
            }
        }
    }

    /// Goes on with an authorization; whether the codec has learned of one.
    fn authorize(&mut self, state: &mut State<S>, now: Instant) -> bool {
        let (net, http) = (&mut self.net, &mut self.http);
        let is_changed = self.authorization.step(now, net, http, &mut self.notes);
        match self.authorization.clocks() {
            Some(true) => state.act(|session, now| session.suspend(now)),
            Some(false) => state.act(|session, now| session.resume(now)),
            None => {}
        }
        is_changed
    }

    /// Does what the codec asks for; what is for the session waits in its order.
    fn take_actions(&mut self) {
        while let Some(action) = self.http.poll() {
            match action {
                Action::Start(request) => {
                    self.open.insert(request.exchange);
                    if let Some(request) = self.authorization.prepare(request) {
                        self.net.start(request);
                    }
                }
                Action::Challenge {
                    exchange,
                    status,
                    headers,
                } => self.authorization.challenge(exchange, status, &headers),
                Action::Abort(exchange) if self.notes.wants(exchange) => {
                    if let Some(before) = self.abandoned.replace(exchange) {
                        self.drop_exchange(before);
                    }
                }
                Action::Abort(exchange) => self.drop_exchange(exchange),
                Action::ToolRejected { name, reason } => {
                    let about = format!("{name}: {reason}");
                    trace::ignored(Role::Client, "a tool", &about);
                }
                action => self.incoming.push_back(action),
            }
        }
    }

    fn drop_exchange(&mut self, exchange: ExchangeId) {
        self.authorization.forget(exchange);
        if self.open.remove(&exchange) {
            self.net.abort(exchange);
        }
    }

    /// Tells the session the next thing, if it wants it; whether it did.
    fn tell_next(&mut self, state: &mut State<S>) -> bool {
        let is_frame = matches!(self.incoming.front(), Some(Action::Frame(..)));
        if is_frame && !state.is_ended() && !state.wants_frames() {
            return false;
        }
        let Some(action) = self.incoming.pop_front() else {
            return false;
        };
        state.act(|session, now| match action {
            Action::Frame(route, frame) => session.handle_frame(now, route, frame),
            Action::Malformed(route, error) => session.handle_malformed(now, route, error),
            Action::Closed(route, why) => session.handle_closed(now, route, why),
            _ => {}
        });
        true
    }

    /// The next event, or the end, if it is there.
    fn take_next(&mut self) -> Option<io::Result<Option<S::Event>>> {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        let next = match state.next_event() {
            Some(event) => Ok(Some(event)),
            None if state.is_closed() && self.is_finished() => {
                state.take_error().map_or(Ok(None), Err)
            }
            None => return None,
        };
        // The task is awake and will be back, so handles needn't wake it.
        state.stay_awake();
        Some(next)
    }

    /// Whether the server has been told, or has had its time.
    fn is_finished(&mut self) -> bool {
        let now = self.shared.clock.now();
        let Some(linger) = self.linger else {
            return false;
        };
        if linger <= now {
            for exchange in mem::take(&mut self.open) {
                self.net.abort(exchange);
            }
        }
        self.open.is_empty()
    }

    /// Learns one thing of one exchange, if frames are welcome; whether there was any.
    fn poll_told(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.incoming.is_empty() {
            return false;
        }
        let Poll::Ready((exchange, told)) = self.net.poll_told(cx) else {
            return false;
        };
        let now = self.shared.clock.now();
        if self.authorization.owns(exchange) {
            if let Some(enough) = self.authorization.told(told) {
                self.net.abort(enough);
            }
            return true;
        }
        match told {
            Told::Head(head) => {
                self.authorization.head(exchange, &head);
                self.notes.head(exchange, &head);
                self.http.handle_head(now, exchange, &head);
            }
            Told::Body(piece) => {
                self.notes.body(exchange, &piece);
                self.http.handle_body(now, exchange, &piece);
                if self.abandoned == Some(exchange) && !self.notes.wants(exchange) {
                    self.abandoned = None;
                    self.drop_exchange(exchange);
                }
            }
            Told::End => self.ended(now, exchange, End::Clean),
            Told::Failed(how, words) => {
                self.notes.failure(words);
                self.ended(now, exchange, how);
            }
        }
        true
    }

    fn ended(&mut self, now: Instant, exchange: ExchangeId, how: End) {
        self.open.remove(&exchange);
        self.abandoned.take_if(|abandoned| *abandoned == exchange);
        self.http.handle_end(now, exchange, how);
    }

    /// Sets the timer for whatever comes first; whether it has gone off.
    fn poll_time(&mut self, cx: &mut Context<'_>) -> bool {
        let session = self.shared.lock().session.poll_timeout();
        let authorization = self.authorization.deadline();
        let wakes = [
            session,
            self.http.poll_timeout(),
            authorization,
            self.linger,
        ];
        let Some(wake) = wakes.into_iter().flatten().min() else {
            return false;
        };
        // A timer that is set too early costs one look; setting it anew costs more.
        if self.armed.is_none_or(|armed| wake < armed) {
            self.armed = Some(wake);
            self.net.arm(sleep_time(wake, self.shared.clock.now()));
        }
        let rang = self.net.poll_timer(cx).is_ready();
        if rang {
            self.armed = None;
        }
        rang
    }
}

impl<S: Session, N: Net> Drive for HttpConnection<S, N> {
    type Session = S;

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<S::Event>>> {
        self.poll_next(cx)
    }

    fn handle(&self) -> Handle<S> {
        self.handle()
    }

    /// Does nothing: there is no input that ends.
    fn hold(&mut self, _: Option<Duration>) {}

    fn describe_peer(&mut self) -> Option<String> {
        Some(match self.notes.text() {
            Some(notes) => format!("`{}`: {notes}", self.origin),
            None => format!("`{}`", self.origin),
        })
    }
}

impl<S: Session, N> Drop for HttpConnection<S, N> {
    fn drop(&mut self) {
        self.shared.stop();
    }
}

impl<S: Session, N> fmt::Debug for HttpConnection<S, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpConnection")
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}
