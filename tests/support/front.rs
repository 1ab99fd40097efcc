//! A whole HTTP server in memory: the checks, the table of sessions and the sessions, in the hands of
//! a test that says what comes and sees what is answered.

use std::collections::BTreeMap;

use bytes::Bytes;
use mcp_proto::frame::SseDecoder;
use mcp_proto::http::headers::Headers;
use mcp_proto::http::{
    Caller, Class, Ended, Endpoint, EndpointLimits, HttpPolicy, HttpSession, Input, Offers, Part,
    Place, RequestHead, SessionKind, SessionStatus, StreamOptions, Ticket, check, classify,
};
use mcp_proto::model::logging::{LoggingLevel, LoggingMessageParams};
use mcp_proto::model::method::CallTool;
use mcp_proto::model::tool::CallToolResult;
use mcp_proto::rpc::Kind;
use mcp_proto::session::{ExchangeId, ServerEvent, ServerSession};
use mcp_proto::{Instant, Revision};
use serde_json::Value;

use super::pair::server_config;

/// A server. A tool named `slow` never answers, `log` says something first, and every other one
/// answers at once with its own name.
pub struct Front {
    pub policy: HttpPolicy,
    pub offers: Offers,
    pub options: StreamOptions,
    pub now: Instant,
    pub endpoint: Endpoint<usize>,
    is_stateless: bool,
    next: usize,
    sessions: BTreeMap<usize, (HttpSession, Option<String>)>,
    open: Vec<(Ticket, usize, ExchangeId)>,
}

/// What a request was answered with, as far as that has come.
#[derive(Debug, Default)]
pub struct Answer {
    pub status: u16,
    pub headers: Headers,
    pub body: Vec<u8>,
    pub has_ended: bool,
    pub last_event: Option<String>,
}

impl Answer {
    /// The messages of the body, whether they are events or JSON.
    pub fn messages(&self) -> Vec<Value> {
        if self.headers.one("content-type") != Ok(Some("text/event-stream")) {
            return serde_json::from_slice(&self.body).into_iter().collect();
        }
        let mut decoder = SseDecoder::new(1 << 24);
        decoder.push(&self.body);
        let events = std::iter::from_fn(|| decoder.next_event());
        let data = events.map(|event| event.expect("it is short").data);
        let data = data.filter(|data| !data.is_empty());
        data.map(|data| serde_json::from_slice(&data).expect("it is JSON"))
            .collect()
    }
}

impl Front {
    pub fn new(revisions: &[Revision], limits: EndpointLimits) -> Self {
        Self {
            policy: HttpPolicy::local(),
            offers: Offers::new(revisions),
            options: StreamOptions::default(),
            now: Instant::from_millis(1000),
            endpoint: Endpoint::new(limits),
            is_stateless: false,
            next: 1,
            sessions: BTreeMap::new(),
            open: Vec::new(),
        }
    }

    #[must_use]
    pub fn stateless(mut self) -> Self {
        self.offers = self.offers.stateless();
        self.is_stateless = true;
        self
    }

    #[must_use]
    pub fn json_only(mut self) -> Self {
        self.offers = self.offers.json_only();
        self.options.json_only = true;
        self
    }

    /// How many sessions there are, those of single exchanges included.
    pub fn held_sessions(&self) -> usize {
        self.sessions.len()
    }

    /// Answers a request as far as that can be done at once.
    pub fn request(&mut self, caller: Caller<'_>, head: &RequestHead, body: Bytes) -> Answer {
        let class = check(&self.policy, &self.offers, head)
            .and_then(|()| classify(&self.offers, head, body));
        let placed = class.and_then(|class| {
            let placed = self.endpoint.place(self.now, &class, caller)?;
            Ok((class, placed))
        });
        let (class, placed) = match placed {
            Ok(placed) => placed,
            Err(reply) => {
                return Answer {
                    status: reply.head.status,
                    headers: reply.head.headers,
                    body: reply.body.to_vec(),
                    has_ended: true,
                    last_event: None,
                };
            }
        };
        let (is_modern, input) = match class {
            Class::Modern { frame, .. } => {
                let kind = Some(Kind::Request);
                let opens = false;
                (true, Input::Post { frame, kind, opens })
            }
            Class::Legacy { input, .. } => (false, input),
            other => panic!("{other:?}"),
        };
        let key = match placed.place {
            Place::Session(key) => key,
            place => self.create(is_modern, place == Place::New),
        };
        let session = &mut self.sessions.get_mut(&key).expect("it is there").0;
        let exchange = session.handle(self.now, input);
        self.serve(key);
        let answer = self.take(key, exchange);
        self.enter(key, caller);
        if answer.has_ended {
            self.endpoint
                .ended(self.now, placed.ticket, Ended::Answered);
        } else {
            self.open.push((placed.ticket, key, exchange));
        }
        self.note(key);
        answer
    }

