//! Sessions whose requests each have a stream of their own, as over HTTP: what leaves by which, and
//! what becomes of a request whose stream is lost or refused.

use std::time::Duration;

use bytes::Bytes;
use mcp_proto::model::logging::{LoggingLevel, LoggingMessageParams};
use mcp_proto::model::method::{CallTool, EmptyParams, ListRoots, RootsListChanged};
use mcp_proto::model::root::ListRootsResult;
use mcp_proto::model::tool::{CallToolParams, CallToolResult};
use mcp_proto::session::{
    CallError, CallId, CallOptions, ClientEvent, ClientSession, CloseReason, Closed, Delivery,
    EraPolicy, ExchangeId, Handle, InputId, Invalid, Misuse, Route, Routing, ServerEvent,
    ServerSession, Session, Timeout, Transmit,
};
use mcp_proto::{Instant, Revision};
use serde_json::{Value, json};

use support::pair::{Pair, client_config, server_config};
use support::scenario::{is_modern, notification, request};
use support::script::opening_result;
use support::{LEGACY, MODERN, on_every_revision, on_revisions};

const NOW: Instant = Instant::from_millis(1000);

const fn by(number: u64) -> Route {
    Route::Exchange(ExchangeId::new(number))
}

/// All that a session has to send.
fn sent(session: &mut impl Session) -> Vec<(Transmit, Value)> {
    let mut frames = Vec::new();
    let mut buffer = Vec::new();
    while let Some(transmit) = session.poll_transmit(&mut buffer) {
        frames.push((transmit, serde_json::from_slice(&buffer).unwrap()));
        buffer.clear();
    }
    frames
}

fn events(client: &mut ClientSession) -> Vec<ClientEvent> {
    std::iter::from_fn(|| client.poll_event()).collect()
}

fn answer(client: &mut ClientSession, route: Route, id: &Value, result: Value) {
    let frame = json!({"jsonrpc": "2.0", "id": id, "result": result}).to_string();
    client.handle_frame(NOW, route, Bytes::from(frame));
}

/// A client with a stream for each request, and the first thing it has to say.
fn fresh(revision: Revision, era: EraPolicy) -> (ClientSession, Transmit, Value) {
    let config = client_config(revision)
        .revisions(Revision::ALL.to_vec())
        .era(era)
        .routing(Routing::PerRequest);
    let mut client = ClientSession::new(config);
    client.open(NOW).unwrap();
    let (transmit, frame) = sent(&mut client).remove(0);
    (client, transmit, frame)
}

/// The same, opened with `revision`.
fn opened(revision: Revision) -> ClientSession {
    let era = if is_modern(revision) {
        EraPolicy::Modern
    } else {
        EraPolicy::Legacy
    };
    let (mut client, transmit, frame) = fresh(revision, era);
    let result = opening_result(revision, &json!({"tools": {}, "logging": {}}));
    answer(&mut client, transmit.route, &frame["id"], result);
    assert!(matches!(
        events(&mut client)[..],
        [ClientEvent::Opened { .. }]
    ));
    let greeting = sent(&mut client);
    assert!(
        greeting
            .iter()
            .all(|(transmit, _)| transmit.route == Route::Pipe && !transmit.last)
    );
    client
}

fn call(client: &mut ClientSession, name: &'static str) -> (Transmit, Value) {
    let params = CallToolParams::new(name);
    client
        .call::<CallTool>(NOW, &params, CallOptions::new())
        .unwrap();
    sent(client).remove(0)
}

/// The server asks for the roots by `route`.
fn ask(client: &mut ClientSession, revision: Revision, id: u64, route: Route) -> InputId {
    let frame = request(revision, id, "roots/list", json!({}));
    client.handle_frame(NOW, route, Bytes::from(frame));
    match client.poll_event() {
        Some(ClientEvent::InputRequested(asked)) => asked.input,
        other => panic!("expected a question, got {other:?}"),
    }
}

