//! Calls from their command to their one end: answers, deadlines, cancellation, lost connections.

use std::time::Duration;

use mcp_proto::model::input::InputRequests;
use mcp_proto::model::logging::{LoggingLevel, LoggingMessageParams};
use mcp_proto::model::method::{CallTool, Cancelled, ListRoots, ListTools, Ping};
use mcp_proto::model::page::PaginatedRequestParams;
use mcp_proto::model::root::ListRootsResult;
use mcp_proto::model::subscription::SubscriptionFilter;
use mcp_proto::model::tool::{CallToolParams, CallToolResult};
use mcp_proto::rpc::{Kind, RpcError, code};
use mcp_proto::session::{
    CallClock, CallError, CallId, CallOptions, ClientConfig, ClientEvent, ClientSession, Closed,
    Completed, Delivery, EraPolicy, ExchangeId, Ignored, Misuse, Route, ServerEvent, ServerSession,
    Session, Timeouts, Wait,
};
use mcp_proto::{Era, Instant, Revision};
use serde_json::{Value, json};

use crate::support::pair::{Pair, client_config};
use crate::support::script::{Script, notification, request, result, tool_call, tool_result};
use crate::support::{LEGACY, MODERN};
use crate::{on_every_revision, on_revisions};

const SECOND: Duration = Duration::from_secs(1);

/// A client with a call that has been sent, the call and the id of its request.
fn calling(
    revision: Revision,
    options: CallOptions<'_>,
) -> (Script<ClientSession>, CallId<CallTool>, Value) {
    let mut client = Script::client(revision);
    let params = CallToolParams::new("x");
    let call = client
        .session
        .call::<CallTool>(client.now, &params, options)
        .unwrap();
    let id = client.reply()["id"].clone();
    (client, call, id)
}

/// The one event there is, which has to be the end of a call.
fn completed(client: &mut Script<ClientSession>) -> Completed {
    let mut events = client.take_events();
    assert_eq!(events.len(), 1, "{events:?}");
    match events.pop() {
        Some(ClientEvent::Completed(done)) => done,
        other => panic!("{other:?}"),
    }
}

/// The one message sent, which has to be the cancellation of `id`.
fn check_cancelled(client: &mut Script<ClientSession>, id: &Value, reason: Option<&str>) {
    let mut params = json!({"requestId": id});
    if let Some(reason) = reason {
        params["reason"] = json!(reason);
    }
    assert_eq!(
        client.reply(),
        notification("notifications/cancelled", params)
    );
}

on_every_revision! {
    // `timeout.all` `timeout.local` `err.local` `cancel.late.resp`
    fn a_call_without_an_answer_times_out_tells_the_server_and_ignores_what_comes_late(revision) {
        let (mut client, call, id) = calling(revision, CallOptions::new());
        assert_eq!(client.session.poll_timeout(), Some(client.now + SECOND * 60));
        client.pass(SECOND * 60 - Duration::from_millis(1));
        assert!(client.events.is_empty());
        client.pass(Duration::from_millis(1));
        let done = completed(&mut client);
        assert_eq!(done.call, call);
        let expected = CallError::TimedOut { clock: CallClock::Idle, after: SECOND * 60 };
        assert_eq!(done.raw(), Err(&expected));
        assert!(!expected.is_retryable());
        check_cancelled(&mut client, &id, Some("timed out"));
        assert_eq!(client.session.poll_timeout(), None);
        client.feed_json(&result(&id, tool_result()));
        let events = client.take_events();
        assert!(matches!(events[..], [ClientEvent::Ignored(Ignored::Response(_))]));
        client.pass(SECOND * 10_000);
        assert!(client.take_events().is_empty() && client.sent().is_empty());
    }
}

on_every_revision! {
    // `timeout.config`
    fn deadlines_are_set_for_the_session_and_for_each_call(revision) {
        let timeouts = Timeouts::default().idle(Some(SECOND * 7)).total(None);
        let mut client = Script::client_with(revision, client_config(revision).timeouts(timeouts));
        let params = CallToolParams::new("x");
        let now = client.now;
        let options = [
            CallOptions::new(),
            CallOptions::new().idle(Wait::For(SECOND * 3)),
            CallOptions::new().idle(Wait::Forever).total(Wait::For(SECOND * 5)),
            CallOptions::new().idle(Wait::Forever),
            CallOptions::new().idle(Wait::For(Duration::MAX)).total(Wait::For(Duration::MAX)),
        ];
        let calls: Vec<CallId> = options.into_iter().map(|options| {
            client.session.call::<CallTool>(now, &params, options).unwrap().any()
        }).collect();
        let mut ended = Vec::new();
        for second in 1..=1000_u32 {
            client.pass(SECOND);
            for event in client.take_events() {
                let ClientEvent::Completed(done) = event else { panic!("{event:?}") };
                ended.push((second, done.call));
            }
        }
        assert_eq!(ended, [(3, calls[1]), (5, calls[2]), (7, calls[0])]);
        assert_eq!(client.session.open_calls(), 2);
    }
}

