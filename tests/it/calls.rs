//! Calls from their command to their one end: answers, deadlines and kinds of results.

use std::time::Duration;

use mcp_proto::model::input::InputRequests;
use mcp_proto::model::method::{CallTool, ListRoots, ListTools, Ping};
use mcp_proto::model::page::PaginatedRequestParams;
use mcp_proto::model::root::ListRootsResult;
use mcp_proto::model::subscription::SubscriptionFilter;
use mcp_proto::model::tool::CallToolParams;
use mcp_proto::rpc::{RpcError, code};
use mcp_proto::session::{
    CallClock, CallError, CallId, CallOptions, ClientConfig, ClientEvent, ClientSession, EraPolicy,
    Ignored, ServerEvent, Session, Timeout, Timeouts,
};
use mcp_proto::{Era, Instant};
use serde_json::json;

use support::pair::{Pair, client_config};
use support::script::{
    Script, calling, check_cancelled, completed, notification, result, tool_result,
};
use support::{LEGACY, MODERN};
use support::{on_every_revision, on_revisions};

const SECOND: Duration = Duration::from_secs(1);

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
            CallOptions::new().idle(Timeout::After(SECOND * 3)),
            CallOptions::new().idle(Timeout::Never).total(Timeout::After(SECOND * 5)),
            CallOptions::new().idle(Timeout::Never),
            CallOptions::new().idle(Timeout::After(Duration::MAX)).total(Timeout::After(Duration::MAX)),
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
        let options = CallOptions::new().progress(true).idle(Timeout::After(SECOND * 10)).total(Timeout::After(SECOND * 25));
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
        let options = CallOptions::new().progress(true).total(Timeout::After(SECOND * 400));
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
        let call = pair.client.call::<CallTool>(pair.now, &params, CallOptions::new().total(Timeout::After(SECOND * 70))).unwrap();
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
        let options = CallOptions::new().idle(Timeout::After(SECOND * 5));
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
        client.feed_json(&result(&id, json!({"content": [{"type": "text", "text": "a"}], "isError": "no"})));
        let done = completed(&mut client);
        assert!(done.raw().is_ok(), "the JSON is there all the same");
        let Some(Err(CallError::BadResult { method, path, .. })) = done.of(call) else { panic!() };
        assert_eq!((&*method, &*path), ("tools/call", "isError"));
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
    let config = ClientConfig::new("x", "1").era(EraPolicy::AssumeModern);
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
