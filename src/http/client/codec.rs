//! The client's codec: which request each frame becomes, and what each response says to the session.
//!
//! Rules of this file: headers are read off the frame's own bytes, so they can't differ from it;
//! nothing is sent twice by itself but a request for a stream that broke; nothing follows
//! `initialized` until the server has taken it and the stream for what belongs to no request was
//! asked for, as requests race on several connections; redirects are never followed.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::time::Duration;

use bytes::Bytes;

use crate::frame::{FrameError, SseDecoder, SseEvent};
use crate::limits::Limits;
use crate::revision::{Era, Revision};
use crate::rpc::{Kind, member_of};
use crate::session::{Closed, ExchangeId, Route, Transmit};
use crate::time::Instant;

use super::super::headers::{self, Headers, is_session_id, name};
use super::super::{HttpMethod, ResponseHead};
use super::exchange::{Asked, End, Exchange, Purpose, Reading};
use super::outcome::{Outcome, outcome};
use super::request::{Action, HttpRequest};
use super::sent::{Sent, add_modern, is_answer_to};
use super::tools::{Learned, MirroredTools};
use super::url;

/// How much of a response that is of no use is read before its connection is closed.
const IGNORED: usize = 64 * 1024;

/// How long a client waits at least, so that no server makes it ask without a pause.
const SHORTEST_RETRY: Duration = Duration::from_millis(50);

/// How a client speaks HTTP.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HttpClientOptions {
    /// The bounds that a frame has to keep.
    pub limits: Limits,
    /// How often a stream that broke is asked for in a row without anything new. 5.
    pub attempts: u32,
    /// How long to wait before it is, where the server doesn't say; doubled each time. 1 s.
    pub retry: Duration,
    /// How long a server may make a client wait. 5 min.
    pub longest_retry: Duration,
    /// How long what follows `initialized` waits for a server to take it. 5 s.
    pub greeting: Duration,
    /// How long what follows `initialized` then waits for the stream of what belongs to no request.
    /// 500 ms.
    pub gate: Duration,
    /// Whether the URL is that of the stream of the pair of 2024-11-05: nothing is tried before it.
    pub pair: bool,
}

impl Default for HttpClientOptions {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            attempts: 5,
            retry: Duration::from_secs(1),
            longest_retry: Duration::from_secs(300),
            greeting: Duration::from_secs(5),
            gate: Duration::from_millis(500),
            pair: false,
        }
    }
}

/// A server at a URL, for a session whose requests leave by exchanges of their own
/// ([`Routing::PerRequest`](crate::session::Routing)).
///
/// Give it what the session has to send ([`send`](Self::send)) and what the HTTP stack learns of
/// each exchange, and do what [`poll`](Self::poll) says.
pub struct HttpClient {
    url: Box<str>,
    options: HttpClientOptions,
    exchanges: BTreeMap<u64, Exchange>,
    next: u64,
    actions: VecDeque<Action>,
    session: Option<Box<str>>,
    /// The revision that a handshake has agreed on.
    revision: Option<Revision>,
    gate: Gate,
    /// What waits behind the gate.
    waiting: VecDeque<(Bytes, Transmit)>,
    /// Streams to ask for again, and when.
    resumes: Vec<Resume>,
    /// Where the messages for the pair of 2024-11-05 go.
    pair: Option<Box<str>>,
    tools: MirroredTools,
    now: Instant,
}

/// What holds back what follows `initialized`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gate {
    Open,
    /// `initialized` isn't taken yet, and has until then.
    Greeting(Instant),
    /// The stream for what belongs to no request has been asked for, and has until then.
    Stream(Instant),
}

