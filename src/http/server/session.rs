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

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use bytes::Bytes;

use crate::frame::SseEvent;
use crate::revision::{Era, Revision};
use crate::rpc::{Kind, code};
use crate::session::{Closed, ExchangeId, IncomingId, Route, ServerSession, Session, Transmit};
use crate::time::Instant;

use super::super::answer::status_of;
use super::super::classify::{Input, refusal};
use super::super::headers::name;
use super::super::{Part, Reply, ResponseHead};
use super::event_id::EventId;
use super::log::{Kept, Log};
use super::options::{SessionKind, StreamOptions};
use super::outgoing::{Mode, Outgoing};
use super::table::SessionStatus;

/// The stream that belongs to no request.
const STANDALONE: u64 = 0;

/// A server session and the HTTP exchanges that carry it.
///
/// Hand what the client asks for to [`handle`](Self::handle), react to what
/// [`poll_event`](Self::poll_event) gives with commands to [`session`](Self::session), call
/// [`pump`](Self::pump) after them, and answer each exchange with what
/// [`poll_part`](Self::poll_part) gives for it. `S` is a [`ServerSession`] or what contains one.
#[derive(Debug)]
pub struct HttpSession<S = ServerSession> {
    session: S,
    kind: SessionKind,
    options: StreamOptions,
    streams: BTreeMap<u64, Stream>,
    exchanges: BTreeMap<u64, Outgoing>,
    log: Log,
    /// The number of the next exchange.
    next: u64,
    now: Instant,
    ready: BTreeSet<u64>,
    left_out: u64,
    buffer: Vec<u8>,
}

/// What one request's messages travel on, whatever connection carries it.
#[derive(Debug, Default)]
struct Stream {
    exchange: Option<u64>,
    /// The number of the event that was written last.
    events: u64,
    is_over: bool,
}

