//! The client's codec: which request each frame becomes, and what each response says to the session.
//!
//! Rules of this file: headers are read off the frame's own bytes, so they can't differ from it;
//! nothing is sent twice by itself but a request for a stream that broke, and a call that its server
//! refused for its headers; nothing follows `initialized` until the server has taken it and the
//! stream for what belongs to no request was asked for, as requests race on several connections;
//! redirects are never followed.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use bytes::Bytes;

use crate::frame::SseDecoder;
use crate::revision::Revision;
use crate::session::{Closed, ExchangeId, Route, Transmit};
use crate::time::Instant;

use super::super::headers::{self, Headers, is_session_id, name};
use super::super::{HttpMethod, ResponseHead};
use super::exchange::{Challenged, End, Exchange, Posted, Purpose, Reading, Standalone};
use super::options::HttpClientOptions;
use super::outcome::{Outcome, outcome};
use super::request::Action;
use super::tools::MirroredTools;

/// A server at a URL, for a session whose requests leave by exchanges of their own
/// ([`Routing::PerRequest`](crate::session::Routing)).
///
/// Give it what the session has to send ([`send`](Self::send)) and what the HTTP stack learns of
/// each exchange, and do what [`poll`](Self::poll) says.
pub struct HttpClient {
    pub(super) url: Box<str>,
    pub(super) options: HttpClientOptions,
    pub(super) exchanges: BTreeMap<u64, Exchange>,
    pub(super) next: u64,
    pub(super) actions: VecDeque<Action>,
    pub(super) session: Option<Box<str>>,
    /// The revision that a handshake has agreed on.
    pub(super) revision: Option<Revision>,
    pub(super) gate: Gate,
    /// What waits behind the gate, or for a challenge to be met.
    pub(super) waiting: VecDeque<Posted>,
    /// Streams to ask for again, and when.
    pub(super) resumes: Vec<(Instant, Purpose)>,
    /// Until when exchanges may stay open of which nothing is awaited, the first one first.
    pub(super) leftover: VecDeque<(Instant, u64)>,
    pub(super) challenged: Option<Challenged>,
    /// Where the messages for the pair of 2024-11-05 go.
    pub(super) pair: Option<Box<str>>,
    pub(super) tools: MirroredTools,
    pub(super) now: Instant,
}

/// What holds back what follows `initialized`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    Open,
    /// `initialized` isn't taken yet, and has until then.
    Greeting(Instant),
    /// The stream for what belongs to no request has been asked for, and has until then.
    Stream(Instant),
}

impl core::fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("HttpClient")
            .field("exchanges", &self.exchanges.len())
            .field("waiting", &self.waiting.len())
            .finish_non_exhaustive()
    }
}

impl HttpClient {
    /// Creates the codec for the server at `url`.
    pub fn new(url: impl Into<Box<str>>, options: HttpClientOptions) -> Self {
        Self {
            url: url.into(),
            options,
            exchanges: BTreeMap::new(),
            next: 1,
            actions: VecDeque::new(),
            session: None,
            revision: None,
            gate: Gate::Open,
            waiting: VecDeque::new(),
            resumes: Vec::new(),
            leftover: VecDeque::new(),
            challenged: None,
            pair: None,
            tools: MirroredTools::default(),
            now: Instant::ZERO,
        }
    }

    /// Takes a frame that the session has to send.
    pub fn send(&mut self, now: Instant, frame: impl Into<Bytes>, transmit: &Transmit) {
        self.advance(now);
        let posted = Posted::new(frame.into(), *transmit);
        if self.is_held() {
            return self.wait(posted);
        }
        self.post(posted);
    }

    /// Learns the head of a response; another one for the same exchange is ignored.
    pub fn handle_head(&mut self, now: Instant, exchange: ExchangeId, head: &ResponseHead) {
        self.advance(now);
        let number = exchange.number();
        let is_awaited = |entry: &Exchange| matches!(entry.reading, Reading::Head);
        if !self.exchanges.get(&number).is_some_and(is_awaited) || self.park(number, head) {
            return;
        }
        let Some(entry) = self.exchanges.get_mut(&number) else {
            return;
        };
        let is_good = (200..300).contains(&head.status);
        let is_events = is_good && headers::is_of_type(&head.headers, headers::EVENT_STREAM);
        let events = || Reading::Events(SseDecoder::new(self.options.limits.frame));
        match &mut entry.purpose {
            Purpose::Request(_) | Purpose::Relist(_) => self.begin_answer(number, head, is_events),
            Purpose::Standalone(standalone) if is_events => {
                standalone.began = Some(self.now);
                (standalone.was_given, standalone.challenges) = (true, 0);
                entry.reading = events();
                self.open_gate();
            }
            Purpose::Standalone(_) => self.standalone_refused(number, head),
            Purpose::Pair(_) if is_events => entry.reading = events(),
            Purpose::Pair(asked) => {
                let (route, status) = (asked.route, head.status);
                self.abort(number);
                self.actions
                    .push_back(Action::Closed(route, Closed::Refused { status }));
            }
            Purpose::Notice | Purpose::Initialized => {
                let is_forgotten =
                    outcome(head.status, entry.has_session, false) == Outcome::Forgotten;
                entry.reading = Reading::Ignored(0);
                if is_forgotten {
                    self.close_session(Closed::Forgotten);
                }
            }
            Purpose::Delete => entry.reading = Reading::Ignored(0),
        }
    }

