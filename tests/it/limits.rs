//! Every bound of `Limits`: what happens at it, what one beyond it hears, and that it passes.

use std::time::Duration;

use mcp_proto::frame::FrameError;
use mcp_proto::model::input::InputRequests;
use mcp_proto::model::method::{CallTool, ListRoots};
use mcp_proto::model::root::ListRootsResult;
use mcp_proto::model::subscription::SubscriptionFilter;
use mcp_proto::model::tool::{CallToolParams, CallToolResult};
use mcp_proto::session::{
    CallError, CallOptions, ClientEvent, ClientSession, IncomingId, Limited, Misuse, Route,
    ServerEvent, ServerSession, Session, Timeouts,
};
use mcp_proto::{Era, Limits, Revision};
use serde_json::{Value, json};

use support::pair::{Pair, client_config, server_config};
use support::script::{Script, notification, request, result, tool_call, tool_result};
use support::{LEGACY, MODERN};
use support::{on_every_revision, on_revisions};

fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}

fn server(revision: Revision, change: impl FnOnce(&mut Limits)) -> Script<ServerSession> {
    Script::server_with(revision, server_config().limits(limits(change)))
}

fn client(revision: Revision, change: impl FnOnce(&mut Limits)) -> Script<ClientSession> {
    Script::client_with(revision, client_config(revision).limits(limits(change)))
}

/// The requests among the events so far.
fn asked(server: &mut Script<ServerSession>) -> Vec<IncomingId> {
    let events = server.take_events().into_iter();
    events
        .filter_map(|event| match event {
            ServerEvent::Request(request) => Some(request.id),
            _ => None,
        })
        .collect()
}

fn reply(server: &mut Script<ServerSession>, request: IncomingId) {
    let result = CallToolResult::text("x");
    server
        .session
        .reply::<CallTool>(server.now, request, &result)
        .unwrap();
}

/// An answer that refuses for a limit: it names the limit, and that a retry may help.
fn check_over(answer: &Value, limit: usize) {
    assert_eq!(answer["error"]["code"], -32603, "{answer}");
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(
        message.contains(&limit.to_string()) && message.contains("retry"),
        "{message}"
    );
}

#[test]
fn the_defaults_are_those_that_are_documented() {
    let limits = Limits::default();
    assert_eq!(
        (limits.frame, limits.depth, limits.id),
        (16 << 20, 128, 256)
    );
    assert_eq!((limits.name, limits.uri), (1 << 10, 8 << 10));
    assert_eq!(
        (limits.calls, limits.subscriptions, limits.events),
        (1024, 1024, 1024)
    );
    assert_eq!(
        (limits.output, limits.input_rounds, limits.pages),
        (16 << 20, 10, 64)
    );
    assert_eq!((limits.cancel_burst, limits.cancel_rate), (100, 20));
    let timeouts = Timeouts::default();
    assert_eq!(
        (timeouts.opening, timeouts.probe),
        (Duration::from_secs(60), Duration::from_secs(2))
    );
    assert_eq!(timeouts.idle, Some(Duration::from_secs(60)));
    assert_eq!(timeouts.total, Some(Duration::from_secs(600)));
}

on_every_revision! {
    // `base.err.internal`
    fn requests_beyond_the_limit_are_refused_and_the_rest_is_still_taken(revision) {
        let mut server = server(revision, |limits| limits.calls = 3);
        for id in 0..3 {
            server.feed_json(&tool_call(revision, id));
        }
        let open = asked(&mut server);
        for id in 3..10 {
            server.feed_json(&tool_call(revision, id));
            let answer = server.reply();
            assert_eq!(answer["id"], id);
            check_over(&answer, 3);
        }
        // What the session answers by itself, and cancellations, are taken all the same.
        server.check_alive(revision);
        server.feed_json(&notification("notifications/cancelled", json!({"requestId": 1})));
        assert!(matches!(server.take_events()[..], [ServerEvent::Cancelled { .. }]));
        server.feed_json(&tool_call(revision, 20));
        assert_eq!(asked(&mut server).len(), 1);
        server.feed_json(&tool_call(revision, 21));
        check_over(&server.reply(), 3);
        reply(&mut server, open[0]);
        server.sent();
        server.feed_json(&tool_call(revision, 22));
        assert_eq!(asked(&mut server).len(), 1);
    }
}

