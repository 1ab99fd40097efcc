//! Batches, which 2025-03-26 has and no other revision.

use mcp_proto::model::input::InputRequests;
use mcp_proto::model::method::{CallTool, ListRoots};
use mcp_proto::model::root::ListRootsResult;
use mcp_proto::model::tool::{CallToolParams, CallToolResult};
use mcp_proto::session::{
    CallOptions, ClientEvent, ClientSession, Closed, ServerEvent, ServerSession, Session,
};
use mcp_proto::{Limits, Revision};
use serde_json::{Value, json};

use support::pair::{Pair, client_config, server_config};
use support::saved::Saved;
use support::script::{
    Script, error, initialize, modern_meta, notification, result, tool_call, tool_result,
};
use support::{on_every_revision, on_revisions};

const BATCHES: Revision = Revision::V2025_03_26;

fn requests(server: &mut Script<ServerSession>) -> Vec<mcp_proto::session::Request> {
    let events = server.take_events().into_iter();
    events
        .filter_map(|event| match event {
            ServerEvent::Request(request) => Some(request),
            _ => None,
        })
        .collect()
}

fn ping(id: impl Into<Value>) -> Value {
    json!({"jsonrpc": "2.0", "id": id.into(), "method": "ping"})
}

on_revisions! { [BATCHES];
    fn a_mixed_batch_is_answered_by_one_array_once_all_is_answered(revision) {
        // `base.batch.recv` `base.batch.reply` `stdio.batch` `base.notif.noreply`
        let mut server = Script::server(revision);
        let batch = json!([
            tool_call(revision, "a"),
            notification("notifications/initialized", json!({})),
            ping("b"),
            7,
            {"jsonrpc": "2.0", "id": "c"},
            {"jsonrpc": "2.0", "id": null, "method": "ping"},
            [ping("nested")],
            {"jsonrpc": "2.0", "id": "d", "method": "nobody/knows"},
            notification("notifications/x", json!([1])),
            {"jsonrpc": "2.0", "id": 4242, "result": {}},
            {"jsonrpc": "2.0", "id": 4243, "result": null},
            tool_call(revision, "e"),
        ]);
        server.feed_json(&batch);
        let asked = requests(&mut server);
        assert_eq!(asked.len(), 2);
        assert!(
            server.sent().is_empty(),
            "nothing leaves before all is answered"
        );
        server
            .session
            .reply::<CallTool>(server.now, asked[1].id, &CallToolResult::text("e"))
            .unwrap();
        assert!(server.sent().is_empty());
        server
            .session
            .reply::<CallTool>(server.now, asked[0].id, &CallToolResult::text("a"))
            .unwrap();
        let answers = server.reply();
        let answers: Vec<(Value, Option<i64>)> = answers
            .as_array()
            .unwrap()
            .iter()
            .map(|answer| (answer["id"].clone(), answer["error"]["code"].as_i64()))
            .collect();
        let expected = [
            (json!("b"), None),
            (Value::Null, Some(-32600)),
            (json!("c"), Some(-32600)),
            (Value::Null, Some(-32600)),
            (Value::Null, Some(-32600)),
            (json!("d"), Some(-32601)),
            (json!("e"), None),
            (json!("a"), None),
        ];
        assert_eq!(answers, expected);
        server.check_alive(revision);
    }
}

on_revisions! { [BATCHES];
    fn what_a_batch_has_had_answered_leaves_when_the_session_ends(revision) {
        // `base.batch.reply`
        for why in [None, Some(Closed::EndOfInput)] {
            let mut server = Script::server(revision);
            server.feed_json(&json!([tool_call(revision, "a"), ping("b")]));
            let mut client = Script::client(revision);
            let roots = json!({"jsonrpc": "2.0", "id": "a", "method": "roots/list"});
            client.feed_json(&json!([roots, ping("b")]));
            match why {
                None => {
                    server.session.close(server.now);
                    client.session.close(client.now);
                }
                Some(why) => {
                    server.close(why);
                    client.close(why);
                }
            }
            let saved = server.session.save(server.now);
            ServerSession::restore(server_config(), saved, server.now).expect("nothing was changed");
            let saved = client.session.save(client.now);
            ClientSession::restore(client_config(revision), saved, client.now)
                .expect("nothing was changed");
            for answers in [server.reply(), client.reply()] {
                assert_eq!(answers, json!([{"jsonrpc": "2.0", "id": "b", "result": {}}]));
            }
        }
    }
}