/// How the calls of a client have ended.
fn ends(client: &mut ClientSession) -> Vec<CallError> {
    let ended = |event| match event {
        ClientEvent::Completed(done) => Some(done.raw().map(drop).unwrap_err().clone()),
        _ => None,
    };
    events(client).into_iter().filter_map(ended).collect()
}

on_every_revision! {
    // `httpL.post.each` `httpM.post`
    fn each_request_of_a_client_is_an_exchange_and_losing_it_loses_that_request_alone(revision) {
        let mut client = opened(revision);
        let (x, first) = call(&mut client, "x");
        let (y, second) = call(&mut client, "y");
        assert_eq!(x.route, by(first["id"].as_u64().unwrap()));
        assert_eq!(y.route, by(second["id"].as_u64().unwrap()));
        assert!(x.last && y.last);
        client.handle_closed(NOW, x.route, Closed::EndOfInput);
        assert_eq!(ends(&mut client), [CallError::Lost(Delivery::Unknown)]);
        answer(&mut client, y.route, &second["id"], json!({"content": [], "resultType": "complete"}));
        let completed = events(&mut client).remove(0);
        assert!(matches!(completed, ClientEvent::Completed(done) if done.result::<CallTool>().is_ok()));
        assert!(!client.is_closed());
    }
}

on_revisions! { LEGACY;
    // `cancel.recv.ignore`, `timeout.all`
    fn a_call_that_ends_without_its_answer_takes_its_own_questions_along_once(revision) {
        let endings: [fn(&mut ClientSession, CallId<CallTool>, Route); 3] = [
            |client, call, _| client.cancel(NOW, call, None).unwrap(),
            |client, _, _| client.handle_timeout(NOW + Duration::from_secs(50)),
            |client, _, route| client.handle_closed(NOW, route, Closed::EndOfInput),
        ];
        for end in endings {
            let mut client = opened(revision);
            let (other, _) = call(&mut client, "other");
            let options = CallOptions::new().total(Timeout::After(Duration::from_secs(50)));
            let params = CallToolParams::new("x");
            let ending = client.call::<CallTool>(NOW, &params, options).unwrap();
            let route = sent(&mut client).remove(0).0.route;
            let [mine, others, nobodys] = [(1, route), (2, other.route), (3, Route::Standalone)]
                .map(|(id, route)| ask(&mut client, revision, id, route));
            end(&mut client, ending, route);
            let withdrawn = |event: ClientEvent| match event {
                ClientEvent::InputWithdrawn(input) => Some(input),
                _ => None,
            };
            let gone: Vec<_> = events(&mut client).into_iter().filter_map(withdrawn).collect();
            assert_eq!(gone, [mine]);
            let home = ListRootsResult::new(Vec::new());
            let late = client.answer::<ListRoots>(NOW, mine, &home);
            assert_eq!(late, Err(Misuse::Unknown(Handle::Input)));
            let taken_back = notification("notifications/cancelled", json!({"requestId": 1}));
            client.handle_frame(NOW, route, Bytes::from(taken_back));
            client.handle_closed(NOW, route, Closed::EndOfInput);
            assert_eq!(events(&mut client).into_iter().filter_map(withdrawn).count(), 0);
            sent(&mut client);
            for (id, input) in [(2, others), (3, nobodys)] {
                client.answer::<ListRoots>(NOW, input, &home).unwrap();
                assert_eq!(sent(&mut client).remove(0).1["id"], id);
            }
        }
    }
}