on_every_revision! {
    fn calls_beyond_the_limit_are_refused_here_and_change_nothing(revision) {
        let mut client = client(revision, |limits| limits.calls = 3);
        let params = CallToolParams::new("x");
        let call = |client: &mut Script<ClientSession>| {
            client.session.call::<CallTool>(client.now, &params, CallOptions::new())
        };
        for _ in 0..3 {
            call(&mut client).unwrap();
        }
        let ids: Vec<Value> = client.sent().iter().map(|sent| sent["id"].clone()).collect();
        let before = format!("{:?}", client.session);
        let misuse = call(&mut client).unwrap_err();
        assert_eq!(misuse, Misuse::LimitReached { what: Limited::Calls, limit: 3 });
        assert!(client.session.ping(client.now, CallOptions::new()).is_err());
        assert_eq!(format!("{:?}", client.session), before);
        client.feed_json(&result(&ids[1], tool_result()));
        assert!(matches!(client.take_events()[..], [ClientEvent::Completed(_)]));
        call(&mut client).unwrap();
        assert!(call(&mut client).is_err());
    }
}

on_revisions! { LEGACY;
    // `base.dir.legacy` `ping.respond`
    fn a_servers_requests_beyond_the_limit_are_refused(revision) {
        let mut client = client(revision, |limits| limits.calls = 2);
        for id in 0..2 {
            client.feed_json(&json!({"jsonrpc": "2.0", "id": id, "method": "roots/list"}));
        }
        let events = client.take_events();
        let [ClientEvent::InputRequested(first), ClientEvent::InputRequested(_)] = &events[..] else { panic!() };
        client.feed_json(&json!({"jsonrpc": "2.0", "id": 2, "method": "roots/list"}));
        check_over(&client.reply(), 2);
        client.feed_json(&json!({"jsonrpc": "2.0", "id": 3, "method": "ping"}));
        assert_eq!(client.reply()["result"], json!({}));
        let roots = ListRootsResult::new(Vec::new());
        client.session.answer::<ListRoots>(client.now, first.input, &roots).unwrap();
        client.sent();
        client.feed_json(&json!({"jsonrpc": "2.0", "id": 4, "method": "roots/list"}));
        assert_eq!(client.take_events().len(), 1);
        // A server that takes its request back makes room as well.
        client.feed_json(&notification("notifications/cancelled", json!({"requestId": 4})));
        assert!(matches!(client.take_events()[..], [ClientEvent::InputWithdrawn(_)]));
        client.feed_json(&json!({"jsonrpc": "2.0", "id": 5, "method": "roots/list"}));
        assert_eq!(client.take_events().len(), 1);
    }
}

on_every_revision! {
    fn a_session_that_nobody_polls_wants_no_more_frames(revision) {
        let mut server = server(revision, |limits| limits.events = 3);
        let now = server.now;
        let feed = |server: &mut Script<ServerSession>, id: i64| {
            let call = tool_call(revision, id).to_string();
            server.session.handle_frame(now, Route::Pipe, call.into());
        };
        for id in 0..3 {
            assert!(server.session.wants_frames());
            feed(&mut server, id);
        }
        assert!(!server.session.wants_frames());
        // What was read already is taken all the same, and nothing is lost.
        feed(&mut server, 3);
        server.session.poll_event().unwrap();
        assert!(!server.session.wants_frames());
        server.session.poll_event().unwrap();
        assert!(server.session.wants_frames());
        assert_eq!(asked(&mut server).len(), 2);
        let mut client = client(revision, |limits| limits.events = 2);
        for _ in 0..2 {
            assert!(client.session.wants_frames());
            client.session.handle_frame(now, Route::Pipe, "garbage".into());
        }
        assert!(!client.session.wants_frames());
        client.take_events();
        assert!(client.session.wants_frames());
    }
}