on_revisions! { [BATCHES];
    fn a_batch_of_what_is_never_answered_is_not_answered(revision) {
        // `base.batch.empty` `base.notif.noreply`
        let mut server = Script::server(revision);
        for batch in [
            json!([notification("notifications/x", json!({}))]),
            json!([notification("notifications/x", json!([])), {"jsonrpc": "2.0", "id": 9, "result": {}}]),
            json!([{"jsonrpc": "2.0", "id": 9, "error": {"code": 1}}, error(&json!(8), 5)]),
        ] {
            server.feed_json(&batch);
            assert!(server.sent().is_empty(), "{batch}");
        }
        let before = server.session.save(server.now);
        let size = before.text().len();
        server.take_events();
        for _ in 0..100 {
            server.feed_json(&json!([notification(
                "notifications/initialized",
                json!({})
            )]));
        }
        let after = server.session.save(server.now).text().len();
        assert!(after <= size + 8, "such a batch leaves nothing behind");
    }
}

on_revisions! { [BATCHES];
    fn an_empty_batch_is_one_invalid_request(revision) {
        // `base.batch.empty`
        let mut server = Script::server(revision);
        for batch in ["[]", " [ ] "] {
            server.feed(batch);
            let answer = server.reply();
            assert_eq!(answer["error"]["code"], -32600);
            assert_eq!(answer.get("id"), Some(&Value::Null));
        }
    }
}

on_every_revision! {
    // `base.batch.removed` `stdio.batch`
    fn other_revisions_refuse_a_batch_as_one_invalid_request(revision) {
        if revision == BATCHES {
            return;
        }
        let mut server = Script::server(revision);
        for batch in [json!([tool_call(revision, 1)]), json!([]), json!([ping(1), ping(2)])] {
            server.feed_json(&batch);
            let answer = server.reply();
            assert_eq!(answer["error"]["code"], -32600, "{answer}");
            assert!(answer.get("id").is_none_or(Value::is_null));
            assert!(requests(&mut server).is_empty());
        }
        server.check_alive(revision);
        // A client takes nothing out of one and says nothing to it.
        let mut client = Script::client(revision);
        let params = CallToolParams::new("x");
        client.session.call::<CallTool>(client.now, &params, CallOptions::new()).unwrap();
        let id = client.reply()["id"].clone();
        client.feed_json(&json!([result(&id, tool_result()), ping("s")]));
        assert!(matches!(client.take_events()[..], [ClientEvent::Ignored(_)]));
        assert!(client.sent().is_empty());
    }
}

on_revisions! { [BATCHES];
    fn initialize_does_not_work_inside_a_batch(revision) {
        // `base.batch.init` `lifecycle.reinit`
        let mut server = Script::fresh_server(server_config());
        server.feed_json(&json!([initialize(1, revision.as_str())]));
        assert_eq!(server.reply()["error"]["code"], -32600);
        assert_eq!(server.session.legacy_revision(), None);
        let mut server = Script::server(revision);
        server.feed_json(&json!([initialize(1, "2024-11-05"), ping(2)]));
        let answers = server.reply();
        assert_eq!(answers[0]["error"]["code"], -32600);
        assert_eq!(answers[0]["id"], 1);
        assert_eq!(answers[1]["result"], json!({}));
        assert_eq!(server.session.legacy_revision(), Some(revision));
    }
}

on_revisions! { [BATCHES];
    fn a_modern_request_does_not_work_inside_a_batch(revision) {
        // `base.batch.removed`
        let mut server = Script::server(revision);
        let modern = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": {"name": "x", "_meta": modern_meta()}});
        server.feed_json(&json!([modern, ping(2)]));
        let answers = server.reply();
        assert_eq!(answers[0]["error"]["code"], -32600);
        assert_eq!(answers[1]["id"], 2);
        assert!(requests(&mut server).is_empty());
    }
}

on_revisions! { [BATCHES];
    fn a_cancelled_element_is_left_out_of_the_answer(revision) {
        // `cancel.recv.stop` `base.batch.reply`
        let cancel = |id| notification("notifications/cancelled", json!({"requestId": id}));
        let mut server = Script::server(revision);
        server.feed_json(&json!([tool_call(revision, 1), tool_call(revision, 2)]));
        let asked = requests(&mut server);
        server.feed_json(&cancel(1));
        assert!(server.sent().is_empty());
        server
            .session
            .reply::<CallTool>(server.now, asked[1].id, &CallToolResult::text("x"))
            .unwrap();
        let answers = server.reply();
        assert_eq!(answers.as_array().unwrap().len(), 1);
        assert_eq!(answers[0]["id"], 2);
        // Cancelled altogether, by an element of another batch: nothing is sent.
        server.feed_json(&json!([tool_call(revision, 3), cancel(3)]));
        assert!(server.sent().is_empty());
        server.feed_json(&json!([tool_call(revision, 4), tool_call(revision, 4)]));
        server.feed_json(&json!([cancel(4)]));
        let answers = server.reply();
        assert_eq!(
            (&answers[0]["id"], &answers[0]["error"]["code"]),
            (&json!(4), &json!(-32600))
        );
        assert_eq!(answers.as_array().unwrap().len(), 1);
    }
}