on_every_revision! {
    // `timeout.progress.reset` `timeout.max`
    fn progress_holds_off_the_idle_deadline_and_not_the_total_one(revision) {
        let options = CallOptions::new().progress(true).idle(Wait::For(SECOND * 10)).total(Wait::For(SECOND * 25));
        let (mut client, call, id) = calling(revision, options);
        for step in 1..=3 {
            client.pass(SECOND * 8);
            let params = json!({"progressToken": id, "progress": step});
            client.feed_json(&notification("notifications/progress", params));
            let events = client.take_events();
            let [ClientEvent::Progress { call: of, .. }] = &events[..] else { panic!("{events:?}") };
            assert_eq!(*of, call);
        }
        client.pass(Duration::from_millis(999));
        assert!(client.take_events().is_empty());
        client.pass(Duration::from_millis(1));
        let expected = CallError::TimedOut { clock: CallClock::Total, after: SECOND * 25 };
        assert_eq!(completed(&mut client).raw(), Err(&expected));
        check_cancelled(&mut client, &id, Some("timed out"));
        // Late progress is for nobody.
        client.feed_json(&notification("notifications/progress", json!({"progressToken": id, "progress": 9})));
        assert!(matches!(client.take_events()[..], [ClientEvent::Ignored(_)]));
    }
}

on_every_revision! {
    // `timeout.progress.reset` `progress.onlyactive`
    fn progress_that_was_not_asked_for_or_is_malformed_resets_nothing(revision) {
        let (mut client, _, id) = calling(revision, CallOptions::new());
        let mut asked = calling(revision, CallOptions::new().progress(true));
        client.pass(SECOND * 50);
        asked.0.pass(SECOND * 50);
        client.feed_json(&notification("notifications/progress", json!({"progressToken": id, "progress": 1})));
        for params in [json!({"progressToken": id.to_string(), "progress": 1}), json!({"progressToken": 999, "progress": 1}),
            json!({"progressToken": id}), json!({"progressToken": id, "progress": "x"}), json!({"progress": 1}),
            json!({"progressToken": null, "progress": 1})] {
            asked.0.feed_json(&notification("notifications/progress", params));
        }
        for client in [&mut client, &mut asked.0] {
            let events = client.take_events();
            assert!(events.iter().all(|event| matches!(event, ClientEvent::Ignored(_))), "{events:?}");
            client.pass(SECOND * 10);
            assert!(matches!(completed(client).raw(), Err(CallError::TimedOut { .. })));
        }
    }
}

on_every_revision! {
    // `timeout.all`
    fn the_idle_clock_stands_still_while_the_user_is_asked(revision) {
        let mut pair = Pair::open(revision);
        let params = CallToolParams::new("x");
        let options = CallOptions::new().progress(true).total(Wait::For(SECOND * 400));
        let call = pair.client.call::<CallTool>(pair.now, &params, options).unwrap();
        pair.drive();
        let asked = pair.request();
        let before = pair.client.clone();
        let need = InputRequests::new().roots("r");
        pair.server.need_input(pair.now, asked.id, &need, None).unwrap();
        pair.drive();
        let Some(ClientEvent::InputRequested(input)) = pair.client_events.pop_front() else { panic!() };
        pair.pass(SECOND * 100);
        if revision.era() == Era::Legacy {
            // The request is still open, so progress may come; the user still owes an answer.
            let token = pair.sent_by_client().last().unwrap()["id"].clone();
            pair.to_client(notification("notifications/progress", json!({"progressToken": token, "progress": 1})).to_string());
            assert!(matches!(pair.client_events.pop_front(), Some(ClientEvent::Progress { .. })));
        }
        pair.pass(SECOND * 100);
        assert!(pair.client_events.is_empty(), "{:?}", pair.client_events);
        pair.client.answer::<ListRoots>(pair.now, input.input, &ListRootsResult::new(Vec::new())).unwrap();
        pair.drive();
        pair.pass(SECOND * 59);
        assert!(pair.client_events.is_empty());
        pair.pass(SECOND);
        let done = pair.completed(call);
        assert!(matches!(done.raw(), Err(CallError::TimedOut { clock: CallClock::Idle, .. })));
        drop(before);
        // The total one runs on.
        let call = pair.client.call::<CallTool>(pair.now, &params, CallOptions::new().total(Wait::For(SECOND * 70))).unwrap();
        pair.drive();
        let asked = loop {
            match pair.server_events.pop_front() {
                Some(ServerEvent::Request(request)) if !request.has_inputs() => break request,
                Some(_) => {}
                None => panic!(),
            }
        };
        pair.server.need_input(pair.now, asked.id, &need, None).unwrap();
        pair.drive();
        let Some(ClientEvent::InputRequested(input)) = pair.client_events.pop_front() else { panic!() };
        pair.pass(SECOND * 70);
        let events: Vec<_> = pair.client_events.drain(..).collect();
        let ended = events.iter().filter(|event| matches!(event, ClientEvent::Completed(done) if done.call == call));
        assert_eq!(ended.count(), 1, "{events:?}");
        let withdrawn = events.iter().any(|event| matches!(event, ClientEvent::InputWithdrawn(of) if *of == input.input));
        assert!(withdrawn, "{events:?}");
    }
}