on_every_revision! {
    fn a_session_without_room_for_events_reads_one_frame_after_the_other(revision) {
        let mut server = server(revision, |limits| limits.events = 0);
        let mut client = client(revision, |limits| limits.events = 0);
        for id in 0..3 {
            assert!(server.session.wants_frames() && client.session.wants_frames());
            let call = tool_call(revision, id).to_string();
            server.session.handle_frame(server.now, Route::Pipe, call.into());
            client.session.handle_frame(client.now, Route::Pipe, "garbage".into());
            assert!(!server.session.wants_frames() && !client.session.wants_frames());
            assert_eq!((server.take_events().len(), client.take_events().len()), (1, 1));
        }
    }
}

on_every_revision! {
    pipe = "over HTTP what a session sends is taken at once, and bounded on its streams";
    fn a_session_whose_output_nobody_takes_wants_no_more_frames(revision) {
        let mut server = server(revision, |limits| limits.output = 200);
        let alive = match revision.era() {
            Era::Legacy => "ping",
            _ => "server/discover",
        };
        let mut fed = 0;
        while server.session.wants_frames() {
            server.feed_json(&request(revision, fed, alive, json!({})));
            fed += 1;
            assert!(fed < 100);
        }
        assert_eq!(server.sent().len(), usize::try_from(fed).unwrap());
        assert!(server.session.wants_frames());
        let mut client = client(revision, |limits| limits.output = 500);
        let params = CallToolParams::new("x".repeat(600));
        let call = client.session.call::<CallTool>(client.now, &params, CallOptions::new()).unwrap();
        // What it awaits may stand behind what the server can't send before it is read.
        assert!(client.session.wants_frames());
        let before = format!("{:?}", client.session);
        let full = Misuse::OutputFull { limit: 500 };
        let again = client.session.call::<CallTool>(client.now, &params, CallOptions::new());
        assert_eq!(again.unwrap_err(), full);
        let filter = SubscriptionFilter::new().tools_list_changed(true);
        assert_eq!(client.session.subscribe(client.now, &filter).unwrap_err(), full);
        assert_eq!(client.session.ping(client.now, CallOptions::new()).unwrap_err(), full);
        assert!(!client.session.can_call());
        assert_eq!(format!("{:?}", client.session), before);
        // A cancellation is taken all the same.
        client.session.cancel(client.now, call, None).unwrap();
        assert_eq!(client.sent().len(), 2);
        assert!(client.session.can_call());
        client.session.subscribe(client.now, &filter).unwrap();
    }
}

on_every_revision! {
    fn two_full_peers_do_not_wait_for_each_other(revision) {
        let small = || limits(|limits| {
            limits.calls = 2;
            limits.events = 1;
            limits.output = 1;
        });
        let mut pair = Pair::open_with(
            client_config(revision).limits(small()), server_config().limits(small()));
        let params = CallToolParams::new("x");
        let mut ended = 0;
        for _ in 0..20 {
            for _ in 0..2 {
                pair.client.call::<CallTool>(pair.now, &params, CallOptions::new()).unwrap();
                pair.drive();
            }
            while let Some(event) = pair.server_events.pop_front() {
                let ServerEvent::Request(asked) = event else { panic!("{event:?}") };
                pair.server.reply::<CallTool>(pair.now, asked.id, &CallToolResult::text("x")).unwrap();
            }
            pair.drive();
            ended += pair.client_events.drain(..).filter(|event| matches!(event, ClientEvent::Completed(_))).count();
        }
        assert_eq!(ended, 40);
    }
}

