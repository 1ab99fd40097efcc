//! Both sides of HTTP joined in memory: a client session and its codec, the endpoint and its sessions,
//! and heads and pieces of bodies between them, however they are cut.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use mcp_proto::http::{
    Action, Class, End, HttpClient, HttpClientOptions, HttpMethod, HttpPolicy, HttpRequest,
    HttpSession, Input, Offers, Part, Reply, RequestHead, ResponseHead, SessionKind, SessionStatus,
    StreamOptions, check, classify,
};
use mcp_proto::model::input::InputRequests;
use mcp_proto::model::logging::{LoggingLevel, LoggingMessageParams};
use mcp_proto::model::method::CallTool;
use mcp_proto::model::root::ListRootsResult;
use mcp_proto::model::tool::{CallToolParams, CallToolResult};
use mcp_proto::rpc::Kind;
use mcp_proto::session::{
    CallError, CallId, CallOptions, Change, ClientEvent, ClientSession, CloseReason, Closed,
    Delivery, EraPolicy, ExchangeId, Route, Routing, ServerEvent, ServerSession, Session, Transmit,
};
use mcp_proto::{Instant, Revision};
use serde_json::json;
use support::pair::{client_config, server_config};

use crate::requests::{mirrored_schema, modern};

const URL: &str = "http://localhost/mcp";

/// By what a client and a server meet.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Modern,
    Streamable,
    Stateless,
    ModernJson,
    StreamableJson,
    Pair,
}

const WAYS: [Way; 6] = [
    Way::Modern,
    Way::Streamable,
    Way::Stateless,
    Way::ModernJson,
    Way::StreamableJson,
    Way::Pair,
];

/// A server: its sessions, and which exchange of the client is which of theirs.
struct Host {
    way: Way,
    sessions: Vec<Option<HttpSession>>,
    exchanges: BTreeMap<u64, (usize, ExchangeId)>,
    /// What was refused before it came to a session.
    replies: Vec<(u64, Reply)>,
    asked: Vec<HttpRequest>,
    cancelled: usize,
    /// What is taken and never answered over HTTP.
    is_silent_on: Option<&'static str>,
}

struct Net {
    session: ClientSession,
    http: HttpClient,
    host: Host,
    now: Instant,
    piece: usize,
    events: Vec<ClientEvent>,
}

impl Host {
    fn options(&self) -> StreamOptions {
        let mut options = StreamOptions::default();
        options.json_only = matches!(self.way, Way::ModernJson | Way::StreamableJson);
        options
    }

    fn start(&mut self, now: Instant, request: &HttpRequest) {
        self.asked.push(request.clone());
        let path = request
            .url
            .strip_prefix("http://localhost")
            .expect("it is this host");
        let mut head = RequestHead::new(request.method, path).with("host", "localhost");
        for (name, value) in request.headers.iter() {
            head.headers.push(name, value);
        }
        let number = request.exchange.number();
        match self.place(&head, request.body.clone()) {
            Ok((index, input)) => {
                let Some(Some(session)) = self.sessions.get_mut(index) else {
                    return self.replies.push((number, Reply::empty(404)));
                };
                let exchange = session.handle(now, input);
                let says = |method: &str| {
                    request
                        .body
                        .windows(method.len())
                        .any(|window| window == method.as_bytes())
                };
                if self.is_silent_on.is_some_and(says) {
                    return;
                }
                self.exchanges.insert(number, (index, exchange));
            }
            Err(reply) => self.replies.push((number, reply)),
        }
    }