impl<S: Session + AsRef<ServerSession>> HttpSession<S> {
    /// Creates a session over HTTP from one that is new.
    pub fn new(session: S, kind: SessionKind, options: StreamOptions) -> Self {
        let replays = match kind {
            SessionKind::Legacy { .. } => options.replay_events,
            _ => 0,
        };
        Self {
            session,
            log: Log::new(replays, options.replay_bytes),
            kind,
            streams: BTreeMap::new(),
            exchanges: BTreeMap::new(),
            next: 1,
            now: Instant::ZERO,
            ready: BTreeSet::new(),
            left_out: 0,
            buffer: Vec::new(),
            options,
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
        self.settle();
        ExchangeId::new(number)
    }

    /// Learns that the client of an exchange has gone, or that the connection broke.
    // `httpM.cancel` `httpL.sse.disconnect`
    pub fn handle_gone(&mut self, now: Instant, exchange: ExchangeId) {
        self.now = self.now.max(now);
        let number = exchange.number();
        self.ready.remove(&number);
        if let Some(outgoing) = self.exchanges.remove(&number) {
            self.detach(number, outgoing.stream);
        }
        self.settle();
    }

    /// Lets the time pass: call it when [`poll_timeout`](Self::poll_timeout)'s instant has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = self.now.max(now);
        self.session.handle_timeout(now);
        self.settle();
        let due: Vec<u64> = self
            .exchanges
            .iter()
            .filter_map(|(number, outgoing)| {
                let is_due = outgoing.deadline().is_some_and(|at| at <= self.now);
                is_due.then_some(*number)
            })
            .collect();
        for number in due {
            match self.exchanges.get(&number).map(|outgoing| outgoing.mode) {
                Some(Mode::Undecided(_)) => self.begin_events(number),
                Some(Mode::Events) => {
                    if let Some(outgoing) = self.exchanges.get_mut(&number) {
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
        let outgoing = self.exchanges.get_mut(&number)?;
        let part = outgoing.poll();
        if part == Some(Part::End) {
            self.exchanges.remove(&number);
            self.ready.remove(&number);
        }
        part
    }

    /// Returns an exchange that has had parts added since it was named last; `None` when none has.
    pub fn poll_ready(&mut self) -> Option<ExchangeId> {
        self.ready.pop_first().map(ExchangeId::new)
    }

    /// Returns the session, for commands. Call [`pump`](Self::pump) after them.
    pub fn session(&mut self) -> &mut S {
        &mut self.session
    }

    /// Puts what the session has to send onto its streams.
    pub fn pump(&mut self, now: Instant) {
        self.now = self.now.max(now);
        self.settle();
    }

    /// Closes the connection that an answer is awaited on, and not the stream: the client comes
    /// back for it after the time it was told. Returns whether it was, which it is only where a
    /// client can come back.
    // `httpL.sse.poll.close` `httpL.sse.retry.send`
    pub fn let_go(&mut self, request: IncomingId) -> bool {
        let Some(Route::Exchange(stream)) = self.session.as_ref().route_of(request) else {
            return false;
        };
        let stream = self.streams.get(&stream.number());
        let Some(number) = stream.and_then(|stream| stream.exchange) else {
            return false;
        };
        self.begin_events(number);
        let Some(outgoing) = self.exchanges.get_mut(&number) else {
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

    /// What can't be taken at all.
    fn refused(&self, input: &Input) -> Option<Reply> {
        let is_full = self.exchanges.len() >= self.options.exchanges
            || matches!(input, Input::Post { .. }) && !self.session.wants_frames();
        match input {
            _ if self.session.is_closed() => {
                Some(refusal(404, code::INVALID_REQUEST, "the session is over"))
            }
            Input::Delete => None,
            _ if is_full => {
                let mut reply = refusal(503, code::INVALID_REQUEST, "the session is busy");
                reply.head.headers.push(name::RETRY_AFTER, "1");
                Some(reply)
            }
            _ => None,
        }
    }

    fn post(&mut self, number: u64, frame: Bytes) {
        if let SessionKind::Pair { .. } = self.kind {
            // `sse24.message.event` `sse24.post.status`
            self.session.handle_frame(self.now, Route::Pipe, frame);
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
        self.session.handle_frame(self.now, route, frame);
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
        let old = self.streams.entry(stream).or_default().exchange;
        if let Some(old) = old {
            // Who has read an event of it takes the stream over; nobody else does.
            if after.is_none() {
                let why = "the session has this stream already";
                return self.reply(number, refusal(409, code::INVALID_REQUEST, why));
            }
            if let Some(outgoing) = self.exchanges.get_mut(&old) {
                outgoing.end();
            }
            self.touch(old);
        }
        let mut outgoing = Outgoing::new(stream, None);
        // A client that resumes has an id already, which another one would replace too early.
        outgoing.is_resumable = after.is_some();
        self.exchanges.insert(number, outgoing);
        if let Some(stream) = self.streams.get_mut(&stream) {
            stream.exchange = Some(number);
        }
        self.begin_events(number);
        self.replay(number, stream, after);
    }

    /// Whether a stream can go on after this event: it is known, and nothing of it was dropped. The
    /// stream that belongs to no request always can; it goes on with what is there.
    fn can_resume(&self, id: EventId) -> bool {
        match self.streams.get(&id.stream) {
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
        let Some(outgoing) = self.exchanges.get_mut(&number) else {
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
            .get(&stream)
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

    /// Puts what the session has to send onto its streams, and ends what has nothing to wait for.
    fn settle(&mut self) {
        while let Some(transmit) = self.session.poll_transmit(&mut self.buffer) {
            let frame = Bytes::from(core::mem::take(&mut self.buffer));
            self.route(&transmit, frame);
        }
        let is_closed = self.session.is_closed();
        let open: Vec<u64> = self
            .exchanges
            .iter()
            .filter_map(|(number, outgoing)| (outgoing.mode != Mode::Ended).then_some(*number))
            .collect();
        for number in open {
            let Some(outgoing) = self.exchanges.get_mut(&number) else {
                continue;
            };
            let stream = outgoing.stream;
            let route = Route::Exchange(ExchangeId::new(stream));
            let is_done = stream != STANDALONE && self.session.as_ref().open_on(route) == 0;
            if is_closed {
                outgoing.finish(Reply::empty(match self.kind {
                    SessionKind::Modern | SessionKind::Stateless => 503,
                    _ => 404,
                }));
            } else if is_done {
                // `httpL.202` `httpM.notif.202`
                outgoing.finish(Reply::empty(202));
            } else if outgoing.unsent > self.options.unsent_most {
                outgoing.end();
            } else {
                continue;
            }
            self.touch(number);
            self.end_stream(number, stream, is_done || is_closed);
        }
    }

    /// Takes the exchange off its stream, which may be over.
    fn end_stream(&mut self, number: u64, stream: u64, is_over: bool) {
        if let Some(stream) = self.streams.get_mut(&stream) {
            stream.is_over |= is_over;
        }
        self.detach(number, stream);
    }

    /// Takes an exchange that has ended off its stream. What that means for what the stream carries
    /// is the era's to say.
    fn detach(&mut self, number: u64, stream: u64) {
        let Some(entry) = self.streams.get_mut(&stream) else {
            return;
        };
        if entry.exchange != Some(number) {
            return;
        }
        entry.exchange = None;
        let is_over = entry.is_over;
        let lost = match self.kind {
            _ if is_over => None,
            SessionKind::Modern => Some(Route::Exchange(ExchangeId::new(stream))),
            SessionKind::Stateless => Some(Route::Pipe),
            // `sse24.close`
            SessionKind::Pair { .. } => Some(Route::Pipe),
            SessionKind::Legacy { .. } => None,
        };
        if let Some(route) = lost {
            self.session
                .handle_closed(self.now, route, Closed::EndOfInput);
        }
        if is_over && !self.log.has(stream) {
            self.streams.remove(&stream);
        }
    }

    /// Puts a frame onto the stream that it belongs to.
    fn route(&mut self, transmit: &Transmit, frame: Bytes) {
        let is_legacy = matches!(self.kind, SessionKind::Legacy { .. });
        let stream = match transmit.route {
            Route::Exchange(exchange) => exchange.number(),
            _ => STANDALONE,
        };
        let is_aside = self.options.json_only && stream != STANDALONE && !transmit.last && {
            !self.session.as_ref().is_listening_on(transmit.route)
        };
        match self.kind {
            SessionKind::Modern | SessionKind::Stateless if is_aside || stream == STANDALONE => {}
            _ if is_aside => self.deliver(STANDALONE, frame, transmit),
            _ if is_legacy || self.streams.contains_key(&stream) => {
                self.deliver(stream, frame, transmit);
            }
            _ => {}
        }
    }

    fn deliver(&mut self, number: u64, frame: Bytes, transmit: &Transmit) {
        let is_last = transmit.last && number != STANDALONE;
        let stream = self.streams.entry(number).or_default();
        let exchange = stream.exchange;
        if let Some(outgoing) = exchange.and_then(|exchange| self.exchanges.get_mut(&exchange)) {
            let is_lone = is_last && matches!(outgoing.mode, Mode::Undecided(_));
            if is_lone {
                stream.is_over = true;
                return self.answer(number, frame, transmit.kind);
            }
            // `Limits`: a slow reader costs itself what can be done without, and nobody else.
            if outgoing.unsent > self.options.unsent && transmit.kind == Kind::Notification {
                self.left_out += 1;
                return;
            }
        }
        if let Some(exchange) = exchange {
            self.begin_events(exchange);
        }
        let stream = self.streams.entry(number).or_default();
        stream.events += 1;
        let event = stream.events;
        if let Some(exchange) = exchange {
            let mut message = SseEvent::message(frame.clone());
            if let SessionKind::Legacy { tag, .. } = self.kind
                && self.options.replay_events > 0
            {
                message.id = Some(
                    EventId {
                        stream: number,
                        event,
                    }
                    .to_text(tag),
                );
            }
            if let Some(outgoing) = self.exchanges.get_mut(&exchange) {
                outgoing.event(&message);
            }
            self.touch(exchange);
        }
        if let SessionKind::Legacy { .. } = self.kind {
            self.log.push(Kept {
                stream: number,
                event,
                frame,
                is_sent: exchange.is_some(),
                is_last,
                is_notification: transmit.kind == Kind::Notification,
            });
        }
        if is_last {
            if let Some(stream) = self.streams.get_mut(&number) {
                stream.is_over = true;
            }
            if let Some(exchange) = exchange {
                if let Some(outgoing) = self.exchanges.get_mut(&exchange) {
                    outgoing.end();
                }
                self.detach(exchange, number);
            }
        }
        self.trim();
    }

    /// Answers an exchange about which nothing has been said, with JSON.
    fn answer(&mut self, stream: u64, frame: Bytes, kind: Kind) {
        let era = match self.kind {
            SessionKind::Modern => Era::Modern,
            _ => Era::Legacy,
        };
        let status = match kind {
            Kind::Error => status_of(&frame, era),
            _ => 200,
        };
        let mut reply = Reply::json(status, frame);
        self.name_session(&mut reply.head);
        let Some(number) = self.streams.get(&stream).and_then(|stream| stream.exchange) else {
            return;
        };
        if let Some(outgoing) = self.exchanges.get_mut(&number) {
            outgoing.finish(reply);
        }
        self.touch(number);
        self.detach(number, stream);
    }

    /// Makes an exchange a stream of events, if nothing has been said on it.
    fn begin_events(&mut self, number: u64) {
        let mut head = ResponseHead::of_events();
        self.name_session(&mut head);
        let first = self.first_event(number);
        let Some(outgoing) = self.exchanges.get_mut(&number) else {
            return;
        };
        if !matches!(outgoing.mode, Mode::Undecided(_)) {
            return;
        }
        outgoing.begin_events(head);
        if let Some(first) = first {
            outgoing.event(&first);
        }
        self.touch(number);
    }

    /// What a stream of events begins with.
    fn first_event(&self, number: u64) -> Option<SseEvent> {
        let outgoing = self.exchanges.get(&number)?;
        let stream = outgoing.stream;
        let mut event = SseEvent::default();
        match &self.kind {
            // `httpL.sse.poll.prime`: before 2025-11-25 clients read the empty data as JSON.
            SessionKind::Legacy { tag, .. }
                if self.options.replay_events > 0 && !outgoing.is_resumable =>
            {
                let revision = self.session.as_ref().legacy_revision()?;
                if revision < Revision::V2025_11_25 {
                    return None;
                }
                let written = self.streams.get(&stream).map_or(0, |stream| stream.events);
                // What nobody has read yet follows it.
                let unread = self.log.first_unsent(stream);
                let events = unread.map_or(written, |event| event - 1);
                event.id = Some(
                    EventId {
                        stream,
                        event: events,
                    }
                    .to_text(*tag),
                );
                event.retry = Some(self.options.retry);
            }
            // `sse24.endpoint.event`
            SessionKind::Pair { endpoint } => {
                event.event = Some("endpoint".into());
                event.data = Bytes::copy_from_slice(endpoint.as_bytes());
            }
            _ => return None,
        }
        Some(event)
    }

    /// Names the session in a response, once it has one.
    // `httpL.session.assign`
    fn name_session(&self, head: &mut ResponseHead) {
        if let SessionKind::Legacy { id, .. } = &self.kind
            && self.session.as_ref().legacy_revision().is_some()
        {
            head.headers.push(name::MCP_SESSION_ID, id.as_bytes());
        }
    }

    /// Something was said on an exchange.
    fn touch(&mut self, number: u64) {
        self.ready.insert(number);
        let keep_alive = self.options.keep_alive.map(|every| self.now + every);
        if let Some(outgoing) = self.exchanges.get_mut(&number) {
            debug_assert!(outgoing.has_parts(), "something was said");
            outgoing.keep_alive = keep_alive.filter(|_| outgoing.mode == Mode::Events);
        }
    }

    /// Drops what the log has no room for, and streams of which nothing is left.
    fn trim(&mut self) {
        let streams = &self.streams;
        self.log
            .trim(|stream| streams.get(&stream).is_none_or(|stream| stream.is_over));
        let log = &self.log;
        self.streams.retain(|number, stream| {
            !stream.is_over || stream.exchange.is_some() || log.has(*number)
        });
    }
}