on_every_revision! {
    // `httpM.limits` `httpM.reissue.safe` `httpM.inter.status`
    fn why_an_exchange_is_lost_says_what_became_of_its_call(revision) {
        let cases = [
            (Closed::EndOfInput, CallError::Lost(Delivery::Unknown), false),
            (Closed::ReadFailed, CallError::Lost(Delivery::Unknown), false),
            (Closed::Unreachable, CallError::Lost(Delivery::NotSent), true),
            (Closed::Forgotten, CallError::Lost(Delivery::NotSent), true),
            (Closed::Refused { status: 431 }, CallError::Refused { status: 431 }, false),
            (Closed::Refused { status: 429 }, CallError::Refused { status: 429 }, true),
            (Closed::Refused { status: 502 }, CallError::Refused { status: 502 }, false),
        ];
        for (why, error, may_repeat) in cases {
            let mut client = opened(revision);
            let (transmit, _) = call(&mut client, "x");
            client.handle_closed(NOW, transmit.route, why);
            let ended = ends(&mut client);
            assert_eq!(ended[0].is_retryable(), may_repeat, "{why:?}");
            assert_eq!(ended, [error], "{why:?}");
            assert!(client.is_open());
        }
    }
}

on_every_revision! {
    // `cancel.http.modern` `cancel.http.legacy`
    fn a_cancellation_leaves_by_the_route_of_what_it_cancels(revision) {
        let mut client = opened(revision);
        let params = CallToolParams::new("x");
        let id = client.call::<CallTool>(NOW, &params, CallOptions::new()).unwrap();
        let (transmit, frame) = sent(&mut client).remove(0);
        client.cancel(NOW, id, None).unwrap();
        let (cancelled, notice) = sent(&mut client).remove(0);
        assert_eq!(notice["params"]["requestId"], frame["id"]);
        assert_eq!(cancelled.route, transmit.route);
        assert_eq!(ends(&mut client), [CallError::Cancelled]);
        client.handle_closed(NOW, transmit.route, Closed::EndOfInput);
        assert!(events(&mut client).is_empty());
    }
}

on_every_revision! {
    fn what_belongs_to_no_request_leaves_by_the_pipe_and_losing_that_ends_the_session(revision) {
        let mut client = opened(revision);
        client.roots_changed(NOW).unwrap();
        let notices = sent(&mut client);
        assert_eq!(notices.len(), usize::from(!is_modern(revision)));
        assert!(notices.iter().all(|(transmit, _)| transmit.route == Route::Pipe));
        if !is_modern(revision) {
            client.notify::<RootsListChanged>(NOW, &EmptyParams::new()).unwrap();
            assert_eq!(sent(&mut client)[0].0.route, Route::Pipe);
        }
        call(&mut client, "x");
        client.handle_closed(NOW, Route::Pipe, Closed::Forgotten);
        let last = events(&mut client).pop();
        let reason = CloseReason::Connection(Closed::Forgotten);
        assert!(matches!(last, Some(ClientEvent::Closed(why)) if why == reason));
    }
}

#[test]
fn a_probe_that_a_legacy_server_refuses_is_followed_by_initialize_at_once() {
    // `era.http.legacy`
    for status in [400, 404, 405, 406, 415, 422] {
        let (mut client, probe, _) = fresh(Revision::NEWEST, EraPolicy::Auto);
        client.handle_closed(NOW, probe.route, Closed::Refused { status });
        let (transmit, frame) = sent(&mut client).remove(0);
        assert_eq!(frame["method"], "initialize", "{status}");
        assert_eq!(transmit.route, by(frame["id"].as_u64().unwrap()));
        let result = opening_result(Revision::V2025_06_18, &json!({}));
        answer(&mut client, transmit.route, &frame["id"], result);
        assert!(client.is_open(), "{status}");
    }
}

