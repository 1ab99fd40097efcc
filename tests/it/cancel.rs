//! Cancellation: who may cancel what, who hears of it, and what happens when it crosses an answer.

use std::time::Duration;

use mcp_proto::model::input::InputRequests;
use mcp_proto::model::logging::{LoggingLevel, LoggingMessageParams};
use mcp_proto::model::method::{CallTool, Cancelled, SpecMethod};
use mcp_proto::model::tool::{CallToolParams, CallToolResult};
use mcp_proto::rpc::{Kind, RpcError};
use mcp_proto::session::{
    CallError, CallOptions, ClientEvent, Closed, ExchangeId, Handle, Ignored, Misuse, Route,
    ServerEvent, ServerSession, Session,
};
use mcp_proto::{Era, Instant, Revision};
use serde_json::json;

use support::carrier::Way;
use support::pair::Pair;
use support::script::{
    Script, calling, check_cancelled, completed, notification, request, result, tool_call,
    tool_result,
};
use support::{LEGACY, MODERN};
use support::{on_every_revision, on_revisions};

const SECOND: Duration = Duration::from_secs(1);

on_every_revision! {
    // `cancel.shape` `cancel.stdio.modern` `cancel.late.resp` `cancel.clientonly` `cancel.samedir`
    fn a_cancelled_call_ends_at_once_and_the_server_is_told(revision) {
        for reason in [None, Some("no longer \"needed\"")] {
            let (mut client, call, id) = calling(revision, CallOptions::new());
            client.session.cancel(client.now, call, reason).unwrap();
            assert_eq!(completed(&mut client).raw(), Err(&CallError::Cancelled));
            check_cancelled(&mut client, &id, reason);
            let before = format!("{:?}", client.session);
            assert_eq!(client.session.cancel(client.now, call, None), Err(Misuse::Unknown(Handle::Call)));
            assert_eq!(format!("{:?}", client.session), before);
            client.feed_json(&result(&id, tool_result()));
            client.feed_json(&support::script::error(&id, -1));
            let events = client.take_events();
            assert_eq!(events.len(), 2);
            assert!(events.iter().all(|event| matches!(event, ClientEvent::Ignored(Ignored::Response(_)))));
            assert!(client.sent().is_empty());
        }
    }
}

