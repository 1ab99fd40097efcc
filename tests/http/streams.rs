//! Sessions over HTTP: how an exchange becomes JSON or a stream, what goes on which stream, and how a
//! stream is resumed.

use std::time::Duration;

use bytes::Bytes;
use mcp_proto::frame::{SseDecoder, SseEvent};
use mcp_proto::http::headers::Headers;
use mcp_proto::http::{HttpSession, Input, Part, SessionKind, SessionStatus, StreamOptions};
use mcp_proto::model::input::InputRequests;
use mcp_proto::model::logging::{LoggingLevel, LoggingMessageParams};
use mcp_proto::model::method::CallTool;
use mcp_proto::model::tool::CallToolResult;
use mcp_proto::rpc::{Kind, RpcError};
use mcp_proto::session::{Change, ExchangeId, Request, ServerEvent, ServerSession};
use mcp_proto::{Instant, Revision};
use serde_json::{Value, json};
use support::pair::server_config;
use support::scenario::{notification, request, result};
use support::{LEGACY, on_revisions};

const TAG: u32 = 0xC0FF_EE01;

/// A session over HTTP, and the time.
struct Served {
    http: HttpSession,
    now: Instant,
}

/// What an exchange has given so far.
#[derive(Debug, Default)]
struct Given {
    status: Option<u16>,
    headers: Headers,
    body: Vec<u8>,
    ended: bool,
}

