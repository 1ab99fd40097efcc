//! The client's codec by itself: what it sends, and what it makes of one response and the next.

use mcp_proto::Instant;
use std::time::Duration;

use mcp_proto::http::{Action, End, HttpClient, HttpClientOptions, HttpRequest, ResponseHead};
use mcp_proto::rpc::Kind;
use mcp_proto::session::{ExchangeId, Route, Transmit};
use serde_json::{Value, json};

use crate::requests::{mirrored_schema, modern};

pub const URL: &str = "http://localhost/mcp";

/// A codec, and the time.
pub struct Codec {
    pub http: HttpClient,
    pub now: Instant,
}

impl Codec {
    pub fn new(options: HttpClientOptions) -> Self {
        Self {
            http: HttpClient::new(URL, options),
            now: Instant::from_millis(1000),
        }
    }

    /// Has a modern request sent by the route of this number.
    pub fn send(&mut self, route: u64, method: &str, params: Value) {
        let mut sent = modern(method, params);
        sent.body["id"] = json!(route);
        self.send_frame(route, Kind::Request, sent.body);
    }

    pub fn send_frame(&mut self, route: u64, kind: Kind, frame: Value) {
        let frame = frame.to_string();
        let route = Route::Exchange(ExchangeId::new(route));
        let transmit = Transmit::new(route, frame.len(), kind);
        self.http.send(self.now, frame, &transmit);
    }

    /// The only thing to be done, which is to send a request.
    pub fn request(&mut self) -> HttpRequest {
        match self.http.poll() {
            Some(Action::Start(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    pub fn respond(&mut self, request: &HttpRequest, head: &ResponseHead, body: &str) {
        self.http.handle_head(self.now, request.exchange, head);
        self.http
            .handle_body(self.now, request.exchange, body.as_bytes());
        self.http.handle_end(self.now, request.exchange, End::Clean);
    }

    pub fn respond_json(&mut self, request: &HttpRequest, status: u16, body: &Value) {
        let head = ResponseHead::new(status).with("content-type", "application/json");
        self.respond(request, &head, &body.to_string());
    }

    /// Answers `initialize` of id 0, and opens the session "s-1" with that.
    pub fn respond_initialize(&mut self, request: &HttpRequest) {
        let head = ResponseHead::new(200)
            .with("content-type", "application/json")
            .with("mcp-session-id", "s-1");
        let body = json!({"jsonrpc": "2.0", "id": 0, "result": {}});
        self.respond(request, &head, &body.to_string());
        self.frame();
    }

    pub fn respond_events(&mut self, request: &HttpRequest, body: &str) {
        self.respond(request, &events(), body);
    }

    /// What is to be done, requests aside.
    pub fn actions(&mut self) -> Vec<Action> {
        std::iter::from_fn(|| self.http.poll()).collect()
    }

    /// The only frame for the session.
    pub fn frame(&mut self) -> Value {
        let mut frames = self
            .actions()
            .into_iter()
            .filter_map(|action| match action {
                Action::Frame(_, frame) => serde_json::from_slice(&frame).ok(),
                _ => None,
            });
        let frame = frames.next().expect("there is one");
        assert!(frames.next().is_none());
        frame
    }
}

pub fn events() -> ResponseHead {
    ResponseHead::new(200).with("content-type", "text/event-stream")
}

fn deploy() -> Value {
    json!({"name": "deploy", "arguments": {"region": "eu"}})
}

fn mismatch(id: u64) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32020, "message": "Header mismatch"}})
}

fn list(tools: &Value, cursor: Option<&str>) -> Value {
    let mut list =
        json!({"jsonrpc": "2.0", "id": 5, "result": {"tools": tools, "resultType": "complete"}});
    if let Some(cursor) = cursor {
        list["result"]["nextCursor"] = json!(cursor);
    }
    list
}