/// A stream that broke.
#[derive(Debug)]
struct Resume {
    at: Instant,
    /// The request whose answer it carries; `None` for the stream that belongs to none.
    asked: Option<Asked>,
    last_event: Option<Box<str>>,
    attempts: u32,
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
            pair: None,
            tools: MirroredTools::default(),
            now: Instant::ZERO,
        }
    }

    /// Takes a frame that the session has to send.
    pub fn send(&mut self, now: Instant, frame: impl Into<Bytes>, transmit: &Transmit) {
        self.now = self.now.max(now);
        let frame = frame.into();
        if self.gate != Gate::Open {
            return self.waiting.push_back((frame, *transmit));
        }
        self.post(frame, transmit);
    }

    /// Learns the head of a response.
    pub fn handle_head(&mut self, now: Instant, exchange: ExchangeId, head: &ResponseHead) {
        self.now = self.now.max(now);
        let number = exchange.number();
        let Some(entry) = self.exchanges.get_mut(&number) else {
            return;
        };
        let is_good = (200..300).contains(&head.status);
        let is_events = is_good && headers::is_of_type(&head.headers, headers::EVENT_STREAM);
        let is_json = headers::is_of_type(&head.headers, headers::JSON);
        match &entry.purpose {
            Purpose::Request(asked) => {
                if asked.is_initialize && is_good {
                    // `httpL.session.chars`
                    let id = head.headers.one(name::MCP_SESSION_ID).ok().flatten();
                    self.session = id.filter(|id| is_session_id(id)).map(Box::from);
                }
                // `httpL.session.404`: whatever its body says.
                let is_forgotten = outcome(head.status, entry.has_session, asked.is_initialize)
                    == Outcome::Forgotten;
                if is_good && self.pair.is_some() {
                    // `sse24.post.status`: its answer comes by the one stream.
                    entry.reading = Reading::Ignored(0);
                } else if is_events {
                    entry.reading = Reading::Events(SseDecoder::new(self.options.limits.frame));
                } else if is_json && head.status != 202 && !is_forgotten {
                    entry.reading = Reading::Json(head.status, Vec::new());
                } else {
                    self.end_without_message(number, head.status);
                    self.actions.push_back(Action::Abort(exchange));
                }
            }
            Purpose::Standalone | Purpose::Pair(_) if is_events => {
                entry.reading = Reading::Events(SseDecoder::new(self.options.limits.frame));
                if matches!(entry.purpose, Purpose::Standalone) {
                    self.open_gate();
                }
            }
            Purpose::Standalone => {
                // `httpL.get.405`: there is no such stream, which is no failure.
                self.exchanges.remove(&number);
                self.actions.push_back(Action::Abort(exchange));
                if head.status == 404 && self.gate == Gate::Open {
                    self.close_session(Closed::Forgotten);
                }
                self.open_gate();
            }
            Purpose::Pair(asked) => {
                let (route, status) = (asked.route, head.status);
                self.exchanges.remove(&number);
                self.actions.push_back(Action::Abort(exchange));
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
        self.now = self.now.max(now);
        let number = exchange.number();
        let limit = self.options.limits.frame;
        let Some(entry) = self.exchanges.get_mut(&number) else {
            return;
        };
        match &mut entry.reading {
            Reading::Head => {}
            Reading::Ignored(length) => {
                *length += piece.len();
                if *length > IGNORED {
                    self.actions.push_back(Action::Abort(exchange));
                    self.ended(number, End::Clean);
                }
            }
            Reading::Json(_, body) => {
                body.extend_from_slice(piece);
                let length = body.len();
                if length > limit {
                    let head = Bytes::copy_from_slice(&body[..body.len().min(1024)]);
                    let last = body.last().copied().unwrap_or_default();
                    let length = length as u64;
                    let error = FrameError::TooLong {
                        length,
                        limit,
                        head,
                        last,
                    };
                    self.actions.push_back(Action::Abort(exchange));
                    self.lose(number, Closed::ReadFailed, Some(error));
                }
            }
            Reading::Events(decoder) => {
                decoder.push(piece);
                self.take_events(number);
            }
        }
    }

    /// Learns that an exchange has ended, and how.
    pub fn handle_end(&mut self, now: Instant, exchange: ExchangeId, how: End) {
        self.now = self.now.max(now);
        self.ended(exchange.number(), how);
    }

    /// Lets the time pass: call it when [`poll_timeout`](Self::poll_timeout)'s instant has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = self.now.max(now);
        match self.gate {
            Gate::Greeting(until) if until <= self.now => self.ask_for_standalone(),
            Gate::Stream(until) if until <= self.now => self.open_gate(),
            _ => {}
        }
        let now = self.now;
        let due = self.resumes.extract_if(.., |resume| resume.at <= now);
        for resume in due.collect::<Vec<_>>() {
            self.resume(resume);
        }
    }

    /// Returns when [`handle_timeout`](Self::handle_timeout) has to be called at the latest; `None`
    /// when nothing waits.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let gate = match self.gate {
            Gate::Greeting(until) | Gate::Stream(until) => Some(until),
            Gate::Open => None,
        };
        self.resumes
            .iter()
            .map(|resume| resume.at)
            .chain(gate)
            .min()
    }

    /// Returns what is to be done next; `None` when there is nothing.
    pub fn poll(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Ends the session: what is under way is aborted, and a server that gave the session an id is
    /// told, which it may refuse.
    // `httpL.session.delete`
    pub fn close(&mut self, now: Instant) {
        self.now = self.now.max(now);
        self.abort_all();
        if self.session.is_some() {
            let mut headers = Headers::new();
            self.add_session(&mut headers);
            self.session = None;
            self.start(HttpMethod::Delete, headers, Bytes::new(), Purpose::Delete);
        }
    }

    /// Returns the id that the server gave the session; `None` when it gave none.
    pub fn session_id(&self) -> Option<&str> {
        self.session.as_deref()
    }

    /// Sends a frame, whatever waits.
    fn post(&mut self, frame: Bytes, transmit: &Transmit) {
        let limits = &self.options.limits;
        let sent = Sent::read(&frame, limits, !self.tools.is_empty());
        let method = sent.method.as_deref();
        let is_modern = sent.version.is_some()
            || transmit
                .revision
                .is_some_and(|revision| revision.era() == Era::Modern);
        if is_modern && method == Some("notifications/cancelled") {
            return self.cancel(transmit.route);
        }
        let is_initialize = method == Some("initialize");
        if !is_modern && !is_initialize {
            self.revision = transmit.revision.or(self.revision);
        }
        let mut headers = Headers::new()
            .with(name::CONTENT_TYPE, headers::JSON)
            .with(name::ACCEPT, "application/json, text/event-stream");
        if is_modern {
            add_modern(&mut headers, &sent, transmit);
            if let (Some("tools/call"), Some(tool)) = (method, sent.subject.as_deref()) {
                let arguments = sent.arguments.as_ref();
                self.tools.add_headers(&mut headers, tool, arguments);
            }
        } else if !is_initialize {
            self.add_session(&mut headers);
        }
        let purpose = match (sent.kind, sent.id) {
            (Kind::Request, Some(id)) => Purpose::Request(Asked {
                route: transmit.route,
                id,
                frame: frame.clone(),
                is_modern,
                is_initialize,
                lists_tools: method == Some("tools/list"),
                attempts: 0,
            }),
            _ if method == Some("notifications/initialized") && self.pair.is_none() => {
                self.gate = Gate::Greeting(self.now + self.options.greeting);
                Purpose::Initialized
            }
            _ => Purpose::Notice,
        };
        if let (Purpose::Request(asked), true, None) = (&purpose, self.options.pair, &self.pair) {
            return self.get(None, Purpose::Pair(asked.clone()));
        }
        let is_cancel = method == Some("notifications/cancelled");
        self.start(HttpMethod::Post, headers, frame, purpose);
        // `httpL.sse.disconnect`: the message cancels; what it cancels has no answer to wait for.
        if is_cancel && matches!(transmit.route, Route::Exchange(_)) {
            self.cancel(transmit.route);
        }
    }

    /// Closes the exchange of a request, which in the modern era is what cancels it.
    // `httpM.cancel`
    fn cancel(&mut self, route: Route) {
        self.resumes.retain(|resume| {
            let asked = resume.asked.as_ref();
            asked.is_none_or(|asked| asked.route != route)
        });
        let is_of_route = |entry: &Exchange| matches!(&entry.purpose, Purpose::Request(asked) if asked.route == route);
        let found = self.exchanges.iter().find(|(_, entry)| is_of_route(entry));
        if let Some(number) = found.map(|(number, _)| *number) {
            self.exchanges.remove(&number);
            self.actions
                .push_back(Action::Abort(ExchangeId::new(number)));
        }
    }

    fn start(&mut self, method: HttpMethod, headers: Headers, body: Bytes, purpose: Purpose) {
        let number = self.next;
        self.next += 1;
        let has_session = headers.has(name::MCP_SESSION_ID);
        let url = match (&self.pair, method) {
            (Some(endpoint), HttpMethod::Post) => endpoint.clone(),
            _ => self.url.clone(),
        };
        self.exchanges.insert(
            number,
            Exchange {
                purpose,
                reading: Reading::Head,
                has_session,
            },
        );
        self.actions.push_back(Action::Start(HttpRequest {
            exchange: ExchangeId::new(number),
            method,
            url,
            headers,
            body,
        }));
    }

    /// What every request of a legacy session says after its handshake.
    // `httpL.session.send` `httpL.ver.send` `httpL.ver.value`
    fn add_session(&self, headers: &mut Headers) {
        if let Some(id) = &self.session {
            headers.push(name::MCP_SESSION_ID, id.as_bytes());
        }
        if let Some(revision) = self.revision.filter(|r| *r >= Revision::V2025_06_18) {
            headers.push(name::MCP_PROTOCOL_VERSION, revision.as_str());
        }
    }

    /// Asks for a stream of events.
    // `httpL.get` `httpL.resume`
    fn get(&mut self, last_event: Option<&str>, purpose: Purpose) {
        let mut headers = Headers::new().with(name::ACCEPT, headers::EVENT_STREAM);
        if !matches!(purpose, Purpose::Pair(_)) {
            self.add_session(&mut headers);
        }
        if let Some(id) = last_event {
            headers.push(name::LAST_EVENT_ID, id.as_bytes());
        }
        self.start(HttpMethod::Get, headers, Bytes::new(), purpose);
    }

    /// Asks for the stream of what belongs to no request, behind which the rest waits.
    fn ask_for_standalone(&mut self) {
        self.gate = Gate::Stream(self.now + self.options.gate);
        self.get(None, Purpose::Standalone);
    }

    fn resume(&mut self, resume: Resume) {
        let last_event = resume.last_event.as_deref();
        let purpose = match resume.asked {
            Some(asked) => Purpose::Request(Asked {
                attempts: resume.attempts,
                ..asked
            }),
            None => Purpose::Standalone,
        };
        self.get(last_event, purpose);
    }

    /// Lets out what has waited behind the gate.
    fn open_gate(&mut self) {
        if let Gate::Greeting(_) = self.gate {
            return;
        }
        self.gate = Gate::Open;
        while self.gate == Gate::Open
            && let Some((frame, transmit)) = self.waiting.pop_front()
        {
            self.post(frame, &transmit);
        }
    }

    /// Takes the events that have come on an exchange.
    fn take_events(&mut self, number: u64) {
        loop {
            let Some(entry) = self.exchanges.get_mut(&number) else {
                return;
            };
            let Reading::Events(decoder) = &mut entry.reading else {
                return;
            };
            match decoder.next_event() {
                None => return,
                Some(Err(error)) => self.lose(number, Closed::ReadFailed, Some(error)),
                Some(Ok(event)) => self.take_event(number, event),
            }
        }
    }

    fn take_event(&mut self, number: u64, event: SseEvent) {
        let Some(entry) = self.exchanges.get_mut(&number) else {
            return;
        };
        let is_endpoint = event.event.as_deref() == Some("endpoint");
        match &mut entry.purpose {
            Purpose::Pair(_) if is_endpoint && self.pair.is_none() => {
                self.take_endpoint(number, &event.data);
            }
            // `httpL.sse.emptydata`
            _ if !event.is_message() || event.data.is_empty() => {}
            Purpose::Request(asked) => {
                asked.attempts = 0;
                let (route, is_answer) = (asked.route, is_answer_to(&event.data, &asked.id));
                let is_list = is_answer && asked.is_modern && asked.lists_tools;
                if is_answer {
                    entry.purpose = Purpose::Notice;
                    entry.reading = Reading::Ignored(0);
                }
                self.deliver(route, event.data, is_list);
            }
            Purpose::Standalone | Purpose::Pair(_) => {
                self.actions
                    .push_back(Action::Frame(Route::Standalone, event.data));
            }
            _ => {}
        }
    }

    /// The old pair says where its messages go; then the request that waited for it is sent there.
    // `sse24.post` `sse24.endpoint.uri`
    fn take_endpoint(&mut self, number: u64, data: &[u8]) {
        let reference = core::str::from_utf8(data).unwrap_or_default();
        let Some(endpoint) = url::resolve(&self.url, reference) else {
            self.actions
                .push_back(Action::Abort(ExchangeId::new(number)));
            self.exchanges.remove(&number);
            return self.close_session(Closed::ReadFailed);
        };
        self.pair = Some(endpoint);
        let Some(Exchange {
            purpose: Purpose::Pair(asked),
            ..
        }) = self.exchanges.get(&number)
        else {
            return;
        };
        let headers = Headers::new()
            .with(name::CONTENT_TYPE, headers::JSON)
            .with(name::ACCEPT, "application/json, text/event-stream");
        let (frame, asked) = (asked.frame.clone(), asked.clone());
        self.start(HttpMethod::Post, headers, frame, Purpose::Request(asked));
    }

    fn ended(&mut self, number: u64, how: End) {
        let Some(entry) = self.exchanges.get_mut(&number) else {
            return;
        };
        let closed = match how {
            End::Clean => Closed::EndOfInput,
            End::Broken => Closed::ReadFailed,
            End::NotSent => Closed::Unreachable,
        };
        match (&mut entry.purpose, &mut entry.reading) {
            (Purpose::Request(_), Reading::Json(status, body)) if how == End::Clean => {
                let (status, body) = (*status, Bytes::from(core::mem::take(body)));
                self.take_json(number, status, body);
            }
            (Purpose::Request(asked), Reading::Events(decoder)) => {
                let last_event = decoder.last_event_id().map(Box::from);
                let (attempts, retry) = (asked.attempts, decoder.last_retry());
                let may_resume = !asked.is_modern && attempts < self.options.attempts;
                match last_event.filter(|_| may_resume) {
                    // `httpL.resume` `httpL.sse.retry.obey`
                    Some(id) => self.resume_later(number, Some(id), attempts, retry),
                    // `httpL.sse.end.noresp` `httpM.noresume` `httpM.reissue.safe`
                    None => self.lose(number, closed, None),
                }
            }
            // A message for the pair was taken.
            (Purpose::Request(_), Reading::Ignored(_)) => {
                self.exchanges.remove(&number);
            }
            (Purpose::Request(_), _) => self.lose(number, closed, None),
            (Purpose::Standalone, Reading::Events(decoder)) => {
                let (id, retry) = (decoder.last_event_id().map(Box::from), decoder.last_retry());
                self.resume_later(number, id, 0, retry);
            }
            (Purpose::Pair(_), _) => {
                // `sse24.close`
                self.exchanges.remove(&number);
                self.close_session(closed);
            }
            (Purpose::Initialized, _) => {
                self.exchanges.remove(&number);
                // Unless it came too late, and was no longer waited for.
                if let Gate::Greeting(_) = self.gate {
                    self.ask_for_standalone();
                }
            }
            (Purpose::Standalone, _) => {
                self.exchanges.remove(&number);
                self.open_gate();
            }
            (Purpose::Notice | Purpose::Delete, _) => {
                self.exchanges.remove(&number);
            }
        }
    }

    /// Asks for a stream again after the time that the server has said, or a longer one each time.
    fn resume_later(
        &mut self,
        number: u64,
        last_event: Option<Box<str>>,
        attempts: u32,
        retry: Option<Duration>,
    ) {
        let Some(entry) = self.exchanges.remove(&number) else {
            return;
        };
        let asked = match entry.purpose {
            Purpose::Request(asked) => Some(asked),
            _ => None,
        };
        let doubled = self.options.retry.saturating_mul(1 << attempts.min(16));
        let wait = retry.unwrap_or(doubled).min(self.options.longest_retry);
        let wait = wait.max(SHORTEST_RETRY);
        self.resumes.push(Resume {
            at: self.now + wait,
            asked,
            last_event,
            attempts: attempts + 1,
        });
    }

    /// Hands a frame to the session; of a list of tools what a client over HTTP may offer.
    fn deliver(&mut self, route: Route, frame: Bytes, is_list: bool) {
        if !is_list {
            return self.actions.push_back(Action::Frame(route, frame));
        }
        let Learned { frame, rejected } = self.tools.learn(frame);
        for (name, reason) in rejected {
            self.actions
                .push_back(Action::ToolRejected { name, reason });
        }
        self.actions.push_back(Action::Frame(route, frame));
    }

    /// A whole response of JSON.
    // `httpL.req.reply` `httpM.reply` `httpM.status.other`
    fn take_json(&mut self, number: u64, status: u16, body: Bytes) {
        let Some(Exchange {
            purpose: Purpose::Request(asked),
            ..
        }) = self.exchanges.get(&number)
        else {
            return;
        };
        let is_batch = body.trim_ascii_start().starts_with(b"[");
        if is_batch || is_answer_to(&body, &asked.id) {
            let (route, is_list) = (asked.route, asked.is_modern && asked.lists_tools);
            self.exchanges.remove(&number);
            return self.deliver(route, body, is_list);
        }
        // An error that names no request, or another one, can only be about this one.
        match member_of(&body, "error").filter(|error| error.starts_with(b"{")) {
            Some(error) => {
                let mut frame = Vec::from(&b"{\"jsonrpc\":\"2.0\",\"id\":"[..]);
                asked.id.write(&mut frame);
                frame.extend_from_slice(b",\"error\":");
                frame.extend_from_slice(error);
                frame.push(b'}');
                let route = asked.route;
                self.exchanges.remove(&number);
                self.actions.push_back(Action::Frame(route, frame.into()));
            }
            None => self.end_without_message(number, status),
        }
    }

    /// A response that carries no message.
    fn end_without_message(&mut self, number: u64, status: u16) {
        let Some(entry) = self.exchanges.get(&number) else {
            return;
        };
        let Purpose::Request(asked) = &entry.purpose else {
            return;
        };
        match outcome(status, entry.has_session, asked.is_initialize) {
            _ if self.pair.is_some() => self.lose(number, Closed::Refused { status }, None),
            Outcome::Refused(closed) => self.lose(number, closed, None),
            Outcome::Forgotten => {
                self.lose(number, Closed::Forgotten, None);
                self.close_session(Closed::Forgotten);
            }
            Outcome::TryPair => {
                let asked = asked.clone();
                self.exchanges.remove(&number);
                self.get(None, Purpose::Pair(asked));
            }
        }
    }

    /// Tells the session that a request's answer can't come any more.
    fn lose(&mut self, number: u64, closed: Closed, error: Option<FrameError>) {
        let Some(entry) = self.exchanges.remove(&number) else {
            return;
        };
        let route = match entry.purpose {
            Purpose::Request(asked) => asked.route,
            Purpose::Standalone | Purpose::Pair(_) => Route::Standalone,
            _ => return,
        };
        if let Some(error) = error {
            self.actions.push_back(Action::Malformed(route, error));
        }
        self.actions.push_back(Action::Closed(route, closed));
    }

    /// The session is over.
    fn close_session(&mut self, why: Closed) {
        self.session = None;
        self.abort_all();
        self.actions.push_back(Action::Closed(Route::Pipe, why));
    }

    /// Drops all that is under way.
    fn abort_all(&mut self) {
        self.gate = Gate::Open;
        self.resumes.clear();
        self.waiting.clear();
        for number in core::mem::take(&mut self.exchanges).into_keys() {
            self.actions
                .push_back(Action::Abort(ExchangeId::new(number)));
        }
    }
}
