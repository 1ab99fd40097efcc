//! Request ids: echoed as they came, matched by type, never used twice.

use std::collections::BTreeSet;

use mcp_proto::Revision;
use mcp_proto::model::input::InputRequests;
use mcp_proto::model::method::{CallTool, ListRoots, ListTools};
use mcp_proto::model::page::PaginatedRequestParams;
use mcp_proto::model::root::ListRootsResult;
use mcp_proto::model::subscription::SubscriptionFilter;
use mcp_proto::model::tool::{CallToolParams, CallToolResult};
use mcp_proto::rpc::RpcError;
use mcp_proto::session::{CallOptions, ClientEvent, Ignored, ServerEvent};
use serde_json::json;

use support::LEGACY;
use support::pair::{Pair, client_config, take_frames};
use support::script::{Script, modern_meta, request, result, tool_call, tool_result};
use support::{on_every_revision, on_revisions};

/// Ids as they are sent, and as they come back.
const GOOD: &[(&str, &str)] = &[
    ("0", "0"),
    ("1", "1"),
    ("-5", "-5"),
    ("9007199254740993", "9007199254740993"),
    ("9223372036854775807", "9223372036854775807"),
    (
        "123456789012345678901234567890",
        "123456789012345678901234567890",
    ),
    (
        "-123456789012345678901234567890",
        "-123456789012345678901234567890",
    ),
    (r#""""#, r#""""#),
    (r#""1""#, r#""1""#),
    (r#""a b""#, r#""a b""#),
    (r#""q\"\\\n""#, r#""q\"\\\n""#),
    (r#""\u00e9""#, r#""é""#),
    (r#""null""#, r#""null""#),
];

on_every_revision! {
    // `base.id.type` `base.id.roundtrip` `base.resp.id` `base.id.fraction`
    fn an_id_comes_back_with_its_type_and_every_digit(revision) {
        let mut server = Script::server(revision);
        let meta = match revision {
            Revision::V2026_07_28 => format!(r#","_meta":{}"#, modern_meta()),
            _ => String::new(),
        };
        for (sent, echoed) in GOOD {
            let call = format!(
                r#"{{"jsonrpc":"2.0","id":{sent},"method":"tools/call","params":{{"name":"x"{meta}}}}}"#
            );
            let start = format!(r#"{{"jsonrpc":"2.0","id":{echoed},"#);
            server.feed(call.clone());
            let Some(ServerEvent::Request(request)) = server.events.pop_front() else {
                panic!("{sent}");
            };
            server.session.reply::<CallTool>(server.now, request.id, &CallToolResult::text("x")).unwrap();
            let answer = take_frames(&mut server.session).remove(0);
            assert!(answer.starts_with(&start), "{answer}");
            // The id is free again, and an error echoes it too.
            server.feed(call);
            let Some(ServerEvent::Request(request)) = server.events.pop_front() else {
                panic!("{sent}");
            };
            server.session.reply_error(server.now, request.id, RpcError::new(5, "no")).unwrap();
            let answer = take_frames(&mut server.session).remove(0);
            assert!(answer.starts_with(&start), "{answer}");
        }
    }
}

on_every_revision! {
    fn an_id_that_is_too_long_is_refused_and_one_that_just_fits_is_not(revision) {
        // `base.id.type` `base.err.invalidreq`
        let mut server = Script::server(revision);
        let fits = "x".repeat(254);
        server.feed_json(&tool_call(revision, fits.as_str()));
        assert!(matches!(server.events.pop_front(), Some(ServerEvent::Request(_))));
        server.feed_json(&tool_call(revision, "x".repeat(255)));
        let answer = server.reply();
        assert_eq!(answer["error"]["code"], -32600);
        assert!(answer["id"].is_null());
        assert!(matches!(server.events.pop_front(), Some(ServerEvent::Ignored(_))));
    }
}

on_every_revision! {
    // `base.id.roundtrip`
    fn a_response_is_matched_by_the_type_of_its_id(revision) {
        let mut client = Script::client(revision);
        let params = CallToolParams::new("x");
        client.session.call::<CallTool>(client.now, &params, CallOptions::new()).unwrap();
        let id = client.reply()["id"].as_i64().unwrap();
        for wrong in [json!(id.to_string()), json!(format!("{id}.0")), json!(-id)] {
            client.feed_json(&result(&wrong, tool_result()));
            let event = client.events.pop_front();
            assert!(matches!(event, Some(ClientEvent::Ignored(Ignored::Response(_)))), "{event:?}");
        }
        client.feed(format!(r#"{{"jsonrpc":"2.0","id":{id}.0,"result":{{}}}}"#));
        assert!(matches!(client.events.pop_front(), Some(ClientEvent::Ignored(_))));
        client.feed_json(&result(&json!(id), tool_result()));
        assert!(matches!(client.events.pop_front(), Some(ClientEvent::Completed(_))));
    }
}

on_every_revision! {
    // `base.id.unique.session` `base.id.unique.inflight` `base.id.type` `mrtr.newid`
    fn no_id_is_ever_used_twice(revision) {
        let mut pair = Pair::open(revision);
        let filter = SubscriptionFilter::new().tools_list_changed(true).resource_subscriptions(["a:b"]);
        for round in 0..10 {
            let subscription = pair.client.subscribe(pair.now, &filter).unwrap();
            let params = CallToolParams::new("x");
            let call = pair.client.call::<CallTool>(pair.now, &params, CallOptions::new()).unwrap();
            let list = PaginatedRequestParams::new();
            pair.client.call::<ListTools>(pair.now, &list, CallOptions::new()).unwrap();
            pair.client.ping(pair.now, CallOptions::new()).unwrap();
            pair.drive();
            let asked: Vec<_> = pair.server_events.drain(..).filter_map(|event| match event {
                ServerEvent::Request(request) => Some(request),
                _ => None,
            }).collect();
            let need = InputRequests::new().roots("roots");
            pair.server.need_input(pair.now, asked[0].id, &need, None).unwrap();
            if round % 2 == 0 {
                pair.client.cancel(pair.now, call, None).unwrap();
            }
            pair.drive();
            pair.client.unsubscribe(pair.now, subscription).unwrap();
            pair.drive();
        }
        for sent in [pair.sent_by_client(), pair.sent_by_server()] {
            let mut seen = BTreeSet::new();
            for message in sent.iter().filter(|message| message.get("method").is_some()) {
                let Some(id) = message.get("id") else { continue };
                assert!(id.is_i64(), "{message}");
                assert!(seen.insert(id.to_string()), "{message}");
            }
        }
        assert!(pair.client.open_calls() < 64);
    }
}

on_every_revision! {
    // `base.id.dup.recv` `base.id.unique.inflight`
    fn an_id_that_is_in_use_is_refused_and_the_first_request_goes_on(revision) {
        let mut server = Script::server(revision);
        server.feed_json(&tool_call(revision, 7));
        let Some(ServerEvent::Request(first)) = server.events.pop_front() else { panic!() };
        for method in ["tools/call", "ping", "server/discover", "nobody/knows"] {
            server.feed_json(&request(revision, 7, method, json!({"name": "x"})));
            let answer = server.reply();
            assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(7), &json!(-32600)));
        }
        // The same digits as a string are another id.
        server.feed_json(&tool_call(revision, "7"));
        let Some(ServerEvent::Request(second)) = server.events.pop_front() else { panic!() };
        assert_ne!(first.id, second.id);
        for (request, id) in [(first, json!(7)), (second, json!("7"))] {
            server.session.reply::<CallTool>(server.now, request.id, &CallToolResult::text("x")).unwrap();
            let answer = server.reply();
            assert_eq!(answer["id"], id);
            assert!(answer["result"].is_object());
        }
        // Once answered it may be used again.
        server.feed_json(&tool_call(revision, 7));
        assert!(matches!(server.events.pop_front(), Some(ServerEvent::Request(_))));
    }
}

on_revisions! { LEGACY;
    // `base.id.dup.recv` `base.id.unique.inflight`
    fn a_client_refuses_an_id_that_is_in_use_and_the_first_request_goes_on(revision) {
        let config = client_config(revision);
        let capabilities = config.capabilities.clone().roots(true);
        let mut client = Script::client_with(revision, config.capabilities(capabilities));
        client.feed_json(&request(revision, 7, "roots/list", json!({})));
        let Some(ClientEvent::InputRequested(first)) = client.events.pop_front() else { panic!() };
        for method in ["roots/list", "ping", "nobody/knows"] {
            client.feed_json(&request(revision, 7, method, json!({})));
            let answer = client.reply();
            assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(7), &json!(-32600)));
            assert!(client.events.is_empty());
        }
        // The same digits as a string are another id.
        client.feed_json(&request(revision, "7", "roots/list", json!({})));
        let Some(ClientEvent::InputRequested(second)) = client.events.pop_front() else { panic!() };
        for (input, id) in [(first.input, json!(7)), (second.input, json!("7"))] {
            let result = ListRootsResult::new(Vec::new());
            client.session.answer::<ListRoots>(client.now, input, &result).unwrap();
            let answer = client.reply();
            assert_eq!(answer["id"], id);
            assert!(answer["result"].is_object());
        }
        // Once answered it may be used again.
        client.feed_json(&request(revision, 7, "roots/list", json!({})));
        assert!(matches!(client.events.pop_front(), Some(ClientEvent::InputRequested(_))));
    }
}

on_revisions! { [Revision::V2026_07_28];
    fn a_live_listen_stream_keeps_its_id_in_use(revision) {
        // `base.id.unique.inflight` `base.id.dup.recv`
        let mut server = Script::server(revision);
        let listen = request(
            revision,
            7,
            "subscriptions/listen",
            json!({"notifications": {"toolsListChanged": true}}),
        );
        server.feed_json(&listen);
        assert_eq!(
            server.reply()["method"],
            "notifications/subscriptions/acknowledged"
        );
        for again in [listen.clone(), tool_call(revision, 7)] {
            server.feed_json(&again);
            assert_eq!(server.reply()["error"]["code"], -32600);
        }
        server.feed(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}"#);
        server.feed_json(&listen);
        assert_eq!(
            server.reply()["method"],
            "notifications/subscriptions/acknowledged"
        );

        let mut pair = Pair::open(revision);
        let filter = SubscriptionFilter::new().tools_list_changed(true);
        pair.client.subscribe(pair.now, &filter).unwrap();
        let params = CallToolParams::new("x");
        for _ in 0..5 {
            pair.client
                .call::<CallTool>(pair.now, &params, CallOptions::new())
                .unwrap();
        }
        pair.drive();
        let ids: BTreeSet<String> = pair
            .sent_by_client()
            .iter()
            .map(|sent| sent["id"].to_string())
            .collect();
        assert_eq!(ids.len(), pair.sent_by_client().len());
    }
}

on_revisions! { [Revision::V2025_11_25];
    fn ids_of_the_two_directions_do_not_meet(revision) {
        // `base.id.unique.session` `base.dir.legacy`
        let mut server = Script::server(revision);
        server.feed_json(&tool_call(revision, "first"));
        let Some(ServerEvent::Request(one)) = server.events.pop_front() else {
            panic!()
        };
        let need = InputRequests::new().roots("roots");
        server
            .session
            .need_input(server.now, one.id, &need, None)
            .unwrap();
        let asked = server.reply()["id"].clone();
        // The client has a request of that id too.
        server.feed_json(&tool_call(revision, asked.clone()));
        let Some(ServerEvent::Request(other)) = server.events.pop_front() else {
            panic!()
        };
        // The client's answer to the server's request, not to its own of the same id.
        server.feed_json(&result(&asked, json!({"roots": []})));
        let Some(ServerEvent::Request(again)) = server.events.pop_front() else {
            panic!()
        };
        assert_eq!(again.id, one.id);
        assert!(again.has_inputs());
        server
            .session
            .reply::<CallTool>(server.now, other.id, &CallToolResult::text("x"))
            .unwrap();
        assert_eq!(server.reply()["id"], asked);
    }
}