on_revisions! { [BATCHES];
    fn a_batch_over_the_limit_is_refused_whole(revision) {
        // `base.batch.recv`
        let mut limits = Limits::default();
        limits.batch = 3;
        let mut server = Script::server_with(revision, server_config().limits(limits));
        let batch = |count: i64| Value::Array((0..count).map(ping).collect());
        server.feed_json(&batch(4));
        assert_eq!(server.reply()["error"]["code"], -32600);
        server.feed_json(&batch(3));
        assert_eq!(server.reply().as_array().unwrap().len(), 3);
    }
}

on_revisions! { [BATCHES];
    fn an_element_that_may_not_be_answered_any_more_holds_nothing_up(revision) {
        // `base.batch.reply`
        let mut limits = Limits::default();
        limits.malformed_burst = 1;
        let mut server = Script::server_with(revision, server_config().limits(limits));
        server.feed_json(&json!([1, 2, 3, ping("x")]));
        let answers = server.reply();
        assert_eq!(answers.as_array().unwrap().len(), 2);
        assert_eq!(answers[1]["id"], "x");
    }
}

on_revisions! { [BATCHES];
    fn an_element_may_ask_for_input_before_its_batch_is_answered(revision) {
        // `base.batch.recv` `base.batch.reply`
        let mut server = Script::server(revision);
        server.feed_json(&json!([tool_call(revision, 1), ping(2)]));
        let asked = requests(&mut server);
        let need = InputRequests::new().roots("roots");
        server
            .session
            .need_input(server.now, asked[0].id, &need, None)
            .unwrap();
        let question = server.reply();
        assert_eq!(question["method"], "roots/list");
        server.feed_json(&json!([result(&question["id"], json!({"roots": []}))]));
        let again = requests(&mut server);
        server
            .session
            .reply::<CallTool>(server.now, again[0].id, &CallToolResult::text("x"))
            .unwrap();
        assert_eq!(server.reply().as_array().unwrap().len(), 2);
    }
}

on_revisions! { [BATCHES];
    fn a_client_takes_a_batch_apart_and_answers_in_one_array(revision) {
        // `base.batch.recv` `base.batch.reply` `ping.respond`
        let mut client = Script::client(revision);
        let params = CallToolParams::new("x");
        for _ in 0..2 {
            client
                .session
                .call::<CallTool>(client.now, &params, CallOptions::new())
                .unwrap();
        }
        let ids: Vec<Value> = client
            .sent()
            .iter()
            .map(|sent| sent["id"].clone())
            .collect();
        client.feed_json(&json!([
            result(&ids[1], tool_result()),
            ping("p"),
            notification("notifications/message", json!({"level": "info", "data": 1})),
            {"jsonrpc": "2.0", "id": "r", "method": "roots/list"},
            5,
            {"jsonrpc": "2.0", "id": "bad", "method": 7},
            {"jsonrpc": "2.0", "id": ids[0], "result": 1},
        ]));
        let events = client.take_events();
        let completed = events
            .iter()
            .filter(|event| matches!(event, ClientEvent::Completed(_)))
            .count();
        assert_eq!(completed, 2, "{events:?}");
        assert!(
            events
                .iter()
                .any(|event| matches!(event, ClientEvent::Log(_)))
        );
        assert!(client.sent().is_empty());
        let Some(ClientEvent::InputRequested(input)) = events
            .into_iter()
            .find(|event| matches!(event, ClientEvent::InputRequested(_)))
        else {
            panic!()
        };
        let roots = ListRootsResult::new(Vec::new());
        client
            .session
            .answer::<ListRoots>(client.now, input.input, &roots)
            .unwrap();
        let answers = client.reply();
        let ids: Vec<&Value> = answers
            .as_array()
            .unwrap()
            .iter()
            .map(|answer| &answer["id"])
            .collect();
        assert_eq!(ids, ["p", "bad", "r"]);
    }
}

on_every_revision! {
    // `base.batch.send` `base.batch.mix` `base.batch.init`
    fn no_client_sends_a_batch(revision) {
        let mut pair = Pair::open(revision);
        let params = CallToolParams::new("x");
        for _ in 0..5 {
            pair.client.call::<CallTool>(pair.now, &params, CallOptions::new()).unwrap();
        }
        pair.drive();
        assert!(pair.sent_by_client().iter().all(Value::is_object));
        assert!(pair.server.wants_frames());
    }
}