    /// The session that a request belongs to, and what it wants of it.
    fn place(&mut self, head: &RequestHead, body: Bytes) -> Result<(usize, Input), Reply> {
        let fresh = |host: &mut Self, kind: SessionKind| {
            let mut session = ServerSession::new(server_config());
            if kind == SessionKind::Stateless {
                session
                    .assume_initialized(Revision::NEWEST_LEGACY)
                    .expect("it is spoken");
            }
            host.sessions
                .push(Some(HttpSession::new(session, kind, host.options())));
            host.sessions.len() - 1
        };
        if self.way == Way::Pair {
            return match (&*head.path, head.method) {
                ("/mcp", HttpMethod::Get) => {
                    let kind = SessionKind::Pair {
                        endpoint: "/message".into(),
                    };
                    Ok((fresh(self, kind), Input::Get { last_event: None }))
                }
                ("/message", HttpMethod::Post) => {
                    let (kind, opens) = (None, false);
                    Ok((
                        0,
                        Input::Post {
                            frame: body,
                            kind,
                            opens,
                        },
                    ))
                }
                _ => Err(Reply::empty(405)),
            };
        }
        let revisions: Vec<Revision> = match self.way {
            Way::Modern | Way::ModernJson => Revision::ALL.to_vec(),
            _ => support::LEGACY.to_vec(),
        };
        let mut offers = Offers::new(revisions);
        if self.way == Way::Stateless {
            offers = offers.stateless();
        }
        check(&HttpPolicy::local(), &offers, head)?;
        match classify(&offers, head, body)? {
            Class::Modern { frame, .. } => {
                let (kind, opens) = (None, false);
                Ok((
                    fresh(self, SessionKind::Modern),
                    Input::Post { frame, kind, opens },
                ))
            }
            Class::Legacy {
                session: Some(id),
                input,
                ..
            } => {
                let index = id.strip_prefix("s-").and_then(|id| id.parse().ok());
                Ok((index.unwrap_or(usize::MAX), input))
            }
            Class::Legacy { input, .. } if self.way == Way::Stateless => {
                let opens = matches!(input, Input::Post { opens: true, .. });
                let kind = match opens {
                    true => SessionKind::Legacy {
                        id: "none".into(),
                        tag: 0,
                    },
                    false => SessionKind::Stateless,
                };
                Ok((fresh(self, kind), input))
            }
            Class::Legacy { input, .. } => {
                let id = format!("s-{}", self.sessions.len()).into();
                Ok((fresh(self, SessionKind::Legacy { id, tag: 7 }), input))
            }
            other => panic!("{other:?}"),
        }
    }

    /// Calls `act` with each request that has come.
    fn serve(
        &mut self,
        now: Instant,
        mut act: impl FnMut(&mut HttpSession, mcp_proto::session::Request),
    ) {
        for session in self.sessions.iter_mut().flatten() {
            while let Some(event) = session.poll_event() {
                match event {
                    ServerEvent::Request(request) => act(session, request),
                    ServerEvent::Cancelled { .. } => self.cancelled += 1,
                    _ => {}
                }
            }
            session.pump(now);
        }
    }
}

impl Net {
    fn new(way: Way, era: EraPolicy, piece: usize) -> Self {
        let config = client_config(Revision::NEWEST)
            .revisions(Revision::ALL.to_vec())
            .era(era)
            .routing(Routing::PerRequest);
        let mut net = Self {
            session: ClientSession::new(config),
            http: HttpClient::new(URL, HttpClientOptions::default()),
            host: Host {
                way,
                sessions: Vec::new(),
                exchanges: BTreeMap::new(),
                replies: Vec::new(),
                asked: Vec::new(),
                cancelled: 0,
                is_silent_on: None,
            },
            now: Instant::from_millis(1000),
            piece,
            events: Vec::new(),
        };
        net.session.open(net.now).expect("it is new");
        net
    }

    /// A client that has found out by itself what its server speaks.
    fn open(way: Way, piece: usize) -> Self {
        let mut net = Self::new(way, EraPolicy::Auto, piece);
        net.run();
        let opened = net.events.remove(0);
        assert!(
            matches!(opened, ClientEvent::Opened { .. }),
            "{way:?}: {opened:?}"
        );
        net
    }

    /// Carries everything across until nothing moves; the server answers nothing by itself.
    fn run(&mut self) {
        for _ in 0..1000 {
            if !self.step() {
                return;
            }
        }
        panic!("it never comes to rest");
    }