on_every_revision! {
    fn an_early_or_repeated_timeout_does_nothing(revision) {
        let (mut client, _, _) = calling(revision, CallOptions::new());
        let before = client.clone();
        for _ in 0..100 {
            client.session.handle_timeout(client.now);
            client.session.handle_timeout(Instant::ZERO);
        }
        assert_eq!(format!("{:?}", client.session), format!("{:?}", before.session));
        client.pass(SECOND * 60);
        let once = client.clone();
        client.session.handle_timeout(client.now);
        assert_eq!(format!("{:?}", client.session), format!("{:?}", once.session));
    }
}

on_every_revision! {
    // `cancel.shape` `cancel.stdio.modern` `cancel.late.resp` `cancel.clientonly` `cancel.samedir`
    fn a_cancelled_call_ends_at_once_and_the_server_is_told(revision) {
        for reason in [None, Some("no longer \"needed\"")] {
            let (mut client, call, id) = calling(revision, CallOptions::new());
            client.session.cancel(client.now, call, reason).unwrap();
            assert_eq!(completed(&mut client).raw(), Err(&CallError::Cancelled));
            check_cancelled(&mut client, &id, reason);
            let before = format!("{:?}", client.session);
            assert_eq!(client.session.cancel(client.now, call, None), Err(Misuse::Unknown("call")));
            assert_eq!(format!("{:?}", client.session), before);
            client.feed_json(&result(&id, tool_result()));
            client.feed_json(&crate::support::script::error(&id, -1));
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
        assert_eq!(misuse, Err(Misuse::Unknown("call")));
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
        assert!(matches!(misuse, Err(Misuse::Invalid(_))));
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

on_every_revision! {
    // `lifecycle.shutdown.pending` `stdio.shutdown.server` `stdio.restart`
    fn a_lost_connection_ends_every_call_and_says_how_far_it_had_come(revision) {
        for why in [Closed::EndOfInput, Closed::ReadFailed, Closed::WriteFailed] {
            let mut client = Script::client(revision);
            let params = CallToolParams::new("x");
            let now = client.now;
            let calls: Vec<CallId> = (0..4).map(|_| {
                client.session.call::<CallTool>(now, &params, CallOptions::new()).unwrap().any()
            }).collect();
            let mut buffer = Vec::new();
            client.session.poll_transmit(&mut buffer).unwrap();
            client.session.poll_transmit(&mut buffer).unwrap();
            client.close(why);
            let events = client.take_events();
            let (closed, ends) = events.split_last().unwrap();
            assert!(matches!(closed, ClientEvent::Closed(_)), "{events:?}");
            let ends: Vec<_> = ends.iter().map(|event| match event {
                ClientEvent::Completed(done) => (done.call, done.raw().unwrap_err().clone()),
                other => panic!("{other:?}"),
            }).collect();
            let lost = CallError::Lost;
            let expected: Vec<_> = calls.into_iter().zip([lost(Delivery::Unknown), lost(Delivery::Unknown),
                lost(Delivery::NotSent), lost(Delivery::NotSent)]).collect();
            assert_eq!(ends, expected, "{why:?}");
            assert!(ends[3].1.is_retryable() && !ends[0].1.is_retryable());
            // What was reported as never sent is never sent.
            assert!(client.sent().is_empty(), "{why:?}");
            assert_eq!(client.session.poll_timeout(), None);
        }
    }
}

on_every_revision! {
    // `lifecycle.shutdown.msg` `lifecycle.shutdown.pending`
    fn closing_sends_no_message_of_its_own_and_no_call_that_it_gave_up(revision) {
        let mut client = Script::client(revision);
        let params = CallToolParams::new("x");
        client.session.call::<CallTool>(client.now, &params, CallOptions::new()).unwrap();
        client.session.notify::<Marker>(client.now, &json!({"n": 1})).unwrap();
        client.session.call::<CallTool>(client.now, &params, CallOptions::new()).unwrap();
        client.session.close(client.now);
        let sent = client.sent();
        assert_eq!(sent.len(), 1);
        assert_eq!(sent[0]["method"], "notifications/marker", "what was said before is still said");
        let events = client.take_events();
        assert_eq!(events.len(), 3);
        for event in &events[..2] {
            let ClientEvent::Completed(done) = event else { panic!() };
            assert_eq!(done.raw(), Err(&CallError::Lost(Delivery::NotSent)));
        }
        assert!(matches!(events[2], ClientEvent::Closed(_)));
    }
}

/// An extension's notification.
struct Marker;

impl mcp_proto::model::method::Notification for Marker {
    const NAME: &'static str = "notifications/marker";
    type Params<'a> = Value;
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
        let sent = server.sent();
        assert_eq!(sent[0]["method"], "notifications/cancelled");
        assert_eq!(sent[0]["params"]["requestId"], "l");
        assert_eq!((&sent[1]["id"], &sent[1]["result"]["resultType"]), (&json!("l"), &json!("complete")));
        assert_eq!(sent.len(), 2, "the request in progress ends without a word: {sent:?}");
        assert!(before.iter().chain(&sent).all(|sent| sent.get("method").is_none() || sent.get("id").is_none()));
    }
}

on_revisions! { MODERN;
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

on_revisions! { MODERN;
    // `timeout.listen`
    fn a_listen_stream_has_a_deadline_for_its_confirmation_only(revision) {
        let mut client = Script::client(revision);
        let filter = SubscriptionFilter::new().tools_list_changed(true);
        client.session.subscribe(client.now, &filter).unwrap();
        let id = client.reply()["id"].clone();
        let mut silent = client.clone();
        silent.pass(SECOND * 60);
        let events = silent.take_events();
        let [ClientEvent::SubscriptionEnded { outcome, .. }] = &events[..] else { panic!("{events:?}") };
        assert!(matches!(outcome, Err(CallError::TimedOut { .. })));
        check_cancelled(&mut silent, &id, Some("timed out"));
        client.feed_json(&notification("notifications/subscriptions/acknowledged", json!({
            "notifications": {"toolsListChanged": true}, "_meta": {"io.modelcontextprotocol/subscriptionId": id}})));
        assert!(matches!(client.take_events()[..], [ClientEvent::Subscribed { .. }]));
        client.pass(SECOND * 1_000_000);
        assert!(client.take_events().is_empty() && client.sent().is_empty());
    }
}

on_every_revision! {
    // `ping.stale` `ping.gone` `timeout.config`
    fn a_sign_of_life_that_does_not_come_ends_like_any_call(revision) {
        let mut client = Script::client(revision);
        let options = CallOptions::new().idle(Wait::For(SECOND * 5));
        let alive = client.session.ping(client.now, options.clone()).unwrap();
        let sent = client.reply();
        let method = match revision.era() { Era::Legacy => "ping", _ => "server/discover" };
        assert_eq!(sent["method"], method);
        client.pass(SECOND * 5);
        let done = completed(&mut client);
        assert_eq!(done.call, alive);
        assert!(matches!(done.of::<Ping>(alive), Some(Err(CallError::TimedOut { .. }))));
        client.sent();
        // The user decides what follows: here, to close.
        client.session.close(client.now);
        assert!(matches!(client.take_events()[..], [ClientEvent::Closed(_)]));
        // One that does come.
        let mut pair = Pair::open(revision);
        let alive = pair.client.ping(pair.now, options).unwrap();
        pair.drive();
        assert!(pair.completed(alive).of(alive).unwrap().is_ok());
    }
}

on_every_revision! {
    // `base.err.internal` `err.std` `base.resp.id`
    fn a_handlers_failure_reaches_the_caller_as_an_internal_error(revision) {
        let mut pair = Pair::open(revision);
        let params = CallToolParams::new("x");
        let call = pair.client.call::<CallTool>(pair.now, &params, CallOptions::new()).unwrap();
        pair.drive();
        let asked = pair.request();
        pair.server.reply_error(pair.now, asked.id, RpcError::internal("it broke")).unwrap();
        pair.drive();
        let done = pair.completed(call);
        let Err(CallError::Rpc(error)) = done.raw() else { panic!("{done:?}") };
        assert_eq!((error.code, &*error.message), (code::INTERNAL_ERROR, "it broke"));
        assert_eq!(code::INTERNAL_ERROR, -32603);
    }
}

on_every_revision! {
    // `rtype.legacy` `err.local`
    fn a_result_that_does_not_fit_is_told_with_its_place(revision) {
        let (mut client, call, id) = calling(revision, CallOptions::new());
        client.feed_json(&result(&id, json!({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": 5}]})));
        let done = completed(&mut client);
        assert!(done.raw().is_ok(), "the JSON is there all the same");
        let Some(Err(CallError::BadResult { method, path, .. })) = done.of(call) else { panic!() };
        assert_eq!((&*method, &*path), ("tools/call", "content[1]"));
        let other = done.of(CallId::<ListTools>::clone(&list(&mut client)));
        assert!(other.is_none(), "it is the end of one call only");
    }
}

fn list(client: &mut Script<ClientSession>) -> CallId<ListTools> {
    let page = PaginatedRequestParams::new();
    client
        .session
        .call::<ListTools>(client.now, &page, CallOptions::new())
        .unwrap()
}

on_revisions! { MODERN;
    // `rtype.unknown` `rtype.absent` `rtype.extset` `ext.resulttype`
    fn only_known_kinds_of_results_are_results(revision) {
        for (kind, is_good) in [(None, true), (Some(json!("complete")), true), (Some(json!("\u{63}omplete")), true),
            (Some(json!("foo")), false), (Some(json!("task")), false), (Some(json!("Complete")), false),
            (Some(json!(null)), false), (Some(json!(5)), false), (Some(json!("")), false)] {
            let (mut client, _, id) = calling(revision, CallOptions::new());
            let mut body = tool_result();
            body.as_object_mut().unwrap().remove("resultType");
            if let Some(kind) = &kind {
                body["resultType"] = kind.clone();
            }
            client.feed_json(&result(&id, body));
            let done = completed(&mut client);
            match is_good {
                true => assert!(done.raw().is_ok(), "{kind:?}"),
                false => assert!(matches!(done.raw(), Err(CallError::BadResult { path, .. }) if &**path == "resultType"), "{kind:?}"),
            }
            assert!(client.sent().is_empty());
        }
        // Only some methods may be answered by asking.
        let mut client = Script::client(revision);
        list(&mut client);
        let id = client.reply()["id"].clone();
        client.feed_json(&result(&id, json!({"resultType": "input_required", "requestState": "s"})));
        assert!(matches!(completed(&mut client).raw(), Err(CallError::BadResult { .. })));
    }
}

on_revisions! { LEGACY;
    // `rtype.legacy` `ext.resulttype`
    fn a_kind_of_result_is_just_a_member_for_a_legacy_client(revision) {
        let (mut client, call, id) = calling(revision, CallOptions::new());
        client.feed_json(&result(&id, json!({"resultType": "foo", "content": []})));
        let done = completed(&mut client);
        assert!(done.of(call).unwrap().is_ok());
    }
}

#[test]
fn a_version_that_is_refused_later_on_is_the_callers_to_know() {
    // `version.retry` `era.stdio.modernerr`
    let config = ClientConfig::new("x", "1").era(EraPolicy::ModernUnasked);
    let mut client = Script::fresh_client(config);
    let params = CallToolParams::new("x");
    client.take_events();
    client
        .session
        .call::<CallTool>(client.now, &params, CallOptions::new())
        .unwrap();
    let id = client.reply()["id"].clone();
    client.feed_json(
        &json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32022, "message": "m",
        "data": {"supported": ["2031-01-01"], "requested": "2026-07-28"}}}),
    );
    let done = completed(&mut client);
    let Err(CallError::Rpc(error)) = done.raw() else {
        panic!()
    };
    assert_eq!(error.code, code::UNSUPPORTED_PROTOCOL_VERSION);
    assert!(client.sent().is_empty(), "no handshake, no loop");
}