#[test]
fn what_says_nothing_of_the_era_ends_the_opening_with_its_cause() {
    // `era.http.auth`
    let causes = [401, 403, 407, 408, 429, 500, 502, 503].map(|status| Closed::Refused { status });
    for why in [&causes[..], &[Closed::Unreachable, Closed::EndOfInput]].concat() {
        for is_probe in [true, false] {
            let era = if is_probe {
                EraPolicy::Auto
            } else {
                EraPolicy::Legacy
            };
            let (mut client, transmit, _) = fresh(Revision::NEWEST, era);
            client.handle_closed(NOW, transmit.route, why);
            let closed = events(&mut client).remove(0);
            let reason = CloseReason::Connection(why);
            assert!(
                matches!(closed, ClientEvent::Closed(found) if found == reason),
                "{why:?}"
            );
            assert!(sent(&mut client).is_empty(), "{why:?}");
        }
    }
    for era in [EraPolicy::Modern, EraPolicy::Legacy] {
        let (mut client, transmit, _) = fresh(Revision::NEWEST, era);
        client.handle_closed(NOW, transmit.route, Closed::Refused { status: 400 });
        assert!(client.is_closed(), "there is nothing to fall back to");
    }
}

#[test]
fn a_late_refusal_of_the_probe_changes_nothing() {
    let (mut client, probe, _) = fresh(Revision::NEWEST, EraPolicy::Auto);
    let later = NOW + Duration::from_secs(3);
    client.handle_timeout(later);
    assert_eq!(sent(&mut client)[0].1["method"], "initialize");
    client.handle_closed(later, probe.route, Closed::Refused { status: 500 });
    assert!(!client.is_closed() && sent(&mut client).is_empty());
}

on_every_revision! {
    fn clocks_that_stand_still_time_nothing_out_and_run_on_with_what_was_left(revision) {
        let mut client = opened(revision);
        let options = CallOptions::new().idle(Timeout::After(Duration::from_secs(10)));
        client.call::<CallTool>(NOW, &CallToolParams::new("x"), options).unwrap();
        let deadline = client.poll_timeout().unwrap();
        let stopped = NOW + Duration::from_secs(4);
        client.suspend(stopped);
        assert_eq!(client.poll_timeout(), None);
        let hour = Duration::from_secs(3600);
        client.handle_timeout(stopped + hour);
        client.suspend(stopped + hour);
        assert!(ends(&mut client).is_empty());
        client.resume(stopped + hour);
        assert_eq!(client.poll_timeout(), Some(deadline + hour));
        client.resume(stopped + hour);
        client.handle_timeout(stopped + hour);
        assert!(ends(&mut client).is_empty());
        client.handle_timeout(deadline + hour);
        assert!(matches!(ends(&mut client)[..], [CallError::TimedOut { .. }]));
    }
}

on_every_revision! {
    fn what_begins_while_the_clocks_stand_still_has_its_whole_time_when_they_run_on(revision) {
        let mut client = opened(revision);
        let hour = Duration::from_secs(3600);
        client.suspend(NOW);
        let time = Duration::from_secs(10);
        let options = CallOptions::new().idle(Timeout::After(time));
        client.call::<CallTool>(NOW + hour, &CallToolParams::new("x"), options).unwrap();
        client.handle_timeout(NOW + hour * 2);
        assert!(ends(&mut client).is_empty());
        let on = NOW + hour * 2;
        client.resume(on);
        assert_eq!(client.poll_timeout(), Some(on + time));
        client.handle_timeout(on + time);
        assert!(matches!(ends(&mut client)[..], [CallError::TimedOut { .. }]));
    }
}

#[test]
fn an_opening_whose_clocks_stood_still_takes_as_long_as_it_may() {
    let (mut client, ..) = fresh(Revision::NEWEST, EraPolicy::Legacy);
    let deadline = client.poll_timeout().unwrap();
    let hour = Duration::from_secs(3600);
    client.suspend(NOW + Duration::from_secs(1));
    let saved = client.save(NOW + hour);
    let config = client_config(Revision::NEWEST).routing(Routing::PerRequest);
    let mut client = ClientSession::restore(config, saved, Instant::ZERO).unwrap();
    assert_eq!(
        client.poll_timeout(),
        None,
        "its clocks stand still where it goes on, too"
    );
    client.resume(Instant::ZERO + hour);
    let left = deadline.saturating_since(NOW + Duration::from_secs(1));
    assert_eq!(client.poll_timeout(), Some(Instant::ZERO + hour + left));
    client.handle_timeout(Instant::ZERO + hour + left);
    let reason = events(&mut client).pop();
    let took = deadline.saturating_since(NOW);
    assert!(
        matches!(reason, Some(ClientEvent::Closed(CloseReason::OpeningTimedOut(time))) if time == took),
        "{reason:?}"
    );
}