    fn step(&mut self) -> bool {
        let mut moved = false;
        let mut frame = Vec::new();
        while let Some(transmit) = self.session.poll_transmit(&mut frame) {
            self.http
                .send(self.now, std::mem::take(&mut frame), &transmit);
            moved = true;
        }
        while let Some(action) = self.http.poll() {
            moved = true;
            match action {
                Action::Start(request) => self.host.start(self.now, &request),
                Action::Abort(exchange) => self.host_lost(exchange),
                Action::Frame(route, frame) => self.session.handle_frame(self.now, route, frame),
                Action::Malformed(route, error) => {
                    self.session.handle_malformed(self.now, route, error)
                }
                Action::Closed(route, why) => self.session.handle_closed(self.now, route, why),
                other => panic!("{other:?}"),
            }
        }
        for (number, reply) in std::mem::take(&mut self.host.replies) {
            moved = true;
            let exchange = ExchangeId::new(number);
            self.http.handle_head(self.now, exchange, &reply.head);
            self.http.handle_body(self.now, exchange, &reply.body);
            self.http.handle_end(self.now, exchange, End::Clean);
        }
        for (number, (index, exchange)) in self.host.exchanges.clone() {
            while let Some(part) = self.host.sessions[index]
                .as_mut()
                .and_then(|s| s.poll_part(exchange))
            {
                moved = true;
                let number = ExchangeId::new(number);
                match part {
                    Part::Head(head) => self.http.handle_head(self.now, number, &head),
                    Part::Body(bytes) => {
                        for piece in bytes.chunks(self.piece) {
                            self.http.handle_body(self.now, number, piece);
                        }
                    }
                    _ => {
                        self.http.handle_end(self.now, number, End::Clean);
                        self.host.exchanges.remove(&number.number());
                    }
                }
            }
        }
        self.events
            .extend(std::iter::from_fn(|| self.session.poll_event()));
        moved
    }

    /// A connection is closed by the client.
    fn host_lost(&mut self, exchange: ExchangeId) {
        if let Some((index, exchange)) = self.host.exchanges.remove(&exchange.number())
            && let Some(session) = &mut self.host.sessions[index]
        {
            session.handle_gone(self.now, exchange);
        }
    }

    /// A connection breaks, and both sides learn of it.
    fn break_connection(&mut self, exchange: ExchangeId) {
        self.host_lost(exchange);
        self.http.handle_end(self.now, exchange, End::Broken);
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        self.session.handle_timeout(self.now);
        self.http.handle_timeout(self.now);
        for session in self.host.sessions.iter_mut().flatten() {
            session.handle_timeout(self.now);
        }
        self.run();
    }

    fn call(&mut self, name: &'static str) -> CallId<CallTool> {
        let params = CallToolParams::new(name);
        let options = CallOptions::new().log_level(Some(LoggingLevel::Debug));
        self.session
            .call::<CallTool>(self.now, &params, options)
            .expect("it is open")
    }

    /// Answers every call with its own name.
    fn answer_calls(&mut self) {
        let now = self.now;
        self.host.serve(now, |session, request| {
            let name = request
                .target()
                .map(|name| name.into_string())
                .unwrap_or_default();
            let result = CallToolResult::text(name);
            session
                .session()
                .reply::<CallTool>(now, request.id, &result)
                .expect("it is open");
        });
        self.run();
    }

    /// How a call has ended.
    fn end(&mut self, call: CallId<CallTool>) -> Result<String, CallError> {
        let is_it = |event: &ClientEvent| matches!(event, ClientEvent::Completed(done) if done.call == call);
        let at = self.events.iter().position(is_it).expect("it has ended");
        let ClientEvent::Completed(done) = self.events.remove(at) else {
            unreachable!()
        };
        done.result::<CallTool>()
            .map(|result| result.content[0].as_text().unwrap_or_default().to_owned())
    }
}

#[test]
fn a_client_finds_out_by_itself_what_its_server_speaks_and_calls_it() {
    // `era.http.probe` `era.http.legacy` `era.http.sse` `httpL.sse.fallback` `httpM.accept` `httpL.accept`
    for way in WAYS {
        for piece in [1, 7, 100_000] {
            let mut net = Net::open(way, piece);
            let is_modern = matches!(way, Way::Modern | Way::ModernJson);
            let revision = net.session.revision().expect("it is open");
            assert_eq!(revision == Revision::NEWEST, is_modern, "{way:?}");
            let calls = ["a", "b", "c"].map(|name| (name, net.call(name)));
            net.run();
            net.answer_calls();
            for (name, call) in calls {
                assert_eq!(net.end(call).as_deref(), Ok(name), "{way:?}");
            }
        }
    }
}