#[test]
fn a_call_whose_headers_do_not_fit_is_tried_once_more_after_the_tools_are_listed_again() {
    // `httpM.param.retry` `httpM.param.latest`
    for as_events in [false, true] {
        let mut codec = Codec::new(HttpClientOptions::default());
        codec.send(5, "tools/call", deploy());
        let call = codec.request();
        assert!(!call.headers.has("mcp-param-region"));
        let answer =
            |codec: &mut Codec, request: &HttpRequest, status, body: &Value| match as_events {
                true => codec.respond_events(request, &format!("data: {body}\n\n")),
                false => codec.respond_json(request, status, body),
            };
        answer(&mut codec, &call, 400, &mismatch(5));
        let listing = codec.request();
        assert_eq!(listing.headers.one("mcp-method"), Ok(Some("tools/list")));
        assert_eq!(
            listing.headers.one("mcp-protocol-version"),
            Ok(Some("2026-07-28"))
        );
        let body: Value = serde_json::from_slice(&listing.body).expect("it is JSON");
        let sent: Value = serde_json::from_slice(&call.body).expect("it is JSON");
        assert_eq!(body["params"]["_meta"], sent["params"]["_meta"]);
        let other = json!([{"name": "other", "inputSchema": {"type": "object"}}]);
        answer(&mut codec, &listing, 200, &list(&other, Some("p\"2")));
        let listing = codec.request();
        let body: Value = serde_json::from_slice(&listing.body).expect("it is JSON");
        assert_eq!(body["params"]["cursor"], "p\"2");
        let tools = json!([{"name": "deploy", "inputSchema": mirrored_schema()}]);
        answer(&mut codec, &listing, 200, &list(&tools, Some("more")));
        let again = codec.request();
        assert_eq!(again.body, call.body);
        assert_eq!(again.headers.one("mcp-param-region"), Ok(Some("eu")));
        // Once and no more.
        answer(&mut codec, &again, 400, &mismatch(5));
        assert_eq!(codec.frame()["error"]["code"], -32020);
        assert!(codec.http.poll().is_none());
    }
}

#[test]
fn a_call_that_cannot_be_mended_has_the_answer_that_it_had() {
    let gone = list(&json!([]), None);
    let html = ResponseHead::new(500).with("content-type", "text/html");
    for listed in [Some(gone), None] {
        let mut codec = Codec::new(HttpClientOptions::default());
        codec.send(5, "tools/call", deploy());
        let call = codec.request();
        codec.respond_json(&call, 400, &mismatch(5));
        let listing = codec.request();
        match listed {
            Some(list) => codec.respond_json(&listing, 200, &list),
            None => codec.respond(&listing, &html, "no"),
        }
        assert_eq!(codec.frame(), mismatch(5));
    }
    // Other requests have no headers that a list of tools could mend.
    let mut codec = Codec::new(HttpClientOptions::default());
    codec.send(5, "prompts/get", json!({"name": "p"}));
    let request = codec.request();
    codec.respond_json(&request, 400, &mismatch(5));
    assert_eq!(codec.frame(), mismatch(5));
}

#[test]
fn an_endless_list_of_tools_is_not_read_for_ever() {
    let mut codec = Codec::new(HttpClientOptions::default());
    codec.send(5, "tools/call", deploy());
    let call = codec.request();
    codec.respond_json(&call, 400, &mismatch(5));
    for page in 0..1000 {
        match codec.http.poll() {
            Some(Action::Start(listing)) => {
                codec.respond_json(&listing, 200, &list(&json!([]), Some("next")))
            }
            Some(Action::Frame(..)) => {
                assert!(page <= 32, "{page} pages");
                return;
            }
            other => panic!("{other:?}"),
        }
    }
    panic!("it never ends");
}

#[test]
fn a_call_that_is_cancelled_while_the_tools_are_listed_is_not_tried_again() {
    // `httpM.cancel`
    let mut codec = Codec::new(HttpClientOptions::default());
    codec.send(5, "tools/call", deploy());
    let call = codec.request();
    codec.respond_json(&call, 400, &mismatch(5));
    let listing = codec.request();
    let cancel = modern("notifications/cancelled", json!({"requestId": 5}));
    let mut cancel = cancel.body;
    cancel.as_object_mut().expect("an object").remove("id");
    codec.send_frame(5, Kind::Notification, cancel);
    assert_eq!(codec.actions(), [Action::Abort(listing.exchange)]);
    let tools = json!([{"name": "deploy", "inputSchema": mirrored_schema()}]);
    codec.respond_json(&listing, 200, &list(&tools, None));
    assert!(codec.actions().is_empty());
}

