//! A session over HTTP, and what its exchanges give.

use std::time::Duration;

use bytes::Bytes;
use mcp_proto::frame::{SseDecoder, SseEvent};
use mcp_proto::http::headers::Headers;
use mcp_proto::http::{HttpSession, Input, Part, SessionKind, SessionStatus, StreamOptions};
use mcp_proto::model::logging::{LoggingLevel, LoggingMessageParams};
use mcp_proto::model::method::CallTool;
use mcp_proto::model::tool::CallToolResult;
use mcp_proto::rpc::Kind;
use mcp_proto::session::{ExchangeId, Request, ServerEvent, ServerSession};
use mcp_proto::{Instant, Revision};
use serde_json::{Value, json};
use support::pair::server_config;
use support::scenario::{notification, request};

pub const TAG: u32 = 0xC0FF_EE01;

/// A session over HTTP, and the time.
pub struct Served {
    pub http: HttpSession,
    pub now: Instant,
}

/// What an exchange has given so far.
#[derive(Debug, Default)]
pub struct Given {
    pub status: Option<u16>,
    pub headers: Headers,
    pub body: Vec<u8>,
    pub ended: bool,
}

impl Given {
    pub fn json(&self) -> Value {
        assert_eq!(
            self.headers.one("content-type"),
            Ok(Some("application/json"))
        );
        let length = self
            .headers
            .one("content-length")
            .unwrap()
            .unwrap()
            .to_owned();
        assert_eq!(length, self.body.len().to_string());
        serde_json::from_slice(&self.body).expect("it is JSON")
    }

    pub fn events(&self) -> Vec<SseEvent> {
        assert_eq!(
            self.headers.one("content-type"),
            Ok(Some("text/event-stream"))
        );
        let mut decoder = SseDecoder::new(1 << 20);
        decoder.push(&self.body);
        std::iter::from_fn(|| decoder.next_event())
            .map(|event| event.expect("it is short"))
            .collect()
    }

    /// The messages of the events, without those that carry none.
    pub fn messages(&self) -> Vec<Value> {
        let events = self
            .events()
            .into_iter()
            .filter(|event| !event.data.is_empty());
        events
            .map(|event| serde_json::from_slice(&event.data).expect("it is JSON"))
            .collect()
    }

    pub fn last_id(&self) -> String {
        let mut decoder = SseDecoder::new(1 << 20);
        decoder.push(&self.body);
        while decoder.next_event().is_some() {}
        decoder.last_event_id().expect("an id was given").to_owned()
    }
}

impl Served {
    pub fn new(kind: SessionKind, options: StreamOptions) -> Self {
        let mut session = ServerSession::new(server_config());
        if kind == SessionKind::Stateless {
            session
                .assume_initialized(Revision::NEWEST_LEGACY)
                .expect("it is spoken");
        }
        Self {
            http: HttpSession::new(session, kind, options),
            now: Instant::from_millis(1000),
        }
    }

    /// A legacy session that has opened.
    pub fn legacy(revision: Revision, options: StreamOptions) -> Self {
        let kind = SessionKind::Legacy {
            id: "s-1".into(),
            tag: TAG,
        };
        let mut served = Self::new(kind, options);
        let hello = json!({"protocolVersion": revision.as_str(), "capabilities": {"roots": {}},
            "clientInfo": {"name": "c", "version": "1"}});
        let (_, given) = served.post(request(revision, 0, "initialize", hello));
        assert_eq!(given.json()["result"]["protocolVersion"], revision.as_str());
        assert_eq!(given.headers.one("mcp-session-id"), Ok(Some("s-1")));
        assert_eq!(served.http.status(), SessionStatus::HalfOpen);
        let (_, given) = served.post(notification("notifications/initialized", json!({})));
        assert_eq!(
            (given.status, given.body.len(), given.ended),
            (Some(202), 0, true)
        );
        assert_eq!(served.http.status(), SessionStatus::Idle);
        while served.http.poll_event().is_some() {}
        served
    }

    pub fn post(&mut self, frame: String) -> (ExchangeId, Given) {
        let value: Value = serde_json::from_str(&frame).expect("it is JSON");
        let kind = match (value.get("method"), value.get("id")) {
            _ if value.is_array() => None,
            (Some(_), Some(_)) => Some(Kind::Request),
            (Some(_), None) => Some(Kind::Notification),
            _ => Some(Kind::Result),
        };
        let opens = value["method"] == "initialize";
        let frame = Bytes::from(frame).into();
        self.input(Input::Post { frame, kind, opens })
    }

    pub fn input(&mut self, input: Input) -> (ExchangeId, Given) {
        let exchange = self.http.handle(self.now, input);
        (exchange, self.given(exchange))
    }

    pub fn get(&mut self, last_event: Option<&str>) -> (ExchangeId, Given) {
        let last_event = last_event.map(Box::from);
        self.input(Input::Get { last_event })
    }

    /// What an exchange gives from now on.
    pub fn given(&mut self, exchange: ExchangeId) -> Given {
        let mut given = Given::default();
        while let Some(part) = self.http.poll_part(exchange) {
            assert!(!given.ended, "nothing follows the end");
            match part {
                Part::Head(head) => {
                    assert!(given.status.is_none(), "there is one head");
                    (given.status, given.headers) = (Some(head.status), head.headers);
                }
                Part::Body(bytes) => given.body.extend_from_slice(&bytes),
                _ => given.ended = true,
            }
        }
        given
    }

    /// The same for an exchange whose head was seen before.
    pub fn more(&mut self, exchange: ExchangeId) -> Given {
        let mut given = self.given(exchange);
        if !given.headers.has("content-type") {
            given.headers.push("content-type", "text/event-stream");
        }
        given
    }

    pub fn request(&mut self) -> Request {
        loop {
            match self.http.poll_event() {
                Some(ServerEvent::Request(request)) => return request,
                Some(_) => {}
                None => panic!("there is no request"),
            }
        }
    }

    pub fn cancelled(&mut self) -> bool {
        std::iter::from_fn(|| self.http.poll_event())
            .any(|event| matches!(event, ServerEvent::Cancelled { .. }))
    }

    pub fn reply(&mut self, request: &Request) {
        let now = self.now;
        self.http
            .session()
            .reply::<CallTool>(now, request.id, &CallToolResult::text("t"))
            .expect("it is open");
        self.http.pump(now);
    }

    pub fn log(&mut self, request: Option<&Request>, text: &str) {
        let message = LoggingMessageParams::text(LoggingLevel::Error, text);
        let now = self.now;
        self.http
            .session()
            .log(now, request.map(|request| request.id), &message)
            .expect("it is open");
        self.http.pump(now);
    }

    pub fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        self.http.handle_timeout(self.now);
    }
}

pub fn call(revision: Revision, id: i64) -> String {
    request(revision, id, "tools/call", json!({"name": "x"}))
}

pub fn logging_call(id: i64) -> String {
    let meta = json!({"io.modelcontextprotocol/logLevel": "debug"});
    request(
        Revision::NEWEST,
        id,
        "tools/call",
        json!({"name": "x", "_meta": meta}),
    )
}

pub fn modern() -> Served {
    Served::new(SessionKind::Modern, StreamOptions::default())
}

pub fn options() -> StreamOptions {
    StreamOptions::default()
}