#[test]
fn every_request_has_the_headers_of_its_era() {
    // `httpM.ver.header` `httpM.hdr.method` `httpM.hdr.name` `httpL.session.send` `httpL.ver.send` `httpL.ver.value`
    let mut net = Net::open(Way::Modern, 100);
    net.call("näme");
    net.run();
    for request in &net.host.asked {
        let one = |name| request.headers.one(name).expect("it is good");
        assert_eq!(one("mcp-protocol-version"), Some("2026-07-28"));
        assert_eq!(one("content-type"), Some("application/json"));
        assert_eq!(one("accept"), Some("application/json, text/event-stream"));
        assert!(one("mcp-session-id").is_none() && one("last-event-id").is_none());
    }
    let call = net.host.asked.last().expect("it was asked");
    assert_eq!(call.headers.one("mcp-method"), Ok(Some("tools/call")));
    assert_eq!(
        call.headers.one("mcp-name"),
        Ok(Some("=?base64?bsOkbWU=?="))
    );
    let mut net = Net::open(Way::Streamable, 100);
    net.pass(Duration::from_millis(1));
    net.call("x");
    net.run();
    net.http.close(net.now);
    net.run();
    let (opening, rest): (Vec<_>, Vec<_>) = net.host.asked.iter().partition(|request| {
        [&b"server/discover"[..], b"\"initialize\""]
            .iter()
            .any(|method| {
                request
                    .body
                    .windows(method.len())
                    .any(|window| window == *method)
            })
    });
    assert!(
        opening
            .iter()
            .all(|request| !request.headers.has("mcp-session-id"))
    );
    assert!(!opening[1].headers.has("mcp-protocol-version"));
    let methods: Vec<_> = rest.iter().map(|request| request.method).collect();
    assert_eq!(
        methods,
        [
            HttpMethod::Post,
            HttpMethod::Get,
            HttpMethod::Post,
            HttpMethod::Delete
        ]
    );
    for request in rest {
        assert!(request.headers.has("mcp-session-id"), "{request:?}");
        assert_eq!(
            request.headers.one("mcp-protocol-version"),
            Ok(Some("2025-11-25"))
        );
    }
}

#[test]
fn what_comes_before_an_answer_comes_before_it() {
    for way in [Way::Modern, Way::Streamable, Way::Stateless, Way::Pair] {
        let mut net = Net::open(way, 3);
        let call = net.call("x");
        net.run();
        let now = net.now;
        net.host.serve(now, |session, request| {
            let message = LoggingMessageParams::text(LoggingLevel::Error, "soon");
            session
                .session()
                .log(now, Some(request.id), &message)
                .expect("it is open");
            let result = CallToolResult::text("x");
            session
                .session()
                .reply::<CallTool>(now, request.id, &result)
                .expect("it is open");
        });
        net.run();
        assert!(
            matches!(net.events[0], ClientEvent::Log(_)),
            "{way:?}: {:?}",
            net.events
        );
        assert_eq!(net.end(call).as_deref(), Ok("x"), "{way:?}");
    }
}

#[test]
fn a_server_asks_its_client_and_goes_on_with_the_answer() {
    // `httpL.202` `httpM.sse.noreq`
    for way in [
        Way::Modern,
        Way::Streamable,
        Way::ModernJson,
        Way::StreamableJson,
        Way::Pair,
    ] {
        let mut net = Net::open(way, 11);
        let call = net.call("x");
        net.run();
        let now = net.now;
        let ask = |session: &mut HttpSession, request: mcp_proto::session::Request| {
            let roots = InputRequests::new().roots("k");
            session
                .session()
                .need_input(now, request.id, &roots, Some("s"))
                .expect("it is open");
        };
        net.host.serve(now, ask);
        net.run();
        let asked = net.events.remove(0);
        let ClientEvent::InputRequested(asked) = asked else {
            panic!("{way:?}: {asked:?}")
        };
        let roots = ListRootsResult::new(Vec::new());
        net.session
            .answer::<mcp_proto::model::method::ListRoots>(now, asked.input, &roots)
            .expect("it is open");
        net.run();
        net.answer_calls();
        assert_eq!(net.end(call).as_deref(), Ok("x"), "{way:?}");
    }
}

