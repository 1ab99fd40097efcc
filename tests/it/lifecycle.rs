//! How sessions end and begin again, and what leaves them on the way.

use std::time::Duration;

use mcp_proto::model::input::InputRequests;
use mcp_proto::model::method::{CallTool, ListTools};
use mcp_proto::model::page::PaginatedRequestParams;
use mcp_proto::model::subscription::SubscriptionFilter;
use mcp_proto::model::tool::{CallToolParams, CallToolResult};
use mcp_proto::rpc::{Kind, Raw};
use mcp_proto::session::{
    CallError, CallId, CallOptions, Change, ClientEvent, ClientSession, CloseReason, Closed,
    Delivery, Route, ServerEvent, Session,
};
use mcp_proto::{Era, Instant, Revision};
use serde_json::{Value, json};

use support::carrier::Way;
use support::pair::{Pair, client_config};
use support::script::{Script, notification, opening_result, request, result, tool_call};
use support::{LEGACY, MODERN};
use support::{on_every_revision, on_revisions};

on_every_revision! {
    // `stdio.eof.exit` `lifecycle.shutdown.pending` `lifecycle.shutdown.msg`
    fn the_end_of_input_stops_every_handler_and_ends_the_server(revision) {
        for why in [Closed::EndOfInput, Closed::ReadFailed, Closed::WriteFailed] {
            let mut server = Script::server(revision);
            for id in 0..3 {
                server.feed_json(&tool_call(revision, id));
            }
            if revision.era() == Era::Modern {
                let listen = json!({"notifications": {"toolsListChanged": true}});
                server.feed_json(&request(revision, "l", "subscriptions/listen", listen));
                server.sent();
            }
            let asked = server.take_events();
            let ServerEvent::Request(first) = &asked[0] else { panic!() };
            server.close(why);
            let events = server.take_events();
            assert_eq!(events.len(), 4, "{events:?}");
            for (event, asked) in events.iter().zip(&asked) {
                let (ServerEvent::Cancelled { request, reason: None }, ServerEvent::Request(asked)) = (event, asked)
                else { panic!("{event:?}") };
                assert_eq!(*request, asked.id);
            }
            assert_eq!(events[3], ServerEvent::Closed(CloseReason::Connection(why)));
            assert!(server.session.is_closed());
            assert_eq!((server.session.open_requests(), server.session.poll_timeout()), (0, None));
            assert!(server.sent().is_empty(), "nobody is there to hear anything");
            let late = server.session.reply::<CallTool>(server.now, first.id, &CallToolResult::text("x"));
            assert!(late.is_err());
            server.session.changed(server.now, Change::Tools).unwrap_err();
            assert!(server.sent().is_empty());
        }
    }
}

on_every_revision! {
    // `lifecycle.shutdown.pending` `lifecycle.shutdown.msg`
    fn an_answer_that_was_given_before_the_end_of_input_still_leaves(revision) {
        let mut server = Script::server(revision);
        server.feed_json(&tool_call(revision, 1));
        let Some(ServerEvent::Request(asked)) = server.events.pop_front() else { panic!() };
        server.session.reply::<CallTool>(server.now, asked.id, &CallToolResult::text("x")).unwrap();
        server.close(Closed::EndOfInput);
        assert_eq!(server.reply()["id"], 1);
    }
}

on_every_revision! {
    // `lifecycle.shutdown.pending` `stdio.shutdown.server`
    fn whatever_a_client_has_open_ends_with_the_connection_and_before_the_last_event(revision) {
        let mut pair = Pair::open(revision);
        let filter = SubscriptionFilter::new().tools_list_changed(true);
        pair.client.subscribe(pair.now, &filter).unwrap();
        let params = CallToolParams::new("x");
        pair.client.call::<CallTool>(pair.now, &params, CallOptions::new()).unwrap();
        pair.client.call::<CallTool>(pair.now, &params, CallOptions::new()).unwrap();
        pair.drive();
        let asked = loop {
            if let Some(ServerEvent::Request(asked)) = pair.server_events.pop_front() {
                break asked;
            }
        };
        pair.server.need_input(pair.now, asked.id, &InputRequests::new().roots("r"), None).unwrap();
        pair.drive();
        pair.client_events.clear();
        pair.client.handle_closed(pair.now, Route::Pipe, Closed::EndOfInput);
        let events: Vec<_> = std::iter::from_fn(|| pair.client.poll_event()).collect();
        let count = |wanted: fn(&ClientEvent) -> bool| events.iter().filter(|event| wanted(event)).count();
        assert_eq!(count(|event| matches!(event, ClientEvent::Completed(_))), 2, "{events:?}");
        assert_eq!(count(|event| matches!(event, ClientEvent::InputWithdrawn(_))), 1);
        assert_eq!(count(|event| matches!(event, ClientEvent::SubscriptionEnded { outcome: Err(_), .. })), 1);
        assert_eq!(count(|event| matches!(event, ClientEvent::Closed(_))), 1);
        assert_eq!(events.len(), 5);
        assert_eq!(events[4], ClientEvent::Closed(CloseReason::Connection(Closed::EndOfInput)));
        assert_eq!((pair.client.open_calls(), pair.client.poll_timeout()), (0, None));
        // What was known of the server is known still.
        assert_eq!(pair.client.revision(), Some(revision));
        assert_eq!(pair.client.server_info().unwrap().name, "test server");
    }
}

