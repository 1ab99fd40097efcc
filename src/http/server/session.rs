//! One server session over HTTP: the exchanges that its client has opened, and the streams that
//! they carry.
//!
//! ```text
//!             first frame is the answer ──────────────────▶ JSON with its status
//!  Undecided ─┤ any other frame, or the patience is over ─▶ events .. answer ──▶ end
//!             └ the session ends ─────────────────────────▶ 404, or 503 in the modern era
//!  events ── connection gone ──▶ modern: cancelled   legacy: goes on unseen, for Last-Event-ID
//! ```
//!
//! Rules of this file: each frame goes to exactly one stream (`httpL.nobroadcast`); a stream has at
//! most one exchange; answers never end the stream that belongs to no request.

use alloc::sync::Arc;
use alloc::vec::Vec;

use smallvec::SmallVec;

use crate::frame::SseEvent;
use crate::rpc::{Kind, ScannedFrame, code};
use crate::session::{Closed, ExchangeId, IncomingId, Route, ServerSession, ServesClient};
use crate::time::Instant;

use super::super::classify::{Input, refusal};
use super::super::{Part, Reply};
use super::callers::later;
use super::event_id::EventId;
use super::log::Log;
use super::numbered::Numbered;
use super::options::{SessionKind, StreamOptions};
use super::outgoing::{Mode, Outgoing};
use super::status::SessionStatus;
use super::stream::Stream;

/// The stream that belongs to no request.
pub(super) const STANDALONE: u64 = 0;

/// A server session and the HTTP exchanges that carry it.
///
/// Hand what the client asks for to [`handle`](Self::handle), react to what
/// [`poll_event`](Self::poll_event) gives with commands to [`session`](Self::session), call
/// [`pump`](Self::pump) after them, and answer each exchange with what
/// [`poll_part`](Self::poll_part) gives for it. `S` is a [`ServerSession`] or what contains one.
#[derive(Debug)]
pub struct HttpSession<S = ServerSession> {
    pub(super) session: S,
    pub(super) kind: SessionKind,
    pub(super) options: Arc<StreamOptions>,
    pub(super) streams: Numbered<Stream, 1>,
    pub(super) exchanges: Numbered<Outgoing, 0>,
    pub(super) log: Log,
    /// The number of the next exchange.
    pub(super) next: u64,
    pub(super) now: Instant,
    /// The exchanges that have had parts added since they were named last.
    pub(super) ready: SmallVec<[u64; 1]>,
    pub(super) left_out: u64,
    pub(super) is_draining: bool,
}

impl<S: ServesClient> HttpSession<S> {
    /// Creates a session over HTTP from one that is new. Many sessions may share their options.
    pub fn new(session: S, kind: SessionKind, options: impl Into<Arc<StreamOptions>>) -> Self {
        Self {
            session,
            log: Log::default(),
            kind,
            streams: Numbered::new(),
            exchanges: Numbered::new(),
            next: 1,
            now: Instant::ZERO,
            ready: SmallVec::new(),
            left_out: 0,
            is_draining: false,
            options: options.into(),
        }
    }

    /// Takes what a client asks for and returns the exchange that answers it.
    pub fn handle(&mut self, now: Instant, input: Input) -> ExchangeId {
        self.now = self.now.max(now);
        let number = self.next;
        self.next += 1;
        match self.refused(&input) {
            Some(reply) => self.reply(number, reply),
            None => match input {
                Input::Post { frame, .. } => self.post(number, frame),
                Input::Get { last_event } => self.get(number, last_event.as_deref()),
                Input::Delete => self.delete(number),
            },
        }
        self.carry_output();
        ExchangeId::new(number)
    }

    /// Learns that the client of an exchange has gone, or that the connection broke.
    // `httpM.cancel` `httpL.sse.disconnect`
    pub fn handle_gone(&mut self, now: Instant, exchange: ExchangeId) {
        self.now = self.now.max(now);
        let number = exchange.number();
        if let Some(outgoing) = self.exchanges.remove(number) {
            let stream = outgoing.stream;
            if !outgoing.is_resumable
                && stream != STANDALONE
                && let Some(stream) = self.streams.get_mut(stream)
            {
                // Its client has no event to come back with.
                stream.is_lost = true;
            }
            self.detach(number, stream);
        }
        self.carry_output();
    }