#[test]
fn a_change_is_heard_once_by_the_stream_for_what_belongs_to_no_request() {
    // `httpL.nobroadcast` `httpL.get`
    for way in [Way::Streamable, Way::StreamableJson, Way::Pair] {
        let mut net = Net::open(way, 5);
        let now = net.now;
        let session = net
            .host
            .sessions
            .iter_mut()
            .flatten()
            .find(|s| matches!(s.status(), SessionStatus::Idle | SessionStatus::Busy));
        let session = session.expect("one is open");
        session
            .session()
            .changed(now, Change::Tools)
            .expect("it is declared");
        session.pump(now);
        net.run();
        let heard = net
            .events
            .iter()
            .filter(|event| matches!(event, ClientEvent::Changed { .. }));
        assert_eq!(heard.count(), 1, "{way:?}: {:?}", net.events);
    }
}

#[test]
fn to_cancel_closes_a_modern_exchange_and_tells_a_legacy_server() {
    // `httpM.cancel` `httpL.sse.disconnect`
    for way in WAYS.into_iter().filter(|way| *way != Way::Stateless) {
        let mut net = Net::open(way, 100);
        let call = net.call("x");
        net.run();
        net.session.cancel(net.now, call, None).expect("it is open");
        net.run();
        let now = net.now;
        net.host.serve(now, |_, _| {});
        assert_eq!(net.end(call), Err(CallError::Cancelled), "{way:?}");
        assert_eq!(net.host.cancelled, 1, "{way:?}");
        let is_modern = matches!(way, Way::Modern | Way::ModernJson);
        let cancelled = b"notifications/cancelled";
        let is_told = net.host.asked.iter().any(|request| {
            request
                .body
                .windows(cancelled.len())
                .any(|window| window == cancelled)
        });
        assert_eq!(is_told, !is_modern, "{way:?}");
    }
}

#[test]
fn a_legacy_stream_that_breaks_is_resumed_and_a_modern_one_is_lost() {
    // `httpL.resume` `httpL.sse.retry.obey` `httpM.noresume` `httpM.reissue.safe` `httpL.sse.end.noresp`
    for way in [Way::Modern, Way::Streamable] {
        let mut net = Net::open(way, 100);
        let call = net.call("x");
        net.run();
        net.pass(Duration::from_secs(2));
        let exchange = net.host.asked.last().expect("it was asked").exchange;
        net.break_connection(exchange);
        net.run();
        if way == Way::Modern {
            assert_eq!(net.end(call), Err(CallError::Lost(Delivery::Unknown)));
            continue;
        }
        net.answer_calls();
        assert!(net.events.is_empty(), "it waits as long as it was told");
        net.pass(Duration::from_millis(999));
        assert!(net.events.is_empty());
        net.pass(Duration::from_millis(1));
        assert!(
            net.host
                .asked
                .last()
                .expect("it was asked")
                .headers
                .has("last-event-id")
        );
        assert_eq!(net.end(call).as_deref(), Ok("x"));
    }
}

#[test]
fn a_session_that_the_server_has_forgotten_is_over() {
    // `httpL.session.reinit` `httpL.session.404`
    let mut net = Net::open(Way::Streamable, 100);
    net.host
        .sessions
        .iter_mut()
        .for_each(|session| *session = None);
    let call = net.call("x");
    net.run();
    assert_eq!(net.end(call), Err(CallError::Lost(Delivery::NotSent)));
    let closed = net.events.pop();
    let reason = CloseReason::Connection(Closed::Forgotten);
    assert!(matches!(closed, Some(ClientEvent::Closed(why)) if why == reason));
    assert!(net.http.session_id().is_none());
}

/// One response to the only call, and what becomes of the call.
struct Case {
    status: u16,
    kind: &'static str,
    body: &'static str,
    end: End,
    becomes: fn(&Result<String, CallError>) -> bool,
}