on_every_revision! {
    streams;
    // `stdio.restart` `sub.resend` `stdio.shutdown.server`
    fn a_session_that_was_lost_is_taken_up_by_the_next_one(revision) {
        let mut pair = Pair::open(revision);
        let filter = SubscriptionFilter::new().tools_list_changed(true).resource_subscriptions(["a:b"]);
        pair.client.subscribe(pair.now, &filter).unwrap();
        pair.drive();
        let kept: Vec<_> = pair.client.subscriptions().map(|(_, filter)| filter).collect();
        pair.client.handle_closed(pair.now, Route::Pipe, Closed::EndOfInput);
        let next = client_config(revision).subscriptions(kept);
        let mut pair = Pair::open_with(next, support::pair::server_config());
        let confirmed = pair.client_events.pop_front();
        assert!(matches!(confirmed, Some(ClientEvent::Subscribed { .. })), "{confirmed:?}");
        assert_eq!(pair.server.watched().collect::<Vec<_>>(), ["a:b"]);
        pair.server.resource_updated(pair.now, "a:b").unwrap();
        pair.drive();
        assert!(matches!(pair.client_events.pop_front(), Some(ClientEvent::Changed { change: Change::Resource, .. })));
    }
}

on_every_revision! {
    // `stdio.frame` `stdio.stdout.pure` `stdio.stdin.pure`
    fn every_frame_is_one_line_whatever_is_said(revision) {
        let text = "one\ntwo\r\nthree\u{2028}\u{85}\t\u{0}é";
        let mut pair = Pair::open(revision);
        let arguments = Raw::new("{\n \"a\" : \"x\\ny\" ,\r\n \"b\":[\n1\n]}").unwrap();
        let params = CallToolParams::new("x").arguments(arguments);
        let call = pair.client.call::<CallTool>(pair.now, &params, CallOptions::new().progress(true)).unwrap();
        pair.drive();
        let asked = pair.request();
        assert_eq!(asked.arguments().decode::<Value>().unwrap(), json!({"a": "x\ny", "b": [1]}));
        pair.server.progress(pair.now, asked.id, 1.0, None, Some(text)).unwrap();
        pair.server.reply::<CallTool>(pair.now, asked.id, &CallToolResult::text(text)).unwrap();
        pair.drive();
        pair.client_events.retain(|event| matches!(event, ClientEvent::Completed(_)));
        let done = pair.completed(call);
        let result = done.of(call).unwrap().unwrap();
        assert_eq!(result.content[0].as_text(), Some(text));
        let call = pair.client.call::<CallTool>(pair.now, &params, CallOptions::new()).unwrap();
        pair.client.cancel(pair.now, call, Some(text)).unwrap();
        pair.drive();
        let reason = pair.server_events.iter().find_map(|event| match event {
            ServerEvent::Cancelled { reason, .. } => reason.clone(),
            _ => None,
        });
        // A modern exchange is closed, and says no reason.
        let told = Way::current().tells_cancellation(revision).then_some(text);
        assert_eq!(reason.as_deref(), told);
        assert!(pair.wire.len() >= 5);
        for (_, frame) in &pair.wire {
            assert!(!frame.bytes().any(|byte| byte == b'\n' || byte == b'\r'), "{frame:?}");
            let message: Value = serde_json::from_str(frame).unwrap();
            assert_eq!(message["jsonrpc"], "2.0");
        }
    }
}

on_revisions! { LEGACY;
    // `lifecycle.shutdown.pending` `lifecycle.shutdown.msg`
    fn a_server_that_closes_asks_nothing_any_more(revision) {
        let mut server = Script::server(revision);
        for id in 0..2 {
            server.feed_json(&tool_call(revision, id));
        }
        let events = server.take_events();
        let [ServerEvent::Request(first), ServerEvent::Request(second)] = &events[..] else { panic!() };
        server.session.need_input(server.now, first.id, &InputRequests::new().roots("r"), None).unwrap();
        server.session.reply::<CallTool>(server.now, second.id, &CallToolResult::text("x")).unwrap();
        server.session.close(server.now);
        assert_eq!(server.reply()["id"], 1, "what was answered before is still said");
        let events = server.take_events();
        assert!(matches!(&events[..], [ServerEvent::Cancelled { request, .. }, ServerEvent::Closed(_)]
            if *request == first.id), "{events:?}");
    }
}