on_revisions! { MODERN;
    // `sub.req`
    fn listen_streams_and_their_uris_share_one_limit(revision) {
        let mut server = server(revision, |limits| limits.subscriptions = 4);
        let listen = |id: i64, uris: Vec<&str>| request(revision, id, "subscriptions/listen",
            json!({"notifications": {"toolsListChanged": true, "resourceSubscriptions": uris}}));
        server.feed_json(&listen(1, vec!["a:1", "a:2"]));
        assert_eq!(server.reply()["method"], "notifications/subscriptions/acknowledged");
        server.feed_json(&listen(2, vec!["a:3"]));
        check_over(&server.reply(), 4);
        server.feed_json(&listen(3, vec![]));
        assert_eq!(server.reply()["method"], "notifications/subscriptions/acknowledged");
        server.feed_json(&listen(4, vec![]));
        check_over(&server.reply(), 4);
        server.feed_json(&notification("notifications/cancelled", json!({"requestId": 1})));
        server.feed_json(&listen(5, vec!["a:3"]));
        assert_eq!(server.reply()["method"], "notifications/subscriptions/acknowledged");
    }
}

on_revisions! { LEGACY;
    // `res.sub.legacy`
    fn subscribed_uris_have_a_limit(revision) {
        let mut server = server(revision, |limits| limits.subscriptions = 2);
        let subscribe = |id: i64, uri: &str| request(revision, id, "resources/subscribe", json!({"uri": uri}));
        for (id, uri) in [(1, "a:1"), (2, "a:2")] {
            server.feed_json(&subscribe(id, uri));
            assert_eq!(server.reply()["result"], json!({}));
        }
        server.feed_json(&subscribe(3, "a:3"));
        check_over(&server.reply(), 2);
        server.feed_json(&request(revision, 4, "resources/unsubscribe", json!({"uri": "a:1"})));
        server.sent();
        server.feed_json(&subscribe(5, "a:3"));
        assert_eq!(server.reply()["result"], json!({}));
    }
}

on_every_revision! {
    fn subscriptions_beyond_the_limit_are_refused_here_and_change_nothing(revision) {
        let mut client = client(revision, |limits| limits.subscriptions = 3);
        let one = SubscriptionFilter::new().resource_subscriptions(["a:1"]);
        let first = client.session.subscribe(client.now, &one).unwrap();
        let before = format!("{:?}", client.session);
        let many = SubscriptionFilter::new().resource_subscriptions(["a:1", "a:2"]);
        let misuse = client.session.subscribe(client.now, &many).unwrap_err();
        assert_eq!(misuse, Misuse::LimitReached { what: Limited::Subscriptions, limit: 3 });
        assert_eq!(format!("{:?}", client.session), before);
        client.session.unsubscribe(client.now, first).unwrap();
        client.session.subscribe(client.now, &many).unwrap();
    }
}

on_every_revision! {
    fn rounds_and_questions_of_a_server_have_limits(revision) {
        let config = server_config().limits(limits(|limits| {
            limits.input_rounds = 2;
            limits.inputs = 2;
        }));
        let mut pair = Pair::open_with(client_config(revision), config);
        let params = CallToolParams::new("x");
        pair.client.call::<CallTool>(pair.now, &params, CallOptions::new()).unwrap();
        pair.drive();
        let first = pair.request();
        let mut many = InputRequests::new();
        for key in ["a", "b", "c"] {
            many = many.roots(key);
        }
        let before = format!("{:?}", pair.server);
        let misuse = pair.server.need_input(pair.now, first.id, &many, None).unwrap_err();
        assert_eq!(misuse, Misuse::LimitReached { what: Limited::Inputs, limit: 2 });
        assert_eq!(format!("{:?}", pair.server), before);
        if revision.era() == Era::Legacy {
            // Modern rounds are the client's to count.
            for round in 0..2 {
                pair.server.need_input(pair.now, first.id, &InputRequests::new(), Some("s")).unwrap();
                pair.drive();
                assert_eq!(pair.request().id, first.id, "{round}");
            }
            let before = format!("{:?}", pair.server);
            let misuse = pair.server.need_input(pair.now, first.id, &InputRequests::new(), Some("s")).unwrap_err();
            assert_eq!(misuse, Misuse::LimitReached { what: Limited::InputRounds, limit: 2 });
            assert_eq!(format!("{:?}", pair.server), before);
        }
        pair.server.reply::<CallTool>(pair.now, first.id, &CallToolResult::text("x")).unwrap();
    }
}