#[test]
fn every_response_ends_its_call_in_the_way_of_the_table() {
    // `httpM.status.other` `httpM.limits` `httpM.inter.status` `httpM.reply`
    const JSON: &str = "application/json";
    const EVENTS: &str = "text/event-stream";
    let refused = |case: &Case, status| Case {
        becomes: case.becomes,
        status,
        ..*case
    };
    let html = Case {
        status: 200,
        kind: "text/html",
        body: "<html>",
        end: End::Clean,
        becomes: |end| matches!(end, Err(CallError::Refused { .. })),
    };
    let lost = Case {
        status: 200,
        kind: EVENTS,
        body: ": nothing\n\n",
        end: End::Clean,
        becomes: |end| *end == Err(CallError::Lost(Delivery::Unknown)),
    };
    let error = Case {
        status: 400,
        kind: JSON,
        body: r#"{"jsonrpc":"2.0","error":{"code":-32099,"message":"no"}}"#,
        end: End::Clean,
        becomes: |end| matches!(end, Err(CallError::Rpc(error)) if error.code == -32099),
    };
    let mut cases = vec![
        Case {
            body: "",
            ..refused(&html, 202)
        },
        Case {
            body: "not json",
            kind: JSON,
            ..refused(&html, 200)
        },
        Case {
            body: "{}",
            kind: JSON,
            ..refused(&html, 500)
        },
        Case {
            end: End::Broken,
            ..refused(&lost, 200)
        },
        Case {
            body: "data: {\"jsonrpc\":\"2.0\"",
            ..refused(&lost, 200)
        },
        Case {
            kind: JSON,
            body: "{\"jsonrpc\":",
            end: End::Broken,
            ..refused(&lost, 200)
        },
        Case {
            body: r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32099,"message":"no"}}"#,
            ..refused(&error, 500)
        },
        Case {
            body: r#"{"jsonrpc":"2.0","id":"other","error":{"code":-32099,"message":"no"}}"#,
            ..refused(&error, 200)
        },
        Case {
            kind: EVENTS,
            end: End::Clean,
            status: 200,
            body: "data: {\"jsonrpc\":\"2.0\",\"id\":ID,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"t\"}]}}\n\n",
            becomes: |end| end.as_deref() == Ok("t"),
        },
        error,
        lost,
    ];
    for status in [
        301, 307, 401, 403, 404, 405, 406, 413, 415, 429, 431, 500, 502, 503,
    ] {
        cases.push(refused(&html, status));
    }
    for case in cases {
        let mut net = Net::open(Way::Modern, 100);
        let call = net.call("x");
        net.step();
        let request = net.host.asked.last().expect("it was asked").clone();
        net.host.exchanges.remove(&request.exchange.number());
        let frame: serde_json::Value = serde_json::from_slice(&request.body).expect("it is JSON");
        let body = case.body.replace("ID", &frame["id"].to_string());
        let head = ResponseHead::new(case.status).with("content-type", case.kind);
        net.http.handle_head(net.now, request.exchange, &head);
        for piece in body.as_bytes().chunks(3) {
            net.http.handle_body(net.now, request.exchange, piece);
        }
        net.http.handle_end(net.now, request.exchange, case.end);
        net.run();
        let end = net.end(call);
        assert!(
            (case.becomes)(&end),
            "{} {} {:?}: {end:?}",
            case.status,
            case.kind,
            case.body
        );
        assert!(net.session.is_open());
    }
}