    /// Learns the next piece of a response's body.
    pub fn handle_body(&mut self, now: Instant, exchange: ExchangeId, piece: &[u8]) {
        self.advance(now);
        self.take_piece(exchange.number(), piece);
    }

    /// Learns that an exchange has ended, and how.
    pub fn handle_end(&mut self, now: Instant, exchange: ExchangeId, how: End) {
        self.advance(now);
        self.ended(exchange.number(), how);
    }

    /// Lets the time pass: call it when [`poll_timeout`](Self::poll_timeout)'s instant has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.advance(now);
        if self.challenged.is_some() {
            return;
        }
        match self.gate {
            Gate::Greeting(until) if until <= self.now => self.ask_for_standalone(),
            Gate::Stream(until) if until <= self.now => self.open_gate(),
            _ => {}
        }
        self.close_leftover();
        let now = self.now;
        let due = self.resumes.extract_if(.., |(at, _)| *at <= now);
        for (_, purpose) in due.collect::<Vec<_>>() {
            self.get(purpose);
        }
    }

    /// Returns when [`handle_timeout`](Self::handle_timeout) has to be called at the latest; `None`
    /// when nothing waits, and while a challenge is open.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.challenged.is_some() {
            return None;
        }
        let gate = match self.gate {
            Gate::Greeting(until) | Gate::Stream(until) => Some(until),
            Gate::Open => None,
        };
        let resumes = self.resumes.iter().map(|(at, _)| *at);
        let leftover = self.leftover_timeout();
        resumes.chain(gate).chain(leftover).min()
    }

    /// Returns what is to be done next; `None` when there is nothing.
    pub fn poll(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Ends the session: what is under way is aborted, and a server that gave the session an id is
    /// told, which it may refuse.
    // `httpL.session.delete`
    pub fn close(&mut self, now: Instant) {
        self.advance(now);
        self.abort_all();
        if self.session.is_some() {
            let mut headers = Headers::new();
            self.add_session(&mut headers);
            self.session = None;
            let purpose = Purpose::Delete;
            self.start(HttpMethod::Delete, headers, Bytes::new(), purpose, None);
        }
    }

    /// Returns the id that the server gave the session; `None` when it gave none.
    pub fn session_id(&self) -> Option<&str> {
        self.session.as_deref()
    }

    pub(super) fn advance(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    /// Whether what the session has to send waits.
    fn is_held(&self) -> bool {
        self.gate != Gate::Open || self.challenged.is_some()
    }

    /// Learns how the answer to a request of the session comes.
    fn begin_answer(&mut self, number: u64, head: &ResponseHead, is_events: bool) {
        let Some(entry) = self.exchanges.get_mut(&number) else {
            return;
        };
        let Some(asked) = entry.asked() else { return };
        let (is_initialize, is_resumed) = (asked.is_initialize, asked.resumed.last_event.is_some());
        let is_good = (200..300).contains(&head.status);
        if is_initialize && is_good {
            // `httpL.session.chars`
            let id = head.headers.one(name::MCP_SESSION_ID).ok().flatten();
            self.session = id.filter(|id| is_session_id(id)).map(Box::from);
        }
        // `httpL.session.404`: whatever its body says.
        let is_forgotten =
            outcome(head.status, entry.has_session, is_initialize) == Outcome::Forgotten;
        let is_json = headers::is_of_type(&head.headers, headers::JSON);
        if is_good && self.pair.is_some() {
            // `sse24.post.status`: its answer comes by the one stream.
            entry.reading = Reading::Ignored(0);
            self.bound_leftover(number);
        } else if is_events {
            entry.reading = Reading::Events(SseDecoder::new(self.options.limits.frame));
        } else if is_resumed {
            self.resume_refused(number, head, is_forgotten);
        } else if is_json && head.status != 202 && !is_forgotten {
            entry.reading = Reading::Json(head.status, Vec::new());
        } else {
            self.actions
                .push_back(Action::Abort(ExchangeId::new(number)));
            self.end_without_message(number, head.status);
        }
    }

    /// Lets out what has waited behind the gate.
    pub(super) fn open_gate(&mut self) {
        if let Gate::Greeting(_) = self.gate {
            return;
        }
        self.gate = Gate::Open;
        self.send_waiting();
    }

    /// Sends what has waited, as far as nothing holds it back.
    pub(super) fn send_waiting(&mut self) {
        while !self.is_held()
            && let Some(posted) = self.waiting.pop_front()
        {
            self.post(posted);
        }
    }

    /// Asks for the stream of what belongs to no request, behind which the rest waits.
    pub(super) fn ask_for_standalone(&mut self) {
        self.gate = Gate::Stream(self.now + self.options.gate);
        self.get(Purpose::Standalone(Standalone::default()));
    }

    /// Closes the connection of an exchange, of which nothing more is told.
    pub(super) fn abort(&mut self, number: u64) -> Option<Exchange> {
        self.actions
            .push_back(Action::Abort(ExchangeId::new(number)));
        self.exchanges.remove(&number)
    }

    /// The session is over.
    pub(super) fn close_session(&mut self, why: Closed) {
        self.session = None;
        self.abort_all();
        self.actions.push_back(Action::Closed(Route::Pipe, why));
    }

    /// Drops all that is under way.
    fn abort_all(&mut self) {
        self.gate = Gate::Open;
        (self.challenged, self.pair) = (None, None);
        self.resumes.clear();
        self.leftover.clear();
        self.waiting.clear();
        for number in core::mem::take(&mut self.exchanges).into_keys() {
            self.actions
                .push_back(Action::Abort(ExchangeId::new(number)));
        }
    }
}