on_revisions! { LEGACY;
    fn a_server_has_no_more_requests_under_way_than_its_limit(revision) {
        let config = server_config().limits(limits(|limits| limits.calls = 2));
        let mut pair = Pair::open_with(client_config(revision), config);
        let params = CallToolParams::new("x");
        for _ in 0..2 {
            pair.client.call::<CallTool>(pair.now, &params, CallOptions::new()).unwrap();
        }
        pair.drive();
        let (first, second) = (pair.request(), pair.request());
        let two = InputRequests::new().roots("a").roots("b");
        pair.server.need_input(pair.now, first.id, &two, None).unwrap();
        let before = format!("{:?}", pair.server);
        let one = InputRequests::new().roots("c");
        let misuse = pair.server.need_input(pair.now, second.id, &one, None).unwrap_err();
        assert_eq!(misuse, Misuse::LimitReached { what: Limited::Calls, limit: 2 });
        assert_eq!(format!("{:?}", pair.server), before);
        pair.server.reply::<CallTool>(pair.now, second.id, &CallToolResult::text("x")).unwrap();
    }
}

on_revisions! { MODERN;
    // `mrtr.newid`
    fn a_server_that_asks_for_ever_is_left_after_so_many_rounds(revision) {
        let mut client = client(revision, |limits| {
            limits.input_rounds = 3;
            limits.inputs = 2;
        });
        let params = CallToolParams::new("x");
        client.session.call::<CallTool>(client.now, &params, CallOptions::new()).unwrap();
        for _ in 0..3 {
            let id = client.reply()["id"].clone();
            client.feed_json(&result(&id, json!({"resultType": "input_required", "requestState": "s"})));
            assert!(client.take_events().is_empty());
        }
        let id = client.reply()["id"].clone();
        client.feed_json(&result(&id, json!({"resultType": "input_required", "requestState": "s"})));
        let events = client.take_events();
        let [ClientEvent::Completed(done)] = &events[..] else { panic!("{events:?}") };
        assert_eq!(done.raw(), Err(&CallError::TooManyRounds { limit: 3 }));
        assert!(client.sent().is_empty(), "it is answered already, so there is nothing to cancel");
        // So is one that asks too much at once.
        client.session.call::<CallTool>(client.now, &params, CallOptions::new()).unwrap();
        let id = client.reply()["id"].clone();
        let ask = json!({"method": "roots/list"});
        client.feed_json(&result(&id, json!({"resultType": "input_required",
            "inputRequests": {"a": ask, "b": ask, "c": ask}})));
        let events = client.take_events();
        let [ClientEvent::Completed(done)] = &events[..] else { panic!("{events:?}") };
        assert!(matches!(done.raw(), Err(CallError::BadResult { .. })));
    }
}

on_every_revision! {
    // `base.err.params`
    fn names_uris_and_cursors_have_their_lengths(revision) {
        let mut server = server(revision, |limits| {
            limits.name = 10;
            limits.uri = 20;
        });
        let uri = |length: usize| format!("a:{}", "x".repeat(length - 2));
        let mut table = vec![
            ("tools/call", json!({"name": "x".repeat(10)}), json!({"name": "x".repeat(11)})),
            ("prompts/get", json!({"name": "x".repeat(10)}), json!({"name": "x".repeat(11)})),
            ("resources/read", json!({"uri": uri(20)}), json!({"uri": uri(21)})),
            ("tools/list", json!({"cursor": "x".repeat(20)}), json!({"cursor": "x".repeat(21)})),
            ("prompts/list", json!({"cursor": "x".repeat(20)}), json!({"cursor": "x".repeat(21)})),
            ("resources/list", json!({"cursor": "x".repeat(20)}), json!({"cursor": "x".repeat(21)})),
            ("resources/templates/list", json!({"cursor": "x".repeat(20)}), json!({"cursor": "x".repeat(21)})),
        ];
        match revision.era() {
            Era::Legacy => table.push(("resources/subscribe", json!({"uri": uri(20)}), json!({"uri": uri(21)}))),
            _ => {
                let listen = |uri: String| json!({"notifications": {"resourceSubscriptions": [uri]}});
                table.push(("subscriptions/listen", listen(uri(20)), listen(uri(21))));
            }
        }
        for (id, (method, fits, too_long)) in table.into_iter().enumerate() {
            server.feed_json(&request(revision, id, method, fits));
            let refused = server.sent().iter().any(|sent| sent.get("error").is_some());
            assert!(!refused, "{method}");
            server.feed_json(&request(revision, "long", method, too_long));
            assert_eq!(server.reply()["error"]["code"], -32602, "{method}");
        }
        let method = "x".repeat(5000);
        server.feed_json(&request(revision, "m", &method, json!({})));
        let answer = server.reply();
        assert_eq!(answer["error"]["code"], -32601);
        assert!(answer.to_string().len() < 400, "it isn't said back in full");
    }
}