on_revisions! { MODERN;
    // `stdio.msgs.modern` `stdio.dir.modern` `base.dir.modern.server` `base.dir.modern.client`
    fn each_side_of_a_modern_pipe_writes_only_its_own_kinds_of_lines(revision) {
        let mut pair = Pair::open(revision);
        let filter = SubscriptionFilter::new().tools_list_changed(true);
        let subscription = pair.client.subscribe(pair.now, &filter).unwrap();
        let params = CallToolParams::new("x");
        let options = CallOptions::new().progress(true);
        pair.client.call::<CallTool>(pair.now, &params, options).unwrap();
        let cancelled = pair.client.call::<CallTool>(pair.now, &params, CallOptions::new()).unwrap();
        pair.drive();
        let asked = pair.request();
        pair.server.progress(pair.now, asked.id, 1.0, None, None).unwrap();
        pair.server.changed(pair.now, Change::Tools).unwrap();
        pair.server.need_input(pair.now, asked.id, &InputRequests::new().roots("r"), None).unwrap();
        pair.drive();
        let input = pair.client_events.iter().find_map(|event| match event {
            ClientEvent::InputRequested(input) => Some(input.input),
            _ => None,
        }).unwrap();
        let refusal = mcp_proto::rpc::RpcError::new(-1, "no");
        pair.client.decline(pair.now, input, refusal).unwrap();
        pair.client.cancel(pair.now, cancelled, None).unwrap();
        pair.client.unsubscribe(pair.now, subscription).unwrap();
        pair.to_client(r#"{"jsonrpc":"2.0","id":9,"method":"ping"}"#);
        pair.to_server(r#"{"jsonrpc":"2.0","id":9,"result":{"resultType":"complete"}}"#);
        pair.server.close(pair.now);
        pair.drive();
        for sent in pair.sent_by_client() {
            assert!(sent.get("method").is_some(), "a client writes no responses: {sent}");
        }
        for sent in pair.sent_by_server() {
            assert!(sent.get("method").is_none() || sent.get("id").is_none(), "a server writes no requests: {sent}");
        }
    }
}

on_every_revision! {
    // `stdio.nometaheader`
    fn a_tool_with_an_odd_header_annotation_is_a_tool_on_a_pipe(revision) {
        let mut client = Script::client(revision);
        let page = PaginatedRequestParams::new();
        let call = client.session.call::<ListTools>(client.now, &page, CallOptions::new()).unwrap();
        let id = client.reply()["id"].clone();
        let tool = json!({"name": "t", "inputSchema": {"type": "object", "properties": {
            "a": {"type": "string", "x-mcp-header": "bad name\n"}, "b": {"x-mcp-header": 5}}}});
        client.feed_json(&result(&id, json!({"resultType": "complete", "tools": [tool], "ttlMs": 0, "cacheScope": "private"})));
        let Some(ClientEvent::Completed(done)) = client.events.pop_front() else { panic!() };
        let list = done.of(call).unwrap().unwrap();
        assert_eq!(list.tools[0].name, "t");
    }
}

on_every_revision! {
    // `jschema.preserve` `jschema.ref.nofetch` `jschema.explicit`
    fn schemas_reach_the_application_as_they_came_and_nothing_is_fetched_for_them(revision) {
        let schema = r##"{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","$defs":{"x":{"prefixItems":[{"const":1.50}]}},"properties":{"a":{"$ref":"https://example.com/schema.json"},"b":{"$ref":"#/$defs/x"}},"unevaluatedProperties":false,"x-own":[null]}"##;
        let mut client = Script::client(revision);
        let page = PaginatedRequestParams::new();
        let call = client.session.call::<ListTools>(client.now, &page, CallOptions::new()).unwrap();
        let id = client.reply()["id"].clone();
        client.feed(format!(
            r#"{{"jsonrpc":"2.0","id":{id},"result":{{"resultType":"complete","ttlMs":0,"cacheScope":"private","tools":[{{"name":"t","inputSchema":{schema}}}]}}}}"#));
        let Some(ClientEvent::Completed(done)) = client.events.pop_front() else { panic!() };
        let list = done.of(call).unwrap().unwrap();
        assert_eq!(list.tools[0].input_schema.as_str(), schema);
        // The only way out of a session is its frames, and there are none.
        assert!(client.sent().is_empty() && client.take_events().is_empty());
        assert_eq!(client.session.poll_timeout(), None);
    }
}

on_every_revision! {
    // `data.icon.untrusted` `data.icon.scheme`
    fn icons_reach_the_application_as_they_came_and_nothing_is_fetched_for_them(revision) {
        let sources = ["https://example.com/a.png", "data:image/png;base64,AA==", "javascript:alert(1)",
            "file:///etc/passwd", "http://169.254.169.254/"];
        let icons: Vec<Value> = sources.iter().map(|src| json!({"src": src})).collect();
        let mut client = Script::fresh_client(client_config(revision));
        let id = client.reply()["id"].clone();
        let mut answer = opening_result(revision, &json!({"tools": {}}));
        let info = json!({"name": "s", "version": "1", "icons": icons});
        match revision.era() {
            Era::Legacy => answer["serverInfo"] = info,
            _ => answer["_meta"]["io.modelcontextprotocol/serverInfo"] = info,
        }
        client.feed_json(&result(&id, answer));
        let told = client.session.server_info().unwrap();
        let told: Vec<(&str, bool)> = told.icons.iter().flatten().map(|icon| (icon.src.as_str(), icon.is_allowed())).collect();
        let expected: Vec<(&str, bool)> = sources.into_iter().zip([true, true, false, false, false]).collect();
        assert_eq!(told, expected);
        let sent = client.sent();
        assert!(sent.iter().all(|sent| sent["method"] == "notifications/initialized"), "{sent:?}");
        assert_eq!(client.session.poll_timeout(), None);
    }
}

on_every_revision! {
    fn time_never_runs_backwards(revision) {
        let mut client = Script::client(revision);
        let params = CallToolParams::new("x");
        client.session.handle_timeout(Instant::from_millis(100_000));
        let call = client.session.call::<CallTool>(Instant::ZERO, &params, CallOptions::new()).unwrap();
        let deadline = Instant::from_millis(160_000);
        assert_eq!(client.session.poll_timeout(), Some(deadline));
        client.session.handle_timeout(Instant::from_millis(1));
        assert!(client.take_events().is_empty());
        client.session.handle_timeout(deadline);
        let events = client.take_events();
        assert!(matches!(&events[..], [ClientEvent::Completed(done)] if done.call == call));
    }
}

on_every_revision! {
    pipe = "it polls the session in place of what carries it";
    // `stdio.stdout.pure`
    fn what_is_polled_is_described(revision) {
        let mut server = Script::server(revision);
        server.feed_json(&tool_call(revision, 1));
        let Some(ServerEvent::Request(asked)) = server.events.pop_front() else { panic!() };
        server.session.reply::<CallTool>(server.now, asked.id, &CallToolResult::text("x")).unwrap();
        server.feed_json(&request(revision, 2, "nobody/knows", json!({})));
        let mut buffer = b"kept".to_vec();
        let first = server.session.poll_transmit(&mut buffer).unwrap();
        assert_eq!((first.route, first.kind, first.revision), (Route::Pipe, Kind::Result, Some(revision)));
        assert!(buffer.starts_with(b"kept{") && buffer.len() == first.len + 4);
        let second = server.session.poll_transmit(&mut buffer).unwrap();
        assert_eq!(second.kind, Kind::Error);
        assert_eq!(buffer.len(), 4 + first.len + second.len);
        let unchanged = buffer.clone();
        assert!(server.session.poll_transmit(&mut buffer).is_none());
        assert_eq!(buffer, unchanged);
    }
}

#[test]
fn a_connection_lost_before_it_was_used_closes_a_session_that_was_never_open() {
    // `lifecycle.shutdown.pending`
    for revision in Revision::ALL {
        let mut client = ClientSession::new(client_config(revision));
        client.handle_closed(Instant::ZERO, Route::Pipe, Closed::EndOfInput);
        assert!(matches!(client.poll_event(), Some(ClientEvent::Closed(_))));
        assert!(client.poll_event().is_none() && client.is_closed());
        assert_eq!(client.revision(), None);
        let mut opening = Script::fresh_client(client_config(revision));
        opening.close(Closed::ReadFailed);
        assert!(matches!(
            opening.take_events()[..],
            [ClientEvent::Closed(_)]
        ));
        assert!(
            opening.sent().is_empty(),
            "the opening that was never sent is never sent"
        );
    }
}

on_every_revision! {
    // `stateless.stdio.lifetime` `lifecycle.shutdown.msg`
    fn a_session_stays_open_between_calls(revision) {
        let mut pair = Pair::open(revision);
        for _ in 0..3 {
            pair.pass(Duration::from_secs(100_000));
            let params = CallToolParams::new("x");
            let call = pair.client.call::<CallTool>(pair.now, &params, CallOptions::new()).unwrap();
            pair.drive();
            let asked = pair.request();
            pair.server.reply::<CallTool>(pair.now, asked.id, &CallToolResult::text("x")).unwrap();
            pair.drive();
            assert!(pair.completed(call).raw().is_ok());
        }
        let lost = CallError::Lost(Delivery::Unknown);
        assert!(!lost.is_retryable());
        pair.to_server(notification("notifications/x", json!({})).to_string());
        assert!(!pair.server.is_closed());
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