    /// Lets the time pass: call it when [`poll_timeout`](Self::poll_timeout)'s instant has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = self.now.max(now);
        self.session.handle_timeout(now);
        self.carry_output();
        let due: Vec<u64> = self
            .exchanges
            .iter()
            .filter_map(|(number, outgoing)| {
                let is_due = outgoing.deadline().is_some_and(|at| at <= self.now);
                is_due.then_some(number)
            })
            .collect();
        for number in due {
            match self.exchanges.get(number).map(|outgoing| outgoing.mode) {
                Some(Mode::Undecided(_)) => self.begin_events(number),
                Some(Mode::Events) => {
                    // What still waits to be read says enough.
                    if let Some(outgoing) = self.exchanges.get_mut(number)
                        && !outgoing.has_parts()
                    {
                        outgoing.comment();
                    }
                    self.touch(number);
                }
                _ => {}
            }
        }
    }

    /// Returns when [`handle_timeout`](Self::handle_timeout) has to be called at the latest; `None`
    /// when nothing waits.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let exchanges = self.exchanges.values().filter_map(Outgoing::deadline);
        exchanges.chain(self.session.poll_timeout()).min()
    }

    /// Returns the next thing that has happened; `None` when there is none.
    pub fn poll_event(&mut self) -> Option<S::Event> {
        self.session.poll_event()
    }

    /// Returns the next part of the response of an exchange: its head, pieces of its body, its end;
    /// `None` when there is none yet, and after the end.
    pub fn poll_part(&mut self, exchange: ExchangeId) -> Option<Part> {
        let number = exchange.number();
        let outgoing = self.exchanges.get_mut(number)?;
        let part = outgoing.poll();
        if part == Some(Part::End) {
            self.exchanges.remove(number);
        }
        part
    }

    /// Returns an exchange that has had parts added since it was named last; `None` when none has.
    pub fn poll_ready(&mut self) -> Option<ExchangeId> {
        while let Some(number) = self.ready.pop() {
            if let Some(outgoing) = self.exchanges.get_mut(number) {
                outgoing.is_named = false;
                return Some(ExchangeId::new(number));
            }
        }
        None
    }

    /// Returns the session, for commands. Call [`pump`](Self::pump) after them.
    pub fn session(&mut self) -> &mut S {
        &mut self.session
    }

    /// Puts what the session has to send onto its streams.
    pub fn pump(&mut self, now: Instant) {
        self.now = self.now.max(now);
        self.carry_output();
    }

    /// Takes no new requests from now on, and ends the streams that belong to none: those of
    /// `subscriptions/listen` with their results. What is open is still answered, and its client may
    /// come back for it. The session is drained once [`status`](Self::status) isn't busy.
    pub fn drain(&mut self, now: Instant) {
        self.now = self.now.max(now);
        self.is_draining = true;
        self.session.end_subscriptions(self.now);
        self.carry_output();
    }

    /// Ends the session from this side: requests in progress are cancelled, and every exchange ends.
    pub fn close(&mut self, now: Instant) {
        self.now = self.now.max(now);
        self.session.close(self.now);
        self.carry_output();
    }

    /// Closes the connection that an answer is awaited on, and not the stream: the client comes
    /// back for it after the time it was told. Returns whether it was, which it is only where a
    /// client can come back.
    // `httpL.sse.poll.close` `httpL.sse.retry.send`
    pub fn let_go(&mut self, request: IncomingId) -> bool {
        let Some(Route::Exchange(stream)) = self.session.as_ref().route_of(request) else {
            return false;
        };
        let stream = self.streams.get(stream.number());
        let Some(number) = stream.and_then(|stream| stream.exchange) else {
            return false;
        };
        self.begin_events(number);
        let Some(outgoing) = self.exchanges.get_mut(number) else {
            return false;
        };
        if !outgoing.is_resumable {
            return false;
        }
        outgoing.end();
        let stream = outgoing.stream;
        self.touch(number);
        self.detach(number, stream);
        true
    }

    /// Returns how far the session has come, for [`Endpoint`](super::Endpoint)'s table.
    pub fn status(&self) -> SessionStatus {
        let session = self.session.as_ref();
        match self.kind {
            _ if self.session.is_closed() => SessionStatus::Closed,
            SessionKind::Legacy { .. } if session.legacy_revision().is_none() => {
                SessionStatus::Closed
            }
            SessionKind::Legacy { .. } if !session.is_initialized() => SessionStatus::HalfOpen,
            _ if self.exchanges.is_empty() && session.open_requests() == 0 => SessionStatus::Idle,
            _ => SessionStatus::Busy,
        }
    }

    /// Returns how many notifications were left out because a client didn't read.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Returns how many bytes the streams hold, the session's own not counted.
    pub fn held_bytes(&self) -> usize {
        let unsent: usize = self
            .exchanges
            .values()
            .map(|outgoing| outgoing.unsent)
            .sum();
        unsent + self.log.held() + self.streams.len() * size_of::<Stream>()
    }

    /// What can't be taken at all. What answers the server, or ends something, is taken however
    /// much is open: what is open may wait for it.
    fn refused(&self, input: &Input) -> Option<Reply> {
        let is_post = matches!(input, Input::Post { .. });
        let is_request = match input {
            Input::Post { kind, .. } => matches!(kind, None | Some(Kind::Request)),
            Input::Get { .. } => true,
            Input::Delete => false,
        };
        let is_resumed = matches!(
            input,
            Input::Get {
                last_event: Some(_)
            }
        );
        let is_full = is_request && self.exchanges.len() >= self.options.exchanges
            || is_post && !self.session.wants_frames();
        if self.session.is_closed() {
            Some(refusal(404, code::INVALID_REQUEST, "the session is over"))
        } else if self.is_draining && is_request && !is_resumed {
            Some(later(503, "the server is closing", "5"))
        } else if is_full {
            Some(later(503, "the session is busy", "1"))
        } else {
            None
        }
    }

    fn post(&mut self, number: u64, frame: ScannedFrame) {
        if let SessionKind::Pair { .. } = self.kind {
            // `sse24.message.event` `sse24.post.status`
            self.session.handle_scanned(self.now, Route::Pipe, frame);
            return self.reply(number, Reply::empty(202));
        }
        let decide_at = (!self.options.json_only).then(|| self.now + self.options.patience);
        self.exchanges
            .insert(number, Outgoing::new(number, decide_at));
        let exchange = Some(number);
        self.streams.insert(
            number,
            Stream {
                exchange,
                ..Stream::default()
            },
        );
        let route = Route::Exchange(ExchangeId::new(number));
        self.session.handle_scanned(self.now, route, frame);
        if self.session.as_ref().is_listening_on(route) {
            self.begin_events(number);
        }
    }

    fn get(&mut self, number: u64, last_event: Option<&str>) {
        let (stream, after) = match (&self.kind, last_event) {
            (SessionKind::Legacy { tag, .. }, Some(text)) => {
                let Some(id) = EventId::read(text, *tag).filter(|id| self.can_resume(*id)) else {
                    let why = "Last-Event-ID names no event that is kept";
                    return self.reply(number, refusal(400, code::INVALID_REQUEST, why));
                };
                (id.stream, Some(id.event))
            }
            (SessionKind::Legacy { .. }, None) => (STANDALONE, None),
            (SessionKind::Pair { .. }, _) => (STANDALONE, None),
            (SessionKind::Modern | SessionKind::Stateless, _) => {
                return self.reply(number, Reply::empty(405));
            }
        };
        if self.is_draining && stream == STANDALONE {
            return self.reply(number, later(503, "the server is closing", "5"));
        }
        let old = self.streams.or_default(stream).exchange;
        if let Some(old) = old {
            // Who has read an event of it takes the stream over; nobody else does.
            if after.is_none() {
                let why = "the session has this stream already";
                return self.reply(number, refusal(409, code::INVALID_REQUEST, why));
            }
            if let Some(outgoing) = self.exchanges.get_mut(old) {
                outgoing.end();
            }
            self.touch(old);
        }
        let mut outgoing = Outgoing::new(stream, None);
        // A client that resumes has an id already, which another one would replace too early.
        outgoing.is_resumable = after.is_some();
        self.exchanges.insert(number, outgoing);
        if let Some(stream) = self.streams.get_mut(stream) {
            stream.exchange = Some(number);
        }
        self.begin_events(number);
        self.replay(number, stream, after);
    }

    /// Whether a stream can go on after this event: it is known, and nothing of it was dropped. The
    /// stream that belongs to no request always can; it goes on with what is there.
    fn can_resume(&self, id: EventId) -> bool {
        match self.streams.get(id.stream) {
            Some(stream) => {
                id.stream == STANDALONE
                    || self
                        .log
                        .is_whole_after(id.stream, id.event, stream.events + 1)
            }
            None => id.stream == STANDALONE,
        }
    }

    /// Sends what an exchange has missed of its stream.
    // `httpL.resume.replay`
    fn replay(&mut self, number: u64, stream: u64, after: Option<u64>) {
        let SessionKind::Legacy { tag, .. } = self.kind else {
            return;
        };
        let Some(outgoing) = self.exchanges.get_mut(number) else {
            return;
        };
        let mut is_over = false;
        for kept in self.log.after(stream, after) {
            kept.is_sent = true;
            is_over |= kept.is_last;
            let mut event = SseEvent::message(kept.frame.clone());
            let id = EventId {
                stream,
                event: kept.event,
            };
            event.id = Some(id.to_text(tag));
            outgoing.event(&event);
        }
        let ended = self
            .streams
            .get(stream)
            .is_some_and(|stream| stream.is_over);
        if is_over || ended {
            outgoing.end();
            self.detach(number, stream);
        }
        self.touch(number);
    }

    // `httpL.session.delete`
    fn delete(&mut self, number: u64) {
        self.session
            .handle_closed(self.now, Route::Pipe, Closed::EndOfInput);
        self.reply(number, Reply::empty(200));
    }

    /// Answers an exchange that carries no stream.
    fn reply(&mut self, number: u64, reply: Reply) {
        let mut outgoing = Outgoing::new(number, None);
        outgoing.finish(reply);
        self.exchanges.insert(number, outgoing);
        self.touch(number);
    }
}