on_revisions! { LEGACY;
    // `httpL.sse.final`
    fn an_answer_is_the_last_frame_of_its_exchange_and_what_comes_before_is_not(revision) {
        let mut pair = Pair::new(client_config(revision), server_config());
        pair.server.assume_initialized(revision).unwrap();
        let call = request(revision, 3, "tools/call", json!({"name": "x"}));
        pair.server.handle_frame(pair.now, by(3), Bytes::from(call));
        let Some(ServerEvent::Request(call)) = pair.server.poll_event() else {
            panic!("it is served");
        };
        assert_eq!(pair.server.route_of(call.id), Some(by(3)));
        assert_eq!((pair.server.open_on(by(3)), pair.server.open_on(by(4))), (1, 0));
        let message = LoggingMessageParams::text(LoggingLevel::Error, "soon");
        pair.server.log(pair.now, Some(call.id), &message).unwrap();
        pair.server.log(pair.now, None, &message).unwrap();
        pair.server.reply::<CallTool>(pair.now, call.id, &CallToolResult::text("t")).unwrap();
        let sent: Vec<_> = sent(&mut pair.server).into_iter().map(|(t, _)| (t.route, t.last)).collect();
        assert_eq!(sent, [(by(3), false), (Route::Standalone, false), (by(3), true)]);
        assert_eq!((pair.server.open_on(by(3)), pair.server.route_of(call.id)), (0, None));
    }
}

on_revisions! { LEGACY;
    fn a_session_may_be_taken_for_initialized_once_and_asks_nothing(revision) {
        let mut server = ServerSession::new(server_config());
        server.assume_initialized(revision).unwrap();
        assert_eq!(server.legacy_revision(), Some(revision));
        assert!(server.client_capabilities().is_none());
        assert_eq!(server.assume_initialized(revision), Err(Misuse::AlreadyOpened));
        let mut other = ServerSession::new(server_config().revisions(MODERN.to_vec()));
        let refused = other.assume_initialized(revision);
        assert_eq!(refused, Err(Misuse::Invalid(Invalid::NotLegacy(revision))));
        let refused = other.assume_initialized(Revision::NEWEST);
        assert_eq!(refused, Err(Misuse::Invalid(Invalid::NotLegacy(Revision::NEWEST))));
        other.close(NOW);
        assert_eq!(other.assume_initialized(revision), Err(Misuse::Closed));
    }
}

on_revisions! { MODERN;
    // `httpM.listen`
    fn a_listen_stream_is_open_on_its_exchange_until_it_ends(revision) {
        let mut pair = Pair::new(client_config(revision), server_config());
        let listen = request(revision, 1, "subscriptions/listen",
            json!({"notifications": {"toolsListChanged": true}}));
        pair.exchange(by(1), listen);
        assert!(pair.server.is_listening_on(by(1)) && !pair.server.is_listening_on(by(2)));
        assert_eq!(pair.server.open_on(by(1)), 1);
        pair.server.end_subscriptions(pair.now);
        let ended = sent(&mut pair.server);
        assert!(ended[0].0.last && ended[0].0.route == by(1));
        assert_eq!(pair.server.open_on(by(1)), 0);
    }
}

on_revisions! { LEGACY;
    fn nothing_is_the_last_on_a_pipe(revision) {
        let mut pair = Pair::open(revision);
        pair.server.handle_frame(pair.now, Route::Pipe, Bytes::from(request(revision, 9, "ping", json!({}))));
        pair.server.handle_frame(pair.now, Route::Pipe, Bytes::from(notification("x", json!({}))));
        assert!(!sent(&mut pair.server)[0].0.last);
    }
}