on_every_revision! {
    // `cancel.samedir` `cancel.clientonly`
    fn only_an_open_call_of_its_own_can_be_cancelled(revision) {
        let (mut client, call, id) = calling(revision, CallOptions::new());
        client.feed_json(&result(&id, tool_result()));
        completed(&mut client);
        let misuse = client.session.cancel(client.now, call, None);
        assert_eq!(misuse, Err(Misuse::Unknown(Handle::Call)));
        let mut others = Script::client(revision);
        let params = CallToolParams::new("x");
        let mut foreign = None;
        for _ in 0..20 {
            foreign = Some(others.session.call::<CallTool>(others.now, &params, CallOptions::new()).unwrap());
        }
        assert!(client.session.cancel(client.now, foreign.unwrap(), None).is_err());
        // Nor by hand, whatever its id.
        let params = serde_json::from_str(r#"{"requestId":1}"#).unwrap();
        let misuse = client.session.notify::<Cancelled>(client.now, &params);
        assert!(matches!(misuse, Err(Misuse::OwnCommand(SpecMethod::Cancelled))));
        assert!(client.sent().is_empty() && client.take_events().is_empty());
    }
}

/// A server with a request in progress, whose client reports progress and logs.
fn serving(revision: Revision) -> (Script<ServerSession>, mcp_proto::session::Request) {
    let mut server = Script::server(revision);
    let mut call = tool_call(revision, 7);
    call["params"]["_meta"]["progressToken"] = json!("t");
    if revision.era() == Era::Modern {
        call["params"]["_meta"]["io.modelcontextprotocol/logLevel"] = json!("debug");
    }
    server.feed_json(&call);
    match server.events.pop_front() {
        Some(ServerEvent::Request(asked)) => (server, asked),
        other => panic!("{other:?}"),
    }
}

/// That nothing can be said of a request any more, and that trying changes nothing.
fn check_inert(server: &mut Script<ServerSession>, request: mcp_proto::session::IncomingId) {
    let before = format!("{:?}", server.session);
    let now = server.now;
    let session = &mut server.session;
    assert!(
        session
            .reply::<CallTool>(now, request, &CallToolResult::text("x"))
            .is_err()
    );
    assert!(
        session
            .reply_error(now, request, RpcError::internal("x"))
            .is_err()
    );
    assert!(session.progress(now, request, 99.0, None, None).is_err());
    let message = LoggingMessageParams::text(LoggingLevel::Error, "x");
    assert!(session.log(now, Some(request), &message).is_err());
    let need = InputRequests::new().roots("r");
    assert!(session.need_input(now, request, &need, None).is_err());
    assert_eq!(format!("{session:?}"), before);
    assert!(server.sent().is_empty());
}

on_every_revision! {
    // `cancel.recv.stop` `cancel.recv.nomore` `cancel.log` `cancel.recv.ignore`
    fn a_cancelled_request_is_told_to_its_handler_and_never_answered(revision) {
        for reason in [None, Some("user left")] {
            let (mut server, asked) = serving(revision);
            server.session.progress(server.now, asked.id, 1.0, None, None).unwrap();
            server.sent();
            let mut params = json!({"requestId": 7});
            if let Some(reason) = reason {
                params["reason"] = json!(reason);
            }
            let cancel = notification("notifications/cancelled", params);
            server.feed_json(&cancel);
            let events = server.take_events();
            let [ServerEvent::Cancelled { request, reason: told }] = &events[..] else { panic!("{events:?}") };
            assert_eq!((*request, told.as_deref()), (asked.id, reason));
            assert_eq!(server.session.open_requests(), 0);
            check_inert(&mut server, asked.id);
            // Again, it is about nothing.
            server.feed_json(&cancel);
            assert!(matches!(server.take_events()[..], [ServerEvent::Ignored(_)]));
            assert!(server.sent().is_empty());
            server.feed_json(&tool_call(revision, 7));
            assert!(matches!(server.take_events()[..], [ServerEvent::Request(_)]), "the id is free");
        }
    }
}

on_every_revision! {
    // `cancel.malformed` `cancel.recv.ignore` `cancel.shape`
    fn a_cancellation_of_nothing_is_ignored(revision) {
        let (mut server, asked) = serving(revision);
        for params in [json!({}), json!({"requestId": null}), json!({"requestId": 1.5}), json!({"requestId": []}),
            json!({"requestId": "7"}), json!({"requestId": 8}), json!({"requestId": -7}), json!({"reason": "x"})] {
            server.feed_json(&notification("notifications/cancelled", params));
        }
        server.feed(r#"{"jsonrpc":"2.0","method":"notifications/cancelled"}"#);
        server.feed(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":[7]}"#);
        let events = server.take_events();
        assert_eq!(events.len(), 10);
        assert!(events.iter().all(|event| matches!(event, ServerEvent::Ignored(_))), "{events:?}");
        assert!(server.sent().is_empty());
        // An odd reason is no reason to go on.
        server.feed_json(&notification("notifications/cancelled", json!({"requestId": 7, "reason": 5})));
        let events = server.take_events();
        assert!(matches!(&events[..], [ServerEvent::Cancelled { request, .. }] if *request == asked.id));
        let mut client = calling(revision, CallOptions::new());
        // A server can't cancel what the client asked.
        for id in [client.2.clone(), json!(null), json!("x")] {
            client.0.feed_json(&notification("notifications/cancelled", json!({"requestId": id})));
            assert!(matches!(client.0.take_events()[..], [ClientEvent::Ignored(_)]));
        }
        assert_eq!(client.0.session.open_calls(), 1);
    }
}

/// What the two sides and the link between them do, in some order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Cancel,
    Progress,
    Reply,
    ToClient,
    ToServer,
}

/// Every order of `steps`, each once.
fn orders(steps: &[Step]) -> Vec<Vec<Step>> {
    if steps.is_empty() {
        return vec![Vec::new()];
    }
    let mut firsts = steps.to_vec();
    firsts.sort_unstable();
    firsts.dedup();
    let mut all = Vec::new();
    for first in firsts {
        let mut rest = steps.to_vec();
        let at = rest.iter().position(|step| *step == first).unwrap();
        rest.remove(at);
        all.extend(orders(&rest).into_iter().map(|mut order| {
            order.insert(0, first);
            order
        }));
    }
    all
}

on_every_revision! {
    // `cancel.race` `cancel.recv.nomore` `cancel.late.resp`
    fn whatever_crosses_on_the_way_a_call_ends_once(revision) {
        use Step::{Cancel, Progress, Reply, ToClient, ToServer};
        let mut start = Pair::open(revision);
        let params = CallToolParams::new("x");
        let options = CallOptions::new().progress(true);
        let call = start.client.call::<CallTool>(start.now, &params, options).unwrap();
        start.drive();
        let asked = start.request();
        let before = start.wire.len();
        for order in orders(&[Cancel, Progress, Reply, ToClient, ToClient, ToServer]) {
            let mut client = start.client.clone();
            let mut server = start.server.clone();
            let now = start.now;
            let mut events = Vec::new();
            let mut told = Vec::new();
            let mut was_cancelled = false;
            let mut was_refused = false;
            for step in order.iter().chain(&[ToServer, ToClient]) {
                match step {
                    Cancel => was_cancelled = client.cancel(now, call, Some("crossing")).is_ok(),
                    Progress => {
                        let _ = server.progress(now, asked.id, 1.0, None, None);
                    }
                    Reply => {
                        let result = CallToolResult::text("x");
                        was_refused = server.reply::<CallTool>(now, asked.id, &result).is_err();
                    }
                    ToClient => carry(&mut server, &mut client, now),
                    ToServer => carry(&mut client, &mut server, now),
                }
                events.extend(std::iter::from_fn(|| client.poll_event()));
                told.extend(std::iter::from_fn(|| server.poll_event()));
            }
            let ends: Vec<_> = events.iter().filter_map(|event| match event {
                ClientEvent::Completed(done) => Some(done),
                _ => None,
            }).collect();
            let [done] = &ends[..] else { panic!("{order:?}: {events:?}") };
            match was_cancelled {
                true => assert_eq!(done.raw(), Err(&CallError::Cancelled), "{order:?}"),
                false => assert!(done.raw().is_ok(), "{order:?}"),
            }
            // Nothing comes for a call after its end.
            let end = events.iter().position(|event| matches!(event, ClientEvent::Completed(_))).unwrap();
            let after = &events[end + 1..];
            assert!(after.iter().all(|event| matches!(event, ClientEvent::Ignored(_))), "{order:?}: {after:?}");
            let heard = told.iter().any(|event| matches!(event, ServerEvent::Cancelled { .. }));
            assert_eq!(heard, was_refused, "{order:?}: {told:?}");
            assert_eq!((client.open_calls(), server.open_requests()), (0, 0), "{order:?}");
        }
        assert_eq!(start.wire.len(), before);
    }
}

/// Carries everything that one session has to send to another.
fn carry(from: &mut impl Session, to: &mut impl Session, now: Instant) {
    let mut frame = Vec::new();
    while from.poll_transmit(&mut frame).is_some() {
        to.handle_frame(now, Route::Pipe, std::mem::take(&mut frame).into());
    }
}

on_revisions! { MODERN;
    // `cancel.server.listen` `cancel.recv.stop` `base.dir.modern.server`
    fn a_modern_server_cancels_listen_streams_and_nothing_else(revision) {
        let (mut server, asked) = serving(revision);
        let listen = request(revision, "l", "subscriptions/listen", json!({"notifications": {"toolsListChanged": true}}));
        server.feed_json(&listen);
        server.session.progress(server.now, asked.id, 1.0, None, None).unwrap();
        server.pass(SECOND * 100_000);
        let before = server.sent();
        assert!(before.iter().all(|sent| sent["method"] != "notifications/cancelled"), "{before:?}");
        server.session.close(server.now);
        let mut sent = server.sent();
        if Way::current().tells_cancellation(revision) {
            let cancelled = sent.remove(0);
            assert_eq!(cancelled["method"], "notifications/cancelled");
            assert_eq!(cancelled["params"]["requestId"], "l");
        }
        assert_eq!((&sent[0]["id"], &sent[0]["result"]["resultType"]), (&json!("l"), &json!("complete")));
        assert_eq!(sent.len(), 1, "the request in progress ends without a word: {sent:?}");
        assert!(before.iter().chain(&sent).all(|sent| sent.get("method").is_none() || sent.get("id").is_none()));
    }
}

on_revisions! { MODERN;
    pipe = "it names the exchanges of a session itself";
    // `cancel.http.modern` `cancel.http.json` `cancel.recv.nomore`
    fn a_lost_exchange_cancels_the_modern_request_it_carried(revision) {
        let mut server = Script::server(revision);
        let exchange = |n| Route::Exchange(ExchangeId::new(n));
        for n in 1..=2 {
            let call = tool_call(revision, n).to_string();
            server.session.handle_frame(server.now, exchange(n), call.into());
        }
        let events = server.take_events();
        let [ServerEvent::Request(first), ServerEvent::Request(second)] = &events[..] else { panic!() };
        server.session.handle_closed(server.now, exchange(1), Closed::EndOfInput);
        let events = server.take_events();
        assert!(matches!(&events[..], [ServerEvent::Cancelled { request, .. }] if *request == first.id));
        check_inert(&mut server, first.id);
        server.session.reply::<CallTool>(server.now, second.id, &CallToolResult::text("x")).unwrap();
        let mut frame = Vec::new();
        let transmit = server.session.poll_transmit(&mut frame).unwrap();
        assert_eq!((transmit.route, transmit.kind), (exchange(2), Kind::Result));
    }
}

on_revisions! { LEGACY;
    pipe = "it names the exchanges of a session itself";
    // `cancel.http.legacy`
    fn a_lost_exchange_cancels_no_legacy_request(revision) {
        let mut server = Script::server(revision);
        let exchange = Route::Exchange(ExchangeId::new(1));
        server.session.handle_frame(server.now, exchange, tool_call(revision, 1).to_string().into());
        let Some(ServerEvent::Request(asked)) = server.take_events().pop() else { panic!() };
        server.session.handle_closed(server.now, exchange, Closed::EndOfInput);
        assert!(server.take_events().is_empty());
        server.session.reply::<CallTool>(server.now, asked.id, &CallToolResult::text("x")).unwrap();
        assert!(server.reply()["result"].is_object());
    }
}