/// A codec that has a request to send, and the exchange by which it was sent.
fn asked(http: &mut HttpClient, method: &str, params: serde_json::Value) -> HttpRequest {
    let sent = modern(method, params);
    let route = Route::Exchange(ExchangeId::new(1));
    let bytes = sent.bytes();
    let transmit = Transmit::new(route, bytes.len(), Kind::Request);
    http.send(Instant::ZERO, bytes, &transmit);
    match http.poll() {
        Some(Action::Start(request)) => request,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_client_mirrors_arguments_by_the_list_it_saw_last_and_leaves_out_tools_that_break_the_rules() {
    // `httpM.param.support` `httpM.param.reject` `httpM.param.latest` `httpM.param.omit` `httpM.sse.comment`
    let bad =
        json!({"type": "object", "properties": {"a": {"type": "number", "x-mcp-header": "A"}}});
    let plain = json!({"type": "object"});
    let now = Instant::ZERO;
    for as_events in [false, true] {
        let mut http = HttpClient::new(URL, HttpClientOptions::default());
        let list = |http: &mut HttpClient, deploy: &serde_json::Value| {
            let request = asked(http, "tools/list", json!({}));
            let tools = json!([{"name": "bad", "inputSchema": bad}, {"name": "deploy", "inputSchema": deploy},
                {"name": "plain", "inputSchema": plain}]);
            let answer = json!({"jsonrpc": "2.0", "id": 1, "result": {"tools": tools, "resultType": "complete"}});
            let (kind, body) = match as_events {
                true => ("text/event-stream", format!(": note\n\ndata: {answer}\n\n")),
                false => ("application/json", answer.to_string()),
            };
            let head = ResponseHead::new(200).with("content-type", kind);
            http.handle_head(now, request.exchange, &head);
            http.handle_body(now, request.exchange, body.as_bytes());
            http.handle_end(now, request.exchange, End::Clean);
            let Some(Action::ToolRejected { name, .. }) = http.poll() else {
                panic!("one breaks the rules");
            };
            assert_eq!(&*name, "bad");
            let Some(Action::Frame(_, frame)) = http.poll() else {
                panic!("the list follows")
            };
            let frame: serde_json::Value = serde_json::from_slice(&frame).expect("it is JSON");
            let names: Vec<_> = frame["result"]["tools"]
                .as_array()
                .expect("a list")
                .iter()
                .map(|tool| tool["name"].as_str().expect("a name").to_owned())
                .collect();
            assert_eq!(names, ["deploy", "plain"]);
        };
        let arguments = json!({"name": "deploy", "arguments": {"region": "日本語", "count": null, "dry": true}});
        let unseen = asked(&mut http, "tools/call", arguments.clone());
        assert!(
            !unseen.headers.has("mcp-param-region"),
            "its schema was never seen"
        );
        list(&mut http, &mirrored_schema());
        let call = asked(&mut http, "tools/call", arguments.clone());
        let one = |name| call.headers.one(name).expect("it is good");
        assert_eq!(one("mcp-param-region"), Some("=?base64?5pel5pys6Kqe?="));
        assert_eq!(
            (one("mcp-param-dry-run"), one("mcp-param-count")),
            (Some("true"), None)
        );
        list(&mut http, &plain);
        let call = asked(&mut http, "tools/call", arguments);
        assert!(
            !call.headers.has("mcp-param-region"),
            "the schema has changed"
        );
    }
}

#[test]
fn a_server_that_cannot_be_reached_is_told_as_such() {
    let mut net = Net::new(Way::Modern, EraPolicy::Auto, 1);
    let mut frame = Vec::new();
    let transmit = net.session.poll_transmit(&mut frame).expect("it probes");
    net.http.send(net.now, frame, &transmit);
    let Some(Action::Start(request)) = net.http.poll() else {
        panic!("it asks")
    };
    net.http.handle_end(net.now, request.exchange, End::NotSent);
    net.run();
    let closed = net.events.pop();
    let reason = CloseReason::Connection(Closed::Unreachable);
    assert!(
        matches!(closed, Some(ClientEvent::Closed(why)) if why == reason),
        "{:?}",
        net.events
    );
}

#[test]
fn an_endless_response_is_bounded() {
    let mut net = Net::open(Way::Modern, 100);
    let call = net.call("x");
    net.step();
    let exchange = net.host.asked.last().expect("it was asked").exchange;
    net.host.exchanges.clear();
    let head = ResponseHead::new(200).with("content-type", "application/json");
    net.http.handle_head(net.now, exchange, &head);
    let piece = vec![b' '; 1 << 20];
    for _ in 0..20 {
        net.http.handle_body(net.now, exchange, &piece);
    }
    net.run();
    assert!(net.end(call).is_err());
    assert!(net.session.is_open());
}

#[test]
fn a_server_that_never_takes_initialized_holds_up_what_follows_for_a_while_and_no_longer() {
    let mut net = Net::new(Way::Streamable, EraPolicy::Auto, 100);
    net.host.is_silent_on = Some("notifications/initialized");
    net.run();
    let call = net.call("x");
    net.run();
    let asked = |net: &Net| net.host.asked.last().expect("it was asked").method;
    assert_eq!(asked(&net), HttpMethod::Post);
    net.pass(Duration::from_millis(4_999));
    assert!(
        !net.events
            .iter()
            .any(|event| matches!(event, ClientEvent::Completed(_)))
    );
    assert_eq!(
        net.http.poll_timeout(),
        Some(net.now + Duration::from_millis(1))
    );
    net.pass(Duration::from_millis(1));
    assert!(
        net.host
            .asked
            .iter()
            .any(|request| request.method == HttpMethod::Get)
    );
    net.answer_calls();
    assert_eq!(net.end(call).as_deref(), Ok("x"));
}