#[test]
fn a_request_beyond_the_bounds_for_what_is_read_has_its_answer_too() {
    let mut options = HttpClientOptions::default();
    options.limits.depth = 4;
    let mut codec = Codec::new(options);
    codec.send(
        5,
        "tools/call",
        json!({"name": "x", "arguments": {"a": {"b": {"c": {}}}}}),
    );
    let call = codec.request();
    let answer = json!({"jsonrpc": "2.0", "id": 5, "result": {}});
    codec.respond_json(&call, 200, &answer);
    assert_eq!(codec.frame(), answer);
}

/// A codec that a refused `initialize` has led to the pair of 2024-11-05, and the one stream of that.
fn with_the_pair(options: HttpClientOptions) -> (Codec, ExchangeId) {
    let mut codec = Codec::new(options);
    let hello = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {}});
    codec.send_frame(1, Kind::Request, hello);
    let request = codec.request();
    codec.respond(&request, &ResponseHead::new(405), "");
    let stream = codec.actions().into_iter().find_map(|action| match action {
        Action::Start(request) => Some(request),
        _ => None,
    });
    let stream = stream.expect("it asks for the stream").exchange;
    codec.http.handle_head(codec.now, stream, &events());
    codec
        .http
        .handle_body(codec.now, stream, b"event: endpoint\ndata: /m\n\n");
    (codec, stream)
}

#[test]
fn a_second_head_of_an_exchange_changes_nothing() {
    for status in [200, 202, 401, 403, 404, 500] {
        let (mut codec, stream) = with_the_pair(HttpClientOptions::default());
        let posted = codec.request().exchange;
        codec
            .http
            .handle_head(codec.now, posted, &ResponseHead::new(202));
        for exchange in [stream, posted] {
            codec
                .http
                .handle_head(codec.now, exchange, &ResponseHead::new(status));
            assert!(codec.actions().is_empty(), "{status}");
        }
        let answer = json!({"jsonrpc": "2.0", "id": 0, "result": {}});
        let event = format!("data: {answer}\n\n");
        codec.http.handle_body(codec.now, stream, event.as_bytes());
        assert_eq!(codec.frame(), answer);
    }
}

#[test]
fn an_event_that_is_too_long_ends_the_old_pair_whose_answers_were_to_come_after_it() {
    // `sse24.close`
    let mut options = HttpClientOptions::default();
    options.limits.frame = 64;
    let (mut codec, stream) = with_the_pair(options);
    codec.request();
    let long = format!("data: {}\n\n", "x".repeat(100));
    codec.http.handle_body(codec.now, stream, long.as_bytes());
    let actions = codec.actions();
    let is_closed = |action: &Action| matches!(action, Action::Closed(Route::Pipe, _));
    assert!(actions.iter().any(is_closed), "{actions:?}");
}

#[test]
fn an_exchange_of_which_nothing_is_awaited_is_closed_after_a_while() {
    let mut codec = Codec::new(HttpClientOptions::default());
    let told = json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": {}});
    let answer = json!({"jsonrpc": "2.0", "id": 2, "result": {}});
    let mut open = Vec::new();
    for _ in 0..3 {
        codec.send_frame(1, Kind::Notification, told.clone());
        open.push(codec.request().exchange);
        codec.send(2, "tools/call", json!({"name": "x"}));
        let call = codec.request().exchange;
        codec.http.handle_head(codec.now, call, &events());
        let event = format!("data: {answer}\n\n");
        codec.http.handle_body(codec.now, call, event.as_bytes());
        assert_eq!(codec.frame(), answer);
        open.push(call);
    }
    // What ends in time is forgotten.
    let ended = open.remove(0);
    codec.http.handle_end(codec.now, ended, End::Clean);
    let due = codec.now + Duration::from_secs(30);
    assert_eq!(codec.http.poll_timeout(), Some(due));
    codec
        .http
        .handle_timeout(codec.now + Duration::from_millis(29_999));
    assert!(codec.actions().is_empty());
    codec.http.handle_timeout(due);
    let closed: Vec<_> = open.into_iter().map(Action::Abort).collect();
    assert_eq!(codec.actions(), closed);
    assert_eq!(codec.http.poll_timeout(), None);
}