on_every_revision! {
    // `base.id.type`
    fn ids_have_their_length(revision) {
        let mut server = server(revision, |limits| limits.id = 10);
        server.feed_json(&tool_call(revision, "x".repeat(8)));
        assert_eq!(asked(&mut server).len(), 1);
        for id in [json!("x".repeat(9)), json!(12_345_678_901_u64)] {
            server.feed_json(&tool_call(revision, id));
            assert_eq!(server.reply()["error"]["code"], -32600);
        }
        assert!(asked(&mut server).is_empty());
    }
}

on_every_revision! {
    // `base.err.invalidreq`
    fn nesting_has_its_depth(revision) {
        let nested = |depth: usize| {
            let mut call = tool_call(revision, 1);
            // The message, its params and the arguments are three levels themselves.
            let inner = format!("{}{}", "[".repeat(depth - 3), "]".repeat(depth - 3));
            call["params"]["arguments"] = json!({"a": serde_json::from_str::<Value>(&inner).unwrap()});
            call
        };
        for limit in [8, 128] {
            let mut server = server(revision, |limits| limits.depth = limit);
            server.feed_json(&nested(limit + 1));
            let answer = server.reply();
            assert_eq!((&answer["error"]["code"], &answer["id"]), (&json!(-32600), &json!(1)));
            assert!(asked(&mut server).is_empty());
            server.feed_json(&nested(limit));
            assert_eq!(asked(&mut server).len(), 1);
        }
    }
}

on_every_revision! {
    pipe = "it is about lines";
    // `stdio.frame.limit`
    fn frames_have_their_length(revision) {
        let mut server = server(revision, |limits| limits.frame = 2000);
        assert_eq!(server.session.frame_limit(), 2000);
        let mut long = tool_call(revision, 7);
        long["params"]["arguments"] = json!({"a": "x".repeat(2000)});
        // The id stands first, as most peers write it.
        let body = long.to_string();
        let line = format!(r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{}}}"#, long["params"]);
        assert!(body.len() > 2000 && line.len() > 2000);
        let good = tool_call(revision, 8);
        server.feed_bytes(format!("{line}\n{good}\n").as_bytes(), 100);
        let answer = server.reply();
        assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(7), &json!(-32600)));
        assert!(answer["error"]["message"].as_str().unwrap().contains("2000"));
        assert_eq!(asked(&mut server).len(), 1);
    }
}

on_every_revision! {
    pipe = "over HTTP what is no JSON is refused before it comes to a session";
    fn garbage_is_answered_only_so_often_and_requests_all_the_same(revision) {
        let mut server = server(revision, |limits| limits.malformed_burst = 20);
        for _ in 0..100 {
            server.feed("garbage");
            server.feed_malformed(FrameError::NotUtf8 { valid_up_to: 0 });
        }
        assert_eq!(server.sent().len(), 20);
        assert_eq!(server.take_events().len(), 200, "all of it is reported");
        server.check_alive(revision);
        server.feed_json(&request(revision, 1, "nobody/knows", json!({})));
        assert_eq!(server.reply()["error"]["code"], -32601);
        // It grows back, two a second here, however often it is looked at.
        let mut answered = 0;
        for _ in 0..10_000 {
            server.pass(Duration::from_micros(500));
            server.feed("garbage");
            answered += server.sent().len();
        }
        assert_eq!(answered, 10);
    }
}