impl Given {
    fn json(&self) -> Value {
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

    fn events(&self) -> Vec<SseEvent> {
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
    fn messages(&self) -> Vec<Value> {
        let events = self
            .events()
            .into_iter()
            .filter(|event| !event.data.is_empty());
        events
            .map(|event| serde_json::from_slice(&event.data).expect("it is JSON"))
            .collect()
    }

    fn last_id(&self) -> String {
        let mut decoder = SseDecoder::new(1 << 20);
        decoder.push(&self.body);
        while decoder.next_event().is_some() {}
        decoder.last_event_id().expect("an id was given").to_owned()
    }
}

impl Served {
    fn new(kind: SessionKind, options: StreamOptions) -> Self {
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
    fn legacy(revision: Revision, options: StreamOptions) -> Self {
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

    fn post(&mut self, frame: String) -> (ExchangeId, Given) {
        let value: Value = serde_json::from_str(&frame).expect("it is JSON");
        let kind = match (value.get("method"), value.get("id")) {
            _ if value.is_array() => None,
            (Some(_), Some(_)) => Some(Kind::Request),
            (Some(_), None) => Some(Kind::Notification),
            _ => Some(Kind::Result),
        };
        let opens = value["method"] == "initialize";
        let frame = Bytes::from(frame);
        self.input(Input::Post { frame, kind, opens })
    }

    fn input(&mut self, input: Input) -> (ExchangeId, Given) {
        let exchange = self.http.handle(self.now, input);
        (exchange, self.given(exchange))
    }

    fn get(&mut self, last_event: Option<&str>) -> (ExchangeId, Given) {
        let last_event = last_event.map(Box::from);
        self.input(Input::Get { last_event })
    }

    /// What an exchange gives from now on.
    fn given(&mut self, exchange: ExchangeId) -> Given {
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
    fn more(&mut self, exchange: ExchangeId) -> Given {
        let mut given = self.given(exchange);
        if !given.headers.has("content-type") {
            given.headers.push("content-type", "text/event-stream");
        }
        given
    }

    fn request(&mut self) -> Request {
        loop {
            match self.http.poll_event() {
                Some(ServerEvent::Request(request)) => return request,
                Some(_) => {}
                None => panic!("there is no request"),
            }
        }
    }

    fn cancelled(&mut self) -> bool {
        std::iter::from_fn(|| self.http.poll_event())
            .any(|event| matches!(event, ServerEvent::Cancelled { .. }))
    }

    fn reply(&mut self, request: &Request) {
        let now = self.now;
        self.http
            .session()
            .reply::<CallTool>(now, request.id, &CallToolResult::text("t"))
            .expect("it is open");
        self.http.pump(now);
    }

    fn log(&mut self, request: Option<&Request>, text: &str) {
        let message = LoggingMessageParams::text(LoggingLevel::Error, text);
        let now = self.now;
        self.http
            .session()
            .log(now, request.map(|request| request.id), &message)
            .expect("it is open");
        self.http.pump(now);
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        self.http.handle_timeout(self.now);
    }
}

fn call(revision: Revision, id: i64) -> String {
    request(revision, id, "tools/call", json!({"name": "x"}))
}

fn logging_call(id: i64) -> String {
    let meta = json!({"io.modelcontextprotocol/logLevel": "debug"});
    request(
        Revision::NEWEST,
        id,
        "tools/call",
        json!({"name": "x", "_meta": meta}),
    )
}

fn modern() -> Served {
    Served::new(SessionKind::Modern, StreamOptions::default())
}

fn options() -> StreamOptions {
    StreamOptions::default()
}

on_revisions! { LEGACY;
    // `httpL.req.reply` `httpL.session.assign` `httpL.202`
    fn an_answer_alone_is_json(revision) {
        let mut served = Served::legacy(revision, options());
        let (exchange, given) = served.post(call(revision, 1));
        assert_eq!(given.status, None, "nothing is known yet");
        let request = served.request();
        served.reply(&request);
        let ready: Vec<_> = std::iter::from_fn(|| served.http.poll_ready()).collect();
        assert_eq!(ready, [exchange]);
        let given = served.given(exchange);
        assert_eq!((given.status, given.ended), (Some(200), true));
        assert_eq!(given.json()["id"], 1);
        assert!(served.http.poll_part(exchange).is_none());
    }
}

#[test]
fn a_modern_answer_has_the_status_of_its_error_and_no_session() {
    // `httpM.reply` `httpM.404` `httpM.session.ignore`
    let mut served = modern();
    let (_, given) = served.post(request(Revision::NEWEST, 1, "ping", json!({})));
    assert_eq!((given.status, given.ended), (Some(404), true));
    assert_eq!(given.json()["error"]["code"], -32601);
    assert!(!given.headers.has("mcp-session-id"));
    let mut served = modern();
    let (exchange, _) = served.post(call(Revision::NEWEST, 1));
    let request = served.request();
    let now = served.now;
    served
        .http
        .session()
        .reply_error(now, request.id, RpcError::invalid_params("no"))
        .unwrap();
    served.http.pump(now);
    assert_eq!(served.given(exchange).status, Some(200));
}

on_revisions! { LEGACY;
    // `httpL.sse.before` `httpL.sse.final` `httpL.evid.unique` `httpL.evid.stream` `httpL.sse.poll.prime`
    fn what_comes_before_an_answer_makes_a_stream_that_ends_with_it(revision) {
        let mut served = Served::legacy(revision, options());
        let (exchange, _) = served.post(call(revision, 1));
        let request = served.request();
        served.log(Some(&request), "soon");
        let given = served.given(exchange);
        assert_eq!((given.status, given.ended), (Some(200), false));
        assert_eq!(given.headers.one("x-accel-buffering"), Ok(Some("no")));
        let primed = given.events().len() - 1;
        assert_eq!(primed, usize::from(revision >= Revision::V2025_11_25));
        if primed == 1 {
            let first = &given.events()[0];
            assert!(first.data.is_empty() && first.id.is_some());
            assert_eq!(first.retry, Some(Duration::from_secs(1)));
        }
        served.reply(&request);
        let rest = served.more(exchange);
        assert!(rest.ended);
        assert_eq!(rest.messages()[0]["id"], 1);
        let ids = [given.events().pop().unwrap().id, rest.events()[0].id.clone()];
        assert!(ids.iter().all(Option::is_some) && ids[0] != ids[1]);
    }
}

#[test]
fn a_modern_stream_has_no_ids_and_no_priming() {
    // `httpM.noresume` `httpM.sse.related` `httpM.sse.final` `httpM.sse.buffering`
    let mut served = modern();
    let (exchange, _) = served.post(logging_call(1));
    let request = served.request();
    served.log(Some(&request), "soon");
    served.log(None, "to nobody");
    served.reply(&request);
    let given = served.given(exchange);
    assert!(given.ended);
    assert_eq!(given.events().len(), 2);
    assert!(
        given
            .events()
            .iter()
            .all(|event| event.id.is_none() && event.retry.is_none())
    );
}

on_revisions! { LEGACY;
    fn silence_makes_a_stream_that_shows_signs_of_life(revision) {
        let mut served = Served::legacy(revision, options());
        let (exchange, _) = served.post(call(revision, 1));
        assert_eq!(served.http.poll_timeout(), Some(served.now + Duration::from_secs(1)));
        served.pass(Duration::from_millis(999));
        assert_eq!(served.given(exchange).status, None);
        served.pass(Duration::from_millis(1));
        assert_eq!(served.given(exchange).status, Some(200));
        served.pass(Duration::from_secs(15));
        // `sub.keepalive` `httpM.sse.comment`
        assert_eq!(served.given(exchange).body, b":\n\n");
        let request = served.request();
        served.reply(&request);
        let rest = served.more(exchange);
        assert_eq!((rest.messages()[0]["id"].as_i64(), rest.ended), (Some(1), true));
        assert_eq!(served.http.poll_timeout(), None);
    }
}

on_revisions! { LEGACY;
    // `httpL.sse.disconnect` `cancel.http.legacy` `httpL.resume` `httpL.resume.replay`
    fn a_broken_stream_goes_on_unseen_and_is_resumed_after_any_of_its_events(revision) {
        for lost in 1..4 {
            let mut served = Served::legacy(revision, options());
            let (exchange, _) = served.post(call(revision, 1));
            served.post(call(revision, 2));
            let (called, other) = (served.request(), served.request());
            served.log(Some(&other), "of the other");
            let (mut whole, mut id) = (Vec::new(), String::new());
            for (at, text) in ["a", "b", "c"].into_iter().enumerate() {
                if at == lost {
                    served.http.handle_gone(served.now, exchange);
                }
                served.log(Some(&called), text);
                let given = served.more(exchange);
                whole.extend(given.messages());
                if at < lost {
                    id = given.last_id();
                }
            }
            if lost == 3 {
                served.http.handle_gone(served.now, exchange);
            }
            served.reply(&called);
            assert!(!served.cancelled());
            let (_, given) = served.get(Some(&id));
            assert_eq!((given.status, given.ended), (Some(200), true), "{lost}");
            whole.extend(given.messages());
            let text = |message: &Value| message["params"]["data"].as_str().unwrap_or("answer").to_owned();
            let texts: Vec<_> = whole.iter().map(text).collect();
            assert_eq!(texts, ["a", "b", "c", "answer"], "{lost}");
            // Asked once more, it is all there once more.
            assert_eq!(served.get(Some(&id)).1.messages(), given.messages());
        }
    }
}

on_revisions! { LEGACY;
    // `httpL.resume.replay`
    fn an_event_id_that_was_not_given_out_resumes_nothing(revision) {
        let mut served = Served::legacy(revision, options());
        let (exchange, _) = served.post(call(revision, 1));
        let request = served.request();
        served.log(Some(&request), "a");
        let id = served.given(exchange).last_id();
        let forged = id.replace("c0ffee01", "c0ffee02");
        for bad in [forged.as_str(), "", "x", "99-1-c0ffee01", "18446744073709551616-1-c0ffee01"] {
            assert_eq!(served.get(Some(bad)).1.status, Some(400), "{bad:?}");
        }
        assert_eq!(served.get(Some(&id)).1.status, Some(200));
        assert!(served.more(exchange).ended, "who has read an event of it takes the stream over");
    }
}

on_revisions! { LEGACY;
    // `httpL.get` `httpL.get.unrelated` `httpL.get.noresp` `httpL.nobroadcast` `httpL.multi`
    fn what_belongs_to_no_request_goes_to_one_stream_of_its_own(revision) {
        let mut served = Served::legacy(revision, options());
        let (standalone, given) = served.get(None);
        assert_eq!((given.status, given.ended), (Some(200), false));
        assert_eq!(served.get(None).1.status, Some(409), "there is one such stream");
        let (exchange, _) = served.post(call(revision, 1));
        let request = served.request();
        let now = served.now;
        served.http.session().changed(now, Change::Tools).unwrap();
        served.http.pump(now);
        assert_eq!(served.more(standalone).messages().len(), 1);
        assert_eq!(served.given(exchange).status, None);
        served.reply(&request);
        assert!(served.given(exchange).ended);
        assert!(served.more(standalone).body.is_empty(), "no answer comes by it");
        // After it broke, what nobody has read is there for whoever comes next.
        served.http.handle_gone(now, standalone);
        served.http.session().changed(now, Change::Prompts).unwrap();
        served.http.pump(now);
        let (_, given) = served.get(None);
        assert_eq!(given.messages()[0]["method"], "notifications/prompts/list_changed");
    }
}

on_revisions! { LEGACY;
    // `httpL.sse.before` `base.resp.unknown`
    fn a_question_goes_by_its_requests_stream_and_its_answer_is_taken_with_202(revision) {
        let mut served = Served::legacy(revision, options());
        let (exchange, _) = served.post(call(revision, 1));
        let request = served.request();
        let roots = InputRequests::new().roots("k");
        let now = served.now;
        served.http.session().need_input(now, request.id, &roots, None).unwrap();
        served.http.pump(now);
        let given = served.given(exchange);
        let question = given.messages().remove(0);
        assert_eq!(question["method"], "roots/list");
        let (_, taken) = served.post(result(question["id"].clone(), json!({"roots": []})));
        assert_eq!((taken.status, taken.body.len(), taken.ended), (Some(202), 0, true));
        let again = served.request();
        assert!(again.has_inputs());
        served.reply(&again);
        assert!(served.more(exchange).ended);
    }
}

#[test]
fn a_modern_client_that_goes_has_cancelled() {
    // `httpM.cancel`
    let mut served = modern();
    let (exchange, _) = served.post(call(Revision::NEWEST, 1));
    served.request();
    served.http.handle_gone(served.now, exchange);
    assert!(served.cancelled());
    assert!(served.given(exchange).status.is_none());
    assert_eq!(served.http.poll_timeout(), None);
}

#[test]
fn a_listen_stream_begins_at_once_in_every_mode_and_hears_of_changes() {
    // `httpM.listen`
    for json_only in [false, true] {
        let mut options = StreamOptions::default();
        options.json_only = json_only;
        let mut served = Served::new(SessionKind::Modern, options);
        let filter = json!({"notifications": {"toolsListChanged": true}});
        let (exchange, given) =
            served.post(request(Revision::NEWEST, 1, "subscriptions/listen", filter));
        assert_eq!((given.status, given.ended), (Some(200), false));
        assert_eq!(
            given.messages()[0]["method"],
            "notifications/subscriptions/acknowledged"
        );
        let now = served.now;
        served.http.session().changed(now, Change::Tools).unwrap();
        served.http.pump(now);
        assert_eq!(served.more(exchange).messages().len(), 1);
        served.http.session().end_subscriptions(now);
        served.http.pump(now);
        let rest = served.more(exchange);
        assert_eq!(
            (rest.messages()[0]["id"].as_i64(), rest.ended),
            (Some(1), true)
        );
    }
}

#[test]
fn in_json_mode_a_request_is_answered_with_json_whatever_comes_before() {
    let mut options = StreamOptions::default();
    options.json_only = true;
    let mut served = Served::new(SessionKind::Modern, options.clone());
    let (exchange, _) = served.post(logging_call(1));
    let request = served.request();
    served.log(Some(&request), "left out");
    served.pass(Duration::from_secs(60));
    assert_eq!(served.given(exchange).status, None);
    served.reply(&request);
    assert_eq!(served.given(exchange).json()["id"], 1);
    for revision in LEGACY {
        let mut served = Served::legacy(revision, options.clone());
        let (standalone, _) = served.get(None);
        let (exchange, _) = served.post(call(revision, 1));
        let request = served.request();
        served.log(Some(&request), "aside");
        assert_eq!(
            served.more(standalone).messages()[0]["params"]["data"],
            "aside"
        );
        served.reply(&request);
        assert_eq!(served.given(exchange).json()["id"], 1);
    }
}

on_revisions! { LEGACY;
    // `httpL.session.delete` `httpL.session.404` `httpL.shutdown`
    fn the_end_of_a_session_ends_its_streams_and_answers_what_is_undecided_with_404(revision) {
        let mut served = Served::legacy(revision, options());
        let (standalone, _) = served.get(None);
        let (undecided, _) = served.post(call(revision, 1));
        let (_, given) = served.input(Input::Delete);
        assert_eq!((given.status, given.ended), (Some(200), true));
        assert!(served.given(standalone).ended);
        assert_eq!(served.given(undecided).status, Some(404));
        assert_eq!(served.http.status(), SessionStatus::Closed);
        assert_eq!(served.post(call(revision, 2)).1.status, Some(404));
        assert_eq!(served.input(Input::Delete).1.status, Some(404));
    }
}

#[test]
fn an_initialize_that_is_refused_opens_no_session() {
    let kind = SessionKind::Legacy {
        id: "s-1".into(),
        tag: TAG,
    };
    let mut served = Served::new(kind, options());
    let (_, given) = served.post(request(Revision::NEWEST_LEGACY, 1, "initialize", json!({})));
    assert_eq!(given.status, Some(200));
    assert!(given.json()["error"].is_object() && !given.headers.has("mcp-session-id"));
    assert_eq!(served.http.status(), SessionStatus::Closed);
}

#[test]
fn a_legacy_request_without_a_session_is_served_alone() {
    let mut served = Served::new(SessionKind::Stateless, options());
    let (exchange, _) = served.post(call(Revision::NEWEST_LEGACY, 1));
    let request = served.request();
    served.log(Some(&request), "before");
    served.log(None, "to nobody");
    served.reply(&request);
    let given = served.given(exchange);
    assert_eq!((given.messages().len(), given.ended), (2, true));
    assert!(!given.headers.has("mcp-session-id"));
    assert!(given.events().iter().all(|event| event.id.is_none()));
    let mut served = Served::new(SessionKind::Stateless, options());
    let (exchange, _) = served.post(call(Revision::NEWEST_LEGACY, 1));
    served.http.handle_gone(served.now, exchange);
    assert!(served.cancelled(), "nobody can come back for it");
}

#[test]
fn a_batch_is_answered_with_one_array_and_one_of_notifications_with_202() {
    // `httpL.req.json.batch` `httpL.body.batch` `httpL.body.single`
    let revision = Revision::V2025_03_26;
    let mut served = Served::legacy(revision, options());
    let ping = |id| request(revision, id, "ping", json!({}));
    let (_, given) = served.post(format!("[{},{}]", ping(1), ping(2)));
    assert_eq!(given.json().as_array().map(Vec::len), Some(2));
    let (_, given) = served.post(format!("[{}]", notification("notifications/x", json!({}))));
    assert_eq!((given.status, given.body.len()), (Some(202), 0));
    let mut newer = Served::legacy(Revision::V2025_06_18, options());
    let (_, given) = newer.post(format!("[{}]", ping(1)));
    assert_eq!(given.status, Some(400));
}

#[test]
fn a_request_that_is_cancelled_has_its_exchange_ended() {
    let revision = Revision::NEWEST_LEGACY;
    let mut served = Served::legacy(revision, options());
    let (exchange, _) = served.post(call(revision, 1));
    served.request();
    let (_, given) = served.post(notification(
        "notifications/cancelled",
        json!({"requestId": 1}),
    ));
    assert_eq!(given.status, Some(202));
    let given = served.given(exchange);
    assert_eq!((given.status, given.ended), (Some(202), true));
}

#[test]
fn the_old_pair_is_one_stream_and_its_end_is_the_sessions() {
    // `sse24.endpoint.event` `sse24.message.event` `sse24.post.status` `sse24.close` `sse24.endpoints`
    let kind = SessionKind::Pair {
        endpoint: "/message?s=1".into(),
    };
    let mut served = Served::new(kind, options());
    let (stream, given) = served.get(None);
    let first = &given.events()[0];
    assert_eq!(
        (first.event.as_deref(), &first.data[..]),
        (Some("endpoint"), &b"/message?s=1"[..])
    );
    assert_eq!(served.get(None).1.status, Some(409));
    let revision = Revision::V2024_11_05;
    let hello = json!({"protocolVersion": revision.as_str(), "capabilities": {},
        "clientInfo": {"name": "c", "version": "1"}});
    let (_, given) = served.post(request(revision, 0, "initialize", hello));
    assert_eq!((given.status, given.body.len()), (Some(202), 0));
    served.post(notification("notifications/initialized", json!({})));
    served.post(call(revision, 1));
    let called = served.request();
    served.log(Some(&called), "soon");
    served.reply(&called);
    served.post(request(revision, 2, "ping", json!({})));
    let given = served.more(stream);
    let ids: Vec<_> = given
        .messages()
        .iter()
        .map(|message| message["id"].as_i64())
        .collect();
    assert_eq!(
        (ids, given.ended),
        (vec![Some(0), None, Some(1), Some(2)], false)
    );
    served.post(call(revision, 3));
    served.http.handle_gone(served.now, stream);
    assert!(served.cancelled());
    assert_eq!(served.http.status(), SessionStatus::Closed);
}

#[test]
fn a_server_may_let_a_connection_go_and_answer_when_the_client_comes_back() {
    // `httpL.sse.poll.close` `httpL.sse.retry.send`
    let revision = Revision::V2025_11_25;
    let mut served = Served::legacy(revision, options());
    let (exchange, _) = served.post(call(revision, 1));
    let request = served.request();
    assert!(served.http.let_go(request.id));
    let given = served.given(exchange);
    assert!(given.ended && given.events()[0].retry.is_some());
    assert!(!served.http.let_go(request.id), "it is gone already");
    let (again, resumed) = served.get(Some(&given.last_id()));
    assert!(!resumed.ended && resumed.status == Some(200));
    served.reply(&request);
    let rest = served.more(again);
    assert_eq!(
        (rest.messages()[0]["id"].as_i64(), rest.ended),
        (Some(1), true)
    );
    // A client that can't come back isn't sent away.
    let mut served = modern();
    served.post(call(Revision::NEWEST, 1));
    let request = served.request();
    assert!(!served.http.let_go(request.id));
}

#[test]
fn a_slow_reader_loses_notifications_then_its_stream_and_never_an_answer() {
    let mut options = StreamOptions::default();
    (options.unsent, options.unsent_most) = (10_000, 50_000);
    let revision = Revision::NEWEST_LEGACY;
    let mut served = Served::legacy(revision, options);
    let (slow, _) = served.post(call(revision, 1));
    let (quick, _) = served.post(call(revision, 2));
    let (first, second) = (served.request(), served.request());
    for _ in 0..100 {
        served.log(Some(&first), &"x".repeat(1000));
        served.log(Some(&second), "y");
        served.more(quick);
    }
    assert!(served.http.left_out() > 80 && served.http.held_bytes() < 200_000);
    served.reply(&first);
    served.reply(&second);
    let given = served.given(slow);
    assert!(given.ended && given.messages().last().unwrap()["id"] == 1);
    assert!(served.more(quick).ended);
}

#[test]
fn what_is_kept_for_replay_is_bounded_and_a_gap_is_told() {
    let mut options = StreamOptions::default();
    options.replay_events = 10;
    let revision = Revision::NEWEST_LEGACY;
    let mut served = Served::legacy(revision, options);
    let (exchange, _) = served.post(call(revision, 1));
    let request = served.request();
    served.log(Some(&request), "first");
    let id = served.given(exchange).last_id();
    for _ in 0..1000 {
        served.log(Some(&request), "again");
        served.more(exchange);
    }
    assert!(
        served.http.held_bytes() < 20_000,
        "{}",
        served.http.held_bytes()
    );
    assert_eq!(
        served.get(Some(&id)).1.status,
        Some(400),
        "what followed is gone"
    );
    served.http.handle_gone(served.now, exchange);
    served.reply(&request);
    for _ in 0..1000 {
        served.log(None, "elsewhere");
    }
    assert!(served.http.held_bytes() < 20_000);
}

#[test]
fn exchanges_are_bounded() {
    let mut options = StreamOptions::default();
    options.exchanges = 3;
    let revision = Revision::NEWEST_LEGACY;
    let mut served = Served::legacy(revision, options);
    let open: Vec<_> = (1..=3)
        .map(|id| served.post(call(revision, id)).0)
        .collect();
    let (_, given) = served.post(call(revision, 4));
    assert_eq!(given.status, Some(503));
    assert!(given.headers.has("retry-after"));
    served.http.handle_gone(served.now, open[0]);
    assert_eq!(
        served
            .post(request(revision, 5, "ping", json!({})))
            .1
            .status,
        Some(200)
    );
}