    /// Drops every exchange that is open, as clients do that go.
    pub fn drop_open(&mut self) {
        for (ticket, key, exchange) in std::mem::take(&mut self.open) {
            if let Some((session, _)) = self.sessions.get_mut(&key) {
                session.handle_gone(self.now, exchange);
                while session.poll_event().is_some() {}
            }
            self.endpoint.ended(self.now, ticket, Ended::Gone);
            self.note(key);
        }
    }

    fn create(&mut self, is_modern: bool, opens: bool) -> usize {
        let key = self.next;
        self.next += 1;
        let mut session = ServerSession::new(server_config());
        let id = (opens && !self.is_stateless).then(|| format!("session-{key}"));
        let kind = match &id {
            _ if is_modern => SessionKind::Modern,
            Some(id) => SessionKind::Legacy {
                id: id.as_str().into(),
                tag: u32::try_from(key).unwrap_or_default() ^ 0xA5A5_A5A5,
            },
            None => SessionKind::Stateless,
        };
        if kind == SessionKind::Stateless && !opens {
            session
                .assume_initialized(Revision::NEWEST_LEGACY)
                .expect("it is spoken");
        }
        let http = HttpSession::new(session, kind, self.options.clone());
        self.sessions.insert(key, (http, id));
        key
    }

    fn serve(&mut self, key: usize) {
        let now = self.now;
        let session = &mut self.sessions.get_mut(&key).expect("it is there").0;
        while let Some(event) = session.poll_event() {
            let ServerEvent::Request(request) = event else {
                continue;
            };
            let name = request
                .target()
                .map(|name| name.into_string())
                .unwrap_or_default();
            if name == "log" {
                let message = LoggingMessageParams::text(LoggingLevel::Error, "soon");
                let _ = session.session().log(now, Some(request.id), &message);
            }
            if name != "slow" {
                let result = CallToolResult::text(name);
                let _ = session
                    .session()
                    .reply::<CallTool>(now, request.id, &result);
            }
        }
        session.pump(now);
    }

    fn take(&mut self, key: usize, exchange: ExchangeId) -> Answer {
        let mut answer = Answer::default();
        let Some((session, _)) = self.sessions.get_mut(&key) else {
            answer.has_ended = true;
            return answer;
        };
        let mut decoder = SseDecoder::new(1 << 24);
        while let Some(part) = session.poll_part(exchange) {
            assert!(!answer.has_ended, "nothing follows the end");
            match part {
                Part::Head(head) => (answer.status, answer.headers) = (head.status, head.headers),
                Part::Body(bytes) => {
                    decoder.push(&bytes);
                    answer.body.extend_from_slice(&bytes);
                }
                _ => answer.has_ended = true,
            }
        }
        while decoder.next_event().is_some() {}
        answer.last_event = decoder.last_event_id().map(str::to_owned);
        answer
    }

    /// Enters a session that has just been greeted.
    fn enter(&mut self, key: usize, caller: Caller<'_>) {
        let (session, id) = &self.sessions[&key];
        let Some(id) = id.clone() else { return };
        if session.status() != SessionStatus::HalfOpen
            || self.endpoint.handles().any(|known| *known == key)
        {
            return;
        }
        match self.endpoint.insert(self.now, id.as_str(), caller, key) {
            Ok(forgotten) => {
                for key in forgotten {
                    self.sessions.remove(&key);
                }
            }
            Err(_) => {
                self.sessions.remove(&key);
            }
        }
    }

    /// Notes how far a session has come, and forgets one that is over.
    fn note(&mut self, key: usize) {
        let Some((session, id)) = self.sessions.get(&key) else {
            return;
        };
        let status = session.status();
        if let Some(id) = id {
            self.endpoint.note(self.now, id, status);
        }
        let is_over = match id {
            Some(_) => status == SessionStatus::Closed,
            None => !self.open.iter().any(|(_, open, _)| *open == key),
        };
        if is_over {
            self.sessions.remove(&key);
        }
    }
}