on_every_revision! {
    // `cancel.recv.ignore`
    fn requests_that_are_cancelled_at_once_are_refused_after_a_burst(revision) {
        let mut server = server(revision, |limits| {
            limits.cancel_burst = 5;
            limits.cancel_rate = 2;
        });
        let cancel = |id: i64| notification("notifications/cancelled", json!({"requestId": id}));
        // One that stays open, to be cancelled later.
        server.feed_json(&tool_call(revision, 1000));
        for id in 0..5 {
            server.feed_json(&tool_call(revision, id));
            server.feed_json(&cancel(id));
        }
        assert_eq!(asked(&mut server).len(), 6);
        server.feed_json(&tool_call(revision, 6));
        check_over(&server.reply(), 5);
        // Cancellations are taken all the same, and so is what costs no handler.
        server.check_alive(revision);
        server.feed_json(&cancel(1000));
        assert!(matches!(server.take_events()[..], [ServerEvent::Cancelled { .. }]));
        server.pass(Duration::from_millis(499));
        server.feed_json(&tool_call(revision, 7));
        check_over(&server.reply(), 5);
        server.pass(Duration::from_millis(1));
        server.feed_json(&tool_call(revision, 8));
        assert_eq!(asked(&mut server).len(), 1);
        // Answered requests cost nothing of it.
        for id in 10..100 {
            server.feed_json(&tool_call(revision, id));
            let open = asked(&mut server);
            reply(&mut server, open[0]);
        }
        assert!(server.sent().iter().all(|sent| sent.get("result").is_some()));
    }
}

on_every_revision! {
    fn a_burst_of_none_still_bounds_what_is_cancelled_at_once(revision) {
        let mut server = server(revision, |limits| limits.cancel_burst = 0);
        server.feed_json(&tool_call(revision, 1));
        server.feed_json(&notification("notifications/cancelled", json!({"requestId": 1})));
        assert_eq!(asked(&mut server).len(), 1);
        server.feed_json(&tool_call(revision, 2));
        check_over(&server.reply(), 1);
        server.pass(Duration::from_secs(1));
        server.feed_json(&tool_call(revision, 3));
        assert_eq!(asked(&mut server).len(), 1);
    }
}

on_revisions! { LEGACY;
    // `timeout.all` `timeout.config`
    fn a_server_waits_for_input_only_so_long(revision) {
        let timeouts = Timeouts::default().input(Some(Duration::from_secs(30)));
        let mut server = Script::server_with(revision, server_config().timeouts(timeouts));
        server.feed_json(&tool_call(revision, 1));
        let open = asked(&mut server);
        let need = InputRequests::new().roots("r");
        server.session.need_input(server.now, open[0], &need, Some("s")).unwrap();
        let id = server.reply()["id"].clone();
        assert_eq!(server.session.poll_timeout(), Some(server.now + Duration::from_secs(30)));
        server.pass(Duration::from_secs(29));
        assert!(server.events.is_empty());
        server.pass(Duration::from_secs(1));
        let cancelled = server.reply();
        assert_eq!(cancelled["method"], "notifications/cancelled");
        assert_eq!(cancelled["params"]["requestId"], id);
        let Some(ServerEvent::Request(again)) = server.events.pop_front() else { panic!() };
        assert!(matches!(again.input::<ListRoots>("r"), Some(Err(_))));
        assert_eq!(again.state().unwrap(), "s");
        // The late answer is for nobody.
        server.feed_json(&result(&id, json!({"roots": []})));
        assert!(matches!(server.take_events()[..], [ServerEvent::Ignored(_)]));
    }
}
